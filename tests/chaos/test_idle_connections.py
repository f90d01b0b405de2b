"""An idle connection costs bytes."""

from __future__ import annotations

import resource
import socket
import time

import pytest
from server_process import ServeApp
from wire import Client, request

CONNECTIONS = 10_000
BYTES_EACH = 8 * 1024


@pytest.mark.unsanitized("a sanitizer keeps what is freed")
def test_ten_thousand_idle_connections(serve: ServeApp) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < CONNECTIONS + 200:
        pytest.skip(f"this machine allows {hard} descriptors a process")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # the server inherits it
    idle: list[socket.socket] = []
    try:
        server = serve("chaos_app:app", "--no-access-log", "--timeout-keep-alive", "600")
        with Client(server.connect()) as warm:
            for _ in range(100):
                warm.ask("GET", "/")
        before = server.resident_bytes()
        for _ in range(CONNECTIONS):
            client = server.connect()
            idle.append(client)
            client.sendall(request("GET", "/"))
            answer = client.recv(4096)
            assert answer.startswith(b"HTTP/1.1 200")
        each = (server.resident_bytes() - before) / CONNECTIONS
        print(f"{each:.0f} bytes of resident memory for each idle connection")
        assert each < BYTES_EACH

        begin = time.perf_counter()
        with Client(server.connect()) as fresh:
            assert fresh.ask("GET", "/")[0] == 200
        assert time.perf_counter() - begin < 0.25
        for client in idle[:: CONNECTIONS // 50]:
            with Client(client) as old:
                assert old.ask("GET", "/sync/3") == (200, {"number": 3})
    finally:
        for client in idle:
            client.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
