"""What a server does to its process: signals, forked children, the supervisor's line, the deadline of a stop."""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import math
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any

#: Exit status where an application or its server could not start; uvicorn's, so that a process manager can tell it
#: from a crash.
STARTUP_FAILURE = 3

#: What is cut off at the deadline of a stop, or by a forced one, has this long to clean up, seconds.
LAST_MOMENT = 1.0

#: Beyond that the process ends itself where the loop cannot. Long, for a busy machine must not be taken for it.
SLACK = 5.0

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

#: Names the inherited descriptors of a worker: those of its line to the supervisor and of its listening sockets.
_WORKER_VARIABLE = "DATA_BRIDGE_WORKER"


class Deadline:
    """When a stop must be over, whatever hangs: one moment for all of its steps. On the loop's thread."""

    def __init__(self) -> None:
        #: True once somebody was not willing to wait.
        self.forced = False
        self._end = math.inf
        self._changed = asyncio.Event()

    def begin(self, seconds: float | None) -> None:
        """The stop was asked for; None: it takes as long as it takes."""
        self._move(math.inf if seconds is None else time.monotonic() + seconds)

    def expire(self) -> None:
        """Make it now, where it is not past already: nothing is waited for any more."""
        self.forced = True
        self._move(min(self._end, time.monotonic()))

    def _move(self, end: float) -> None:
        self._end = end
        self._changed.set()
        self._changed = asyncio.Event()

    @property
    def passed(self) -> bool:
        """True from the moment on."""
        return time.monotonic() >= self._end

    def remaining(self, *, clean_up: bool = False) -> float | None:
        """Seconds that are left; None: as long as it takes.

        ``clean_up``: for what must be run behind work that was cut off, or else would have been left out.
        """
        if self._end == math.inf:
            return None
        return max(0.0, self._end + (LAST_MOMENT if clean_up else 0.0) - time.monotonic())

    async def finish(self, work: asyncio.Future[Any], *, clean_up: bool = False) -> bool:
        """Wait for ``work``, no longer than :meth:`remaining`; True where it is done."""
        while not work.done() and (seconds := self.remaining(clean_up=clean_up)) != 0:
            changed = asyncio.ensure_future(self._changed.wait())
            try:
                await asyncio.wait([work, changed], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            finally:
                changed.cancel()
        return work.done()


class StopSignals:
    """SIGINT and SIGTERM as uvicorn takes them, while the context is entered on the main thread.

    The first asks for a stop, ``on_stop(False)``; a SIGINT behind it forces it, ``on_stop(True)``; one more ends the
    process as if nobody had taken the signal, however stuck it is. ``on_stop`` is called between any two instructions
    of the main thread and must not do more than leave a note. A supervisor's worker (``supervised``) does not count:
    Ctrl-C goes to both of them, and what the supervisor has made of it may come first.

    Handlers are installed by ``signal.signal()``: one of the application's own that is installed while it is served
    takes the signal, and finds this one by ``signal.getsignal()`` to call it in turn. Libraries that look for uvicorn
    that way (event streams end by it) read ``should_exit`` of the object that the handler is a method of.
    """

    def __init__(self, on_stop: Callable[[bool], None], *, supervised: bool = False) -> None:
        self._on_stop = on_stop
        self._supervised = supervised
        self._should_exit = False
        self._force_exit = False
        self._captured: list[int] = []
        self._previous: dict[int, Any] = {}

    @property
    def last(self) -> str:
        """The name of the signal that came last; "" where the stop was asked for without one."""
        return signal.Signals(self._captured[-1]).name if self._captured else ""

    @property
    def should_exit(self) -> bool:
        """True once a stop was asked for."""
        return self._should_exit

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        if value and not self._should_exit:
            self._should_exit = True
            self._on_stop(False)

    @property
    def force_exit(self) -> bool:
        """True once running requests are not waited for."""
        return self._force_exit

    def handle_exit(self, number: int, frame: FrameType | None = None) -> None:
        """The handler of both signals."""
        self._captured.append(number)
        if number != signal.SIGINT or not self._should_exit:
            self.should_exit = True
        elif self._supervised:
            return
        elif not self._force_exit:
            self._force_exit = True
            self._on_stop(True)
        else:
            die_by(number)

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            for number in _STOP_SIGNALS:
                self._previous[number] = signal.signal(number, self.handle_exit)
            _entered.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self in _entered:
            _entered.remove(self)
            self._restore()

    def raise_again(self) -> None:
        """Raise what was captured, in reverse order, once the context was left.

        Whoever had a handler before sees the signal now, and a parent the usual status: death by SIGTERM,
        KeyboardInterrupt for SIGINT.
        """
        captured, self._captured = self._captured, []
        for number in reversed(captured):
            if signal.getsignal(number) == signal.SIG_DFL:
                _flush()
            signal.raise_signal(number)

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            # None: a handler that was not installed by Python cannot be put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._previous.clear()

    def _forget_in_child(self) -> None:
        """A forked child is no server: what ends it must not be taken for a wish to stop one.

        Ctrl-C goes to all processes of a terminal's group. The children of a request that is being finished must live
        on, as under uvicorn, or the request waits for a pool's dead workers; hence no KeyboardInterrupt.
        """
        for number in [number for number in self._previous if signal.getsignal(number) != self.handle_exit]:
            del self._previous[number]
        if self._previous.get(signal.SIGINT) is signal.default_int_handler:
            self._previous[signal.SIGINT] = _pass
        self._restore()
        self._captured.clear()


def _pass(number: int, frame: FrameType | None) -> None:
    """Not SIG_IGN, which a program that the child executes would inherit."""


_entered: list[StopSignals] = []


_forking = threading.local()


def _before_fork() -> None:
    # What is sent to the child in its first moments waits until it has its own handlers: ours would take it, or it
    # would be lost between the two.
    if _entered:
        _forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)


