"""Requests that end in every way: exits, exceptions behind an answer, coroutines that are kept, odd messages."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Annotated, Any

from fastapi import BackgroundTasks, Depends, FastAPI, Request, Response
from fastapi.responses import StreamingResponse

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="none")

#: What outlives its request on purpose: receive, send, coroutines.
kept: dict[str, Any] = {}
#: Seconds that a handler blocks the loop.
BLOCK = 1.0


def exiting_dependency() -> None:
    sys.exit(5)


def blocking_exit() -> Iterator[None]:
    """Starlette leaves it in a thread."""
    yield
    time.sleep(BLOCK)


async def blocking_exit_on_the_loop() -> AsyncIterator[None]:
    yield
    time.sleep(BLOCK)


async def block() -> None:
    time.sleep(BLOCK)


def make_app(*, middleware: bool = False) -> FastAPI:
    app = FastAPI()

    @app.get("/")
    async def hello() -> dict[str, bool]:
        return {"hello": True}

    @app.get("/exit/{kind}")
    async def exit_async(kind: str) -> None:
        raise {"system": SystemExit(3), "keyboard": KeyboardInterrupt(), "base": BaseException("base")}[kind]

    @app.get("/exit-suspended")
    async def exit_suspended() -> None:
        await asyncio.sleep(0)
        sys.exit(3)

    @app.get("/exit-sync")
    def exit_sync() -> None:
        sys.exit(3)

    @app.get("/exit-dependency", dependencies=[Depends(exiting_dependency)])
    async def exit_dependency() -> None: ...

    @app.get("/exit-background")
    async def exit_background(tasks: BackgroundTasks) -> int:
        async def leave() -> None:
            sys.exit(3)

        tasks.add_task(leave)
        return 1

    told = asyncio.Event()

    @app.get("/fails-when-told")
    async def fails_when_told(tasks: BackgroundTasks) -> int:
        async def fail() -> None:
            await told.wait()
            raise RuntimeError("behind the answer")

        tasks.add_task(fail)
        return 1

    @app.get("/tells")
    async def tells() -> str:
        told.set()
        await asyncio.sleep(0.1)
        return "done"

    @app.get("/exit-stream")
    async def exit_stream() -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"one"
            sys.exit(3)

        return StreamingResponse(pieces())

    @app.get("/behind/{how}")
    async def behind(how: str, tasks: BackgroundTasks) -> Response:
        """The answer is there; the loop is blocked behind it."""
        if how == "background":
            tasks.add_task(block)
        elif how == "task":
            kept["task"] = asyncio.get_running_loop().create_task(block())
        elif how == "call_soon":
            asyncio.get_running_loop().call_soon(time.sleep, BLOCK)
        return Response("answer", background=tasks)

    @app.get("/compiled/{how}")
    async def compiled(how: str) -> dict[str, str]:
        if how == "task":
            kept["task"] = asyncio.get_running_loop().create_task(block())
        elif how == "call_soon":
            asyncio.get_running_loop().call_soon(time.sleep, BLOCK)
        elif how == "block":
            time.sleep(BLOCK)
        return {"how": how}

    @app.get("/yield")
    async def behind_yield(_: Annotated[None, Depends(blocking_exit, scope="request")]) -> int:
        return 1

    @app.get("/yield-on-the-loop")
    async def behind_yield_on_the_loop(_: Annotated[None, Depends(blocking_exit_on_the_loop)]) -> int:
        return 1

    @app.get("/yield-on-the-loop/response")
    async def response_before_exit(_: Annotated[None, Depends(blocking_exit_on_the_loop)]) -> Response:
        return Response("answer")

    @app.get("/compiled-background")
    async def before_background(tasks: BackgroundTasks) -> int:
        tasks.add_task(block)
        return 1

    @app.get("/compiled-background/status", status_code=201)
    async def before_background_with_fields(tasks: BackgroundTasks, response: Response) -> int:
        tasks.add_task(block)
        response.headers["x-field"] = "value"
        return 1

    @app.get("/pieces")
    async def pieces_between() -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            for number in range(3):
                yield b"%d" % number
                time.sleep(BLOCK / 2)

        return StreamingResponse(pieces())

    @app.get("/late-first-piece")
    async def late_first_piece() -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            time.sleep(BLOCK)
            yield b"late"

        return StreamingResponse(pieces())

    @app.get("/boom")
    async def boom(id: str, suspend: bool = False) -> None:
        request_id.set(id)
        if suspend:
            await asyncio.sleep(0)
        raise RuntimeError(id)

    @app.get("/reentry")
    async def reentry() -> list[str]:
        task = asyncio.current_task()
        assert task is not None
        coroutine: Any = task.get_coro()
        found = []
        for call in (lambda: coroutine.send(None), lambda: coroutine.throw(ValueError("thrown")), coroutine.close):
            try:
                found.append(repr(call()))
            except Exception as error:
                found.append(f"{type(error).__name__}: {error}")
        return found

    @app.get("/keep-coroutine")
    async def keep_coroutine() -> int:
        task = asyncio.current_task()
        assert task is not None
        kept["coroutine"] = task.get_coro()
        await asyncio.sleep(0)
        return 1

    @app.get("/keep")
    async def keep(request: Request) -> int:
        kept["receive"], kept["send"] = request.receive, request._send
        return 1

    @app.get("/watch")
    async def watch(request: Request) -> StreamingResponse:
        """The usual pattern of server-sent events: asks for the client while StreamingResponse waits for it, too."""

        async def events() -> AsyncIterator[bytes]:
            kept["watching"] = kept.get("watching", 0) + 1
            try:
                while not await request.is_disconnected():
                    yield b"data: event\n\n"
                    await asyncio.sleep(0.02)
            finally:
                kept["watching"] -= 1

        return StreamingResponse(events())

    @app.get("/watching")
    async def watching() -> int:
        return int(kept.get("watching", 0))

    if middleware:

        @app.middleware("http")
        async def through(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
            return await call_next(request)

    return app


async def two_senders(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """An ASGI application in which two tasks send, and two wait for the client, at the same time."""
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    waiting = [asyncio.create_task(receive()) for _ in range(3)]
    if scope["path"] == "/send":

        async def produce() -> None:
            for _ in range(40):
                await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})

        await asyncio.gather(produce(), produce(), produce())
        await send({"type": "http.response.body", "body": b""})
    messages = await asyncio.gather(*waiting)
    kept["messages"] = [message["type"] for message in messages]


async def odd_names(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers with a header name beyond ASCII, which uvicorn lets through."""
    if scope["type"] != "http":
        return
    name = "x-é".encode("latin-1") if scope["path"] == "/bad" else b"x-e"
    await send({"type": "http.response.start", "status": 200, "headers": [(name, b"v"), (b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
