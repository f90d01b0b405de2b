"""`make bench-websockets`: CPU for each message, data_bridge and uvicorn (websockets-sansio)."""

import argparse
import base64
import contextlib
import itertools
import os
import select
import socket
import statistics
import struct
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from measure import Server, cpu_seconds


@dataclass(frozen=True)
class Row:
    """What clients do: each sends a message when its last has come back, or one sends for all of them to hear."""

    name: str
    application: str
    path: str
    size: int  # of a message, bytes
    connections: int
    compressed: bool = False  # by permessage-deflate, as browsers offer it


ROWS = [
    Row("echo, 16 B, 64 connections", "plain", "/echo", 16, 64),
    Row("echo, 16 B, 1,000 connections", "plain", "/echo", 16, 1000),
    Row("echo, 64 KiB, 64 connections", "plain", "/echo", 65536, 64),
    Row("FastAPI: echo, 16 B, 64", "routed", "/echo", 16, 64),
    Row("broadcast, 16 B, to 1,000", "plain", "/room", 16, 1000),
    Row("the same, compressed", "plain", "/room", 16, 1000, compressed=True),
    Row("broadcast, 1 KiB, compressed", "plain", "/room", 1024, 1000, compressed=True),
]

SERVERS = {
    "data_bridge": ["-m", "data_bridge", "run"],
    "uvicorn": ["-m", "uvicorn", "--loop", "uvloop", "--http", "httptools", "--ws", "websockets-sansio"],
}


def frame(size: int) -> bytes:
    """A client's message of `size` zeros (RFC 6455, 5.2), masked with zeros."""
    if size < 126:
        length = bytes([0x80 | size])
    elif size <= 0xFFFF:
        length = b"\xfe" + struct.pack("!H", size)
    else:
        length = b"\xff" + struct.pack("!Q", size)
    return b"\x82" + length + bytes(4) + bytes(size)


def answer_size(size: int) -> int:
    """Bytes of the server's frame for it."""
    return size + (2 if size < 126 else 4 if size <= 0xFFFF else 10)


def size_of_frame(begin: bytes) -> int:
    """Bytes of the frame that begins so."""
    wide = {126: 2, 127: 8}.get(begin[1], 0)
    return answer_size(int.from_bytes(begin[2 : 2 + wide], "big") if wide else begin[1])


def connect(port: int, path: str, extensions: str) -> socket.socket:
    """An open WebSocket."""
    connection = socket.create_connection(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sendall(
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{extensions}\r\n".encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1)
    if b" 101 " not in head:
        raise RuntimeError(f"no WebSocket: {head!r}")
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


#: Until a frame begins: its size, where it is compressed.
UNKNOWN = -1


class Clients:
    """Connections that talk for a while; a room has one speaker."""

    def __init__(self, port: int, row: Row) -> None:
        self.row = row
        offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" if row.compressed else ""
        self.connections = [connect(port, row.path, offer) for _ in range(row.connections)]
        self.missing = dict.fromkeys((connection.fileno() for connection in self.connections), 0)
        self.by_number = {connection.fileno(): connection for connection in self.connections}
        self.message, self.size = frame(row.size), UNKNOWN if row.compressed else answer_size(row.size)
        self.waiting = select.epoll()
        for number in self.missing:
            self.waiting.register(number, select.EPOLLIN)

    def talk(self, seconds: float) -> int:
        """How many messages came back."""
        delivered = 0
        room = self.row.path == "/room"
        senders = self.connections[:1] if room else self.connections
        for connection in senders:
            self._send(connection)
        end = time.monotonic() + seconds
        while any(self.missing.values()):
            for number, _ in self.waiting.poll(5):
                received = self.by_number[number].recv(1 << 20)
                if not received:
                    raise RuntimeError("a connection was closed")
                if self.missing[number] == UNKNOWN:
                    self.missing[number] = size_of_frame(received)
                self.missing[number] -= len(received)
                if self.missing[number] == 0:
                    delivered += 1
                    if not room and time.monotonic() < end:
                        self._send(self.by_number[number])
            if room and not any(self.missing.values()) and time.monotonic() < end:
                self._send(self.connections[0])
        return delivered

    def _send(self, connection: socket.socket) -> None:
        connection.sendall(self.message)
        for number in self.missing if self.row.path == "/room" else (connection.fileno(),):
            self.missing[number] += self.size

    def close(self) -> None:
        """End them."""
        self.waiting.close()
        for connection in self.connections:
            connection.close()


def run(server: Server, row: Row, seconds: float) -> float:
    """Microseconds of the server's CPU for one message that was delivered."""
    os.sched_setaffinity(0, {1})
    clients = Clients(server.port, row)
    clients.talk(seconds / 4)  # warm up
    before = cpu_seconds(server.process.pid)
    delivered = clients.talk(seconds)
    used = cpu_seconds(server.process.pid) - before
    clients.close()
    time.sleep(0.3)
    return used / delivered * 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rows", nargs="*", help="rows whose name contains one of these words")
    options = parser.parse_args()
    wanted = [row for row in ROWS if not options.rows or any(word in row.name for word in options.rows)]
    print(f"{'CPU us for one message':30}{'data_bridge':>12}{'uvicorn':>12}")
    for application, group in itertools.groupby(wanted, lambda row: row.application):
        with tempfile.TemporaryDirectory(prefix="data_bridge-bench-") as temporary, contextlib.ExitStack() as stack:
            servers = []
            for name, command in SERVERS.items():
                arguments = [f"websocket_app:{application}", "--no-access-log", "--log-level", "warning"]
                servers.append(stack.enter_context(Server(name, [*command, *arguments], 0, Path(temporary))))
            for server in servers:
                server.wait()
            for row in group:
                measured: dict[str, list[float]] = {server.name: [] for server in servers}
                for _ in range(options.rounds):
                    for server in servers:
                        measured[server.name].append(run(server, row, options.seconds))
                ours, theirs = (statistics.median(measured[server.name]) for server in servers)
                print(f"{row.name:30}{ours:>12.1f}{theirs:>12.1f}{theirs / ours:>9.1f} : 1", flush=True)


if __name__ == "__main__":
    main()
