"""A front for an application on a loop that is no PyLoop: connections live on a PyLoop in a thread of its own, the
application is called on its loop, and what they say to each other goes by ``call_soon_threadsafe``."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from .front import Front, Listeners
from .loop import new_event_loop
from .options import ServerOptions
from .process import Deadline
from .routes import CompiledApp
from .stores import Stores

T = TypeVar("T")


class ForeignFront:
    """As :class:`~data_bridge.front.Front`, from the thread of another running loop.

    All requests go through ASGI, and each message of theirs costs a way between two threads. Contexts are those of
    the loop on which :meth:`start` was called, as under a server that runs on it.
    """

    def __init__(
        self,
        app: Any,
        options: ServerOptions,
        *,
        state: dict[str, Any],
        on_exception: Callable[[BaseException], None] | None = None,
        listeners: Listeners | None = None,
    ) -> None:
        self._app = app
        self._stores: Stores | None = getattr(app, "data_bridge_stores", None)
        self._on_exception = on_exception
        self._home = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self._front = Front(
            self._relay,
            options,
            state=state,
            on_exception=self._report if on_exception is not None else None,
            listeners=listeners,
            count_answers=True,
        )
        self._thread = threading.Thread(target=self._run, name="data_bridge-loop", daemon=True)
        self._started: asyncio.Future[None] = self._home.create_future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens."""
        return self._front.addresses

    @property
    def in_flight(self) -> int:
        """Requests that the application is working on."""
        return self._front.in_flight

    @property
    def answered(self) -> int:
        """Answers that were given."""
        return self._front.answered

    @property
    def connections(self) -> int:
        """Connections that are open."""
        return self._front.connections

    def counts(self) -> dict[str, int]:
        """How requests were answered so far."""
        return self._front.counts()

    @property
    def compiled(self) -> CompiledApp:
        """No routes: the application is on another loop."""
        return self._front.compiled

    @property
    def compiled_apps(self) -> list[CompiledApp]:
        """As ``compiled``."""
        return self._front.compiled_apps

    def share_stores(self, shared: bool) -> None:
        """As :meth:`Front.share_stores`."""
        if self._stores is not None:
            self._stores.shared_with_processes = shared

    async def begin(self) -> None:
        """Open the stores and listen. OSError where the address cannot be used."""
        if self._stores is not None:
            self._stores.open()
        try:
            self._thread.start()
            await self._started
        except BaseException:
            self._end_thread()
            self._close_stores()
            raise

    async def drain(self, deadline: Deadline) -> None:
        """Stop accepting and finish what runs, until ``deadline``, a deadline of this loop; then close."""
        assert self._loop is not None
        theirs = Deadline()
        theirs.begin(deadline.remaining())
        draining = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._front.drain(theirs), self._loop))
        if not await deadline.finish(draining) and deadline.forced:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(theirs.expire)
        await draining

    async def end(self) -> None:
        """End the thread, once it is drained, and close the stores."""
        try:
            self._end_thread()
            await self._home.run_in_executor(None, self._thread.join)
        finally:
            self._close_stores()

    def release(self) -> None:
        """Nothing: the thread has done it."""

    def _end_thread(self) -> None:
        if self._loop is not None and self._over is not None:
            with contextlib.suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._over.set)

    def _close_stores(self) -> None:
        if self._stores is not None:
            self._stores.close()

    def _report(self, error: BaseException) -> None:
        assert self._on_exception is not None
        with contextlib.suppress(RuntimeError):  # nobody listens on a closed loop
            self._home.call_soon_threadsafe(self._on_exception, error)

    # --- the thread of the connections ----------------------------------------------------------------

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                runner.run(self._serve())
        except BaseException as error:
            self._tell(error)
        finally:
            self._front.release()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._front.start()
        self._tell(None)
        await self._over.wait()

    def _tell(self, error: BaseException | None) -> None:
        def tell() -> None:
            if self._started.done():
                return
            if error is None:
                self._started.set_result(None)
            else:
                self._started.set_exception(error)

        with contextlib.suppress(RuntimeError):  # nobody waits on a closed loop
            self._home.call_soon_threadsafe(tell)

    async def _relay(
        self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> Any:
        """The application as this thread's loop sees it."""
        here = asyncio.get_running_loop()

        async def call() -> Any:
            return await self._app(
                scope, lambda: _elsewhere(here, receive()), lambda message: _elsewhere(here, send(message))
            )

        return await _elsewhere(self._home, call(), self._context.copy())


def _elsewhere(
    loop: asyncio.AbstractEventLoop, work: Awaitable[T], context: contextvars.Context | None = None
) -> asyncio.Future[T]:
    """``work`` as a task of ``loop``, another one, to be awaited here; a cancellation goes there, its end comes."""
    here = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = here.create_future()
    tasks: list[asyncio.Task[T]] = []
    context = context or contextvars.copy_context()

    async def run() -> T:
        return await work

    def begin() -> None:
        task = loop.create_task(run(), context=context)
        tasks.append(task)
        task.add_done_callback(end)

    def end(task: asyncio.Task[T]) -> None:
        with contextlib.suppress(RuntimeError):  # nobody waits any more on a closed loop
            here.call_soon_threadsafe(finish, task)

    def finish(task: asyncio.Task[T]) -> None:
        if outcome.done():
            if not task.cancelled():
                task.exception()  # was cancelled here: nobody is interested
        elif task.cancelled():
            outcome.cancel()
        elif (error := task.exception()) is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(task.result())

    def cancel() -> None:
        for task in tasks:
            task.cancel()

    def on_outcome(done: asyncio.Future[T]) -> None:
        if done.cancelled():
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(cancel)

    outcome.add_done_callback(on_outcome)
    try:
        loop.call_soon_threadsafe(begin)
    except RuntimeError:
        if isinstance(work, Coroutine):
            work.close()
        raise
    return outcome


__all__ = ["ForeignFront"]
