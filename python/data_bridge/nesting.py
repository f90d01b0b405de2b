"""Loops within loops, for programs that have applied nest_asyncio or nest_asyncio2.

Those packages replace the methods of asyncio's loop by ones in Python that work on its insides, which PyLoop does not
have. So PyLoop says that it was patched (`_nest_patched`) and does what the patched methods do: a run within a callback
of the same loop, or of another one, as soon as the package has patched asyncio itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from asyncio import tasks
from collections.abc import Iterator
from typing import Any

from data_bridge import _core

# Private, and so not in the type stubs.
_tasks: Any = tasks


def nesting_is_allowed() -> bool:
    """True once nest_asyncio.apply() was called, in this process and for whatever loop."""
    return hasattr(asyncio, "_nest_patched")


def _leave(loop: asyncio.AbstractEventLoop) -> Any:
    if sys.version_info >= (3, 12):
        return _tasks._swap_current_task(loop, None)
    task = _tasks._current_tasks.get(loop)
    if task is not None:
        _tasks._leave_task(loop, task)
    return task


def _enter(loop: asyncio.AbstractEventLoop, task: Any) -> None:
    if sys.version_info >= (3, 12):
        _tasks._swap_current_task(loop, task)
    else:
        _tasks._enter_task(loop, task)


@contextlib.contextmanager
def interrupted_task(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """The task that runs on `loop` in this thread is not the current one meanwhile, so that others can be."""
    task = _leave(loop)
    if isinstance(task, _core.HandlerTask):
        # all_tasks() lists it from now on, though it is not the current one.
        task.get_name()
    try:
        yield
    finally:
        if task is not None:
            _enter(loop, task)
