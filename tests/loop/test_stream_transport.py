"""The native stream transport: order, flow control, the end of a connection, and what only the wire shows."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import struct
import weakref
from typing import Any, ClassVar

import pytest

import data_bridge
from data_bridge import _core


class Recorder(asyncio.Protocol):
    """Notes every call."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.data = bytearray()
        self.lost: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.calls.append("made")

    def data_received(self, data: bytes) -> None:
        assert type(data) is bytes
        self.data += data

    def eof_received(self) -> bool | None:
        self.calls.append("eof")
        return None

    def pause_writing(self) -> None:
        self.calls.append("pause")

    def resume_writing(self) -> None:
        self.calls.append("resume")

    def connection_lost(self, exc: BaseException | None) -> None:
        self.calls.append("lost")
        self.lost.set_result(exc)


async def pair(family: int = socket.AF_UNIX) -> tuple[Any, Recorder, socket.socket]:
    """A transport, its protocol, and a plain socket at the other end."""
    loop = asyncio.get_running_loop()
    if family == socket.AF_UNIX:
        ours, theirs = socket.socketpair()
    else:
        with socket.create_server(("127.0.0.1", 0)) as server:
            ours = socket.create_connection(server.getsockname())
            theirs, _ = server.accept()
    ours.setblocking(False)
    theirs.setblocking(False)
    connect = loop.create_unix_connection if family == socket.AF_UNIX else loop.create_connection
    transport, protocol = await connect(Recorder, sock=ours)
    return transport, protocol, theirs


async def receive(peer: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(peer, 1 << 20), 10)
        if not part:
            break
        data += part
    return bytes(data)


def test_it_is_asyncios_transport() -> None:
    async def main() -> None:
        transport, _, peer = await pair(socket.AF_INET)
        assert isinstance(transport, asyncio.Transport)
        assert isinstance(transport, _core.StreamTransportBase)
        assert transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert transport.get_extra_info("peername") == peer.getsockname()
        assert transport.is_reading()
        assert "fd=" in repr(transport)
        transport.close()
        peer.close()
        await asyncio.sleep(0)

    data_bridge.run(main())


