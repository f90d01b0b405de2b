"""Runs a server in this process: on a loop of its own, watched over by signals, to an exit status."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from .collector import ServerCollector
from .importer import import_from_string
from .lifespan import StartupFailed
from .log_config import LOGGING_CONFIG, LogConfig, configure_logging
from .loop import new_event_loop
from .options import ServerOptions
from .process import (
    LAST_MOMENT,
    SLACK,
    STARTUP_FAILURE,
    StopSignals,
    SupervisorLine,
    end_loop,
    exit_after,
    exit_now,
    exit_within,
)
from .server import Server
from .stores import StoreError

logger = logging.getLogger("uvicorn.error")


class _Run:
    """One server from the making of its application to the end of its loop, watched over by signals."""

    def __init__(
        self,
        make_server: Callable[[], Server],
        on_started: Callable[[Server], None] | None,
        line: SupervisorLine | None,
        owns_process: bool,
    ) -> None:
        self.signals = StopSignals(self._on_stop, supervised=line is not None)
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
        if threading.current_thread() is threading.main_thread():
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


def serve(
    app: Any,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    workers: int = 1,
    reload: bool = False,
    log_config: LogConfig = LOGGING_CONFIG,
    log_level: str | int | None = None,
    **options: Any,
) -> None:
    """Serve ``app``, any ASGI application or its import string, until SIGINT or SIGTERM.

    ``options`` are the fields of :class:`ServerOptions`: ``uds``, ``io_threads``, ``access_log`` and so on. ``workers``
    and ``reload`` need an import string, for other processes import it; reloading has one. ``log_config=None`` leaves
    logging alone.
    Raises SystemExit(3) where the application does not start or its address cannot be used; why is in the log.
    """
    server_options = ServerOptions(host=host, port=port, **options)
    configure_logging(log_config, log_level=log_level, access_log=server_options.access_log)
    if reload and workers > 1:
        logger.warning('"workers" flag is ignored when reloading is enabled.')
    if workers > 1 or reload:
        if not isinstance(app, str):
            raise ValueError("several processes, or reloading, need the application's import string")
        status = _serve_in_processes(ServedApp(app, server_options, log_config, log_level), workers, reload)
    else:
        found = import_from_string(app) if isinstance(app, str) else app
        status = run_server(lambda: Server(found, server_options), log_started)
    if status != 0:
        sys.exit(status)


class ServedApp:
    """What a process of serve() is told; goes there by pickle."""

    def __init__(self, app: str, options: ServerOptions, log_config: LogConfig, log_level: str | int | None) -> None:
        self.app = app
        self.options = options
        self._log_config = log_config
        self._log_level = log_level

    def configure_logging(self) -> None:
        """As in the first process."""
        configure_logging(self._log_config, log_level=self._log_level, access_log=self.options.access_log)

    def run(self, *, sockets: list[socket.socket], line: SupervisorLine) -> int:
        """Serve on these."""

        def make_server() -> Server:
            return Server(
                import_from_string(self.app), self.options, listeners=[listener.fileno() for listener in sockets]
            )

        return run_server(make_server, log_started, line=line, owns_process=True)


def _serve_in_processes(served: ServedApp, workers: int, reload: bool) -> int:
    from .reload import ReloadPaths, reload_processes
    from .spawned import SpawnedProcess
    from .supervisor import Supervisor, listening

    with listening(served.options) as listeners, contextlib.ExitStack() as copies:
        # Sockets go to another process by pickle, descriptors do not.
        sockets = [copies.enter_context(socket.socket(fileno=os.dup(fd))) for fd in listeners]

        def start() -> SpawnedProcess:
            return SpawnedProcess(served.run, served, sockets)

        if reload:
            reload_processes(start, ReloadPaths.find(None, None, None), 0.25)
            return 0
        own = listeners if served.options.fd is None else ()
        return Supervisor(start, served.options, workers, own).supervise()


def log_started(server: Server) -> None:
    """Say where the server listens and how its routes are served."""
    options = server.options
    if options.uds is not None:
        where = f"unix:{options.uds}"
    else:
        where = ", ".join(_url(host, port) for host, port in server.addresses)
    kinds = {"native": 0, "compiled": 0, "bridged": 0}
    for route in (route for app in server.compiled_apps for route in app.routes):
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
