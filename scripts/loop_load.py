"""The mixed load of loop_soak.py: servers of every kind, and rounds that use them and leave nothing behind."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

SIZES = [1, 100, 1024, 10 * 1024, 100 * 1024, 1024 * 1024]


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's context around a certificate made for this run."""
    chain, key = folder / "chain.pem", folder / "key.pem"
    how = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    what = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = ["openssl", "req", "-x509", *how, *what, "-keyout", str(key), "-out", str(chain)]
    subprocess.run(command, check=True, capture_output=True)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(chain, key)
    return server, ssl.create_default_context(cafile=str(chain))


class Echo(asyncio.Protocol):
    """Sends back what it gets, and stops reading while the other side does not."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def pause_writing(self) -> None:
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()


class BufferedEcho(asyncio.BufferedProtocol):
    """Echo into a buffer of its own."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.buffer = bytearray(64 * 1024)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def get_buffer(self, sizehint: int) -> bytearray:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.transport.write(memoryview(self.buffer)[:nbytes])

    def pause_writing(self) -> None:
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()


class DatagramEcho(asyncio.DatagramProtocol):
    """Echo of datagrams; also the client, which puts what it gets into a queue."""

    transport: asyncio.DatagramTransport

    def __init__(self, received: asyncio.Queue[bytes] | None = None) -> None:
        self.received = received

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if self.received is None:
            self.transport.sendto(data, addr)
        else:
            self.received.put_nowait(data)


async def stream_echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The server side of streams."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


@dataclass
class Services:
    """The servers that the load talks to, and how to connect to each."""

    connects: dict[str, Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]] = field(
        default_factory=dict
    )
    closers: list[Callable[[], Any]] = field(default_factory=list)
    tcp_address: tuple[str, int] = ("", 0)
    datagram_address: tuple[str, int] = ("", 0)

    async def start(self, folder: Path) -> None:
        """Start every server in the running loop."""
        loop = asyncio.get_running_loop()
        server_tls, client_tls = certificate(folder)

        def add(name: str, server: asyncio.Server, **options: Any) -> tuple[str, int]:
            address: tuple[str, int] = server.sockets[0].getsockname()
            self.connects[name] = lambda: asyncio.open_connection(*address, **options)
            self.closers.append(server.close)
            return address

        local = "127.0.0.1"
        self.tcp_address = add("streams", await asyncio.start_server(stream_echo, local, 0))
        add("protocol", await loop.create_server(Echo, local, 0))
        add("buffered", await loop.create_server(BufferedEcho, local, 0))
        tls = {"ssl": client_tls, "server_hostname": "localhost"}
        add("TLS", await loop.create_server(Echo, local, 0, ssl=server_tls), **tls)
        path = str(folder / "socket")
        unix = await asyncio.start_unix_server(stream_echo, path)
        self.connects["Unix"] = lambda: asyncio.open_unix_connection(path)
        self.closers.append(unix.close)
        transport, _ = await loop.create_datagram_endpoint(DatagramEcho, (local, 0))
        self.datagram_address = transport.get_extra_info("sockname")
        self.closers.append(transport.close)

    async def stop(self) -> None:
        """Stop every server."""
        for close in self.closers:
            close()
        await asyncio.sleep(0.1)


# Each of the following is one piece of work that leaves nothing behind.


async def streams_round(services: Services, kind: str) -> None:
    """A connection of one kind: some messages there and back, then one of five ways to end."""
    reader, writer = await services.connects[kind]()
    for _ in range(random.randint(1, 8)):
        data = os.urandom(random.choice(SIZES))
        writer.write(data)
        received, _ = await asyncio.gather(reader.readexactly(len(data)), writer.drain())
        if received != data:
            raise AssertionError(f"{kind}: {len(data)} bytes came back changed")
    how = random.randrange(5)
    if how == 0:
        writer.transport.abort()
    elif how == 1 and kind != "TLS":
        writer.write_eof()
        if await reader.read() != b"":
            raise AssertionError(f"{kind}: data after the end")
        writer.close()
    elif how == 2:
        writer.write(bytes(300_000))  # nobody waits for the answer
        writer.close()
    elif how == 3:
        waiting = asyncio.ensure_future(reader.read(10))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        writer.close()
    else:
        writer.close()
        await writer.wait_closed()


async def datagram_round(services: Services) -> None:
    """Datagrams there and back, one at a time: the loopback loses none that fits."""
    received: asyncio.Queue[bytes] = asyncio.Queue()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: DatagramEcho(received), remote_addr=services.datagram_address
    )
    for _ in range(random.randint(1, 20)):
        data = os.urandom(random.randint(1, 8000))
        transport.sendto(data)
        if await asyncio.wait_for(received.get(), 30) != data:
            raise AssertionError("a datagram came back changed")
    transport.close()


async def socket_round(services: Services) -> None:
    """The sock_* methods, one of them cancelled."""
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.setblocking(False)
        await loop.sock_connect(client, services.tcp_address)
        data = os.urandom(random.choice(SIZES))
        sending = asyncio.ensure_future(loop.sock_sendall(client, data))
        view = memoryview(bytearray(len(data)))
        count = 0
        while count < len(data):
            count += await loop.sock_recv_into(client, view[count:])
        await sending
        if view != data:
            raise AssertionError("sock_*: came back changed")
        waiting = asyncio.ensure_future(loop.sock_recv(client, 10))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def timers_round() -> None:
    """Timers: hundreds set and cancelled, some fired, in order."""
    loop = asyncio.get_running_loop()
    handles = [loop.call_later(random.uniform(10, 1000), print, "never") for _ in range(500)]
    random.shuffle(handles)
    for handle in handles:
        handle.cancel()
    fired: list[int] = []
    begin = loop.time()
    for number in range(20):
        loop.call_at(begin + number / 2000, fired.append, number)
    await asyncio.sleep(0.02)
    if fired != list(range(20)):
        raise AssertionError(f"timers fired as {fired}")


