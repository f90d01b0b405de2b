"""Order, timers, handles, threads, signals and the end of PyLoop, where they could differ from asyncio's loop."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest

import data_bridge

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


def turns(loop: data_bridge.PyLoop, count: int = 1) -> None:
    for _ in range(count):
        loop.stop()
        loop.run_forever()


# -- order -----------------------------------------------------------------------------------------------


def test_what_a_callback_schedules_runs_in_the_next_turn(loop: data_bridge.PyLoop) -> None:
    order: list[str] = []

    def first() -> None:
        order.append("first")
        loop.call_soon(order.append, "third")

    loop.call_soon(first)
    loop.call_soon(order.append, "second")
    turns(loop)
    assert order == ["first", "second"]
    turns(loop)
    assert order == ["first", "second", "third"]


def test_ready_then_io_then_timers(loop: data_bridge.PyLoop) -> None:
    order: list[str] = []
    left, right = socket.socketpair()
    with left, right:
        right.send(b"x")
        loop.add_reader(left, order.append, "io")
        loop.call_later(0, order.append, "timer")
        loop.call_soon(order.append, "ready")
        turns(loop)
        loop.remove_reader(left)
    assert order == ["ready", "io", "timer"]


def test_equal_deadlines_keep_their_order(loop: data_bridge.PyLoop) -> None:
    order: list[int] = []
    when = loop.time() + 0.01
    for i in range(50):
        loop.call_at(when, order.append, i)
    loop.call_at(when + 0.001, loop.stop)
    loop.run_forever()
    assert order == list(range(50))


def test_timers_fire_in_order_and_never_early(loop: data_bridge.PyLoop) -> None:
    late: list[float] = []
    for i in range(40):
        when = loop.time() + (i * 37 % 40) / 2000
        loop.call_at(when, lambda when=when: late.append(loop.time() - when))
    loop.call_later(0.05, loop.stop)
    loop.run_forever()
    assert len(late) == 40
    assert min(late) >= -loop._clock_resolution
    assert min(late) < 0.01  # a busy machine may let the others wait


def test_many_cancelled_timers_are_swept(loop: data_bridge.PyLoop) -> None:
    fired: list[int] = []
    handles = [loop.call_later(0.01 + i / 1e5, fired.append, i) for i in range(1000)]
    for i, handle in enumerate(handles):
        if i % 10:
            handle.cancel()
    turns(loop)
    assert len(loop._scheduled) < 500
    loop.call_later(0.05, loop.stop)
    loop.run_forever()
    assert fired == list(range(0, 1000, 10))
    assert loop._scheduled == []


def test_timers_under_random_load_match_a_sorted_list(loop: data_bridge.PyLoop) -> None:
    """Pushes and cancellations in a fixed pseudo-random order; whatever is left fires sorted by deadline."""
    fired: list[tuple[float, int]] = []
    alive: dict[int, tuple[float, asyncio.TimerHandle]] = {}
    state = 12345
    base = loop.time()
    for i in range(3000):
        state = state * 1103515245 + 12345 & 0x7FFFFFFF
        when = base + state % 97 / 97000
        alive[i] = when, loop.call_at(when, fired.append, (when, i))
        if state % 3 == 0:
            victim = state % (i + 1)
            if victim in alive:
                alive.pop(victim)[1].cancel()
    loop.call_later(0.02, loop.stop)
    loop.run_forever()
    assert fired == sorted((when, i) for i, (when, _) in alive.items())


def test_stop_before_run_forever_is_one_turn(loop: data_bridge.PyLoop) -> None:
    order: list[int] = []
    loop.call_soon(lambda: (order.append(1), loop.call_soon(order.append, 2)))
    loop.stop()
    loop.run_forever()
    assert order == [1]


# -- handles ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", range(8))
def test_any_number_of_arguments(loop: data_bridge.PyLoop, count: int) -> None:
    got: list[tuple[int, ...]] = []

    class Receiver:
        def method(self, *args: int) -> None:
            got.append(args)

    loop.call_soon(lambda *args: got.append(args), *range(count))
    loop.call_soon(Receiver().method, *range(count))
    loop.call_later(0, Receiver().method, *range(count))
    turns(loop, 2)
    assert got == [tuple(range(count))] * 3


def test_handle_is_asyncios(loop: data_bridge.PyLoop) -> None:
    handle = loop.call_soon(print, 1, 2)
    timer = loop.call_later(5, print, "x")
    assert isinstance(handle, asyncio.Handle)
    assert isinstance(timer, asyncio.TimerHandle)
    assert (handle._callback, handle._args, handle._cancelled) == (print, (1, 2), False)  # type: ignore[attr-defined]
    assert timer.when() == pytest.approx(loop.time() + 5, abs=0.5)
    assert timer > loop.call_later(1, print)
    assert hash(timer) == hash(timer.when())
    assert repr(handle) == "<Handle print(1, 2)>" or "print" in repr(handle)
    handle.cancel()
    handle.cancel()
    assert handle.cancelled()
    assert (handle._callback, handle._args) == (None, None)  # type: ignore[attr-defined]
    assert "cancelled" in repr(handle)
    timer.cancel()


def test_cancel_drops_the_arguments_at_once(loop: data_bridge.PyLoop) -> None:
    class Big:
        pass

    big = Big()
    alive = weakref.ref(big)
    handle = loop.call_later(1000, print, big)
    kept = [loop.call_later(2000, print)]
    del big
    assert alive() is not None
    handle.cancel()
    assert alive() is None
    kept[0].cancel()


def test_a_callback_may_cancel_its_own_handle(loop: data_bridge.PyLoop) -> None:
    class Argument:
        pass

    seen: list[Any] = []
    handles: list[asyncio.Handle] = []

    def callback(argument: Argument) -> None:
        handles.pop().cancel()
        gc.collect()
        seen.append(type(argument))

    handles.append(loop.call_soon(callback, Argument()))
    turns(loop)
    assert seen == [Argument]


def test_a_reader_may_remove_itself(loop: data_bridge.PyLoop) -> None:
    left, right = socket.socketpair()
    got: list[bytes] = []
    with left, right:

        def read(connection: socket.socket) -> None:
            loop.remove_reader(connection)
            got.append(connection.recv(10))

        loop.add_reader(left, read, left)
        right.send(b"hello")
        turns(loop, 2)
        assert loop.remove_reader(left) is False
    assert got == [b"hello"]


def test_context_is_of_the_time_of_scheduling(loop: data_bridge.PyLoop) -> None:
    got: list[str] = []
    variable.set("outer")
    loop.call_soon(lambda: got.append(variable.get()))
    context = contextvars.copy_context()
    context.run(variable.set, "given")
    loop.call_soon(lambda: got.append(variable.get()), context=context)
    loop.call_later(0, lambda: got.append(variable.get()), context=context)
    variable.set("changed")
    turns(loop, 2)
    assert got == ["outer", "given", "given"]


@pytest.mark.parametrize("schedule", ["call_soon", "call_soon_threadsafe"])
def test_wrong_arguments(loop: data_bridge.PyLoop, schedule: str) -> None:
    with pytest.raises(TypeError, match="callback"):
        getattr(loop, schedule)()
    with pytest.raises(TypeError, match="unexpected keyword"):
        getattr(loop, schedule)(print, colour=1)
    with pytest.raises(TypeError):
        loop.call_later(None, print)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        loop.call_at(None, print)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        loop.call_later("soon", print)  # type: ignore[arg-type]


def test_exceptions_go_to_the_handler(loop: data_bridge.PyLoop) -> None:
    contexts: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda loop, context: contexts.append(context))
    after: list[int] = []

    def fails(argument: int) -> None:
        raise ValueError(argument)

    handle = loop.call_soon(fails, 3)
    loop.call_soon(after.append, 1)
    turns(loop)
    (context,) = contexts
    assert context["handle"] is handle
    assert isinstance(context["exception"], ValueError)
    assert context["exception"].__traceback__ is not None
    assert "fails" in context["message"]
    assert after == [1]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_exits_leave_the_loop_and_lose_nothing(loop: data_bridge.PyLoop, kind: type[BaseException]) -> None:
    after: list[int] = []

    def fails() -> None:
        raise kind

    loop.call_soon(fails)
    loop.call_soon(after.append, 1)
    with pytest.raises(kind):
        loop.run_forever()
    assert not loop.is_running()
    assert after == []
    turns(loop)
    assert after == [1]


# -- threads and signals ---------------------------------------------------------------------------------


def test_call_soon_threadsafe_wakes_a_blocked_loop(loop: data_bridge.PyLoop) -> None:
    thread = threading.Timer(0.05, loop.call_soon_threadsafe, [loop.stop])
    thread.start()
    began = time.monotonic()
    loop.run_forever()
    thread.join()
    assert time.monotonic() - began < 5


def test_call_soon_threadsafe_from_many_threads(loop: data_bridge.PyLoop) -> None:
    got: dict[int, list[int]] = {i: [] for i in range(4)}
    total = 4 * 5000

    def receive(thread: int, number: int) -> None:
        nonlocal total
        got[thread].append(number)
        total -= 1
        if total == 0:
            loop.stop()

    def send(thread: int) -> None:
        for number in range(5000):
            loop.call_soon_threadsafe(receive, thread, number)

    threads = [threading.Thread(target=send, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    loop.run_forever()
    for thread in threads:
        thread.join()
    assert got == {i: list(range(5000)) for i in range(4)}


def test_busy_loop_lets_other_threads_run(loop: data_bridge.PyLoop) -> None:
    """A chain of C callbacks never meets the interpreter's own switch."""
    ran = threading.Event()

    def again() -> None:
        if not ran.is_set():
            loop.call_soon(again)
        else:
            loop.stop()

    thread = threading.Thread(target=ran.set)
    loop.call_soon(thread.start)
    loop.call_soon(again)
    loop.call_later(5, loop.stop)
    loop.run_forever()
    thread.join()
    assert ran.is_set()


