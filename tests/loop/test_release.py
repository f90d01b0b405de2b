"""What is released may call the loop again: weak references, finalisers and chains of handles.

Wherever the loop lets go of an object, Python code can run: a weak reference's callback, `__del__`, a generator's
`finally`. It may set timers, cancel others, add and remove readers, or close the loop, while the loop is in the middle
of the very container that the object was in.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import random
import socket
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import data_bridge
from data_bridge import _core


def turns(loop: data_bridge.PyLoop, count: int) -> None:
    for _ in range(count):
        loop.stop()
        loop.run_forever()


class Finaliser:
    """Calls `function` when it is released."""

    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function

    def __call__(self, *_: object) -> None: ...

    def __del__(self) -> None:
        self._function()


@pytest.fixture
def keen_collector() -> Iterator[None]:
    """Garbage is collected as often as possible."""
    threshold = gc.get_threshold()
    gc.set_threshold(1)
    yield
    gc.set_threshold(*threshold)


def fired_in_order(loop: data_bridge.PyLoop, timers: int) -> None:
    """Sets timers in random order beside those that are there, and checks that they fire by deadline."""
    fired: list[float] = []
    base = loop.time()
    deadlines = [base + i / 1e6 for i in range(timers)]
    for when in random.Random(3).sample(deadlines, timers):
        loop.call_at(when, fired.append, when)
    loop.call_at(deadlines[-1] + 0.01, loop.stop)
    loop.run_forever()
    assert fired == deadlines


def test_weak_references_of_swept_timers_set_timers(loop: data_bridge.PyLoop) -> None:
    made: list[Any] = []
    references = []
    handles = []

    def gone(_: object) -> None:
        made.extend(loop.call_later(1e6, print) for _ in range(50))

    for i in range(400):
        handle = loop.call_later(1e5 + i, print)
        handles.append(handle)
        references.append(weakref.ref(handle, gone))
    for handle in handles:
        handle.cancel()
    del handles, handle
    # The last leaf went at once; of the others none is left after the sweep, which asyncio has at the next turn, too.
    turns(loop, 2)
    assert len(made) == 400 * 50
    assert len(loop._scheduled) == len(made)
    fired_in_order(loop, 200)


def test_weak_references_of_swept_timers_cancel_the_others(loop: data_bridge.PyLoop) -> None:
    survivors = {loop.call_later(1e5 + i, print) for i in range(0, 900, 3)}
    references = []
    handles = [loop.call_later(1e5 + i, print) for i in range(900)]

    def gone(_: object) -> None:
        if survivors:
            survivors.pop().cancel()
        loop.call_later(1e6, print).cancel()

    for handle in handles:
        references.append(weakref.ref(handle, gone))
        handle.cancel()
    del handles, handle
    turns(loop, 6)
    assert not survivors
    assert len(loop._scheduled) <= 100 or loop._timer_cancelled_count * 2 <= len(loop._scheduled)
    fired_in_order(loop, 200)


@pytest.mark.parametrize("delay", [0.0, 1e5])
def test_weak_references_of_a_few_cancelled_timers(loop: data_bridge.PyLoop, delay: float) -> None:
    """Too few for a sweep: they go one by one from the top of the heap, or when they are due."""
    references = []
    made: list[Any] = []
    handles = [loop.call_later(delay + i / 1e6, print) for i in range(20)]
    handles.append(loop.call_later(2e5, print))

    def gone(_: object) -> None:
        made.extend(loop.call_later(1e6 + i, print) for i in range(200))
        made[0].cancel()

    for handle in handles[:-1]:
        references.append(weakref.ref(handle, gone))
        handle.cancel()
    del handles, handle
    turns(loop, 2)
    assert len(made) == 20 * 200
    fired_in_order(loop, 200)


def test_arguments_of_dropped_callbacks_schedule_more(loop: data_bridge.PyLoop) -> None:
    """At close() each of many callbacks goes, with finalisers that look at the queues and change them."""
    dropped: list[int] = []

    def gone() -> None:
        dropped.append(len(loop._ready) + len(loop._scheduled))
        for schedule in (lambda: loop.call_soon(print), lambda: loop.call_later(1, print)):
            with pytest.raises(RuntimeError, match="closed"):
                schedule()

    for i in range(300):
        loop.call_soon(print, Finaliser(gone))
        loop.call_later(i, print, Finaliser(gone))
    loop.close()
    assert len(dropped) == 600


def test_finalisers_add_readers_while_the_readers_are_listed(loop: data_bridge.PyLoop, keen_collector: None) -> None:
    """Before Python 3.12 a collection can start between any two items of the list."""
    pairs = [socket.socketpair() for _ in range(8)]
    more = [socket.socketpair() for _ in range(60)]
    added: list[int] = []

    def gone() -> None:
        if len(added) < len(more):
            left = more[len(added)][0]
            added.append(left.fileno())
            loop.add_reader(left, print)
            loop.remove_reader(pairs[len(added) % len(pairs)][0])

    class Cycle:
        def __init__(self) -> None:
            self.own = self
            self.finaliser = Finaliser(gone)

    for left, _ in pairs:
        loop.add_reader(left, Finaliser(lambda: None), left)
    for _ in range(len(more) * 2):
        Cycle()
        loop._selector.get_map()
    gc.collect()
    assert len(added) == len(more)
    assert set(added) <= set(loop._selector.get_map())
    for left, right in pairs + more:
        loop.remove_reader(left)
        left.close()
        right.close()


@pytest.mark.parametrize("where", ["replaced", "refused", "removed"])
def test_a_reader_that_goes_closes_the_loop(where: str) -> None:
    loop = data_bridge.new_event_loop()

    class File(Finaliser):
        def __init__(self, fd: int) -> None:
            super().__init__(loop.close)
            self._fd = fd

        def fileno(self) -> int:
            return self._fd

    left, right = socket.socketpair()
    loop.add_writer(File(left.fileno()), Finaliser(loop.close))
    loop.add_reader(left.fileno(), Finaliser(loop.close))
    if where == "replaced":
        loop.add_writer(left, print)
    elif where == "refused":
        number = left.fileno()
        left.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            loop.add_reader(number, print)
    else:
        loop.remove_writer(left)
        loop.remove_reader(left)
    left.close()
    right.close()
    loop.close()
    assert loop.is_closed()
    assert sys.getrefcount(loop) < 10


CHAIN = 100_000


def chain_of_callbacks(loop: data_bridge.PyLoop) -> Any:
    handle: Any = None
    for _ in range(CHAIN):
        handle = loop.call_soon(id, handle)
    return handle


def chain_of_timers(loop: data_bridge.PyLoop) -> Any:
    handle: Any = None
    for i in range(CHAIN):
        handle = loop.call_later(1e6 + i, id, handle)
    return handle


def chain_of_futures(loop: data_bridge.PyLoop) -> Any:
    """Each callback of a future holds the handle of one before."""
    handle: Any = None
    for i in range(CHAIN):
        future = loop.create_future()
        future.add_done_callback(functools.partial(id, handle))
        handle = loop.call_later(1e6 + i, id, future) if i % 2 else loop.call_soon(id, future)
    return handle


@pytest.mark.parametrize("make", [chain_of_callbacks, chain_of_timers, chain_of_futures])
@pytest.mark.parametrize("end", ["close", "cancel", "run"])
def test_a_chain_is_freed_without_recursion(make: Callable[[data_bridge.PyLoop], Any], end: str) -> None:
    """Each handle holds the one before it; asyncio's are freed one by one as well."""
    loop = data_bridge.new_event_loop()
    last = make(loop)
    if end == "cancel":
        last.cancel()
    elif end == "run":
        loop.call_soon(loop.stop)
        loop.run_forever()
    del last
    loop.close()
    assert loop._scheduled == []


