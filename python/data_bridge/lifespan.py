"""The ASGI lifespan protocol (https://asgi.readthedocs.io/en/latest/specs/lifespan.html), server side."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Literal

logger = logging.getLogger("uvicorn.error")

LifespanMode = Literal["auto", "on", "off"]

#: An application that has said how its start-up or end went may raise behind it, which is of interest, or go on and
#: wait for another message, which is not: so long it is waited for, seconds.
_RETURNS = 0.1


class StartupFailed(RuntimeError):
    """The application reported that it could not start, without an exception that could be raised again."""


class Lifespan:
    """Runs an application's start-up and shutdown as one task that lives as long as the server.

    ``mode``: ``"off"`` does nothing; ``"auto"`` takes an application that raises on the lifespan scope for one that
    does not know the protocol, as other servers do; ``"on"`` takes it for a failure.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], mode: LifespanMode) -> None:
        self.state: dict[str, Any] = {}
        #: What left the application; it was logged.
        self.error: BaseException | None = None
        #: True where startup() has raised because of the application.
        self.startup_failed = False
        self._app = app
        self._mode = mode
        self._inbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._started = asyncio.Event()
        self._stopped = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._reported: set[str] = set()
        self._failure: str | None = None
        self._cancelled = False

    async def startup(self) -> None:
        """Run the application's start-up. Raises what it raised, or :class:`StartupFailed`; it was logged."""
        if self._mode == "off":
            return
        logger.info("Waiting for application startup.")
        self._task = asyncio.get_running_loop().create_task(self._run(), name="lifespan")
        await self._inbox.put({"type": "lifespan.startup"})
        await self._started.wait()
        if self._failure is not None:
            self.startup_failed = True
            await asyncio.wait([self._task], timeout=_RETURNS)
            if self.error is None:
                self.error = StartupFailed(self._failure or "the application's start-up failed")
            raise self.error
        if self.error is not None and self._mode == "on":
            self.startup_failed = True
            raise self.error
        logger.info("Application startup complete.")

    async def shutdown(self) -> None:
        """Run the application's shutdown. Raises what it raised; it was logged."""
        if self._task is None or self.error is not None or self._cancelled:
            return
        logger.info("Waiting for application shutdown.")
        await self._inbox.put({"type": "lifespan.shutdown"})
        await self._stopped.wait()
        await asyncio.wait([self._task], timeout=_RETURNS)
        self._cancelled = not self._task.done()  # with the loop, which is of no interest any more
        if "lifespan.shutdown.failed" in self._reported or (self.error is not None and self._mode == "on"):
            logger.error("Application shutdown failed. Exiting.")
        else:
            logger.info("Application shutdown complete.")
        if self.error is not None:
            raise self.error

    def cancel(self) -> asyncio.Task[None] | None:
        """Give it up: nothing more is sent to the application. What there is to wait for, if anything."""
        if self._task is None or self._task.done():
            return None
        self._cancelled = True
        self._task.cancel()
        return self._task

    async def _run(self) -> None:
        scope: MutableMapping[str, Any] = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        try:
            await self._app(scope, self._inbox.get, self._send)
        except BaseException as error:
            if self._cancelled:
                return
            self.error = error
            if any(kind.endswith(".failed") for kind in self._reported):
                return  # it has said so
            if self._mode == "on":
                logger.error("Exception in 'lifespan' protocol\n", exc_info=error)
            else:
                logger.info("ASGI 'lifespan' protocol appears unsupported.")
        finally:
            self._started.set()
            self._stopped.set()

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        kind = message["type"]
        if kind == "lifespan.startup.complete":
            self._reported.add(kind)
            self._started.set()
        elif kind == "lifespan.startup.failed":
            self._reported.add(kind)
            self._failure = message.get("message", "")
            if self._failure:
                logger.error(self._failure)
            self._started.set()
        elif kind == "lifespan.shutdown.complete":
            self._stopped.set()
        elif kind == "lifespan.shutdown.failed":
            self._reported.add(kind)
            if message.get("message") and not self._cancelled:
                logger.error(message["message"])
            self._stopped.set()
        else:
            raise RuntimeError(f"Unexpected ASGI message {kind!r} on the lifespan scope.")
