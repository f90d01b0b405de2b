"""What the installed FastAPI has, and how it behaves: one expression each over what is there, never over its version.

The comments say in which release of FastAPI a thing came, or changed.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any, get_args

import fastapi
import fastapi._compat
import fastapi.dependencies.models
import fastapi.dependencies.utils
import fastapi.exceptions
import fastapi.routing
import starlette.routing
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel
from starlette.datastructures import URL

from ..dialect import NULL_IS_ABSENT as NULL_IS_ABSENT
from .generator_exits import GeneratorRules
from .thread_exits import with_lean_exits

_utils: Any = fastapi.dependencies.utils
_models: Any = fastapi.dependencies.models
_routing: Any = fastapi.routing


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)


def _constants_in(code: CodeType) -> Iterator[Any]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _constants_in(constant)
        else:
            yield constant


def _parameters(function: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(function).parameters)


#: Defaults are validated at every request (0.112.4 to 0.147).
VALIDATES_DEFAULTS = "deepcopy" in _names_in(_utils._get_multidict_value.__code__)

#: A default that asks for it is validated, that of a body too (0.148).
VALIDATES_ON_DEMAND = "validate_default" in _utils._validate_value_with_model_field.__code__.co_names

#: Errors say where the endpoint is (0.124).
HAS_ENDPOINT_CONTEXT = hasattr(fastapi.routing, "_extract_endpoint_context")

#: An endpoint that is a generator streams what it yields (0.134); before, its generator was a result like any other.
STREAMS_GENERATORS = "is_json_stream" in _parameters(fastapi.routing.get_request_handler)

#: The layer that closes the files of a form (0.118); None: the request handler does.
EXIT_STACK_LAYER: Any = None
with contextlib.suppress(ImportError):
    from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware as EXIT_STACK_LAYER

#: request_response() is FastAPI's own, and keeps a stack of exits around the answer (0.118, too); before, the request
#: handler did, and what it has to exit it exits before the answer.
EXITS_BEHIND_ANSWER = EXIT_STACK_LAYER is not None

#: Dependencies have scopes, "function" and "request", and there are two stacks (0.121).
HAS_FUNCTION_STACK = "fastapi_function_astack" in _constants_in(_utils.solve_dependencies.__code__)

#: Routers are kept as a tree; iter_route_contexts() walks it (0.137.2; 0.137.0 had it by another name).
_ROUTE_CONTEXTS = getattr(fastapi.routing, "iter_route_contexts", None)
HAS_ROUTER_TREE = hasattr(fastapi.routing, "_IncludedRouter")

#: The slash redirect is that of the native router (Starlette 1.9).
REDIRECTS_AS_WE_DO = {"%5C", "/%2F"} <= set(_constants_in(URL.__init__.__code__))

#: Routing leaves a plain route in the scope: Starlette's own router does, newer releases of FastAPI's do not.
PLAIN_ROUTE_IN_SCOPE = (
    APIRouter.app is starlette.routing.Router.app and "route" in starlette.routing.Router.app.__code__.co_consts
)


@functools.cache
def own_layers() -> list[str]:
    """The layers that FastAPI itself puts around its router, from the outside."""
    layers = [
        "ServerErrorMiddleware",
        "ExceptionTelemetryMiddleware",  # 0.142
        "AppBodyLimitMiddleware",  # 0.164
        "ExceptionMiddleware",
        "AsyncExitStackMiddleware",  # 0.118
    ]
    built = set(_names_in(FastAPI.build_middleware_stack.__code__))
    return [name for name in layers if name in built]


def _find(name: str) -> Any:
    """In fastapi._compat, which was a module, and became a package (0.119) that exports it again later (0.128)."""
    for module in (fastapi._compat, getattr(fastapi._compat, "shared", None)):
        if hasattr(module, name):
            return getattr(module, name)
    raise ImportError(f"fastapi._compat has no {name}")


_field_annotation_is_sequence = _find("field_annotation_is_sequence")


# --- parameters ------------------------------------------------------------------------------------


def aliases(field: Any) -> list[str]:
    """The names under which a parameter is looked for, in order."""
    if hasattr(_utils, "_get_param_aliases"):  # 0.156.3
        return [alias for _, alias in _utils._get_param_aliases(field)]
    if hasattr(_utils, "get_validation_alias"):  # 0.124.4
        return [_utils.get_validation_alias(field)]
    return [field.alias]


def is_parameter_model(field: Any) -> bool:
    """Whether the parameter is a model whose fields are the parameters."""
    if hasattr(_utils, "_get_param_model"):  # 0.159
        return _utils._get_param_model(field) is not None
    annotation = field.field_info.annotation
    return inspect.isclass(annotation) and issubclass(annotation, BaseModel)


def is_json(field: Any) -> bool:
    """Whether a str is decoded, so that what it is decoded to is no matter of extraction (0.128.2)."""
    check = getattr(_utils, "_is_json_field", None)
    return check is not None and bool(check(field))


def is_sequence(field: Any) -> bool:
    """Whether all values of that name are wanted."""
    return bool(_field_annotation_is_sequence(field.field_info.annotation))


def mentions(annotation: Any, kinds: tuple[type, ...]) -> bool:
    """Whether a parameter of that type may be one of ``kinds``; also where that cannot be told."""
    if inner := get_args(annotation):
        return any(mentions(item, kinds) for item in inner if isinstance(item, type) or get_args(item))
    return not isinstance(annotation, type) or issubclass(annotation, kinds)


def form_limits(scope: Any, own: Any) -> dict[str, Any]:
    """Keywords of ``request.form()`` (0.165)."""
    if not hasattr(fastapi.routing, "_resolve_form_limits"):
        return {}
    return dict(fastapi.routing._resolve_form_limits(scope.get("fastapi", {}), own))


# --- dependencies ----------------------------------------------------------------------------------


def _classifier(name: str) -> Callable[[Any], bool]:
    if hasattr(_models, f"_{name}"):  # 0.140: _is_gen_callable(call) in models
        return lambda dependant: bool(getattr(_models, f"_{name}")(dependant.call))
    if hasattr(_models.Dependant, name):  # 0.121: a property of the Dependant
        return lambda dependant: bool(getattr(dependant, name))
    return lambda dependant: bool(getattr(_utils, name)(dependant.call))


is_generator = _classifier("is_gen_callable")
is_async_generator = _classifier("is_async_gen_callable")
is_coroutine = _classifier("is_coroutine_callable")


def cache_key(dependant: Any) -> Any:
    """Dependencies of one key share a result."""
    if hasattr(_models, "_get_cache_key"):  # 0.140
        return _models._get_cache_key(dependant=dependant)
    return dependant.cache_key


def oauth_scopes(dependant: Any) -> list[str]:
    """What SecurityScopes has there."""
    if hasattr(_models, "_get_oauth_scopes"):  # 0.140
        return list(_models._get_oauth_scopes(dependant=dependant))
    if hasattr(dependant, "oauth_scopes"):  # 0.123
        return list(dependant.oauth_scopes or [])
    return list(dependant.security_scopes or [])


def enter() -> Callable[[Any, Any, dict[str, Any], Any], Any]:
    """(dependant, stack, arguments, request) -> awaitable of what the generator yields."""
    if hasattr(_utils, "solve_generator"):
        solve = with_lean_exits(_utils.solve_generator, _utils)
        return lambda dependant, stack, values, _: solve(call=dependant.call, stack=stack, sub_values=values)
    solve = with_lean_exits(_utils._solve_generator, _utils)
    if "request" not in _parameters(solve):  # 0.162
        return lambda dependant, stack, values, _: solve(dependant=dependant, stack=stack, sub_values=values)
    return lambda dependant, stack, values, request: solve(
        dependant=dependant, stack=stack, sub_values=values, request=request
    )


@functools.cache
def generator_rules() -> GeneratorRules:
    """How async generators are left."""
    solve = getattr(_utils, "_solve_generator", None) or getattr(_utils, "solve_generator", None)
    return GeneratorRules(solve, _utils)


# --- routes ----------------------------------------------------------------------------------------


class RouteView:
    """A route as it is tried: one of an included router with what the inclusion adds.

    ``original``: as it was declared. ``effective``: what has its handler, its dependencies and its path.
    ``context``: the _EffectiveRouteContext, where there is one.
    """

    def __init__(self, route: Any, context: Any = None) -> None:
        self.route = route
        self.context = context
        self.original = route if context is None else context.original_route
        starlette_route = getattr(context, "starlette_route", None)
        self.effective = starlette_route or context or route

    @property
    def path(self) -> str:
        """The template, with all prefixes."""
        return getattr(self.effective, "path", "") or ""

    @property
    def methods(self) -> Any:
        """A set, or None for any."""
        return getattr(self.effective, "methods", None)

    @functools.cached_property
    def app(self) -> Any:
        """What ``request_response`` has made of the route's handler."""
        context = self.context
        if context is None:
            return self.original.app
        if hasattr(context, "app"):  # 0.142.4
            return context.app
        # Before, it was built for every request.
        variable = _routing._effective_route_context_var
        token = variable.set(context)
        try:
            return fastapi.routing.request_response(self.original.get_route_handler())
        finally:
            variable.reset(token)


def route_views(routes: Any) -> Iterator[RouteView]:
    """All routes, those of included routers among them, in the order in which they are tried."""
    if _ROUTE_CONTEXTS is not None:
        for found in _ROUTE_CONTEXTS(routes):
            yield RouteView(found.route, found._route_context)
    elif HAS_ROUTER_TREE:
        for route, context in _routing._iter_routes_with_context(routes):
            yield RouteView(route, context)
    else:
        for route in routes:
            yield RouteView(route)


#: An included route's handler is built for every request: code around it would be, too.
BUILDS_HANDLERS_AGAIN = HAS_ROUTER_TREE and "app" not in _routing._EffectiveRouteContext.__annotations__
