"""Requests that are refused leave a line in the log; a flood of them leaves a few."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from pathlib import Path

import pytest
from server_process import ServeApp, ServerProcess

from data_bridge.refusal_log import RefusalLog

HERE = Path(__file__).parent


def refused(server: ServerProcess, data: bytes) -> bytes:
    """All that the server says to `data` before it closes."""
    with server.connect(20) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        received = b""
        while piece := client.recv(65536):
            received += piece
        return received


def wait_for(server: ServerProcess, text: str, count: int = 1) -> None:
    deadline = time.monotonic() + 30
    while server.log.count(text) < count:
        assert time.monotonic() < deadline, server.log
        time.sleep(0.02)


@pytest.mark.parametrize("io_threads", ["0", "2"])
def test_a_refused_request_leaves_a_line(serve: ServeApp, io_threads: str) -> None:
    server = serve(
        "limits_app:app", "--no-access-log", "--io-threads", io_threads, "--max-body-size", "10", search=HERE
    )
    refused(server, b"GARBAGE\r\n\r\n")
    wait_for(server, "WARNING:  Invalid HTTP request received.")
    refused(server, b"GET / HTTP/1.1\r\nbad header\r\n\r\n")
    wait_for(server, "WARNING:  Invalid HTTP request received.", 2)
    refused(server, b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n")
    wait_for(server, "WARNING:  HTTP request refused: 414 ")
    refused(server, b"POST /count HTTP/1.1\r\nhost: t\r\ncontent-length: 11\r\n\r\n")
    wait_for(server, "WARNING:  HTTP request refused: 413 ")


def test_a_flood_of_garbage_does_not_fill_the_disk(serve: ServeApp) -> None:
    server = serve("limits_app:app", "--no-access-log", "--io-threads", "1", search=HERE)
    begin = time.monotonic()
    for _ in range(500):
        refused(server, b"GARBAGE\r\n\r\n")
    wait_for(server, "more HTTP requests were refused.")
    seconds = time.monotonic() - begin
    assert server.log.count("Invalid HTTP request received.") <= RefusalLog.LINES * (seconds + 1)


def test_what_was_left_out_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        log = RefusalLog(logging.getLogger("refusals"))
        log([400] * 16, 84)
        log([431], 0)
        log._end_second()
        log([431], 0)

    asyncio.run(main())
    lines = [record.getMessage() for record in caplog.records]
    assert lines[:10] == ["Invalid HTTP request received."] * 10
    assert lines[10:] == [
        "91 more HTTP requests were refused.",
        "HTTP request refused: 431 Request Header Fields Too Large.",
    ]
