"""Sync functions in threads, under anyio's rules and its limiter, at a fraction of its price.

FastAPI calls sync endpoints and dependencies by Starlette's ``run_in_threadpool``, which is anyio's
``to_thread.run_sync``: coroutines in four layers, and a thread's hop for each call. :func:`run_in_threadpool` is the
same for whoever awaits it, as long as anyio is one that this module knows; where it is not, it *is* Starlette's.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading
from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio._backends._asyncio
import anyio.lowlevel
import anyio.to_thread
import starlette.concurrency

from .. import _core
from .pristine import is_own_function

#: What these of anyio's name in all releases since 4.2, and what in some besides.
_RUN: tuple[set[str], set[str]] = (
    {
        *("CancelScope", "Future", "LookupError", "MAX_IDLE_TIME", "WorkerThread", "_parent_scope"),
        *("_threadpool_idle_workers", "_threadpool_workers", "add", "add_done_callback", "asyncio", "checkpoint"),
        *("copy_context", "current_default_thread_limiter", "current_time", "deque", "find_root_task", "get"),
        *("idle_since", "pop", "popleft", "put_nowait", "queue", "remove_done_callback", "root_task", "run", "set"),
        *("start", "stop"),
    },
    {"Context", "T_Retval", "contextvars", "current_async_library_cvar", "set_current_async_library", "sniffio"},
)
_LIMITER: dict[str, tuple[set[str], set[str]]] = {
    "acquire_on_behalf_of_nowait": (
        {"RuntimeError", "WouldBlock", "_borrowers", "_total_tokens", "_wait_queue", "add"},
        set(),
    ),
    "acquire_on_behalf_of": (
        {
            *("AsyncIOBackend", "BaseException", "Event", "WouldBlock", "_wait_queue", "acquire_on_behalf_of_nowait"),
            *("asyncio", "cancel_shielded_checkpoint", "checkpoint_if_cancelled", "pop", "wait", "_borrowers"),
        },
        {"_notify_next_waiter", "add", "discard", "is_set", "release", "release_on_behalf_of"},
    ),
    "release_on_behalf_of": (
        {"KeyError", "RuntimeError", "_borrowers", "remove"},
        {"_notify_next_waiter", "_total_tokens", "_wait_queue", "popitem", "set"},
    ),
    "_notify_next_waiter": ({"_borrowers", "_total_tokens", "_wait_queue", "popitem", "set"}, {"add"}),
}

_starlettes: Callable[..., Awaitable[Any]] = starlette.concurrency.run_in_threadpool


async def _anyios_unlimited(function: Callable[..., Any], *args: Any) -> Any:
    return await anyio.to_thread.run_sync(function, *args, limiter=anyio.CapacityLimiter(1))


def _is_as_known(function: Any, names: tuple[set[str], set[str]]) -> bool:
    # Some releases of Python do not list `len`.
    found = set(getattr(function, "__func__", function).__code__.co_names) - {"len"}
    return names[0] <= found <= names[0] | names[1]


def _is_known(backend: Any, limiter: Any) -> bool:
    run = vars(backend)["run_sync_in_worker_thread"].__func__
    methods = {name: vars(limiter)[name] for name in _LIMITER if name in vars(limiter)}
    functions = [starlette.concurrency.run_in_threadpool, anyio.to_thread.run_sync, run, *methods.values()]
    return (
        all(is_own_function(function, ("starlette", "anyio")) for function in functions)
        and methods.keys() >= _LIMITER.keys() - {"_notify_next_waiter"}
        and _is_as_known(run, _RUN)
        and all(_is_as_known(method, _LIMITER[name]) for name, method in methods.items())
    )


def _own_facts(backend: Any, limiter: Any) -> list[tuple[Any, str, Any]]:
    """What patches may replace while the application runs: (owner, name, value)."""
    sites = [
        (anyio.to_thread, ["run_sync"]),
        (backend, ["run_sync_in_worker_thread", "checkpoint", "current_default_thread_limiter"]),
        (limiter, [*_LIMITER, "acquire", "release", "__aenter__", "__aexit__"]),
    ]
    return [(owner, name, vars(owner)[name]) for owner, names in sites for name in names if name in vars(owner)]


def _take_services() -> bool:
    """Hand the native half what it needs of anyio's. False where this anyio has not got it."""
    try:
        import anyio._backends._asyncio as asyncio_backend
        import anyio._core._eventloop as eventloop

        # Private, and so not the same to mypy in every release.
        backend: Any = asyncio_backend.AsyncIOBackend
        limiter_type: Any = asyncio_backend.CapacityLimiter
        scope_type: Any = asyncio_backend.CancelScope
        claim_worker_thread: Any = eventloop.claim_worker_thread
        run_vars: Any = anyio.lowlevel._run_vars
        task_states: Any = asyncio_backend._task_states
        states = task_states.data
        known = _is_known(backend, limiter_type)
        own = _own_facts(backend, limiter_type) if known else []
        locals_: Any = eventloop.threadlocals
        sniffio = getattr(eventloop, "sniffio", None) or getattr(asyncio_backend, "sniffio", None)
        library = None if sniffio is None else sniffio.current_async_library_cvar
    except (ImportError, AttributeError, KeyError):
        return False
    if not known or type(states) is not dict or not isinstance(library, contextvars.ContextVar | None):
        return False

    class WorkerThread(threading.Thread):
        """Named as anyio's, so that logs say the same."""

        def __init__(self, pool: _core.ThreadPool, loop: AbstractEventLoop) -> None:
            # Since 3.14 a thread may inherit the context of whoever starts it: here, some request's.
            options: dict[str, Any] = {"context": contextvars.Context()} if sys.version_info >= (3, 14) else {}
            super().__init__(name="AnyIO worker thread", **options)
            self.pool = pool
            self.loop = loop

        def run(self) -> None:
            with claim_worker_thread(backend, self.loop):
                self.pool.work()

    def start_thread(pool: _core.ThreadPool, loop: AbstractEventLoop) -> None:
        WorkerThread(pool, loop).start()

    def open_pool(loop: AbstractEventLoop) -> tuple[dict[Any, Any], Any, Any] | None:
        limiter = backend.current_default_thread_limiter()
        values = run_vars.get(loop)
        if type(values) is not dict:
            return None
        for key, value in values.items():
            if value is limiter:
                return values, key, scope_type(shield=True)
        return None

    async def run_within(make_limiter: Callable[[], Any], call: Callable[[Any], Awaitable[Any]]) -> Any:
        """For a task within a cancel scope of anyio's, which must see, step by step, what it would see of anyio's."""
        await backend.checkpoint()
        async with make_limiter():
            with scope_type(shield=True) as scope:
                around = scope._parent_scope
                return await call(scope if around is None else around)

    async def limited_in_scope(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await run_within(
            backend.current_default_thread_limiter, lambda scope: _core.call_in_thread(scope, function, *args, **kwargs)
        )

    async def unlimited_in_scope(function: Callable[..., Any], *args: Any) -> Any:
        return await run_within(
            lambda: anyio.CapacityLimiter(1), lambda scope: _core.call_in_thread(scope, function, *args)
        )

    def release_threads() -> None:
        """The interpreter's end waits for threads, and need not for those whose loop nobody has closed."""
        for thread in threading.enumerate():
            if isinstance(thread, WorkerThread) and not thread.loop.is_running():
                thread.pool.stop()

    _core.set_thread_services(
        (_starlettes, limited_in_scope),
        (_anyios_unlimited, unlimited_in_scope),
        states,
        open_pool,
        backend.current_default_thread_limiter,
        limiter_type,
        locals_,
        library,
        start_thread,
        own,
    )
    register: Any = getattr(threading, "_register_atexit", None)
    if register is not None:
        register(release_threads)
    return True


#: Whether the installed anyio is one whose rules the native half knows.
KNOWN = _take_services()

#: ``await run_in_threadpool(func, *args, **kwargs)`` on whatever loop runs: PyLoop's pool, or Starlette's own function.
run_in_threadpool: Callable[..., Awaitable[Any]] = _core.run_in_threadpool if KNOWN else _starlettes

#: ``await run_unlimited(func, *args)``: ``anyio.to_thread.run_sync`` with a limiter of its own.
run_unlimited: Callable[..., Awaitable[Any]] = _core.run_unlimited if KNOWN else _anyios_unlimited


_task_states: Any = anyio._backends._asyncio._task_states


def in_scope() -> bool:
    """Whether there is a cancel scope of anyio's around the running task, or that cannot be told."""
    if not KNOWN:
        return True
    task = asyncio.current_task()
    state = None if task is None else _task_states.get(task)
    return task is None or (state is not None and state.cancel_scope is not None)
