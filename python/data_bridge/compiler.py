"""The route compiler: from finished FastAPI routes to plans that the native side executes.

This is the only module that knows FastAPI's internals. It reads what FastAPI made of every route
at start-up (its ``Dependant``, validators and serialisers) and describes it as a :class:`RoutePlan`. Whatever a
plan cannot do exactly as FastAPI would is left alone: that route, or the whole application, is
*bridged*, which means that FastAPI's own code runs through ASGI, and the reason is reported.
"""

from __future__ import annotations

import copy
import enum
import functools
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field
from types import CodeType, FunctionType
from typing import Any, Literal

from .pristine import closure_of, nested_code, patched_names
from .routes import KNOWN_FASTAPI, CompiledApp, CompiledRoute, RouteCompiler, Watch, describe_error

#: Why nothing can be compiled beside the FastAPI that is installed, where it does not even have the names below.
IMPORT_FAILURE: Exception | None = None
try:
    import fastapi
    import fastapi._compat
    import fastapi.dependencies.models
    import fastapi.dependencies.utils
    import fastapi.routing
    import pydantic
    import pydantic_core
    import starlette.concurrency
    import starlette.middleware.errors
    import starlette.middleware.exceptions
    import starlette.routing
    from fastapi import APIRouter, FastAPI, params
    from fastapi.datastructures import DefaultPlaceholder
    from fastapi.encoders import jsonable_encoder
    from fastapi.exception_handlers import http_exception_handler
    from fastapi.exceptions import ResponseValidationError
    from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
    from fastapi.routing import APIRoute, RouteContext
    from starlette.exceptions import HTTPException
    from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
    from starlette.routing import BaseRoute
except Exception as error:
    IMPORT_FAILURE = error