def test_loops_in_several_threads() -> None:
    results: list[int] = []

    async def main(number: int) -> int:
        for _ in range(100):
            await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        return number

    def run(number: int) -> None:
        results.append(data_bridge.run(main(number)))

    threads = [threading.Thread(target=run, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == list(range(8))


def test_a_signal_ends_a_wait(loop: data_bridge.PyLoop) -> None:
    """Python's own handlers run although nothing else wakes the loop."""
    got: list[int] = []

    def handler(number: int, frame: object) -> None:
        got.append(number)
        loop.stop()

    old = signal.signal(signal.SIGUSR1, handler)
    try:
        threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGUSR1]).start()
        loop.call_later(10, loop.stop)
        began = time.monotonic()
        loop.run_forever()
    finally:
        signal.signal(signal.SIGUSR1, old)
    # stop() alone does not wake the loop; the signal did, and its handler ran.
    assert got == [signal.SIGUSR1]
    assert time.monotonic() - began < 5


def test_keyboard_interrupt_leaves_the_loop(loop: data_bridge.PyLoop) -> None:
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGINT]).start()
        with pytest.raises(KeyboardInterrupt):
            loop.run_forever()
    finally:
        signal.signal(signal.SIGINT, old)
    assert not loop.is_running()
    turns(loop)


