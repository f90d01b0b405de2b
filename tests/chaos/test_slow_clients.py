"""Clients that send slowly, or never read, cost the others nothing and the server little."""

from __future__ import annotations

import socket
import time

import pytest
from server_process import ServeApp, ServerProcess
from wire import Client, request, seconds_for

# One request of a keep-alive connection takes well under a millisecond; this leaves room for a busy machine only.
OTHERS = 300
OTHERS_SECONDS = 3.0


@pytest.fixture
def server(serve: ServeApp) -> ServerProcess:
    return serve("chaos_app:app", "--no-access-log")


def test_half_a_request_holds_up_nobody_and_ends_with_408(serve: ServeApp) -> None:
    server = serve("chaos_app:app", "--no-access-log", "--timeout-head", "3")
    with Client(server.connect(30)) as slow, Client(server.connect()) as other:
        slow.send(b"GET / HTTP/1.1\r\nhost: t\r\nx-half")
        begin = time.monotonic()
        assert seconds_for(other, OTHERS) < OTHERS_SECONDS
        status, _ = slow.answer()
        assert status == 408
        # A deadline comes up to a quarter late, and the machine may be busy.
        assert 2.5 < time.monotonic() - begin < 15
        assert slow.socket.recv(1) == b""


def test_half_a_body_holds_up_nobody(server: ServerProcess) -> None:
    with Client(server.connect()) as slow, Client(server.connect()) as other:
        slow.send(request("POST", "/echo", b'{"text": "a", "times": 1}')[:-10])
        assert seconds_for(other, OTHERS) < OTHERS_SECONDS
        slow.send(request("POST", "/echo", b'{"text": "a", "times": 1}')[-10:])
        assert slow.answer() == (200, b'{"text":"a","times":1}')


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (request("GET", "/sync/7"), (200, b'{"number":7}')),
        (request("POST", "/echo", b'{"text": "\xc3\xa9", "times": 2}'), (200, '{"text":"é","times":2}'.encode())),
        (
            b"POST /upload HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n"
            b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
            (200, b'{"size":13}'),
        ),
        (request("GET", "/items/999"), (404, b'{"detail":"Not Found"}')),
    ],
)
def test_a_byte_at_a_time(server: ServerProcess, data: bytes, answer: tuple[int, bytes]) -> None:
    with Client(server.connect()) as slow, Client(server.connect()) as other:
        slow.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for index in range(len(data)):
            slow.send(data[index : index + 1])
            if index % 16 == 0:
                assert seconds_for(other, 1) < 1.0
        assert slow.answer() == answer


@pytest.mark.unsanitized("a sanitizer keeps what is freed")
def test_a_client_that_never_reads_a_stream(server: ServerProcess) -> None:
    with Client(server.connect()) as other:
        seconds_for(other, 10)
        before = server.resident_bytes()
        readers = [server.connect() for _ in range(4)]
        for reader in readers:
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.sendall(request("GET", "/stream/256"))
        time.sleep(1.0)
        assert seconds_for(other, OTHERS) < OTHERS_SECONDS
        # 1 GiB is asked for; what waits is bounded by the kernel's send buffers and the server's high-water marks.
        assert server.resident_bytes() - before < 64 * 2**20
        for reader in readers:
            reader.close()
        assert seconds_for(other, 10) < OTHERS_SECONDS


@pytest.mark.unsanitized("a sanitizer keeps what is freed")
def test_a_client_that_pipelines_and_never_reads(server: ServerProcess) -> None:
    with server.connect(2) as flood, Client(server.connect()) as other:
        seconds_for(other, 10)
        before = server.resident_bytes()
        requests = request("GET", "/items") * 1000
        sent = 0
        try:
            for _ in range(400):
                sent += flood.send(requests)
        except TimeoutError:
            pass  # the server stopped reading: that is the point
        assert sent > 0
        assert seconds_for(other, OTHERS) < OTHERS_SECONDS
        assert server.resident_bytes() - before < 64 * 2**20
