"""What FastAPI lets a declaration limit: how many run a dependency at once, and how large a request's body may be."""

from __future__ import annotations

import copy
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from .threads import run_in_threadpool

__all__ = ["body_limit", "limited_call", "with_inner"]


def limited_call(call: Callable[..., Any], concurrency: Any, *, threaded: bool) -> Callable[..., Awaitable[Any]]:
    """``call`` as ``solve_dependencies()`` calls one with ``max_concurrency`` (0.163)."""

    async def limited(**values: Any) -> Any:
        async with concurrency.get_semaphore():
            return await (run_in_threadpool(call, **values) if threaded else call(**values))

    limited.stands_for = call  # type: ignore[attr-defined]
    return limited


def body_limit(app: Any) -> tuple[Any, Any]:
    """(what limits the body of a route's application, or None; the application further in) (0.164)."""
    starlette_limit = getattr(sys.modules.get("starlette.middleware.body_limit"), "RequestBodyLimitMiddleware", None)
    fastapi_limit = getattr(sys.modules.get("fastapi._body_limit"), "_BodyLimitExceptionMiddleware", None)
    if starlette_limit is None or type(app) is not starlette_limit or type(app.app) is not fastapi_limit:
        return None, app
    return app, app.app.app


def with_inner(limit: Any, inner: Any) -> Any:
    """``limit``, if there is one, around another application."""
    if limit is None:
        return inner
    outer, middle = copy.copy(limit), copy.copy(limit.app)
    outer.app, middle.app = middle, inner
    return outer
