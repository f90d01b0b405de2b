"""``@app.middleware("http")`` and other BaseHTTPMiddleware, running on cheaper primitives.

The code stays Starlette's own, of whatever release: ``BaseHTTPMiddleware.__call__`` is bound to globals in which
``anyio`` is :mod:`.lean_anyio`. It counts for single objects, those of an application that is served, while it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import anyio
import starlette.middleware.base
from starlette.middleware.base import BaseHTTPMiddleware

from . import lean_anyio
from .pristine import is_own_function, overrides, subclass_with_call, with_globals
from .source_fingerprint import fingerprint

#: What ``BaseHTTPMiddleware.__call__`` says that needs no more of anyio than there is.
_KNOWN = {
    "c84c5e419dfb",  # Starlette 0.38.0
    "231327e7a903",  # 0.45.1
    "5c79e441e1c9",  # 0.45.2
    "8b3289da1623",  # 0.46.0
    "21b2191dc653",  # 0.46.2
    "4e0b2d06be1f",  # 0.47.0
    "747d83e6da0a",  # 0.49.0
    "b658bbc249ea",  # 1.3.0
    "9273de0823b0",  # 1.7.0
    "6dd8cae8c32a",  # 1.8.0
    "bb24d24aa29b",  # 1.10.0
}

_REPLACED = {
    "anyio": SimpleNamespace(
        create_task_group=lean_anyio.TaskGroup,
        create_memory_object_stream=lean_anyio.create_memory_object_stream,
        Event=lean_anyio.Event,
        BrokenResourceError=anyio.BrokenResourceError,
        EndOfStream=anyio.EndOfStream,
    ),
    "create_collapsing_task_group": lean_anyio.CollapsingTaskGroup,
}


class LeanMiddleware:
    """The middleware of one application's stack that runs so; :meth:`leave` puts its classes back."""

    def __init__(self, stack: Any) -> None:
        self._changed: list[tuple[Any, type]] = []
        for middleware in _stack(stack):
            kind = type(middleware)
            lean = _lean_class(kind)
            if lean is not None:
                with contextlib.suppress(TypeError):  # an object that does not let its class be changed
                    middleware.__class__ = lean
                    self._changed.append((middleware, kind))

    def leave(self) -> None:
        """Put everything back."""
        for middleware, kind in self._changed:
            middleware.__class__ = kind
        self._changed.clear()


def _stack(layer: Any) -> Iterator[Any]:
    seen: set[int] = set()
    while layer is not None and id(layer) not in seen:
        seen.add(id(layer))
        yield layer
        layer = getattr(layer, "__dict__", {}).get("app")


def _lean_class(kind: type) -> type | None:
    """A subclass of ``kind`` like it in all respects but ``__call__``; None where that is not known as Starlette's."""
    if not issubclass(kind, BaseHTTPMiddleware) or overrides(kind, BaseHTTPMiddleware, ["__call__"]):
        return None
    if type(kind) is not type or any("__init_subclass__" in vars(base) for base in kind.__mro__[:-1]):
        return None  # a class that wants to know about subclasses
    call = _lean_call(vars(BaseHTTPMiddleware)["__call__"])
    if call is None:
        return None
    return subclass_with_call(kind, call)


@functools.cache
def _lean_call(own: Any) -> Callable[..., Any] | None:
    if not is_own_function(own, ("starlette",)) or fingerprint(own) not in _KNOWN:
        return None
    lean = with_globals(own, starlette.middleware.base, _REPLACED)

    def __call__(self: Any, scope: Any, receive: Any, send: Any) -> Any:
        # An application that is served may be called elsewhere, too: by a TestClient, on Trio.
        call = own if asyncio._get_running_loop() is None else lean
        return call(self, scope, receive, send)

    return __call__
