"""Sync handlers that wait for one of the limiter's threads: how many there are, and that they end."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import AsyncIterator, Iterator

import anyio.to_thread
import pytest
from bridge.raw_client import RawConnection, request
from fastapi import FastAPI

from data_bridge.testing import LiveServer

PATIENCE = 30.0
THREADS = 2


class Blocked:
    """A server whose sync handlers stand still until `go` is set."""

    def __init__(self, server: LiveServer, go: threading.Event, begun: list[int]) -> None:
        self.server = server
        self.go = go
        self.begun = begun

    def ask(self) -> RawConnection:
        connection = RawConnection(self.server.port)
        connection.send(request("GET", "/block"))
        return connection

    def wait_for_threads(self) -> None:
        """Until all of them are busy."""
        deadline = time.monotonic() + PATIENCE
        while len(self.begun) < THREADS:
            assert time.monotonic() < deadline, self.begun
            time.sleep(0.005)

    def wait_for_requests(self, count: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.server.server.in_flight != count:
            assert time.monotonic() < deadline, self.server.server.in_flight
            time.sleep(0.005)


@contextlib.contextmanager
def blocked(io_threads: int, **limits: int) -> Iterator[Blocked]:
    go = threading.Event()
    begun: list[int] = []

    @contextlib.asynccontextmanager
    async def few_threads(_: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        yield

    app = FastAPI(lifespan=few_threads)

    @app.get("/block")
    def block() -> int:
        begun.append(1)
        go.wait(PATIENCE)
        return 1

    @app.get("/")
    async def hello() -> int:
        return 2

    with LiveServer(app, io_threads=io_threads, **limits) as server:
        try:
            yield Blocked(server, go, begun)
        finally:
            go.set()


@pytest.mark.parametrize("io_threads", [0, 1])
def test_they_are_bounded_as_all_requests_are(io_threads: int) -> None:
    with blocked(io_threads, limit_concurrency=20) as server:
        waiting = [server.ask() for _ in range(19)]
        server.wait_for_requests(19)
        server.wait_for_threads()
        for _ in range(5):
            with server.ask() as refused:
                assert refused.read_answer().status_line == "HTTP/1.1 503 Service Unavailable"
        assert len(server.begun) == THREADS
        server.go.set()
        for connection in waiting:
            assert connection.read_answer().body == b"1"
            connection.close()
        assert len(server.begun) == 19
        assert server.server.wait_idle(PATIENCE)


@pytest.mark.parametrize("io_threads", [0, 1])
def test_those_whose_clients_have_left_end_in_their_turn(io_threads: int) -> None:
    """As under uvicorn they are called all the same: what Python has begun with is not broken off."""
    with blocked(io_threads) as server:
        for number in range(10):
            leaving = [server.ask() for _ in range(20)]
            server.wait_for_requests(20 * (number + 1))
            with RawConnection(server.server.port) as behind:
                behind.send(request("GET", "/"))
                assert behind.read_answer().body == b"2"
            for connection in leaving:
                connection.close()
        server.wait_for_requests(200)
        server.wait_for_threads()
        assert len(server.begun) == THREADS
        server.go.set()
        assert server.server.wait_idle(PATIENCE)
        assert len(server.begun) == 200
