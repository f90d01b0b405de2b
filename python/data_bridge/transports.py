"""Stream and datagram transports: asyncio's own, with reading and writing done natively.

What is hot is in `_core`, in a class that stands before asyncio's and uses the same attributes. Writes of one turn
of the loop to a stream are gathered and sent by one system call at its end; everything here that looks at the queue
sends first, so that the difference cannot be seen but on the wire.
"""

from __future__ import annotations

import asyncio
import socket
from asyncio import selector_events
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from data_bridge import _core

if TYPE_CHECKING:
    Buffer = bytes | bytearray | memoryview

# Private, and so not in the type stubs; tests/loop would show at once where a Python version changes it.
_AsyncioTransport: Any = selector_events._SelectorSocketTransport  # type: ignore[attr-defined]
_AsyncioDatagramTransport: Any = selector_events._SelectorDatagramTransport  # type: ignore[attr-defined]


# What asyncio's transports call on a socket: a class with its own versions of them must have them called.
_CALLS = ("recv", "recv_into", "recvfrom", "send", "sendmsg", "sendto")


def overrides_calls(sock: socket.socket) -> bool:
    """True for sockets that make their calls themselves (proxies, fault injection, counters).

    The native transports ask the kernel, not the socket; asyncio's own are for these.
    """
    kind = type(sock)
    return kind is not socket.socket and any(
        getattr(kind, call, None) is not getattr(socket.socket, call) for call in _CALLS
    )


def stream_transport(loop: asyncio.AbstractEventLoop, sock: socket.socket, *arguments: Any, **options: Any) -> Any:
    """The transport of a connected stream socket; takes what asyncio's own takes."""
    kind = _AsyncioTransport if overrides_calls(sock) else SocketTransport
    return kind(loop, sock, *arguments, **options)


class SocketTransport(_core.StreamTransportBase, _AsyncioTransport):  # type: ignore[misc]
    """A connected TCP or Unix stream socket as an asyncio.Transport."""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Deliver to `protocol` from now on."""
        super().set_protocol(protocol)
        if isinstance(protocol, asyncio.BufferedProtocol):
            self._bind(None, protocol.get_buffer, protocol.buffer_updated)
        else:
            # Some protocols only write, and have no data_received() of their own.
            self._bind(getattr(protocol, "data_received", None), None, None)

    def writelines(self, list_of_data: Iterable[Buffer]) -> None:
        """Write all parts; the same as one write() of them joined."""
        if self._eof:
            raise RuntimeError("Cannot call writelines() after write_eof()")
        if self._empty_waiter is not None:
            raise RuntimeError("unable to writelines; sendfile is in progress")
        # asyncio's own does not look at the high-water mark before 3.12.9 and 3.13.2 (gh-127655).
        self.write(b"".join(list_of_data))

    def write_eof(self) -> None:
        """Close the writing side after what is queued."""
        self._flush()
        super().write_eof()

    def get_write_buffer_size(self) -> int:
        """Bytes that the kernel has not taken yet."""
        self._flush()
        size: int = super().get_write_buffer_size()
        return size

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the marks of flow control; see asyncio.WriteTransport."""
        self._flush()
        super().set_write_buffer_limits(high=high, low=low)

    def _set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        super()._set_write_buffer_limits(high=high, low=low)
        self._gather_limit = int(self._high_water)

    def close(self) -> None:
        """Close after what is queued has been sent."""
        self._flush()
        super().close()

    def _force_close(self, exc: BaseException | None) -> None:
        self._flush_last()
        super()._force_close(exc)

    def _make_empty_waiter(self) -> asyncio.Future[None]:
        self._flush()
        waiter: asyncio.Future[None] = super()._make_empty_waiter()
        return waiter

    def _call_connection_lost(self, exc: BaseException | None) -> None:
        try:
            super()._call_connection_lost(exc)
        finally:
            self._bind(None, None, None)

    # -- called by the native half --------------------------------------------------------------------

    def _write_slowly(self, data: Any) -> None:
        """A write that asyncio's own code has to judge: of a wrong type, behind a queue, after the end."""
        _AsyncioTransport.write(self, data)

    def _queue_rest(self, data: Any, sent: int) -> None:
        """Queue what the kernel did not take of `data`."""
        rest = memoryview(data)[sent:]
        if not self._buffer:
            self._loop._add_writer(self._sock_fd, self._write_ready)
        if isinstance(self._buffer, bytearray):  # Python 3.11
            self._buffer.extend(rest)
        else:
            # The caller may change a bytearray as soon as write() has returned.
            self._buffer.append(rest if isinstance(data, bytes) else memoryview(bytes(rest)))
        self._maybe_pause_protocol()


class DatagramTransport(_core.DatagramTransportBase, _AsyncioDatagramTransport, asyncio.DatagramTransport):  # type: ignore[misc]
    """A UDP socket as an asyncio.DatagramTransport.

    Up to 16 datagrams are read and delivered in one turn of the loop, where asyncio reads one.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        protocol: asyncio.BaseProtocol,
        address: Any = None,
        waiter: asyncio.Future[Any] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        self._family = sock.family
        initialise: Any = super().__init__
        initialise(loop, sock, protocol, address, waiter, extra)
        self._connected = bool(self._extra["peername"])

    def resume_reading(self) -> None:
        """Deliver datagrams again, beginning with those that were read before pause_reading()."""
        super().resume_reading()
        if not self._paused and getattr(self, "_backlog", None):
            self._loop.call_soon(self._read_ready)

    # -- called by the native half --------------------------------------------------------------------

    def _send_slowly(self, data: Any, addr: Any = None) -> None:
        """A datagram that asyncio's own code has to judge: to a name, behind a queue, of a wrong type."""
        _AsyncioDatagramTransport.sendto(self, data, addr)

    def _keep_backlog(self, datagrams: list[tuple[bytes, Any]]) -> None:
        """Deliver these later: reading was paused, or a callback failed before it was their turn."""
        self._backlog = datagrams
        if not self._paused:
            self._loop.call_soon(self._read_ready)
