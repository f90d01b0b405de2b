"""Requests that I/O threads bring while Python is busy: how many wait, who is refused, who is forgotten."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import pytest
from bridge.raw_client import RawConnection, request
from fastapi import FastAPI, Request

from data_bridge.testing import LiveServer

PATIENCE = 30.0


class Blocked:
    """A server whose Python stands still until `go` is set, and what its handlers have seen."""

    def __init__(self, server: LiveServer, go: threading.Event, seen: list[str]) -> None:
        self.server = server
        self.go = go
        self.seen = seen

    def ask(self, target: str = "/compiled", body: bytes | None = None) -> RawConnection:
        connection = RawConnection(self.server.port)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        connection.send(request("POST" if body is not None else "GET", target, body, headers))
        return connection

    def counts(self, name: str) -> int:
        return self.server.server.counts()[name]


@contextlib.contextmanager
def blocked(**limits: int) -> Iterator[Blocked]:
    app = FastAPI()
    go = threading.Event()
    begun = threading.Event()
    seen: list[str] = []

    @app.get("/block")
    async def block() -> int:
        begun.set()
        go.wait(PATIENCE)
        return 1

    @app.get("/compiled")
    async def compiled() -> str:
        seen.append("compiled")
        return "compiled"

    @app.post("/compiled")
    async def with_body(content: dict[str, str]) -> int:
        seen.append("body")
        return len(content["text"])

    @app.get("/bridged")
    async def bridged(request: Request) -> str:
        seen.append("bridged")
        return request.url.path

    with LiveServer(app, io_threads=1, **limits) as server:
        try:
            blocker = RawConnection(server.port)
            blocker.send(request("GET", "/block"))
            assert begun.wait(PATIENCE)
            yield Blocked(server, go, seen)
        finally:
            go.set()
        blocker.read_answer()
        blocker.close()


def eventually(condition: object) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("target", ["/compiled", "/bridged", "/nowhere"])
def test_more_than_may_wait_are_refused_at_once(target: str) -> None:
    with blocked(max_waiting_requests=10) as python:
        waiting = [python.ask(target) for _ in range(10)]
        time.sleep(0.1)  # they are read in any order
        refused = [python.ask(target) for _ in range(5)]
        for connection in refused:
            answer = connection.read_answer()
            assert answer.status_line == "HTTP/1.1 503 Service Unavailable"
            assert answer.header("retry-after") == "1"
        assert python.counts("refused") == 5
        assert not python.seen
        python.go.set()
        for connection in waiting:
            assert " 503 " not in connection.read_answer().status_line
        # There is room again, on a connection that was refused, too.
        refused[0].send(request("GET", "/compiled"))
        assert refused[0].read_answer().body == b'"compiled"'


def test_what_waits_is_bounded_in_bytes() -> None:
    body = b'{"text": "%s"}' % (b"x" * 100_000)
    with blocked(max_waiting_bytes=250_000) as python:
        waiting = [python.ask(body=body) for _ in range(2)]
        time.sleep(0.2)
        refused = python.ask(body=body)
        assert " 503 " in refused.read_answer().status_line
        python.go.set()
        for connection in waiting:
            assert connection.read_answer().body == b"100000"


def test_what_is_alone_waits_whatever_its_size() -> None:
    with blocked(max_waiting_bytes=1000) as python:
        connection = python.ask(body=b'{"text": "%s"}' % (b"x" * 100_000))
        time.sleep(0.2)
        python.go.set()
        assert connection.read_answer().body == b"100000"


@pytest.mark.parametrize("target", ["/compiled", "/bridged", "/nowhere"])
def test_requests_whose_clients_have_left_are_not_begun(target: str) -> None:
    with blocked() as python:
        for _ in range(20):
            python.ask(target).close()
        stays = python.ask("/compiled")
        time.sleep(0.3)  # for the I/O thread to see them leave
        python.go.set()
        assert stays.read_answer().body == b'"compiled"'
        eventually(lambda: python.counts("abandoned") == 20)
        assert python.seen == ["compiled"]
        eventually(lambda: python.server.server.in_flight == 0)


def test_by_default_two_thousand_may_wait() -> None:
    assert LiveServer(FastAPI())._options.max_waiting_requests == 2048
