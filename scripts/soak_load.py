"""The clients of server_soak.py: good ones, slow ones, broken ones and those behind a bad network."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from chaos_proxy import NONE, ChaosProxy, Faults
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from wire import BROKEN

from soak_client import PATIENCE, Answer, Connection, Ended, request

#: Of each kind, for one server.
GOOD, WRITERS, SOCKETS, CHAOTIC, BROKEN_ONES, STREAMS = 12, 4, 6, 6, 2, 2
#: Seconds between two requests of a good client, on average.
PAUSE = 0.012
#: A server that stops waits so long for the next request of a client (docs/compatibility.md, timeout_drain).
DRAIN = 0.9
#: How many wrong answers are kept as text.
MOST_WRONG = 50


def json_is(value: Any) -> Callable[[Answer], bool]:
    """200 with this body."""
    return lambda answer: answer.status == 200 and answer.json() == value


def status_is(status: int) -> Callable[[Answer], bool]:
    """Whatever the body."""
    return lambda answer: answer.status == status


def body_is(body: bytes) -> Callable[[Answer], bool]:
    """200 with these bytes."""
    return lambda answer: answer.status == 200 and answer.body == body


READS: list[tuple[bytes, Callable[[Answer], bool]]] = [
    (request("GET", "/"), json_is({"message": "Hello, world"})),
    (request("GET", "/typed/7?q=a%20b"), json_is({"number": 7, "q": "a b", "opened": 1})),
    (request("GET", "/typed/none"), status_is(422)),
    (request("GET", "/sync/12"), json_is({"number": 12})),
    (request("GET", "/bridged/x"), json_is({"from": "the bridged application"})),
    (request("GET", "/nowhere"), status_is(404)),
    (request("DELETE", "/"), status_is(405)),
    (request("POST", "/echo", {"text": "é" * 200, "times": 3}), json_is({"text": "é" * 200, "times": 3})),
    (request("POST", "/echo", {"text": 1}), status_is(422)),
    (request("GET", "/items/1"), status_is(200)),
    (request("GET", "/items?limit=20"), status_is(200)),
    (request("GET", "/items?limit=-1"), status_is(422)),
]
#: Nobody measures how long these take.
OTHERS = [
    (request("GET", "/slow/20"), json_is({"slept": 20})),
    (request("GET", "/fail"), status_is(500)),
]
UPLOAD = [1, 17, 4000, 70_000, 3]
NETWORKS = [
    # Each of its pieces costs a turn of this process' loop: a whole upload would take minutes on a busy machine.
    Faults(most=9, cut_at=4000),
    Faults(most=3000, delay=0.01),
    Faults(rate=20_000),
    Faults(rate=300_000),
]


class Load:
    """All clients of one server, and what they have seen."""

    def __init__(self, name: str, port: int, *, replaced: bool, seed: int) -> None:
        self.name = name
        self.port = port
        self.replaced = replaced  # its workers are, now and then
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        #: Milliseconds, of good clients' requests since they were taken last.
        self.latencies: list[float] = []
        #: Until when, by the loop's clock, writes may be refused: the store is locked, or was.
        self.locked_until = 0.0
        #: When the workers were last told to be replaced, by the loop's clock.
        self.replaced_at = 0.0
        self._seed = seed
        self._tasks: list[asyncio.Task[None]] = []
        self._proxy = ChaosProxy(port, lambda number: self._faults(number)[0], lambda number: self._faults(number)[1])

    async def start(self) -> None:
        """Let all of them begin."""
        await self._proxy.start()
        kinds: list[tuple[int, Callable[[random.Random], Coroutine[Any, Any, None]]]] = [
            (GOOD, self._good),
            (WRITERS, self._writer),
            (SOCKETS, self._socket),
            (1, self._news),
            (CHAOTIC, self._chaotic),
            (BROKEN_ONES, self._broken),
            (STREAMS, self._streams),
        ]
        for kind, (count, run) in enumerate(kinds):
            for number in range(count):
                seeded = random.Random(self._seed + 1000 * kind + number)
                self._tasks.append(asyncio.create_task(self._for_ever(run, seeded)))

    async def stop(self) -> None:
        """End all of them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._proxy.stop()
        self.counts["cut by the network"] = self._proxy.cut

    def _note_wrong(self, text: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} WRONG {self.name}: {text}", flush=True)
        self.counts["wrong"] += 1
        if len(self.wrong) < MOST_WRONG:
            self.wrong.append(f"{self.name}: {text}")

    async def _for_ever(self, run: Callable[[random.Random], Coroutine[Any, Any, None]], seeded: random.Random) -> None:
        while True:
            try:
                await run(seeded)
            except Exception as error:
                self._note_wrong(f"{run.__name__}: {error!r}")
                await asyncio.sleep(1)

    # --- clients that do nothing wrong

    async def _ask(
        self, connection: Connection, data: bytes, right: Callable[[Answer], bool], *, measured: bool = False
    ) -> Answer | None:
        """None where the server had ended the connection, as it may while nobody asks."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        answer = await self._exchange(connection, data)
        if answer is None:
            return None
        if not right(answer):
            self._note_wrong(f"{data[:60]!r}: {answer.status} {answer.body[:80]!r}")
        self.counts["answers"] += 1
        if measured:
            self.latencies.append((loop.time() - begin) * 1000)
        return answer

    async def _exchange(self, connection: Connection, data: bytes) -> Answer | None:
        """None where the connection ended."""
        begin = asyncio.get_running_loop().time()
        try:
            return await connection.ask(data)
        except Ended as error:
            self._note_end(connection, data, error, begin)
            return None

    def _note_end(self, connection: Connection, data: bytes, error: Ended, asked: float) -> None:
        idle = asked - connection.idle_since
        if error.begun or not self.replaced or idle < DRAIN:
            now = asyncio.get_running_loop().time()
            self._note_wrong(
                f"{data[:60]!r}: ended {error}, sent {idle:.3f} s after the one before, {now - asked:.3f} s ago, on a "
                f"connection of {now - connection.opened:.3f} s; workers replaced {now - self.replaced_at:.1f} s ago"
            )
        self.counts["ended while idle"] += 1

    async def _good(self, seeded: random.Random) -> None:
        connection = await Connection.open(self.port)
        try:
            for _ in range(seeded.randrange(1, 400)):
                measured = seeded.random() < 0.97
                data, right = seeded.choice(READS if measured else OTHERS)
                answer = await self._ask(connection, data, right, measured=measured)
                if answer is None or not answer.stays or answer.status == 500:
                    return
                await asyncio.sleep(seeded.random() * 2 * PAUSE)
        finally:
            connection.close()

    async def _writer(self, seeded: random.Random) -> None:
        """Items from their making to their end, so that there are no more of them in the end."""
        connection = await Connection.open(self.port)
        path = ""
        try:
            for _ in range(seeded.randrange(1, 50)):
                for method, value, status in (
                    ("POST", {"name": "soak", "price": 1.5}, 201),
                    ("PATCH", {"price": 2.5}, 200),
                    ("DELETE", None, 204),
                ):
                    while True:
                        data = request(method, "/items" if method == "POST" else path, value)
                        answer = await self._write(connection, data, status)
                        if answer is None or not answer.stays:
                            connection.close()
                            connection = await Connection.open(self.port)
                        if answer is not None and answer.status != 503:
                            break
                        await asyncio.sleep(0.05)
                    if method == "POST":
                        path = f"/items/{answer.json()['id']}"
                await asyncio.sleep(seeded.random() * 4 * PAUSE)
        finally:
            connection.close()

    async def _write(self, connection: Connection, data: bytes, status: int) -> Answer | None:
        """None where the connection ended; 503 where the store was locked."""
        answer = await self._exchange(connection, data)
        if answer is None:
            return None
        if answer.status == 503 and asyncio.get_running_loop().time() < self.locked_until:
            self.counts["refused, locked"] += 1
        elif answer.status != status:
            self._note_wrong(f"{data[:60]!r}: {answer.status} {answer.body[:80]!r}")
        self.counts["writes"] += 1
        return answer

    async def _streams(self, seeded: random.Random) -> None:
        connection = await Connection.open(self.port)
        try:
            for _ in range(20):
                pieces = seeded.randrange(1, 64)
                answer = await self._ask(
                    connection, request("GET", f"/stream/{pieces}"), body_is(b"s" * (pieces * 16384))
                )
                if answer is not None and answer.stays:
                    answer = await self._ask(connection, chunked_upload(), json_is({"size": sum(UPLOAD)}))
                if answer is None or not answer.stays:
                    return
                self.counts["streams"] += 2
                await asyncio.sleep(0.1)
        finally:
            connection.close()

    async def _socket(self, seeded: random.Random) -> None:
        """Messages that come back, through the bad network every third time."""
        through_proxy = seeded.random() < 0.33
        try:
            async with self._connect("/ws", self._proxy.port if through_proxy else self.port, seeded) as socket:
                for _ in range(seeded.randrange(1, 200)):
                    size = seeded.choice([0, 1, 120, 126, 5000, 70_000])
                    message: str | bytes = "t" * size if seeded.random() < 0.5 else b"b" * size
                    await socket.send(message)
                    async with asyncio.timeout(PATIENCE):
                        if await socket.recv() != message:
                            self._note_wrong("another message came back")
                    self.counts["messages"] += 1
                    await asyncio.sleep(seeded.random() * 4 * PAUSE)
                if seeded.random() < 0.3:
                    socket.transport.abort()
        except (OSError, InvalidHandshake, ConnectionClosed, EOFError) as error:
            restarted = isinstance(error, ConnectionClosed) and error.rcvd is not None and error.rcvd.code == 1012
            if not through_proxy and not (self.replaced and restarted):
                self._note_wrong(f"WebSocket: {error!r}")

    def _connect(self, path: str, port: int, seeded: random.Random) -> connect:
        compression = seeded.choice([None, "deflate"])
        return connect(
            f"ws://127.0.0.1:{port}{path}", compression=compression, open_timeout=PATIENCE, ping_interval=None
        )

    async def _news(self, seeded: random.Random) -> None:
        """Twenty who listen, and what they are told; with several processes, those of the one that was asked."""
        sockets: list[ClientConnection] = []
        try:
            for _ in range(20):
                sockets.append(await self._connect("/ws/news", self.port, seeded))
            for number in range(20):
                told = await Connection.open(self.port)
                text = f"news {number} " * 20
                await self._ask(told, request("POST", "/news", {"text": text, "times": 1}), status_is(200))
                told.close()
                if not self.replaced:
                    async with asyncio.timeout(PATIENCE):
                        if any([await socket.recv() != text for socket in sockets]):
                            self._note_wrong("other news")
                    self.counts["messages"] += len(sockets)
                await asyncio.sleep(0.3)
        except (OSError, InvalidHandshake, ConnectionClosed) as error:
            if not self.replaced:
                self._note_wrong(f"news: {error!r}")
        finally:
            for socket in sockets:
                with contextlib.suppress(ConnectionClosed):
                    await socket.close()

    # --- others

    def _faults(self, number: int) -> tuple[Faults, Faults]:
        """What the network does to this connection: up, down."""
        seeded = random.Random(self._seed * 1_000_003 + number)
        match seeded.randrange(4):
            case 0:
                return seeded.choice(NETWORKS), NONE
            case 1:
                return NONE, seeded.choice(NETWORKS)
            case 2:
                return Faults(cut_at=seeded.randrange(1, 3000), reset=seeded.random() < 0.5), NONE
            case _:
                return NONE, Faults(cut_at=seeded.randrange(1, 100_000), reset=seeded.random() < 0.5)

    async def _chaotic(self, seeded: random.Random) -> None:
        """Every answer that arrives whole is right."""
        connection = await Connection.open(self._proxy.port)
        try:
            for _ in range(seeded.randrange(1, 8)):
                what = seeded.randrange(6)
                if what == 0:
                    data, right = request("GET", "/stream/4"), body_is(b"s" * 65536)
                elif what == 1:
                    data, right = chunked_upload(), json_is({"size": sum(UPLOAD)})
                else:
                    data, right = seeded.choice(READS)
                answer = await connection.ask(data)
                self.counts["answers through the network"] += 1
                if not right(answer):
                    self._note_wrong(f"through the network, {data[:60]!r}: {answer.status} {answer.body[:80]!r}")
                if not answer.stays:
                    return
        except Ended:
            pass
        finally:
            if seeded.random() < 0.5:
                connection.abort()
            connection.close()

    async def _broken(self, seeded: random.Random) -> None:
        connection = await Connection.open(self.port)
        try:
            if seeded.random() < 0.5:
                answer = await connection.ask(seeded.choice(BROKEN))
                self.counts["refused, broken"] += 1
                if not 400 <= answer.status < 600 or answer.stays:
                    self._note_wrong(f"a broken request: {answer.status}, stays: {answer.stays}")
            else:
                data, _ = seeded.choice(READS)
                connection.writer.write(data[: seeded.randrange(1, len(data))])
                await asyncio.sleep(seeded.random() / 10)
                connection.abort()
        except Ended as error:
            if not self.replaced:
                self._note_wrong(f"a broken request: ended {error}")
        finally:
            connection.close()
        await asyncio.sleep(0.1)


def chunked_upload() -> bytes:
    """A body in pieces of all sizes."""
    head = b"POST /upload HTTP/1.1\r\nhost: soak\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (size, b"u" * size) for size in UPLOAD) + b"0\r\n\r\n"
