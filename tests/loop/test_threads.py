"""run_in_threadpool() beside anyio's: each program runs with both, and must make the same observations."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import subprocess
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest
from starlette.concurrency import run_in_threadpool as anyios

import data_bridge
from data_bridge.compile import threads

Run = Callable[..., Awaitable[Any]]
Program = Callable[[Run], Coroutine[Any, Any, Any]]
GRACE = 60
variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")

pytestmark = pytest.mark.skipif(not threads.KNOWN, reason="another anyio")


def observe(program: Program, run: Run) -> Any:
    async def main() -> Any:
        async with asyncio.timeout(GRACE):
            return await program(run)

    return data_bridge.run(main())


PROGRAMS: list[Program] = []


def same(program: Program) -> Program:
    PROGRAMS.append(program)
    return program


# --- arguments, results, exceptions -------------------------------------------------------------------


@same
async def results(run: Run) -> Any:
    def function(*args: Any, **kwargs: Any) -> Any:
        return args, kwargs

    return [
        await run(function),
        await run(function, 1, (2,)),
        await run(function, a=1, b=None),
        await run(function, 1, 2, x=3),
        await run(len, "four"),
        await run(int, "11", base=2),
        await run(lambda: None),
    ]


class Failure(BaseException):
    pass


async def raised(awaitable: Awaitable[Any]) -> Any:
    try:
        return await awaitable
    except BaseException as error:
        frames = [frame.name for frame in traceback.extract_tb(error.__traceback__) if frame.filename == __file__]
        cause = error.__cause__
        return (
            type(error),
            error.args,
            frames[0],
            frames[-1],
            type(cause),
            type(error.__context__),
            error.__suppress_context__,
        )


@same
async def exceptions(run: Run) -> Any:
    def fail(error: BaseException) -> None:
        raise error

    def chained() -> None:
        try:
            fail(KeyError("inner"))
        except KeyError as error:
            raise ValueError("outer") from error

    return [
        await raised(run(fail, error))
        for error in (
            ValueError("one"),
            Failure("base"),
            StopIteration("value"),
            StopAsyncIteration(),
            asyncio.CancelledError("by hand"),
            TimeoutError(),
        )
    ] + [await raised(run(chained)), await raised(run(len)), await raised(run(3)), await raised(run(len, "a", wrong=1))]


@same
async def exceptions_are_the_same_object(run: Run) -> Any:
    error = ValueError()

    def fail() -> None:
        raise error

    try:
        await run(fail)
    except ValueError as caught:
        return caught is error
    return None


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("run", [anyios, threads.run_in_threadpool], ids=["anyio", "pool"])
def test_what_leaves_the_loop(run: Run, kind: type[BaseException]) -> None:
    def leave() -> None:
        raise kind("left")

    async def main() -> None:
        await run(leave)

    with pytest.raises(kind, match="left"):
        data_bridge.run(main())


def test_errors_of_the_call_itself() -> None:
    for run in (anyios, threads.run_in_threadpool):
        with pytest.raises(TypeError, match=r"run_in_threadpool\(\) missing 1 required positional argument: 'func'"):
            run()  # type: ignore[operator]
        with pytest.raises(TypeError, match=r"run_in_threadpool\(\) got multiple values for argument 'func'"):
            run(len, func=1)


# --- the thread ---------------------------------------------------------------------------------------


@same
async def the_thread(run: Run) -> Any:
    main = threading.current_thread()

    def look() -> Any:
        thread = threading.current_thread()
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        return (
            thread.name,
            thread.daemon,
            thread is main,
            thread in threading.enumerate(),
            isinstance(thread, threading.Thread),
        )

    return [await run(look), await run(look)]


@same
async def context_variables(run: Run) -> Any:
    def look() -> Any:
        before = variable.get()
        variable.set("lost")
        return before, variable.get(), contextvars.copy_context()[variable]

    variable.set("kept")
    seen = [await run(look), await run(look), variable.get()]
    variable.set("changed")
    return [*seen, await run(look), variable.get()]


@same
async def sync_library(run: Run) -> Any:
    def look() -> Any:
        try:
            import sniffio
        except ImportError:
            return None
        return sniffio.current_async_library_cvar.get()

    return await run(look)


@same
async def thread_locals_stay_with_an_idle_thread(run: Run) -> Any:
    local = threading.local()

    def count() -> int:
        local.count = getattr(local, "count", 0) + 1
        return int(local.count)

    return [await run(count) for _ in range(5)]


# --- back to the loop ---------------------------------------------------------------------------------


@same
async def from_thread(run: Run) -> Any:
    loop = asyncio.get_running_loop()
    seen: list[Any] = []

    async def coroutine(value: Any) -> Any:
        await asyncio.sleep(0)
        return value, asyncio.get_running_loop() is loop, variable.get()

    async def fail() -> None:
        raise ValueError("in the loop")

    def work() -> Any:
        variable.set("of the thread")
        anyio.from_thread.check_cancelled()
        seen.append(anyio.from_thread.run(coroutine, 1))
        seen.append(anyio.from_thread.run_sync(lambda value: (value, asyncio.get_running_loop() is loop), 2))
        seen.append(asyncio.run_coroutine_threadsafe(coroutine(3), loop).result(GRACE))
        with pytest.raises(ValueError, match="in the loop"):
            anyio.from_thread.run(fail)
        loop.call_soon_threadsafe(seen.append, "soon")
        anyio.from_thread.check_cancelled()
        return "done"

    answer = await run(work)
    return answer, seen


@same
async def what_was_scheduled_by_the_function_runs_before_its_caller(run: Run) -> Any:
    loop = asyncio.get_running_loop()
    seen: list[int] = []

    def work() -> None:
        for number in range(10):
            loop.call_soon_threadsafe(seen.append, number)

    await run(work)
    return list(seen)


@same
async def a_call_within_a_call(run: Run) -> Any:
    async def inner() -> Any:
        return await run(lambda: "inner")

    return await run(lambda: anyio.from_thread.run(inner))


# --- the limiter --------------------------------------------------------------------------------------


@same
async def limits(run: Run) -> Any:
    limiter = anyio.to_thread.current_default_thread_limiter()
    limiter.total_tokens = 3
    lock = threading.Lock()
    running = most = 0
    order: list[int] = []
    go = threading.Event()

    def work(number: int) -> None:
        nonlocal running, most
        with lock:
            order.append(number)
            running += 1
            most = max(most, running)
        assert go.wait(GRACE)
        with lock:
            running -= 1

    tasks = [asyncio.ensure_future(run(work, number)) for number in range(9)]
    while len(order) < 3:
        await asyncio.sleep(0.001)
    statistics = limiter.statistics()
    first = set(order)
    seen = [statistics.borrowed_tokens, statistics.total_tokens, statistics.tasks_waiting, limiter.available_tokens]
    borrowers = [task in statistics.borrowers for task in tasks]
    limiter.total_tokens = 5
    while len(order) < 5:
        await asyncio.sleep(0.001)
    second = set(order)
    seen += [limiter.borrowed_tokens, limiter.statistics().tasks_waiting]
    go.set()
    await asyncio.gather(*tasks)
    return seen, borrowers, first, second, most, limiter.borrowed_tokens, limiter.total_tokens


@same
async def waiters_are_served_in_their_order(run: Run) -> Any:
    limiter = anyio.to_thread.current_default_thread_limiter()
    limiter.total_tokens = 1
    order: list[int] = []
    await asyncio.gather(*(run(order.append, number) for number in range(30)))
    return order


@same
async def the_limiter_is_shared(run: Run) -> Any:
    limiter = anyio.to_thread.current_default_thread_limiter()
    limiter.total_tokens = 1
    order: list[str] = []
    go = threading.Event()

    def hold() -> None:
        order.append("held")
        assert go.wait(GRACE)

    holder = asyncio.ensure_future(anyio.to_thread.run_sync(hold))
    while not order:
        await asyncio.sleep(0.001)
    waiter = asyncio.ensure_future(run(order.append, "waited"))
    for _ in range(20):
        await asyncio.sleep(0)
    seen = [list(order), limiter.statistics().tasks_waiting]
    go.set()
    await asyncio.gather(holder, waiter)
    async with limiter:
        later = asyncio.ensure_future(run(order.append, "later"))
        for _ in range(20):
            await asyncio.sleep(0)
        seen.append(list(order))
    await later
    return seen, order


@same
async def a_limiter_of_the_applications(run: Run) -> Any:
    from anyio._backends import _asyncio as backend

    first = anyio.to_thread.current_default_thread_limiter()
    await run(len, "")
    mine = anyio.CapacityLimiter(2)
    backend._default_thread_limiter.set(mine)
    seen = await run(lambda: (first.borrowed_tokens, mine.borrowed_tokens))
    anyio.lowlevel._run_vars[asyncio.get_running_loop()].clear()
    third = await run(lambda: (first.borrowed_tokens, mine.borrowed_tokens))
    return seen, third, anyio.to_thread.current_default_thread_limiter() is mine


@same
async def who_holds_a_token_gets_no_second(run: Run) -> Any:
    async with anyio.to_thread.current_default_thread_limiter():
        return await raised(run(len, "")), anyio.to_thread.current_default_thread_limiter().borrowed_tokens


@same
async def a_token_that_somebody_else_gave_back(run: Run) -> Any:
    limiter = anyio.to_thread.current_default_thread_limiter()

    def work(error: BaseException | None) -> None:
        for borrower in limiter.statistics().borrowers:
            anyio.from_thread.run_sync(limiter.release_on_behalf_of, borrower)
        if error:
            raise error

    return [await raised(run(work, None)), await raised(run(work, ValueError()))]


# --- cancellation -------------------------------------------------------------------------------------


class Blocked:
    """A function that blocks until it may go on, and the task that calls it."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go = threading.Event()
        self.ended = threading.Event()

    def __call__(self) -> str:
        self.begun.set()
        assert self.go.wait(GRACE)
        self.ended.set()
        return "result"

    async def begins(self) -> None:
        while not self.begun.is_set():
            await asyncio.sleep(0.001)


