"""How each route of an application is served: the route table, whatever FastAPI is installed, or none."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from .inner_apps import applications_in

logger = logging.getLogger("uvicorn.error")

#: The first FastAPI (major, minor) whose routes are compiled; :mod:`.compile.guard` judges later ones.
FIRST_FASTAPI = (0, 115)

Kind = Literal["native", "compiled", "bridged"]


@dataclass(slots=True)
class CompiledRoute:
    """One entry of the route table, in the order of declaration."""

    path: str
    methods: list[str]
    kind: Kind
    reason: str = ""
    plan: Any = None  # what the native side executes: a compile.plan.RoutePlan
    operation: Any = None  # a native operation's handle
    opaque: bool = False  # may match anything: no template to compile
    tabled: bool = True  # matches requests: WebSocket routes do not, and handshakes are the application's
    allow: str = ""  # the value of Allow in a 405 of this route
    timeout: float = 0.0  # seconds; 0.0: the server's


@dataclass(slots=True)
class Watch:
    """What an application's routes were read from: they are current while all of it is the same."""

    attributes: list[tuple[Any, str, Any]]  # (object, name, value): of the object's own __dict__
    lists: list[tuple[list[Any], tuple[Any, ...]]]  # (list, its items)


@dataclass(slots=True)
class MountedApp:
    """A FastAPI application below a path of another application."""

    path: str
    app: Any


@dataclass(slots=True)
class CompiledApp:
    """The route table of an application; ``reason`` says why all of it is bridged, if it is.

    ``unmatched_reason`` says why requests that no route answers are left to the application, if they are.
    ``inside_reason`` says why compiled routes are answered within the application's own layers and middleware, which
    run as they are, and not outside of them, if so. ``layers`` is what is native around the others: the application's
    middleware, from the outside, as (kind, options). ``mounted``: the FastAPI applications that are mounted in it.
    ``outer_way``, ``stack``: a compile.own_layers.OuterWay, and the Stack that an InnerWay is made of, if there are.
    """

    routes: list[CompiledRoute]
    reason: str = ""
    unmatched_reason: str = ""
    redirect_slashes: bool = True
    watch: Watch = field(default_factory=lambda: Watch([], []))
    inside_reason: str = ""
    mounted: list[MountedApp] = field(default_factory=list)
    layers: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    outer_way: Any = None
    stack: Any = None


class RouteCompiler:
    """Compiles one application, as often as it changes.

    The compiler proper reads FastAPI's internals, which are other ones in other releases and may be replaced by
    other packages. Whatever it fails with, at its own import too, is a reason to leave the application to ASGI.
    """

    def __init__(self, app: Any, *, root: bool = True) -> None:
        self.app = app
        self.root = root

    def compile(self) -> CompiledApp:
        """Read the application's routes. To be called after lifespan start-up: libraries still add to routes there."""
        app = self.app
        if not _is_fastapi(app):
            reason = f"{type(app).__name__} is no FastAPI application"
            return CompiledApp([], reason, reason, mounted=_inside(app))
        version = _fastapi_version()
        if _release(version) < FIRST_FASTAPI:
            reason = f"FastAPI {version} is not known to this release of data_bridge"
        else:
            try:
                from .compile import compile_app
                from .compile.guard import verdict

                if not (reason := verdict()):
                    return compile_app(app, root=self.root)
            except Exception as error:
                logger.debug("Routes cannot be compiled.", exc_info=True)
                reason = f"FastAPI's internals are not as expected: {describe_error(error)}"
        return CompiledApp(list(_listed(app, reason)), reason, reason)

    def may_run_compiled(self) -> bool:
        """False while something is switched on that compiled routes do not do: FastAPI's own telemetry."""
        try:
            telemetry = getattr(self.app, "_native_telemetry", None)  # FastAPI 0.142
            return telemetry is None or not telemetry.enabled()
        except Exception:
            return False


def describe_error(error: BaseException) -> str:
    """An exception in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _fastapi_class() -> type | None:
    # Whose module was not imported has made no application; importing it costs half a second.
    kind = getattr(sys.modules.get("fastapi"), "FastAPI", None)
    return kind if isinstance(kind, type) else None


def _is_fastapi(app: Any) -> bool:
    kind = _fastapi_class()
    return kind is not None and isinstance(app, kind)


def _inside(app: Any) -> list[MountedApp]:
    """The FastAPI applications within code of others that is served."""
    kind = _fastapi_class()
    return [] if kind is None else [MountedApp(path, inner) for path, inner in applications_in(app, kind)]


def _release(version: str) -> tuple[int, ...]:
    """Major and minor; () where a version is not made of numbers."""
    try:
        return tuple(int(part) for part in version.split(".")[:2])
    except ValueError:
        return ()


def _fastapi_version() -> str:
    return str(getattr(sys.modules.get("fastapi"), "__version__", "(of no version)"))


def _listed(app: Any, reason: str) -> Iterator[CompiledRoute]:
    """The routes of an application as far as every release shows them."""
    routes: list[Any] = []
    with contextlib.suppress(Exception):
        routes = list(app.routes)
        # Newer releases keep an included router as one entry, and have this to look into it.
        routes = list(sys.modules["fastapi"].routing.iter_route_contexts(routes))
    for route in routes:
        methods = getattr(route, "methods", None) or ()
        yield CompiledRoute(str(getattr(route, "path", "")), sorted(methods), "bridged", reason, opaque=True)


def with_mounted(
    app: CompiledApp, prefix: str = "", above: frozenset[int] = frozenset()
) -> Iterator[tuple[str, CompiledApp]]:
    """``app`` and the applications that are mounted in it, each behind its path. ``above``: those that lead to it."""
    yield prefix, app
    for mounted in app.mounted:
        if id(mounted.app) not in above:
            compiled = RouteCompiler(mounted.app, root=False).compile()
            yield from with_mounted(compiled, prefix + mounted.path, above | {id(mounted.app)})


def describe(compiled: CompiledApp) -> Iterator[tuple[str, CompiledRoute]]:
    """All routes with their whole paths, for ``data-bridge routes``."""
    for prefix, app in with_mounted(compiled):
        for route in app.routes:
            yield prefix + route.path, route


def route_program(route: CompiledRoute) -> list[str]:
    """The program of a compiled route, a line a step; nothing for others."""
    if route.plan is None:
        return []
    from .compile.plan import explain

    return list(explain(route.plan))
