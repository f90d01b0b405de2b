"""Several worker processes on one listening socket, watched by a parent.

The parent binds the socket, so that a worker that dies or is replaced loses no connection that waits to be accepted;
it starts the workers anew when they die, and passes signals on to them.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import time

from .options import ServerOptions

logger = logging.getLogger("data_bridge")

#: A worker that dies sooner than this after its start is not started again at once, seconds.
_SETTLED = 2.0
#: So many deaths in a row before settling end the supervisor: the application does not start.
_MAX_EARLY_DEATHS = 5


class _Worker:
    def __init__(self, command: list[str], fd: int) -> None:
        self.process = subprocess.Popen(command, pass_fds=(fd,))
        self.started = time.monotonic()


def bind(options: ServerOptions) -> socket.socket:
    """A listening socket for the address of ``options``."""
    if options.uds is not None:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if os.path.exists(options.uds):
            os.unlink(options.uds)
        listener.bind(options.uds)
    else:
        family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((options.host, options.port))
    listener.listen(options.backlog)
    listener.setblocking(False)
    return listener


def supervise(command: list[str], options: ServerOptions, workers: int) -> int:
    """Run ``workers`` copies of ``command`` (which gets ``--fd N``) until SIGINT or SIGTERM; the exit status."""
    listener = bind(options)
    os.set_inheritable(listener.fileno(), True)
    full_command = [*command, "--fd", str(listener.fileno())]
    signals, wake = socket.socketpair()
    signals.setblocking(False)
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    selector = selectors.DefaultSelector()
    selector.register(signals, selectors.EVENT_READ)

    where = f"unix:{options.uds}" if options.uds else "http://{}:{}".format(*listener.getsockname()[:2])
    logger.info("Serving on %s with %d workers (supervisor pid %d, press CTRL+C to stop).", where, workers, os.getpid())
    running = [_Worker(full_command, listener.fileno()) for _ in range(workers)]
    stopping = False
    early_deaths = 0
    while running:
        selector.select(timeout=1.0)
        try:
            received = signals.recv(4096)
        except BlockingIOError:
            received = b""
        for caught in received:
            if caught in (signal.SIGINT, signal.SIGTERM):
                stopping = True
                for worker in running:
                    worker.process.send_signal(signal.SIGTERM)
        for worker in [worker for worker in running if worker.process.poll() is not None]:
            running.remove(worker)
            if stopping:
                continue
            early = time.monotonic() - worker.started < _SETTLED
            early_deaths = early_deaths + 1 if early else 0
            logger.error("Worker %d ended with status %d.", worker.process.pid, worker.process.returncode)
            if early_deaths >= _MAX_EARLY_DEATHS:
                logger.error("Workers keep dying right after their start; giving up.")
                stopping = True
                for other in running:
                    other.process.send_signal(signal.SIGTERM)
                continue
            running.append(_Worker(full_command, listener.fileno()))
    listener.close()
    if options.uds is not None and os.path.exists(options.uds):
        os.unlink(options.uds)
    return 1 if early_deaths >= _MAX_EARLY_DEATHS else 0


def worker_command(arguments: list[str]) -> list[str]:
    """The command line of one worker: this interpreter, the same arguments, one process."""
    return [sys.executable, "-m", "data_bridge", *arguments, "--workers", "1"]