def test_signal_handlers_and_the_wakeup_fd(loop: data_bridge.PyLoop) -> None:
    got: list[str] = []
    before = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(before)
    loop.add_signal_handler(signal.SIGUSR1, got.append, "usr1")
    loop.call_soon(os.kill, os.getpid(), signal.SIGUSR1)
    loop.call_later(0.05, loop.stop)
    loop.run_forever()
    assert got == ["usr1"]
    # Between two runs as well.
    os.kill(os.getpid(), signal.SIGUSR1)
    loop.call_later(0.05, loop.stop)
    loop.run_forever()
    assert got == ["usr1", "usr1"]
    assert loop.remove_signal_handler(signal.SIGUSR1)
    assert not loop.remove_signal_handler(signal.SIGUSR1)
    turns(loop)
    assert signal.set_wakeup_fd(-1) == before


def test_another_thread_has_no_signals(loop: data_bridge.PyLoop) -> None:
    errors: list[BaseException] = []

    def run() -> None:
        other = data_bridge.new_event_loop()
        try:
            other.add_signal_handler(signal.SIGUSR1, print)
        except RuntimeError as error:
            errors.append(error)
        finally:
            other.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(errors) == 1


# -- descriptors -----------------------------------------------------------------------------------------


def test_reader_and_writer_share_a_descriptor(loop: data_bridge.PyLoop) -> None:
    left, right = socket.socketpair()
    left.setblocking(False)
    got: list[str] = []
    with left, right:
        right.send(b"x")
        loop.add_reader(left, got.append, "read")
        loop.add_writer(left, got.append, "write")
        turns(loop)
        assert got == ["read", "write"]
        assert loop.remove_writer(left) is True
        turns(loop)
        assert got == ["read", "write", "read"]
        assert loop.remove_writer(left) is False
        assert loop.remove_reader(left) is True


