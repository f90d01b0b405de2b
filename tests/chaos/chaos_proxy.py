"""A TCP proxy that does to bytes what networks do: it splits, delays, throttles and cuts them.

In a test, `with ChaosProxy(server.port, Faults(most=7)) as proxy:` listens on `proxy.port`, in a thread of its own; in
a running loop, `await proxy.start()` and `await proxy.stop()`.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass

#: What is read at a time, and waits in the proxy each way.
READ_SIZE = 64 * 1024


@dataclass(frozen=True)
class Faults:
    """What happens to the bytes of one direction."""

    #: Bytes of a piece at most, by chance from 1 on; 0: as they come.
    most: int = 0
    #: A pause behind this byte, so that it and the next come in two segments.
    split_at: int | None = None
    #: Seconds before each piece at most, by chance; of the pause at `split_at`.
    delay: float = 0.0
    #: Bytes a second; 0: as fast as they come.
    rate: int = 0
    #: The connection is cut, both ways, when so many bytes have passed.
    cut_at: int | None = None
    #: Cut by RST, which drops what is on the way, instead of FIN.
    reset: bool = False


NONE = Faults()


class ChaosProxy:
    """Passes the connections that it accepts on to a port of the loopback.

    `up` is what happens to a client's bytes, `down` to the server's; each may be a function of the number of the
    connection, from 0 on.
    """

    def __init__(
        self,
        port: int,
        up: Faults | Callable[[int], Faults] = NONE,
        down: Faults | Callable[[int], Faults] = NONE,
        seed: int = 1,
    ) -> None:
        self.port = 0
        #: Connections so far, those that the proxy has cut, and those that are open.
        self.accepted = self.cut = self.open = 0
        #: Bytes that have passed, to the server and to clients.
        self.passed = [0, 0]
        self._target = port
        self._faults = tuple(found if callable(found) else (lambda _, same=found: same) for found in (up, down))
        self._seeded = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen on `port`."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=READ_SIZE)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Cut what is open."""
        if self._server is None:
            return
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        up, down = (faults(self.accepted) for faults in self._faults)
        self.accepted += 1
        self.open += 1
        try:
            server, to_server = await asyncio.open_connection("127.0.0.1", self._target, limit=READ_SIZE)
        except OSError:
            to_client.transport.abort()
            self.open -= 1
            return
        ways = [
            asyncio.create_task(self._pass_on(client, to_server, up, 0)),
            asyncio.create_task(self._pass_on(server, to_client, down, 1)),
        ]
        try:
            # Whichever way is cut first cuts both; an end that was sent passes one way only.
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_EXCEPTION)
            for way in done:
                if isinstance(error := way.exception(), _Cut):
                    self.cut += 1
                    for writer in (to_client, to_server):
                        _end(writer, error.reset)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for writer in (to_client, to_server):
                writer.close()
            for writer in (to_client, to_server):
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
            self.open -= 1

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, faults: Faults, way: int
    ) -> None:
        passed = 0
        while data := await reader.read(READ_SIZE):
            while data:
                size = self._next_piece(len(data), passed, faults)
                if size == 0:
                    raise _Cut(faults.reset)
                if faults.delay:
                    await asyncio.sleep(self._next_delay(passed, faults))
                if faults.rate:
                    await asyncio.sleep(size / faults.rate)
                writer.write(data[:size])
                await writer.drain()
                if faults.most:
                    await asyncio.sleep(0)  # else what fits the buffer of the socket would go in one piece
                data, passed = data[size:], passed + size
                self.passed[way] += size
        if passed == faults.cut_at:
            raise _Cut(faults.reset)
        writer.write_eof()

    def _next_piece(self, size: int, passed: int, faults: Faults) -> int:
        """How much goes on at once; 0 where nothing does any more."""
        if faults.most:
            size = min(size, self._seeded.randrange(faults.most) + 1)
        if faults.rate:
            size = min(size, max(1, faults.rate // 50))  # a piece each 20 ms
        if faults.split_at is not None and passed < faults.split_at:
            size = min(size, faults.split_at - passed)
        if faults.cut_at is not None:
            size = min(size, faults.cut_at - passed)
        return size

    def _next_delay(self, passed: int, faults: Faults) -> float:
        if faults.split_at is None:
            return self._seeded.random() * faults.delay
        return faults.delay if passed == faults.split_at else 0.0

    # --- in a thread

    def __enter__(self) -> ChaosProxy:
        begun = threading.Event()

        async def serve() -> None:
            self._end = asyncio.Event()
            self._loop = asyncio.get_running_loop()
            await self.start()
            begun.set()
            await self._end.wait()
            await self.stop()

        self._thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
        self._thread.start()
        assert begun.wait(30), "the proxy does not listen"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(30)


class _Cut(Exception):
    """Enough bytes have passed."""

    def __init__(self, reset: bool) -> None:
        self.reset = reset


def _end(writer: asyncio.StreamWriter, reset: bool) -> None:
    if not reset:
        writer.close()
        return
    sock = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):  # closed already
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
