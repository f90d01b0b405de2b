"""Mixed load: valid, broken and disconnecting clients; the server must stay as it was.

DATA_BRIDGE_SOAK_REQUESTS sets how many; `make test-soak` sends 200,000 to a server under AddressSanitizer.
"""

from __future__ import annotations

import asyncio
import os
import random
import time

import pytest
from server_process import ServeApp, ServerProcess
from wire import BROKEN, Client, request

REQUESTS = int(os.environ.get("DATA_BRIDGE_SOAK_REQUESTS", "6000"))
# A leak of 100 bytes a request would be 19 MiB over 200,000; SQLite's page cache and malloc settle within 16. A
# sanitizer's allocator takes longer: 17 MiB after 200,000 requests, 21 after 400,000, where the ordinary build has
# grown by 1.
MAX_GROWTH_MIB = int(os.environ.get("DATA_BRIDGE_SOAK_GROWTH_MIB", "16"))
CLIENTS = 48

VALID = [
    (request("GET", "/"), 200),
    (request("GET", "/sync/12"), 200),
    (request("GET", "/sync/none"), 422),
    (request("GET", "/slow/1"), 200),
    (request("GET", "/nowhere"), 404),
    (request("DELETE", "/"), 405),
    (request("GET", "/items/"), 307),
    (request("GET", "/mounted/x"), 200),
    (request("GET", "/fail"), 500),
    (request("POST", "/echo", b'{"text": "a", "times": 3}'), 200),
    (request("POST", "/echo", b'{"text": "a"'), 422),
    (request("POST", "/items", b'{"name": "x", "price": 2.5, "tags": ["a", "b"]}'), 201),
    (request("POST", "/items", b'{"name": "", "price": -1}'), 422),
    (request("GET", "/items?limit=20"), 200),
    (request("GET", "/items?limit=-1"), 422),
    (request("GET", "/items/1"), 200),
    (request("PATCH", "/items/1", b'{"price": 3.5}'), 200),
    (request("PUT", "/items/1", b'{"name": "y", "price": 1}'), 200),
    (request("DELETE", "/items/99999999"), 404),
]


async def status_of(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """The status of the next answer, and whether the connection stays open."""
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    length = int(lower.partition(b"content-length: ")[2].partition(b"\r\n")[0] or b"0")
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1]), b"connection: close" not in lower


class Load:
    """Clients that share what is left to send."""

    def __init__(self, server: ServerProcess, total: int) -> None:
        self.server = server
        self.left = total
        self.wrong: list[str] = []

    async def client(self, seed: int) -> None:
        """Keep-alive connections, pipelines, broken requests and sudden ends, until nothing is left."""
        seeded = random.Random(seed)
        while self.left > 0:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
            try:
                await self.connection(seeded, reader, writer)
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                self.wrong.append(f"closed in the middle: {error!r}")
            finally:
                writer.close()

    async def connection(
        self, seeded: random.Random, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """One connection's life."""
        for _ in range(seeded.randrange(1, 40)):
            chosen = [seeded.choice(VALID) for _ in range(seeded.choice([1, 1, 1, 4]))]
            self.left -= len(chosen)
            writer.write(b"".join(data for data, _ in chosen))
            for data, expected in chosen:
                status, stays = await status_of(reader)
                if status != expected:
                    self.wrong.append(f"{data[:60]!r}: {status}, not {expected}")
                if not stays or status == 500:
                    return  # as uvicorn, the server closes after an exception, and what was pipelined is dropped
        self.left -= 1
        match seeded.randrange(3):
            case 0:
                writer.write(seeded.choice(BROKEN))
                status, stays = await status_of(reader)
                if not 400 <= status < 600 or stays:
                    self.wrong.append(f"a broken request was answered {status}, stays={stays}")
            case 1:
                data, _ = seeded.choice(VALID)
                writer.write(data[: seeded.randrange(1, len(data))])
                await writer.drain()
                writer.transport.abort()
            case 2:
                pass


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_mixed_load_leaves_the_server_as_it_was(serve: ServeApp) -> None:
    server = serve("chaos_app:app", "--no-access-log")

    async def run(total: int) -> Load:
        load = Load(server, total)
        await asyncio.gather(*(load.client(seed) for seed in range(CLIENTS)))
        return load

    with Client(server.connect()) as client:
        assert client.ask("POST", "/items", {"name": "first", "price": 1})[0] == 201

    warm = asyncio.run(run(max(REQUESTS // 10, 2000)))
    assert not warm.wrong, warm.wrong[:10]
    time.sleep(0.5)
    memory, descriptors = server.resident_bytes(), server.open_descriptors()

    load = asyncio.run(run(REQUESTS))
    assert not load.wrong, load.wrong[:10]
    for _ in range(50):
        if server.open_descriptors() <= descriptors:
            break
        time.sleep(0.1)
    assert server.open_descriptors() <= descriptors
    growth = server.resident_bytes() - memory
    print(f"{REQUESTS} requests: resident memory grew by {growth / 2**20:.1f} MiB")
    assert growth < MAX_GROWTH_MIB * 2**20
    assert server.stop() == 0, server.log[-3000:]
    assert "Sanitizer" not in server.log, server.log[-6000:]