def test_replacing_a_reader_cancels_the_old_one(loop: data_bridge.PyLoop) -> None:
    left, right = socket.socketpair()
    got: list[str] = []
    with left, right:
        right.send(b"x")
        first = loop._add_reader(left, got.append, "first")
        second = loop._add_reader(left.fileno(), got.append, "second")
        turns(loop)
        loop.remove_reader(left)
    assert got == ["second"]
    assert first.cancelled()
    assert second.cancelled()


def test_a_descriptor_closed_unseen_and_used_again(loop: data_bridge.PyLoop) -> None:
    """Its number belongs to another file now, which epoll knows nothing of."""
    left, right = socket.socketpair()
    got: list[str] = []
    number = left.fileno()
    loop.add_reader(number, got.append, "old")
    left.close()
    other_left, other_right = socket.socketpair()
    moved = other_left.fileno() != number
    if moved:
        os.dup2(other_left.fileno(), number)
    other_right.send(b"x")
    loop.add_reader(number, got.append, "new")
    turns(loop)
    assert got == ["new"]
    assert loop.remove_reader(number)
    if moved:
        os.close(number)
    for end in (right, other_left, other_right):
        end.close()


def test_a_closed_socket_can_still_be_removed(loop: data_bridge.PyLoop) -> None:
    left, right = socket.socketpair()
    loop.add_reader(left, print)
    left.close()
    assert loop.remove_reader(left) is True
    with pytest.raises(ValueError, match="Invalid file"):
        loop.remove_reader(left)
    right.close()


def test_regular_files_are_refused(loop: data_bridge.PyLoop, tmp_path: Any) -> None:
    with (tmp_path / "file").open("w") as file, pytest.raises(PermissionError):
        loop.add_reader(file, print)
    with pytest.raises(ValueError, match="Invalid file"):
        loop.add_reader(-1, print)
    with pytest.raises(ValueError, match="Invalid file"):
        loop.add_reader(object(), print)  # type: ignore[arg-type]


def test_hang_up_wakes_a_writer(loop: data_bridge.PyLoop) -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    while True:
        try:
            os.write(write_end, bytes(65536))
        except BlockingIOError:
            break
    got: list[str] = []
    loop.add_writer(write_end, got.append, "broken")
    turns(loop)
    assert got == []
    os.close(read_end)
    turns(loop)
    assert got == ["broken"]
    loop.remove_writer(write_end)
    os.close(write_end)


# -- debug -----------------------------------------------------------------------------------------------


def test_slow_callbacks_are_logged(loop: data_bridge.PyLoop, caplog: pytest.LogCaptureFixture) -> None:
    loop.set_debug(True)
    loop.slow_callback_duration = 0.01
    seen: list[bool] = []

    def slow() -> None:
        seen.append(loop._current_handle is not None)
        time.sleep(0.02)

    loop.call_soon(slow)
    with caplog.at_level(logging.WARNING, "asyncio"):
        turns(loop)
    assert seen == [True]
    assert loop._current_handle is None
    assert any("slow" in message and "took 0.0" in message for message in caplog.messages)


def test_debug_refuses_wrong_threads_and_coroutines(loop: data_bridge.PyLoop) -> None:
    loop.set_debug(True)
    errors: list[BaseException] = []

    async def coroutine() -> None: ...

    def elsewhere() -> None:
        for schedule in (loop.call_soon, lambda callback: loop.call_later(1, callback)):
            try:
                schedule(print)
            except RuntimeError as error:
                errors.append(error)

    def start() -> None:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        with pytest.raises(TypeError, match="coroutines cannot be used"):
            loop.call_soon(coroutine)

    loop.call_soon(start)
    turns(loop)
    assert len(errors) == 2


def test_debug_keeps_the_place_of_scheduling(loop: data_bridge.PyLoop) -> None:
    loop.set_debug(True)
    handle: Any = loop.call_soon(print)
    timer: Any = loop.call_later(1, print)
    for scheduled in (handle, timer):
        assert scheduled._source_traceback[-1].name == "test_debug_keeps_the_place_of_scheduling"
        assert "created at" in repr(scheduled)
        scheduled.cancel()


# -- the end ---------------------------------------------------------------------------------------------


