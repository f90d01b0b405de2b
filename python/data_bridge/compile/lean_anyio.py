"""What Starlette's BaseHTTPMiddleware uses of anyio, at a fraction of its price; asyncio's tasks and futures beneath.

The same rules, as far as they are anybody's to see: tasks of their own with a copy of the context and anyio's name for
them, a cancel scope of anyio's around each, level cancellation, groups of exceptions. What is spared is what nobody
sees: scopes around the host, checkpoints that only let a turn of the loop pass, a task that waits for an event that
nobody waits for any more.
"""

from __future__ import annotations

import asyncio
import collections
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any

import anyio

# --- events ----------------------------------------------------------------------------------------


class Event:
    """As ``anyio.Event``."""

    __slots__ = ("_is_set", "_waiters")

    def __init__(self) -> None:
        self._is_set = False
        self._waiters: list[asyncio.Future[None]] = []

    def set(self) -> None:
        """Let those who wait go on."""
        self._is_set = True
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    def is_set(self) -> bool:
        """Whether it was."""
        return self._is_set

    async def wait(self) -> None:
        """Return when it is set."""
        if not self._is_set:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter


# --- streams ---------------------------------------------------------------------------------------


class _Channel:
    """Between the two ends of a stream without a buffer: who waits at them."""

    __slots__ = ("receive_is_closed", "receivers", "send_is_closed", "senders")

    def __init__(self) -> None:
        self.senders: collections.deque[tuple[Any, asyncio.Future[None]]] = collections.deque()
        self.receivers: collections.deque[asyncio.Future[Any]] = collections.deque()
        self.send_is_closed = self.receive_is_closed = False


def _fail(waiter: asyncio.Future[Any], error: Exception) -> None:
    if not waiter.done():
        waiter.set_exception(error)


class _End:
    __slots__ = ("_channel",)

    def __init__(self, channel: _Channel) -> None:
        self._channel = channel

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *_: Any) -> None:
        self.close()


class _SendEnd(_End):
    """As ``anyio.streams.memory.MemoryObjectSendStream``."""

    __slots__ = ()

    async def send(self, item: Any) -> None:
        """Return when somebody has received it. Raises ClosedResourceError, BrokenResourceError."""
        channel = self._channel
        if channel.send_is_closed:
            raise anyio.ClosedResourceError
        if channel.receive_is_closed:
            raise anyio.BrokenResourceError
        while channel.receivers:
            receiver = channel.receivers.popleft()
            if not receiver.done():  # else it was cancelled
                receiver.set_result(item)
                return
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = (item, sent)
        channel.senders.append(waiting)
        try:
            await sent
        except asyncio.CancelledError:
            if waiting in channel.senders:
                channel.senders.remove(waiting)
            raise

    def close(self) -> None:
        channel = self._channel
        channel.send_is_closed = True
        while channel.receivers:
            _fail(channel.receivers.popleft(), anyio.EndOfStream())
        while channel.senders:
            _fail(channel.senders.popleft()[1], anyio.ClosedResourceError())


class _ReceiveEnd(_End):
    """As ``anyio.streams.memory.MemoryObjectReceiveStream``."""

    __slots__ = ()

    async def receive(self) -> Any:
        """The next item. Raises ClosedResourceError, EndOfStream."""
        channel = self._channel
        if channel.receive_is_closed:
            raise anyio.ClosedResourceError
        if channel.senders:
            await asyncio.sleep(0)  # whoever has just begun comes first, as in anyio
        while channel.senders:
            item, sent = channel.senders.popleft()
            if not sent.done():  # else its sender was cancelled
                sent.set_result(None)
                return item
        if channel.send_is_closed:
            raise anyio.EndOfStream
        receiver: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        channel.receivers.append(receiver)
        return await receiver

    def __aiter__(self) -> _ReceiveEnd:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    def close(self) -> None:
        channel = self._channel
        channel.receive_is_closed = True
        while channel.senders:
            _fail(channel.senders.popleft()[1], anyio.BrokenResourceError())
        while channel.receivers:
            _fail(channel.receivers.popleft(), anyio.ClosedResourceError())


class _MakeStream:
    """As ``anyio.create_memory_object_stream``, with a type in brackets or without."""

    def __getitem__(self, _: Any) -> _MakeStream:
        return self

    def __call__(self) -> tuple[_SendEnd, _ReceiveEnd]:
        channel = _Channel()
        return _SendEnd(channel), _ReceiveEnd(channel)


create_memory_object_stream = _MakeStream()


# --- task groups -----------------------------------------------------------------------------------


