"""The native half of one server: its stores, compiled routes and listening sockets, and how they come to rest."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from . import _core
from .access_log import AccessLog, AnswerLog, log_access, log_websocket
from .inside import InsideRoutes
from .options import ServerOptions
from .process import Deadline
from .proxy import TrustedProxies
from .refusal_log import RefusalLog
from .routes import CompiledApp, RouteCompiler

if TYPE_CHECKING:
    from .stores import Stores

logger = logging.getLogger("uvicorn.error")

#: What the native half is told where a drain has no end of its own, seconds.
_FOREVER = 10 * 365 * 86_400.0


async def _await_any(awaitable: Awaitable[Any]) -> Any:
    """Make a coroutine of an ASGI application's result that is not one."""
    return await awaitable


#: Descriptors, or what opens them.
Listeners = list[int] | Callable[[], list[int]]


class Front:
    """Answers requests for an application on the running PyLoop; the lifespan is somebody else's.

    ``app`` is of ASGI 3, ``state`` its lifespan's. ``listeners``: descriptors of listening sockets in place of the
    address in ``options``, or what opens them when it is time to listen; they stay the caller's. ``count_answers``:
    :attr:`answered` counts, also without an access log.
    """

    def __init__(
        self,
        app: Any,
        options: ServerOptions,
        *,
        state: dict[str, Any],
        on_exception: Callable[[BaseException], None] | None = None,
        listeners: Listeners | None = None,
        count_answers: bool = False,
    ) -> None:
        self.app = app
        self.options = options
        self.compiled = CompiledApp([])
        self.addresses: list[tuple[str, int]] = []
        self._state = state
        self._on_exception = on_exception
        self._listeners = listeners
        self._compiler = RouteCompiler(app)
        self._core: _core.Server | None = None
        self._inside: InsideRoutes | None = None
        self._replaced: list[Any] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._access_log: AccessLog | None = None
        self._count_answers = count_answers or options.limit_max_requests is not None
        self._recompiling = False
        self._counts: dict[str, int] = {}

    # --- life ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Open the stores, compile the routes and listen. OSError where the address cannot be used."""
        self._open_stores()
        try:
            self._start_core()
        except BaseException:
            self._drop_core()
            self.close_stores()
            raise

    async def begin(self) -> None:
        """As :meth:`start`."""
        self.start()

    async def end(self) -> None:
        """Close the stores, once it is drained, and let the native half go unless a request still runs."""
        self.close_stores()
        if not self.in_flight:
            self.release()

    async def drain(self, deadline: Deadline) -> None:
        """Stop accepting and finish what runs, until ``deadline``; what is left then is cancelled, and connections
        are closed."""
        core = self._core
        if core is None:
            return
        drained: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def on_drained() -> None:
            if not drained.done():
                drained.set_result(None)

        # Ours is the clock: tasks are cancelled at the deadline, and may still say so to their clients.
        core.drain(_FOREVER, on_drained)
        if await deadline.finish(drained):
            # Background tasks may outlive their answers.
            while core.in_flight and not deadline.passed:
                await asyncio.sleep(0.01)
        if core.in_flight:
            await self._cancel_requests(deadline)
        core.close()

    @property
    def _stores(self) -> Stores | None:
        """Of the application, where it has any."""
        return getattr(self.app, "data_bridge_stores", None)

    def close_stores(self) -> None:
        """Close the application's stores."""
        if (stores := self._stores) is not None:
            stores.close()

    def release(self) -> None:
        """Let the native half go. After the loop has ended, and with it every task that may still answer."""
        self._counts = self.counts()
        self._drop_core()

    # --- what there is to know ----------------------------------------------------------------------

    @property
    def in_flight(self) -> int:
        """Requests that Python is working on, background tasks included."""
        return self._core.in_flight if self._core is not None else 0

    @property
    def answered(self) -> int:
        """Answers that were given, by whomever, where they are counted."""
        return self._core.answered if self._core is not None else 0

    @property
    def connections(self) -> int:
        """Connections that are open."""
        return self._core.connections if self._core is not None else 0

    def counts(self) -> dict[str, int]:
        """How requests were answered so far: compiled, unmatched (natively, by no route), bridged."""
        return self._core.counts() if self._core is not None else self._counts

    @property
    def compiled_apps(self) -> list[CompiledApp]:
        """``compiled``, and what became of the applications that are mounted in this one or that it calls."""
        return [self.compiled, *(self._inside.mounted if self._inside is not None else ())]

    # --- inside -----------------------------------------------------------------------------------

    def _open_stores(self) -> None:
        if (stores := self._stores) is not None:
            stores.open()

    def _open_included(self) -> None:
        """Open the stores of resources that have come with the routes, after the start's. Raises StoreError."""
        if (stores := self._stores) is not None:
            stores.ensure_open()

    def share_stores(self, shared: bool) -> None:
        """Tell the stores, before anything opens them, whether other processes may use them too."""
        if (stores := self._stores) is not None:
            stores.shared_with_processes = shared

    def _start_core(self) -> None:
        options = self.options
        allowed = options.forwarded_allow_ips if options.proxy_headers else ""
        proxies = TrustedProxies(allowed)
        headers = [(name.lower(), value) for name, value in options.headers]
        own_server = any(name == "server" for name, _ in headers)
        native = self._has_native_routes()
        self._open_included()
        self._core = core = _core.Server(
            asyncio.get_running_loop(),
            self.app,
            self._state,
            root_path=options.root_path,
            report_exception=self._report_exception,
            report_protocol=logger.error,
            apply_proxy_headers=proxies.apply,
            await_any=_await_any,
            report_refused=RefusalLog(logger),
            log_access=log_access,
            log_websocket=log_websocket,
            report_answers=AnswerLog(proxies, options.root_path),
            still_valid=self._still_valid,
            io_threads=options.io_threads if options.io_threads is not None else int(native),
            access_log=options.access_log,
            trusts_proxies=bool(allowed),
            count_answers=self._count_answers,
            limit_concurrency=options.limit_concurrency or 0,
            server_header=options.server_header and not own_server,
            date_header=options.date_header,
            headers=headers,
            legacy_reason_phrases=HTTPStatus(422).phrase == "Unprocessable Entity",
            limits=options.native_limits(),
            pathsend=self._replace_methods(),
        )
        self._loop = asyncio.get_running_loop()
        if options.access_log:
            self._access_log = AccessLog(core)
            self._access_log.watch()
        self._inside = InsideRoutes(core, self._recompile_soon)
        self._recompile()
        listeners = self._listeners() if callable(self._listeners) else self._listeners
        if listeners is None and options.reuse_port and options.fd is None and options.uds is None:
            listeners = _core.listen_tcp(options.host, options.port, options.backlog, reuse_port=True)
        if listeners is not None:
            self.addresses = [address for fd in listeners for address in core.listen_inherited(fd, options.backlog)]
        elif options.fd is not None:
            self.addresses = core.listen_inherited(options.fd, options.backlog)
        elif options.uds is not None:
            core.listen_unix(options.uds, options.backlog)
        else:
            self.addresses = core.listen_tcp(options.host, options.port, options.backlog)

    def _has_native_routes(self) -> bool:
        """Whether operations of resources answer by themselves. Their stores are known afterwards."""
        # They are found by compiling, which takes seconds where there are many routes, and is done again when all
        # stands around them. Who has no resource has not imported what makes them.
        if "data_bridge.resource_routes" not in sys.modules:
            return False
        return any(route.kind == "native" for route in self._compiler.compile().routes)

    def _drop_core(self) -> None:
        core, self._core = self._core, None
        self._leave_inside()
        if core is not None:
            core.release()

    def _leave_inside(self) -> None:
        if self._access_log is not None:
            self._access_log.stop()
            self._access_log = None
        inside, self._inside = self._inside, None
        if inside is not None:
            inside.leave()
        while self._replaced:
            self._replaced.pop().leave()

    def _replace_methods(self) -> bool:
        """Put native ones in the place of Starlette's; whether applications may hear of ``http.response.pathsend``.

        Its FileResponse makes use of it wherever it stands, which middleware would notice: it must not hear of
        it there.
        """
        if "starlette.responses" not in sys.modules:
            return True
        try:
            from .compile import files, pieces, urls

            self._replaced.append(files.answer_natively())
            self._replaced.append(pieces.send_natively())
            self._replaced.append(urls.make_natively())
        except Exception:
            logger.debug("Methods of Starlette's stay in their places.", exc_info=True)
        return bool(self._replaced)

    async def _cancel_requests(self, deadline: Deadline) -> None:
        tasks = [task for task in asyncio.all_tasks() if isinstance(task, _core.HandlerTask)]
        if not tasks:
            return
        if not deadline.forced:
            logger.error("Cancel %d running task(s), timeout graceful shutdown exceeded", len(tasks))
        for task in tasks:
            task.cancel(msg="Task cancelled, timeout graceful shutdown exceeded")
        # Half of the last moment; the rest is the lifespan's.
        await asyncio.wait(tasks, timeout=(deadline.remaining(clean_up=True) or 0.0) / 2)

    def _install_routes(self) -> None:
        assert self._core is not None
        compiled = self.compiled
        entries: list[tuple[str, list[str], Any, Any, bool, str, float]]
        if compiled.inside_reason:
            # All of it is the application's, compiled or not; how long that may take is not.
            timed = any(route.timeout for route in compiled.routes)
            entries = [
                (route.path, route.methods, None, None, False, "", route.timeout)
                for route in (compiled.routes if timed else ())
                if route.tabled
            ]
            entries.append(("", [], None, None, True, "", 0.0))
        else:
            entries = [
                (
                    route.path,
                    route.methods,
                    None if route.plan is None or route.plan.inside_only else route.plan,
                    route.operation,
                    route.opaque,
                    route.allow,
                    route.timeout,
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
            outer_way=compiled.outer_way,
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
        try:
            self._open_included()
        except RuntimeError as error:  # StoreError: that resource answers 503, the others as before
            logger.error("%s", error)
        self._install_routes()
        self._inside.update(self.app, self.compiled)

    def _report_exception(self, exception: BaseException) -> None:
        logger.error("Exception in ASGI application\n", exc_info=exception)
        if self._on_exception is not None:
            self._on_exception(exception)
