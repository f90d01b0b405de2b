"""Dependencies that are async generators: how they are entered and left, by themselves and among cancel scopes."""

import json
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

import anyio
import httpx
import pytest
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse

from data_bridge.compile import features
from data_bridge.testing import LiveServer

from .pair import both_servers
from .raw_client import answer, request


class Told(Exception):
    """Raised by what is tested."""


#: That a dependency is left before the answer, where a release can say so.
FUNCTION: dict[str, Any] = {"scope": "function"} if features.HAS_FUNCTION_STACK else {}

#: Keys of scopes that uvicorn does not set.
OURS = {"extensions"}


def make_app() -> FastAPI:
    app = FastAPI()
    events: list[str] = []

    class Limited:
        """A cancel scope around the application, for who asks for it: it ends those that are late."""

        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http" or b"limited" not in scope["query_string"]:
                await self.app(scope, receive, send)
                return
            with anyio.move_on_after(0.4 if b"late" in scope["query_string"] else 60) as limit:
                await self.app(scope, receive, send)
            events.append(f"limit {limit.cancelled_caught}")
            if limit.cancelled_caught:
                await JSONResponse("late", 504)(scope, receive, send)

    @app.exception_handler(RuntimeError)
    async def runtime_error(_: Request, error: RuntimeError) -> JSONResponse:
        context = type(error.__context__).__name__
        return JSONResponse([str(error), context, error.__suppress_context__, str(error.__cause__)], 418)

    @app.exception_handler(Told)
    async def told(_: Request, error: Told) -> JSONResponse:
        return JSONResponse(["told", str(error)], 419)

    async def note(what: str) -> None:
        """An event, and whether an await behind it is cancelled."""
        try:
            await anyio.sleep(0)
        except BaseException as error:
            events.append(f"{what} {type(error).__name__}")
            raise
        events.append(what)

    async def plain() -> AsyncIterator[str]:
        await note("plain in")
        try:
            yield "plain"
        except BaseException as error:
            events.append(f"plain sees {type(error).__name__}")
            raise
        finally:
            await note("plain out")

    async def swallowing() -> AsyncIterator[str]:
        try:
            yield "swallowing"
        except Told:
            await note("swallowed")

    async def never() -> AsyncIterator[str]:
        events.append("never")
        for word in ():
            yield word

    async def twice() -> AsyncIterator[str]:
        yield "once"
        yield "again"

    async def failing() -> AsyncIterator[str]:
        yield "failing"
        raise Told("behind the answer")

    async def stopping() -> AsyncIterator[str]:
        yield "stopping"
        raise StopAsyncIteration

    async def scoped() -> AsyncIterator[anyio.CancelScope]:
        with anyio.CancelScope() as scope:
            await note("scope in")
            yield scope
            await note("scope out")
        events.append(f"scope {scope.cancelled_caught}")

    async def grouped() -> AsyncIterator[Any]:
        async with anyio.create_task_group() as group:
            group.start_soon(note, "task")
            yield group
            await note("group out")

    async def named(request: Request) -> AsyncIterator[list[str]]:
        yield sorted(request.scope.keys() - OURS)

    def sync() -> Any:
        events.append("sync in")
        yield "sync"
        events.append("sync out")

    class Callable:
        """An instance that is a generator function."""

        async def __call__(self, plain: str = Depends(plain)) -> AsyncIterator[str]:
            yield f"callable of {plain}"
            await note("callable out")

    def route(path: str, *dependencies: Any) -> None:
        @app.get(f"/{path}", dependencies=[Depends(dependency) for dependency in dependencies])
        async def handler(request: Request, fails: str = "") -> Any:
            events.append("handler")
            if fails == "told":
                raise Told("by the handler")
            if fails == "http":
                raise HTTPException(409)
            if fails == "late":
                await anyio.sleep(60)
            return sorted(request.scope.keys() - OURS)

    route("plain", plain)
    route("both", plain, sync, plain)
    route("swallowing", swallowing, plain)
    route("never", plain, never)
    route("twice", twice)
    route("failing", plain, failing)
    route("stopping", stopping)
    route("grouped", plain, grouped, named)
    route("named", named)
    route("callable", Callable())

    @app.get("/scoped")
    async def cancels(
        outer: Annotated[str, Depends(plain)],
        scope: Annotated[anyio.CancelScope, Depends(scoped)],
        inner: Annotated[str, Depends(Callable())],
        cancel: bool = False,
    ) -> list[str]:
        events.append("handler")
        if cancel:
            scope.cancel()
        return [outer, inner]

    @app.get("/function")
    async def function(
        one: Annotated[str, Depends(plain, **FUNCTION)], other: Annotated[str, Depends(Callable(), use_cache=False)]
    ) -> list[str]:
        events.append("handler")
        return [one, other]

    @app.get("/events")
    async def take_events() -> list[str]:
        found = list(events)
        events.clear()
        return found

    app.add_middleware(Limited)
    return app


def make_bare_app() -> FastAPI:
    app = make_app()
    app.user_middleware.clear()
    return app


REQUESTS = [
    *("/plain", "/plain?fails=told", "/plain?fails=http", "/both", "/both?fails=told"),
    *("/swallowing", "/swallowing?fails=told", "/swallowing?fails=http", "/never", "/twice", "/failing"),
    *("/failing?fails=told", "/stopping", "/grouped", "/grouped?fails=told", "/named", "/callable"),
    *("/callable?fails=http", "/scoped", "/scoped?cancel=1", "/function"),
]
LIMITED = [f"{path}{'&' if '?' in path else '?'}limited" for path in REQUESTS] + [
    f"/{path}?fails=late&limited" for path in ("plain", "both", "grouped", "callable")
]


def asked(port: int, path: str) -> tuple[Any, list[str]]:
    """The answer, or that there is none, and what happened on its way, behind it too."""
    given = answer(port, request("GET", path))
    found: Any = (given.status_line, given.body)
    events: list[str] = []
    quiet = 0
    while quiet < 3:  # of what comes behind the answer
        more = json.loads(answer(port, request("GET", "/events")).body)
        events += more
        quiet = 0 if more else quiet + 1
        time.sleep(0.01)
    return found, events


@pytest.mark.parametrize("io_threads", [0, 1], ids=["inline", "an I/O thread"])
@pytest.mark.parametrize("layers", ["bare", "limited"])
def test_same_exits(layers: str, io_threads: int) -> None:
    make, paths = (make_bare_app, REQUESTS) if layers == "bare" else (make_app, REQUESTS + LIMITED)
    with both_servers(make, io_threads) as ports:
        for path in paths:
            theirs, ours = asked(ports[0], path), asked(ports[1], path)
            assert ours == theirs, path


def test_they_are_compiled() -> None:
    for make in (make_bare_app, make_app):
        with LiveServer(make()) as server:
            httpx.get(server.url + "/plain")
            assert server.pop_counts() == {"compiled": 1}
