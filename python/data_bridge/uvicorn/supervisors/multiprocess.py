"""``workers``: copies of the program on the same sockets."""

from __future__ import annotations

import socket

from ...options import ServerOptions
from ...spawned import SpawnedProcess
from ...supervisor import Supervisor
from ..config import Config
from ..server import Server
from .target import Target


class Multiprocess:
    """Runs ``config.workers`` processes until SIGINT or SIGTERM; they are replaced when they die, and by SIGHUP."""

    def __init__(self, config: Config, sockets: list[socket.socket]) -> None:
        self.config = config
        self.sockets = sockets

    def run(self) -> None:
        """Serve; SystemExit(3) where the workers cannot start."""
        config = self.config
        for listener in self.sockets:
            listener.listen(config.backlog)

        def start() -> SpawnedProcess:
            server = Server(config)
            return SpawnedProcess(Target(server.run), config, self.sockets)

        options = ServerOptions(
            timeout_graceful_shutdown=config.timeout_graceful_shutdown,
            timeout_worker_healthcheck=config.timeout_worker_healthcheck,
        )
        own = [listener.fileno() for listener in self.sockets] if config.fd is None else []
        supervisor = Supervisor(start, options, config.workers, own)
        try:
            status = supervisor.supervise()
        finally:
            for listener in self.sockets:
                listener.close()
        if status:
            raise SystemExit(status)
