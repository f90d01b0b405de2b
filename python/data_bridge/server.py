"""One server process: an application, its loop, its native half, from start-up to the last answer."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from . import _core
from .lifespan import Lifespan
from .loop import new_event_loop
from .options import ServerOptions
from .proxy import TrustedProxies
from .routes import CompiledApp, RouteCompiler

logger = logging.getLogger("data_bridge")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def _await_any(awaitable: Awaitable[Any]) -> Any:
    """Make a coroutine of an ASGI application's result that is not one."""
    return await awaitable


class Server:
    """Serves one ASGI application in the running PyLoop of the calling thread.

    ``on_exception`` is called with every exception that the application let through, after it was logged.
    """

    def __init__(
        self,
        app: Any,
        options: ServerOptions | None = None,
        *,
        on_exception: Callable[[BaseException], None] | None = None,
    ) -> None:
        self.app = app
        self.options = options or ServerOptions()
        self.lifespan = Lifespan(app, self.options.lifespan)
        self.compiled = CompiledApp([])
        self.addresses: list[tuple[str, int]] = []
        self._on_exception = on_exception
        self._compiler = RouteCompiler(app)
        self._core: _core.Server | None = None
        self._stop = asyncio.Event()
        self._force = asyncio.Event()
        self._recompiling = False
        self._counts: dict[str, int] = {}

    # --- life ------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Run the lifespan's start-up, open the stores, compile the routes and listen."""
        self._share_stores()
        await self.lifespan.startup()
        try:
            self._open_stores()
            self._start_core()
        except BaseException:
            await self.lifespan.shutdown()
            raise

    async def serve(self, on_started: Callable[[], None] | None = None) -> None:
        """Start, answer requests until :meth:`stop`, end in good order."""
        await self.start()
        if on_started is not None:
            on_started()
        await self._stop.wait()
        await self.close()

    def stop(self, *, force: bool = False) -> None:
        """Ask for the end: stop accepting, finish what runs. ``force`` does not wait for it. On the loop's thread."""
        self._stop.set()
        if force:
            self._force.set()

    async def close(self) -> None:
        """Answer what is running within the grace period, close all connections, run the lifespan's end."""
        core = self._core
        if core is not None:
            await self._drain(core)
            core.close()
        try:
            await self.lifespan.shutdown()
        finally:
            self._close_stores()

    def release(self) -> None:
        """Let the native half go. After the loop has ended, and with it every task that may still answer."""
        self._counts = self.counts()
        self._core = None

    # --- what tests and tools ask -----------------------------------------------------------------

    @property
    def in_flight(self) -> int:
        """Requests that Python is working on, background tasks included."""
        return self._core.in_flight if self._core is not None else 0

    def counts(self) -> dict[str, int]:
        """How requests were answered so far: compiled, unmatched (natively, by no route), bridged."""
        return self._core.counts() if self._core is not None else self._counts

    # --- inside -----------------------------------------------------------------------------------

    def _share_stores(self) -> None:
        stores = getattr(self.app, "data_bridge_stores", None)
        if stores is not None:
            # A listening socket that was handed over is one that other workers accept from too.
            stores.shared_with_processes = self.options.fd is not None

    def _open_stores(self) -> None:
        stores = getattr(self.app, "data_bridge_stores", None)
        if stores is not None:
            stores.open()

    def _close_stores(self) -> None:
        stores = getattr(self.app, "data_bridge_stores", None)
        if stores is not None:
            stores.close()

    def _start_core(self) -> None:
        options = self.options
        proxies = TrustedProxies(options.forwarded_allow_ips)
        self.compiled = self._compiler.compile()
        native = any(route.kind == "native" for route in self.compiled.routes)
        self._core = core = _core.Server(
            asyncio.get_running_loop(),
            self.app,
            self.lifespan.state,
            root_path=options.root_path,
            report_exception=self._report_exception,
            report_protocol=logger.error,
            apply_proxy_headers=proxies.apply,
            await_any=_await_any,
            still_valid=self._still_valid,
            io_threads=options.io_threads if options.io_threads is not None else int(native),
            access_log=options.access_log,
            server_header=options.server_header,
            date_header=options.date_header,
            legacy_reason_phrases=HTTPStatus(422).phrase == "Unprocessable Entity",
            keep_alive_seconds=options.timeout_keep_alive,
            max_body_size=options.max_body_size,
            max_connections=options.max_connections,
        )
        self._install_routes()
        if options.fd is not None:
            self.addresses = core.listen_inherited(options.fd, options.backlog)
        elif options.uds is not None:
            core.listen_unix(options.uds, options.backlog)
        else:
            self.addresses = core.listen_tcp(options.host, options.port, options.backlog)

    def _install_routes(self) -> None:
        assert self._core is not None
        compiled = self.compiled
        self._core.set_routes(
            [
                (route.path, route.methods, route.plan, route.operation, route.opaque, route.allow)
                for route in compiled.routes
            ],
            root_path=getattr(self.app, "root_path", "") or self.options.root_path,
            redirect_slashes=compiled.redirect_slashes,
            default_unmatched=not compiled.unmatched_reason,
            watched_attributes=compiled.watch.attributes,
            watched_lists=compiled.watch.lists,
        )

    def _still_valid(self, changed: bool) -> bool:
        if changed and not self._recompiling:
            self._recompiling = True
            asyncio.get_running_loop().call_soon(self._recompile)
        return not changed and self._compiler.may_run_compiled()

    def _recompile(self) -> None:
        self._recompiling = False
        self.compiled = self._compiler.compile()
        self._install_routes()

    def _report_exception(self, exception: BaseException) -> None:
        logger.error("Exception in ASGI application\n", exc_info=exception)
        if self._on_exception is not None:
            self._on_exception(exception)

    async def _drain(self, core: _core.Server) -> None:
        loop = asyncio.get_running_loop()
        drained = loop.create_future()

        def on_drained() -> None:
            if not drained.done():
                drained.set_result(None)

        core.drain(self.options.timeout_graceful_shutdown, on_drained)
        force = loop.create_task(self._force.wait())
        try:
            await asyncio.wait([drained, force], return_when=asyncio.FIRST_COMPLETED)
        finally:
            force.cancel()
        # Background tasks may outlive their answers.
        deadline = loop.time() + self.options.timeout_graceful_shutdown
        while core.in_flight and not self._force.is_set() and loop.time() < deadline:
            await asyncio.sleep(0.01)


