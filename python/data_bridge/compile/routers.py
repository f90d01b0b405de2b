"""Routers of classes that route in their own way: what that is to their own routes, and to others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import fastapi
import starlette.routing

from .. import _core
from ..routes import CompiledRoute
from .facts import Bridged
from .framework import has_own_app
from .pristine import overrides
from .watch import included_routers

__all__ = [
    "check_root",
    "handles_in_own_way",
    "matches_in_own_way",
    "matching_in_own_way",
    "opaque_entry",
    "own_way",
]


def check_root(router: Any) -> None:
    """Raise :class:`Bridged` where an application's router does not route as FastAPI's does."""
    if overrides(router, fastapi.APIRouter, ("__call__", "app")):
        raise Bridged(_reason(router))
    if not has_own_app(router) and type(router.middleware_stack) is not _core.InnerRouter:
        raise Bridged("middleware or a body limit on the router")


def own_way(chain: Iterable[Any]) -> str:
    """Why a route is its routers' own affair that is included by ``chain``; empty: it is not."""
    for included in chain:
        if overrides(included.original_router, fastapi.APIRouter, ("matches", "handle")):
            return _reason(included.original_router)
    return ""


def matching_in_own_way(route: Any) -> list[Any]:
    """Routers that are included by ``route`` and may match anything."""
    return [router for router in _included(route) if overrides(router, fastapi.APIRouter, ("matches",))]


def handles_in_own_way(routes: Iterable[Any]) -> bool:
    """Whether some included router wants to handle what it matches by path alone, too: a 405."""
    return any(overrides(router, fastapi.APIRouter, ("handle",)) for route in routes for router in _included(route))


def opaque_entry(route: Any, router: Any) -> CompiledRoute:
    """That stands for all that ``router``, included by ``route``, may match."""
    prefix = getattr(route.include_context, "prefix", "")
    return CompiledRoute(prefix + "/{path:path}", [], "bridged", _reason(router), opaque=True)


def matches_in_own_way(mount: starlette.routing.Mount) -> bool:
    """Whether a subclass of Mount may match anything."""
    return bool(overrides(mount, starlette.routing.Mount, ("matches",)))


def _included(route: Any) -> Iterator[Any]:
    router = getattr(route, "original_router", None)
    if router is not None:
        yield from included_routers(router)


def _reason(router: Any) -> str:
    return f"router class {type(router).__name__} routes in its own way"