def test_a_chain_of_tasks_is_freed_without_recursion(caplog: pytest.LogCaptureFixture) -> None:
    """Each coroutine holds the task before it, and nobody will ever finish them."""
    loop = data_bridge.new_event_loop()
    ended: list[object] = []

    async def wait(future: asyncio.Future[None], before: object) -> None:
        await future
        assert before

    def start() -> None:
        task: Any = None
        for _ in range(CHAIN // 10):
            task = _core.drive(loop, wait(loop.create_future(), task), lambda _, error: ended.append(error))

    caplog.set_level(logging.CRITICAL, logger="asyncio")
    loop.call_soon(start)
    turns(loop, 1)
    gc.collect()
    loop.close()
    assert len(ended) == CHAIN // 10
    assert all(isinstance(error, asyncio.CancelledError) for error in ended)


def test_garbage_is_collected_while_a_task_is_freed(loop: data_bridge.PyLoop, caplog: pytest.LogCaptureFixture) -> None:
    """The receiver of its result runs when nobody holds the task any more; no collection may meet it then."""
    ended: list[object] = []

    def done(_: object, error: object) -> None:
        gc.collect()
        ended.append(error)

    async def wait() -> None:
        await loop.create_future()

    def start() -> None:
        for _ in range(20):
            _core.drive(loop, wait(), done)

    caplog.set_level(logging.CRITICAL, logger="asyncio")
    loop.call_soon(start)
    turns(loop, 1)
    gc.collect()
    assert len(ended) == 20
