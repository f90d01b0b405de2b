"""A front for an application on a loop that is no PyLoop: the connections' PyLoop is a guest of that loop."""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable, Callable
from typing import Any

from .front import Front, Listeners
from .guest import GuestLoop
from .options import ServerOptions
from .process import Deadline
from .routes import CompiledApp
from .stores import Stores


class ForeignFront:
    """As :class:`~data_bridge.front.Front`, in another running loop.

    All requests go through ASGI, each as a task of that loop. Contexts are those in which :meth:`begin` was called, as
    under a server that runs on the loop.
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
        self._context = contextvars.copy_context()
        self._guest = GuestLoop()
        self._front = Front(
            self._call,
            options,
            state=state,
            on_exception=self._report if on_exception is not None else None,
            listeners=listeners,
            count_answers=True,
        )

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
            self._guest.begin()
            with self._guest.running():
                self._front.start()
        except BaseException:
            await self.end()
            raise

    async def drain(self, deadline: Deadline) -> None:
        """Stop accepting and finish what runs, until ``deadline``, a deadline of this loop; then close."""
        theirs = Deadline()
        theirs.begin(deadline.remaining())
        draining = self._guest.on_guest(self._front.drain(theirs))
        if not await deadline.finish(draining) and deadline.forced:
            with self._guest.running():
                theirs.expire()
        await draining

    async def end(self) -> None:
        """Close the guest, once it is drained, and the stores."""
        try:
            with self._guest.running():
                self._front.release()
            self._guest.end()
        finally:
            if self._stores is not None:
                self._stores.close()

    def release(self) -> None:
        """Nothing: its end has done it."""

    def _report(self, error: BaseException) -> None:
        assert self._on_exception is not None
        self._guest.host.call_soon(self._on_exception, error)

    async def _call(
        self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> Any:
        """The application as the guest sees it."""
        guest = self._guest

        async def call() -> Any:
            return await self._app(scope, lambda: guest.across(receive()), lambda message: guest.across(send(message)))

        return await guest.on_host(guest.host.create_task(call(), context=self._context.copy()))


__all__ = ["ForeignFront"]
