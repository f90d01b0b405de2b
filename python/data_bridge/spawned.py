"""A copy of the running program that serves: multiprocessing's ``spawn``, with sockets and a line to its supervisor."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Callable
from multiprocessing.context import SpawnProcess
from typing import Any

from .process import SupervisorLine

_spawn = multiprocessing.get_context("spawn")


class SpawnedProcess:
    """A process, as a supervisor sees it: subprocess.Popen's names for what multiprocessing has."""

    def __init__(self, target: Callable[..., Any], config: Any, sockets: list[socket.socket]) -> None:
        self.line, end = socket.socketpair()
        with end:
            self._process: SpawnProcess = _spawn.Process(target=_serve, args=(target, config, sockets, end, _stdin()))
            self._process.start()

    @property
    def pid(self) -> int:
        """The process's number."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit status once it has ended; of a signal, negative."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The same."""
        return self._process.exitcode

    def wait(self) -> int | None:
        """Wait for its end."""
        self._process.join()
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self._process.exitcode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()


def _stdin() -> int | None:
    try:
        return sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):
        return None


def _serve(
    target: Callable[..., Any], config: Any, sockets: list[socket.socket], line: socket.socket, stdin: int | None
) -> None:
    """What runs in the copy. An exit status that it returns is the process's."""
    if stdin is not None:
        sys.stdin = os.fdopen(stdin)
    config.configure_logging()
    status = target(sockets=sockets, line=SupervisorLine(line, []))
    if status:
        sys.exit(status)
