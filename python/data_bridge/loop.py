"""PyLoop: asyncio's selector event loop on data_bridge's reactor.

    asyncio.run(main(), loop_factory=data_bridge.new_event_loop)   # 3.12 and later
    data_bridge.run(main())                                        # every version

What is hot (scheduling, timers, turns, readers and writers) is native, in `_core.LoopBase`; everything else is
inherited from asyncio, so that it behaves as asyncio does.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import os
import selectors
import signal
import socket
import sys
import threading
import weakref
from asyncio import base_events, events, format_helpers, sslproto, unix_events
from collections.abc import Coroutine, Iterator, Mapping
from typing import Any, TypeVar

from data_bridge import _core
from data_bridge.all_tasks import list_handler_tasks
from data_bridge.nesting import interrupted_task, nesting_is_allowed
from data_bridge.transports import DatagramTransport, overrides_calls, stream_transport

__all__ = ["PyLoop", "new_event_loop", "run"]

_T = TypeVar("_T")

_logger = logging.getLogger("asyncio")


class _ReactorSelector(selectors.BaseSelector):
    """The view of a loop's readers and writers that asyncio's selector loop expects to own.

    The reactor does the waiting; this exists for code that looks at `loop._selector`.
    """

    def __init__(self, loop: PyLoop) -> None:
        self._loop: PyLoop | None = loop

    def _mapping(self) -> dict[int, selectors.SelectorKey]:
        if self._loop is None:
            return {}
        return {
            fd: selectors.SelectorKey(fd, fd, mask, (reader, writer))
            for fd, (mask, reader, writer) in self._loop._watched().items()
        }

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch `fileobj`; `data` is asyncio's pair of a reader's and a writer's handle."""
        return self.modify(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Stop watching; KeyError where `fileobj` is not watched."""
        key = self.get_key(fileobj)
        assert self._loop is not None
        self._loop._remove_reader(fileobj)
        self._loop._remove_writer(fileobj)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch `fileobj` for other events, with other handles."""
        if self._loop is None:
            raise RuntimeError("Event loop is closed")
        reader, writer = data if data is not None else (None, None)
        for wanted, handle, add, remove in (
            (selectors.EVENT_READ, reader, self._loop._add_reader, self._loop._remove_reader),
            (selectors.EVENT_WRITE, writer, self._loop._add_writer, self._loop._remove_writer),
        ):
            if events & wanted and handle is not None:
                add(fileobj, handle._run)
            else:
                remove(fileobj)
        return self.get_key(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Nothing: the loop itself waits."""
        return []

    def close(self) -> None:
        self._loop = None

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._mapping()


class PyLoop(_core.LoopBase, asyncio.SelectorEventLoop):
    """An asyncio event loop whose scheduling and I/O run in data_bridge's reactor.

    `selector` is accepted for compatibility with asyncio.SelectorEventLoop; it is closed and not used.
    """

    # nest_asyncio leaves a loop alone that has this: its runs nest by themselves (data_bridge.nesting).
    _nest_patched = True

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        if selector is not None:
            selector.close()
        self._signal_pair: tuple[socket.socket, socket.socket] | None = None
        self._saved_wakeup_fd: int | None = None
        # What the runs of this loop that are under way wait for, the outermost first.
        self._awaited: list[asyncio.Future[Any]] = []
        # Of the children that the loop waits for: their pidfds by process.
        self._pidfds: dict[int, int] = {}
        super().__init__(_ReactorSelector(self))
        _loops.add(self)

    # -- running -----------------------------------------------------------------------------------

    def run_forever(self) -> None:
        """Run until stop() is called."""
        self._check_closed()
        self._check_running()
        outer = events._get_running_loop()
        if outer is None:
            self._run()
            return
        with interrupted_task(outer), self._nested():
            if outer is not self:
                self._run()
                return
            try:
                while not self._stopping:
                    self._run_once()
            finally:
                self._stopping = False

    def run_until_complete(self, future: Any) -> Any:
        """Run until `future`, a future or a coroutine, is done; its result."""
        self._check_closed()
        self._check_running()
        new_task = not asyncio.isfuture(future)
        future = asyncio.ensure_future(future, loop=self)
        if new_task:
            # An exception that ends the run is raised here; that the task is pending then is no news.
            future._log_destroy_pending = False
        if events._get_running_loop() is self:
            self._run_nested(future)
        else:
            # The callback is the very function that anyio looks for to find the outermost task.
            future.add_done_callback(base_events._run_until_complete_cb)  # type: ignore[attr-defined]
            self._awaited.append(future)
            try:
                self.run_forever()
            except BaseException:
                if new_task and future.done() and not future.cancelled():
                    # The coroutine's exception, which is raised anyway: it counts as retrieved.
                    future.exception()
                raise
            finally:
                self._awaited.pop()
                future.remove_done_callback(base_events._run_until_complete_cb)  # type: ignore[attr-defined]
        if not future.done():
            raise RuntimeError("Event loop stopped before Future completed.")
        return future.result()

    def _run_nested(self, future: asyncio.Future[Any]) -> None:
        """Turns within a turn of this loop, until `future` is done.

        stop() ends it too, but not the one that says that a run around it has got what it waits for: that goes on as
        soon as this is over.
        """
        stopped = False
        with interrupted_task(self), self._nested():
            while not future.done():
                self._run_once()
                if self._stopping:
                    stopped = True
                    if not any(awaited.done() for awaited in self._awaited):
                        break
                    self._stopping = False
            if self._ready and not self._stopping:
                # The callbacks of what is done, among them those of `future`.
                self._run_once()
        self._stopping = self._stopping or stopped

    def _check_running(self) -> None:
        """RuntimeError where a loop runs in this thread, unless nest_asyncio was applied."""
        here = self._thread_id in (None, threading.get_ident())
        if not (here and nesting_is_allowed()):
            super()._check_running()

    @contextlib.contextmanager
    def _nested(self) -> Iterator[None]:
        self._begin_nested()
        try:
            yield
        finally:
            self._end_nested()

    def _run(self) -> None:
        outer = events._get_running_loop()
        old_hooks = sys.get_asyncgen_hooks()
        self._set_coroutine_origin_tracking(self._debug)
        try:
            self._thread_id = threading.get_ident()
            sys.set_asyncgen_hooks(firstiter=self._asyncgen_firstiter_hook, finalizer=self._asyncgen_finalizer_hook)
            events._set_running_loop(self)
            self._watch_wakeup_fd()
            self._run_turns()
        finally:
            self._stopping = False
            self._thread_id = None
            events._set_running_loop(outer)
            self._set_coroutine_origin_tracking(False)
            sys.set_asyncgen_hooks(*old_hooks)
            self._restore_wakeup_fd()

    def close(self) -> None:
        """Close the loop; what is still scheduled is dropped."""
        if self.is_running():
            raise RuntimeError("Cannot close a running event loop")
        if self.is_closed():
            return
        super().close()
        self._clear()
        while self._pidfds:
            os.close(self._pidfds.popitem()[1])

    # -- transports ----------------------------------------------------------------------------------

    def _make_socket_transport(
        self,
        sock: socket.socket,
        protocol: asyncio.BaseProtocol,
        waiter: asyncio.Future[Any] | None = None,
        *,
        extra: dict[str, Any] | None = None,
        server: Any = None,
        **context: contextvars.Context | None,  # "context", from Python 3.15 on
    ) -> Any:
        self._ensure_fd_no_transport(sock)
        return stream_transport(self, sock, protocol, waiter, extra, server, **context)

    def _make_datagram_transport(
        self,
        sock: socket.socket,
        protocol: asyncio.BaseProtocol,
        address: Any = None,
        waiter: asyncio.Future[Any] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> Any:
        if sock.family not in (socket.AF_INET, socket.AF_INET6) or overrides_calls(sock):
            return super()._make_datagram_transport(sock, protocol, address, waiter, extra)  # type: ignore[misc]
        self._ensure_fd_no_transport(sock)
        return DatagramTransport(self, sock, protocol, address, waiter, extra)

    def _make_ssl_transport(
        self,
        rawsock: socket.socket,
        protocol: asyncio.BaseProtocol,
        sslcontext: Any,
        waiter: asyncio.Future[Any] | None = None,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
        extra: dict[str, Any] | None = None,
        server: Any = None,
        context: contextvars.Context | None = None,
        **timeouts: float | None,
    ) -> Any:
        self._ensure_fd_no_transport(rawsock)
        arguments: Any = (self, protocol, sslcontext, waiter, server_side, server_hostname)
        tls = sslproto.SSLProtocol(*arguments, **timeouts)  # type: ignore[arg-type]
        named = {} if context is None else {"context": context}
        stream_transport(self, rawsock, tls, extra=extra, server=server, **named)
        return tls._app_transport

    # -- signals -----------------------------------------------------------------------------------
    #
    # A signal that arrives between the last look at it and epoll_wait() must still end that wait, so the main
    # thread's wake-up descriptor is ours while the loop runs, and not only while it has signal handlers.

    @property
    def _csock(self) -> socket.socket | None:
        """The end of the pair that signal.set_wakeup_fd() gets; asyncio's add_signal_handler() reads this."""
        if self._signal_pair is None:
            if self.is_closed():
                return None
            receiver, sender = socket.socketpair()
            receiver.setblocking(False)
            sender.setblocking(False)
            self._watch_signals(receiver.fileno())
            self._signal_pair = receiver, sender
            self._internal_fds += 1
        return self._signal_pair[1]

    @property
    def _ssock(self) -> socket.socket | None:
        return None if self._csock is None or self._signal_pair is None else self._signal_pair[0]

    def _make_self_pipe(self) -> None:
        """Not needed: the reactor wakes itself."""

    def _close_self_pipe(self) -> None:
        if self._signal_pair is not None:
            if self._signal_handlers and threading.current_thread() is threading.main_thread():
                # BaseEventLoop.close() removes the handlers only after the pair is gone.
                signal.set_wakeup_fd(-1)
            self._unwatch_signals()
            for end in self._signal_pair:
                end.close()
            self._signal_pair = None
            self._internal_fds -= 1

    def _watch_wakeup_fd(self) -> None:
        if threading.current_thread() is threading.main_thread():
            sender = self._csock
            assert sender is not None
            self._saved_wakeup_fd = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)

    def _restore_wakeup_fd(self) -> None:
        saved, self._saved_wakeup_fd = self._saved_wakeup_fd, None
        # With handlers the descriptor stays, as asyncio leaves it: what arrives now is handled in the next run.
        # A loop around this one needs its own, however.
        if saved is not None and (not self._signal_handlers or events._get_running_loop() is not None):
            signal.set_wakeup_fd(saved, warn_on_full_buffer=False)

    def remove_signal_handler(self, sig: int) -> bool:
        """Remove the handler of a signal; True where there was one."""
        removed: bool = super().remove_signal_handler(sig)
        if removed and self._saved_wakeup_fd is not None and not self._signal_handlers:
            # The inherited method has switched wake-ups off.
            self._saved_wakeup_fd = -1
            sender = self._csock
            assert sender is not None
            signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        return removed

    # -- processes -----------------------------------------------------------------------------------

    def _after_fork(self) -> None:
        """In a forked child: nothing of this loop is the parent's any more.

        Closing it, or running it, would change the parent's epoll set, and signals of the child would be written to the
        parent.
        """
        runs_here = self._thread_id == threading.get_ident()
        if not runs_here:
            self._thread_id = None
        if not self.is_closed():
            # Before anything is removed, which would be removed from the parent's set.
            self._reopen(runs_here)
        if self._signal_pair is not None:
            self._unwatch_signals()
            for end in self._signal_pair:
                end.close()
            self._signal_pair = None
            self._internal_fds -= 1
        if self._saved_wakeup_fd is not None:
            self._saved_wakeup_fd = -1
        for number in list(self._signal_handlers):
            # What stands in for the loop's handlers would swallow the signal.
            if signal.getsignal(number) is unix_events._sighandler_noop:  # type: ignore[attr-defined]
                signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
            del self._signal_handlers[number]

    async def _make_subprocess_transport(
        self,
        protocol: Any,
        args: Any,
        shell: bool,
        stdin: Any,
        stdout: Any,
        stderr: Any,
        bufsize: int,
        extra: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """As asyncio's, which before Python 3.14 asks the policy for a child watcher: others' policies have none."""
        waiter = self.create_future()
        transport = unix_events._UnixSubprocessTransport(  # type: ignore[attr-defined]
            self, protocol, args, shell, stdin, stdout, stderr, bufsize, waiter=waiter, extra=extra, **kwargs
        )
        self._watch_child(transport.get_pid(), transport)
        try:
            await waiter
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            transport.close()
            await transport._wait()
            raise
        return transport

    def _watch_child(self, pid: int, transport: Any) -> None:
        try:
            self._pidfds[pid] = os.pidfd_open(pid)
        except OSError:
            # An old kernel, a sandbox, or no descriptor left: a thread waits.
            arguments = pid, transport
            threading.Thread(target=self._wait_for_child, args=arguments, name=f"waitpid-{pid}", daemon=True).start()
            return
        self._add_reader(self._pidfds[pid], self._child_ended, pid, transport)

    def _child_ended(self, pid: int, transport: Any) -> None:
        pidfd = self._pidfds.pop(pid)
        self._remove_reader(pidfd)
        os.close(pidfd)
        # Not in this turn: what the child has written to its pipes is read in it.
        self.call_soon(transport._process_exited, _exit_code_of(pid))

    def _wait_for_child(self, pid: int, transport: Any) -> None:
        code = _exit_code_of(pid)
        with contextlib.suppress(RuntimeError):  # The loop was closed.
            self.call_soon_threadsafe(self.call_soon, transport._process_exited, code)

    # -- called by the native half --------------------------------------------------------------------

    def _callback_failed(self, handle: Any, exception: BaseException) -> None:
        """Report an exception that left a callback, as asyncio.Handle._run() does."""
        if sys.version_info >= (3, 13):
            source = format_helpers._format_callback_source(handle._callback, handle._args, debug=self.get_debug())
        else:
            source = format_helpers._format_callback_source(handle._callback, handle._args)
        context: dict[str, Any] = {
            "message": f"Exception in callback {source}",
            "exception": exception,
            "handle": handle,
        }
        if handle._source_traceback:
            context["source_traceback"] = handle._source_traceback
        self.call_exception_handler(context)

    def _log_slow_callback(self, handle: asyncio.Handle, seconds: float) -> None:
        # A task's step is shown as the task; asyncio's stubs do not list the function.
        shown = base_events._format_handle(handle)  # type: ignore[attr-defined]
        _logger.warning("Executing %s took %.3f seconds", shown, seconds)


def _exit_code_of(pid: int) -> int:
    """Waits for the end of a child. 255, as with asyncio's watchers, where somebody else has done so before."""
    try:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except ChildProcessError:
        _logger.warning("child process pid %d exit status already read: will report returncode 255", pid)
        return 255


_loops: weakref.WeakSet[PyLoop] = weakref.WeakSet()


class _Fork(threading.local):
    """What a thread that forks has to take back afterwards."""

    mask: set[Any] | None = None


_fork = _Fork()
list_handler_tasks()


def _before_fork() -> None:
    # A signal that meets the child before its handlers are the default ones again would be lost: a pool whose worker
    # was just begun waits for it for ever. So it waits, for some microseconds.
    loops: list[PyLoop] = []
    with contextlib.suppress(RuntimeError):  # Another thread makes one just now, which has no handlers yet.
        loops = list(_loops)
    numbers = {number for loop in loops for number in list(loop._signal_handlers)}
    _fork.mask = signal.pthread_sigmask(signal.SIG_BLOCK, numbers) if numbers else None


def _after_fork() -> None:
    mask, _fork.mask = _fork.mask, None
    if mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _after_fork_in_child() -> None:
    # asyncio clears it too, from Python 3.12 on.
    ours = {pair[1].fileno() for loop in _loops if (pair := loop._signal_pair) is not None}
    with contextlib.suppress(ValueError):  # A subinterpreter has none.
        descriptor = signal.set_wakeup_fd(-1)
        if descriptor not in ours and descriptor != -1:
            signal.set_wakeup_fd(descriptor)
    for loop in list(_loops):
        loop._after_fork()
    _after_fork()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child)


def new_event_loop() -> PyLoop:
    """A new PyLoop; the `loop_factory` of asyncio.Runner and of anyio."""
    return PyLoop()


def run(main: Coroutine[Any, Any, _T], *, debug: bool | None = None) -> _T:
    """asyncio.run() on a PyLoop, on every Python version."""
    if events._get_running_loop() is not None:
        raise RuntimeError("data_bridge.run() cannot be called from a running event loop")
    with asyncio.Runner(debug=debug, loop_factory=new_event_loop) as runner:
        return runner.run(main)
