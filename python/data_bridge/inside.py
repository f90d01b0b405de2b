"""Compiled routes within an application's own middleware: in the place of its router, of mounted applications too."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from . import _core
from .routes import CompiledApp, RouteCompiler


class InsideRoutes:
    """The compiled routes of one server's application and of those that are mounted in it, as far as they run inside.

    An application's middleware, whatever it is, ends in its router, and that one's code in ``router.middleware_stack``:
    this is what is replaced while the server runs, where it is FastAPI's own.
    """

    def __init__(self, core: _core.Server, recompile: Callable[[], None]) -> None:
        self._core = core
        self._recompile = recompile
        self._seats: dict[int, _Seat] = {}
        self.mounted: list[CompiledApp] = []

    def occupy(self, app: Any) -> None:
        """Sit down in ``app``, before its routes are read: what it is then is what is watched."""
        seat = self._seat(app)
        if seat is not None:
            seat.leave_way()

    def update(self, app: Any, compiled: CompiledApp) -> None:
        """Serve ``compiled`` in ``app``; compile what is mounted in it, and serve that."""
        served: set[int] = set()
        self.mounted = []
        self._serve(app, compiled, served)
        for key in [key for key in self._seats if key not in served]:
            self._seats.pop(key).leave()

    def leave(self) -> None:
        """Put everything back."""
        while self._seats:
            self._seats.popitem()[1].leave()

    def _serve(self, app: Any, compiled: CompiledApp, served: set[int]) -> None:
        served.add(id(app))
        seat = self._seat(app)
        if seat is not None:
            seat.serve(compiled)
        for mounted in compiled.mounted:
            if id(mounted.app) in served:
                continue
            self._seat(mounted.app)
            inner = RouteCompiler(mounted.app, root=False).compile()
            self.mounted.append(inner)
            self._serve(mounted.app, inner, served)

    def _seat(self, app: Any) -> _Seat | None:
        seat = self._seats.get(id(app))
        if seat is not None and seat.router is not app.router:
            self._seats.pop(id(app)).leave()
            seat = None
        if seat is None and _may_sit(app):
            seat = self._seats[id(app)] = _Seat(self._core, app, self._recompile)
        return seat


def _may_sit(app: Any) -> bool:
    with contextlib.suppress(Exception):
        from .compile.framework import has_own_app

        return has_own_app(app.router)
    return False


class _Seat:
    def __init__(self, core: _core.Server, app: Any, recompile: Callable[[], None]) -> None:
        self.app = app
        self.router = app.router
        self._original = app.router.middleware_stack
        self._recompile = recompile
        self._native = core.make_inner_router(self._original, self._still_valid)
        self.router.middleware_stack = self._native
        self._stack: Any = None
        self._lean: Any = None
        self._way: Any = None

    def serve(self, compiled: CompiledApp) -> None:
        self._take_stack()
        self.leave_way()
        if compiled.stack is not None and compiled.stack.inside:
            from .compile.own_layers import InnerWay

            self._way = InnerWay(compiled.stack, self._native)
        entries = [
            (route.path, route.methods, route.plan, None, route.opaque, "", 0.0)
            for route in compiled.routes
            if route.tabled
        ]
        self._native.set_routes(entries, compiled.watch.attributes, compiled.watch.lists)

    def leave(self) -> None:
        self.leave_way()
        self._leave_stack()
        self._native.close()
        if self.router.middleware_stack is self._native:
            self.router.middleware_stack = self._original

    def _still_valid(self, changed: bool) -> bool:
        self._take_stack()  # a mounted application builds it at its first request
        if changed:
            self._recompile()
        return not changed

    def _take_stack(self) -> None:
        if self._stack is not self.app.middleware_stack:
            self._leave_stack()
            self._stack = self.app.middleware_stack
            self._lean = _lean_middleware(self._stack)

    def leave_way(self) -> None:
        """Have the layers behind the middleware be entered, until the next :meth:`serve`."""
        way, self._way = self._way, None
        if way is not None:
            way.leave()

    def _leave_stack(self) -> None:
        if self._lean is not None:
            self._lean.leave()
        self._stack = self._lean = None


def _lean_middleware(stack: Any) -> Any:
    with contextlib.suppress(Exception):
        from .compile.base_http import LeanMiddleware

        return LeanMiddleware(stack)
    return None
