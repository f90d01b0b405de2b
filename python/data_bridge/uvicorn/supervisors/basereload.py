"""``reload``: one copy of the program, replaced when its files change."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from ...reload import ReloadPaths, watch_changes
from ..config import Config
from .spawned import SpawnedProcess

HANDLED_SIGNALS = (signal.SIGINT, signal.SIGTERM)

logger = logging.getLogger("uvicorn.error")


class BaseReload:
    """Starts ``target`` in a copy of the program, and anew for every change that :meth:`changes` tells of."""

    reloader_name = ""

    def __init__(self, config: Config, target: Callable[..., Any], sockets: list[socket.socket]) -> None:
        self.config = config
        self.target = target
        self.sockets = sockets
        self.should_exit = threading.Event()
        self.pid = os.getpid()
        self.process: SpawnedProcess | None = None

    def signal_handler(self, sig: int, frame: FrameType | None) -> None:
        """Ask for the end."""
        self.should_exit.set()

    def changes(self) -> Iterator[list[Path]]:
        """The changed files, time after time, until ``should_exit``."""
        raise NotImplementedError

    def run(self) -> None:
        """Serve until SIGINT or SIGTERM."""
        logger.info("Started reloader process [%d] using %s", self.pid, self.reloader_name)
        for number in HANDLED_SIGNALS:
            signal.signal(number, self.signal_handler)
        for listener in self.sockets:
            listener.listen(self.config.backlog)
        try:
            changes = self.changes()
            self.start()
            for changed in changes:
                logger.warning(
                    "%s detected changes in %s. Reloading...", self.reloader_name, ", ".join(map(_shown, changed))
                )
                self.stop()
                self.start()
        finally:
            self.stop()
            for listener in self.sockets:
                listener.close()
        logger.info("Stopping reloader process [%d]", self.pid)

    def start(self) -> None:
        """Start the copy."""
        self.process = SpawnedProcess(self.target, self.config, self.sockets)

    def stop(self) -> None:
        """End the copy in good order."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait()


class ChangeReload(BaseReload):
    """Watches with the package watchfiles."""

    reloader_name = "WatchFiles"

    def changes(self) -> Iterator[list[Path]]:
        """What has changed and counts."""
        config = self.config
        paths = ReloadPaths(
            config.reload_dirs, config.reload_dirs_excludes, config.reload_includes, config.reload_excludes
        )
        return watch_changes(paths, self.should_exit, config.reload_delay)


def _shown(path: Path) -> str:
    try:
        return f"'{path.relative_to(Path.cwd())}'"
    except ValueError:
        return f"'{path}'"
