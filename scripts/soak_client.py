"""HTTP/1.1 as bytes, for the clients of server_soak.py."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import Any

#: Seconds: whoever waits for so long waits for ever.
PATIENCE = 120.0


class Ended(Exception):
    """The server, or what is between, has ended the connection; `begun`: within an answer."""

    def __init__(self, begun: bool) -> None:
        super().__init__("within an answer" if begun else "instead of an answer")
        self.begun = begun


@dataclass(frozen=True)
class Answer:
    """One answer."""

    status: int
    body: bytes
    stays: bool

    def json(self) -> Any:
        """The body as JSON, None where there is none."""
        return json.loads(self.body) if self.body else None


def request(method: str, path: str, value: Any = None) -> bytes:
    """A request's bytes, with a JSON body where there is one."""
    head = f"{method} {path} HTTP/1.1\r\nhost: soak\r\n"
    body = b"" if value is None else json.dumps(value).encode()
    if value is not None:
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


class Connection:
    """A connection to a port of the loopback."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        #: When it was opened, or the request before the last was sent, by the loop's clock: the server cannot have
        #: answered before. When its answer came tells more of the machine than of the server.
        self.idle_since = self._asked = self.opened = asyncio.get_running_loop().time()

    @classmethod
    async def open(cls, port: int) -> Connection:
        """A fresh one."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, data: bytes) -> Answer:
        """Send a request, read its answer."""
        self.idle_since, self._asked = self._asked, asyncio.get_running_loop().time()
        with contextlib.suppress(ConnectionError):  # there may be an answer all the same
            self.writer.write(data)
            await self.writer.drain()
        return await self.read_answer()

    async def read_answer(self) -> Answer:
        """The next answer. Ended, or TimeoutError."""
        begun = False
        try:
            async with asyncio.timeout(PATIENCE):
                head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
                begun = True
                body = await self._read_body(head)
        except asyncio.IncompleteReadError as error:
            raise Ended(begun or bool(error.partial)) from None
        except ConnectionError:
            raise Ended(begun) from None
        return Answer(int(head.split(b" ", 2)[1]), body, b"connection: close" not in head)

    async def _read_body(self, head: bytes) -> bytes:
        if b"transfer-encoding: chunked" not in head:
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or b"0")
            return await self.reader.readexactly(length)
        body = bytearray()
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            body += await self.reader.readexactly(size)
            await self.reader.readexactly(2)
        await self.reader.readexactly(2)
        return bytes(body)

    def close(self) -> None:
        """End it."""
        self.writer.close()

    def abort(self) -> None:
        """End it at once, whatever is on the way."""
        self.writer.transport.abort()
