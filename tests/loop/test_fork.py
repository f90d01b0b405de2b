"""Forked children: what they do to their copy of a loop must not be seen by the parent's, nor their signals."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest

import data_bridge

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
fork_context = multiprocessing.get_context("fork")
GRACE = 30


def in_child(function: Callable[[], object]) -> int:
    """Runs `function` in a forked child, which exits with 0 where that is true; its pid."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        signal.alarm(GRACE)
        code = 0 if function() else 71
    except BaseException as error:
        os.write(2, f"{error!r}\n".encode())
    finally:
        os._exit(code)


def exit_code(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@contextlib.contextmanager
def ended(pid: int) -> Iterator[None]:
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("number", "handled"),
    [
        (signal.SIGTERM, True),
        (signal.SIGINT, True),
        (signal.SIGUSR1, True),
        (signal.SIGTERM, False),
        (signal.SIGUSR1, False),
    ],
)
def test_a_signal_to_a_child_is_the_childs(number: signal.Signals, handled: bool) -> None:
    """Of a loop with signal handlers and of one that only watches the wake-up descriptor."""
    received: list[int] = []
    outer = signal.getsignal(number)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        if handled:
            loop.add_signal_handler(number, received.append, 1)
        ready, told = os.pipe()

        def nap() -> None:
            with contextlib.suppress(KeyboardInterrupt):
                os.write(told, b"x")
                time.sleep(GRACE)
                os._exit(72)
            os._exit(-number & 0xFF)

        pid = in_child(nap)
        with ended(pid):
            await asyncio.to_thread(os.read, ready, 1)
            os.kill(pid, number)
            code = await asyncio.to_thread(exit_code, pid)
            # By default SIGINT is an exception in Python.
            assert code in (-number, -number & 0xFF)
            # A byte in the pair would be read by the turns of this.
            for _ in range(5):
                await asyncio.sleep(0)
            assert received == []
            if handled:
                os.kill(os.getpid(), number)
                await asyncio.wait_for(until(lambda: received == [1]), GRACE)
                loop.remove_signal_handler(number)
        os.close(ready)
        os.close(told)

    async def until(condition: Callable[[], bool]) -> None:
        while not condition():
            await asyncio.sleep(0.001)

    try:
        data_bridge.run(main())
    finally:
        signal.signal(number, outer)


def test_a_handler_of_the_applications_own_stays_in_the_child() -> None:
    outer = signal.getsignal(signal.SIGUSR1)

    async def main() -> int:
        hits: list[int] = []
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, hits.append, 1)
        signal.signal(signal.SIGUSR1, lambda *_: hits.append(2))

        def child() -> bool:
            os.kill(os.getpid(), signal.SIGUSR1)
            return hits == [2] and signal.getsignal(signal.SIGUSR2) is signal.SIG_DFL

        return await asyncio.to_thread(exit_code, in_child(child))

    try:
        assert data_bridge.run(main()) == 0
    finally:
        signal.signal(signal.SIGUSR1, outer)


def close(loop: data_bridge.PyLoop, readers: list[socket.socket]) -> bool:
    loop.close()
    return loop.is_closed()


def remove(loop: data_bridge.PyLoop, readers: list[socket.socket]) -> bool:
    return [loop.remove_reader(reader) for reader in readers] == [True] * len(readers)


def add(loop: data_bridge.PyLoop, readers: list[socket.socket]) -> bool:
    for reader in readers:
        loop.add_writer(reader, print)
    return True


def run_it(loop: data_bridge.PyLoop, readers: list[socket.socket]) -> bool:
    """The copy of the loop serves the child: readers, timers, other threads."""
    left, right = socket.socketpair()
    got: list[object] = []
    loop.add_reader(left, lambda: got.append(left.recv(1)))
    right.send(b"c")
    loop.call_later(0.01, got.append, "timer")
    threading.Timer(0.05, loop.call_soon_threadsafe, [loop.stop]).start()
    loop.run_forever()
    return got == [b"c", "timer"]


@pytest.mark.parametrize("act", [close, remove, add, run_it])
def test_what_a_child_does_to_its_copy_is_not_seen_here(
    loop: data_bridge.PyLoop, act: Callable[[data_bridge.PyLoop, list[socket.socket]], bool]
) -> None:
    got: list[bytes] = []
    pairs = [socket.socketpair() for _ in range(3)]

    def receive(reader: socket.socket) -> None:
        got.append(reader.recv(1))
        if len(got) == len(pairs):
            loop.stop()

    for left, _ in pairs:
        loop.add_reader(left, receive, left)
    # So that the loop has watched for signals once.
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert exit_code(in_child(lambda: act(loop, [left for left, _ in pairs]))) == 0
    for _, right in pairs:
        right.send(b"p")
    late = loop.call_later(GRACE, loop.stop)
    loop.run_forever()
    late.cancel()
    assert got == [b"p"] * 3
    for left, right in pairs:
        loop.remove_reader(left)
        left.close()
        right.close()


async def hello() -> str:
    await asyncio.sleep(0)
    process = await asyncio.create_subprocess_exec("echo", "hello", stdout=-1)
    return (await process.communicate())[0].decode()


@pytest.mark.parametrize("run", [asyncio.run, data_bridge.run])
@pytest.mark.parametrize("thread", [True, False])
def test_a_child_of_a_running_loop_runs_one_of_its_own(run: Callable[[Any], str], thread: bool) -> None:
    def child() -> bool:
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()
        return run(hello()) == "hello\n"

    async def main() -> int:
        waiting = asyncio.ensure_future(asyncio.sleep(0.05, "still here"))
        # As a sync handler of FastAPI forks, and as an async one.
        pid = await asyncio.to_thread(in_child, child) if thread else in_child(child)
        code = await asyncio.to_thread(exit_code, pid)
        assert await waiting == "still here"
        return code

    assert data_bridge.run(main()) == 0


def square(number: int) -> int:
    return number * number


def square_in_a_loop(number: int) -> int:
    async def main() -> int:
        await asyncio.sleep(0)
        return number * number

    return data_bridge.run(main())


def leave(code: int) -> NoReturn:
    sys.exit(code)


@pytest.mark.parametrize("function", [square, square_in_a_loop])
def test_multiprocessing_with_fork(function: Callable[[int], int]) -> None:
    """Leaving the block sends SIGTERM to the workers of the pool."""
    received: list[int] = []

    def pool() -> list[int]:
        with fork_context.Pool(2) as workers:
            return workers.map(function, range(5))

    def process() -> int | None:
        one = fork_context.Process(target=leave, args=(7,))
        one.start()
        one.join(GRACE)
        return one.exitcode

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, received.append, 1)
        for _ in range(3):
            assert await asyncio.to_thread(pool) == [0, 1, 4, 9, 16]
        assert pool() == [0, 1, 4, 9, 16]
        assert process() == 7
        for _ in range(5):
            await asyncio.sleep(0)
        loop.remove_signal_handler(signal.SIGTERM)

    data_bridge.run(main())
    assert received == []


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="asyncio's own tasks do not leave a forked loop there")
def test_a_child_that_leaves_the_loop_ends() -> None:
    """SystemExit in a task of the copy unwinds all of it: Runner, loop, signals."""

    async def main() -> int:
        pid = os.fork()
        if pid == 0:
            signal.alarm(GRACE)
            sys.exit(9)
        return await asyncio.to_thread(exit_code, pid)

    code = 70
    me = os.getpid()
    try:
        code = data_bridge.run(main())
    except SystemExit as error:
        if os.getpid() != me:
            os._exit(int(str(error.code)))
        raise
    assert code == 9
