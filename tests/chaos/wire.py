"""Requests as bytes and answers as they come, for clients that misbehave on purpose."""

from __future__ import annotations

import json
import socket
import time
from typing import Any


def request(method: str, path: str, body: bytes | None = None, *, close: bool = False) -> bytes:
    """One request's bytes."""
    head = f"{method} {path} HTTP/1.1\r\nhost: t\r\n"
    if body is not None:
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    if close:
        head += "connection: close\r\n"
    return head.encode() + b"\r\n" + (body or b"")


#: Each is answered 4xx, or 5xx, and the connection closes.
BROKEN = [
    b"GET / HTTP/1.1\nhost: t\n\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET  / HTTP/1.1\r\nhost: t\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: -1\r\n\r\n",
    b"POST /upload HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nhost: t\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: t\r\n" + b"x: " + b"y" * 1_100_000 + b"\r\n\r\n",
    b"\x00\xff" * 40,
]


class Client:
    """A connection that reads whole answers with a content-length."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.received = b""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def _receive(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError(f"closed after {self.received!r}")
        self.received += data

    def answer(self) -> tuple[int, bytes]:
        """Status and body of the next answer; ConnectionError where the server closes before its end."""
        while b"\r\n\r\n" not in self.received:
            self._receive()
        head, _, rest = self.received.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in lines[1:])
        length = int(fields.get(b"content-length", b"0"))
        while len(rest) < length:
            self._receive()
            rest = self.received.partition(b"\r\n\r\n")[2]
        self.received = rest[length:]
        return int(lines[0].split()[1]), rest[:length]

    def ask(self, method: str, path: str, value: Any = None) -> tuple[int, Any]:
        """A request and its answer as JSON (None where there is no body)."""
        self.send(request(method, path, None if value is None else json.dumps(value).encode()))
        status, body = self.answer()
        return status, json.loads(body) if body else None


def seconds_for(client: Client, count: int, path: str = "/") -> float:
    """How long `count` requests take, one after the other; each must be answered 200."""
    begin = time.perf_counter()
    for _ in range(count):
        status, _ = client.ask("GET", path)
        assert status == 200
    return time.perf_counter() - begin