def test_closed_loop(loop: data_bridge.PyLoop) -> None:
    loop.call_soon(print, "must not run")
    loop.call_later(0, print, "must not run")
    loop.close()
    loop.close()
    assert loop.is_closed()
    attempts: list[Callable[[], object]] = [
        lambda: loop.call_soon(print),
        lambda: loop.call_soon_threadsafe(print),
        lambda: loop.call_later(1, print),
        lambda: loop.call_at(1, print),
        loop.run_forever,
    ]
    for attempt in attempts:
        with pytest.raises(RuntimeError, match="Event loop is closed"):
            attempt()
    assert loop._remove_reader(5) is False
    assert loop._ready == type(loop._ready)()
    assert loop._scheduled == []


def test_closing_while_running(loop: data_bridge.PyLoop) -> None:
    errors: list[BaseException] = []

    def close() -> None:
        try:
            loop.close()
        except RuntimeError as error:
            errors.append(error)

    loop.call_soon(close)
    turns(loop)
    assert len(errors) == 1
    assert not loop.is_closed()


def test_a_selector_argument_is_closed() -> None:
    import selectors

    selector = selectors.DefaultSelector()
    loop = data_bridge.PyLoop(selector)
    assert selector.get_map() is None
    assert isinstance(loop._selector, selectors.BaseSelector)
    loop.close()


def test_the_selector_shows_what_is_watched(loop: data_bridge.PyLoop) -> None:
    left, right = socket.socketpair()
    with left, right:
        loop.add_reader(left, print)
        key = loop._selector.get_key(left.fileno())
        assert key.events == 1
        loop.add_writer(left, print)
        assert loop._selector.get_map()[left.fileno()].events == 3
        loop.remove_reader(left)
        loop.remove_writer(left)
        assert left.fileno() not in loop._selector.get_map()


def test_thousands_of_loops_leak_nothing() -> None:
    async def main() -> None:
        await asyncio.sleep(0)

    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    data_bridge.run(main())
    gc.collect()
    before = descriptors()
    loops = weakref.WeakSet[data_bridge.PyLoop]()
    for _ in range(1000):
        loop = data_bridge.new_event_loop()
        loops.add(loop)
        loop.run_until_complete(main())
        loop.close()
    del loop
    gc.collect()
    assert len(loops) == 0
    assert descriptors() == before


def test_a_loop_that_was_never_closed_is_collected() -> None:
    class Marker:
        pass

    marker = Marker()
    alive = weakref.ref(marker)
    loop = data_bridge.new_event_loop()
    loop.call_later(1000, lambda kept, loop: None, marker, loop)
    loop.call_soon(lambda kept, loop: None, marker, loop)
    del marker, loop
    with pytest.warns(ResourceWarning, match="unclosed event loop"):
        gc.collect()
    assert alive() is None


class Holder:
    """Keeps the handle of a callback that has it as an argument: a cycle."""

    handle: asyncio.Handle

    def call(self, *args: object) -> None:
        pass

    def fail(self, *args: object) -> None:
        raise ValueError


def test_a_loop_that_stopped_with_callbacks_waiting_is_collected() -> None:
    loop = data_bridge.new_event_loop()
    holder = Holder()
    alive = weakref.ref(holder)

    def schedule(holder: Holder, loop: data_bridge.PyLoop) -> None:
        holder.handle = loop.call_soon(holder.call, loop)
        loop.call_soon(holder.call, loop)
        loop.stop()

    loop.call_soon(schedule, holder, loop)
    loop.run_forever()
    assert len(loop._ready) == 2
    del holder, loop
    with pytest.warns(ResourceWarning, match="unclosed event loop"):
        gc.collect()
    assert alive() is None


@pytest.mark.parametrize("outcome", ["run", "failed", "cancelled", "closed"])
def test_a_kept_handle_is_collected_with_its_cycle(outcome: str) -> None:
    loop = data_bridge.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)
    alive: list[weakref.ref[Holder]] = []

    async def main() -> None:
        # More than there are free handles, so that new ones are among them.
        for _ in range(1500):
            holder = Holder()
            holder.handle = loop.call_soon(holder.fail if outcome == "failed" else holder.call, holder)
            alive.append(weakref.ref(holder))
            if outcome == "cancelled":
                holder.handle.cancel()
        if outcome != "closed":
            await asyncio.sleep(0)

    loop.run_until_complete(main())
    loop.close()
    gc.collect()
    assert len(alive) == 1500
    assert not any(reference() for reference in alive)


