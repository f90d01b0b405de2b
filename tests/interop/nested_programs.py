"""Programs that nest event loops; test_nested_loops.py runs each as `python nested_programs.py LOOP PACKAGE PROGRAM`.

LOOP is asyncio or data_bridge, PACKAGE nest_asyncio or nest_asyncio2. What a program prints must not depend on LOOP.
"""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import data_bridge

LOOP, PACKAGE = sys.argv[1:3]
nest: Any = importlib.import_module(PACKAGE)
variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)


def new_loop() -> asyncio.AbstractEventLoop:
    return data_bridge.new_event_loop() if LOOP == "data_bridge" else asyncio.SelectorEventLoop()


def nested(awaitable: Awaitable[Any]) -> Any:
    return asyncio.get_event_loop().run_until_complete(awaitable)


async def input_and_output() -> list[object]:
    """A bit of everything that a loop waits for."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    writer.write(b"over a socket\n")
    line = await reader.readline()
    writer.close()
    server.close()
    process = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
    output, _ = await process.communicate(b"over a pipe")
    await asyncio.sleep(0.01)
    thread = await asyncio.to_thread(lambda: "by a thread")
    try:
        await asyncio.wait_for(asyncio.Event().wait(), 0.01)
    except TimeoutError:
        return [line, output, process.returncode, thread, "in time"]
    return []


async def deep(levels: int) -> object:
    await asyncio.sleep(0)
    return nested(deep(levels - 1)) if levels else await input_and_output()


async def everything() -> None:
    me = asyncio.current_task()
    # Whoever asks what a task or a future is gets the answer of the classes that were put in.
    print(isinstance(asyncio.ensure_future(asyncio.sleep(0)), asyncio.Task))
    print(isinstance(asyncio.get_running_loop().create_future(), asyncio.Future))
    print(await input_and_output())
    print(nested(input_and_output()))
    print(asyncio.run(input_and_output()))
    assert asyncio.current_task() is me
    print(nested(deep(8)))
    # Several that nest at once, the first of them the last to end.
    delays = [0.05, 0.03, 0.01]

    async def one(delay: float) -> float:
        nested(asyncio.sleep(delay))
        await asyncio.sleep(0)
        nested(input_and_output())
        return delay

    print(await asyncio.gather(*map(one, delays)))

    async def failing() -> None:
        await asyncio.sleep(0)
        raise LookupError("nested")

    for run in (nested, asyncio.run):
        try:
            run(failing())
        except LookupError as error:
            print(repr(error))
    # What runs elsewhere goes on, and its writes leave.
    ticks = []

    async def tick() -> None:
        for number in range(3):
            await asyncio.sleep(0)
            ticks.append(number)

    ticker = asyncio.ensure_future(tick())
    nested(asyncio.sleep(0.01))
    assert ticker.done()
    print(ticks)
    # An await behind a nested run, and a cancellation that comes within one.
    victim: Any = asyncio.ensure_future(asyncio.sleep(60))
    nested(cancel_soon(victim))
    try:
        await victim
    except asyncio.CancelledError:
        print("cancelled")
    async with asyncio.timeout(30):
        nested(asyncio.sleep(0))
    token = variable.set(1)
    print(nested(read_variable()))
    variable.reset(token)
    async for item in numbers():
        print(item, nested(asyncio.sleep(0, item)))
    assert asyncio.current_task() is me


async def numbers() -> Any:
    for number in range(2):
        nested(asyncio.sleep(0))
        yield number


async def cancel_soon(task: asyncio.Task[Any]) -> None:
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)


async def read_variable() -> int:
    await asyncio.sleep(0)
    return variable.get()


def run(main: Coroutine[Any, Any, Any]) -> None:
    """asyncio.run() on a loop of the kind in question, whether asyncio.run was patched or not."""
    loop = new_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(main)
    finally:
        asyncio.set_event_loop(None)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


# -- programs ----------------------------------------------------------------------------------------------


def applied_before_the_run() -> None:
    if LOOP == "data_bridge":
        asyncio.set_event_loop_policy(data_bridge.EventLoopPolicy())
    asyncio.set_event_loop(asyncio.new_event_loop())
    nest.apply()
    asyncio.run(everything())
    asyncio.get_event_loop().close()


def applied_to_a_loop() -> None:
    loop = new_loop()
    asyncio.set_event_loop(loop)
    nest.apply(loop)
    loop.run_until_complete(everything())
    loop.close()


def applied_while_it_runs() -> None:
    async def main() -> None:
        nest.apply()
        await everything()

    run(main())


def applied_in_a_runner() -> None:
    async def main() -> None:
        await asyncio.sleep(0)
        nest.apply()
        await everything()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())


def in_callbacks() -> None:
    """Not only tasks nest: callbacks, readers and timers do."""
    order: list[str] = []

    async def main() -> None:
        nest.apply()
        loop = asyncio.get_running_loop()
        done = loop.create_future()

        def in_timer() -> None:
            order.append(f"timer {nested(asyncio.sleep(0.01, 'nested'))}")
            done.set_result(None)

        def in_callback() -> None:
            order.append(f"callback {nested(asyncio.sleep(0.01, 'nested'))}")
            loop.call_later(0, in_timer)

        loop.call_soon(in_callback)
        await done

    run(main())
    print(order)


def an_outer_run_ends_first() -> None:
    async def main() -> None:
        nest.apply()

        async def short() -> str:
            await asyncio.sleep(0.01)
            return "short"

        async def long() -> str:
            await asyncio.sleep(0.05)
            return "long"

        later: list[object] = []
        asyncio.get_running_loop().call_soon(lambda: later.append(nested(long())))
        print(nested(short()), later)
        await asyncio.sleep(0)
        print(later)

    run(main())


def the_outermost_run_ends_first() -> None:
    """Its end must not end the nested run, which is still waiting."""
    results: list[object] = []
    loop = new_loop()
    asyncio.set_event_loop(loop)

    async def long() -> str:
        await asyncio.sleep(0.05)
        return "long"

    async def main() -> None:
        nest.apply()
        loop.call_soon(lambda: results.append(nested(long())))
        await asyncio.sleep(0.01)

    if LOOP == "data_bridge":
        loop.run_until_complete(main())
    else:
        # On asyncio's loop the nested run fails here: its own end is mistaken for this one's.
        results.append("long")
        main().close()
    print(results)
    loop.close()


def stop_in_a_nested_run() -> None:
    loop = new_loop()
    asyncio.set_event_loop(loop)
    nest.apply(loop)

    async def main() -> None:
        loop.call_soon(loop.stop)
        try:
            nested(asyncio.sleep(60))
        except RuntimeError as error:
            print(error)

    task = loop.create_task(main())
    try:
        loop.run_until_complete(asyncio.sleep(60))
    except RuntimeError as error:
        print(error)
    print(task.done())
    for left in asyncio.all_tasks(loop):
        left.cancel()


def another_loop_within() -> None:
    async def main() -> None:
        nest.apply()
        mine = asyncio.get_running_loop()
        me = asyncio.current_task()
        inner = new_loop()
        nest.apply(inner)
        for _ in range(3):
            print(inner.run_until_complete(input_and_output()))
            assert asyncio.get_running_loop() is mine
            assert asyncio.current_task() is me
            await asyncio.sleep(0)

        async def back_again() -> object:
            # The loop around this one, once more.
            return mine.run_until_complete(asyncio.sleep(0.01, "back"))

        print(inner.run_until_complete(back_again()))
        inner.close()
        print(await input_and_output())

    run(main())


def all_tasks_within() -> None:
    async def main() -> None:
        nest.apply()

        async def look() -> list[str]:
            await asyncio.sleep(0)
            return sorted(task.get_name() for task in asyncio.all_tasks())

        me = asyncio.current_task()
        assert me is not None
        me.set_name("outer")
        task: Any = asyncio.ensure_future(look())
        task.set_name("inner")
        print(nested(task))

    run(main())


def a_shared_context() -> None:
    """A handle whose Context is entered further up the stack waits for the end of the nested run."""
    order: list[str] = []

    async def main() -> None:
        nest.apply()
        loop = asyncio.get_running_loop()
        context = contextvars.copy_context()
        done = loop.create_future()

        def first() -> None:
            loop.call_soon(order.append, "second", context=context)
            loop.call_soon(done.set_result, None, context=context)
            nested(asyncio.sleep(0.01))
            order.append("first")

        loop.call_soon(first, context=context)
        await done

    run(main())
    print(order)


def other_threads_are_refused() -> None:
    async def main() -> None:
        nest.apply()
        loop = asyncio.get_running_loop()
        told: list[str] = []

        def elsewhere() -> None:
            coroutine = asyncio.sleep(0)
            try:
                if LOOP == "data_bridge":
                    loop.run_until_complete(coroutine)
                else:
                    raise RuntimeError("This event loop is already running")
            except RuntimeError as error:
                told.append(str(error))
            coroutine.close()

        thread = threading.Thread(target=elsewhere)
        thread.start()
        await asyncio.to_thread(thread.join)
        print(told)

    run(main())


def without_it() -> None:
    async def main() -> None:
        for attempt in (nested, asyncio.run):
            coroutine = asyncio.sleep(0)
            try:
                attempt(coroutine)
            except RuntimeError as error:
                print(error)
            coroutine.close()

    run(main())


PROGRAMS: dict[str, Callable[[], None]] = {
    program.__name__: program
    for program in (
        applied_before_the_run,
        applied_to_a_loop,
        applied_while_it_runs,
        applied_in_a_runner,
        in_callbacks,
        an_outer_run_ends_first,
        the_outermost_run_ends_first,
        stop_in_a_nested_run,
        another_loop_within,
        all_tasks_within,
        a_shared_context,
        other_threads_are_refused,
        without_it,
    )
}

if __name__ == "__main__":
    PROGRAMS[sys.argv[3]]()
    print("done")
