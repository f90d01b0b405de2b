"""Dependencies that are generators without ``async``: entered and left in threads of ours.

FastAPI leaves them by ``anyio.to_thread.run_sync``, behind the answer, which costs more than many a handler. The code
stays FastAPI's own, of whatever release, over the same of :mod:`.threads`.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import anyio
import fastapi.concurrency

from . import threads
from .pristine import is_own_function, with_globals
from .source_fingerprint import fingerprint

#: What ``contextmanager_in_threadpool`` says that needs no more of anyio than there is.
_KNOWN = {
    "10d85986193e",  # FastAPI 0.115.0
    "b5d4df39a0c1",  # 0.115.6
    "3da6e1eb93b8",  # 0.162.6
}

_NAME = "contextmanager_in_threadpool"


def _shield(*, shield: bool) -> contextlib.AbstractContextManager[Any]:
    """A cancel scope, where there is one around it that it could shield from."""
    return anyio.CancelScope(shield=shield) if threads.in_scope() else contextlib.nullcontext()


async def _run_unlimited(function: Callable[..., Any], *arguments: Any, limiter: None) -> Any:
    return await threads.run_unlimited(function, *arguments)


_REPLACED = {
    "run_in_threadpool": threads.run_in_threadpool,
    "anyio": SimpleNamespace(to_thread=SimpleNamespace(run_sync=_run_unlimited)),
    "CapacityLimiter": lambda _tokens: None,  # one that nobody else has
    "CancelScope": _shield,
}


@functools.cache
def _lean_manager() -> Any:
    """``contextmanager_in_threadpool`` so; None where it is not one of those known."""
    own = vars(fastapi.concurrency)[_NAME]
    inner = getattr(own, "__wrapped__", None)
    if not threads.KNOWN or type(inner) is not FunctionType or own.__code__ is not _decorated_code():
        return None
    if inner.__globals__ is not vars(fastapi.concurrency) or fingerprint(inner) not in _KNOWN:
        return None
    return contextlib.asynccontextmanager(with_globals(inner, fastapi.concurrency, _REPLACED))


def _decorated_code() -> Any:
    @contextlib.asynccontextmanager
    async def nothing() -> Any:
        yield

    return nothing.__code__


def with_lean_exits(solve: Any, module: ModuleType) -> Any:
    """``solve``, which is ``module``'s, using those; itself where it, or what it uses, is not FastAPI's own."""
    manager = _lean_manager()
    if manager is None or vars(module).get(_NAME) is not vars(fastapi.concurrency)[_NAME]:
        return solve
    if not is_own_function(solve, ("fastapi",)) or _NAME not in solve.__code__.co_names:
        return solve
    return with_globals(solve, module, {_NAME: manager})
