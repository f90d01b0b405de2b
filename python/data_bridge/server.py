"""One server: an application, its lifespan and its native half, from start-up to the last answer."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Any

from .foreign import ForeignFront
from .front import Front
from .interface import as_asgi3
from .lifespan import Lifespan, StartupFailed
from .loop import PyLoop
from .options import ServerOptions
from .process import Deadline
from .routes import CompiledApp

logger = logging.getLogger("uvicorn.error")

#: How often it is looked whether limit_max_requests is reached, seconds; uvicorn's.
_TICK = 0.1


class Server:
    """Serves one ASGI application in the running loop, beside whatever else runs there.

    In a PyLoop connections are the loop's own. In another (asyncio's, uvloop's, a notebook's) they live on a PyLoop
    that is that one's guest; the application is called on the loop that runs, through ASGI.

    ``await server.serve()`` until :meth:`stop`, or ``await server.startup()`` and later ``await server.shutdown()``.
    Signals are left alone: see :func:`data_bridge.serve`.

    ``app``: ASGI 3 or 2 (``interface``). ``options``, or its fields by name: ``Server(app, port=8080)``.
    ``on_exception`` is called with every exception that the application let through, after it was logged.
    ``listeners``: descriptors of listening sockets that a supervisor has opened, in place of the address.
    """

    def __init__(
        self,
        app: Any,
        options: ServerOptions | None = None,
        *,
        on_exception: Callable[[BaseException], None] | None = None,
        listeners: list[int] | None = None,
        **fields: Any,
    ) -> None:
        if options is not None and fields:
            raise TypeError("give ServerOptions, or its fields by name, not both")
        self.options = options if options is not None else ServerOptions(**fields)
        self.app = as_asgi3(app, self.options.interface)
        self.lifespan = Lifespan(self.app, self.options.lifespan)
        self._on_exception = on_exception
        self._listeners = listeners
        self._front: Front | ForeignFront = Front(
            self.app, self.options, state=self.lifespan.state, on_exception=on_exception, listeners=listeners
        )
        self._stop = asyncio.Event()
        self._deadline = Deadline()

    # --- life ------------------------------------------------------------------------------------

    async def startup(self) -> None:
        """Run the lifespan's start-up, open the stores, compile the routes and listen.

        Raises what the application's start-up raised, or :class:`StartupFailed`; OSError where the address cannot be
        used.
        """
        # A listening socket that was handed over is one that other workers accept from too.
        handed_over = self.options.fd is not None or self._listeners is not None
        if not isinstance(asyncio.get_running_loop(), PyLoop):
            self._front = ForeignFront(
                self.app,
                self.options,
                state=self.lifespan.state,
                on_exception=self._on_exception,
                listeners=self._listeners,
            )
        self._front.share_stores(handed_over or self.options.reuse_port)
        await self._start_lifespan()
        try:
            await self._front.begin()
        except BaseException:
            await self._end_lifespan()
            raise

    async def serve(self, on_started: Callable[[], None] | None = None) -> None:
        """Start, answer requests until :meth:`stop`, end in good order."""
        await self.startup()
        if on_started is not None and not self._stop.is_set():
            on_started()
        await self._until_stopped()
        await self.shutdown()

    async def _until_stopped(self) -> None:
        most = self.options.limit_max_requests
        if most is None:
            await self._stop.wait()
            return
        most += random.randint(0, self.options.limit_max_requests_jitter)
        while not self.stopping:
            if self._front.answered >= most:
                logger.info("Maximum request limit of %d exceeded. Terminating process.", most)
                return
            await asyncio.sleep(_TICK)

    def stop(self, *, force: bool = False) -> None:
        """Ask for the end: stop accepting, finish what runs within the grace period. On the loop's thread.

        ``force`` waits for nothing any more, and leaves the lifespan's end out.
        """
        if not self._stop.is_set():
            self._deadline.begin(self.options.timeout_graceful_shutdown)
            self._stop.set()
        if force:
            self._deadline.expire()

    @property
    def stopping(self) -> bool:
        """True once the end was asked for."""
        return self._stop.is_set()

    @property
    def deadline(self) -> Deadline:
        """When the stop that was asked for must be over."""
        return self._deadline

    async def shutdown(self) -> None:
        """Answer what is running within the grace period, close all connections, run the lifespan's end.

        Raises what the application's lifespan raised.
        """
        self.stop()
        await self._front.drain(self._deadline)
        try:
            await self._end_lifespan()
        finally:
            await self._front.end()

    # As they were called before they had uvicorn's names.
    start = startup
    close = shutdown

    def release(self) -> None:
        """Let the native half go, at the latest when the loop has ended, and with it every task that may answer."""
        self._front.release()

    # --- what tests and tools ask -----------------------------------------------------------------

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens: host and port of each TCP socket."""
        return self._front.addresses

    @property
    def compiled(self) -> CompiledApp:
        """How the application's routes are served."""
        return self._front.compiled

    @property
    def compiled_apps(self) -> list[CompiledApp]:
        """The same, and what became of those that are mounted in it or that it calls."""
        return self._front.compiled_apps

    @property
    def in_flight(self) -> int:
        """Requests that Python is working on, background tasks included."""
        return self._front.in_flight

    def counts(self) -> dict[str, int]:
        """How requests were answered so far: compiled, unmatched (natively, by no route), bridged."""
        return self._front.counts()

    # --- inside -----------------------------------------------------------------------------------

    async def _start_lifespan(self) -> None:
        starting = asyncio.ensure_future(self.lifespan.startup())
        stop = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait([starting, stop], return_when=asyncio.FIRST_COMPLETED)
            # As under uvicorn the start-up is finished first, but it may hang as well.
            if not starting.done() and not await self._deadline.finish(starting):
                await self._cancel_lifespan()
                raise StartupFailed("stopped while the application was starting")
        finally:
            stop.cancel()
            starting.cancel()
        starting.result()

    async def _end_lifespan(self) -> None:
        if self._deadline.forced:
            await self._cancel_lifespan()
            return
        ending = asyncio.ensure_future(self.lifespan.shutdown())
        try:
            # The last moment is the lifespan's where requests have used up all of the grace period.
            if not await self._deadline.finish(ending, clean_up=self._deadline.passed):
                logger.error("The application's shutdown did not end in time; it is cancelled.")
                await self._cancel_lifespan()
                return
        finally:
            ending.cancel()
        ending.result()

    async def _cancel_lifespan(self) -> None:
        task = self.lifespan.cancel()
        if task is not None:
            await self._deadline.finish(task, clean_up=True)
