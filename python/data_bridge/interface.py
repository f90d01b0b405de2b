"""How an application is called: ASGI 3, the two steps of ASGI 2, or a factory in front; found out as uvicorn does."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Literal

logger = logging.getLogger("uvicorn.error")

Interface = Literal["auto", "asgi3", "asgi2"]


class FactoryFailed(Exception):
    """What was named as a factory cannot be called without arguments."""


def is_asgi2(app: Any) -> bool:
    """True where ``app(scope)`` makes an instance that is awaited with ``receive`` and ``send``.

    uvicorn's rule: what is no coroutine function is of ASGI 2. But what can only be called with three arguments, and
    so would always fail that way, is of ASGI 3: a function that returns an awaitable.
    """
    if inspect.isclass(app):
        return not hasattr(app, "__await__")
    call = app if inspect.isfunction(app) else getattr(app, "__call__", None)  # noqa: B004 (is it async, not callable)
    return not inspect.iscoroutinefunction(call) and _takes(app, 1)


def _takes(function: Any, count: int) -> bool:
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # without a signature, as some of C's
        return count == 3
    return True


def as_asgi3(app: Any, interface: Interface = "auto") -> Any:
    """``app`` itself, or a coroutine function around an application of ASGI 2."""
    if interface == "asgi3" or (interface == "auto" and not is_asgi2(app)):
        return app

    async def asgi2_application(
        scope: MutableMapping[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        scope["asgi"] = {**scope["asgi"], "version": "2.0"}
        await app(scope)(receive, send)

    return asgi2_application


def made_by_factory(found: Any, *, factory: bool) -> Any:
    """The application that ``found`` is, or makes. To be called in the running loop, where factories expect to be.

    ``factory``: it is one for certain, or else :class:`FactoryFailed`. Otherwise it is tried, as uvicorn does: an
    application cannot be called without arguments.
    """
    if not factory and not _takes(found, 0):
        return found
    try:
        made = found()
    except TypeError as error:
        if factory:
            raise FactoryFailed(f"Error loading ASGI app factory: {error}") from error
        return found
    if not factory:
        if not callable(made):
            _discard(made)
            return found
        logger.warning(
            "ASGI app factory detected. Using it, but please consider setting the --factory flag explicitly."
        )
    return made


def _discard(made: Any) -> None:
    if inspect.iscoroutine(made):
        made.close()  # without the warning that it was never awaited


__all__ = ["FactoryFailed", "Interface", "as_asgi3", "is_asgi2", "made_by_factory"]