def _after_fork() -> None:
    mask = getattr(_forking, "mask", None)
    if mask is not None:
        _forking.mask = None
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _after_fork_in_child() -> None:
    while _entered:
        _entered.pop()._forget_in_child()
    while _lines:
        _lines.pop().close()
    _after_fork()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def die_by(number: int) -> None:
    """End the process by a signal, past everything that Python would wait for."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    exit_now(128 + number)  # the first process of a container does not die of signals


def exit_now(status: int) -> None:
    """End the process without a wait for its threads."""
    _flush()
    os._exit(status)


def exit_after(seconds: float, status: int) -> None:
    """End the process then, whatever hangs. May be called by a signal handler."""

    def wait() -> None:
        time.sleep(seconds)
        exit_now(status)

    # Not threading.Thread: its start takes locks that the code may hold which the signal has interrupted.
    _thread.start_new_thread(wait, ())


def exit_within(seconds: float | None, status: int) -> None:
    """Let the interpreter wait for the application's threads at its end, but no longer than ``seconds``."""
    here = threading.current_thread()
    if seconds is None or all(thread.daemon or thread is here for thread in threading.enumerate()):
        return
    exit_after(seconds, status)


async def end_loop(deadline: Deadline) -> bool:
    """What asyncio.Runner.close() does before it closes the loop, but within ``deadline``; False where some is left.

    Tasks are cancelled, asynchronous generators closed, the default executor is waited for.
    """
    loop = asyncio.get_running_loop()
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    if tasks and not await deadline.finish(asyncio.ensure_future(asyncio.wait(tasks)), clean_up=True):
        return False
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            message = "unhandled exception during the server's end"
            loop.call_exception_handler({"message": message, "exception": error, "task": task})
    if not await deadline.finish(asyncio.ensure_future(loop.shutdown_asyncgens()), clean_up=True):
        return False
    return await deadline.finish(_executor_ended(loop), clean_up=True)


def _executor_ended(loop: asyncio.AbstractEventLoop) -> asyncio.Future[None]:
    """loop.shutdown_default_executor(), but one that can be left: that one joins its thread when it is cancelled."""
    ended: asyncio.Future[None] = loop.create_future()
    executor = getattr(loop, "_default_executor", None)
    if executor is None:
        ended.set_result(None)
        return ended

    def shut_down() -> None:
        executor.shutdown(wait=True)
        with contextlib.suppress(RuntimeError):  # the loop was left behind, and closed
            loop.call_soon_threadsafe(tell)

    def tell() -> None:
        if not ended.done():
            ended.set_result(None)

    threading.Thread(target=shut_down, name="data_bridge-executor", daemon=True).start()
    return ended


class SupervisorLine:
    """A worker's end of the line to its supervisor: says when the worker serves, hears when it must end.

    ``listeners`` are the descriptors of the sockets to accept from.
    """

    def __init__(self, line: socket.socket, listeners: list[int]) -> None:
        self.listeners = listeners
        self._line = line
        _lines.append(self)

    def say_ready(self) -> None:
        """Tell the supervisor that requests are answered."""
        with contextlib.suppress(OSError):  # it has just ended: watch() hears of that
            self._line.send(b"r")

    def watch(self, on_force: Callable[[], None]) -> None:
        """Hear the supervisor from now on: ``on_force`` is called, on another thread, where it wants a forced end.

        Where the supervisor has died the worker stops as if it had been asked to: nobody would end it any more. The
        supervisor's questions whether the worker still runs are answered.
        """

        def listen() -> None:
            with contextlib.suppress(OSError):
                while heard := self._line.recv(16):
                    if b"f" in heard:
                        on_force()
                    if b"p" in heard:
                        self._line.send(b"p")
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=listen, name="data_bridge-line", daemon=True).start()

    def close(self) -> None:
        """In a forked child: the line is its parent's."""
        self._line.close()


_lines: list[SupervisorLine] = []


def worker_environment(line: int, listeners: list[int]) -> dict[str, str]:
    """The environment of a worker that inherits these descriptors."""
    return {**os.environ, _WORKER_VARIABLE: ",".join(str(fd) for fd in (line, *listeners))}


def supervisor_line() -> SupervisorLine | None:
    """The line to the supervisor that started this process, if one did. To be called once."""
    inherited = os.environ.pop(_WORKER_VARIABLE, None)  # not for the application's own subprocesses
    if inherited is None:
        return None
    line, *listeners = (int(fd) for fd in inherited.split(","))
    for fd in (line, *listeners):
        os.set_inheritable(fd, False)
    return SupervisorLine(socket.socket(fileno=line), listeners)


@contextlib.contextmanager
def signals_to_descriptor(numbers: tuple[signal.Signals, ...]) -> Iterator[socket.socket]:
    """A socket from which the numbers of the signals that arrive can be read, for a loop of one's own."""
    receiver, sender = socket.socketpair()
    receiver.setblocking(False)
    sender.setblocking(False)
    previous_fd = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    previous = {number: signal.signal(number, lambda *_: None) for number in numbers}
    try:
        yield receiver
    finally:
        for number, handler in previous.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        signal.set_wakeup_fd(previous_fd)
        receiver.close()
        sender.close()
