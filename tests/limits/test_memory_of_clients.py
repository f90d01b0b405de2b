"""What one client, or many, can make the server keep in memory: measured, against a stated bound."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from server_process import ServeApp, ServerProcess

MIB = 1 << 20
# What the bounds of http/limits.hpp sum up to for one connection is far below 1 MiB; the rest is room for allocators.
ONE_CLIENT = 24 * MIB
HERE = Path(__file__).parent


def request(target: str, method: str = "GET") -> bytes:
    return f"{method} {target} HTTP/1.1\r\nhost: t\r\n\r\n".encode()


def answer_of(client: socket.socket) -> bytes:
    """The body of an answer with a content-length."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = client.recv(65536)
        assert piece, received
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    while len(body) < int(fields[b"content-length"]):
        piece = client.recv(1 << 20)
        assert piece
        body += piece
    return body


def create_items(server: ServerProcess, count: int) -> None:
    with server.connect() as client:
        for _ in range(count):
            body = json.dumps({"name": "n" * 100}).encode()
            head = (
                f"POST /items HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
            )
            client.sendall(head.encode() + b"\r\n" + body)
            answer_of(client)


def most_resident(server: ServerProcess, seconds: float) -> int:
    """The most that was seen within `seconds`."""
    most = server.resident_bytes()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.02)
        most = max(most, server.resident_bytes())
    return most


@contextlib.contextmanager
def pipelining(server: ServerProcess, one: bytes, *, reads: bool) -> Iterator[socket.socket]:
    """A client that sends `one` over and over as fast as it is taken; another thread of it reads the answers."""
    client = server.connect(30)
    stop = threading.Event()

    def send() -> None:
        many = one * (100_000 // len(one))
        with contextlib.suppress(OSError):
            while not stop.is_set():
                client.sendall(many)

    def read() -> None:
        with contextlib.suppress(OSError):
            while client.recv(1 << 20):
                pass

    threads = [threading.Thread(target=send), *([threading.Thread(target=read)] if reads else [])]
    for thread in threads:
        thread.start()
    try:
        yield client
    finally:
        stop.set()
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        client.close()


def settled(server: ServerProcess, get: Callable[[], object], times: int = 20) -> int:
    """What the server occupies once it has answered a few, and keeps the buffers that it keeps."""
    for _ in range(times):
        get()
    return server.resident_bytes()


@pytest.mark.parametrize("io_threads", ["0", "1"])
@pytest.mark.parametrize(
    ("target", "reads"), [("/items", True), ("/items", False), ("/nowhere", True), ("/", True), ("*", True)]
)
def test_one_client_that_pipelines(serve: ServeApp, target: str, reads: bool, io_threads: str) -> None:
    server = serve("limits_app:app", "--no-access-log", "--io-threads", io_threads, search=HERE)
    create_items(server, 20)
    one = request(target, "OPTIONS" if target == "*" else "GET")

    def get() -> None:
        with server.connect() as client:
            client.sendall(one)
            client.recv(65536)

    before = settled(server, get)
    with pipelining(server, one, reads=reads):
        assert most_resident(server, 1.5) - before < ONE_CLIENT
        # and the others are served
        with server.connect(30) as other:
            other.sendall(request("/items"))
            assert len(json.loads(answer_of(other))["items"]) == 20
