"""What an application's routes are read from, so that a change of it is seen at the next request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..routes import Watch

#: Attributes that decide over an application's answers, and over its router's.
_APP_ATTRIBUTES = ("router", "middleware_stack", "root_path")
_ROUTER_ATTRIBUTES = (
    "routes",
    "_routes_version",
    "middleware_stack",
    "default",
    "redirect_slashes",
    "_low_priority_routes",
)


def watch(app: Any, *, root: bool) -> Watch:
    """To be taken before the routes are read: another thread may be adding to them. ``root``: it is not mounted."""
    router = app.router
    attributes = _present(app, _APP_ATTRIBUTES if root else ("router",)) + _present(router, _ROUTER_ATTRIBUTES)
    # FastAPI itself looks at nothing but the version of an included router.
    for included in list(included_routers(router))[1:]:
        attributes += _present(included, ("_routes_version",))
    return Watch(attributes, [(router.routes, tuple(router.routes))] if type(router.routes) is list else [])


def _present(owner: Any, names: tuple[str, ...]) -> list[tuple[Any, str, Any]]:
    """Only what there is in this release: what is not could never be found unchanged."""
    return [(owner, name, vars(owner)[name]) for name in names if name in vars(owner)]


def included_routers(router: Any, seen: set[int] | None = None) -> Iterator[Any]:
    """``router`` and all that are included in it."""
    seen = set() if seen is None else seen
    if id(router) in seen:
        return
    seen.add(id(router))
    yield router
    for route in router.routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from included_routers(included, seen)