class TaskGroup:
    """As ``anyio.create_task_group()``."""

    __slots__ = ("_cancelling", "_children", "_deliveries", "_errors", "_host", "_is_cancelled", "_waiter")

    def __init__(self) -> None:
        self._children: set[_Child] = set()
        self._errors: list[BaseException] = []
        self._waiter: asyncio.Future[None] | None = None
        self._is_cancelled = False
        self._deliveries = 0  # of cancellation, to the host

    @property
    def cancel_scope(self) -> TaskGroup:
        """Only ``cancel()`` is called on it."""
        return self

    async def __aenter__(self) -> TaskGroup:
        host = asyncio.current_task()
        assert host is not None
        self._host: asyncio.Task[Any] | None = host
        self._cancelling = host.cancelling()
        return self

    def start_soon(self, function: Callable[..., Awaitable[Any]], *arguments: Any) -> None:
        """Call and await ``function`` in a task of its own."""
        self._children.add(_Child(self, function, arguments))

    def cancel(self) -> None:
        """Cancel the children, and the host while it is within the group."""
        if self._is_cancelled:
            return
        self._is_cancelled = True
        for child in list(self._children):
            child.cancel()
        if self._host is not None and self._host is not asyncio.current_task():
            self._deliver()

    def _deliver(self) -> None:
        """Cancel what the host waits for, at every turn until it leaves."""
        host: Any = self._host
        if host is None or host.done():
            return
        waits_for = host._fut_waiter
        if not host._must_cancel and (waits_for is None or not waits_for.done()):
            host.cancel()
            self._deliveries += 1
        asyncio.get_running_loop().call_soon(self._deliver)

    def left_by(self, child: _Child, error: BaseException | None) -> None:
        """``child`` has ended."""
        self._children.discard(child)
        if error is not None:
            self._errors.append(error)
            self.cancel()
        if not self._children and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        host = self._host
        assert host is not None
        self._host = None
        if error is not None:
            self.cancel()
            if not isinstance(error, asyncio.CancelledError):
                self._errors.append(error)
        interrupted = await self._wait_for_children()
        for _ in range(self._deliveries):
            host.uncancel()
        if self._errors:
            self._raise(self._errors)
        if interrupted is not None:
            raise interrupted
        # Ours alone: nobody else has cancelled the host meanwhile.
        return self._deliveries > 0 and host.cancelling() <= self._cancelling

    async def _wait_for_children(self) -> asyncio.CancelledError | None:
        interrupted = None
        while self._children:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            except asyncio.CancelledError as error:
                self.cancel()
                interrupted = error
        return interrupted

    def _raise(self, errors: list[BaseException]) -> None:
        raise BaseExceptionGroup("unhandled errors in a TaskGroup", errors) from None


class CollapsingTaskGroup(TaskGroup):
    """As ``starlette._utils.create_collapsing_task_group()``: an exception that is alone stays so."""

    __slots__ = ()

    def _raise(self, errors: list[BaseException]) -> None:
        if len(errors) != 1:
            super()._raise(errors)
        [error] = errors
        context = None if error.__suppress_context__ else error.__context__
        raise error from error.__cause__ or context


class _Child:
    """A task of a group, begun or not."""

    __slots__ = ("_arguments", "_function", "_group", "_handle", "_is_cancelled", "_scope", "_task")

    def __init__(self, group: TaskGroup, function: Callable[..., Awaitable[Any]], arguments: tuple[Any, ...]) -> None:
        self._group = group
        self._function = function
        self._arguments = arguments
        self._scope: anyio.CancelScope | None = None  # while it runs
        self._is_cancelled = False
        self._handle: asyncio.Handle | None = None
        if len(arguments) == 1 and getattr(arguments[0], "__func__", None) is Event.wait:
            # It only waits for an event. In most cases nobody wants to know any more before it has begun.
            self._handle = asyncio.get_running_loop().call_soon(self._begin)
        else:
            self._begin()

    def cancel(self) -> None:
        self._is_cancelled = True
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
            self._group.left_by(self, None)
        elif self._scope is not None:
            self._scope.cancel()

    def _begin(self) -> None:
        self._handle = None  # which knows this: what knows each other stays until the collector comes
        function: Any = self._function
        name = f"{function.__module__}.{function.__qualname__}"
        self._task = asyncio.get_running_loop().create_task(self._run(), name=name)

    async def _run(self) -> None:
        error: BaseException | None = None
        try:
            # Where several asynchronous libraries are loaded, anyio knows only within a task which one runs.
            with anyio.CancelScope() as scope:
                self._scope = scope
                if self._is_cancelled:
                    scope.cancel()
                await self._function(*self._arguments)
        except asyncio.CancelledError:
            raise
        except BaseException as raised:
            error = raised
            if not isinstance(raised, Exception):
                raise
        finally:
            self._group.left_by(self, error)
            del self._task, error