__all__ = ["KNOWN_FASTAPI", "Bridged", "RouteCompiler", "RoutePlan", "compile_app"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_PACKAGES = ("fastapi", "starlette")
_OUTCOME = "data_bridge.outcome"


@functools.cache
def simple_responses() -> frozenset[type[Response]]:
    """Response classes that only carry status, header fields and bytes."""
    return frozenset({Response, JSONResponse, HTMLResponse, PlainTextResponse, RedirectResponse})


def _sites() -> list[tuple[Any, tuple[str, ...]]]:
    """Where FastAPI looks up what a compiled route goes around (module or class, names)."""
    return [
        (
            fastapi.routing,
            (
                "request_response",
                "get_request_handler",
                "solve_dependencies",
                "serialize_response",
                "run_endpoint_function",
                "_build_response_args",
                "run_in_threadpool",
                "wrap_app_handling_exceptions",
                "jsonable_encoder",
                "_run_sync_endpoint",
            ),
        ),
        (
            fastapi.dependencies.utils,
            ("request_params_to_args", "request_body_to_args", "run_in_threadpool", "_get_multidict_value"),
        ),
        (FastAPI, ("__call__", "build_middleware_stack")),
        (starlette.applications.Starlette, ("__call__",)),
        (APIRoute, ("matches", "handle", "get_route_handler")),
        (APIRouter, ("app", "matches", "handle")),
        (starlette.routing.Router, ("__call__",)),
        (starlette.routing.Route, ("matches", "handle")),
        (Response, ("__call__", "__init__", "render")),
        (JSONResponse, ("render",)),
        (starlette.middleware.errors.ServerErrorMiddleware, ("__call__",)),
        (starlette.middleware.exceptions.ExceptionMiddleware, ("__call__",)),
        (AsyncExitStackMiddleware, ("__call__",)),
    ]


@functools.cache
def _request_app() -> CodeType:
    return nested_code(fastapi.routing.request_response, "app")


@functools.cache
def _handler_app() -> CodeType:
    return nested_code(fastapi.routing.get_request_handler, "app")


class Bridged(Exception):
    """Raised inside the compiler with the reason why a route, or an application, is left to ASGI."""


@dataclass(slots=True)
class ParameterPlan:
    """One argument from the path, the query or a header field."""

    location: Literal["path", "query", "header"]
    aliases: list[str]
    path_index: int = 0
    many: bool = False
    convert: Callable[[str], Any] | None = None
    validate: Callable[..., Any] | None = None
    required: bool = True
    default: Any = None
    make_default: Callable[[], Any] | None = None


@dataclass(slots=True)
class ResponsePlan:
    """What becomes of the endpoint's result."""

    status: int
    validate: Callable[..., Any] | None = None
    to_json: Callable[..., bytes] | None = None
    to_json_keywords: dict[str, Any] = field(default_factory=dict)
    invalid: Callable[[Any], BaseException] | None = None
    render: Callable[[Any], Response] | None = None
    plain_json: bool = False


@dataclass(slots=True)
class RoutePlan:
    """All that the native side needs to answer the requests of one route."""

    call: Callable[..., Any]
    threaded: Callable[..., Awaitable[Any]] | None
    parameters: list[ParameterPlan]
    body_validate: Callable[..., Any] | None
    argument_names: tuple[str, ...]
    response: ResponsePlan
    finish: Callable[[Scope, Receive, Send, Any], Awaitable[None]]
    strict_content_type: bool
    parse_json: Callable[[bytes], Any] = field(default_factory=lambda: pydantic_core.from_json)
    response_class: type[Response] = field(default_factory=lambda: Response)
    simple_classes: frozenset[type[Response]] = field(default_factory=simple_responses)


def compile_app(app: FastAPI) -> CompiledApp:
    """Read an application's routes."""
    if IMPORT_FAILURE is not None:
        raise ImportError(describe_error(IMPORT_FAILURE))
    watch = Watch([], [])
    routes: Sequence[BaseRoute] = ()
    try:
        if app.middleware_stack is None:
            app.middleware_stack = app.build_middleware_stack()
        watch = _watch(app)
        # The very ones that are watched: another thread may add one, and take it away again, while this is read.
        routes = watch.lists[0][1] if watch.lists else tuple(app.router.routes)
        _check_application(app)
    except Bridged as reason:
        return CompiledApp(list(_bridged_routes(routes, str(reason))), str(reason), str(reason), watch=watch)
    finish = _FinishFactory(app)
    return CompiledApp(
        [_compile_route(app, context, finish) for context in _contexts(routes)],
        unmatched_reason=_unmatched_reason(app),
        redirect_slashes=app.router.redirect_slashes,
        watch=watch,
    )


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


def _watch(app: FastAPI) -> Watch:
    """To be taken before the routes are read: another thread may be adding to them."""
    router = app.router
    attributes: list[tuple[Any, str, Any]] = [(app, name, vars(app).get(name)) for name in _APP_ATTRIBUTES]
    attributes += [(router, name, vars(router).get(name)) for name in _ROUTER_ATTRIBUTES]
    # FastAPI itself looks at nothing but the version of an included router.
    for included in list(_routers(router, set()))[1:]:
        attributes.append((included, "_routes_version", vars(included).get("_routes_version")))
    return Watch(attributes, [(router.routes, tuple(router.routes))] if type(router.routes) is list else [])


def _routers(router: Any, seen: set[int]) -> Iterator[Any]:
    """``router`` and all that are included in it."""
    if id(router) in seen:
        return
    seen.add(id(router))
    yield router
    for route in router.routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from _routers(included, seen)


def _unmatched_reason(app: FastAPI) -> str:
    """Why this application may answer what no route does otherwise than Starlette and FastAPI do by default."""
    router = app.router
    if getattr(router.default, "__func__", None) is not starlette.routing.Router.not_found:
        return "a default of its own"
    if any(True for _ in router._iter_low_priority_routes()):
        return "front-end files behind the routes"
    layer: Any = app.middleware_stack
    while type(layer) is not starlette.middleware.exceptions.ExceptionMiddleware:
        layer = layer.app
    if {404, 405} & layer._status_handlers.keys():
        return "an exception handler for status 404 or 405"
    if layer._exception_handlers.get(HTTPException) is not http_exception_handler:
        return "an exception handler for HTTPException"
    return ""


def _check_application(app: FastAPI) -> None:
    if patched := patched_names(_sites(), _PACKAGES):
        raise Bridged(f"patched by another package: {', '.join(patched[:3])}")
    for name in ("__call__", "build_middleware_stack"):
        if name in vars(app) or getattr(type(app), name) is not getattr(FastAPI, name):
            raise Bridged(f"{type(app).__name__} overrides {name}")
    if app.user_middleware:
        names = ", ".join(getattr(m.cls, "__name__", repr(m.cls)) for m in app.user_middleware)
        raise Bridged(f"user middleware: {names}")
    if app.max_body_size is not None:
        raise Bridged("max_body_size on the application")
    layers = []
    layer: Any = app.middleware_stack
    while layer is not app.router and layer is not None:
        layers.append(type(layer).__name__)
        layer = getattr(layer, "app", None)
    expected = [
        "ServerErrorMiddleware",
        "ExceptionTelemetryMiddleware",
        "AppBodyLimitMiddleware",
        "ExceptionMiddleware",
        "AsyncExitStackMiddleware",
    ]
    if layer is not app.router or layers != expected:
        raise Bridged("the middleware stack was changed")
    for router in _routers(app.router, set()):
        _check_router(router)


def _check_router(router: Any) -> None:
    if type(router) is not APIRouter:
        raise Bridged(f"custom router class {type(router).__name__}")
    if getattr(router.middleware_stack, "__func__", None) is not APIRouter.app:
        raise Bridged("middleware or a body limit on a router")


def _contexts(routes: Sequence[BaseRoute]) -> Iterator[RouteContext]:
    return iter(fastapi.routing.iter_route_contexts(routes))


def _bridged_routes(routes: Sequence[BaseRoute], reason: str) -> Iterator[CompiledRoute]:
    for context in _contexts(routes):
        path = context.path or ""
        methods = sorted(context.methods or ())
        yield CompiledRoute(path, methods, "bridged", reason, opaque=True)


def _compile_route(app: FastAPI, context: RouteContext, finish: _FinishFactory) -> CompiledRoute:
    original = context.original_route
    if isinstance(original, starlette.routing.Mount):
        return CompiledRoute((context.path or "") + "/{path:path}", [], "bridged", "mounted application")
    if isinstance(original, (starlette.routing.WebSocketRoute, fastapi.routing.APIWebSocketRoute)):
        return CompiledRoute(context.path or "", [], "bridged", "WebSocket", opaque=True)
    route = CompiledRoute(context.path or "", sorted(context.methods or ()), "bridged")
    route.allow = ", ".join(context.methods or ())  # in the order of the set, as Starlette and FastAPI do it
    if type(original) is starlette.routing.Route:
        route.reason = "plain Starlette route"
    elif type(original) is not APIRoute:
        route.reason, route.opaque = f"custom route class {type(original).__name__}", True
    else:
        _compile_api_route(route, context, finish)
    return route


def _compile_api_route(route: CompiledRoute, context: RouteContext, finish: _FinishFactory) -> None:
    try:
        handler = _handler_closure(context)
        operation = getattr(handler["dependant"].call, "__data_bridge_operation__", None)
        if operation is not None and not handler["dependant"].dependencies:
            route.operation, route.kind = operation, "native"
        else:
            route.plan = _RouteReader(context, handler, finish).plan()
            route.kind = "compiled"
    except Bridged as reason:
        route.reason = str(reason)
    except Exception as error:
        # A release, or a patch, that names something otherwise; FastAPI itself knows.
        route.reason = f"cannot be read: {describe_error(error)}"


def _handler_closure(context: RouteContext) -> dict[str, Any]:
    """The variables of the request handler as FastAPI built it; later changes of the route do nothing there either."""
    app = context.app
    if getattr(app, "__code__", None) is not _request_app():
        raise Bridged("the route's application is wrapped (a body limit or a patch)")
    handler = closure_of(app)["f"]
    if getattr(handler, "__code__", None) is not _handler_app():
        raise Bridged("get_route_handler is overridden")
    return closure_of(handler)


class _RouteReader:
    """Reads one APIRoute into a RoutePlan, or raises Bridged."""

    def __init__(self, context: RouteContext, handler: dict[str, Any], finish: _FinishFactory) -> None:
        self.context = context
        self.handler = handler
        self.dependant = handler["dependant"]
        self.finish = finish

    def plan(self) -> RoutePlan:
        dependant, handler = self.dependant, self.handler
        self._check_injections()
        parameters, names = self._parameters()
        body_validate = self._body(names)
        if not (isinstance(dependant.call, FunctionType) or callable(dependant.call)):
            raise Bridged("the endpoint is not callable")
        strict = handler["actual_strict_content_type"]
        return RoutePlan(
            call=dependant.call,
            threaded=None if handler["is_coroutine"] else starlette.concurrency.run_in_threadpool,
            parameters=parameters,
            body_validate=body_validate,
            argument_names=tuple(names),
            response=self._response(),
            finish=self.finish.for_route(self.context),
            strict_content_type=bool(strict),
        )

    def _check_injections(self) -> None:
        dependant, handler = self.dependant, self.handler
        if dependant.dependencies:
            raise Bridged("dependencies")
        if dependant.cookie_params:
            raise Bridged("cookie parameters")
        injected = {
            "request_param_name": "Request",
            "http_connection_param_name": "HTTPConnection",
            "response_param_name": "Response",
            "background_tasks_param_name": "BackgroundTasks",
            "security_scopes_param_name": "SecurityScopes",
            "websocket_param_name": "WebSocket",
        }
        for attribute, what in injected.items():
            if getattr(dependant, attribute):
                raise Bridged(f"takes the {what} object")
        if handler["is_sse_stream"] or handler["is_json_stream"] or self._is_generator():
            raise Bridged("streams its answer from a generator")

    def _is_generator(self) -> bool:
        return bool(
            fastapi.dependencies.models._is_gen_callable(self.dependant.call)
            or fastapi.dependencies.models._is_async_gen_callable(self.dependant.call)
        )

    def _parameters(self) -> tuple[list[ParameterPlan], list[str]]:
        plans: list[ParameterPlan] = []
        names: list[str] = []
        convertors = self.context.param_convertors
        template = list(convertors)
        for location, fields in (
            ("path", self.dependant.path_params),
            ("query", self.dependant.query_params),
            ("header", self.dependant.header_params),
        ):
            for model_field in fields:
                plans.append(_parameter(location, model_field, convertors, template))
                names.append(model_field.name)
        return plans, names

    def _body(self, names: list[str]) -> Callable[..., Any] | None:
        handler = self.handler
        if handler["body_field"] is None:
            return None
        if handler["is_body_form"]:
            raise Bridged("form or file body")
        if handler["embed_body_fields"] or len(self.dependant.body_params) != 1:
            raise Bridged("several body parameters")
        body = self.dependant.body_params[0]
        if not body.field_info.is_required():
            raise Bridged("optional body")
        names.append(body.name)
        return _validator(body)

    def _response(self) -> ResponsePlan:
        handler = self.handler
        status_code = handler["status_code"]
        status = 200 if status_code is None else int(status_code)
        if status < 200 or status in {204, 205, 304}:
            raise Bridged(f"status {status} has no body")
        response_class = handler["actual_response_class"]
        if handler["response_field"] is None:
            return ResponsePlan(
                status,
                render=_renderer(response_class, status_code),
                plain_json=response_class is JSONResponse,
            )
        if not isinstance(handler["response_class"], DefaultPlaceholder):
            raise Bridged("response model with an explicit response class")
        return self._model_response(status)

    def _model_response(self, status: int) -> ResponsePlan:
        response_field = self.handler["response_field"]
        adapter = response_field._type_adapter
        keywords: dict[str, Any] = {"by_alias": self.handler["response_model_by_alias"]}
        for name in ("include", "exclude"):
            if self.handler[f"response_model_{name}"] is not None:
                keywords[name] = self.handler[f"response_model_{name}"]
        for name in ("exclude_unset", "exclude_defaults", "exclude_none"):
            if self.handler[f"response_model_{name}"]:
                keywords[name] = True

        def invalid(content: Any) -> BaseException:
            _, errors = response_field.validate(content, {}, loc=("response",))
            context = _endpoint_context(self.context, self.dependant)
            return ResponseValidationError(errors=errors, body=content, endpoint_ctx=context)

        return ResponsePlan(
            status,
            validate=_validator(response_field),
            to_json=adapter.serializer.to_json,
            to_json_keywords=keywords,
            invalid=invalid,
        )


def _endpoint_context(context: RouteContext, dependant: Any) -> Any:
    endpoint_context = dict(fastapi.routing._extract_endpoint_context(dependant.call))
    if dependant.path:
        method = next(iter(context.methods or ("GET",)))
        endpoint_context["path"] = f"{method} {dependant.path}"
    return endpoint_context


def _validator(model_field: Any) -> Callable[..., Any]:
    """The very method that ``TypeAdapter.validate_python`` calls; with a Pydantic plugin it is the plugin's."""
    try:
        return model_field._type_adapter.validator.validate_python  # type: ignore[no-any-return]
    except pydantic.PydanticUserError as error:
        raise Bridged(f"the type of {model_field.name!r} is not complete") from error


def _parameter(location: Any, model_field: Any, convertors: dict[str, Any], template: list[str]) -> ParameterPlan:
    info = model_field.field_info
    if not isinstance(info, params.Param) or fastapi.dependencies.utils._get_param_model(model_field) is not None:
        raise Bridged(f"parameter model {model_field.name!r}")
    aliases = [alias for _, alias in fastapi.dependencies.utils._get_param_aliases(model_field)]
    plan = ParameterPlan(location, aliases, validate=_validator(model_field))
    adapter = model_field._type_adapter
    if adapter.core_schema == {"type": "str"} and type(adapter.validator) is pydantic_core.SchemaValidator:
        plan.validate = None  # any str is valid as it is
    if location == "path":
        if aliases[0] not in template:
            raise Bridged(f"path parameter {model_field.name!r} is not in the path")
        plan.path_index = template.index(aliases[0])
        convertor = convertors[aliases[0]]
        if type(convertor) not in {starlette.convertors.StringConvertor, starlette.convertors.PathConvertor}:
            plan.convert = convertor.convert
        return plan
    is_json = fastapi.dependencies.utils._is_json_field(model_field)
    plan.many = not is_json and fastapi._compat.field_annotation_is_sequence(info.annotation)
    plan.required = info.is_required()
    if not plan.required:
        _default(plan, model_field)
    return plan


_IMMUTABLE = (str, bytes, int, float, bool, complex, type(None), enum.Enum)


def _default(plan: ParameterPlan, model_field: Any) -> None:
    if model_field.field_info.validate_default:
        raise Bridged(f"the default of {model_field.name!r} is validated")
    if model_field.field_info.default_factory is None and isinstance(model_field.default, _IMMUTABLE):
        plan.default = model_field.default
    else:
        plan.make_default = lambda: copy.deepcopy(model_field.default)


def _renderer(response_class: type[Response], status_code: int | None) -> Callable[[Any], Response]:
    arguments: dict[str, Any] = {"background": None}
    if status_code:
        arguments["status_code"] = status_code

    def render(content: Any) -> Response:
        return response_class(jsonable_encoder(content), **arguments)

    return render


class _FinishFactory:
    """FastAPI's layers around an outcome that is already there.

    An exception that an endpoint raised, or a response that streams, has background tasks or
    sends files, is handed to a second copy of the application's middleware stack whose innermost
    part does not route but brings that outcome, through FastAPI's own ``request_response``.
    Exception handlers, exit stacks and error responses are therefore FastAPI's own.
    """

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        replica = copy.copy(app)
        replica.router = _outcome_router  # type: ignore[assignment]
        self.stack: ASGIApp = FastAPI.build_middleware_stack(replica)

    def for_route(self, context: RouteContext) -> Callable[[Scope, Receive, Send, Any], Awaitable[None]]:
        app, stack = self.app, self.stack

        async def finish(scope: Scope, receive: Receive, send: Send, outcome: Any) -> None:
            if app.root_path:
                scope["root_path"] = app.root_path
            scope["app"] = app
            scope[_OUTCOME] = (app.router, context, outcome)
            await stack(scope, receive, send)

        return finish


async def _outcome_router(scope: Scope, receive: Receive, send: Send) -> None:
    router, context, outcome = scope.pop(_OUTCOME)
    scope["router"] = router
    effective = context._route_context
    if effective is None:
        _, child_scope = context.route.matches(scope)
    else:
        _, child_scope = effective.matches(scope)
        scope["fastapi"] = {"effective_route_context": effective}
    scope.update(child_scope)
    scope["route"] = context.original_route

    async def bring(_request: Any) -> Response:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome  # type: ignore[no-any-return]

    await fastapi.routing.request_response(bring)(scope, receive, send)
