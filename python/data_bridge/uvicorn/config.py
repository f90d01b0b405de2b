"""What a server is told, as uvicorn.config: the same arguments, attributes and methods."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
import sys
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from ..importer import ImportFailed, import_from_string
from ..interface import FactoryFailed, as_asgi3, is_asgi2, made_by_factory
from ..log_config import LOG_LEVELS, LOGGING_CONFIG, LogConfig, configure_logging
from ..log_formatters import TRACE_LOG_LEVEL
from ..loop import new_event_loop
from ..process import STARTUP_FAILURE
from ..reload import ReloadPaths
from .lifespan.off import LifespanOff
from .lifespan.on import LifespanOn
from .messages import log_listening

logger = logging.getLogger("uvicorn.error")

SSL_PROTOCOL_VERSION = ssl.PROTOCOL_TLS_SERVER
#: Names of loops: all mean PyLoop, but "none", which means whatever loop asyncio makes.
LOOPS = ("none", "auto", "asyncio", "uvloop", "zuvloop")
INTERFACES = ["auto", "asgi3", "asgi2", "wsgi"]


class NotSupported(ValueError):
    """An option of uvicorn's that data_bridge does not have; the message says why."""


class Config:
    """Everything that uvicorn.Config takes. What data_bridge cannot do is refused by :meth:`load`."""

    def __init__(
        self,
        app: Any,
        host: str | None = "127.0.0.1",
        port: int = 8000,
        uds: str | None = None,
        fd: int | None = None,
        loop: str = "auto",
        http: type[asyncio.Protocol] | str = "auto",
        http2: bool = False,
        ws: type[asyncio.Protocol] | str = "auto",
        ws_max_size: int = 16 * 1024 * 1024,
        ws_max_queue: int = 32,
        ws_ping_interval: float | None = 20.0,
        ws_ping_timeout: float | None = 20.0,
        ws_per_message_deflate: bool = True,
        lifespan: str = "auto",
        env_file: str | os.PathLike[str] | None = None,
        log_config: LogConfig = LOGGING_CONFIG,
        log_level: str | int | None = None,
        access_log: bool = True,
        use_colors: bool | None = None,
        interface: str = "auto",
        reload: bool = False,
        reload_dirs: list[str] | str | None = None,
        reload_delay: float = 0.25,
        reload_includes: list[str] | str | None = None,
        reload_excludes: list[str] | str | None = None,
        workers: int | None = None,
        proxy_headers: bool = True,
        server_header: bool = True,
        date_header: bool = True,
        forwarded_allow_ips: list[str] | str | None = None,
        root_path: str = "",
        limit_concurrency: int | None = None,
        limit_max_requests: int | None = None,
        limit_max_requests_jitter: int = 0,
        backlog: int = 2048,
        timeout_keep_alive: int = 5,
        timeout_notify: int = 30,
        timeout_graceful_shutdown: int | None = None,
        timeout_worker_healthcheck: int = 5,
        callback_notify: Callable[..., Awaitable[None]] | None = None,
        ssl_keyfile: str | os.PathLike[str] | None = None,
        ssl_certfile: str | os.PathLike[str] | None = None,
        ssl_keyfile_password: str | None = None,
        ssl_version: int = SSL_PROTOCOL_VERSION,
        ssl_cert_reqs: int = ssl.CERT_NONE,
        ssl_ca_certs: str | os.PathLike[str] | None = None,
        ssl_ciphers: str | None = None,
        ssl_context_factory: Callable[..., ssl.SSLContext] | None = None,
        headers: list[tuple[str, str]] | None = None,
        factory: bool = False,
        h11_max_incomplete_event_size: int | None = None,
        reset_contextvars: bool = False,
    ) -> None:
        self.app = app
        self.host = host
        self.port = port
        self.uds = uds
        self.fd = fd
        self.loop = loop
        self.http = http
        self.http2 = http2
        self.ws = ws
        self.ws_max_size = ws_max_size
        self.ws_max_queue = ws_max_queue
        self.ws_ping_interval = ws_ping_interval
        self.ws_ping_timeout = ws_ping_timeout
        self.ws_per_message_deflate = ws_per_message_deflate
        self.lifespan = lifespan
        self.log_config = log_config
        self.log_level = log_level
        self.access_log = access_log
        self.use_colors = use_colors
        self.interface = interface
        self.reload = reload
        self.reload_delay = reload_delay
        self.workers = workers or 1
        self.proxy_headers = proxy_headers
        self.server_header = server_header
        self.date_header = date_header
        self.root_path = root_path
        self.limit_concurrency = limit_concurrency
        self.limit_max_requests = limit_max_requests
        self.limit_max_requests_jitter = limit_max_requests_jitter
        self.backlog = backlog
        self.timeout_keep_alive = timeout_keep_alive
        self.timeout_notify = timeout_notify
        self.timeout_graceful_shutdown = timeout_graceful_shutdown
        self.timeout_worker_healthcheck = timeout_worker_healthcheck
        self.callback_notify = callback_notify
        self.ssl_keyfile = ssl_keyfile
        self.ssl_certfile = ssl_certfile
        self.ssl_keyfile_password = ssl_keyfile_password
        self.ssl_version = ssl_version
        self.ssl_cert_reqs = ssl_cert_reqs
        self.ssl_ca_certs = ssl_ca_certs
        self.ssl_ciphers = ssl_ciphers
        self.ssl_context_factory = ssl_context_factory
        self.headers: list[tuple[str, str]] = headers or []
        self.encoded_headers: list[tuple[bytes, bytes]] = []
        self.factory = factory
        self.h11_max_incomplete_event_size = h11_max_incomplete_event_size
        self.reset_contextvars = reset_contextvars
        self.loaded = False
        self.configure_logging()
        self._find_reload_paths(reload_dirs, reload_includes, reload_excludes)
        if env_file is not None:
            logger.info("Loading environment from '%s'", env_file)
            load_environment(env_file)
        if workers is None and "WEB_CONCURRENCY" in os.environ:
            self.workers = int(os.environ["WEB_CONCURRENCY"])
        self.forwarded_allow_ips: list[str] | str = (
            os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1")
            if forwarded_allow_ips is None
            else forwarded_allow_ips
        )
        if self.reload and self.workers > 1:
            logger.warning('"workers" flag is ignored when reloading is enabled.')

    def _find_reload_paths(
        self,
        directories: list[str] | str | None,
        includes: list[str] | str | None,
        excludes: list[str] | str | None,
    ) -> None:
        if (directories or includes or excludes) and not self.should_reload:
            logger.warning(
                "Current configuration will not reload as not all conditions are met, please refer to documentation."
            )
        self.reload_dirs: list[Path] = []
        self.reload_dirs_excludes: list[Path] = []
        self.reload_includes: list[str] = []
        self.reload_excludes: list[str] = []
        if self.should_reload:
            paths = ReloadPaths.find(directories, includes, excludes)
            self.reload_dirs, self.reload_dirs_excludes = paths.directories, paths.excluded_directories
            self.reload_includes, self.reload_excludes = paths.includes, paths.excludes
            logger.info("Will watch for changes in these directories: %s", sorted(map(str, self.reload_dirs)))

    # --- what follows from it --------------------------------------------------------------------------

    @property
    def asgi_version(self) -> str:
        """ASGI's version that the application is told."""
        return {"asgi2": "2.0", "asgi3": "3.0", "wsgi": "3.0"}[self.interface]

    @property
    def is_ssl(self) -> bool:
        """True where TLS is asked for."""
        return bool(self.ssl_keyfile or self.ssl_certfile or self.ssl_context_factory)

    @property
    def use_subprocess(self) -> bool:
        """True where another process serves."""
        return bool(self.reload or self.workers > 1)

    @property
    def should_reload(self) -> bool:
        """True where the application can be imported again and shall be."""
        return isinstance(self.app, str) and self.reload

    # --- what is done with it --------------------------------------------------------------------------

    def configure_logging(self) -> None:
        """Apply log_config, log_level, access_log and use_colors."""
        configure_logging(
            self.log_config, log_level=self.log_level, access_log=self.access_log, use_colors=self.use_colors
        )

    def load_app(self) -> Any:
        """The application, or what makes it; imported where ``app`` is a string. Exits where that fails."""
        if not isinstance(self.app, str):
            return self.app
        try:
            return import_from_string(self.app)
        except ImportFailed as error:
            logger.error("Error loading ASGI app. %s", error)
            sys.exit(STARTUP_FAILURE)

    def load(self) -> None:
        """Make ``loaded_app``, an application of ASGI 3. Raises NotSupported for what cannot be done."""
        assert not self.loaded
        self.refuse_unsupported()
        self.ssl: ssl.SSLContext | None = None
        encoded = [(name.lower().encode("latin1"), value.encode("latin1")) for name, value in self.headers]
        own = [(b"server", b"data_bridge")] if self.server_header and b"server" not in dict(encoded) else []
        self.encoded_headers = own + encoded
        self.lifespan_class: type[LifespanOn] | type[LifespanOff] = (
            LifespanOff if self.lifespan == "off" else LifespanOn
        )
        try:
            app = made_by_factory(self.load_app(), factory=self.factory)
        except FactoryFailed as error:
            logger.error("%s", error)
            sys.exit(STARTUP_FAILURE)
        if self.interface == "auto":
            self.interface = "asgi2" if is_asgi2(app) else "asgi3"
        self.loaded_app = as_asgi3(app, "asgi2" if self.interface == "asgi2" else "asgi3")
        self.loaded = True

    def refuse_unsupported(self) -> None:
        """Raise NotSupported for what data_bridge cannot do."""
        if self.is_ssl:
            raise NotSupported("data_bridge does not speak TLS: put a proxy that does in front, without ssl_* options")
        if self.http2:
            raise NotSupported("data_bridge does not speak HTTP/2: put a proxy that does in front, without http2")
        if not isinstance(self.http, str) or not isinstance(self.ws, str):
            raise NotSupported("data_bridge has protocols of its own: http and ws may only be uvicorn's names")
        if self.interface == "wsgi":
            raise NotSupported("data_bridge serves ASGI: wrap the application in a2wsgi.WSGIMiddleware")

    def get_loop_factory(self) -> Callable[[], asyncio.AbstractEventLoop] | None:
        """What makes the loop of Server.run(): PyLoop, but for "none" and an import string of another factory."""
        if self.loop == "none":
            return None
        if self.loop in LOOPS:
            return new_event_loop
        try:
            factory: Callable[[], asyncio.AbstractEventLoop] = import_from_string(self.loop)
        except ImportFailed as error:
            logger.error("Error loading custom loop setup function. %s", error)
            sys.exit(STARTUP_FAILURE)
        return factory

    def setup_event_loop(self) -> None:
        """Have asyncio make PyLoops, as uvicorn before 0.36 was asked to; afterwards see get_loop_factory()."""
        from ..policy import EventLoopPolicy

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            asyncio.set_event_loop_policy(EventLoopPolicy())

    def bind_socket(self) -> socket.socket:
        """A socket for the address, bound and inheritable; it does not listen yet. Exits where that fails."""
        try:
            if self.uds is not None:
                found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                found.bind(self.uds)
                os.chmod(self.uds, 0o666)
            elif self.fd is not None:
                found = socket.socket(fileno=os.dup(self.fd))
            else:
                is_ipv6 = bool(self.host) and ":" in str(self.host)
                found = socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET)
                found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                found.bind((self.host or "", self.port))
        except OSError as error:
            logger.error(error)
            sys.exit(STARTUP_FAILURE)
        log_listening(self, found)
        found.set_inheritable(True)
        return found


def load_environment(file: str | os.PathLike[str]) -> None:
    """Put what ``file`` says into the environment, where it is not there already. Needs python-dotenv."""
    from importlib import import_module

    import_module("dotenv").load_dotenv(dotenv_path=file)


__all__ = [
    "INTERFACES",
    "LOGGING_CONFIG",
    "LOG_LEVELS",
    "SSL_PROTOCOL_VERSION",
    "STARTUP_FAILURE",
    "TRACE_LOG_LEVEL",
    "Config",
    "NotSupported",
]
