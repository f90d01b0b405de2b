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

pytestmark = pytest.mark.unsanitized("a sanitizer keeps what is freed")

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


@pytest.mark.parametrize("io_threads", ["0", "1"])
@pytest.mark.parametrize("path", ["/stream", "/large"])
def test_a_client_that_leaves_its_answer_unread(serve: ServeApp, path: str, io_threads: str) -> None:
    """What is streamed waits with its sender; what is one piece is kept once, and given back with the client."""
    server = serve("limits_app:app", "--no-access-log", "--io-threads", io_threads, search=HERE)
    size = 60 * MIB

    def get() -> None:
        with server.connect() as client:
            client.sendall(request(f"{path}?size=100000"))
            client.recv(65536)

    before = settled(server, get)
    with server.connect() as client:
        client.sendall(request(f"{path}?size={size}"))
        assert client.recv(12) == b"HTTP/1.1 200"
        kept = ONE_CLIENT if path == "/stream" else size * 5 // 2 + ONE_CLIENT
        assert most_resident(server, 1.5) - before < kept
    deadline = time.monotonic() + 30
    while server.resident_bytes() - before > ONE_CLIENT:
        assert time.monotonic() < deadline, server.resident_bytes() - before
        get()


@pytest.mark.parametrize("path", ["/large", "/plain", "/untyped"])
@pytest.mark.parametrize("io_threads", ["0", "1"])
def test_the_largest_answer_is_not_kept(serve: ServeApp, path: str, io_threads: str) -> None:
    server = serve("limits_app:app", "--no-access-log", "--io-threads", io_threads, search=HERE)

    def get(size: int = 1000) -> None:
        with server.connect(60) as client:
            client.sendall(request(f"{path}?size={size}"))
            assert len(answer_of(client)) >= size

    before = settled(server, get)
    get(48 * MIB)
    deadline = time.monotonic() + 30
    while server.resident_bytes() - before > ONE_CLIENT:
        assert time.monotonic() < deadline, server.resident_bytes() - before
        get()


@pytest.mark.parametrize("io_threads", ["0", "1"])
def test_a_thousand_clients_that_give_up(serve: ServeApp, io_threads: str) -> None:
    """Each leaves half a request, a request or an upload behind."""
    server = serve("limits_app:app", "--no-access-log", "--io-threads", io_threads, search=HERE)
    upload = b"POST /count HTTP/1.1\r\nhost: t\r\ncontent-length: 10000000\r\n\r\n" + b"x" * 50_000
    left = [request("/stream?size=10000000"), upload, request("/items")[:-10], request("/slow?seconds=60")]

    def get() -> None:
        with server.connect() as client:
            client.sendall(request("/items"))
            answer_of(client)

    before = settled(server, get)
    descriptors = server.open_descriptors()
    for number in range(1000):
        client = server.connect(30)
        client.sendall(left[number % len(left)])
        client.close()
    assert server.resident_bytes() - before < 2 * ONE_CLIENT
    begin = time.monotonic()
    get()
    assert time.monotonic() - begin < 45  # less than the slow ones take
    deadline = time.monotonic() + 30
    while server.open_descriptors() > descriptors:
        assert time.monotonic() < deadline
        time.sleep(0.02)
