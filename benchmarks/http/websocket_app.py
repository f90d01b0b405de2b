"""The applications of `websocket_rows.py`: an echo and a room, as a plain ASGI callable and as FastAPI's routes."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

Send = Callable[[dict[str, Any]], Awaitable[None]]

listeners: set[Send] = set()


async def plain(scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Send) -> None:
    """Echo; below /room, what one says all hear."""
    if scope["type"] != "websocket":
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body"})
        return
    await receive()
    await send({"type": "websocket.accept"})
    room = scope["path"] == "/room"
    if room:
        listeners.add(send)
    while (message := await receive())["type"] == "websocket.receive":
        said = {"type": "websocket.send", "bytes": message.get("bytes"), "text": message.get("text")}
        if room:
            for listener in listeners:  # as FastAPI's documentation does it
                await listener(said)
        else:
            await send(said)
    listeners.discard(send)


routed = FastAPI()


@routed.websocket("/echo")
async def echo(websocket: WebSocket) -> None:
    """The same by FastAPI."""
    await websocket.accept()
    try:
        while True:
            await websocket.send_bytes(await websocket.receive_bytes())
    except WebSocketDisconnect:
        return
