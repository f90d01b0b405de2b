"""A Server's run() in another process."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable
from typing import Any

from ...process import SupervisorLine


class Target:
    """Runs a function of uvicorn's kind, and has its Server speak with the supervisor."""

    def __init__(self, run: Callable[..., Any]) -> None:
        self._run = run

    def __call__(self, *, sockets: list[socket.socket], line: SupervisorLine) -> None:
        """Serve on ``sockets``."""
        server = getattr(self._run, "__self__", None)
        if server is not None:
            server.line = line
        line.watch(on_force=lambda: os.kill(os.getpid(), signal.SIGINT))
        with contextlib.suppress(KeyboardInterrupt):  # the supervisor knows: it has asked for it
            self._run(sockets=sockets)
