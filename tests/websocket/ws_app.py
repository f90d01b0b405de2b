"""What the tests of a server in a process of its own serve."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

from fastapi import FastAPI, WebSocket

app = FastAPI()
left: list[Any] = []


@app.get("/left")
async def who_left() -> list[Any]:
    return left


@app.get("/collect")
async def collect() -> int:
    return gc.collect()


@app.websocket("/echo")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    while (event := await websocket.receive())["type"] == "websocket.receive":
        await websocket.send({**event, "type": "websocket.send"})
    left.append({key: value for key, value in event.items() if key != "type"})


@app.websocket("/slow-reader")
async def slow_reader(websocket: WebSocket) -> None:
    """Takes a message only when it is told so, by a file of the client's choice of time."""
    await websocket.accept()
    await asyncio.sleep(2)
    total = 0
    while (event := await websocket.receive())["type"] == "websocket.receive":
        total += len(event["bytes"])
        if not event["bytes"]:
            await websocket.send_text(str(total))


@app.websocket("/flood")
async def flood(websocket: WebSocket) -> None:
    """Sends 64 MiB, as fast as the client takes them, and says how far it has come."""
    await websocket.accept()
    for number in range(1024):
        await websocket.send_bytes(bytes(65_536))
        websocket.app.state.sent = number + 1


@app.get("/sent")
async def sent() -> int:
    return int(getattr(app.state, "sent", 0))


@app.websocket("/raise")
async def raises(websocket: WebSocket) -> None:
    await websocket.accept()
    raise RuntimeError("on purpose")


async def bare(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """A connection that waits, with as little of Python's as there can be."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        scope.clear()
        await receive()