@pytest.mark.unsanitized("a sanitizer keeps what is freed")
def test_memory_is_flat_over_many_turns(loop: data_bridge.PyLoop) -> None:
    async def churn(rounds: int) -> None:
        for _ in range(rounds):
            await asyncio.sleep(0)
            loop.call_later(10, print, 1, 2, 3, 4).cancel()
            loop.call_soon(int)
            loop.call_soon(int, "5", 10)

    def resident() -> int:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    loop.run_until_complete(churn(5000))
    gc.collect()
    before, allocated = resident(), sys.getallocatedblocks()
    loop.run_until_complete(churn(50000))
    gc.collect()
    assert resident() - before < 2 << 20
    assert sys.getallocatedblocks() - allocated < 2000


def test_watches_run_in_the_context_that_is_named(loop: data_bridge.PyLoop) -> None:
    # asyncio's transports name theirs since Python 3.15.
    left, right = socket.socketpair()
    context = contextvars.copy_context()
    context.run(variable.set, "named")
    seen: list[str] = []
    for add, remove in ((loop._add_reader, loop.remove_reader), (loop._add_writer, loop.remove_writer)):
        add(left, lambda remove=remove: seen.append(variable.get()) or remove(left), context=context)
    right.send(b"x")
    turns(loop, 2)
    assert seen == ["named", "named"]
    left.close()
    right.close()


def test_the_package_names_no_policy_until_it_is_asked() -> None:
    # Python 3.14 warns of policies.
    code = "import sys, data_bridge; sys.exit('data_bridge.policy' in sys.modules)"
    assert subprocess.run([sys.executable, "-W", "error", "-c", code], check=False).returncode == 0


def test_policy() -> None:
    policy = data_bridge.EventLoopPolicy()
    loop = policy.new_event_loop()
    assert isinstance(loop, data_bridge.PyLoop)
    loop.close()


def test_run() -> None:
    async def main() -> str:
        assert isinstance(asyncio.get_running_loop(), data_bridge.PyLoop)
        return "result"

    async def nested() -> None:
        coroutine = main()
        try:
            with pytest.raises(RuntimeError):
                data_bridge.run(coroutine)
        finally:
            coroutine.close()

    assert data_bridge.run(main()) == "result"
    data_bridge.run(nested())


def test_async_generators_are_closed() -> None:
    closed: list[str] = []

    async def generator() -> Any:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            closed.append("closed")

    async def main() -> None:
        async for _ in generator():
            break
        gc.collect()
        await asyncio.sleep(0.01)

    data_bridge.run(main())
    assert closed == ["closed"]


class FakeClock(data_bridge.PyLoop):
    """A loop with a clock of its own, as tests of time-outs have it."""

    offset = 0.0

    def time(self) -> float:
        return super().time() + self.offset


@pytest.mark.parametrize("debug", [False, True])
def test_a_subclass_with_its_own_clock(debug: bool) -> None:
    loop = FakeClock()
    loop.set_debug(debug)
    fired: list[str] = []

    async def main() -> None:
        handle = loop.call_later(3600, fired.append, "hour")
        assert 3599 < handle.when() - loop.time() <= 3600
        await asyncio.sleep(0)
        assert fired == []
        loop.offset += 3601
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert fired == ["hour"]
        # A wait by the clock that is ahead takes as long as by the real one.
        began = time.monotonic()
        await asyncio.sleep(0.02)
        assert 0.02 <= time.monotonic() - began < 5

    loop.run_until_complete(main())
    loop.close()


def test_a_clock_that_is_patched_while_the_loop_runs(loop: data_bridge.PyLoop) -> None:
    fired: list[str] = []

    async def main() -> None:
        now = loop.time()
        with mock.patch.object(loop, "time", return_value=now):
            handle = loop.call_later(100, fired.append, "patched")
            assert handle.when() == now + 100
            loop.time.return_value = now + 100  # type: ignore[attr-defined]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert fired == ["patched"]
        loop.call_later(100, fired.append, "never")
        await asyncio.sleep(0.01)
        assert fired == ["patched"]

    loop.run_until_complete(main())


def test_a_clock_that_fails_ends_the_run(loop: data_bridge.PyLoop) -> None:
    async def main() -> None:
        await asyncio.sleep(60)

    def broken() -> float:
        raise ZeroDivisionError

    loop.call_later(0.01, setattr, loop, "time", broken)
    with pytest.raises(ZeroDivisionError):
        loop.run_until_complete(main())
    del loop.time
    task = asyncio.all_tasks(loop).pop()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
