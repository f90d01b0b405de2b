"""A server in a process of its own: its memory with idle, slow and vanishing clients; pings; its stop; its log."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from server_process import ServerProcess

from .raw_websocket import BINARY, CLOSE, PING, PONG, TEXT, RawWebSocket, close_frame, frame

HERE = Path(__file__).parent
MIB = 1024 * 1024


def start(tmp_path: Path, io_threads: int, *arguments: str, application: str = "ws_app:app") -> ServerProcess:
    server = ServerProcess(application, tmp_path, ("--io-threads", str(io_threads), *arguments), search=HERE)
    try:
        server.wait_until_it_answers()
    except BaseException:
        server.kill_group()
        raise
    return server


@pytest.fixture(params=[0, 2])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerProcess]:
    process = start(tmp_path, request.param)
    yield process
    process.stop()


@pytest.mark.unsanitized("a sanitizer's allocator keeps what is freed")
@pytest.mark.parametrize(("application", "path", "most"), [("ws_app:bare", "/", 4), ("ws_app:app", "/echo", 24)])
@pytest.mark.parametrize("io_threads", [0, 2])
def test_idle_connections_are_small(tmp_path: Path, io_threads: int, application: str, path: str, most: int) -> None:
    """KiB, with all that Python has of it: its task, its coroutine, `receive` and `send`; FastAPI's own has more."""
    server = start(tmp_path, io_threads, application=application)
    try:
        with ExitStack() as stack:
            clients = [stack.enter_context(RawWebSocket(server.port)) for _ in range(1200)]
            for client in clients[:200]:
                client.handshake(path, extensions="permessage-deflate; client_max_window_bits")
            before = server.resident_bytes()
            for client in clients[200:]:
                client.handshake(path, extensions="permessage-deflate; client_max_window_bits")
            grown = (server.resident_bytes() - before) / 1000
        assert grown < most * 1024
    finally:
        server.stop()


@pytest.mark.unsanitized("a sanitizer's allocator keeps what is freed")
def test_a_slow_application_pauses_its_client(server: ServerProcess) -> None:
    with RawWebSocket(server.port) as client:
        client.handshake("/slow-reader")
        before = server.resident_bytes()
        client.socket.setblocking(False)
        piece, sent = frame(BINARY, bytes(60_000)), 0
        pending = b""
        deadline = time.monotonic() + 1.2
        while time.monotonic() < deadline:
            pending = pending or piece
            try:
                count = client.socket.send(pending)
                sent, pending = sent + count, pending[count:]
            except BlockingIOError:
                time.sleep(0.01)
        assert server.resident_bytes() - before < 4 * MIB
        assert sent < 64 * MIB, "what the kernel holds, and no more"
        client.socket.settimeout(30)
        client.send(pending + frame(BINARY))
        answer = client.read_frame()
        assert answer is not None
        messages = -(-sent // len(piece))
        assert int(answer.payload) == messages * 60_000


@pytest.mark.unsanitized("a sanitizer's allocator keeps what is freed")
def test_a_slow_client_pauses_its_application(server: ServerProcess) -> None:
    with RawWebSocket(server.port) as client:
        client.handshake("/flood")
        before = server.resident_bytes()
        time.sleep(0.5)
        first = httpx.get(f"{server.url}/sent").json()
        time.sleep(0.3)
        assert httpx.get(f"{server.url}/sent").json() == first < 1024
        assert server.resident_bytes() - before < 8 * MIB
        total = 0
        while (found := client.read_frame()) is not None:
            total += len(found.payload)
        assert total == 64 * MIB


def test_a_client_that_is_killed_ends_its_application(server: ServerProcess) -> None:
    clients = [RawWebSocket(server.port) for _ in range(20)]
    for client in clients:
        client.handshake("/echo")
    for number, client in enumerate(clients):
        if number % 2:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        client.socket.close()
    deadline = time.monotonic() + 10
    while len(left := httpx.get(f"{server.url}/left").json()) < 20 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left == [{"code": 1005}] * 20


def test_messages_of_a_mebibyte(server: ServerProcess) -> None:
    with RawWebSocket(server.port) as client:
        client.handshake("/echo")
        for text in (False, True):
            data = b"x" * MIB
            client.send(frame(TEXT if text else BINARY, data))
            answer = client.read_frame()
            assert answer is not None
            assert answer.payload == data
        client.send(frame(BINARY, b"", length=16 * MIB + 1))
        answer = client.read_frame()
        assert answer is not None
        assert answer.opcode == CLOSE
        assert answer.payload.startswith(b"\x03\xf1frame with 16777217")


@pytest.mark.parametrize("io_threads", [0, 2])
def test_pings(tmp_path: Path, io_threads: int) -> None:
    server = start(tmp_path, io_threads, "--ws-ping-interval", "0.4", "--ws-ping-timeout", "0.6")
    try:
        with RawWebSocket(server.port) as client:
            client.handshake("/echo")
            for _ in range(3):
                ping = client.read_frame()
                assert ping is not None
                assert ping.opcode == PING
                assert len(ping.payload) == 4
                client.send(frame(PONG, ping.payload))
            began = time.monotonic()
            frames, ended = client.read_rest(10)
            assert ended
            assert frames[-1].payload == b"\x03\xf3keepalive ping timeout"
            assert 0.6 <= time.monotonic() - began < 3
        deadline = time.monotonic() + 5
        while not (left := httpx.get(f"{server.url}/left").json()) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert left == [{"code": 1005}]
    finally:
        server.stop()


@pytest.mark.parametrize("io_threads", [0, 2])
def test_a_stop_closes_with_1012(tmp_path: Path, io_threads: int) -> None:
    server = start(tmp_path, io_threads)
    try:
        with RawWebSocket(server.port) as open_client, RawWebSocket(server.port) as busy:
            open_client.handshake("/echo")
            busy.handshake("/echo")
            busy.send(frame(TEXT, "x"))
            assert busy.read_frame() is not None
            began = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            for client in (open_client, busy):
                frames, ended = client.read_rest(10)
                assert [f.payload for f in frames] == [b"\x03\xf4"]
                assert ended
        assert server.wait_for_end(10) == -signal.SIGTERM
        assert time.monotonic() - began < 4
    finally:
        server.stop()


def test_what_is_logged(server: ServerProcess) -> None:
    with RawWebSocket(server.port) as client:
        client.handshake("/echo?a=b")
        client.send(close_frame(1000))
        assert client.wait_ended(10)
        port = client.socket.getsockname()[1]
    with RawWebSocket(server.port) as refused:
        refused.handshake("/nowhere")
    with RawWebSocket(server.port) as raising:
        raising.handshake("/raise")
        frames, ended = raising.read_rest(10)
        assert (frames, ended) == ([], True)
    server.wait_for_log("RuntimeError: on purpose")
    server.wait_for_log('"WebSocket /raise" [accepted]')
    assert f'INFO:     127.0.0.1:{port} - "WebSocket /echo?a=b" [accepted]\n' in server.log
    assert '"WebSocket /nowhere" 403\n' in server.log
    assert "Exception in ASGI application" in server.log
