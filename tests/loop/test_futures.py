"""create_task and create_future, which are native, beside asyncio's own."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import subprocess
import sys
import weakref
from collections.abc import Coroutine
from typing import Any

import pytest

import data_bridge

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="outside")


async def read() -> str:
    return variable.get()


def test_they_are_asyncios(loop: data_bridge.PyLoop) -> None:
    async def main() -> None:
        task = loop.create_task(read())
        future = loop.create_future()
        assert type(task) is asyncio.Task
        assert type(future) is asyncio.Future
        assert task.get_loop() is future.get_loop() is loop
        assert task in asyncio.all_tasks()
        assert await task == "outside"
        future.cancel()

    loop.run_until_complete(main())


def test_name_and_context(loop: data_bridge.PyLoop) -> None:
    context = contextvars.copy_context()
    context.run(variable.set, "inside")

    async def main() -> None:
        for options, name, value in [
            ({"name": "mine"}, "mine", "outside"),
            ({"context": context}, None, "inside"),
            ({"name": "both", "context": context}, "both", "inside"),
            ({"name": None, "context": None}, None, "outside"),
            ({"name": 5}, "5", "outside"),
        ]:
            task = loop.create_task(read(), **options)
            assert task.get_name() == name if name else task.get_name().startswith("Task-")
            assert await task == value
        # The options of one task are not those of the next.
        assert loop.create_task(read()).get_name().startswith("Task-")
        await asyncio.sleep(0)

    loop.run_until_complete(main())


@pytest.mark.parametrize("arguments", [(), (1, 2), ("no coroutine",)])
def test_wrong_calls(loop: data_bridge.PyLoop, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError):
        loop.create_task(*arguments)
    coroutine = read()
    with pytest.raises(TypeError, match="unexpected keyword"):
        loop.create_task(coroutine, unknown=1)  # type: ignore[call-arg]
    coroutine.close()


def test_task_factory(loop: data_bridge.PyLoop) -> None:
    made: list[Any] = []

    def factory(loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Task[Any]:
        made.append(options.get("name"))
        return asyncio.Task(coro, loop=loop, **options)

    assert loop.get_task_factory() is None
    loop.set_task_factory(factory)  # type: ignore[arg-type]
    assert loop.get_task_factory() is factory
    assert loop.run_until_complete(loop.create_task(read(), name="mine")) == "outside"
    assert len(made) == 1
    loop.set_task_factory(None)
    loop.run_until_complete(loop.create_task(read()))
    assert len(made) == 1


def test_a_closed_loop_takes_no_task() -> None:
    loop = data_bridge.new_event_loop()
    loop.close()
    coroutine = read()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.create_task(coroutine)
    coroutine.close()
    assert loop.create_future().get_loop() is loop


def test_a_loop_with_its_factory_is_collected() -> None:
    loop = data_bridge.new_event_loop()
    loop.set_task_factory(lambda loop, coro: asyncio.Task(coro, loop=loop))
    loop.create_future()
    alive = weakref.ref(loop)
    loop.close()
    del loop
    gc.collect()
    assert alive() is None


def test_debug_mode_knows_where_a_task_was_made(loop: data_bridge.PyLoop) -> None:
    loop.set_debug(True)
    task = loop.create_task(read())
    assert task._source_traceback[-1].name == "test_debug_mode_knows_where_a_task_was_made"  # type: ignore[attr-defined]
    loop.run_until_complete(task)


def test_the_loop_alone_does_not_import_fastapi() -> None:
    code = "import sys, data_bridge; data_bridge.new_event_loop().close(); sys.exit('fastapi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_package_shows_all_its_names() -> None:
    for name in data_bridge.__all__:
        assert name in dir(data_bridge)
        assert getattr(data_bridge, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'missing'"):
        data_bridge.missing  # noqa: B018