@same
async def plain_cancel_while_it_runs(run: Run) -> Any:
    limiter = anyio.to_thread.current_default_thread_limiter()
    blocked = Blocked()
    task = asyncio.ensure_future(run(blocked))
    await blocked.begins()
    task.cancel("please")
    seen = [await raised(task), blocked.ended.is_set(), limiter.borrowed_tokens]
    blocked.go.set()
    while not blocked.ended.is_set():
        await asyncio.sleep(0.001)
    return seen, await run(lambda: "still works")


@same
async def plain_cancel_before_the_first_step(run: Run) -> Any:
    called: list[int] = []
    task = asyncio.ensure_future(run(called.append, 1))
    task.cancel()
    return await raised(task), called


@pytest.mark.parametrize("steps", range(6))
def test_plain_cancel_after_some_steps(steps: int) -> None:
    async def program(run: Run) -> Any:
        called: list[int] = []
        task = asyncio.ensure_future(run(called.append, 1))
        loop = asyncio.get_running_loop()

        def later(left: int) -> None:
            loop.call_soon(later, left - 1) if left else task.cancel()

        later(steps)
        outcome = await raised(task)
        # From the call on it is a race, with either.
        return (outcome, called) if steps < 3 else outcome if steps == 3 else None

    assert observe(program, threads.run_in_threadpool) == observe(program, anyios)


