"""What server_soak.py serves: a resource, compiled routes, a bridged application, streams and WebSockets."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Depends, FastAPI, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from data_bridge import App

app = App(store="sqlite:///soak.db")


@app.crud
class Item(BaseModel):
    """The resource."""

    id: int | None = None
    name: str = Field(min_length=1, max_length=80)
    price: float = Field(gt=0)
    tags: list[str] = []


class Echo(BaseModel):
    """A body that is validated and sent back."""

    text: str
    times: int = Field(ge=0)


async def session() -> AsyncIterator[dict[str, int]]:
    """A dependency with an exit."""
    yield {"opened": 1}


@app.get("/")
async def hello() -> dict[str, str]:
    """Compiled, without arguments."""
    return {"message": "Hello, world"}


@app.get("/typed/{number}")
async def typed(number: int, q: str = "", opened: dict[str, int] = Depends(session)) -> dict[str, Any]:
    """Compiled, with parameters and a dependency."""
    return {"number": number, "q": q, **opened}


@app.get("/slow/{milliseconds}")
async def slow(milliseconds: int) -> dict[str, int]:
    """Suspends."""
    await asyncio.sleep(milliseconds / 1000)
    return {"slept": milliseconds}


@app.get("/sync/{number}")
def sync(number: int) -> dict[str, int]:
    """Run by a thread."""
    return {"number": number}


@app.post("/echo")
async def echo(body: Echo) -> Echo:
    """A validated body."""
    return body


@app.get("/stream/{pieces}")
async def stream(pieces: int) -> StreamingResponse:
    """So many pieces of 16 KiB."""

    async def body() -> AsyncIterator[bytes]:
        for _ in range(pieces):
            yield b"s" * 16384

    return StreamingResponse(body(), media_type="application/octet-stream")


@app.post("/upload")
async def upload(request: Request) -> dict[str, int]:
    """Reads a body as it comes."""
    size = 0
    async for piece in request.stream():
        size += len(piece)
    return {"size": size}


@app.get("/fail")
async def fail() -> None:
    """An exception that nobody handles."""
    raise RuntimeError("meant to")


@app.websocket("/ws")
async def echo_messages(websocket: WebSocket) -> None:
    """Each message comes back."""
    await websocket.accept()
    try:
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            await websocket.send({**message, "type": "websocket.send"})
    except WebSocketDisconnect:
        pass


readers: set[WebSocket] = set()


@app.websocket("/ws/news")
async def news(websocket: WebSocket) -> None:
    """What is posted to /news."""
    await websocket.accept()
    readers.add(websocket)
    try:
        await websocket.receive()
    except WebSocketDisconnect:
        pass
    finally:
        readers.discard(websocket)


@app.post("/news")
async def publish(body: Echo) -> dict[str, int]:
    """One message to all who listen to this process."""
    sent = 0
    for reader in list(readers):
        try:
            await reader.send_text(body.text)
            sent += 1
        except (WebSocketDisconnect, RuntimeError):
            readers.discard(reader)
    return {"sent": sent}


@app.get("/sample")
async def sample() -> dict[str, int]:
    """What must not grow, as Python counts it."""
    gc.collect()
    return {
        "pid": os.getpid(),
        "objects": len(gc.get_objects()),
        "tasks": len(asyncio.all_tasks()),
        "python threads": threading.active_count(),
        "readers": len(readers),
    }


bridged = FastAPI()


@bridged.get("/x")
async def inner() -> dict[str, str]:
    """Within a function, which nothing can look into."""
    return {"from": "the bridged application"}


async def around(scope: Scope, receive: Receive, send: Send) -> None:
    """An ASGI application as others write them."""
    await bridged(scope, receive, send)


app.mount("/bridged", around)
