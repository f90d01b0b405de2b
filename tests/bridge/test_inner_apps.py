"""FastAPI applications within other people's code, mounted or not: compiled, and as under uvicorn."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, Router

from data_bridge.inner_apps import applications_in
from data_bridge.routes import RouteCompiler, describe
from data_bridge.testing import LiveServer

from .pair import differing
from .raw_client import request

THREADS = pytest.mark.parametrize("io_threads", [0, 1], ids=["inline", "an I/O thread"])


class Slotted:
    """Keeps its application in a slot, and says so."""

    __slots__ = ("inner", "unset")

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def add(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-slotted", b"1")]
            await send(message)

        await self.inner(scope, receive, add if scope["type"] == "http" else send)


def closure(app: Any) -> Any:
    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        scope["wrapped"] = "by a closure"
        await app(scope, receive, send)

    return wrapped


async def with_argument(app: Any, scope: Any, receive: Any, send: Any) -> None:
    await app(scope, receive, send)


class ByPrefix:
    """One of several, by the beginning of the path."""

    def __init__(self, apps: dict[str, Any]) -> None:
        self.apps = apps

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await next(iter(self.apps.values()))(scope, receive, send)
            return
        for prefix, app in self.apps.items():
            if scope["path"].startswith(prefix):
                await app(scope, receive, send)
                return
        await PlainTextResponse("no such application", 404)(scope, receive, send)


WRAPPERS: dict[str, Callable[[FastAPI], Any]] = {
    "cors": lambda app: CORSMiddleware(app, allow_origins=["https://a.example"]),
    "gzip in cors": lambda app: CORSMiddleware(GZipMiddleware(app, minimum_size=10), allow_origins=["*"]),
    "slots": Slotted,
    "closure": closure,
    "method": lambda app: Slotted(app).__call__,
    "partial": lambda app: functools.partial(with_argument, app),
    "dict": lambda app: ByPrefix({"/": app}),
    "router": lambda app: Router([Route("/plain", PlainTextResponse("plain")), Mount("", app)]),
    "application": lambda app: Starlette(routes=[Mount("/", app)]),
}


def inner(name: str) -> FastAPI:
    app = FastAPI(title=name)

    @app.get("/hello/{number}")
    async def hello(number: int, value: str = "v") -> dict[str, Any]:
        return {name: number, "value": value * 10}

    @app.get("/scope")
    async def scope(request: Request) -> list[str]:
        found = request.scope
        return [str(request.url), found["root_path"], found["app"].title, found.get("wrapped", ""), found["route"].path]

    @app.post("/echo")
    def echo(body: list[int]) -> list[int]:
        return body

    @app.get("/fails")
    async def fails() -> None:
        raise ZeroDivisionError

    return app


def mounting_app() -> FastAPI:
    app = inner("outer")
    for name, wrap in WRAPPERS.items():
        app.mount(f"/{name}", wrap(inner(name)))
    return app


def requests(prefix: str) -> list[bytes]:
    prefix = prefix.replace(" ", "%20")
    headers = {"Origin": "https://a.example", "Accept-Encoding": "gzip"}
    json = {**headers, "Content-Type": "application/json"}
    return [
        *(request("GET", prefix + path, headers=headers) for path in ("/hello/1", "/hello/x?value=y", "/scope", "/no")),
        *(request("POST", prefix + "/echo", body, json) for body in (b"[1, 2]", b"[", b'["x"]')),
        request("PUT", prefix + "/echo", headers=headers),
        request("GET", prefix + "/hello/1/", headers=headers),
        request("OPTIONS", prefix + "/hello/1", headers={**headers, "Access-Control-Request-Method": "GET"}),
        request("GET", prefix + "/fails", headers=headers),
    ]


@THREADS
def test_mounted_within_other_code(io_threads: int) -> None:
    data = [sent for prefix in ("", *(f"/{name}" for name in WRAPPERS)) for sent in requests(prefix)]
    assert differing(mounting_app, data, io_threads) == []


@THREADS
@pytest.mark.parametrize("wrapper", sorted(WRAPPERS.keys() - {"method", "partial"}))  # uvicorn takes these for ASGI 2
def test_served_within_other_code(wrapper: str, io_threads: int) -> None:
    assert differing(lambda: WRAPPERS[wrapper](inner("inner")), requests(""), io_threads) == []


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_they_are_compiled(wrapper: str) -> None:
    app = inner("outer")
    app.mount("/sub", WRAPPERS[wrapper](inner("inner")))
    with LiveServer(app) as server:
        assert httpx.get(server.url + "/sub/hello/1").json() == {"inner": 1, "value": "v" * 10}
        assert server.pop_counts() == {"compiled": 1}
    with LiveServer(WRAPPERS[wrapper](inner("inner"))) as server:
        assert httpx.get(server.url + "/hello/1").json() == {"inner": 1, "value": "v" * 10}
        assert server.pop_counts() == {"compiled": 1}
        [_, compiled] = server.server.compiled_apps
        assert {route.kind for route in compiled.routes if route.path == "/hello/{number}"} == {"compiled"}


def test_routes_have_their_whole_paths() -> None:
    app = FastAPI()
    app.mount("/a", CORSMiddleware(Router([Mount("/b", closure(inner("inner")))])))
    found = {path: route.kind for path, route in describe(RouteCompiler(app).compile())}
    assert found["/a/b/hello/{number}"] == "compiled"
    assert found["/a/{path:path}"] == "bridged"


def test_applications_that_know_each_other() -> None:
    outer, sub = inner("outer"), inner("inner")
    sub.mount("/up", closure(outer))
    outer.mount("/down", closure(sub))
    paths = [path for path, _ in describe(RouteCompiler(closure(outer)).compile())]
    assert "/down/hello/{number}" in paths
    with LiveServer(outer) as server:
        assert httpx.get(server.url + "/down/up/down/hello/1").json()["inner"] == 1
        assert server.pop_counts() == {"compiled": 1}


def test_what_is_looked_into_runs_no_code() -> None:
    class Proxy:
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(name)

        async def __call__(self, *_: Any) -> None: ...

    class Deep:
        def __init__(self, *inside: Any) -> None:
            self.inside = [*inside, Proxy(), int, functools, 3, "text"]

        async def __call__(self, *_: Any) -> None: ...

    app = FastAPI()
    assert list(applications_in(Deep(Deep(app)), FastAPI)) == [("", app)]
    deep: Any = app
    for _ in range(500):
        deep = Deep(deep)
    assert list(applications_in(deep, FastAPI)) == []