@same
async def a_cancellation_that_is_pending_comes_before_the_call(run: Run) -> Any:
    called: list[int] = []

    async def cancelled() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel("pending")
        await run(called.append, 1)

    return await raised(asyncio.ensure_future(cancelled())), called


@same
async def a_timeout_that_is_over_comes_before_the_call(run: Run) -> Any:
    called: list[int] = []
    seen = []
    for delay in (0, -1):
        try:
            async with asyncio.timeout(delay):
                await run(called.append, 1)
        except TimeoutError:
            seen.append("timeout")
    return seen, called


@same
async def what_is_ready_runs_before_the_call(run: Run) -> Any:
    loop = asyncio.get_running_loop()
    order: list[str] = []
    loop.call_soon(order.append, "ready")
    loop.call_soon(lambda: loop.call_soon(order.append, "then"))
    loop.call_at(loop.time() - 1, order.append, "due")
    await run(order.append, "called")
    return order


@same
async def scope_cancelled_while_it_runs(run: Run) -> Any:
    limiter = anyio.to_thread.current_default_thread_limiter()
    blocked = Blocked()
    seen: list[Any] = []

    async def call() -> None:
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            seen.append(await run(blocked))
            seen.append("before the next await")
            await anyio.lowlevel.checkpoint()
            seen.append("not reached")
        seen.append(("caught", scope.cancelled_caught))

    scopes: list[anyio.CancelScope] = []
    task = asyncio.ensure_future(call())
    await blocked.begins()
    scopes[0].cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    seen.append(("still", task.done(), limiter.borrowed_tokens))
    blocked.go.set()
    await task
    current = asyncio.current_task()
    return seen, limiter.borrowed_tokens, current is not None and current.cancelling()


