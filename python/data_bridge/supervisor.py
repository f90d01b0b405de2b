"""Several worker processes on the same listening sockets, watched by a parent.

The parent opens the sockets, by the rules of a single process, so that a worker that dies or is replaced loses no
connection that waits to be accepted; it starts the workers anew when they die, and takes signals as uvicorn's does:
INT and TERM stop, HUP replaces the workers one by one, TTIN and TTOU make them one more and one less, others do
nothing.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from . import _core
from .options import ServerOptions
from .process import LAST_MOMENT, SLACK, STARTUP_FAILURE, signals_to_descriptor, worker_environment

logger = logging.getLogger("uvicorn.error")

#: A worker that dies sooner than this after its start is not started again at once, seconds.
_SETTLED = 2.0
#: The longest pause before a worker is started again, seconds.
_LONGEST_PAUSE = 16.0
#: So many workers in a row that have died before they served end a supervisor that has no other.
_MAX_EARLY_DEATHS = 5
#: A replacement has this long to serve, seconds; then the worker that it should replace is kept.
_START_LIMIT = 60.0
#: How long a stop waits for connections whose handshake is under way, seconds; core/http/listener.hpp has the reason.
_HANDSHAKE = 1.5
#: How often workers are asked whether they still run, seconds.
_ASKING_INTERVAL = 1.0
_SIGNALS = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGCHLD,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGTTIN,
    signal.SIGTTOU,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGWINCH,
)


class WorkerProcess(Protocol):
    """What a supervisor needs of a process: subprocess.Popen's names, and its end of a line to it."""

    line: socket.socket

    @property
    def pid(self) -> int:
        """Its number."""

    @property
    def returncode(self) -> Any:
        """Its exit status, negative of a signal."""

    def poll(self) -> int | None:
        """The same, looked up."""

    def send_signal(self, number: int, /) -> None:
        """Send a signal."""

    def wait(self) -> Any:
        """Wait for its end."""

    def kill(self) -> None:
        """SIGKILL."""


class CommandProcess(subprocess.Popen[bytes]):
    """A command that inherits listening sockets, and the other end of a line."""

    def __init__(self, command: list[str], listeners: list[int]) -> None:
        self.line, end = socket.socketpair()
        with end:
            super().__init__(
                command, pass_fds=(end.fileno(), *listeners), env=worker_environment(end.fileno(), listeners)
            )


class _Worker:
    """A process, and what is known of it."""

    def __init__(self, process: WorkerProcess, *, replaces: _Worker | None = None) -> None:
        self.process = process
        self.line = process.line
        self.line.setblocking(False)
        self.started = time.monotonic()
        self.ready = False
        self.has_answered = False  # until then its interpreter starts, for as long as a busy machine takes
        self.unanswered = 0
        self.stopping = False
        self.is_silent = False
        self.replaces = replaces

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        """Ask it to finish what it has."""
        if not self.stopping:
            self.stopping = True
            self.process.send_signal(signal.SIGTERM)

    def ask(self) -> None:
        """Ask whether it still runs."""
        self.unanswered += 1
        with contextlib.suppress(OSError):
            self.line.send(b"p")

    def force(self) -> None:
        """Ask it not to wait for what it has. Not by a signal: it may have that one from the terminal already."""
        with contextlib.suppress(OSError):
            self.line.send(b"f")


