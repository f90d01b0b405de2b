"""What is measured: each row makes work on a loop and gives the number of operations it did.

A row is a function of a loop that is not running. The caller measures the CPU time of the whole process, all
threads; clients live in a process of their own (client.py) and do not count.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

Row = Callable[[asyncio.AbstractEventLoop], int]

ROWS: dict[str, Row] = {}
CLIENT = Path(__file__).with_name("client.py")

# Of every client, in addition to what its row gives.
client_options: list[str] = []


def row(name: str) -> Callable[[Row], Row]:
    def add(function: Row) -> Row:
        ROWS[name] = function
        return function

    return add


def scheduling(loop: asyncio.AbstractEventLoop, schedule: Callable[[Callable[..., None]], object], count: int) -> int:
    left = count

    def callback(*args: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            loop.stop()

    def fill(rounds: int) -> None:
        for _ in range(100):
            schedule(callback)
        if rounds > 1:
            loop.call_soon(fill, rounds - 1)

    loop.call_soon(fill, count // 100)
    loop.run_forever()
    return count


@row("call_soon, no argument")
def call_soon(loop: asyncio.AbstractEventLoop) -> int:
    return scheduling(loop, loop.call_soon, 300_000)


@row("call_soon, 3 arguments")
def call_soon_3(loop: asyncio.AbstractEventLoop) -> int:
    return scheduling(loop, lambda callback: loop.call_soon(callback, 1, 2, 3), 300_000)


@row("call_soon_threadsafe")
def call_soon_threadsafe(loop: asyncio.AbstractEventLoop) -> int:
    count = 100_000

    def callback(last: bool) -> None:
        if last:
            loop.stop()

    def send() -> None:
        for i in range(count):
            loop.call_soon_threadsafe(callback, i == count - 1)

    thread = threading.Thread(target=send)
    loop.call_soon(thread.start)
    loop.run_forever()
    thread.join()
    return count


@row("timers set and cancelled")
def timers_cancelled(loop: asyncio.AbstractEventLoop) -> int:
    count = 200_000
    handles: list[asyncio.TimerHandle] = []

    def fill(rounds: int) -> None:
        for handle in handles:
            handle.cancel()
        handles.clear()
        for i in range(100):
            handles.append(loop.call_later(10 + i % 7, print))
        if rounds > 1:
            loop.call_soon(fill, rounds - 1)
        else:
            loop.stop()

    loop.call_soon(fill, count // 100)
    loop.run_forever()
    for handle in handles:
        handle.cancel()
    return count


@row("timers fired")
def timers_fired(loop: asyncio.AbstractEventLoop) -> int:
    return scheduling(loop, lambda callback: loop.call_later(0, callback), 100_000)


@row("sleep(0)")
def sleep_0(loop: asyncio.AbstractEventLoop) -> int:
    count = 100_000

    async def main() -> None:
        for _ in range(count):
            await asyncio.sleep(0)

    loop.run_until_complete(main())
    return count


@row("create_task")
def create_task(loop: asyncio.AbstractEventLoop) -> int:
    count = 50_000

    async def nothing() -> None:
        pass

    async def main() -> None:
        for _ in range(count):
            await loop.create_task(nothing())

    loop.run_until_complete(main())
    return count


@row("futures")
def futures(loop: asyncio.AbstractEventLoop) -> int:
    count = 50_000

    async def main() -> None:
        for _ in range(count):
            future = loop.create_future()
            loop.call_soon(future.set_result, None)
            await future

    loop.run_until_complete(main())
    return count


@row("gather of 100")
def gather(loop: asyncio.AbstractEventLoop) -> int:
    count = 500

    async def one() -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        for _ in range(count):
            await asyncio.gather(*(one() for _ in range(100)))

    loop.run_until_complete(main())
    return count


@row("start-up")
def start_up(loop: asyncio.AbstractEventLoop) -> int:
    factory = type(loop)
    count = 500
    for _ in range(count):
        other = factory()
        other.run_until_complete(asyncio.sleep(0))
        other.close()
    return count


# -- echo --------------------------------------------------------------------------------------------------


class Protocol(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


class BufferedProtocol(asyncio.BufferedProtocol):
    def __init__(self) -> None:
        self.buffer = memoryview(bytearray(256 * 1024))

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.transport.write(self.buffer[:nbytes])


class Datagrams(asyncio.DatagramProtocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.transport.sendto(data, addr)


@dataclasses.dataclass(frozen=True)
class Echo:
    """Messages that go to a server and come back."""

    kind: str  # tcp, unix, udp
    size: int  # bytes of a message
    count: int  # messages
    serve: Callable[[asyncio.AbstractEventLoop], Any]
    options: tuple[str, ...] = ()  # of the client

    def client(self, where: str) -> list[str]:
        return [sys.executable, str(CLIENT), where, str(self.size), str(self.count), *self.options, *client_options]

    def run(self, loop: asyncio.AbstractEventLoop) -> int:
        """Serves until the client has had all its echoes."""
        server = server_socket(self.kind)

        async def main() -> None:
            stop = await self.serve(loop)(server)
            address = server.getsockname()
            process = subprocess.Popen(
                self.client(address if isinstance(address, str) else f"{address[0]}:{address[1]}")
            )
            while process.poll() is None:
                await asyncio.sleep(0.02)
            stop()
            await asyncio.sleep(0.01)
            assert process.returncode == 0, "the client failed"

        with contextlib.closing(server):
            loop.run_until_complete(main())
        return self.count


ECHOES: dict[str, Echo] = {}


def server_socket(kind: str) -> socket.socket:
    family = socket.AF_UNIX if kind == "unix" else socket.AF_INET
    server = socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
    if kind == "unix":
        server.bind(os.path.join(tempfile.mkdtemp(prefix="loop-benchmark-"), "echo"))
    else:
        server.bind(("127.0.0.1", 0))
    if kind != "udp":
        server.listen(2000)
    server.setblocking(False)
    return server


def by_protocol(loop: asyncio.AbstractEventLoop, factory: Callable[[], Any], **options: Any) -> Any:
    async def serve(server: socket.socket) -> Callable[[], None]:
        make = loop.create_unix_server if server.family == socket.AF_UNIX else loop.create_server
        made = await make(factory, sock=server, **options)  # type: ignore[operator]
        return made.close  # type: ignore[no-any-return]

    return serve


def by_streams(loop: asyncio.AbstractEventLoop) -> Any:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(256 * 1024):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def serve(server: socket.socket) -> Callable[[], None]:
        made = await asyncio.start_server(handle, sock=server)
        return made.close

    return serve


def by_sock(loop: asyncio.AbstractEventLoop) -> Any:
    async def handle(connection: socket.socket) -> None:
        with connection:
            while data := await loop.sock_recv(connection, 256 * 1024):
                await loop.sock_sendall(connection, data)

    async def accept(server: socket.socket) -> None:
        tasks = set()
        while True:
            connection, _ = await loop.sock_accept(server)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = loop.create_task(handle(connection))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def serve(server: socket.socket) -> Callable[[], None]:
        task = loop.create_task(accept(server))
        return lambda: task.cancel() and None

    return serve


def by_datagrams(loop: asyncio.AbstractEventLoop) -> Any:
    async def serve(server: socket.socket) -> Callable[[], None]:
        transport, _ = await loop.create_datagram_endpoint(Datagrams, sock=server)
        return transport.close

    return serve


def by_tls(loop: asyncio.AbstractEventLoop) -> Any:
    folder = Path(tempfile.mkdtemp(prefix="loop-benchmark-"))
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*make, *files], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return by_protocol(loop, Protocol, ssl=context)


def plain(loop: asyncio.AbstractEventLoop) -> Any:
    return by_protocol(loop, Protocol)


SERVERS = {
    "streams": by_streams,
    "protocol": plain,
    "buffered": lambda loop: by_protocol(loop, BufferedProtocol),
    "sock_*": by_sock,
}
COUNTS = {1024: 40_000, 10 * 1024: 30_000, 100 * 1024: 8_000}

for _name, _serve in SERVERS.items():
    for _size, _count in COUNTS.items():
        ECHOES[f"TCP echo, {_name}, {_size // 1024} KiB"] = Echo("tcp", _size, _count, _serve)
ECHOES["Unix echo, protocol, 1 KiB"] = Echo("unix", 1024, 40_000, plain)
ECHOES["UDP echo, 1 KiB"] = Echo("udp", 1024, 40_000, by_datagrams, ("--udp",))
ECHOES["TLS echo, protocol, 1 KiB"] = Echo("tcp", 1024, 10_000, by_tls, ("--tls",))
ECHOES["1,000 connections, protocol, 1 KiB"] = Echo("tcp", 1024, 40_000, plain, ("--connections", "1000"))
ROWS.update({_name: _echo.run for _name, _echo in ECHOES.items()})