def run_server(server: Server, on_started: Callable[[], None] | None = None) -> None:
    """Run ``server`` on a new PyLoop in this thread until SIGINT or SIGTERM; a second one does not wait.

    Signals are watched on the main thread only.
    """
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(_serve_until_signal(server, on_started))
    finally:
        server.release()


async def _serve_until_signal(server: Server, on_started: Callable[[], None] | None) -> None:
    loop = asyncio.get_running_loop()
    watched: list[int] = []

    def on_signal(number: int) -> None:
        again = server._stop.is_set()
        name = signal.Signals(number).name
        logger.info("Received %s: %s.", name, "closing now" if again else "finishing running requests")
        server.stop(force=again)

    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            loop.add_signal_handler(number, on_signal, number)
            watched.append(number)
    try:
        await server.serve(on_started)
    finally:
        for watched_number in watched:
            loop.remove_signal_handler(watched_number)


def serve(app: Any, host: str = "127.0.0.1", port: int = 8000, **options: Any) -> None:
    """Serve ``app``, any ASGI application, until SIGINT or SIGTERM.

    ``options`` are the fields of :class:`ServerOptions`: ``uds``, ``io_threads``, ``access_log`` and so on.
    Several processes need an import string: see ``data-bridge run --workers``.
    """
    server = Server(app, ServerOptions(host=host, port=port, **options))
    run_server(server, lambda: log_started(server))


def log_started(server: Server) -> None:
    """Say where the server listens and how its routes are served."""
    options = server.options
    if options.uds is not None:
        where = f"unix:{options.uds}"
    else:
        where = ", ".join(_url(host, port) for host, port in server.addresses)
    kinds = {"native": 0, "compiled": 0, "bridged": 0}
    for route in server.compiled.routes:
        kinds[route.kind] += 1
    logger.info(
        "Routes: %d native, %d compiled, %d bridged%s.",
        kinds["native"],
        kinds["compiled"],
        kinds["bridged"],
        f" ({server.compiled.reason})" if server.compiled.reason else "",
    )
    logger.info("Serving on %s (pid %d, press CTRL+C to stop).", where, os.getpid())


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
