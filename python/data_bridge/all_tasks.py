"""asyncio.all_tasks() on Python 3.11 lists the task of a request handler that has not suspended yet.

From 3.12 on such a task is registered as an eager one, which costs some 60 ns. 3.11 has only a WeakSet, to which adding
costs more than the handler. So nothing is added: the set knows where to look when somebody goes through it.
"""

from __future__ import annotations

import sys
from asyncio import tasks
from collections.abc import Iterator
from typing import Any
from weakref import WeakSet

from data_bridge import _core

# Private, and so not in the type stubs.
_tasks: Any = tasks


class _AllTasks(WeakSet[Any]):
    """asyncio's own set, together with what runs right now without being in it."""

    def __iter__(self) -> Iterator[Any]:
        yield from super().__iter__()
        for task in list(_tasks._current_tasks.values()):
            if isinstance(task, _core.HandlerTask) and task not in self:
                yield task


def list_handler_tasks() -> None:
    """Have all_tasks() list them; nothing to do from Python 3.12 on."""
    if sys.version_info < (3, 12) and type(_tasks._all_tasks) is WeakSet:
        # The C half adds to this very object, so it cannot be replaced by another.
        _tasks._all_tasks.__class__ = _AllTasks
