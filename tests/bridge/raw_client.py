"""A client that sees bytes: what a server sends for what was sent to it."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass


@dataclass
class Answer:
    """One response as it came: status line, fields in order and spelling, body without its framing."""

    status_line: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


class RawConnection:
    """A connection, to a port or to the path of a Unix socket, with a small HTTP/1.1 response reader.

    `pause`: seconds to wait before each read of at most `most` bytes.
    """

    def __init__(self, address: int | str, timeout: float = 60.0, *, pause: float = 0.0, most: int = 65536) -> None:
        if isinstance(address, int):
            self.socket = socket.create_connection(("127.0.0.1", address), timeout=timeout)
        else:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.settimeout(timeout)
            self.socket.connect(address)
        self.pending = b""
        self._pause = pause
        self._most = most

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> RawConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _more(self) -> bool:
        if self._pause:
            time.sleep(self._pause)
        data = self.socket.recv(self._most)
        self.pending += data
        return bool(data)

    def _until(self, end: bytes) -> bytes:
        while end not in self.pending:
            if not self._more():
                raise EOFError(self.pending)
        found, _, self.pending = self.pending.partition(end)
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self.pending) < size:
            if not self._more():
                raise EOFError(self.pending)
        found, self.pending = self.pending[:size], self.pending[size:]
        return found

    def read_answer(self, method: str = "GET") -> Answer:
        lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])]
        answer = Answer(lines[0], headers, b"")
        status = int(lines[0].split(" ")[1])
        if method == "HEAD" or status in (204, 304) or 100 <= status < 200:
            return answer
        if (answer.header("transfer-encoding") or "").lower() == "chunked":
            while size := int(self._until(b"\r\n"), 16):
                answer.body += self._exactly(size)
                assert self._exactly(2) == b"\r\n"
            assert self._exactly(2) == b"\r\n"
        elif (length := answer.header("content-length")) is not None:
            answer.body = self._exactly(int(length))
        else:
            answer.body = self.read_all()
        return answer

    def read_all(self) -> bytes:
        """Everything until the server closes the connection."""
        while self._more():
            pass
        received, self.pending = self.pending, b""
        return received

    def at_end(self) -> bool:
        """True where the server has closed the connection and sent nothing more."""
        return not self.pending and not self._more()


def answer(port: int, data: bytes) -> Answer:
    """What a server answers to one request, on a connection of its own."""
    with RawConnection(port) as connection:
        connection.send(data)
        return connection.read_answer(data.split(b" ", 1)[0].decode())


def request(method: str, target: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> bytes:
    """The bytes of a request."""
    fields = {"Host": "localhost", **(headers or {})}
    if body is not None:
        fields.setdefault("Content-Length", str(len(body)))
    head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return head.encode("latin-1") + b"\r\n" + (body or b"")
