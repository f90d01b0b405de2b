"""A PyLoop in the thread of another running loop, which waits for it: its turns are callbacks there."""

from __future__ import annotations

import asyncio
import contextlib
import types
from asyncio.events import _get_running_loop, _set_running_loop
from collections.abc import Awaitable, Coroutine, Generator, Iterator
from typing import Any, TypeVar

from .loop import new_event_loop

T = TypeVar("T")


class GuestLoop:
    """A PyLoop, ``loop``, whose descriptor the running loop, its ``host``, watches as it watches a socket.

    Between :meth:`begin` and :meth:`end`, on the host's thread. Tasks of either loop await what is the other's by
    :meth:`on_guest`, :meth:`on_host` and :meth:`across`.
    """

    def __init__(self) -> None:
        self.host = asyncio.get_running_loop()
        self.loop = new_event_loop()
        self._fd = -1
        self._turning = False
        self._soon = False
        self._timer: asyncio.Handle | None = None
        self._timer_when = 0.0

    # --- life ------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Have the host watch. NotImplementedError where it cannot watch descriptors."""
        fd = self.loop._begin_guest()
        self.host.add_reader(fd, self._turn)
        self._fd = fd

    def end(self) -> None:
        """Close the guest. What still runs on it is not run on."""
        if self._fd >= 0:
            self.host.remove_reader(self._fd)
            self._fd = -1
        if self._timer is not None:
            self._timer.cancel()
        self.loop._end_guest()
        self.loop.close()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Call what expects to be called on the guest; what it has scheduled there is run afterwards."""
        outer = _get_running_loop()
        _set_running_loop(self.loop)
        try:
            yield
        finally:
            _set_running_loop(outer)
            self._flush()

    # --- from one to the other ----------------------------------------------------------------------

    def on_guest(self, work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        """``work`` as a task of the guest; its outcome as a future of the host, whose cancellation reaches the task."""
        outcome: asyncio.Future[T] = self.host.create_future()
        task = self.loop.create_task(work)

        def cancel(outcome: asyncio.Future[T]) -> None:
            if outcome.cancelled():
                task.cancel()
                self._flush()

        def end(task: asyncio.Task[T]) -> None:
            if outcome.done():
                if not task.cancelled():
                    task.exception()  # nobody is interested any more
            elif task.cancelled():
                outcome.cancel()
            elif (error := task.exception()) is not None:
                outcome.set_exception(error)
            else:
                outcome.set_result(task.result())

        outcome.add_done_callback(cancel)
        task.add_done_callback(end)
        self._flush()
        return outcome

    async def on_host(self, task: asyncio.Task[T]) -> T:
        """Await ``task``, one of the host's, in one of the guest's. A cancellation is the task's, and waited for."""
        while not task.done():
            waiter = self.loop.create_future()

            def tell(_: asyncio.Task[T], waiter: asyncio.Future[None] = waiter) -> None:
                if not waiter.done():
                    waiter.set_result(None)
                    self._wait(0)

            task.add_done_callback(tell)
            try:
                await waiter
            except asyncio.CancelledError as cancellation:
                task.remove_done_callback(tell)
                task.cancel(*cancellation.args)
        return task.result()

    async def across(self, work: Awaitable[T]) -> T:
        """Await ``work``, which waits for futures of the guest, in a task of the host.

        It is stepped at once, as in a task of its own loop; what it has written leaves behind each step.
        """
        return await self._step(work.__await__())

    @types.coroutine
    def _step(self, steps: Generator[Any, Any, T]) -> Generator[Any, None, T]:
        error: BaseException | None = None
        while True:
            _set_running_loop(self.loop)
            try:
                waits_for = steps.send(None) if error is None else steps.throw(error)
            except StopIteration as end:
                value: T = end.value
                return value
            finally:
                _set_running_loop(self.host)
                self._flush()
            error = None
            try:
                yield from self._until_done(waits_for)
            except BaseException as thrown:
                error = thrown

    def _until_done(self, future: Any) -> Generator[Any, None, None]:
        if future is None:
            yield  # a step of the host, for one of the guest
            return
        future._asyncio_future_blocking = False
        waiter = self.host.create_future()

        def tell(_: asyncio.Future[Any]) -> None:
            if not waiter.done():
                waiter.set_result(None)

        future.add_done_callback(tell)
        self._flush()  # it may be done already
        try:
            yield from waiter
        except BaseException:
            future.cancel()
            self._flush()
            raise

    # --- turns -----------------------------------------------------------------------------------

    def _turn(self) -> None:
        if self._fd < 0 or self._turning:
            return
        self._turning = True
        outer = _get_running_loop()
        _set_running_loop(self.loop)
        try:
            seconds = self.loop._guest_turn()
        finally:
            _set_running_loop(outer)
            self._turning = False
        self._wait(seconds)

    def _flush(self) -> None:
        self._wait(self.loop._guest_flush())

    def _wait(self, seconds: float) -> None:
        """Have :meth:`_turn` called after so many seconds at the latest; the descriptor may call it before."""
        if self._fd < 0 or self._turning or self.host.is_closed():
            return
        if seconds == 0:
            if not self._soon:
                self._soon = True
                self.host.call_soon(self._turn_soon)
            return
        when = self.host.time() + seconds
        if self._timer is not None:
            if self._timer_when <= when:
                return
            self._timer.cancel()
        self._timer_when = when
        self._timer = self.host.call_at(when, self._turn_later)

    def _turn_soon(self) -> None:
        self._soon = False
        self._turn()

    def _turn_later(self) -> None:
        self._timer = None
        self._turn()
