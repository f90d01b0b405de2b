"""What a server can be told, with uvicorn's names and defaults where uvicorn has them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from .lifespan import LifespanMode


def _default_forwarded_allow_ips() -> str:
    return os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1")


@dataclass(slots=True)
class ServerOptions:
    """Options of one server process. Sizes are in bytes, times in seconds; 0 switches a limit off."""

    host: str = "127.0.0.1"
    port: int = 8000
    uds: str | None = None
    """Path of a Unix-domain socket; host and port are ignored then."""
    fd: int | None = None
    """A listening socket inherited from a parent process."""
    backlog: int = 2048
    io_threads: int | None = None
    """Threads that own connections beside the one that runs Python, so that native resources answer while a handler
    computes. None: one where the application has native resources, else none."""
    root_path: str = ""
    lifespan: LifespanMode = "auto"
    access_log: bool = True
    server_header: bool = True
    date_header: bool = True
    forwarded_allow_ips: str = field(default_factory=_default_forwarded_allow_ips)
    """Peers whose X-Forwarded-For and -Proto are believed: addresses, networks, or ``*``."""
    timeout_keep_alive: float = 75.0
    timeout_graceful_shutdown: float = 30.0
    """How long running requests may take after a stop was asked for."""
    max_body_size: int = 64 * 1024 * 1024
    max_connections: int = 0
