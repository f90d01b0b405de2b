"""What stands below a uvicorn.Server, this package's or uvicorn's own: data_bridge's front in its protocols' place."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from typing import Any

from .. import _core
from ..command_line import further_options
from ..foreign import ForeignFront
from ..front import Front
from ..loop import PyLoop
from ..options import ServerOptions
from ..process import Deadline

logger = logging.getLogger("uvicorn.error")

#: How often uvicorn looks whether its end was asked for, seconds.
_TICK = 0.1


class ListeningServer(asyncio.AbstractServer):
    """In the place of asyncio's server for those who ask uvicorn's ``servers`` where they listen."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        self._sockets = sockets
        self._closed = asyncio.Event()

    @property
    def sockets(self) -> tuple[Any, ...]:
        """The listening sockets, to be looked at."""
        return tuple(asyncio.trsock.TransportSocket(listener) for listener in self._sockets)  # type: ignore[attr-defined]

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The running loop."""
        return asyncio.get_running_loop()

    def is_serving(self) -> bool:
        """True until it was closed."""
        return bool(self._sockets)

    async def start_serving(self) -> None:
        """Nothing: it serves."""

    async def serve_forever(self) -> None:
        """Wait for its end."""
        await self._closed.wait()

    def close(self) -> None:
        """Let the sockets go. Connections are accepted until the server shuts down."""
        sockets, self._sockets = self._sockets, []
        for listener in sockets:
            listener.close()
        self._closed.set()

    async def wait_closed(self) -> None:
        """Return once it was closed."""
        await self._closed.wait()


class Requests:
    """``server_state``: what a uvicorn.Server counts, read from the front."""

    def __init__(self, default_headers: list[tuple[bytes, bytes]]) -> None:
        self.default_headers = default_headers
        self.front: Front | ForeignFront | None = None

    @property
    def total_requests(self) -> int:
        """Requests that were answered."""
        return self.front.answered if self.front is not None else 0

    @property
    def connections(self) -> range:
        """As many as there are connections: to be counted."""
        return range(self.front.connections if self.front is not None else 0)

    @property
    def tasks(self) -> range:
        """As many as there are requests being worked on: to be counted."""
        return range(self.front.in_flight if self.front is not None else 0)


class Standing:
    """The front of one server, from its startup() to its shutdown()."""

    def __init__(self, server: Any, app: Any) -> None:
        self._server = server
        self._app = app
        self._front: Front | ForeignFront | None = None
        self._made: list[socket.socket] = []

    async def start(self, sockets: list[socket.socket] | None) -> list[socket.socket]:
        """Listen, on ``sockets`` where there are any; what is listened on. OSError where that cannot be."""
        server, config = self._server, self._server.config
        options = server_options(config)

        def listeners() -> list[int]:
            # Not before the routes have been compiled: a client would be accepted, and wait.
            if sockets is None:
                self._made = open_sockets(config)
            return [listener.fileno() for listener in (self._made if sockets is None else sockets)]

        state = server.lifespan.state
        try:
            front: Front | ForeignFront
            if isinstance(asyncio.get_running_loop(), PyLoop):
                front = Front(self._app, options, state=state, listeners=listeners, count_answers=True)
            else:
                front = ForeignFront(self._app, options, state=state, listeners=listeners)
            self._front = front
            front.share_stores(sockets is not None or config.fd is not None)
            await front.begin()
        except BaseException:
            self._close_made()
            raise
        requests = Requests(server.server_state.default_headers)
        requests.front = self._front
        server.server_state = requests
        found = self._made if sockets is None else sockets
        server.servers = [ListeningServer([socket.socket(fileno=os.dup(each.fileno())) for each in found])]
        return found

    async def stop(self) -> None:
        """Finish what runs, within timeout_graceful_shutdown or until the server's force_exit; close connections."""
        front = self._front
        if front is None:
            return
        self._close_made()
        for listening in self._server.servers:
            listening.close()
        deadline = Deadline()
        deadline.begin(self._server.config.timeout_graceful_shutdown)
        watch = asyncio.ensure_future(self._watch_force(deadline))
        try:
            await front.drain(deadline)
        finally:
            watch.cancel()
        await front.end()

    async def _watch_force(self, deadline: Deadline) -> None:
        said = False
        while not self._server.force_exit:
            await asyncio.sleep(_TICK)
            if not said and self._front is not None and self._front.in_flight:
                said = True
                logger.info("Waiting for connections to close. (CTRL+C to force quit)")
        deadline.expire()

    def _close_made(self) -> None:
        made, self._made = self._made, []
        for listener in made:
            listener.close()
        path = self._server.config.uds
        if made and path is not None and os.path.exists(path):
            os.unlink(path)


def open_sockets(config: Any) -> list[socket.socket]:
    """Listening sockets for the address of a uvicorn.Config. OSError where it cannot be used."""
    if config.fd is not None:
        return [socket.socket(fileno=os.dup(config.fd))]
    if config.uds is not None:
        return [socket.socket(fileno=_core.listen_unix(config.uds, config.backlog))]
    found = _core.listen_tcp(config.host or "", config.port, config.backlog)
    return [socket.socket(fileno=fd) for fd in found]


def server_options(config: Any) -> ServerOptions:
    """ServerOptions for a uvicorn.Config, of whatever release of uvicorn; the lifespan is the server's own.

    What uvicorn has no option for is as the environment says.
    """
    allowed = config.forwarded_allow_ips
    if isinstance(allowed, (list, tuple, set, frozenset)):
        allowed = ",".join(allowed)
    own = further_options()
    own["timeout_keep_alive"] = float(config.timeout_keep_alive)
    options = ServerOptions(
        **own,
        lifespan="off",
        interface="asgi3",
        root_path=config.root_path,
        access_log=bool(config.access_log),
        server_header=config.server_header,
        date_header=config.date_header,
        headers=list(config.headers),
        backlog=config.backlog,
        proxy_headers=config.proxy_headers,
        forwarded_allow_ips=allowed,
        limit_concurrency=config.limit_concurrency,
        ws="none" if config.ws == "none" else "auto",
        ws_max_size=config.ws_max_size,
        ws_ping_interval=config.ws_ping_interval,
        ws_ping_timeout=config.ws_ping_timeout,
        ws_max_queue=getattr(config, "ws_max_queue", 32),
        ws_per_message_deflate=getattr(config, "ws_per_message_deflate", True),
    )
    if (most := getattr(config, "h11_max_incomplete_event_size", None)) is not None:
        options.max_head_size = most
    return options
