"""The ASGI door, message by message, with applications that are no FastAPI."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from data_bridge.testing import LiveServer

from .raw_client import RawConnection, request
from .raw_client import answer as ask


@pytest.fixture(params=[0, 1], ids=["inline", "I/O thread"])
def io_threads(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def serve(io_threads: int) -> Iterator[Any]:
    running: list[LiveServer] = []

    def start(app: Any, **options: Any) -> LiveServer:
        running.append(LiveServer(app, io_threads=io_threads, **options).start())
        return running[-1]

    yield start
    for server in running:
        server.stop()


async def answer(send: Any, body: bytes, **changes: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [], **changes})
    await send({"type": "http.response.body", "body": body})


def http_only(function: Any) -> Any:
    """An application of the http scope alone; lifespan is refused, as the protocol allows."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise RuntimeError("http only")
        await function(scope, receive, send)

    return app


def test_a_body_arrives_in_pieces_as_it_is_sent(serve: Any) -> None:
    pieces: list[tuple[bytes, bool]] = []
    seen = threading.Event()

    @http_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            pieces.append((message["body"], message["more_body"]))
            seen.set()
            if not message["more_body"]:
                break
        await answer(send, b"got it")

    server = serve(app)
    with RawConnection(server.port) as connection:
        connection.send(request("POST", "/", headers={"Content-Length": "10"}) + b"first")
        assert seen.wait(5)
        connection.send(b"-last")
        assert connection.read_answer().body == b"got it"
    assert b"".join(body for body, _ in pieces) == b"first-last"
    assert [more for _, more in pieces][-1] is False
    assert len(pieces) >= 2


def test_expect_100_continue_is_answered_when_the_application_reads(serve: Any) -> None:
    reads = asyncio.Event()

    @http_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/reads":
            message = await receive()
            await answer(send, message["body"])
        else:
            await answer(send, b"no need")

    server = serve(app)
    expecting = {"Content-Length": "4", "Expect": "100-continue"}
    with RawConnection(server.port) as connection:
        connection.send(request("POST", "/reads", headers=expecting))
        assert connection.read_answer().status_line == "HTTP/1.1 100 Continue"
        connection.send(b"body")
        assert connection.read_answer().body == b"body"
    with RawConnection(server.port) as connection:
        connection.send(request("POST", "/ignores", headers=expecting))
        assert connection.read_answer().body == b"no need"
    assert not reads.is_set()


def test_a_disconnect_reaches_the_application(serve: Any) -> None:
    messages: list[str] = []
    told = threading.Event()
    waiting = threading.Event()

    @http_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        messages.append((await receive())["type"])
        waiting.set()
        messages.append((await receive())["type"])
        await send({"type": "http.response.start", "status": 200, "headers": []})  # into the void, without an error
        told.set()

    server = serve(app)
    with RawConnection(server.port) as connection:
        connection.send(request("GET", "/"))
        assert waiting.wait(5)
    assert told.wait(5)
    assert messages == ["http.request", "http.disconnect"]
    assert server.wait_idle(5)
    assert server.pop_exceptions() == []


def test_receive_tells_the_end_of_the_answer(serve: Any) -> None:
    seen: list[str] = []

    @http_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        listener = asyncio.create_task(receive())  # what StreamingResponse does
        await asyncio.sleep(0)
        await answer(send, b"x", headers=[(b"content-length", b"1")])
        seen.append((await listener)["type"])

    server = serve(app)
    with RawConnection(server.port) as connection:
        connection.send(request("GET", "/"))
        assert connection.read_answer().body == b"x"
    assert server.wait_idle(5)
    assert seen == ["http.disconnect"]


def test_a_slow_reader_holds_the_sender_back(serve: Any) -> None:
    sent = 0
    piece = b"x" * 65536

    @http_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal sent
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(400):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            sent += len(piece)
        await send({"type": "http.response.body", "body": b""})

    server = serve(app)
    with RawConnection(server.port, timeout=30) as connection:
        connection.send(request("GET", "/"))
        before = -1
        while sent != before:  # until nothing moves any more
            before = sent
            threading.Event().wait(0.3)
        assert sent < 20_000_000, "the sender was not held back"
        assert len(connection.read_answer().body) == 400 * len(piece)
    assert server.wait_idle(5)


