"""``reload``: one copy of the program, replaced when its files change."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from ...reload import ReloadPaths, reload_processes
from ...spawned import SpawnedProcess
from ..config import Config
from .target import Target


class BaseReload:
    """Runs ``target``, a Server's run(), in a copy of the program, and anew when files change; with watchfiles."""

    def __init__(self, config: Config, target: Callable[..., Any], sockets: list[socket.socket]) -> None:
        self.config = config
        self.target = target
        self.sockets = sockets

    def run(self) -> None:
        """Serve until SIGINT or SIGTERM."""
        config = self.config
        for listener in self.sockets:
            listener.listen(config.backlog)
        paths = ReloadPaths(
            config.reload_dirs, config.reload_dirs_excludes, config.reload_includes, config.reload_excludes
        )
        try:
            reload_processes(
                lambda: SpawnedProcess(Target(self.target), config, self.sockets), paths, config.reload_delay
            )
        finally:
            for listener in self.sockets:
                listener.close()


ChangeReload = BaseReload
