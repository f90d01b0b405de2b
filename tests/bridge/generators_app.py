"""Endpoints that are generators, of a FastAPI that streams what they yield."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

from fastapi import BackgroundTasks, Body, Depends, FastAPI, Query, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel

current = contextvars.ContextVar("current", default="none")


#: What a request that has ended leaves in the log, one for each line that ends with "in".
ENDS = ("session out", "endless events out")


class Item(BaseModel):
    name: str
    price: float = 1.5


class PlainText(StreamingResponse):
    media_type = "text/plain"


def make_app() -> FastAPI:
    app = FastAPI()
    log: list[str] = []

    async def session(count: Annotated[int, Query(ge=0)] = 3) -> AsyncIterator[int]:
        log.append("session in")
        token = current.set("session")
        try:
            yield count
        finally:
            current.reset(token)
            log.append("session out")

    Count = Annotated[int, Depends(session)]

    @app.get("/events", response_class=EventSourceResponse)
    async def events(count: Count, response: Response) -> AsyncIterator[Item]:
        response.headers["x-count"] = str(count)
        try:
            for number in range(count):
                yield Item(name=f"{current.get()} {number}")
        finally:
            log.append("events out")

    @app.post("/events", response_class=EventSourceResponse, status_code=202)
    async def posted(item: Item, again: Annotated[int, Body()] = 1) -> AsyncIterator[Any]:
        yield ServerSentEvent(data=item, event="item", id="1", retry=3, comment="first")
        yield ServerSentEvent(raw_data="a\nb")
        for number in range(again):
            yield {"again": number, "item": item}

    @app.get("/sync-events", response_class=EventSourceResponse)
    def sync_events(count: Count) -> Iterator[dict[str, int]]:
        for number in range(count):
            yield {"number": number}
        log.append("sync events out")

    @app.get("/slow-events", response_class=EventSourceResponse)
    async def slow_events() -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(0.5)
        yield 2

    @app.get("/endless-events", response_class=EventSourceResponse)
    async def endless_events(count: Count) -> AsyncIterator[int]:
        log.append("endless events in")
        try:
            while True:
                yield count
                await asyncio.sleep(60)  # and here it is when the client leaves, not waiting for its event to be taken
        finally:
            log.append("endless events out")

    @app.get("/lines")
    async def lines(count: Count, tasks: BackgroundTasks) -> AsyncIterator[Item]:
        tasks.add_task(log.append, "task out")
        for number in range(count):
            yield Item(name=f"line {number}")

    @app.get("/sync-lines")
    def sync_lines(count: Count, request: Request) -> Iterator[Any]:
        for number in range(count):
            yield {"path": request.url.path, "number": number, "infinite": float("inf")}

    @app.get("/wrong-lines")
    async def wrong_lines() -> AsyncIterator[Item]:
        yield Item(name="right")
        await asyncio.sleep(0.05)  # so that both servers' clients have that one
        yield {"price": "x"}  # type: ignore[misc]

    @app.get("/pieces", response_class=PlainText)
    async def pieces(count: Count) -> AsyncIterator[bytes]:
        for _ in range(count):
            yield b"x" * 1000

    @app.get("/sync-pieces", response_class=PlainText)
    def sync_pieces(count: Count) -> Iterator[str]:
        for _ in range(count):
            yield "ü"

    @app.get("/log")
    async def read_log() -> list[str]:
        for _ in range(1000):
            if sum(line.endswith(" in") for line in log) == sum(line in ENDS for line in log):
                break
            await asyncio.sleep(0.002)
        found = log[:]
        log.clear()
        return found

    return app
