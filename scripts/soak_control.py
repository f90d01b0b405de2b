"""A bare asyncio server, and its clients: how fast the machine of server_soak.py is at the moment, without data_bridge.

python soak_control.py PORT
"""

from __future__ import annotations

import asyncio
import random
import sys

from soak_client import Connection, request

#: Of the control server.
CLIENTS = 4
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nplain"


class Plain(asyncio.Protocol):
    """One answer to whatever ends with an empty line."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Each request comes in one piece: it is small, and one waits for its answer."""
        self.transport.write(ANSWER)


class Control:
    """Clients that ask as the good ones of soak_load do, and how long it took."""

    def __init__(self, port: int, pause: float) -> None:
        self.answers = 0
        #: Milliseconds, since they were taken last.
        self.latencies: list[float] = []
        self._port = port
        self._pause = pause
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Let them begin."""
        self._tasks = [asyncio.create_task(self._ask_for_ever(random.Random(seed))) for seed in range(CLIENTS)]

    async def stop(self) -> None:
        """End them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def check(self) -> None:
        """Raise what has ended one of them."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def _ask_for_ever(self, seeded: random.Random) -> None:
        loop = asyncio.get_running_loop()
        connection = await Connection.open(self._port)
        while True:
            begin = loop.time()
            await connection.ask(request("GET", "/"))
            self.answers += 1
            self.latencies.append((loop.time() - begin) * 1000)
            await asyncio.sleep(seeded.random() * 2 * self._pause)


async def main(port: int) -> None:
    """Serve until a signal."""
    server = await asyncio.get_running_loop().create_server(Plain, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
