"""``await run_in_threadpool(func, *args, **kwargs)``: Starlette's, or what does the same for less."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

run_in_threadpool: Callable[..., Awaitable[Any]]
try:
    from .compile.threads import run_in_threadpool
except Exception:  # beside a release that it does not know
    logging.getLogger("uvicorn.error").debug("Threads are anyio's.", exc_info=True)
    from starlette.concurrency import run_in_threadpool

__all__ = ["run_in_threadpool"]
