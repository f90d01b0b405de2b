"""Routers, mounts and limits that are the application's own: as under uvicorn, and no other routes change."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, BackgroundTasks, Body, Depends, FastAPI, Form, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.routing import Match, Mount, Route

from data_bridge.compile import features
from data_bridge.routes import RouteCompiler, describe
from data_bridge.testing import LiveServer

from .pair import both_servers, differing
from .raw_client import RawConnection, request

THREADS = pytest.mark.parametrize("io_threads", [0, 1], ids=["inline", "an I/O thread"])
TREE = pytest.mark.skipif(not features.HAS_ROUTER_TREE, reason="included routers leave nothing but their routes")


def kinds(app: Any) -> dict[str, tuple[str, str]]:
    found = describe(RouteCompiler(app).compile())
    return {
        path: (route.kind, route.reason) for path, route in found if not path.startswith(("/docs", "/redoc", "/open"))
    }


# --- routers ---------------------------------------------------------------------------------------


class Handles(APIRouter):
    """Answers what it does not like itself, but matches as others do."""

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        if b"no" in scope["query_string"] or scope["method"] == "PUT":
            await PlainTextResponse(f"{scope['method']} by {type(self).__name__}", 418)(scope, receive, send)
        else:
            await super().handle(scope, receive, send)


class Matches(APIRouter):
    """Takes what nobody has declared."""

    def matches(self, scope: Any) -> tuple[Match, Any]:
        if scope["path"].endswith("/taken"):
            scope = {**scope, "path": "/outer/matching/a"}
        return super().matches(scope)

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].endswith("/taken"):
            scope["path"] = "/outer/matching/a"
        await super().handle(scope, receive, send)


class Empty(APIRouter):
    """Has no routes at all."""

    def matches(self, scope: Any) -> tuple[Match, Any]:
        return (Match.FULL, {}) if scope["path"].startswith("/empty") else (Match.NONE, {})

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("empty")(scope, receive, send)


class Harmless(APIRouter):
    """Overrides nothing that counts where it is included."""

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError


def filled(router: APIRouter) -> APIRouter:
    @router.get("/a")
    async def a(value: int = 0) -> list[int]:
        return [value]

    @router.post("/b/{name}")
    def b(name: str, item: Annotated[dict[str, int], Body()]) -> Any:
        return {name: item}

    return router


def handling_app() -> FastAPI:
    app = FastAPI()
    filled(app.router)
    app.include_router(filled(Handles()), prefix="/handling")
    outer = filled(APIRouter())
    outer.include_router(filled(Handles()), prefix="/inner")
    app.include_router(outer, prefix="/outer")
    app.include_router(filled(Harmless()), prefix="/harmless")
    app.include_router(filled(APIRouter()), prefix="/last")
    return app


def matching_app() -> FastAPI:
    app = FastAPI()
    filled(app.router)
    app.include_router(filled(APIRouter()), prefix="/first")
    outer = filled(APIRouter())
    outer.include_router(filled(Matches()), prefix="/matching")
    outer.include_router(Empty())
    app.include_router(outer, prefix="/outer")
    app.include_router(filled(APIRouter()), prefix="/last")
    return app


def router_requests() -> list[bytes]:
    found = []
    for prefix in (
        "",
        "/first",
        "/handling",
        "/outer",
        "/outer/inner",
        "/harmless",
        "/outer/matching",
        "/last",
        "/empty",
    ):
        for path in ("/a", "/a?value=3", "/a?value=x", "/a?no", "/a/", "/nowhere", "/x/taken"):
            found.append(request("GET", prefix + path))
        for method in ("PUT", "DELETE"):
            found.append(request(method, prefix + "/a"))
        found.append(request("POST", prefix + "/b/n", b'{"a": 1}', {"Content-Type": "application/json"}))
        found.append(request("POST", prefix + "/b/n?no", b'{"a": "x"}', {"Content-Type": "application/json"}))
    return found


@TREE
@THREADS
@pytest.mark.parametrize("make_app", [handling_app, matching_app])
def test_routers_route_in_their_own_way(make_app: Callable[[], FastAPI], io_threads: int) -> None:
    assert differing(make_app, router_requests(), io_threads) == []


@TREE
def test_a_router_that_handles_in_its_own_way_keeps_others_compiled() -> None:
    found = kinds(handling_app())
    own = ("bridged", "router class Handles routes in its own way")
    assert {path: kind for path, kind in found.items() if kind != ("compiled", "")} == dict.fromkeys(
        ("/handling/a", "/handling/b/{name}", "/outer/inner/a", "/outer/inner/b/{name}"), own
    )
    assert found["/last/a"] == found["/outer/a"] == found["/harmless/a"] == ("compiled", "")


@TREE
def test_a_router_that_matches_in_its_own_way_keeps_those_before_it_compiled() -> None:
    found = kinds(matching_app())
    assert found["/a"] == found["/first/a"] == ("compiled", "")
    assert found["/outer/matching/a"] == ("bridged", "router class Matches routes in its own way")
    assert found["/last/a"][1].startswith("behind a route that matches in its own way")
    with LiveServer(matching_app()) as server, httpx.Client(base_url=server.url) as client:
        assert [client.get(path).json() for path in ("/a", "/first/a", "/outer/matching/a", "/last/a")] == [[0]] * 4
        assert server.pop_counts() == {"compiled": 2, "bridged": 2}


class Anywhere(Mount):
    """Matches whatever ends so."""

    def matches(self, scope: Any) -> tuple[Match, Any]:
        if scope["path"].endswith("/anywhere"):
            return Match.FULL, {"endpoint": self.app}
        return super().matches(scope)


@THREADS
def test_a_mount_that_matches_in_its_own_way(io_threads: int) -> None:
    def make_app() -> FastAPI:
        app = FastAPI()
        app.get("/first/{path:path}")(lambda path: path)
        app.router.routes.append(Anywhere("/mounted", app=PlainTextResponse("mounted")))
        app.get("/last/{path:path}")(lambda path: path)
        return app

    paths = ["/first/anywhere", "/mounted/x", "/last/anywhere", "/last/x", "/anywhere", "/nowhere"]
    assert differing(make_app, [request("GET", path) for path in paths], io_threads) == []


# --- limits ----------------------------------------------------------------------------------------


class Gauge:
    """How many are in there, and were at most."""

    def __init__(self) -> None:
        self.now = self.most = 0

    def __enter__(self) -> None:
        self.now += 1
        self.most = max(self.most, self.now)

    def __exit__(self, *_: object) -> None:
        self.now -= 1


def crowd_app(kind: str) -> FastAPI:
    """Requests wait in the dependency until ``/open``."""
    app = FastAPI()
    gauge, gate, threads_gate = Gauge(), asyncio.Event(), threading.Event()

    async def limited() -> str:
        with gauge:
            await gate.wait()
            return "async"

    def threaded() -> str:
        with gauge:
            threads_gate.wait(60)
            return "thread"

    async def generator() -> AsyncIterator[str]:
        with gauge:
            await gate.wait()
            yield "generator"

    call: Any = {"async": limited, "thread": threaded, "generator": generator}[kind]
    use: Any = Depends(call, max_concurrency=2, use_cache=False)  # type: ignore[call-arg]

    @app.get("/limited")
    async def endpoint(number: int, found: str = use) -> list[Any]:
        return [found, number]

    @app.get("/inside")
    async def inside() -> int:
        return gauge.now

    @app.post("/open")
    async def open_gate() -> None:
        gate.set()
        threads_gate.set()

    @app.get("/most")
    async def most() -> list[int]:
        return [gauge.now, gauge.most]

    return app


@pytest.mark.skipif("max_concurrency" not in Depends.__code__.co_varnames, reason="FastAPI 0.163")
@THREADS
@pytest.mark.parametrize("kind", ["async", "thread", "generator"])
def test_a_dependency_runs_as_often_at_once_as_it_may(kind: str, io_threads: int) -> None:
    assert kinds(crowd_app(kind))["/limited"] == ("compiled", "")
    with both_servers(lambda: crowd_app(kind), io_threads=io_threads) as ports:
        for port in ports:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
                crowd = [RawConnection(port) for _ in range(5)]
                for number, connection in enumerate(crowd):
                    connection.send(request("GET", f"/limited?number={number}"))
                while client.get("/inside").json() < 2:
                    pass
                client.post("/open")
                bodies = [connection.read_answer().body for connection in crowd]
                assert bodies == [f'["{kind}",{number}]'.encode() for number in range(5)]
                assert client.get("/most").json() == [0, 2]
                for connection in crowd:
                    connection.close()


def limited_app(on: str) -> FastAPI:
    app = FastAPI()
    own, included = ({"max_body_size": 10} if on == where else {} for where in ("route", "router"))
    router = APIRouter(**included)  # type: ignore[arg-type]

    async def user(request: Request) -> AsyncIterator[str]:
        idle.clear()
        try:
            yield request.method
        except BaseException as error:
            log.append(type(error).__name__)
            raise
        finally:
            log.append("exited")
            idle.set()

    log: list[str] = []
    idle = asyncio.Event()  # nobody is between a user and its exit
    idle.set()

    @router.get("/get", **own)
    async def get(value: int = 0, method: str = Depends(user)) -> list[Any]:
        return [value, method]

    @router.post("/body", **own)
    async def body(item: Annotated[list[int], Body()], method: str = Depends(user)) -> list[Any]:
        return [item, method]

    @router.post("/raw", **own)
    async def raw(request: Request, response: Response) -> str:
        response.headers["x-keys"] = ",".join(sorted(request.scope.keys() - {"extensions"}))  # uvicorn has none
        return (await request.body()).decode()

    @router.post("/unread", **own)
    async def unread(tasks: BackgroundTasks, method: str = Depends(user)) -> str:
        log.append("unread")
        tasks.add_task(log.append, "task")
        return method

    @router.post("/form", **own)
    async def form(name: Annotated[str, Form()]) -> str:
        return name

    router.routes.append(Route("/plain", plain, methods=["POST"]))
    app.include_router(router, prefix="/limited")
    filled(app.router)

    @app.get("/log")
    async def read_log() -> list[str]:
        await idle.wait()  # exits come behind the answer
        found = list(log)
        log.clear()
        return found

    return app


async def plain(request: Request) -> Response:
    return PlainTextResponse(await request.body())


def bodies() -> Iterator[bytes]:
    json, form = {"Content-Type": "application/json"}, {"Content-Type": "application/x-www-form-urlencoded"}
    yield request("GET", "/limited/get?value=3")
    yield request("GET", "/limited/get?value=x")
    for data in (b"[1]", b"[1,2,3,4,5,6,7,8]", b"[1,", b"", b"[1,2,3,45]"):
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data) if data else b"0\r\n\r\n"
        for path in ("body", "raw", "unread", "plain"):
            yield request("POST", f"/limited/{path}", data, json)
            yield request("POST", f"/limited/{path}", None, {**json, "Transfer-Encoding": "chunked"}) + chunked
    yield request("POST", "/limited/form", b"name=a", form)
    yield request("POST", "/limited/form", b"name=abcdefghijk", form)
    yield request("POST", "/limited/form", b"nome=a", form)
    yield request("GET", "/limited/get", b"12345678901")
    yield request("GET", "/a", b"12345678901")


@pytest.mark.skipif("max_body_size" not in inspect.signature(APIRouter).parameters, reason="FastAPI 0.164")
@THREADS
@pytest.mark.parametrize("on", ["route", "router"])
def test_limits_of_bodies(on: str, io_threads: int) -> None:
    requests = [data for limited in bodies() for data in (limited, request("GET", "/log"))]
    assert differing(lambda: limited_app(on), requests, io_threads) == []


@pytest.mark.skipif("max_body_size" not in inspect.signature(APIRouter).parameters, reason="FastAPI 0.164")
@pytest.mark.parametrize("on", ["route", "router"])
def test_routes_with_a_limit_are_compiled_within_it(on: str) -> None:
    found = kinds(limited_app(on))
    plain = ("bridged", "a body limit on the router that includes a plain Starlette route")
    assert found.pop("/limited/plain") == (plain if on == "router" else ("compiled", ""))
    assert set(found.values()) == {("compiled", "")}
    with LiveServer(limited_app(on)) as server, httpx.Client(base_url=server.url) as client:
        assert client.post("/limited/body", json=[1]).json() == [[1], "POST"]
        assert client.post("/limited/body", json=[1] * 10).status_code == 413
        assert client.get("/limited/get").json() == [0, "GET"]
        assert server.pop_counts() == {"compiled": 3}
