"""FastAPI's own layers are gone around while they are its own, and nobody learns of it: not where something fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.middleware.exceptions import ExceptionMiddleware

from data_bridge.testing import LiveServer

from .pair import both_servers
from .raw_client import Answer, answer, request

START = {"type": "http.response.start", "status": 201, "headers": [(b"x-by", b"middleware")]}


class Fails:
    """Raises, or answers by itself, as the query says."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        query = scope.get("query_string", b"").decode()
        if query == "before":
            raise KeyError("before")
        if query == "refuses":
            raise HTTPException(409, "nobody handles this here")
        if query == "begun":
            await send(START)
            raise KeyError("begun")
        if query == "bad-head":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"a\r\nb")]})
        if query == "own":
            await send(START)
            await send({"type": "http.response.body", "body": b"own"})
            return
        if query == "nothing":
            return
        await self.app(scope, receive, send)
        if query == "behind":
            raise KeyError("behind")
        if query == "keys":
            scope["app"].state.keys = sorted(scope.keys() - {"extensions"})


def make_app(kind: str) -> FastAPI:
    app = FastAPI(root_path="/below" if kind == "root path" else "")

    @app.get("/")
    async def root() -> dict[str, str]:
        return {"a": "b"}

    @app.get("/keys")
    async def keys(request: Request) -> Any:
        return [getattr(app.state, "keys", None), sorted(request.scope.keys() - {"extensions"}), request.url.path]

    @app.get("/raises")
    async def raises(kind: str) -> None:
        raise {"key": KeyError("a"), "http": HTTPException(418, "tea"), "value": ValueError("v")}[kind]

    @app.get("/streams")
    async def streams(fails: bool = False) -> StreamingResponse:
        async def pieces() -> Any:
            yield b"one"
            if fails:
                raise KeyError("piece")
            yield b"two"

        return StreamingResponse(pieces())

    @app.get("/number/{number}")
    async def number(number: int) -> int:
        return number

    @app.exception_handler(ValueError)
    async def on_value_error(_: Request, error: ValueError) -> JSONResponse:
        return JSONResponse(str(error), 422)

    if kind == "handlers":

        @app.exception_handler(500)
        async def on_error(request: Request, error: Exception) -> JSONResponse:
            return JSONResponse([request.url.path, repr(error)], 500)

    if kind == "failing handler":

        @app.exception_handler(Exception)
        async def on_exception(_: Request, error: Exception) -> JSONResponse:
            raise TypeError("in the handler")

    app.add_middleware(Fails)
    if kind == "two":
        app.add_middleware(Fails)
    return app


TARGETS = [
    *("/", "/?before", "/?refuses", "/?begun", "/?bad-head", "/?own", "/?nothing", "/?behind", "/?keys", "/keys"),
    *("/keys?keys", "/raises?kind=key", "/raises?kind=http", "/raises?kind=value", "/raises", "/streams"),
    *("/streams?fails=1", "/number/1", "/number/x", "/nowhere", "/nowhere?behind", "/number/x?behind"),
]


def given(port: int, method: str, target: str) -> Answer | None:
    """None: it broke off."""
    try:
        return answer(port, request(method, target))
    except EOFError:
        return None


@pytest.mark.parametrize("io_threads", [0, 1], ids=["inline", "an I/O thread"])
@pytest.mark.parametrize("kind", ["plain", "handlers", "failing handler", "two", "root path"])
def test_same_answers(kind: str, io_threads: int) -> None:
    with both_servers(lambda: make_app(kind), io_threads) as ports:
        for target in TARGETS:
            for method in ("GET", "HEAD"):
                theirs, ours = (given(port, method, target) for port in ports)
                assert ours == theirs, (method, target)


@pytest.fixture
def live() -> Iterator[tuple[LiveServer, FastAPI]]:
    app = make_app("plain")
    with LiveServer(app) as server:
        assert httpx.get(server.url + "/").json() == {"a": "b"}
        assert server.pop_counts() == {"compiled": 1}
        yield server, app


class Counts:
    """A layer that somebody puts in between while the server runs."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.calls = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.calls += 1
        await self.app(scope, receive, send)


@pytest.mark.parametrize("name", ["ServerErrorMiddleware", "ExceptionMiddleware", "AsyncExitStackMiddleware"])
def test_a_layer_that_is_put_behind_one_of_them(live: tuple[LiveServer, FastAPI], name: str) -> None:
    server, app = live
    layer: Any = app.middleware_stack
    while layer is not app.router and type(layer).__name__ != name:
        layer = layer.app
    if layer is app.router:
        pytest.skip(f"this FastAPI has no {name}")
    layer.app = counts = Counts(layer.app)
    for path in ("/", "/nowhere"):
        httpx.get(server.url + path)
    assert counts.calls == 2


def test_a_patch_of_a_class_that_is_gone_around(
    live: tuple[LiveServer, FastAPI], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, _ = live
    own = ExceptionMiddleware.__call__
    calls = []

    async def patched(self: Any, scope: Any, receive: Any, send: Any) -> None:
        calls.append(scope["path"])
        await own(self, scope, receive, send)

    monkeypatch.setattr(ExceptionMiddleware, "__call__", patched)
    for path in ("/", "/nowhere"):
        httpx.get(server.url + path)
    assert calls == ["/", "/nowhere"]


def test_the_application_has_its_classes_back() -> None:
    app = make_app("plain")
    with LiveServer(app) as server:
        httpx.get(server.url + "/")
    layer: Any = app.middleware_stack
    while layer is not app.router:
        assert type(layer) is Fails or type(layer).__call__ is vars(type(layer))["__call__"]
        assert "<locals>" not in type(layer).__call__.__qualname__
        layer = layer.app