class Supervisor:
    """Runs ``workers`` processes that ``start`` makes until SIGINT or SIGTERM.

    ``listeners`` are the descriptors of the sockets that nobody but the workers accepts from.
    """

    def __init__(
        self, start: Callable[[], WorkerProcess], options: ServerOptions, workers: int, listeners: Sequence[int]
    ) -> None:
        self._start_process = start
        self._listeners = listeners
        self._options = options
        self._wanted = workers
        self._workers: list[_Worker] = []
        self._to_replace: list[_Worker] = []
        self._selector = selectors.DefaultSelector()
        self._stopping = False
        self._stop_signals = 0
        self._kill_at: float | None = None
        self._start_at = 0.0
        self._ask_at = time.monotonic() + _ASKING_INTERVAL
        self._early_deaths = 0
        self._has_served = False
        self._status = 0

    def supervise(self) -> int:
        """The exit status."""
        with signals_to_descriptor(_SIGNALS) as signals:
            self._selector.register(signals, selectors.EVENT_READ)
            self._fill_up()
            while self._workers or not self._stopping:
                self._selector.select(self._pause())
                with contextlib.suppress(BlockingIOError):
                    for number in signals.recv(4096):
                        self._on_signal(signal.Signals(number))
                self._hear_workers()
                self._bury()
                self._keep_up()
        return self._status

    # --- signals -----------------------------------------------------------------------------------

    def _on_signal(self, number: signal.Signals) -> None:
        if number in (signal.SIGINT, signal.SIGTERM):
            self._on_stop_signal(number)
        elif self._stopping:
            return
        elif number == signal.SIGHUP:
            logger.info("Received SIGHUP: replacing the workers.")
            self._to_replace = [worker for worker in self._workers if worker.replaces is None and not worker.stopping]
        elif number == signal.SIGTTIN:
            self._wanted += 1
            logger.info("Received SIGTTIN: %d workers from now on.", self._wanted)
            self._start_at = 0.0
        elif number == signal.SIGTTOU:
            if self._wanted == 1:
                logger.info("Received SIGTTOU, but there is only one worker.")
                return
            self._wanted -= 1
            logger.info("Received SIGTTOU: %d workers from now on.", self._wanted)
            last = self._counted()[-1:]
            for worker in last:
                worker.stop()

    def _on_stop_signal(self, number: signal.Signals) -> None:
        if not self._stopping:
            logger.info("Received %s: stopping the workers.", number.name)
            self._stop()
        elif number == signal.SIGINT:
            # As in one process: the second Ctrl-C forces the end, the third does not even ask.
            self._stop_signals += 1
            for worker in self._workers:
                if self._stop_signals == 1:
                    worker.force()
                else:
                    worker.process.kill()

    def _stop(self) -> None:
        self._stopping = True
        self._to_replace = []
        # Each worker accepts what waits and then closes its own descriptor; who came behind the last would be reset.
        _close_queues(self._listeners)
        if self._options.timeout_graceful_shutdown is not None:
            self._kill_at = time.monotonic() + self._options.timeout_graceful_shutdown + LAST_MOMENT + 2 * SLACK
        for worker in self._workers:
            worker.stop()

    # --- workers -----------------------------------------------------------------------------------

    def _counted(self) -> list[_Worker]:
        """The workers that are there to stay: neither on their way out nor replacements that do not serve yet."""
        return [worker for worker in self._workers if not worker.stopping and worker.replaces is None]

    def _start(self, *, replaces: _Worker | None = None) -> None:
        worker = _Worker(self._start_process(), replaces=replaces)
        self._workers.append(worker)
        self._selector.register(worker.line, selectors.EVENT_READ, worker)

    def _fill_up(self) -> None:
        while len(self._counted()) < self._wanted:
            self._start()

    def _pause(self) -> float:
        """How long nothing is due that no descriptor tells of."""
        moments = [self._ask_at]
        moments += [worker.started + _START_LIMIT for worker in self._workers if worker.replaces is not None]
        if self._kill_at is not None:
            moments.append(self._kill_at)
        if not self._stopping and len(self._counted()) < self._wanted:
            moments.append(self._start_at)
        return max(0.0, min(moments) - time.monotonic())

    def _hear_workers(self) -> None:
        for worker in [worker for worker in self._workers if not worker.is_silent]:
            try:
                heard = worker.line.recv(16)
            except BlockingIOError:
                continue
            except OSError:
                heard = b""
            if not heard:
                # It has closed its end, and will be found dead; or goes on without.
                self._selector.unregister(worker.line)
                worker.is_silent = True
                continue
            worker.has_answered = True
            worker.unanswered = 0
            if b"r" in heard:
                worker.ready = self._has_served = True
                self._early_deaths = 0
                if worker.replaces is not None:
                    worker.replaces.stop()
                    worker.replaces = None

    def _bury(self) -> None:
        for worker in [worker for worker in self._workers if worker.process.poll() is not None]:
            self._workers.remove(worker)
            if not worker.is_silent:
                self._selector.unregister(worker.line)
            worker.line.close()
            for other in self._workers:
                if other.replaces is worker:
                    other.replaces = None  # it is no replacement any more, but a new start
            if not self._stopping and not worker.stopping:
                self._on_death(worker)

    def _on_death(self, worker: _Worker) -> None:
        status = worker.process.returncode
        if worker.replaces is not None:
            logger.error(
                "Worker %d ended with status %d before it served; worker %d is kept.",
                worker.pid,
                status,
                worker.replaces.pid,
            )
            self._to_replace = []
            return
        if worker.ready:
            logger.error("Worker %d ended with status %d.", worker.pid, status)
            early = time.monotonic() - worker.started < _SETTLED
            self._start_at = time.monotonic() + (0.5 if early else 0.0)
            return
        self._early_deaths += 1
        logger.error("Worker %d ended with status %d before it served.", worker.pid, status)
        # Where a first worker cannot start by its own doing, another cannot either; with others that serve it may be
        # the database that is away for a moment.
        hopeless = not self._has_served and status > 0
        alone = not any(other.ready for other in self._workers)
        if hopeless or (alone and self._early_deaths >= _MAX_EARLY_DEATHS):
            logger.error("Workers cannot start; giving up.")
            self._status = STARTUP_FAILURE
            self._stop()
            return
        self._start_at = time.monotonic() + min(_LONGEST_PAUSE, 0.25 * 2**self._early_deaths)

    def _ask_workers(self) -> None:
        limit = self._options.timeout_worker_healthcheck
        for worker in self._workers:
            # Questions are counted, not seconds: behind a pause of the whole machine nobody has answered for long.
            if worker.has_answered and worker.unanswered * _ASKING_INTERVAL >= limit > 0:
                logger.error("Worker %d does not answer; it is killed.", worker.pid)
                worker.process.kill()
            worker.ask()

    def _keep_up(self) -> None:
        now = time.monotonic()
        if self._kill_at is not None and now >= self._kill_at:
            self._kill_at = None
            for worker in self._workers:
                logger.error("Worker %d does not end; it is killed.", worker.pid)
                worker.process.kill()
        if self._stopping:
            return
        if now >= self._ask_at:
            self._ask_at = now + _ASKING_INTERVAL
            self._ask_workers()
        if now >= self._start_at:
            self._fill_up()
        replacements = [worker for worker in self._workers if worker.replaces is not None]
        for worker in replacements:
            if now >= worker.started + _START_LIMIT:
                worker.process.kill()
        self._to_replace = [worker for worker in self._to_replace if worker in self._workers and not worker.stopping]
        if self._to_replace and not replacements:
            self._start(replaces=self._to_replace.pop(0))


