"""Routes whose answers are large, slow or never taken, and one resource that is served natively."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel

from data_bridge import App

app = App(store="sqlite:///limits.db")


@app.crud
class Item(BaseModel):
    id: int | None = None
    name: str


@app.get("/")
async def hello() -> dict[str, str]:
    return {"message": "hello"}


@app.get("/large")
async def large(size: int) -> Response:
    return Response(b"x" * size, media_type="application/octet-stream")


@app.get("/plain")
async def plain(size: int) -> str:
    return "x" * size


@app.get("/untyped", response_model=None)
async def untyped(size: int):  # type: ignore[no-untyped-def]  # written without FastAPI's serialiser
    return {"text": "x" * size}


@app.get("/stream")
async def stream(size: int) -> StreamingResponse:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(size // 10_000):
            yield b"x" * 10_000

    return StreamingResponse(pieces())


@app.get("/slow")
async def slow(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "done"


@app.post("/count")
async def count(request: Request) -> int:
    size = 0
    async for piece in request.stream():
        size += len(piece)
    return size
