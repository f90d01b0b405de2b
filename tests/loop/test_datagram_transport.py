"""UDP endpoints: whatever asyncio's own transport does, ours does; and what reading several datagrams at once adds."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

import data_bridge
from data_bridge import _core

FAMILIES = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]


class Recorder(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.received: list[tuple[bytes, Any]] = []
        self.errors: list[Exception] = []
        self.lost: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        assert type(data) is bytes
        self.received.append((data, addr))

    def error_received(self, exc: Exception) -> None:
        self.errors.append(exc)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.lost.set_result(exc)


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


async def bound(host: str = "127.0.0.1", factory: Any = Recorder) -> tuple[Any, Any]:
    return await asyncio.get_running_loop().create_datagram_endpoint(factory, local_addr=(host, 0))


def peer(family: int = socket.AF_INET, host: str = "127.0.0.1") -> socket.socket:
    plain = socket.socket(family, socket.SOCK_DGRAM)
    plain.bind((host, 0))
    plain.settimeout(10)
    return plain


@pytest.fixture(params=["asyncio", "data_bridge"])
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    """Runs a coroutine on asyncio's own loop, or on ours: a test must say the same of both."""
    factory = asyncio.SelectorEventLoop if request.param == "asyncio" else data_bridge.new_event_loop

    def run(main: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(main)

    return run


def test_it_is_asyncios_transport() -> None:
    async def main() -> None:
        transport, _ = await bound()
        assert isinstance(transport, asyncio.DatagramTransport)
        assert isinstance(transport, _core.DatagramTransportBase)
        transport.close()

    data_bridge.run(main())


@pytest.mark.parametrize(("family", "host"), FAMILIES)
def test_there_and_back(run: Any, family: int, host: str) -> None:
    async def main() -> None:
        transport, protocol = await bound(host)
        address = transport.get_extra_info("sockname")
        with peer(family, host) as other:
            for data in (b"1", b"", b"x" * 60000):
                other.sendto(data, address)
            await until(lambda: len(protocol.received) == 3)
            assert protocol.received == [(data, other.getsockname()) for data in (b"1", b"", b"x" * 60000)]
            for data in (b"bytes", bytearray(b"bytearray"), memoryview(b"memoryview")):
                transport.sendto(data, protocol.received[0][1])
                assert other.recvfrom(100) == (bytes(data), address)
            transport.sendto(b"keyword", addr=other.getsockname())
            transport.sendto(b"by name", ("localhost" if family == socket.AF_INET else host, other.getsockname()[1]))
            assert [other.recv(100), other.recv(100)] == [b"keyword", b"by name"]
        transport.close()
        assert await protocol.lost is None
        assert not protocol.errors

    run(main())


def test_connected_endpoints(run: Any) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with peer() as other:
            address = other.getsockname()
            transport, protocol = await loop.create_datagram_endpoint(Recorder, remote_addr=address)
            transport.sendto(b"1")
            transport.sendto(b"2", address)
            transport.sendto(b"3", None)
            with pytest.raises(ValueError, match="Invalid address: must be None or"):
                transport.sendto(b"4", ("127.0.0.1", 9))
            assert [other.recv(10) for _ in range(3)] == [b"1", b"2", b"3"]
            other.sendto(b"back", transport.get_extra_info("sockname"))
            await until(lambda: protocol.received)
            assert protocol.received == [(b"back", address)]
        transport.close()
        await protocol.lost

    run(main())


def test_a_refusal_is_an_error_of_the_protocol(run: Any) -> None:
    async def main() -> None:
        with peer() as other:
            address = other.getsockname()
        transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(Recorder, remote_addr=address)
        transport.sendto(b"nobody is there")
        await until(lambda: protocol.errors)
        assert isinstance(protocol.errors[0], ConnectionRefusedError)
        assert not transport.is_closing()
        transport.close()

    run(main())


def test_what_the_kernel_refuses_to_send(run: Any) -> None:
    async def main() -> None:
        transport, protocol = await bound()
        transport.sendto(bytes(70000), ("127.0.0.1", 9))
        assert [getattr(error, "errno", None) for error in protocol.errors] == [errno.EMSGSIZE]
        transport.abort()
        assert await protocol.lost is None

    run(main())


@pytest.mark.parametrize("data", ["text", 1, None, [b""]])
def test_wrong_types(run: Any, data: Any) -> None:
    async def main() -> None:
        transport, _ = await bound()
        with pytest.raises(TypeError, match="data argument must be a bytes-like object, not"):
            transport.sendto(data, ("127.0.0.1", 9))
        transport.close()

    run(main())


@pytest.mark.parametrize("address", [("127.0.0.1", -1), ("127.0.0.1", 65536), ("127.0.0.1", "9"), ("127.0.0.1",), 5])
def test_wrong_addresses(run: Any, address: Any) -> None:
    async def main() -> None:
        contexts: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: contexts.append(context))
        transport, protocol = await bound()
        transport.sendto(b"data", address)
        assert isinstance(await protocol.lost, (TypeError, OverflowError))
        assert [context["message"] for context in contexts] == ["Fatal write error on datagram transport"]

    run(main())


