"""Compiled routes within other code answer as under uvicorn: middleware, route classes, mounted applications."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient

from data_bridge.compile import features
from data_bridge.testing import LiveServer

from .inside_app import make_app
from .pair import both_servers, side_by_side
from .raw_client import RawConnection, answer, request

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ITEM = json.dumps({"name": "n", "price": 2}).encode()


def item_requests(prefix: str) -> dict[str, bytes]:
    return {
        f"{prefix} item": request("POST", f"{prefix}/item/3", ITEM, JSON),
        f"{prefix} item refused": request("POST", f"{prefix}/item/3", b'{"price": "x"}', JSON),
        f"{prefix} number refused": request("POST", f"{prefix}/item/x", ITEM, JSON),
        f"{prefix} no JSON": request("POST", f"{prefix}/item/3", b'{"name', JSON),
        f"{prefix} not called JSON": request("POST", f"{prefix}/item/3", ITEM),
        f"{prefix} no body": request("POST", f"{prefix}/item/3"),
        f"{prefix} divide": request("GET", f"{prefix}/divide/4"),
        f"{prefix} form": request("POST", f"{prefix}/form", b"name=a%20b&age=4", FORM),
        f"{prefix} form refused": request("POST", f"{prefix}/form", b"age=x", FORM),
        f"{prefix} wrong method": request("PUT", f"{prefix}/divide/4"),
    }


CHUNKS = b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
USER = {"Authorization": "Bearer abc", "X-Key": "k", "Cookie": "visit=1; other=2"}
REQUESTS: dict[str, bytes] = {
    "user": request("GET", "/user?skip=2", None, USER),
    "anonymous": request("GET", "/user"),
    "user refused": request("GET", "/user?skip=x&limit=y", None, USER),
    "level refused": request("GET", "/checked?level=x"),
    "level too low": request("GET", "/checked?level=1"),
    "level": request("GET", "/checked?level=4"),
    "uncached": request("GET", "/uncached?skip=7"),
    "uncached refused": request("GET", "/uncached?skip=z"),
    "a handled exception": request("GET", "/raises/key"),
    "HTTPException": request("GET", "/raises/http"),
    "background task": request("POST", "/background", ITEM, JSON),
    "background task refused": request("POST", "/background", b"[]", JSON),
    "two bodies": request("POST", "/two", json.dumps({"one": {"name": "a"}, "two": {"name": "b"}}).encode(), JSON),
    "two bodies, one": request("POST", "/two", b'{"one": {"name": "a"}, "three": "x"}', JSON),
    "two bodies, a list": request("POST", "/two", b"[]", JSON),
    "optional body": request("POST", "/optional", ITEM, JSON),
    "optional body absent": request("POST", "/optional"),
    "optional body null": request("POST", "/optional", b"null", JSON),
    "default that is validated": request("POST", "/defaulted"),
    "default that is validated, null": request("POST", "/defaulted", b"null", JSON),
    "nothing": request("DELETE", "/nothing"),
    "a status that is no plain int": request("GET", "/accepted"),
    "HTML": request("GET", "/html"),
    "model by an explicit class": request("GET", "/model-html"),
    "stream": request("GET", "/stream/3"),
    "stream of a megabyte": request("GET", "/stream/1000"),
    "echo": request("POST", "/echo", b"abc"),
    "echo of a megabyte": request("POST", "/echo", b"x" * 1_000_000),
    "chunked echo": request("POST", "/echo", None, {"Transfer-Encoding": "chunked"})
    + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    "upload": request("POST", "/upload", b"text=" + b"y" * 100_000 + b"&more=1", FORM),
    "sync": request("GET", "/sync/3"),
    "sync refused": request("GET", "/sync/x"),
    "mounted": request("GET", "/sub/path/5"),
    "mounted refused": request("GET", "/sub/path/x"),
    "mounted, unknown": request("GET", "/sub/nowhere"),
    "unknown": request("GET", "/nowhere"),
    "slash": request("GET", "/user/"),
    "docs": request("GET", "/docs"),
    "head of docs": request("HEAD", "/openapi.json"),
    "preflight": request(
        "OPTIONS", "/user", None, {"Origin": "https://example.org", "Access-Control-Request-Method": "GET"}
    ),
    "origin": request("GET", "/html", None, {"Origin": "https://example.org"}),
    "escaped path": request("GET", "/sync/%33"),
    "zipped": request("POST", "/unzipping/item/1", gzip.compress(ITEM), {**JSON, "Content-Encoding": "gzip"}),
}
for prefix in ("/timed", "/forgiving", "/unzipping", "/named", "/all/outer/inner"):
    REQUESTS |= item_requests(prefix)

FAILING = {
    "an exception": request("GET", "/raises/zero"),
    "an exception within a route class": request("GET", "/timed/divide/0"),
    "a caught exception within a route class": request("GET", "/forgiving/divide/0"),
    "a response that is refused": request("GET", "/refused/1"),
    "mounted": request("GET", "/sub/fails"),
}


@pytest.fixture(scope="module", params=["none", "pure", "http", "cors"])
def middleware(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=[0, 1], ids=["inline", "an I/O thread"])
def ports(request: pytest.FixtureRequest, middleware: str) -> Iterator[tuple[int, int]]:
    with both_servers(lambda: make_app(middleware), io_threads=request.param) as ports:
        yield ports


def log(port: int) -> Any:
    return answer(port, request("GET", "/log")).body


@pytest.mark.parametrize("name", [*REQUESTS, *(f"fails: {name}" for name in FAILING)])
def test_same_answer_and_effects(ports: tuple[int, int], name: str) -> None:
    data = FAILING[name.removeprefix("fails: ")] if name.startswith("fails: ") else REQUESTS[name]

    def ask(side: int) -> Any:
        found = answer(ports[side], data)
        if found.header("x-calls"):  # grows with every try
            found.headers = [field for field in found.headers if field[0] != "x-calls"]
        return found, log(ports[side])

    (theirs, their_log), (ours, our_log) = side_by_side(ask)
    assert ours == theirs
    assert our_log == their_log


def test_they_are_compiled(middleware: str) -> None:
    paths = ["/user", "/checked?level=4", "/sync/3", "/sub/path/3", "/timed/divide/4", "/unzipping/divide/4", "/docs"]
    with LiveServer(make_app(middleware)) as server, httpx.Client(base_url=server.url) as client:
        for path in paths:
            assert client.get(path).status_code == 200
        client.post("/upload", data={"text": "x"})
        counts = server.pop_counts()
        assert sum(counts.values()) == len(paths) + 1
        # Releases that build a handler for every request keep what is around it to themselves.
        assert counts["compiled"] == len(paths) + 1 - 2 * features.BUILDS_HANDLERS_AGAIN


def test_overrides_are_seen(middleware: str) -> None:
    app = make_app(middleware)
    with LiveServer(app) as server, httpx.Client(base_url=server.url) as client:
        assert client.get("/checked?level=1").status_code == 403
        [checker] = [
            route.dependencies[0].dependency for route in app.routes if getattr(route, "path", "") == "/checked"
        ]
        app.dependency_overrides[checker] = lambda: 9
        assert client.get("/checked?level=1").json() == "passed"
        app.dependency_overrides.clear()
        assert client.get("/checked?level=1").status_code == 403


def test_a_handler_with_the_request_begins_before_its_body_is_there(middleware: str) -> None:
    with LiveServer(make_app(middleware)) as server, RawConnection(server.port) as connection:
        connection.send(b"POST /first-piece HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\nfirst")
        answer = connection.read_answer("POST")
        assert answer.body == b'"first"'


def test_the_router_is_its_own_again_behind_the_server() -> None:
    app = make_app("pure")
    sub = next(route.app for route in app.routes if getattr(route, "path", "") == "/sub")
    stacks = [app.router.middleware_stack, sub.router.middleware_stack]  # type: ignore[attr-defined]
    with LiveServer(app) as server:
        assert httpx.get(server.url + "/sub/path/1").status_code == 200
        assert app.router.middleware_stack != stacks[0]
    assert [app.router.middleware_stack, sub.router.middleware_stack] == stacks  # type: ignore[attr-defined]


def test_routes_that_are_added_are_compiled_too(middleware: str) -> None:
    app = make_app(middleware)
    with LiveServer(app) as server, httpx.Client(base_url=server.url) as client:
        assert client.get("/late").status_code == 404
        app.get("/late")(lambda: "late")
        assert client.get("/late").json() == "late"
        server.pop_counts()
        assert client.get("/late").json() == "late"
        assert server.pop_counts() == {"compiled": 1}


class Counted:
    """Middleware that knows how often it was made."""

    made = 0

    def __init__(self, app: Any) -> None:
        type(self).made += 1
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


def test_middleware_is_made_once() -> None:
    Counted.made = 0
    app = make_app("pure")
    app.add_middleware(Counted)
    with LiveServer(app) as server:
        assert httpx.get(server.url + "/raises/key").status_code == 418
    assert Counted.made == 1


def test_a_router_that_is_replaced_is_the_one_that_routes(middleware: str) -> None:
    app = make_app(middleware)
    with LiveServer(app) as server, httpx.Client(base_url=server.url) as client:
        assert client.get("/sync/3").status_code == 200
        router = APIRouter()
        router.add_api_route("/other", lambda: "other")
        app.router = router
        app.middleware_stack = app.build_middleware_stack()
        assert client.get("/other").json() == "other"
        assert client.get("/sync/3").status_code == 404
        assert client.get("/other").json() == "other"


def test_an_application_may_be_called_from_another_loop_meanwhile(middleware: str) -> None:
    app = make_app(middleware)
    with LiveServer(app) as server, httpx.Client(base_url=server.url) as client:
        test = TestClient(app)  # in a thread and a loop of its own
        assert test.get("/user?skip=2").status_code == 200
        app.get("/late")(lambda: "late")
        assert test.get("/late").json() == "late"
        assert client.get("/late").json() == "late"
        server.pop_counts()
        assert client.get("/late").json() == "late"
        assert server.pop_counts() == {"compiled": 1}


class Reversed(APIRouter):
    """Routes in its own way."""

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        scope["path"] = scope["path"][::-1]
        await super().app(scope, receive, send)


def test_a_router_that_routes_in_its_own_way() -> None:
    app = FastAPI()
    app.router = Reversed()
    app.router.get("/olleh/")(lambda: "hello")
    with LiveServer(app) as server:
        assert httpx.get(server.url + "/hello/").json() == "hello"
