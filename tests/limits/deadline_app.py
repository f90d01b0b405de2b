"""Requests that take longer than they may, in each state that a request can be in; `/seen` says what they have seen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from fastapi import BackgroundTasks, FastAPI, Request
from fastapi.responses import StreamingResponse

app = FastAPI()
seen: list[str] = []


async def wait(name: str) -> None:
    seen.append(f"{name} begun")
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        seen.append(f"{name} cancelled")
        raise


@app.get("/")
async def hello() -> str:
    return "hello"


@app.get("/seen")
async def what_was_seen() -> list[str]:
    return seen


@app.get("/compiled")
async def compiled(size: int = 0) -> str:
    await wait("compiled")
    return "x" * size


@app.get("/bridged")
async def bridged(request: Request) -> str:
    await wait("bridged")
    return "never"


@app.post("/receiving")
async def receiving(request: Request) -> str:
    seen.append("receiving begun")
    try:
        await request.body()
    except BaseException as error:
        seen.append("receiving cancelled" if isinstance(error, asyncio.CancelledError) else f"receiving {error!r}")
        raise
    return "never"


@app.get("/streaming")
async def streaming() -> StreamingResponse:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"piece"
        await wait("streaming")

    return StreamingResponse(pieces())


@app.get("/stubborn")
async def stubborn() -> str:
    try:
        await wait("stubborn")
    except asyncio.CancelledError:
        await asyncio.sleep(0.05)
    return "nobody hears this"


@app.get("/blocking")
async def blocking(seconds: float) -> str:
    seen.append("blocking")
    time.sleep(seconds)
    return "blocked"


@app.get("/background")
async def background(tasks: BackgroundTasks) -> str:
    async def later() -> None:
        await asyncio.sleep(1)
        seen.append("background done")

    tasks.add_task(later)
    return "answered"