@same
async def scope_cancelled_before(run: Run) -> Any:
    called: list[int] = []
    with anyio.CancelScope() as scope:
        scope.cancel()
        await run(called.append, 1)
    return called, scope.cancelled_caught


@same
async def scope_cancelled_by_the_function(run: Run) -> Any:
    seen: list[Any] = []

    def work(scope: anyio.CancelScope) -> str:
        anyio.from_thread.check_cancelled()
        anyio.from_thread.run_sync(scope.cancel)
        try:
            anyio.from_thread.check_cancelled()
        except BaseException as error:
            seen.append(type(error))
        return "result"

    with anyio.CancelScope() as scope:
        seen.append(await run(work, scope))
        await anyio.lowlevel.checkpoint()
        seen.append("not reached")
    return seen, scope.cancelled_caught


@same
async def check_cancelled_without_a_scope(run: Run) -> Any:
    seen: list[Any] = []
    blocked = Blocked()

    def work() -> None:
        blocked()
        seen.append(raise_or_none(anyio.from_thread.check_cancelled))

    task = asyncio.ensure_future(run(work))
    await blocked.begins()
    task.cancel()
    await asyncio.wait([task])
    blocked.go.set()
    while not seen:
        await asyncio.sleep(0.001)
    return seen


def raise_or_none(function: Callable[[], object]) -> Any:
    try:
        function()
    except BaseException as error:
        return type(error)
    return None


@same
async def scope_cancels_what_runs_from_the_thread(run: Run) -> Any:
    seen: list[Any] = []
    begun = threading.Event()

    async def wait() -> None:
        begun.set()
        await asyncio.sleep(GRACE)

    def work() -> None:
        try:
            anyio.from_thread.run(wait)
        except BaseException as error:
            seen.append(type(error).__name__)

    async def call() -> None:
        await run(work)

    async with anyio.create_task_group() as group:
        group.start_soon(call)
        while not begun.is_set():
            await asyncio.sleep(0.001)
        group.cancel_scope.cancel()
    return seen


@same
async def shielded_scope(run: Run) -> Any:
    with anyio.CancelScope() as outer:
        with anyio.CancelScope(shield=True):
            outer.cancel()
            value = await run(lambda: raise_or_none(anyio.from_thread.check_cancelled))
        await anyio.lowlevel.checkpoint()
    return value, outer.cancelled_caught


@same
async def deadlines(run: Run) -> Any:
    seen = []
    for delay in (0.01, 30):
        with anyio.move_on_after(delay) as scope:
            seen.append(await run(lambda: time.sleep(0.05) or "slept"))
            await anyio.lowlevel.checkpoint()
        seen.append(scope.cancelled_caught)
    return seen


@same
async def cancelled_while_it_waits_for_the_limiter(run: Run) -> Any:
    limiter = anyio.to_thread.current_default_thread_limiter()
    limiter.total_tokens = 1
    blocked = Blocked()
    called: list[int] = []
    holder = asyncio.ensure_future(run(blocked))
    await blocked.begins()
    waiters = [asyncio.ensure_future(run(called.append, number)) for number in range(3)]
    while limiter.statistics().tasks_waiting < 3:
        await asyncio.sleep(0)
    waiters[1].cancel()
    outcome = await raised(waiters[1])
    seen = limiter.statistics().tasks_waiting
    blocked.go.set()
    await asyncio.gather(holder, waiters[0], waiters[2])
    return outcome[:4], seen, called, limiter.borrowed_tokens


