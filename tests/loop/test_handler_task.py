"""A coroutine driven as a HandlerTask must not be able to tell that it is not in a Task.

Each coroutine runs twice: as a real task of asyncio's own loop and driven on PyLoop. Result, exception and what it
noted on the way must be equal.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

import data_bridge
from data_bridge import _core

Body = Callable[[], Coroutine[Any, Any, Any]]

bodies: list[Body] = []
variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)


def same(body: Body) -> Body:
    bodies.append(body)
    return body


def outcome(task: asyncio.Future[Any]) -> tuple[str, Any]:
    if task.cancelled():
        return "cancelled", None
    exception = task.exception()
    return ("raised", repr(exception)) if exception is not None else ("returned", task.result())


def as_task(body: Body) -> tuple[str, Any]:
    loop = asyncio.SelectorEventLoop()
    loop.set_exception_handler(lambda loop, context: None)
    try:

        async def main() -> tuple[str, Any]:
            task = loop.create_task(body())
            await asyncio.wait([task], timeout=5)
            assert task.done(), "the reference itself hangs"
            return outcome(task)

        return loop.run_until_complete(main())
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


class WrappingLoop(data_bridge.PyLoop):
    """As those that measure or trace callbacks: what it schedules is not what it was given."""

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> Any:
        return super().call_soon(lambda: callback(*args), context=context)


def driven(body: Body, kind: type[data_bridge.PyLoop] = data_bridge.PyLoop) -> tuple[str, Any]:
    """Driven from a plain callback, as the reactor does it."""
    loop = kind()
    loop.set_exception_handler(lambda loop, context: None)
    calls: list[tuple[Any, Any]] = []

    def done(result: Any, exception: BaseException | None) -> None:
        calls.append((result, exception))
        loop.stop()

    try:
        loop.call_soon(lambda: _core.drive(loop, body(), done))
        loop.call_later(5, loop.stop)
        loop.run_forever()
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
    assert len(calls) == 1, f"told {len(calls)} times"
    result, exception = calls[0]
    if exception is None:
        return "returned", result
    if isinstance(exception, asyncio.CancelledError):
        return "cancelled", None
    return "raised", repr(exception)


@same
async def returns_at_once() -> str:
    return "done"


@same
async def raises_at_once() -> None:
    raise KeyError("missing")


@same
async def is_one_task_throughout() -> list[bool]:
    task = asyncio.current_task()
    await asyncio.sleep(0.001)
    first = asyncio.current_task() is task
    await asyncio.sleep(0)
    return [isinstance(task, asyncio.Task), first, asyncio.current_task() is task]


@same
async def context_survives_suspension() -> tuple[int, int]:
    before = variable.get()
    variable.set(7)
    await asyncio.sleep(0.001)
    return before, variable.get()


@same
async def foreign_future_fails() -> str:
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.001, future.set_exception, ValueError("x"))
    try:
        await future
    except ValueError:
        await asyncio.sleep(0.001)
    return "continued"


@same
async def timeout_fires() -> str:
    try:
        async with asyncio.timeout(0.005):
            await asyncio.sleep(30)
    except TimeoutError:
        return f"timed out, cancelling {asyncio.current_task().cancelling()}"  # type: ignore[union-attr]
    return "slept"


@same
async def timeout_not_reached() -> str:
    async with asyncio.timeout(30):
        await asyncio.sleep(0.001)
    return "slept"


@same
async def task_group() -> list[int]:
    async def child(number: int) -> int:
        await asyncio.sleep(0.001)
        return number

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(child(i)) for i in range(3)]
    return [task.result() for task in tasks]


@same
async def task_group_with_a_failing_child() -> tuple[str, int]:
    async def child() -> None:
        raise LookupError("child")

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(child())
            await asyncio.sleep(30)
    except ExceptionGroup as errors:
        return repr(errors.exceptions), asyncio.current_task().cancelling()  # type: ignore[union-attr]
    return "no error", -1


@same
async def wait_for_times_out() -> str:
    try:
        await asyncio.wait_for(asyncio.sleep(30), 0.005)
    except TimeoutError:
        return "timed out"
    return "slept"


@same
async def cancelled_from_outside() -> str:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().call_later(0.001, task.cancel, "why")
    try:
        await asyncio.sleep(30)
    except asyncio.CancelledError as error:
        return f"{error.args} {task.uncancel()}"
    return "slept"


@same
async def cancels_itself_then_sleeps() -> str:
    task = asyncio.current_task()
    assert task is not None
    task.cancel("self")
    try:
        await asyncio.sleep(30)
    except asyncio.CancelledError as error:
        task.uncancel()
        await asyncio.sleep(0.001)
        return repr(error.args)
    return "slept"


@same
async def cancels_itself_then_bare_yield() -> Any:
    asyncio.current_task().cancel("self")  # type: ignore[union-attr]
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError as error:
        return error.args


@same
async def cancels_itself_and_the_inner_task() -> tuple[Any, bool]:
    inner = asyncio.ensure_future(asyncio.sleep(30))
    asyncio.current_task().cancel("m")  # type: ignore[union-attr]
    noted: Any = None
    try:
        await inner
    except asyncio.CancelledError as error:
        noted = error.args
    await asyncio.sleep(0)
    ended = inner.cancelled()
    inner.cancel()
    return noted, ended


class StubbornFuture(asyncio.Future):  # type: ignore[type-arg]
    def cancel(self, msg: Any = None) -> bool:
        return False


@same
async def cancels_itself_on_a_future_that_refuses() -> list[Any]:
    future = StubbornFuture()
    asyncio.get_running_loop().call_later(0.001, future.set_result, 7)
    asyncio.current_task().cancel("m")  # type: ignore[union-attr]
    try:
        return [await future]
    except asyncio.CancelledError:
        return ["cancelled", future.done()]


@same
async def cancels_itself_then_returns() -> int:
    asyncio.current_task().cancel("m")  # type: ignore[union-attr]
    return 1


@same
async def cancels_itself_then_raises() -> None:
    asyncio.current_task().cancel("m")  # type: ignore[union-attr]
    raise ValueError(1)


@same
async def cancel_propagates() -> None:
    asyncio.current_task().cancel("m")  # type: ignore[union-attr]
    await asyncio.sleep(30)


@same
async def cancel_then_uncancel() -> tuple[int, int, str]:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    count = task.cancelling()
    left = task.uncancel()
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        return count, left, "cancelled"
    return count, left, "went on"


@same
async def gathers() -> list[int]:
    return await asyncio.gather(asyncio.sleep(0.001, 1), asyncio.sleep(0.002, 2))


@same
async def runs_in_a_thread() -> int:
    return await asyncio.to_thread(lambda: variable.get() + 3)


@same
async def is_listed_after_a_suspension() -> bool:
    task = asyncio.current_task()
    await asyncio.sleep(0)
    return task in asyncio.all_tasks()


@same
async def is_listed_after_it_was_named_in_its_first_step() -> bool:
    task = asyncio.current_task()
    assert task is not None
    task.set_name("named")
    await asyncio.sleep(0)
    return task in asyncio.all_tasks()


@same
async def is_listed_at_once() -> bool:
    return asyncio.current_task() in asyncio.all_tasks()


@same
async def can_be_weakly_referenced() -> bool:
    return weakref.ref(asyncio.current_task())() is asyncio.current_task()


@same
async def has_a_name() -> tuple[bool, str]:
    task = asyncio.current_task()
    assert task is not None
    default = task.get_name().startswith("Task-")
    task.set_name("request")
    await asyncio.sleep(0)
    return default, task.get_name()


@same
async def has_a_stack_and_a_coroutine() -> tuple[bool, str, bool, str]:
    task = asyncio.current_task()
    assert task is not None
    coroutine: Any = task.get_coro()
    return len(task.get_stack()) > 0, coroutine.__name__, coroutine.cr_running, task._coro.__name__  # type: ignore[attr-defined]


@same
async def has_the_states_of_a_task() -> list[Any]:
    task: Any = asyncio.current_task()
    states = [task.done(), task.cancelled(), task.cancelling(), task._must_cancel, task._fut_waiter, task._state]
    for ask in (task.result, task.exception):
        try:
            ask()
        except asyncio.InvalidStateError as error:
            states.append(str(error))
    states.append(task.get_loop() is asyncio.get_running_loop())
    states.append(task._loop is asyncio.get_running_loop())
    return states


@same
async def repr_shows_it() -> bool:
    text = repr(asyncio.current_task())
    return "pending" in text and "repr_shows_it" in text


@same
async def yields_something_odd() -> str:
    class Odd:
        def __await__(self) -> Any:
            yield 5

    try:
        await Odd()
    except RuntimeError as error:
        return str(error)[:20]
    return "no error"


@same
async def awaits_a_future_of_another_loop() -> bool:
    other = asyncio.SelectorEventLoop()
    try:
        await other.create_future()
    except RuntimeError as error:
        return "attached to a different loop" in str(error)
    finally:
        other.close()
    return False


@same
async def awaits_itself() -> str:
    try:
        await asyncio.current_task()  # type: ignore[misc]
    except RuntimeError as error:
        return str(error)[:24]
    return "no error"


@same
async def keeps_attributes() -> int:
    task: Any = asyncio.current_task()
    task.note = 4
    await asyncio.sleep(0)
    return asyncio.current_task().note  # type: ignore[union-attr]


@pytest.mark.parametrize("body", bodies, ids=lambda body: body.__name__)
def test_same_as_a_task(body: Body) -> None:
    assert driven(body) == as_task(body)


@pytest.mark.parametrize("body", bodies, ids=lambda body: body.__name__)
def test_same_where_the_loop_wraps_its_callbacks(body: Body) -> None:
    assert driven(body, WrappingLoop) == as_task(body)


def drive_once(loop: data_bridge.PyLoop, coroutine: Coroutine[Any, Any, Any]) -> list[tuple[Any, Any]]:
    """The calls of on_done, after one drive() and a few turns."""
    calls: list[tuple[Any, Any]] = []
    loop.call_soon(lambda: _core.drive(loop, coroutine, lambda *call: calls.append(call)))
    loop.run_until_complete(asyncio.sleep(0.01))
    return calls


def test_no_task_is_made_for_what_never_suspends(loop: data_bridge.PyLoop) -> None:
    made: list[Any] = []
    registered = asyncio.tasks._register_task

    async def body() -> int:
        return 1

    before = int(asyncio.Task(asyncio.sleep(0), loop=loop).get_name().removeprefix("Task-"))
    assert drive_once(loop, body()) == [(1, None)]
    after = int(asyncio.Task(asyncio.sleep(0), loop=loop).get_name().removeprefix("Task-"))
    # In between: only the task of run_until_complete(). A real task would have taken a number.
    assert after - before == 2
    assert not made
    assert registered is asyncio.tasks._register_task
    loop.run_until_complete(asyncio.sleep(0))


def test_a_kept_task_is_finished_in_the_end(loop: data_bridge.PyLoop) -> None:
    kept: list[asyncio.Task[Any]] = []

    async def returns() -> int:
        kept.append(asyncio.current_task())  # type: ignore[arg-type]
        return 5

    async def raises() -> None:
        kept.append(asyncio.current_task())  # type: ignore[arg-type]
        raise ValueError("kept")

    assert drive_once(loop, returns()) == [(5, None)]
    ((result, exception),) = drive_once(loop, raises())
    assert kept[0].done()
    assert kept[0].result() == 5
    assert result is None
    assert kept[1].exception() is exception


def test_done_callbacks_run(loop: data_bridge.PyLoop) -> None:
    done: list[asyncio.Task[Any]] = []

    async def body() -> None:
        asyncio.current_task().add_done_callback(done.append)  # type: ignore[union-attr]

    drive_once(loop, body())
    assert len(done) == 1
    assert done[0].done()


def test_requests_do_not_share_their_task(loop: data_bridge.PyLoop) -> None:
    """The memory of a task that never was is used again; nothing that was hung on it may be."""
    notes: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
    seen: list[tuple[bool, bool]] = []

    async def body() -> None:
        task: Any = asyncio.current_task()
        seen.append((task in notes, hasattr(task, "note")))
        notes[task] = 1
        task.note = 1

    async def plain() -> None:
        task: Any = asyncio.current_task()
        seen.append((task in notes, hasattr(task, "note")))

    for _ in range(3):
        drive_once(loop, body())
        drive_once(loop, plain())
    assert seen == [(False, False)] * 6


def test_contexts_are_separate(loop: data_bridge.PyLoop) -> None:
    async def body() -> int:
        before = variable.get()
        variable.set(before + 1)
        return before

    assert [drive_once(loop, body())[0][0] for _ in range(3)] == [0, 0, 0]


@pytest.mark.parametrize("suspends", [False, True])
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_exits_leave_the_loop(loop: data_bridge.PyLoop, kind: type[BaseException], suspends: bool) -> None:
    calls: list[tuple[Any, Any]] = []

    async def body() -> None:
        if suspends:
            await asyncio.sleep(0)
        raise kind

    loop.call_soon(lambda: _core.drive(loop, body(), lambda *call: calls.append(call)))
    with pytest.raises(kind):
        loop.run_forever()
    loop.run_until_complete(asyncio.sleep(0))
    assert len(calls) == 1
    assert isinstance(calls[0][1], kind)


def test_drive_inside_a_task_is_refused(loop: data_bridge.PyLoop) -> None:
    async def body() -> None:
        raise AssertionError("must not run")

    async def main() -> None:
        coroutine = body()
        with pytest.raises(RuntimeError, match="Cannot enter into task"):
            _core.drive(loop, coroutine, lambda *call: None)
        coroutine.close()

    loop.run_until_complete(main())
    # Nothing is left that would never finish.
    assert asyncio.all_tasks(loop) == set() or loop.run_until_complete(asyncio.sleep(0)) is None
    loop.run_until_complete(asyncio.sleep(0))
    assert asyncio.all_tasks(loop) == set()


def test_wrong_arguments(loop: data_bridge.PyLoop) -> None:
    async def body() -> None: ...

    coroutine = body()
    with pytest.raises(TypeError, match="PyLoop was expected"):
        _core.drive(asyncio.new_event_loop, coroutine, print)
    coroutine.close()
    with pytest.raises(TypeError, match="coroutine was expected"):
        _core.drive(loop, 5, print)


def test_a_task_that_is_destroyed_reports_once() -> None:
    calls: list[tuple[Any, Any]] = []
    loop = data_bridge.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)

    async def body() -> None:
        await asyncio.get_running_loop().create_future()

    def start() -> None:
        running = asyncio.get_running_loop()
        _core.drive(running, body(), lambda *call: calls.append(call))

    loop.call_soon(start)
    gc.disable()  # nobody holds the task: any collection may destroy it
    try:
        loop.run_until_complete(asyncio.sleep(0))
        assert calls == []
    finally:
        gc.enable()
    loop.close()
    del loop
    gc.collect()
    assert [type(exception) for _, exception in calls] == [asyncio.CancelledError]


def test_nothing_leaks(loop: data_bridge.PyLoop) -> None:
    class Marker:
        pass

    async def returns(marker: Marker) -> Marker:
        return marker

    async def suspends(marker: Marker) -> Marker:
        await asyncio.sleep(0)
        return marker

    async def fails(marker: Marker) -> None:
        raise ValueError(marker)

    async def looks(marker: Marker) -> Marker:
        repr(asyncio.current_task())
        return marker

    markers: weakref.WeakSet[Marker] = weakref.WeakSet()

    def start(body: Callable[[Marker], Coroutine[Any, Any, Any]]) -> None:
        marker = Marker()
        markers.add(marker)
        _core.drive(loop, body(marker), lambda *call: None)

    for body in (returns, suspends, fails, looks):
        for _ in range(50):
            loop.call_soon(start, body)
    loop.run_until_complete(asyncio.sleep(0.01))
    gc.collect()
    assert len(markers) == 0


def test_anyio() -> None:
    anyio = pytest.importorskip("anyio")

    async def body() -> list[Any]:
        notes: list[Any] = []
        with anyio.move_on_after(0.005) as scope:
            await anyio.sleep(30)
        notes.append(scope.cancelled_caught)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await anyio.sleep(30)
        notes.append(scope.cancelled_caught)
        notes.append(asyncio.current_task().cancelling())  # type: ignore[union-attr]
        try:
            with anyio.fail_after(0.005):
                await anyio.sleep(30)
        except TimeoutError:
            notes.append("timed out")

        async def child(number: int) -> None:
            await anyio.sleep(0.001)
            notes.append(number)

        async with anyio.create_task_group() as group:
            group.start_soon(child, 1)
        notes.append(await anyio.to_thread.run_sync(lambda: anyio.from_thread.run_sync(lambda: 5)))
        async with anyio.Lock():
            await anyio.sleep(0)
        notes.append(anyio.get_current_task().id == id(asyncio.current_task()))
        return notes

    assert driven(body) == as_task(body)


def test_anyio_scope_cancelled_before_the_first_suspension() -> None:
    anyio = pytest.importorskip("anyio")

    async def body() -> tuple[bool, int]:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await anyio.sleep(30)
        return scope.cancelled_caught, asyncio.current_task().cancelling()  # type: ignore[union-attr]

    assert driven(body) == as_task(body)