BREACHES = {
    "body before start": [{"type": "http.response.body", "body": b""}],
    "two starts": [{"type": "http.response.start", "status": 200, "headers": []}] * 2,
    "longer than declared": [
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]},
        {"type": "http.response.body", "body": b"xx"},
    ],
    "shorter than declared": [
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]},
        {"type": "http.response.body", "body": b"xx"},
    ],
    "bad value": [{"type": "http.response.start", "status": 200, "headers": [(b"x", b"a\r\nb: c")]}],
    "bad name": [{"type": "http.response.start", "status": 200, "headers": [(b"x y", b"a")]}],
    "bad status": [{"type": "http.response.start", "status": 1000, "headers": []}],
    "text header": [{"type": "http.response.start", "status": 200, "headers": [("x", "a")]}],
    "unknown message": [{"type": "http.response.fancy"}],
    "no type": [{}],
    "nothing": [],
    "start alone": [{"type": "http.response.start", "status": 200, "headers": []}],
}


@pytest.mark.parametrize("name", BREACHES)
def test_a_breach_of_the_protocol_hurts_nobody_else(serve: Any, name: str) -> None:
    @http_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/good":
            await answer(send, b"fine")
            return
        for message in BREACHES[name]:
            await send(message)

    server = serve(app)
    with RawConnection(server.port) as connection:
        connection.send(request("GET", "/bad"))
        try:
            first = connection.read_answer()
        except (EOFError, ConnectionResetError):
            first = None  # closed without a whole answer
        assert first is None or first.status_line.startswith("HTTP/1.1 500")
    with RawConnection(server.port) as connection:
        connection.send(request("GET", "/good"))
        assert connection.read_answer().body == b"fine"
    assert server.wait_idle(5)


def test_scope_is_uvicorns(serve: Any) -> None:
    scopes: list[dict[str, Any]] = []

    @http_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(dict(scope))
        await answer(send, b"")

    server = serve(app, root_path="/api")
    with RawConnection(server.port) as connection:
        local = connection.socket.getsockname()
        connection.send(request("GET", "/a%20b/%FF?x=%20y", headers={"X-Multi": "1", "x-multi": "2"}))
        connection.read_answer()
        connection.send(b"GET / HTTP/1.0\r\n\r\n")
        connection.read_answer()
    scope, old = scopes
    assert scope["headers"] == [(b"host", b"localhost"), (b"x-multi", b"1"), (b"x-multi", b"2")]
    assert scope["path"] == "/api/a b/\ufffd"
    assert scope["raw_path"] == b"/api/a%20b/%FF"
    assert scope["query_string"] == b"x=%20y"
    assert scope["root_path"] == "/api"
    assert scope["client"] == local
    assert scope["server"] == ("127.0.0.1", server.port)
    assert (scope["scheme"], scope["method"], scope["http_version"]) == ("http", "GET", "1.1")
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.3"}
    assert old["http_version"] == "1.0"


def test_forwarded_headers_of_a_trusted_peer(serve: Any) -> None:
    seen: list[tuple[Any, Any]] = []

    @http_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope["scheme"], scope["client"][0]))
        await answer(send, b"")

    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7, 10.1.2.3, 127.0.0.1"}
    for allowed in ("127.0.0.1,10.0.0.0/8", "192.0.2.1", "*"):
        server = serve(app, forwarded_allow_ips=allowed)
        with RawConnection(server.port) as connection:
            connection.send(request("GET", "/", headers=forwarded))
            connection.read_answer()
    assert seen == [("https", "203.0.113.7"), ("http", "127.0.0.1"), ("https", "203.0.113.7")]


def test_a_failing_startup_is_raised(serve: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    with pytest.raises(RuntimeError, match="no database"):
        serve(app, lifespan="on")


def test_lengths_that_differ_are_an_error_with_its_place(serve: Any) -> None:
    """To HEAD the first of them is told: no body follows that it could be wrong of."""

    @http_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        lengths = [(b"Content-Length", length) for length in scope["query_string"].split(b",")]
        await answer(send, b"abc", headers=lengths)

    server = serve(app)
    for lengths, status in (("3,3", 200), ("3,03", 200), ("3,4", 500), ("4,3", 500)):
        assert f" {status} " in ask(server.port, request("GET", f"/?{lengths}")).status_line
        told = [str(error) for error in server.pop_exceptions()]
        assert told == ["Response has Content-Length headers that differ"] * (status == 500)
    assert ask(server.port, request("HEAD", "/?4,3")).header("content-length") == "4"
    assert server.pop_exceptions() == []