@same
async def a_task_group_of_calls(run: Run) -> Any:
    results: list[int] = []

    async def call(number: int) -> None:
        results.append(await run(lambda: number * number))

    async with anyio.create_task_group() as group:
        for number in range(50):
            group.start_soon(call, number)
    return sorted(results)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_same_as_anyio(program: Program) -> None:
    expected = observe(program, anyios)
    assert observe(program, threads.run_in_threadpool) == expected


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_same_as_anyio_in_debug_mode(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    expected = observe(program, anyios)
    assert observe(program, threads.run_in_threadpool) == expected


# --- of the pool's own --------------------------------------------------------------------------------


def run_pool(program: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return observe(lambda _: program(), threads.run_in_threadpool)


def test_on_another_loop_it_is_starlettes() -> None:
    def of_pools() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if hasattr(thread, "pool")}

    async def main() -> Any:
        return await threads.run_in_threadpool(lambda: threading.current_thread().name), of_pools()

    before = of_pools()  # of loops that have ended, on their way out
    name, own = asyncio.run(main())
    assert name == "AnyIO worker thread"
    assert own <= before


def test_a_patched_anyio_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def patched(func: Callable[[], Any], *args: Any, **kwargs: Any) -> Any:
        return "patched", func()

    async def main() -> Any:
        first = await threads.run_in_threadpool(len, "abc")
        monkeypatch.setattr(anyio.to_thread, "run_sync", patched)
        second = await threads.run_in_threadpool(len, "abc")
        monkeypatch.undo()
        return first, second, await threads.run_in_threadpool(len, "abc")

    assert run_pool(main) == (3, ("patched", 3), 3)


def test_short_calls_stay_in_one_thread() -> None:
    async def main() -> int:
        names = await asyncio.gather(*(threads.run_in_threadpool(threading.get_ident) for _ in range(2000)))
        return len(set(names))

    # One that works, one that watches and relieves it, which a busy machine may take it to need again and again; anyio
    # has 40 each time.
    assert min(run_pool(main) for _ in range(5)) < 10


def test_blocking_calls_run_side_by_side() -> None:
    barrier = threading.Barrier(40)

    async def main() -> int:
        return len(await asyncio.gather(*(threads.run_in_threadpool(barrier.wait, GRACE) for _ in range(40))))

    assert run_pool(main) == 40


def test_the_loop_answers_while_a_function_computes() -> None:
    def compute(until: threading.Event) -> int:
        rounds = 0
        while not until.is_set():
            rounds += 1
        return rounds

    async def main() -> None:
        until = threading.Event()
        tasks = [asyncio.ensure_future(threads.run_in_threadpool(compute, until)) for _ in range(2)]
        for _ in range(20):
            await asyncio.sleep(0.001)
            assert await threads.run_in_threadpool(len, "abc") == 3
        until.set()
        await asyncio.gather(*tasks)

    run_pool(main)


def test_a_function_that_is_not_pythons_leaves_the_gil_to_others() -> None:
    # It never looks whether somebody wants the GIL; so the worker does, between two of them.
    async def main() -> None:
        text = "x" * 2_000_000
        calls = [asyncio.ensure_future(threads.run_in_threadpool(text.count, "xy")) for _ in range(300)]
        done: list[int] = []
        for call in calls:
            call.add_done_callback(lambda _: done.append(1))
        await calls[0]
        # The loop is back long before the last of them.
        assert len(done) < 200
        await asyncio.gather(*calls)

    run_pool(main)


def test_reference_counts_of_ten_thousand_calls() -> None:
    class Thing:
        pass

    thing = Thing()
    error = ValueError("counted")

    def give(first: Any, *, second: Any) -> Any:
        return first

    def fail(first: Any) -> None:
        raise error

    async def calls(count: int) -> None:
        for _ in range(count // 4):
            await threads.run_in_threadpool(give, thing, second=thing)
            with pytest.raises(ValueError, match="counted"):
                await threads.run_in_threadpool(fail, thing)
            error.__traceback__ = None
            task = asyncio.ensure_future(threads.run_in_threadpool(give, thing, second=thing))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            with anyio.CancelScope():
                await threads.run_in_threadpool(give, thing, second=thing)

    async def main() -> None:
        counted = (thing, error, give, fail, None, variable)
        await calls(400)
        while anyio.to_thread.current_default_thread_limiter().borrowed_tokens:
            await asyncio.sleep(0.001)
        await threads.run_in_threadpool(time.sleep, 0.05)
        gc.collect()
        before = [sys.getrefcount(value) for value in counted if value is not None]
        objects = len(gc.get_objects())
        await calls(10_000)
        await threads.run_in_threadpool(time.sleep, 0.05)
        gc.collect()
        after = [sys.getrefcount(value) for value in counted if value is not None]
        assert after == before
        assert abs(len(gc.get_objects()) - objects) < 200

    run_pool(main)


def test_arguments_and_results_go_when_the_call_has_ended() -> None:
    class Thing:
        pass

    async def main() -> None:
        thing = Thing()
        reference = weakref.ref(thing)
        result = await threads.run_in_threadpool(lambda value: [value], thing)
        assert result == [thing]
        del thing, result
        await asyncio.sleep(0)  # the future that this task has waited for goes with the task's step
        assert reference() is None

    run_pool(main)


def test_threads_end_with_their_loop() -> None:
    seen: list[threading.Thread] = []

    async def main() -> None:
        barrier = threading.Barrier(5)

        def note() -> None:
            seen.append(threading.current_thread())
            barrier.wait(GRACE)

        await asyncio.gather(*(threads.run_in_threadpool(note) for _ in range(5)))

    run_pool(main)
    assert len(set(seen)) == 5
    for thread in seen:
        thread.join(GRACE)
        assert not thread.is_alive()


def test_a_loop_that_is_closed_while_a_function_runs() -> None:
    blocked = Blocked()
    loop = data_bridge.new_event_loop()

    async def main() -> None:
        task = asyncio.ensure_future(threads.run_in_threadpool(blocked))
        await blocked.begins()
        loop.stop()
        await task

    task = loop.create_task(main())
    loop.run_forever()
    loop.close()
    thread = next(thread for thread in threading.enumerate() if getattr(thread, "loop", None) is loop)
    blocked.go.set()
    thread.join(GRACE)
    assert not thread.is_alive()
    assert blocked.ended.is_set()
    task.get_coro().close()  # type: ignore[union-attr]
    task._log_destroy_pending = False  # type: ignore[attr-defined]


def test_a_thread_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def main() -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            with pytest.raises(RuntimeError, match="can't start new thread"):
                await threads.run_in_threadpool(len, "abc")
            limiter = anyio.to_thread.current_default_thread_limiter()
            assert limiter.borrowed_tokens == 0
        return await threads.run_in_threadpool(len, "abc")

    assert run_pool(main) == 3


def child(code: str) -> subprocess.CompletedProcess[str]:
    prologue = (
        "import asyncio, threading, time, os, sys, data_bridge\n"
        "from data_bridge.compile.threads import run_in_threadpool\n"
    )
    return subprocess.run([sys.executable, "-c", prologue + code], capture_output=True, text=True, timeout=GRACE * 2)


def test_idle_threads_of_a_loop_that_nobody_closes_hold_up_no_exit() -> None:
    done = child(
        "loop = data_bridge.new_event_loop()\n"
        "async def main(): await asyncio.gather(*(run_in_threadpool(time.sleep, 0.01) for _ in range(5)))\n"
        "loop.run_until_complete(main())\n"
        "import atexit, time\n"
        "began = time.monotonic()\n"
        "atexit.register(lambda: print(time.monotonic() - began))\n"
    )
    assert done.returncode == 0, done.stderr
    # Unless they are released, it is 10 seconds.
    assert float(done.stdout) < 5


def test_a_daemon_thread_in_a_function_holds_up_no_exit() -> None:
    done = child(
        "begun = threading.Event()\n"
        "def hang():\n"
        "    begun.set()\n"
        "    while True: time.sleep(0.001)\n"
        "def serve(): data_bridge.run(run(hang))\n"
        "async def run(function): await run_in_threadpool(function)\n"
        "threading.Thread(target=serve, daemon=True).start()\n"
        "begun.wait()\n"
        "time.sleep(0.1)\n"  # the loop itself is in epoll_wait()
        "print('leaves')\n"
    )
    assert (done.returncode, done.stdout) == (0, "leaves\n"), done.stderr


def test_a_forked_child_has_a_pool_of_its_own() -> None:
    done = child(
        "pids = []\n"
        "loop = data_bridge.new_event_loop()\n"
        "async def call(): return await asyncio.gather(*(run_in_threadpool(os.getpid) for _ in range(20)))\n"
        "assert set(loop.run_until_complete(call())) == {os.getpid()}\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    good = set(loop.run_until_complete(call())) == {os.getpid()}\n"
        "    loop.close()\n"
        "    os._exit(0 if good else 1)\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0\n"
        "assert set(loop.run_until_complete(call())) == {os.getpid()}\n"
        "loop.close()\n"
        "print('good')\n"
    )
    assert (done.returncode, done.stdout) == (0, "good\n"), done.stderr


def test_a_function_that_forks() -> None:
    done = child(
        "def fork():\n"
        "    pid = os.fork()\n"
        "    if pid == 0: return 'child'\n"
        "    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])\n"
        "async def main(): print(await run_in_threadpool(fork), flush=True)\n"
        "data_bridge.run(main())\n"
    )
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