def test_nothing_arrives_after_close(run: Any) -> None:
    class Once(Recorder):
        def datagram_received(self, data: bytes, addr: Any) -> None:
            super().datagram_received(data, addr)
            self.transport.close()

    async def main() -> None:
        transport, protocol = await bound(factory=Once)
        with peer() as other:
            for i in range(5):
                other.sendto(b"%d" % i, transport.get_extra_info("sockname"))
            await protocol.lost
            await asyncio.sleep(0.01)
        assert [data for data, _ in protocol.received] == [b"0"]

    run(main())


@pytest.mark.skipif(
    "pause_reading" not in vars(asyncio.selector_events._SelectorTransport),  # type: ignore[attr-defined]
    reason="the datagram transports of this CPython (3.11.2) cannot be paused",
)
def test_nothing_arrives_while_paused_and_nothing_is_lost(run: Any) -> None:
    class Pausing(Recorder):
        def datagram_received(self, data: bytes, addr: Any) -> None:
            super().datagram_received(data, addr)
            self.transport.pause_reading()

    async def main() -> None:
        transport, protocol = await bound(factory=Pausing)
        with peer() as other:
            for i in range(40):
                other.sendto(b"%d" % i, transport.get_extra_info("sockname"))
            for i in range(40):
                await until(lambda i=i: len(protocol.received) == i + 1)  # type: ignore[misc]
                await asyncio.sleep(0)
                assert len(protocol.received) == i + 1
                transport.resume_reading()
        assert [data for data, _ in protocol.received] == [b"%d" % i for i in range(40)]
        transport.close()

    run(main())


def test_a_failing_callback_loses_no_other_datagram(run: Any) -> None:
    class Failing(Recorder):
        def datagram_received(self, data: bytes, addr: Any) -> None:
            super().datagram_received(data, addr)
            if int(data) % 3 == 0:
                raise ValueError(data)

    async def main() -> None:
        contexts: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: contexts.append(context))
        transport, protocol = await bound(factory=Failing)
        with peer() as other:
            for i in range(20):
                other.sendto(b"%d" % i, transport.get_extra_info("sockname"))
            await until(lambda: len(protocol.received) == 20)
        assert [data for data, _ in protocol.received] == [b"%d" % i for i in range(20)]
        assert [context["exception"].args for context in contexts] == [(b"%d" % i,) for i in range(0, 20, 3)]
        assert not transport.is_closing()
        transport.close()

    run(main())


def test_a_full_socket_buffer_queues_and_keeps_the_order(run: Any) -> None:
    class Flow(Recorder):
        def __init__(self) -> None:
            super().__init__()
            self.calls: list[str] = []

        def pause_writing(self) -> None:
            self.calls.append("pause")

        def resume_writing(self) -> None:
            self.calls.append("resume")

    async def main() -> None:
        transport, protocol = await bound(factory=Flow)
        fd = transport._sock_fd
        with peer() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            loop: Any = asyncio.get_running_loop()
            # As if the kernel were full: what is queued stays until the writer runs.
            transport._buffer.append((b"0", other.getsockname()))
            transport._buffer_size += 1
            loop._add_writer(fd, transport._sendto_ready)
            transport.set_write_buffer_limits(high=50)
            for i in range(1, 50):
                transport.sendto(bytearray(b"%d" % i), other.getsockname())
            assert protocol.calls == ["pause"]
            assert transport.get_write_buffer_size() > 80
            transport.close()
            assert await protocol.lost is None
            assert [int(other.recv(100)) for _ in range(50)] == list(range(50))

    run(main())


def test_unix_datagrams_are_asyncios(tmp_path: Any) -> None:
    async def main() -> None:
        path = str(tmp_path / "socket")
        transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
            Recorder, local_addr=path, family=socket.AF_UNIX
        )
        assert not isinstance(transport, _core.DatagramTransportBase)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.sendto(b"data", path)
            await until(lambda: protocol.received)
        transport.close()

    data_bridge.run(main())


def test_a_socket_class_with_its_own_calls_has_them_called(run: Any) -> None:
    calls: list[str] = []

    class CountingSocket(socket.socket):
        def recvfrom(self, *args: Any) -> Any:
            calls.append("recvfrom")
            return super().recvfrom(*args)

        def sendto(self, *args: Any) -> Any:
            calls.append("sendto")
            return super().sendto(*args)

    async def main() -> None:
        ours = CountingSocket(socket.AF_INET, socket.SOCK_DGRAM)
        ours.bind(("127.0.0.1", 0))
        received: asyncio.Queue[bytes] = asyncio.Queue()

        class Collect(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: Any) -> None:
                received.put_nowait(data)

        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Collect, sock=ours)
        transport.sendto(b"to myself", ours.getsockname())
        assert await asyncio.wait_for(received.get(), 30) == b"to myself"
        transport.close()

    run(main())
    assert set(calls) == {"recvfrom", "sendto"}
