"""A server that is stopped answers every request that a client has sent, whatever the connection it came on."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from pathlib import Path

import pytest
from server_process import ServeApp

HERE = Path(__file__).parent
KEPT = b"GET / HTTP/1.1\r\nhost: t\r\n\r\n"
ONE = b"GET / HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n"
CRUD = b"GET /items HTTP/1.1\r\nhost: t\r\n\r\n"


async def read_answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head
    length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    await reader.readexactly(int(length.partition(b":")[2]))
    return head


async def keep_asking(port: int, request: bytes, outcomes: Counter[str]) -> None:
    """One request after the other on a connection, and on a new one where an answer said `close`, until nobody listens.

    A request that was sent and not answered is counted by its error.
    """
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            return
        try:
            while True:
                writer.write(request)
                head = await read_answer(reader)
                outcomes["answered"] += 1
                if b"connection: close" in head:
                    break
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            outcomes[type(error).__name__] += 1
        finally:
            writer.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("layout", ["--io-threads=0", "--io-threads=1", "--io-threads=2", "--workers=2"])
def test_a_stop_under_load(serve: ServeApp, layout: str) -> None:
    async def load(port: int, pid: int) -> Counter[str]:
        outcomes: Counter[str] = Counter()
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        for reader, writer in idle:
            writer.write(KEPT)
            await read_answer(reader)
        clients = [
            asyncio.create_task(keep_asking(port, request, outcomes))
            for request in [KEPT] * 32 + [ONE] * 16 + [CRUD] * 16
        ]
        while outcomes["answered"] < 500:
            await asyncio.sleep(0.01)
        os.kill(pid, signal.SIGTERM)
        await asyncio.gather(*clients)
        for reader, writer in idle:
            assert await reader.read() == b""
            writer.close()
        return outcomes

    lost: Counter[str] = Counter()
    # On a busy machine these clients take longer for their next request than clients do by default.
    options = ["--no-access-log", "--timeout-drain", "3", layout]
    for _ in range(3):
        server = serve("limits_app:app", *options, search=HERE)
        lost += asyncio.run(load(server.port, server.pid))
        assert server.wait_for_end() in (0, -signal.SIGTERM)
    assert lost.pop("answered") > 1500
    assert not lost
