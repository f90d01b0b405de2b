"""A WebSocket client that sees frames and bytes: what a server sends for what was sent to it."""

from __future__ import annotations

import base64
import socket
import struct
import time
from dataclasses import dataclass

KEY = base64.b64encode(bytes(range(16))).decode()

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA


def frame(
    opcode: int,
    payload: bytes | str = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = b"\x01\x02\x03\x04",
    length: int | None = None,
    wide: int = 0,
) -> bytes:
    """A frame (RFC 6455, 5.2); ``mask=None`` without a mask, ``length`` a lie, ``wide`` 2 or 8 bytes for any length."""
    data = payload.encode() if isinstance(payload, str) else payload
    size = len(data) if length is None else length
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    masked = 0x80 if mask is not None else 0
    if wide == 8 or size > 0xFFFF:
        head += bytes([masked | 127]) + struct.pack("!Q", size)
    elif wide == 2 or size > 125:
        head += bytes([masked | 126]) + struct.pack("!H", size)
    else:
        head += bytes([masked | size])
    if mask is None:
        return head + data
    return head + mask + apply_mask(data, mask)


def apply_mask(data: bytes, mask: bytes) -> bytes:
    """The payload with its mask, or without."""
    key = (mask * (len(data) // 4 + 1))[: len(data)]
    return (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(len(data), "big")


def close_frame(code: int | None = None, reason: bytes | str = b"") -> bytes:
    """A client's close frame."""
    data = reason.encode() if isinstance(reason, str) else reason
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + data)


@dataclass(frozen=True)
class Frame:
    """A frame as the server sent it."""

    first: int
    payload: bytes

    @property
    def opcode(self) -> int:
        return self.first & 0x0F

    @property
    def compressed(self) -> bool:
        return bool(self.first & 0x40)


class RawWebSocket:
    """A connection to a port of the loopback. ``head`` is the answer to the handshake, once there is one."""

    def __init__(self, port: int, timeout: float = 20.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""
        self.head = b""
        self.ended = False

    def __enter__(self) -> RawWebSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send all of it, unless the server has gone."""
        try:
            self.socket.sendall(data)
        except OSError:
            self.ended = True

    def ask(self, target: str, *fields: str, extensions: str = "", method: str = "GET", key: str = KEY) -> None:
        """Send a handshake."""
        lines = [
            f"{method} {target} HTTP/1.1",
            "Host: localhost",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        ]
        if extensions:
            lines.append(f"Sec-WebSocket-Extensions: {extensions}")
        self.send("\r\n".join([*lines, *fields, "", ""]).encode("latin-1"))

    def handshake(self, target: str, *fields: str, extensions: str = "") -> bytes:
        """Send a handshake; the head of the answer."""
        self.ask(target, *fields, extensions=extensions)
        return self.read_head()

    def read_head(self) -> bytes:
        """The head of the answer."""
        while b"\r\n\r\n" not in self.pending and self._more():
            pass
        self.head, separator, self.pending = self.pending.partition(b"\r\n\r\n")
        self.head += separator
        return self.head

    def read_frame(self) -> Frame | None:
        """The next frame; None where the server has ended."""
        head = self._take(2)
        if head is None:
            return None
        size = head[1] & 0x7F
        assert not head[1] & 0x80, "a server does not mask"
        if size >= 126:
            wide = self._take(2 if size == 126 else 8)
            if wide is None:
                return None
            size = int.from_bytes(wide, "big")
        payload = self._take(size)
        return None if payload is None else Frame(head[0], payload)

    def read_rest(self, timeout: float) -> tuple[list[Frame], bool]:
        """All frames until the server ends, or is silent for ``timeout``; whether it has ended."""
        found = []
        self.socket.settimeout(timeout)
        try:
            while (next_frame := self.read_frame()) is not None:
                found.append(next_frame)
        except TimeoutError:
            return found, False
        return found, True

    def read_all(self, timeout: float) -> bytes:
        """All bytes until the server ends, or is silent for ``timeout``."""
        self.socket.settimeout(timeout)
        try:
            while self._more():
                pass
        except TimeoutError:
            pass
        data, self.pending = self.pending, b""
        return data

    def wait_ended(self, timeout: float) -> bool:
        """Whether the server ends within ``timeout``, whatever it sends before."""
        deadline = time.monotonic() + timeout
        while not self.ended and (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                self._more()
            except TimeoutError:
                break
        return self.ended

    def _take(self, size: int) -> bytes | None:
        while len(self.pending) < size:
            if not self._more():
                return None
        data, self.pending = self.pending[:size], self.pending[size:]
        return data

    def _more(self) -> bool:
        try:
            data = self.socket.recv(1 << 20)
        except ConnectionError:
            data = b""
        self.pending += data
        self.ended = self.ended or not data
        return bool(data)