def segments_sent(sock: Any) -> int:
    """tcpi_data_segs_out of linux/tcp.h: segments with data."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return int(struct.unpack_from("I", info, 156)[0])


def test_writes_of_a_turn_are_one_segment() -> None:
    async def main() -> None:
        transport, _, peer = await pair(socket.AF_INET)
        sock = transport.get_extra_info("socket")
        before = segments_sent(sock)
        transport.write(b"head ")
        transport.write(bytearray(b"body "))
        transport.writelines([b"and ", memoryview(b"tail")])
        assert segments_sent(sock) == before
        assert await receive(peer, 18) == b"head body and tail"
        assert segments_sent(sock) == before + 1
        # The next turn is another one.
        transport.write(b"again")
        assert await receive(peer, 5) == b"again"
        assert segments_sent(sock) == before + 2
        transport.close()
        peer.close()

    data_bridge.run(main())


def test_a_bytearray_may_change_after_write() -> None:
    async def main() -> None:
        transport, _, peer = await pair()
        data = bytearray(b"before")
        transport.write(data)
        data[:] = b"after!"
        assert await receive(peer, 6) == b"before"
        # The same behind a queue, which the kernel does not take at once.
        big = bytearray(b"x" * (4 << 20))
        transport.write(big)
        big[:] = b"y" * len(big)
        got = await receive(peer, len(big))
        assert got == b"x" * len(big)
        transport.close()
        peer.close()

    data_bridge.run(main())


def test_outside_of_a_turn_a_write_goes_out_at_once() -> None:
    loop = data_bridge.new_event_loop()
    asyncio.set_event_loop(loop)
    transport, _, peer = loop.run_until_complete(pair())
    transport.write(b"now")
    assert peer.recv(10) == b"now"
    transport.close()
    peer.close()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    asyncio.set_event_loop(None)


@pytest.mark.parametrize("family", [socket.AF_UNIX, socket.AF_INET], ids=["unix", "tcp"])
def test_order_over_every_way_of_writing(family: int) -> None:
    """Small and large, bytes and views, in one turn and over many, with a reader that falls behind."""

    async def main() -> None:
        transport, protocol, peer = await pair(family)
        expected = bytearray()
        for i in range(300):
            size = (1, 100, 70_000, 3000, 200_000)[i % 5]
            part = bytes([i % 256]) * size
            expected += part
            if i % 4 == 0:
                transport.write(bytearray(part))
            elif i % 4 == 1:
                transport.writelines([part[: size // 2], memoryview(part)[size // 2 :]])
            else:
                transport.write(part)
            if i % 7 == 0:
                await asyncio.sleep(0)
        transport.close()
        assert await receive(peer, len(expected) + 1) == expected
        assert await protocol.lost is None
        assert protocol.calls[0] == "made"
        assert protocol.calls[-1] == "lost"
        assert protocol.calls.count("pause") >= 1
        assert protocol.calls.count("pause") - protocol.calls.count("resume") in (0, 1)
        peer.close()

    data_bridge.run(main())


def test_flow_control() -> None:
    async def main() -> None:
        transport, protocol, peer = await pair()
        assert transport.get_write_buffer_limits() == (16 * 1024, 64 * 1024)
        transport.write(b"x" * (4 << 20))
        assert protocol.calls == ["made", "pause"]
        assert transport.get_write_buffer_size() > 64 * 1024
        await receive(peer, 4 << 20)
        await asyncio.sleep(0.01)
        assert protocol.calls == ["made", "pause", "resume"]
        assert transport.get_write_buffer_size() == 0
        transport.close()
        peer.close()

    data_bridge.run(main())


def test_high_water_0_pauses_at_any_queued_byte() -> None:
    async def main() -> None:
        transport, protocol, peer = await pair()
        transport.set_write_buffer_limits(high=0)
        while "pause" not in protocol.calls:
            transport.write(b"x" * 1000)
        assert transport.get_write_buffer_size() > 0
        transport.abort()
        peer.close()
        assert await protocol.lost is None

    data_bridge.run(main())


def test_writelines_sees_the_high_water_mark() -> None:
    async def main() -> None:
        transport, protocol, peer = await pair()
        transport.writelines([b"x" * (1 << 20)] * 4)
        assert "pause" in protocol.calls
        transport.abort()
        peer.close()
        await protocol.lost

    data_bridge.run(main())


def test_close_and_abort() -> None:
    async def main() -> None:
        transport, protocol, peer = await pair()
        transport.write(b"last words")
        transport.close()
        transport.write(b"too late")
        assert transport.is_closing()
        assert await receive(peer, 100) == b"last words"
        assert await protocol.lost is None
        peer.close()

        transport, protocol, peer = await pair()
        # asyncio sends at once, so an abort() cannot take this back; what the kernel refused is dropped.
        transport.write(b"sent before")
        transport.abort()
        assert await receive(peer, 100) == b"sent before"
        assert await protocol.lost is None
        peer.close()

        transport, protocol, peer = await pair()
        transport.write(b"x" * (4 << 20))
        transport.abort()
        assert len(await receive(peer, 4 << 20)) < 4 << 20
        assert await protocol.lost is None
        peer.close()

    data_bridge.run(main())


def test_a_write_from_resume_writing_while_closing() -> None:
    """As sslproto does it: the farewell is written when the queue has drained, just before the socket closes."""

    class Farewell(Recorder):
        def resume_writing(self) -> None:
            self.transport.write(b"farewell")

    async def main() -> None:
        transport, _, peer = await pair()
        protocol = Farewell()
        protocol.transport = transport
        transport.set_protocol(protocol)
        transport.write(b"x" * (4 << 20))
        transport.close()
        assert (await receive(peer, (4 << 20) + 8))[4 << 20 :] == b"farewell"
        assert await protocol.lost is None
        peer.close()

    data_bridge.run(main())


def test_write_eof() -> None:
    async def main() -> None:
        transport, protocol, peer = await pair()
        transport.write(b"request")
        transport.write_eof()
        with pytest.raises(RuntimeError, match="Cannot call write"):
            transport.write(b"more")
        with pytest.raises(RuntimeError, match="Cannot call writelines"):
            transport.writelines([b"more"])
        assert await receive(peer, 100) == b"request"
        peer.send(b"answer")
        await asyncio.sleep(0.01)
        assert protocol.data == b"answer"
        peer.close()
        assert await protocol.lost is None
        assert protocol.calls == ["made", "eof", "lost"]

    data_bridge.run(main())


@pytest.mark.parametrize("wrong", ["text", 5, None, [b"x"]])
def test_wrong_types(wrong: Any) -> None:
    async def main() -> None:
        transport, _, peer = await pair()
        with pytest.raises(TypeError, match=r"bytes-like|bytes, bytearray"):
            transport.write(wrong)
        transport.write(b"")
        transport.close()
        peer.close()

    data_bridge.run(main())


def test_pause_reading() -> None:
    async def main() -> None:
        transport, protocol, peer = await pair()
        transport.pause_reading()
        transport.pause_reading()
        peer.send(b"held back")
        await asyncio.sleep(0.01)
        assert protocol.data == b""
        assert not transport.is_reading()
        transport.resume_reading()
        await asyncio.sleep(0.01)
        assert protocol.data == b"held back"
        transport.close()
        transport.resume_reading()
        peer.close()

    data_bridge.run(main())


def test_a_reset_is_the_reason_of_the_loss() -> None:
    async def main() -> None:
        transport, protocol, peer = await pair(socket.AF_INET)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        assert isinstance(await protocol.lost, ConnectionResetError)
        for _ in range(10):
            transport.write(b"into the void")
        assert protocol.calls == ["made", "lost"]

    data_bridge.run(main())


def test_a_write_to_a_closed_peer() -> None:
    async def main() -> None:
        transport, protocol, peer = await pair()
        transport.pause_reading()
        peer.close()
        transport.write(b"x")
        assert isinstance(await protocol.lost, BrokenPipeError)

    data_bridge.run(main())


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_an_exception_in_data_received(kind: type[BaseException]) -> None:
    contexts: list[dict[str, Any]] = []

    class Fails(Recorder):
        def data_received(self, data: bytes) -> None:
            raise kind(data)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: contexts.append(context))
        transport, _, peer = await pair()
        failing = Fails()
        failing.transport = transport
        transport.set_protocol(failing)
        peer.send(b"x")
        try:
            assert isinstance(await asyncio.wait_for(failing.lost, 5), ValueError)
        finally:
            transport.abort()
            peer.close()

    if kind is ValueError:
        data_bridge.run(main())
        assert [context["message"] for context in contexts] == ["Fatal error: protocol.data_received() call failed."]
        assert contexts[0]["exception"].__traceback__ is not None
    else:
        with pytest.raises(KeyboardInterrupt):
            data_bridge.run(main())


def test_buffered_protocol_and_back() -> None:
    class Buffered(asyncio.BufferedProtocol):
        def __init__(self) -> None:
            self.memory = bytearray(7)
            self.data = bytearray()

        def get_buffer(self, sizehint: int) -> bytearray:
            assert sizehint == -1
            return self.memory

        def buffer_updated(self, nbytes: int) -> None:
            self.data += self.memory[:nbytes]

    async def main() -> None:
        transport, protocol, peer = await pair()
        buffered = Buffered()
        transport.set_protocol(buffered)
        assert transport.get_protocol() is buffered
        peer.send(b"in pieces of seven bytes")
        await asyncio.sleep(0.02)
        assert buffered.data == b"in pieces of seven bytes"
        transport.set_protocol(protocol)
        peer.send(b"whole")
        await asyncio.sleep(0.02)
        assert protocol.data == b"whole"
        transport.close()
        peer.close()

    data_bridge.run(main())


def test_an_empty_buffer_is_an_error() -> None:
    contexts: list[dict[str, Any]] = []

    class Empty(asyncio.BufferedProtocol):
        def get_buffer(self, sizehint: int) -> bytearray:
            return bytearray()

        def buffer_updated(self, nbytes: int) -> None:
            raise AssertionError

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: contexts.append(context))
        transport, _, peer = await pair()
        transport.set_protocol(Empty())
        peer.send(b"x")
        await asyncio.sleep(0.02)
        assert transport.is_closing()
        peer.close()

    data_bridge.run(main())
    assert "get_buffer" in contexts[0]["message"]
    assert "empty buffer" in str(contexts[0]["exception"])


def test_large_reads_arrive_whole() -> None:
    async def main() -> None:
        transport, protocol, peer = await pair(socket.AF_INET)
        data = bytes(range(256)) * 20_000
        await asyncio.get_running_loop().sock_sendall(peer, data)
        while len(protocol.data) < len(data):
            await asyncio.sleep(0)
        assert protocol.data == data
        transport.close()
        peer.close()

    data_bridge.run(main())


def test_a_closed_transport_lets_go_of_everything() -> None:
    async def main() -> None:
        transport, protocol, peer = await pair()
        transport.write(b"x")
        alive = weakref.ref(protocol), weakref.ref(transport)
        transport.close()
        await protocol.lost
        await asyncio.sleep(0)
        del transport, protocol
        gc.collect()
        assert [reference() for reference in alive] == [None, None]
        peer.close()

    data_bridge.run(main())


def test_an_unclosed_transport_warns() -> None:
    async def main() -> None:
        transport, _, peer = await pair()
        asyncio.get_running_loop()._remove_reader(transport._sock_fd)  # type: ignore[attr-defined]
        with pytest.warns(ResourceWarning, match="unclosed transport"):
            del transport, _
            gc.collect()
        peer.close()

    data_bridge.run(main())


def test_the_next_protocol_sees_what_the_last_did_not() -> None:
    """start_tls changes the protocol while bytes may be under way."""

    async def main() -> None:
        transport, first, peer = await pair()
        second = Recorder()
        peer.send(b"one")
        await asyncio.sleep(0.01)
        transport.set_protocol(second)
        peer.send(b"two")
        await asyncio.sleep(0.01)
        assert (first.data, second.data) == (b"one", b"two")
        transport.abort()
        peer.close()

    data_bridge.run(main())


class CountingSocket(socket.socket):
    """Overrides the calls that a transport makes."""

    calls: ClassVar[list[str]] = []

    def recv(self, *args: Any) -> bytes:
        self.calls.append("recv")
        return super().recv(*args)

    def recv_into(self, *args: Any) -> int:
        self.calls.append("recv_into")
        return super().recv_into(*args)

    def send(self, *args: Any) -> int:
        self.calls.append("send")
        return super().send(*args)


class RenamedSocket(socket.socket):
    """Overrides nothing that matters to a transport."""


@pytest.mark.parametrize("kind", [CountingSocket, RenamedSocket])
@pytest.mark.parametrize("tls", [False, True])
def test_a_socket_class_with_its_own_calls_has_them_called(
    loop: data_bridge.PyLoop, kind: type[socket.socket], tls: bool
) -> None:
    CountingSocket.calls.clear()

    async def main() -> None:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.read(100))
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        client = kind(socket.AF_INET, socket.SOCK_STREAM)
        client.connect(server.sockets[0].getsockname())
        if tls:
            # The other side speaks no TLS: the handshake fails, and has been written and read through the socket.
            with pytest.raises(OSError, check=lambda error: isinstance(error, ssl.SSLError | ConnectionResetError)):
                await asyncio.open_connection(
                    sock=client, ssl=ssl.create_default_context(), server_hostname="localhost"
                )
        else:
            reader, writer = await asyncio.open_connection(sock=client)
            writer.write(b"hello")
            assert await reader.read() == b"hello"
            writer.close()
            await writer.wait_closed()
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())
    assert ("send" in CountingSocket.calls) is (kind is CountingSocket)
    assert any(call.startswith("recv") for call in CountingSocket.calls) is (kind is CountingSocket)
