"""anyio and pytest-asyncio take PyLoop where they take a loop factory."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import data_bridge

anyio = pytest.importorskip("anyio")


def run(main: Callable[[], Awaitable[Any]], **options: Any) -> Any:
    return anyio.run(main, backend_options={"loop_factory": data_bridge.new_event_loop, **options})


@pytest.mark.parametrize("debug", [False, True])
def test_anyio_runs_on_pyloop(debug: bool) -> None:
    async def main() -> str:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, data_bridge.PyLoop)
        assert loop.get_debug() is debug
        return "result"

    assert run(main, debug=debug) == "result"


def test_anyios_task_groups_and_cancel_scopes() -> None:
    async def main() -> None:
        ended: list[str] = []

        async def work(name: str, *, task_status: Any = anyio.TASK_STATUS_IGNORED) -> None:
            task_status.started(name)
            try:
                await anyio.sleep(60)
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(0.01)
                    ended.append(name)

        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                names = [await tasks.start(work, str(number)) for number in range(50)]
                scope.deadline = anyio.current_time() + 0.1
        assert scope.cancelled_caught
        assert sorted(ended) == sorted(names)

        with pytest.raises(TimeoutError), anyio.fail_after(0.05):
            await anyio.sleep(60)

        async def fail() -> None:
            raise ValueError("inner")

        async def fail_in_a_group() -> None:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(anyio.sleep, 60)
                tasks.start_soon(fail)

        with pytest.raises(ExceptionGroup) as caught:
            await fail_in_a_group()
        assert [str(error) for error in caught.value.exceptions] == ["inner"]

        sender, receiver = anyio.create_memory_object_stream[int](5)

        async def produce() -> None:
            async with sender:
                for number in range(1000):
                    await sender.send(number)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(produce)
            assert [number async for number in receiver] == list(range(1000))
        receiver.close()

    run(main)


def test_anyios_threads() -> None:
    async def main() -> None:
        async def on_the_loop(number: int) -> int:
            await anyio.sleep(0)
            return number * 2

        def in_a_thread(number: int) -> int:
            return int(anyio.from_thread.run(on_the_loop, number)) + 1

        results: dict[int, int] = {}

        async def work(number: int) -> None:
            results[number] = await anyio.to_thread.run_sync(in_a_thread, number)

        async with anyio.create_task_group() as tasks:
            for number in range(200):
                tasks.start_soon(work, number)
        assert results == {number: number * 2 + 1 for number in range(200)}
        # Worker threads belong to the root task and are used again.
        limiter = anyio.to_thread.current_default_thread_limiter()
        assert limiter.statistics().borrowed_tokens == 0

    run(main)
    with anyio.from_thread.start_blocking_portal(
        backend_options={"loop_factory": data_bridge.new_event_loop}
    ) as portal:
        assert portal.call(lambda: type(asyncio.get_running_loop())) is data_bridge.PyLoop
        future = portal.start_task_soon(anyio.sleep, 60)
        future.cancel()


def test_anyios_sockets_processes_and_signals(tmp_path: Path) -> None:
    async def main() -> None:
        async def serve(stream: Any) -> None:
            async with stream:
                async for piece in stream:
                    await stream.send(piece)

        for listener, connect in (
            (
                await anyio.create_tcp_listener(local_host="127.0.0.1"),
                lambda listener: anyio.connect_tcp("127.0.0.1", listener.extra(anyio.abc.SocketAttribute.local_port)),
            ),
            (
                await anyio.create_unix_listener(tmp_path / "socket"),
                lambda _: anyio.connect_unix(tmp_path / "socket"),
            ),
        ):
            async with listener, anyio.create_task_group() as tasks:
                tasks.start_soon(listener.serve, serve)
                data = os.urandom(1_000_000)
                async with await connect(listener) as stream, anyio.create_task_group() as both:
                    both.start_soon(stream.send, data)
                    received = bytearray()
                    while len(received) < len(data):
                        received += await stream.receive()
                    assert received == data
                tasks.cancel_scope.cancel()

        async with await anyio.create_udp_socket(family=socket.AF_INET, local_host="127.0.0.1") as udp:
            address = udp.extra(anyio.abc.SocketAttribute.local_address)
            await udp.sendto(b"hello", *address)
            assert await udp.receive() == (b"hello", address)

        done = await anyio.run_process(["tr", "a-z", "A-Z"], input=b"hello " * 100_000)
        assert done.stdout == b"HELLO " * 100_000
        async with await anyio.open_process(["sleep", "60"]) as process:
            process.terminate()
            assert await process.wait() == -signal.SIGTERM

        with anyio.open_signal_receiver(signal.SIGUSR1) as signals:
            os.kill(os.getpid(), signal.SIGUSR1)
            async for received_signal in signals:
                assert received_signal is signal.SIGUSR1
                break

        assert (await anyio.Path(tmp_path).exists()) is True

    run(main)


HOOK = """
import data_bridge

def pytest_asyncio_loop_factories(config, item):
    return {"pyloop": data_bridge.new_event_loop}
"""
POLICY = """
import pytest
import data_bridge

@pytest.fixture(scope="session")
def event_loop_policy():
    return data_bridge.EventLoopPolicy()
"""
TESTS = """
import asyncio
import pytest
import pytest_asyncio
import data_bridge

def on_pyloop():
    return isinstance(asyncio.get_running_loop(), data_bridge.PyLoop)

@pytest_asyncio.fixture
async def server():
    async def echo(reader, writer):
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()
    assert on_pyloop()
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()

@pytest.mark.asyncio
async def test_echo(server):
    assert on_pyloop()
    reader, writer = await asyncio.open_connection(*server)
    writer.write(b"hello\\n")
    assert await reader.readline() == b"hello\\n"
    writer.close()
    await writer.wait_closed()

@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("number", range(3))
async def test_timers(number):
    assert on_pyloop()
    async with asyncio.timeout(5):
        await asyncio.sleep(0.01)
"""


@pytest.mark.parametrize("conftest", [HOOK, POLICY], ids=["factory", "policy"])
def test_pytest_asyncio(conftest: str, tmp_path: Path) -> None:
    plugin = pytest.importorskip("pytest_asyncio.plugin")
    if conftest is HOOK and not hasattr(plugin.PytestAsyncioSpecs, "pytest_asyncio_loop_factories"):
        pytest.skip("this pytest-asyncio has no loop factories yet")
    (tmp_path / "conftest.py").write_text(conftest)
    (tmp_path / "test_inner.py").write_text(TESTS)
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    started = time.monotonic()
    inner = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "pytest_asyncio.plugin", "-p", "no:cacheprovider", "-q", "."],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert inner.returncode == 0, inner.stdout + inner.stderr
    assert "4 passed" in inner.stdout
    assert time.monotonic() - started < 60
