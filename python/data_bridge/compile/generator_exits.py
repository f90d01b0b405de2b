"""Dependencies that are async generators: what is left of their context managers where the program enters them itself.

FastAPI makes, for every request, a function that makes a context manager, the manager, a second one around it (0.162.7)
and a cancel scope, and enters them by ``AsyncExitStack.enter_async_context``. What of that anybody can see is the
generator, and its exit on the stack.
"""

from __future__ import annotations

import collections
import contextlib
from collections.abc import AsyncGenerator, Callable
from types import MethodType, ModuleType, TracebackType
from typing import Any, cast

import anyio.lowlevel

from . import threads
from .pristine import is_own_function
from .prototypes import prototype
from .source_fingerprint import fingerprint

#: What ``solve_generator`` says where an async generator is entered on the stack by nothing but
#: ``asynccontextmanager``...
_PLAIN = {
    "73198aa10280",  # FastAPI 0.115.0
    "3a744c94861d",  # 0.121.0
    "3372af6a577f",  # 0.123.6
    "9a67a410d1a0",  # 0.140.0
}
#: ... and where its exit is shielded from the cancel scopes around it.
_SHIELDED = {
    "355a9a124c9e",  # 0.162.7
    "fbd9bb1f1f66",  # 0.163.0
}
_SHIELD = "_asynccontextmanager_with_shielded_exit"
_KNOWN_SHIELD = {"0a30134f323d"}  # 0.162.7


class _Entered(contextlib._AsyncGeneratorContextManager[Any]):
    """The context manager of a generator that has yielded."""

    def __init__(self, generator: AsyncGenerator[Any, None]) -> None:
        self.gen = generator


class _EnteredUnshielded(_Entered):
    """Where no cancel scope was around the first generator of the request: there is nothing to shield its exit from."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        suppressed = await super().__aexit__(kind, error, trace)
        if threads.in_scope():  # one of a generator that is left later
            await anyio.lowlevel.checkpoint_if_cancelled()
        return suppressed


def _is_known(manager: type[_Entered]) -> bool:
    """Whether exits stand on a stack as the native side puts them there."""
    stack: Any = contextlib.AsyncExitStack()
    exiting = manager(cast("Any", None))
    stack.push_async_exit(exiting)
    callbacks = stack._exit_callbacks
    return (
        type(callbacks) is collections.deque
        and len(callbacks) == 1
        and type(callbacks[0]) is tuple
        and callbacks[0] == (False, MethodType(manager.__aexit__, exiting))
    )


async def end_again(generator: AsyncGenerator[Any, None]) -> None:
    """What contextlib does where a generator has yielded once more."""
    try:
        raise RuntimeError("generator didn't stop")
    finally:
        await generator.aclose()


class GeneratorRules:
    """How this FastAPI leaves async generators. ``manager`` is None where that is not known."""

    def __init__(self, solve: Any, module: ModuleType) -> None:
        #: (generator that has yielded) -> the context manager whose exit is on the stack.
        self.manager: type[_Entered] | None = None
        #: The same, made as the class makes it.
        self.make_manager: Callable[[Any], _Entered] | None = None
        #: Only where the first one of a request is entered without a cancel scope around it.
        self.outside_scopes_only = False
        names = vars(module)
        if names.get("asynccontextmanager") is not contextlib.asynccontextmanager or not is_own_function(
            solve, ("fastapi",)
        ):
            return
        found = fingerprint(solve)
        manager: type[_Entered] | None = None
        if found in _PLAIN:
            manager = _Entered
        elif found in _SHIELDED and threads.KNOWN:
            shield = getattr(names.get(_SHIELD), "__wrapped__", None)
            if fingerprint(cast("Any", shield)) in _KNOWN_SHIELD:
                manager = _EnteredUnshielded
        if manager is not None and _is_known(manager):
            self.manager = manager
            self.make_manager = prototype(manager, ("contextlib", "data_bridge"), object())
            self.outside_scopes_only = manager is _EnteredUnshielded
