"""One server process: an application, its loop, its native half, from start-up to the last answer."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from . import _core
from .collector import ServerCollector
from .inside import InsideRoutes
from .interface import as_asgi3
from .lifespan import Lifespan, StartupFailed
from .logs import RefusalLog
from .loop import new_event_loop
from .options import ServerOptions
from .process import (
    LAST_MOMENT,
    SLACK,
    STARTUP_FAILURE,
    Deadline,
    StopSignals,
    SupervisorLine,
    end_loop,
    exit_after,
    exit_now,
    exit_within,
)
from .proxy import TrustedProxies
from .routes import CompiledApp, RouteCompiler
from .stores import StoreError

logger = logging.getLogger("data_bridge")

#: What the native half is told where a drain has no end of its own, seconds.
_FOREVER = 10 * 365 * 86_400.0


async def _await_any(awaitable: Awaitable[Any]) -> Any:
    """Make a coroutine of an ASGI application's result that is not one."""
    return await awaitable


class Server:
    """Serves one ASGI application in the running PyLoop of the calling thread.

    ``app``: ASGI 3 or 2 (``options.interface``). ``on_exception`` is called with every exception that the application
    let through, after it was logged. ``listeners``: descriptors of listening sockets that a supervisor has opened, in
    place of the address in ``options``.
    """

    def __init__(
        self,
        app: Any,
        options: ServerOptions | None = None,
        *,
        on_exception: Callable[[BaseException], None] | None = None,
        listeners: list[int] | None = None,
    ) -> None:
        self.options = options or ServerOptions()
        self.app = as_asgi3(app, self.options.interface)
        self.lifespan = Lifespan(self.app, self.options.lifespan)
        self.compiled = CompiledApp([])
        self.addresses: list[tuple[str, int]] = []
        self._on_exception = on_exception
        self._listeners = listeners
        self._compiler = RouteCompiler(self.app)
        self._core: _core.Server | None = None
        self._inside: InsideRoutes | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._deadline = Deadline()
        self._forced = False
        self._recompiling = False
        self._counts: dict[str, int] = {}

    # --- life ------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Run the lifespan's start-up, open the stores, compile the routes and listen.

        Raises what the application's start-up raised, or :class:`StartupFailed`; OSError where the address cannot be
        used.
        """
        self._share_stores()
        await self._start_lifespan()
        try:
            self._open_stores()
            try:
                self._start_core()
            except BaseException:
                self._drop_core()
                self._close_stores()
                raise
        except BaseException:
            await self._end_lifespan()
            raise

    async def serve(self, on_started: Callable[[], None] | None = None) -> None:
        """Start, answer requests until :meth:`stop`, end in good order."""
        await self.start()
        if on_started is not None and not self._stop.is_set():
            on_started()
        await self._stop.wait()
        await self.close()

    def stop(self, *, force: bool = False) -> None:
        """Ask for the end: stop accepting, finish what runs within the grace period. On the loop's thread.

        ``force`` waits for nothing any more, and leaves the lifespan's end out.
        """
        if not self._stop.is_set():
            self._deadline.begin(self.options.timeout_graceful_shutdown)
            self._stop.set()
        if force:
            self._forced = True
            self._deadline.expire()

    @property
    def stopping(self) -> bool:
        """True once the end was asked for."""
        return self._stop.is_set()

    @property
    def deadline(self) -> Deadline:
        """When the stop that was asked for must be over."""
        return self._deadline

    async def close(self) -> None:
        """Answer what is running within the grace period, close all connections, run the lifespan's end.

        Raises what the application's lifespan raised.
        """
        core = self._core
        if core is not None:
            await self._drain(core)
            core.close()
        try:
            await self._end_lifespan()
        finally:
            self._close_stores()

    def release(self) -> None:
        """Let the native half go. After the loop has ended, and with it every task that may still answer."""
        self._counts = self.counts()
        self._leave_inside()
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
            options = self.options
            stores.shared_with_processes = options.fd is not None or options.reuse_port or self._listeners is not None

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
        native = any(route.kind == "native" for route in self._compiler.compile().routes)
        self._core = core = _core.Server(
            asyncio.get_running_loop(),
            self.app,
            self.lifespan.state,
            root_path=options.root_path,
            report_exception=self._report_exception,
            report_protocol=logger.error,
            apply_proxy_headers=proxies.apply,
            await_any=_await_any,
            report_refused=RefusalLog(logger),
            still_valid=self._still_valid,
            io_threads=options.io_threads if options.io_threads is not None else int(native),
            access_log=options.access_log,
            server_header=options.server_header,
            date_header=options.date_header,
            legacy_reason_phrases=HTTPStatus(422).phrase == "Unprocessable Entity",
            limits=options.native_limits(),
        )
        self._loop = asyncio.get_running_loop()
        self._inside = InsideRoutes(core, self._recompile_soon)
        self._recompile()
        if self._listeners is None and options.reuse_port and options.fd is None and options.uds is None:
            self._listeners = _core.listen_tcp(options.host, options.port, options.backlog, reuse_port=True)
        if self._listeners is not None:
            self.addresses = [
                address for fd in self._listeners for address in core.listen_inherited(fd, options.backlog)
            ]
        elif options.fd is not None:
            self.addresses = core.listen_inherited(options.fd, options.backlog)
        elif options.uds is not None:
            core.listen_unix(options.uds, options.backlog)
        else:
            self.addresses = core.listen_tcp(options.host, options.port, options.backlog)

    def _drop_core(self) -> None:
        """Where listening has failed: threads and connections of the native half end."""
        core, self._core = self._core, None
        self._leave_inside()
        if core is not None:
            core.close()

    def _leave_inside(self) -> None:
        inside, self._inside = self._inside, None
        if inside is not None:
            inside.leave()

    def _install_routes(self) -> None:
        assert self._core is not None
        compiled = self.compiled
        entries: list[tuple[str, list[str], Any, Any, bool, str]]
        if compiled.inside_reason:
            entries = [("", [], None, None, True, "")]  # all of it is the application's, compiled or not
        else:
            entries = [
                (
                    route.path,
                    route.methods,
                    None if route.plan is None or route.plan.inside_only else route.plan,
                    route.operation,
                    route.opaque,
                    route.allow,
                )
                for route in compiled.routes
                if route.tabled
            ]
        self._core.set_routes(
            entries,
            root_path=getattr(self.app, "root_path", "") or self.options.root_path,
            redirect_slashes=compiled.redirect_slashes,
            default_unmatched=not compiled.unmatched_reason,
            watched_attributes=compiled.watch.attributes,
            watched_lists=compiled.watch.lists,
            layers=compiled.layers,
        )

    def _still_valid(self, changed: bool) -> bool:
        if changed:
            self._recompile_soon()
        return not changed and self._compiler.may_run_compiled()

    def _recompile_soon(self) -> None:
        if not self._recompiling:
            self._recompiling = True
            # An application may be called from other threads and loops as well: by a TestClient, by itself.
            assert self._loop is not None
            self._loop.call_soon_threadsafe(self._recompile)

    def _recompile(self) -> None:
        self._recompiling = False
        if self._core is None or self._inside is None:
            return  # the server is over
        self._inside.occupy(self.app)
        self.compiled = self._compiler.compile()
        self._install_routes()
        self._inside.update(self.app, self.compiled)

    def _report_exception(self, exception: BaseException) -> None:
        logger.error("Exception in ASGI application\n", exc_info=exception)
        if self._on_exception is not None:
            self._on_exception(exception)

    async def _start_lifespan(self) -> None:
        starting = asyncio.ensure_future(self.lifespan.startup())
        stop = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait([starting, stop], return_when=asyncio.FIRST_COMPLETED)
            # As under uvicorn the start-up is finished first, but it may hang as well.
            if not starting.done() and not await self._deadline.finish(starting):
                await self._cancel_lifespan()
                raise StartupFailed("stopped while the application was starting")
        finally:
            stop.cancel()
            starting.cancel()
        starting.result()

    async def _end_lifespan(self) -> None:
        if self._forced:
            await self._cancel_lifespan()
            return
        ending = asyncio.ensure_future(self.lifespan.shutdown())
        try:
            # The last moment is the lifespan's where requests have used up all of the grace period.
            if not await self._deadline.finish(ending, clean_up=self._deadline.passed):
                logger.error("The application's shutdown did not end in time; it is cancelled.")
                await self._cancel_lifespan()
                return
        finally:
            ending.cancel()
        ending.result()

    async def _cancel_lifespan(self) -> None:
        task = self.lifespan.cancel()
        if task is not None:
            await self._deadline.finish(task, clean_up=True)

    async def _drain(self, core: _core.Server) -> None:
        loop = asyncio.get_running_loop()
        drained: asyncio.Future[None] = loop.create_future()

        def on_drained() -> None:
            if not drained.done():
                drained.set_result(None)

        # Ours is the clock: tasks are cancelled at the deadline, and may still say so to their clients.
        core.drain(_FOREVER, on_drained)
        if await self._deadline.finish(drained):
            # Background tasks may outlive their answers.
            while core.in_flight and not self._deadline.passed:
                await asyncio.sleep(0.01)
        if core.in_flight:
            await self._cancel_requests()

    async def _cancel_requests(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if isinstance(task, _core.HandlerTask)]
        if not tasks:
            return
        if not self._forced:
            logger.error("Cancel %d running task(s), timeout graceful shutdown exceeded", len(tasks))
        for task in tasks:
            task.cancel(msg="Task cancelled, timeout graceful shutdown exceeded")
        # Half of the last moment; the rest is the lifespan's.
        await asyncio.wait(tasks, timeout=(self._deadline.remaining(clean_up=True) or 0.0) / 2)


class _Run:
    """One server from the making of its application to the end of its loop, watched over by signals."""

    def __init__(
        self,
        make_server: Callable[[], Server],
        on_started: Callable[[Server], None] | None,
        line: SupervisorLine | None,
        owns_process: bool,
    ) -> None:
        self.signals = StopSignals(self._on_stop)
        self.server: Server | None = None
        #: True where something hangs, so that neither the loop nor the interpreter can be ended in good order.
        self.left_over = False
        self._make_server = make_server
        self._on_started = on_started
        self._line = line
        self._owns_process = owns_process
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = False
        self._collector = ServerCollector()

    def run(self) -> int:
        runner = asyncio.Runner(loop_factory=new_event_loop)
        try:
            return runner.run(self._main())
        finally:
            self._collector.stop()
            if not self.left_over:
                if self._ended:
                    # The runner would wait for it once more.
                    runner.get_loop()._default_executor = None  # type: ignore[attr-defined]
                runner.close()
                if self.server is not None:
                    self.server.release()

    async def _main(self) -> int:
        self._loop = asyncio.get_running_loop()
        if self._line is not None:
            self._line.watch(on_force=self._force_soon)
        server = self.server = self._make_server()
        if self.signals.should_exit:
            self._stop()
        try:
            return await self._serve(server)
        finally:
            self.left_over = not await end_loop(server.deadline)
            self._ended = True

    async def _serve(self, server: Server) -> int:
        try:
            await server.serve(functools.partial(self._started, server))
        except (StartupFailed, StoreError, OSError) as error:
            if error is not server.lifespan.error:
                logger.error("%s", error)
                return STARTUP_FAILURE
        except BaseException as error:
            if error is not server.lifespan.error:
                raise
        if server.lifespan.startup_failed:
            logger.error("Application startup failed. Exiting.")
            return STARTUP_FAILURE
        return 0

    def _started(self, server: Server) -> None:
        if self._owns_process:
            self._collector.start()
        if self._on_started is not None:
            self._on_started(server)
        if self._line is not None:
            self._line.say_ready()

    def _on_stop(self, force: bool) -> None:
        if self._owns_process and self.server is not None and not force:
            seconds = self.server.options.timeout_graceful_shutdown
            if seconds is not None:
                # Against Python code that does not let the loop look at the clock.
                exit_after(seconds + LAST_MOMENT + SLACK, 1)
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it is closed, and nothing is left to stop
                self._loop.call_soon_threadsafe(self._stop)

    def _force_soon(self) -> None:
        if self._loop is None or self.server is None:
            exit_now(STARTUP_FAILURE)  # still importing the application: nothing is served
            return
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(functools.partial(self.server.stop, force=True))

    def _stop(self) -> None:
        if self.server is None:
            return  # it is being made; whoever makes it will look
        force = self.signals.force_exit
        if not self.server.stopping or force:
            what = "closing now" if force else "finishing running requests"
            logger.info("Received %s: %s.", self.signals.last or "a wish to stop", what)
        self.server.stop(force=force)


def run_server(
    make_server: Callable[[], Server],
    on_started: Callable[[Server], None] | None = None,
    *,
    line: SupervisorLine | None = None,
    owns_process: bool = False,
) -> int:
    """Make a server on a new PyLoop in this thread and run it until SIGINT or SIGTERM; the exit status.

    What could not start was logged. Signals are watched on the main thread only; those that came are raised again
    behind the end, so that SIGTERM ends the process unless it was somebody's before. ``owns_process``: where
    something still hangs then, the process ends without it.
    """
    run = _Run(make_server, on_started, line, owns_process)
    with run.signals:
        status = run.run()
    with contextlib.suppress(KeyboardInterrupt):
        run.signals.raise_again()
    if run.left_over:
        if owns_process:
            exit_now(status)
        _left_over.append(run)
    elif owns_process and run.server is not None:
        exit_within(run.server.deadline.remaining(clean_up=True), status)
    return status


#: Loops and servers that could not be ended, since something of theirs hangs: collecting them would cut it off.
_left_over: list[_Run] = []


def serve(app: Any, host: str = "127.0.0.1", port: int = 8000, **options: Any) -> None:
    """Serve ``app``, any ASGI application, until SIGINT or SIGTERM.

    ``options`` are the fields of :class:`ServerOptions`: ``uds``, ``io_threads``, ``access_log`` and so on.
    Raises SystemExit(3) where the application does not start or its address cannot be used; why is in the log.
    Several processes need an import string: see ``data-bridge run --workers``.
    """
    server_options = ServerOptions(host=host, port=port, **options)
    status = run_server(lambda: Server(app, server_options), log_started)
    if status != 0:
        sys.exit(status)


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
