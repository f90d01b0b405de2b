"""`@app.middleware("http")` and other BaseHTTPMiddleware keep every rule that anybody can see, and cost less."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import anyio
import httpx
import pytest
import starlette
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from starlette.middleware.base import BaseHTTPMiddleware

from data_bridge.testing import LiveServer

from .base_http_app import Dispatching, make_app
from .pair import both_servers, side_by_side
from .raw_client import RawConnection, request

WAYS = [
    "pass", "answer", "raise", "refuse", "raise_behind", "forget", "twice", "catch", "read", "stream", "time_out",
    "time_out_by_asyncio", "consume", "task",
]  # fmt: skip
PATHS = ["/hello", "/session", "/sync", "/pieces", "/raises", "/refuses", "/nowhere", "/pieces?count=300"]
#: Before 0.46 a second call waits for a body that nobody has.
TWICE = ["twice"] if tuple(map(int, starlette.__version__.split(".")[:2])) >= (0, 46) else []
SLOW = ["time_out", "time_out_by_asyncio"]


def target(path: str, place: str, way: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}{place}={way}"


REQUESTS: dict[str, bytes] = {
    f"{path} {place} {way}": request("GET", target(path, place, way))
    for path in PATHS
    for place in ("outer", "inner")
    for way in WAYS
    if way not in SLOW  # everything is, on a busy machine
}
REQUESTS |= {
    f"{path} {size} {place} {way}": request(
        "POST", target(path, place, way), body, {"Content-Type": "application/json"}
    )
    for path in ("/echo", "/item")
    for size, body in (("small", b'{"a": 1}'), ("large", b'{"a": "' + b"x" * 1_000_000 + b'"}'), ("none", None))
    for place in ("outer", "inner")
    for way in ("pass", "read", "stream", "consume", *TWICE)
}
REQUESTS |= {
    f"{path} {place} {way}": request("GET", target(path, place, way))
    for path in ("/slow", "/stubborn")
    for place in ("outer", "inner")
    for way in SLOW
}
REQUESTS |= {f"both {way}": request("GET", f"/session?outer={way}&inner={way}") for way in WAYS if way not in SLOW}


@pytest.fixture(scope="module", params=[0, 1], ids=["inline", "an I/O thread"])
def ports(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    with both_servers(make_app, io_threads=request.param) as ports:
        yield ports


def answer(port: int, data: bytes) -> Any:
    with RawConnection(port) as connection:
        connection.send(data)
        try:
            return connection.read_answer(data.split(b" ", 1)[0].decode())
        except EOFError as cut:
            return cut.args


def log(port: int) -> list[str]:
    lines = json.loads(answer(port, request("GET", "/log")).body)
    # When a generator ends that nobody goes on with is the interpreter's business: within any later test, too.
    return [line for line in lines if line != "pieces end"]


def effects(log: list[str], name: str) -> list[str]:
    # Two calls at once take turns as they please.
    return sorted(log) if "twice" in name else log


@pytest.mark.parametrize("name", REQUESTS)
def test_same_answer_and_effects(ports: tuple[int, int], name: str) -> None:
    (theirs, their_log), (ours, our_log) = side_by_side(
        lambda side: (answer(ports[side], REQUESTS[name]), log(ports[side]))
    )
    assert ours == theirs
    assert effects(our_log, name) == effects(their_log, name)


@pytest.mark.parametrize("place", ["outer", "inner"])
def test_a_stream_that_fails(ports: tuple[int, int], place: str) -> None:
    def ask(side: int) -> Any:
        url = f"http://127.0.0.1:{ports[side]}/broken-pieces?{place}=catch"
        with httpx.stream("GET", url) as response:
            try:
                return response.status_code, b"".join(response.iter_raw())
            except httpx.RemoteProtocolError as error:
                return response.status_code, type(error)

    theirs, ours = side_by_side(ask)
    assert ours == theirs


def test_a_client_that_leaves_ends_the_stream(ports: tuple[int, int]) -> None:
    def ask(side: int) -> Any:
        with httpx.stream("GET", f"http://127.0.0.1:{ports[side]}/endless") as response:
            next(response.iter_raw())
        lines = log(ports[side])
        while "endless out" not in lines:
            # Where the cancellation meets the generator between two pieces, nobody closes it but who collects it.
            gc.collect()
            lines += log(ports[side])
        return lines

    theirs, ours = side_by_side(ask)
    assert ours == theirs


def test_the_request_says_when_the_client_has_left(ports: tuple[int, int]) -> None:
    theirs, ours = side_by_side(lambda side: answer(ports[side], request("GET", "/waits-for-departure")))
    assert ours == theirs


def layers(app: FastAPI) -> list[Any]:
    found: list[Any] = []
    layer: Any = app.middleware_stack
    while layer is not None:
        found.append(layer)
        layer = getattr(layer, "app", None)
    return [layer for layer in found if isinstance(layer, BaseHTTPMiddleware)]


def test_classes_are_their_own_again_behind_the_server() -> None:
    app = make_app()
    with LiveServer(app) as server:
        assert httpx.get(server.url + "/hello").status_code == 200
        assert [type(layer).__name__ for layer in layers(app)] == ["BaseHTTPMiddleware", "Dispatching", "Dispatching"]
        assert not {type(layer) for layer in layers(app)} & {BaseHTTPMiddleware, Dispatching}
        assert all(isinstance(layer, Dispatching) for layer in layers(app)[1:])
    assert [type(layer) for layer in layers(app)] == [BaseHTTPMiddleware, Dispatching, Dispatching]


def test_mounted_applications_have_them_too_whose_stack_comes_late() -> None:
    mounted = make_app()
    app = FastAPI()
    app.mount("/mounted", mounted)
    with LiveServer(app) as server:
        assert layers(mounted) == []
        for _ in range(2):
            assert httpx.get(server.url + "/mounted/hello").status_code == 200
            assert not {type(layer) for layer in layers(mounted)} & {BaseHTTPMiddleware, Dispatching}
    assert [type(layer) for layer in layers(mounted)] == [BaseHTTPMiddleware, Dispatching, Dispatching]


def test_the_application_may_run_elsewhere_meanwhile() -> None:
    app = make_app()
    with LiveServer(app) as server:
        assert httpx.get(server.url + "/hello").status_code == 200
        with TestClient(app) as client:
            assert client.get("/hello?outer=read").json()["seen"] == "nothing outer inner"


def test_middleware_whose_call_is_somebody_elses_is_left_alone() -> None:
    class Own(BaseHTTPMiddleware):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await super().__call__(scope, receive, send)

        async def dispatch(self, request: Any, call_next: Any) -> Any:
            return await call_next(request)

    app = FastAPI()
    app.add_middleware(Own)
    with LiveServer(app) as server:
        assert httpx.get(server.url + "/docs").status_code == 200
        assert [type(layer) for layer in layers(app)] == [Own]


def test_requests_leave_nothing_to_the_collector() -> None:
    app = make_app()

    @app.get("/collect")
    async def collect() -> list[str]:
        gc.collect()
        found = [type(thing).__module__ for thing in gc.garbage]
        gc.garbage.clear()
        gc.set_debug(0)
        gc.collect()  # what is saved is not broken up, and would be found again
        gc.set_debug(gc.DEBUG_SAVEALL)  # for the next time
        return found

    with LiveServer(app) as server, httpx.Client(base_url=server.url) as client:
        try:
            client.get("/collect")
            for _ in range(5):
                for _ in range(20):
                    client.get("/hello")
                found = client.get("/collect").json()
                left = [module for module in found if module.startswith(("starlette", "data_bridge", "anyio"))]
                if not left:
                    break  # what there was is of requests to other servers of this process, which end when they like
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
    assert not left


def test_anyio_knows_its_tasks_within() -> None:
    app = make_app()

    @app.get("/nested")
    async def nested() -> list[str]:
        found: list[str] = []
        async with anyio.create_task_group() as group:
            for name in ("a", "b"):
                group.start_soon(_append, found, name)
        with anyio.move_on_after(0.01) as scope:
            await anyio.sleep(5)
        return [*sorted(found), str(scope.cancelled_caught)]

    with LiveServer(app) as server:
        assert httpx.get(server.url + "/nested").json() == ["a", "b", "True"]


async def _append(found: list[str], name: str) -> None:
    await anyio.sleep(0.001)
    found.append(name)


def test_scopes_are_made_within_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """With Trio loaded, too, anyio does not know elsewhere which library it is that runs."""
    make_scope = anyio.CancelScope
    made: list[asyncio.Task[Any] | None] = []

    def checked(*arguments: Any, **keywords: Any) -> Any:
        made.append(asyncio.current_task())
        return make_scope(*arguments, **keywords)

    app = make_app()
    left = threading.Event()

    @app.get("/departure")
    async def departure(request: Request) -> None:
        await request.receive()
        await request.receive()
        left.set()

    monkeypatch.setattr(anyio, "CancelScope", checked)
    with LiveServer(app) as server:
        with RawConnection(server.port) as connection:
            connection.send(request("GET", "/departure"))
            time.sleep(0.05)  # so that it waits, if it has come so far
        assert left.wait(30)
        assert server.wait_idle(30)
    assert made
    assert None not in made