def supervise_command(command: list[str], options: ServerOptions, workers: int) -> int:
    """Run ``workers`` copies of ``command`` on the address of ``options``; the exit status.

    Raises OSError where the address cannot be listened on.
    """
    with listening(options) as listeners:
        logger.info(
            "Serving on %s with %d workers (supervisor pid %d, press CTRL+C to stop).",
            _where(options, listeners),
            workers,
            os.getpid(),
        )
        own = listeners if options.fd is None else ()
        return Supervisor(lambda: CommandProcess(command, listeners), options, workers, own).supervise()


@contextlib.contextmanager
def listening(options: ServerOptions) -> Iterator[list[int]]:
    """Descriptors of the listening sockets for the address of ``options``, for as long as processes accept from them.

    Raises OSError where it cannot be used.
    """
    listeners = _listen(options)
    try:
        yield listeners
    finally:
        for fd in listeners:
            os.close(fd)
        if options.uds is not None and options.fd is None:
            with contextlib.suppress(OSError):
                os.unlink(options.uds)


def _listen(options: ServerOptions) -> list[int]:
    if options.fd is not None:
        return [os.dup(options.fd)]
    if options.uds is not None:
        return [_core.listen_unix(options.uds, options.backlog)]
    return _core.listen_tcp(options.host, options.port, options.backlog, options.reuse_port)


def _close_queues(listeners: Sequence[int]) -> None:
    """Let nobody begin a connection any more, and wait for those that have begun one to be in the queue."""
    for listener in listeners:
        _core.close_queue(listener)
    deadline = time.monotonic() + _HANDSHAKE
    pause = 0.001
    while any(map(_core.handshakes_under_way, listeners)) and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(2 * pause, 0.1)


def _where(options: ServerOptions, listeners: list[int]) -> str:
    names = []
    for fd in listeners:
        with socket.socket(fileno=os.dup(fd)) as listener:
            name = listener.getsockname()
            if listener.family == socket.AF_UNIX:
                names.append(f"unix:{os.fsdecode(name)}")
            else:
                names.append("http://[{}]:{}".format(*name) if ":" in name[0] else "http://{}:{}".format(*name))
    return ", ".join(names)


def worker_command(arguments: list[str]) -> list[str]:
    """The command line of one worker: this interpreter, its flags, the same arguments."""
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return [sys.executable, *flags, "-m", "data_bridge", *arguments]
