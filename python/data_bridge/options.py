"""What a server can be told, with uvicorn's names and defaults where uvicorn has them."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass, field
from typing import Literal

from . import _core
from .interface import Interface
from .lifespan import LifespanMode
from .limits import Limits

#: uvicorn's names of implementations: all but ``none`` mean the one that data_bridge has.
WebSockets = Literal["auto", "none", "websockets", "websockets-sansio", "wsproto"]


_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def _default_forwarded_allow_ips() -> str:
    return os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1")


@dataclass(slots=True)
class ServerOptions(Limits):
    """Options of one server process. Sizes are in bytes, times in seconds; 0 switches a limit off, but of
    ``timeout_keep_alive``, which closes then, as under uvicorn."""

    host: str = "127.0.0.1"
    port: int = 8000
    uds: str | None = None
    """Path of a Unix-domain socket; host and port are ignored then."""
    fd: int | None = None
    """A listening socket inherited from a parent process."""
    backlog: int = 2048
    reuse_port: bool = False
    """Others that say so too may listen on the same port (SO_REUSEPORT): a new process starts, the old one stops."""
    io_threads: int | None = None
    """Threads that own connections beside the one that runs Python, so that native resources answer while a handler
    computes. None: one where the application has native resources, else none."""
    root_path: str = ""
    lifespan: LifespanMode = "auto"
    interface: Interface = "auto"
    """How the application is called: ``asgi3``, ``asgi2``, or whichever it looks like."""
    access_log: bool = True
    server_header: bool = True
    date_header: bool = True
    headers: list[tuple[str, str]] = field(default_factory=list)
    """Fields of every answer, in front of the application's own."""
    proxy_headers: bool = True
    """X-Forwarded-For and -Proto are believed at all."""
    forwarded_allow_ips: str = field(default_factory=_default_forwarded_allow_ips)
    """Peers whose X-Forwarded-For and -Proto are believed: addresses, networks, or ``*``."""
    ws: WebSockets = "auto"
    """``none``: a WebSocket handshake is a request as any other."""
    ws_max_size: int = 16 * 1024 * 1024
    """The largest message that is received, after inflating; a client that sends a larger one gets 1009."""
    ws_max_queue: int = 32
    """Received messages that wait for the application; then reading pauses."""
    ws_ping_interval: float | None = 20.0
    """Seconds between pings; None or 0: none."""
    ws_ping_timeout: float | None = 20.0
    """Seconds for the pong, then the connection is closed with 1011; None or 0: for ever."""
    ws_per_message_deflate: bool = True
    """Compression is agreed on with clients that offer it."""
    limit_concurrency: int | None = None
    """Requests are answered with 503 while there are so many connections, or requests that Python works on."""
    limit_max_requests: int | None = None
    """The process ends in good order behind so many answers; a supervisor starts another."""
    limit_max_requests_jitter: int = 0
    """Up to so many more, by chance, so that workers do not end together."""
    timeout_graceful_shutdown: float | None = None
    """How long a stop may take: running requests and the lifespan's end, together. None, as uvicorn's: as long as they
    take, for whoever asked for the stop has a limit of his own (Kubernetes 30 seconds, systemd 90)."""
    timeout_worker_healthcheck: float = 5.0
    """A worker that does not answer its supervisor for so long, for it hangs in native code, is replaced; 0: never."""

    def __post_init__(self) -> None:
        """Refuse what no server can be told, with a ValueError that names it."""
        _check_range("port", self.port, 0, 65535)
        _check_range("backlog", self.backlog, 0, 2**31 - 1)
        if self.fd is not None:
            _check_range("fd", self.fd, 0, 2**31 - 1)
        if self.io_threads is not None:
            _check_range("io_threads", self.io_threads, 0, 1024)
        self.check_limits()
        for name, value in self.headers:
            if not _FIELD_NAME.fullmatch(name) or _CONTROLS.search(value) or not value.isascii():
                raise ValueError(f"headers: {name!r}: {value!r} is no field of an HTTP answer")
        _check_range("limit_max_requests_jitter", self.limit_max_requests_jitter, 0, 2**31 - 1)
        for limit in ("limit_concurrency", "limit_max_requests"):
            if (most := getattr(self, limit)) is not None:
                _check_range(limit, most, 0, 2**63 - 1)
        _check_range("ws_max_size", self.ws_max_size, 0, 2**63 - 1)
        _check_range("ws_max_queue", self.ws_max_queue, 0, 2**63 - 1)
        for name in ("ws_ping_interval", "ws_ping_timeout"):
            seconds = getattr(self, name)
            if seconds is not None:
                _check_seconds(name, seconds)
        _check_seconds("timeout_worker_healthcheck", self.timeout_worker_healthcheck)
        if self.timeout_graceful_shutdown is not None:
            _check_seconds("timeout_graceful_shutdown", self.timeout_graceful_shutdown)

    def native_limits(self) -> _core.Limits:
        """These limits for the core, those of WebSocket connections too."""
        limits = Limits.native_limits(self)
        limits.ws = self.ws != "none"
        limits.ws_max_size = self.ws_max_size
        limits.ws_max_queue = self.ws_max_queue
        limits.ws_ping_interval = self.ws_ping_interval or 0.0
        limits.ws_ping_timeout = self.ws_ping_timeout or 0.0
        limits.ws_per_message_deflate = self.ws_per_message_deflate
        return limits


def _check_range(name: str, value: int, least: int, greatest: int) -> None:
    if not least <= value <= greatest:
        raise ValueError(f"{name} must be from {least} to {greatest}, not {value}")


def _check_seconds(name: str, value: float) -> None:
    # A century: what is longer does not fit the clocks below.
    if not math.isfinite(value) or not 0 <= value <= 3.2e9:
        raise ValueError(f"{name} must be a number of seconds from 0 to 3200000000, not {value}")
