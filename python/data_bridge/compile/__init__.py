"""The route compiler: from finished FastAPI routes to programs that the native side runs.

:mod:`.framework` reads what FastAPI made of every route at start-up into :mod:`.facts`; :mod:`.plan` makes a program
of them; :mod:`.finish` has what FastAPI does with an outcome. Whatever a program cannot do exactly as FastAPI would is
left alone: that route, or the whole application, is *bridged*, which means that FastAPI's own code runs through ASGI,
and the reason is reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import fastapi.routing
import starlette.routing

from ..deadline import timeout_of
from ..routes import CompiledApp, CompiledRoute, MountedApp, Watch, describe_error
from . import features, framework, routers
from .facts import Bridged
from .native_middleware import NativeLayers
from .own_layers import OuterWay, Stack
from .plan import Services, make_plan
from .watch import watch

__all__ = ["compile_app"]


def compile_app(app: Any, *, root: bool = True) -> CompiledApp:
    """Read an application's routes. ``root``: it is the server's own, not one that is mounted in it."""
    watched = Watch([], [])
    routes: Sequence[Any] = ()
    try:
        if root:
            framework.build_stack(app)
        watched = watch(app, root=root)
        # The very ones that are watched: another thread may add one, and take it away again, while this is read.
        routes = watched.lists[0][1] if watched.lists else tuple(app.router.routes)
        framework.check_compilable(app)
        routers.check_root(app.router)
        stack, inside, layers = _around(app) if root else (None, "mounted", NativeLayers())
        watched.attributes += layers.attributes
        watched.lists += layers.lists
    except Bridged as reason:
        return CompiledApp(list(_bridged_routes(routes, str(reason))), str(reason), str(reason), watch=watched)
    reader = _AppReader(app, routes, None if inside else layers, stack)
    return CompiledApp(
        list(_behind_opaque(reader.compile_all(routes))),
        inside_reason=inside,
        unmatched_reason=inside or _unmatched_reason(app, routes),
        redirect_slashes=app.router.redirect_slashes,
        watch=watched,
        mounted=reader.mounted,
        layers=layers.layers,
        outer_way=None if stack is None else OuterWay(app, stack),
        stack=stack,
    )


def _around(app: Any) -> tuple[Stack | None, str, NativeLayers]:
    """FastAPI's own layers, where they are; why routes are answered within the application's, if so; what is native
    around them, if not."""
    stack = None
    try:
        stack = framework.own_stack(app)
        return stack, "", framework.bare_layers(app, stack)
    except Bridged as reason:
        return stack, str(reason), NativeLayers()


def _unmatched_reason(app: Any, routes: Sequence[Any]) -> str:
    if routers.handles_in_own_way(routes):
        return "a router that handles in its own way"
    return framework.unmatched_reason(app)


def _behind_opaque(found: Iterator[CompiledRoute]) -> Iterator[CompiledRoute]:
    """What is behind a route that may match anything is for the application to find."""
    first = ""
    for route in found:
        if first and route.kind != "bridged":
            route.kind, route.plan, route.operation = "bridged", None, None
            route.reason = f"behind a route that matches in its own way: {first}"
        if route.opaque:
            first = first or route.path or "/"
        yield route


def _bridged_routes(routes: Sequence[Any], reason: str) -> Iterator[CompiledRoute]:
    for view in features.route_views(routes):
        timeout = timeout_of(getattr(view.effective, "endpoint", None))
        yield CompiledRoute(view.path, sorted(view.methods or ()), "bridged", reason, opaque=True, timeout=timeout)


class _AppReader:
    def __init__(self, app: Any, routes: Sequence[Any], layers: NativeLayers | None, stack: Stack | None) -> None:
        self.app = app
        self.places = framework.Places(routes)
        self.bare = layers is not None
        self.services: Services = framework.services(app, layers, stack)
        self.mounted: list[MountedApp] = []

    def compile_all(self, routes: Sequence[Any]) -> Iterator[CompiledRoute]:
        """In the order in which they are tried."""
        for route in routes:
            for router in routers.matching_in_own_way(route):
                yield routers.opaque_entry(route, router)
            for view in features.route_views([route]):
                yield self.compile(view)

    def compile(self, view: features.RouteView) -> CompiledRoute:
        """One route."""
        original = view.original
        if isinstance(original, starlette.routing.Mount):
            self._mount(view)
            opaque = routers.matches_in_own_way(original)
            return CompiledRoute(view.path + "/{path:path}", [], "bridged", "mounted application", opaque=opaque)
        if isinstance(original, (starlette.routing.WebSocketRoute, fastapi.routing.APIWebSocketRoute)):
            known = type(original) in (starlette.routing.WebSocketRoute, fastapi.routing.APIWebSocketRoute)
            return CompiledRoute(view.path, [], "bridged", "WebSocket", opaque=not known, tabled=not known)
        route = CompiledRoute(view.path, sorted(view.methods or ()), "bridged")
        route.timeout = timeout_of(getattr(view.effective, "endpoint", None))
        route.allow = ", ".join(view.methods or ())  # in the order of the set, as Starlette and FastAPI do it
        plain = type(original) is starlette.routing.Route
        if not plain and not framework.is_api_route(original):
            route.reason, route.opaque = f"custom route class {type(original).__name__}", True
        elif not framework.matches_as_we_do(view):
            route.reason, route.opaque = "a convertor that matches in its own way", True
        elif reason := routers.own_way(self.places.chain(view)):
            route.reason = reason
        else:
            self._compile_route(route, view, plain=plain)
        return route

    def _mount(self, view: features.RouteView) -> None:
        for path, app in framework.mounted_apps(view.effective):
            if app is not self.app:
                self.mounted.append(MountedApp(view.path + path, app))

    def _compile_route(self, route: CompiledRoute, view: features.RouteView, *, plain: bool) -> None:
        try:
            operation, doubts = (None, "") if plain else framework.native_operation(view)
            if operation is not None:
                if not self.bare:
                    raise Bridged("a native resource, within the application's middleware")
                if doubts:
                    facts = framework.read_route(self.app, self.places, view, self.services)
                    route.plan, route.reason = make_plan(facts, self.services), doubts
                route.operation, route.kind = operation, "native"
                return
            if plain:
                facts = framework.read_plain_route(self.app, self.places, view)
            else:
                facts = framework.read_route(self.app, self.places, view, self.services)
            route.plan = make_plan(facts, self.services)
            route.kind = "compiled"
            route.reason = getattr(getattr(view.effective, "endpoint", None), "__data_bridge_reason__", "")
        except Bridged as reason:
            route.reason = str(reason)
        except Exception as error:
            # A release, or a patch, that names something otherwise; FastAPI itself knows.
            route.reason = f"cannot be read: {describe_error(error)}"