async def tasks_round() -> None:
    """Tasks: groups, time-outs, exceptions, cancellation, async generators."""

    async def numbers() -> Any:
        for number in range(100):
            yield number
            await asyncio.sleep(0)

    async def first(limit: int) -> int:
        async for number in numbers():  # left early: the generator is closed by the loop's hook
            if number == limit:
                return int(number)
        return -1

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError("expected")

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(first(number)) for number in range(20)]
    if [task.result() for task in tasks] != list(range(20)):
        raise AssertionError("tasks: wrong results")
    outcomes = await asyncio.gather(*(fail() for _ in range(10)), return_exceptions=True)
    if not all(isinstance(outcome, ValueError) for outcome in outcomes):
        raise AssertionError("tasks: an exception was lost")
    try:
        async with asyncio.timeout(0.005):
            await asyncio.Event().wait()
    except TimeoutError:
        pass
    else:
        raise AssertionError("tasks: no time-out")


async def threads_round() -> None:
    """Calls from a thread into the loop, and work handed to the executor."""
    loop = asyncio.get_running_loop()
    seen: list[int] = []
    done = asyncio.Event()

    def call() -> None:
        for number in range(200):
            loop.call_soon_threadsafe(seen.append, number)
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(60)
        loop.call_soon_threadsafe(done.set)

    await loop.run_in_executor(None, call)
    await done.wait()
    if seen != list(range(200)):
        raise AssertionError("threads: calls lost or out of order")


async def process_round() -> None:
    """A subprocess: pipes both ways, or killed."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec("cat", stdin=pipe, stdout=pipe)
    if random.random() < 0.3:
        process.kill()
        await process.communicate()
        return
    data = os.urandom(random.choice(SIZES))
    if (await process.communicate(data))[0] != data or process.returncode != 0:
        raise AssertionError("subprocess: came back changed")


async def signal_round() -> None:
    """A signal, handled in the loop."""
    loop = asyncio.get_running_loop()
    arrived = asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, arrived.set)
    os.kill(os.getpid(), signal.SIGUSR1)
    await asyncio.wait_for(arrived.wait(), 30)
    loop.remove_signal_handler(signal.SIGUSR1)


async def loops_round() -> None:
    """A loop in a thread, with something left undone in it."""

    async def little() -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(1000, print, "never")
        left = loop.create_task(asyncio.sleep(1000))
        await asyncio.sleep(0.001)
        del left

    factory = type(asyncio.get_running_loop())

    def work() -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(little())

    await asyncio.to_thread(work)


async def errors_round() -> None:
    """What fails: refused connections, exceptions in callbacks, a protocol that raises."""
    loop = asyncio.get_running_loop()
    reported: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: reported.append(context))
    try:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            try:
                await asyncio.open_connection(*unused.getsockname())
            except ConnectionRefusedError:
                pass
            else:
                raise AssertionError("connected to nobody")

        class Bad(asyncio.Protocol):
            def data_received(self, data: bytes) -> None:
                raise ValueError("expected")

        left, right = socket.socketpair()
        with right:
            transport, _ = await loop.create_connection(Bad, sock=left)
            right.send(b"x")
            await asyncio.sleep(0.01)
            if not transport.is_closing():
                raise AssertionError("a protocol's exception did not close the transport")
        loop.call_soon(lambda: 1 / 0)
        await asyncio.sleep(0.001)
        if len(reported) != 2:
            raise AssertionError(f"reported: {reported}")
        # Tracebacks hold frames, which hold this.
        reported.clear()
    finally:
        loop.set_exception_handler(None)


class Load:
    """All kinds of rounds in random order, several at a time, within a share of one CPU."""

    def __init__(self, services: Services, cpu_share: float) -> None:
        self.rounds: dict[str, int] = {}
        self.cpu_share = cpu_share
        self.kinds: list[tuple[str, float, Callable[[], Coroutine[Any, Any, None]]]] = [
            (kind, 10, partial(streams_round, services, kind)) for kind in services.connects
        ]
        self.kinds += [
            ("datagrams", 10, partial(datagram_round, services)),
            ("sock_*", 10, partial(socket_round, services)),
            ("timers", 8, timers_round),
            ("tasks", 8, tasks_round),
            ("threads", 5, threads_round),
            ("subprocess", 1, process_round),
            ("loops", 1, loops_round),
        ]
        # What changes the loop as a whole: alone, between the batches.
        self.alone: list[tuple[str, Callable[[], Coroutine[Any, Any, None]]]] = [
            ("signal", signal_round),
            ("errors", errors_round),
        ]

    async def batch(self) -> None:
        """A few rounds side by side, then idle for as long as the share demands."""
        began, cpu = time.monotonic(), time.process_time()
        weights = [weight for _, weight, _ in self.kinds]
        chosen = random.choices(self.kinds, weights, k=random.randint(1, 12))
        async with asyncio.timeout(100), asyncio.TaskGroup() as group:
            for name, _, start in chosen:
                group.create_task(start())
                self.rounds[name] = self.rounds.get(name, 0) + 1
        name, start = random.choice(self.alone)
        await start()
        self.rounds[name] = self.rounds.get(name, 0) + 1
        used = time.process_time() - cpu
        await asyncio.sleep(max(0.0, used / self.cpu_share - (time.monotonic() - began)))
