"""FastAPI's objects, read into facts: the only module that knows how its releases keep what they know."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import email.message
import enum
import functools
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from types import CodeType, FunctionType
from typing import Any

import fastapi
import fastapi._compat
import fastapi.dependencies.models
import fastapi.dependencies.utils
import fastapi.routing
import pydantic
import pydantic_core
import starlette.applications
import starlette.concurrency
import starlette.middleware.errors
import starlette.middleware.exceptions
import starlette.requests
import starlette.routing
from fastapi import APIRouter, BackgroundTasks, FastAPI, params
from fastapi._compat import Undefined
from fastapi.datastructures import DefaultPlaceholder
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.routing import APIRoute
from fastapi.security import SecurityScopes
from fastapi.utils import is_body_allowed_for_status_code
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from .. import _core
from ..dialect import WRITES_BY_PYDANTIC
from ..inner_apps import applications_in
from ..routes import Watch
from . import features, forms
from .facts import (
    BodyFacts,
    Bridged,
    CallFacts,
    CallKind,
    FieldFacts,
    FormFacts,
    Injected,
    Location,
    LooseFacts,
    ResponseFacts,
    RouteFacts,
    ScopeFacts,
)
from .features import RouteView
from .finish import FILES, HANDLER_STACK, InnerFinish, NativeFinish, answered, exit_in_handler, finish, make_stack
from .generator_exits import end_again
from .limits import body_limit, limited_call, with_inner
from .native_middleware import NativeLayers, read_layers
from .own_layers import Stack, read_stack
from .plan import Services, make_plan
from .pristine import (
    closure_of,
    functions_inside,
    is_own_function,
    nested_code,
    overrides,
    own_function,
    patched_names,
    rebuilt,
)
from .prototypes import prototype
from .response_schema import read_schema
from .security import credential
from .source_fingerprint import fingerprint
from .streams import stream_maker
from .threads import run_in_threadpool

_PACKAGES = ("fastapi", "starlette")

#: Where FastAPI looks up what a compiled route goes around within the application's layers.
_INNER_SITES: list[tuple[Any, tuple[str, ...]]] = [
    (
        fastapi.routing,
        (
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
        (
            "request_params_to_args",
            "request_body_to_args",
            "run_in_threadpool",
            "_get_multidict_value",
            "_solve_generator",
            "_validate_value_with_model_field",
        ),
    ),
    (APIRoute, ("matches", "handle")),
    (APIRouter, ("app", "matches", "handle")),
    (starlette.routing.Route, ("matches", "handle")),
    (Response, ("__call__", "__init__", "render")),
    (JSONResponse, ("render",)),
    (Request, ("__init__", "body", "json", "stream")),
]

#: And what it goes around besides, where it answers outside of them.
_OUTER_SITES: list[tuple[Any, tuple[str, ...]]] = [
    (FastAPI, ("__call__", "build_middleware_stack")),
    (starlette.applications.Starlette, ("__call__",)),
    (starlette.routing.Router, ("__call__",)),
    (starlette.middleware.errors.ServerErrorMiddleware, ("__call__",)),
    (starlette.middleware.exceptions.ExceptionMiddleware, ("__call__",)),
    (features.EXIT_STACK_LAYER, ("__call__",)),
]


@functools.cache
def _request_app() -> CodeType:
    module = fastapi.routing if features.EXITS_BEHIND_ANSWER else starlette.routing
    return nested_code(own_function(module, "request_response"), "app")


@functools.cache
def _handler_app() -> CodeType:
    return nested_code(own_function(fastapi.routing, "get_request_handler"), "app")


@functools.cache
def _plain_request_app() -> CodeType:
    return nested_code(own_function(starlette.routing, "request_response"), "app")


def _present(sites: list[tuple[Any, tuple[str, ...]]]) -> Iterator[tuple[Any, list[str]]]:
    """Those that this release has."""
    for owner, names in sites:
        if owner is not None:
            yield owner, [name for name in names if name in vars(owner)]


# --- the application -------------------------------------------------------------------------------


def build_stack(app: FastAPI) -> None:
    """Have the application's middleware stack built, as its first request would."""
    if app.middleware_stack is None:
        app.middleware_stack = app.build_middleware_stack()


def check_compilable(app: FastAPI) -> None:
    """Raise :class:`Bridged` where no route of ``app`` may be compiled."""
    if patched := patched_names(_present(_INNER_SITES), _PACKAGES):
        raise Bridged(f"patched by another package: {', '.join(patched[:3])}")


def own_stack(app: FastAPI) -> Stack:
    """FastAPI's own layers in the stack of ``app``; raises :class:`Bridged` where something else may be in them."""
    if patched := patched_names(_present(_OUTER_SITES), _PACKAGES):
        raise Bridged(f"patched by another package: {', '.join(patched[:3])}")
    return read_stack(app)


def bare_layers(app: FastAPI, stack: Stack) -> NativeLayers:
    """The native layers around what is answered outside of the application's own.

    Raises :class:`Bridged` with the reason why routes of ``app`` are answered within its layers, not outside.
    """
    declared: list[Any] = [middleware.cls for middleware in app.user_middleware]
    if not stack.inside or list(map(type, stack.middleware)) != declared:
        if not declared:
            raise Bridged("the middleware stack was changed")
        names = ", ".join(getattr(middleware, "__name__", repr(middleware)) for middleware in declared)
        raise Bridged(f"user middleware: {names}")
    return read_layers(stack.middleware)


def unmatched_reason(app: FastAPI) -> str:
    """Why this application may answer what no route does otherwise than Starlette and FastAPI do by default."""
    if not features.REDIRECTS_AS_WE_DO:
        return "Starlette's redirects are another release's"
    router = app.router
    if getattr(router.default, "__func__", None) is not starlette.routing.Router.not_found:
        return "a default of its own"
    low_priority = getattr(router, "_iter_low_priority_routes", lambda: ())
    if any(True for _ in low_priority()):
        return "front-end files behind the routes"
    layer: Any = app.middleware_stack
    while not isinstance(layer, starlette.middleware.exceptions.ExceptionMiddleware):
        layer = layer.app
    if {404, 405} & layer._status_handlers.keys():
        return "an exception handler for status 404 or 405"
    if layer._exception_handlers.get(HTTPException) is not fastapi.exception_handlers.http_exception_handler:
        return "an exception handler for HTTPException"
    return ""


def has_own_app(router: Any) -> bool:
    """Whether ``router`` routes by FastAPI's own code, without middleware or a body limit of its own."""
    stack = router.middleware_stack
    return getattr(stack, "__func__", None) is APIRouter.app and getattr(stack, "__self__", None) is router


def is_api_route(route: Any) -> bool:
    """Whether ``route`` is an APIRoute, or a subclass that overrides nothing of what is compiled."""
    return isinstance(route, APIRoute) and not overrides(route, APIRoute, ("matches", "handle"))


#: How the native router matches convertors; another regex is another language.
_REGEXES = {
    starlette.convertors.StringConvertor: "[^/]+",
    starlette.convertors.PathConvertor: ".*",
    starlette.convertors.IntegerConvertor: "[0-9]+",
    starlette.convertors.FloatConvertor: r"[0-9]+(\.[0-9]+)?",
    starlette.convertors.UUIDConvertor: (
        "[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}"
    ),
}


def matches_as_we_do(view: RouteView) -> bool:
    """False where one of Starlette's convertors is another release's; custom ones are seen by the native router."""
    convertors = getattr(view.effective, "param_convertors", None) or {}
    return all(_REGEXES.get(type(convertor), convertor.regex) == convertor.regex for convertor in convertors.values())


def mounted_apps(route: Any) -> Iterator[tuple[str, FastAPI]]:
    """The FastAPI applications that are mounted there, or in code that is, and their paths from there."""
    return applications_in(getattr(route, "app", None), FastAPI)


def services(app: FastAPI, layers: NativeLayers | None, stack: Stack | None = None) -> Services:
    """What the programs of ``app`` call. ``layers``: what :func:`bare_layers` has found; None where it was against.
    ``stack``: likewise of :func:`own_stack`.
    """
    # Which makes a second copy of the stack: not of middleware that is the application's, and not known.
    native = NativeFinish(app, layers.sessions) if layers is not None else None
    inner = InnerFinish(stack) if stack is not None and stack.inside else None
    rules = features.generator_rules()
    return Services(
        begin=None if native is None else native.begin,
        begin_inside=None if inner is None else inner.begin,
        session=None if layers is None else layers.sessions,
        make_stack=make_stack,
        request_stack_key="fastapi_inner_astack" if features.EXITS_BEHIND_ANSWER else None,
        function_stack_key="fastapi_function_astack" if features.HAS_FUNCTION_STACK else None,
        files_key=FILES if features.EXITS_BEHIND_ANSWER else None,
        cleanup_key="fastapi_async_cleanup_scopes" if rules.outside_scopes_only else None,
        exit_manager=rules.make_manager,
        exit_function=rules.manager and rules.manager.__aexit__,
        end_again=end_again,
        generators_outside_scopes=rules.outside_scopes_only,
        request_class=Request,
        reads_as_usual=_reads_as_usual,
        make_request=prototype(Request, _OWN, {"type": "http"}, object(), object()),
        make_headers=prototype(_make_headers, _OWN, object()),
        make_response=prototype(_make_response, _OWN),
        make_tasks=prototype(BackgroundTasks, _OWN),
        run_in_thread=run_in_threadpool,
        parse_cookies=_parse_cookies,
        parse_json=pydantic_core.from_json,
        json_watch=_json_watch(),
        undefined=_ABSENT,
        validation_error=pydantic_core.ValidationError,
        answered=answered,
        # Native middleware wants to see what is answered in one piece.
        answers_before_exits=features.EXITS_BEHIND_ANSWER and not (layers is not None and app.user_middleware),
        finish=finish,
        finish_native=native,
        finish_inside=inner,
        response_class=Response,
        only_bytes=_only_bytes,
    )


def _json_watch() -> Watch:
    """The parser of bodies, which is replaced while programs run; always another where it is none of Python's."""
    loads = json.loads if is_own_function(json.loads, ("json",)) else None
    return Watch([(starlette.requests, "json", json), (json, "loads", loads)], [])


#: Whose classes are made by prototypes.
_OWN = ("starlette", "fastapi")


def _make_headers(fields: Any) -> Headers:
    return Headers(raw=fields)


def _make_response() -> Response:
    response = Response()
    del response.headers["content-length"]
    response.status_code = None  # type: ignore[assignment]
    return response


def _reads_as_usual(kind: type) -> bool:
    names = ("headers", "query_params", "cookies", "path_params", "scope")
    return issubclass(kind, Request) and not overrides(kind, Request, names)


def _known_cookie_parser() -> Any:
    found = starlette.requests.cookie_parser
    known = is_own_function(found, ("starlette",)) and fingerprint(found) == "21a35ca620f2"  # Starlette 0.37
    return found if known else None


#: What is done natively where a field is plain; None where that is not in its place.
_COOKIE_PARSER = _known_cookie_parser()


def _parse_cookies(fields: list[str]) -> dict[str, str]:
    if len(fields) == 1:
        parser = starlette.requests.cookie_parser
        plain = _core.plain_cookies(fields[0]) if parser is _COOKIE_PARSER else None
        return parser(fields[0]) if plain is None else plain
    headers = [(b"cookie", value.encode("latin-1")) for value in fields]
    return Request({"type": "http", "headers": headers}).cookies


def _only_bytes(kind: type) -> bool:
    """Whether the answer of such a response is its status, its header fields and its bytes."""
    return isinstance(kind, type) and issubclass(kind, Response) and kind.__call__ is Response.__call__


# --- a route ---------------------------------------------------------------------------------------


class Places:
    """Where an application's routes stand: found for all of them at once."""

    def __init__(self, routes: Sequence[Any]) -> None:
        #: By route: whether an included router was tried before it.
        self.tried: dict[int, bool] = {}
        #: By effective route: the included routers that lead to it, from the outside.
        self.chains: dict[int, list[Any]] = {}
        tried = False
        for route in routes:
            self.tried[id(route)] = tried
            tried = tried or hasattr(route, "original_router")
        self._look_into(routes, [])

    def chain(self, view: RouteView) -> list[Any]:
        """The included routers that lead to it, from the outside, as far as a release keeps them."""
        return self.chains.get(id(view.context), [])

    def _look_into(self, routes: Sequence[Any], chain: list[Any]) -> None:
        for route in routes:
            if hasattr(route, "effective_candidates"):
                candidates = route.effective_candidates()
                for candidate in candidates:
                    self.chains.setdefault(id(candidate), [*chain, route])
                self._look_into(candidates, [*chain, route])


def read_route(app: FastAPI, places: Places, view: RouteView, services: Services) -> RouteFacts:
    """The facts of one APIRoute. Raises :class:`Bridged`."""
    handler, outside = handlers_of(view)
    facts = _Reader(app, places, view, handler).read()
    limit, _ = body_limit(view.app)
    return facts if outside is None and limit is None else _within(facts, services, view, handler)


def _within(facts: RouteFacts, services: Services, view: RouteView, handler: FunctionType) -> RouteFacts:
    """Those of a route whose request handler has somebody's code around it, or a limit, which stays there."""
    if features.EXITS_BEHIND_ANSWER:
        native = _core.CompiledHandler(make_plan(facts, services, given_request=True), handler)

        async def compiled(request: Request) -> Any:
            return await native(request)

    else:  # the request handler exits what it has entered
        services = dataclasses.replace(services, request_stack_key=HANDLER_STACK)
        native = _core.CompiledHandler(make_plan(facts, services, given_request=True), handler)

        async def compiled(request: Request) -> Any:
            return await exit_in_handler(native, request)

    limit, inner = body_limit(view.app)
    return dataclasses.replace(
        facts,
        endpoint=CallFacts(with_inner(limit, rebuilt(inner, {id(handler): compiled})), "application"),
        body=None,
        overrides=None,
        has_stacks=False,
    )


def native_operation(view: RouteView) -> tuple[Any, str]:
    """The native operation that the route's endpoint stands for; None: it is an ordinary one. And of which values that
    leaves requests to the endpoint; "": of none."""
    handler, outside = handlers_of(view)
    if outside is not None or body_limit(view.app)[0] is not None:
        return None, ""
    dependant = closure_of(handler)["dependant"]
    if dependant.dependencies:
        return None, ""
    call = dependant.call
    return getattr(call, "__data_bridge_operation__", None), getattr(call, "__data_bridge_doubts__", "")


def read_plain_route(app: FastAPI, places: Places, view: RouteView) -> RouteFacts:
    """The facts of a route of Starlette's own: ``endpoint(request) -> response``. Raises :class:`Bridged`."""
    route: Any = view.effective
    if any(getattr(included.include_context, "max_body_size", None) is not None for included in places.chain(view)):
        raise Bridged("a body limit on the router that includes a plain Starlette route")
    if getattr(route.app, "__code__", None) is not _plain_request_app():
        raise Bridged("plain Starlette route whose endpoint is an ASGI application, or has middleware")
    function = _handler_of(route.app)
    kind: CallKind = "async"
    if isinstance(function, functools.partial) and function.func is starlette.concurrency.run_in_threadpool:
        function, kind = function.args[0], "thread"

    def as_it_is(content: Any, _injected: Any, _tasks: Any) -> Any:
        return content

    return RouteFacts(
        endpoint=CallFacts(function, kind, takes_request=True),
        body=None,
        response=ResponseFacts(200, render=as_it_is, wrap=as_it_is),
        scope=_scope_facts(
            app,
            places,
            view,
            route.param_convertors,
            route.endpoint,
            route if features.PLAIN_ROUTE_IN_SCOPE else None,
        ),
        overrides=None,
        invalid_request=None,
        has_stacks=False,
    )


def handlers_of(view: RouteView) -> tuple[FunctionType, FunctionType | None]:
    """The request handler as FastAPI built it, and what somebody has put around it, if so.

    Its variables are those that are used; later changes of the route do nothing in FastAPI either.
    """
    _, app = body_limit(view.app)
    if getattr(app, "__code__", None) is not _request_app():
        raise Bridged("the route's application is wrapped")
    outermost = _handler_of(app)
    if getattr(outermost, "__code__", None) is _handler_app():
        return outermost, None
    found = {id(function): function for function in functions_inside(outermost) if function.__code__ is _handler_app()}
    if len(found) != 1:
        raise Bridged("get_route_handler is overridden, and does not call FastAPI's")
    if features.BUILDS_HANDLERS_AGAIN and view.context is not None:
        raise Bridged("get_route_handler is overridden, and called for every request")
    return next(iter(found.values())), outermost


def _handler_of(app: Any) -> Any:
    """What ``request_response`` calls."""
    variables = closure_of(app)
    return variables["f"] if "f" in variables else variables["func"]  # Starlette before 0.38


class _Reader:
    def __init__(self, app: FastAPI, places: Places, view: RouteView, handler: FunctionType):
        self.app = app
        self.places = places
        self.view = view
        self.function = handler
        self.handler = closure_of(handler)
        self.dependant = self.handler["dependant"]

    def read(self) -> RouteFacts:
        handler = self.handler
        endpoint = self.call(self.dependant)
        return RouteFacts(
            endpoint=endpoint,
            body=self.body(),
            response=self.response(),
            scope=self.scope(),
            overrides=handler["dependency_overrides_provider"],
            invalid_request=self.invalid_request,
        )

    # --- what is called ---

    def call(self, dependant: Any, *, depth: int = 0) -> CallFacts:
        call = dependant.call
        if not callable(call):
            raise Bridged("the endpoint is not callable")
        if dependant.websocket_param_name:
            raise Bridged("takes the WebSocket object")
        kind: CallKind = "thread"
        if depth and _is_generator(dependant):
            kind = "enter"
        elif _is_generator(dependant):
            if not features.STREAMS_GENERATORS:
                raise Bridged("the endpoint is a generator")
            kind = "stream"
        elif self.handler["is_coroutine"] if depth == 0 else features.is_coroutine(dependant):
            kind = "async"
        facts = CallFacts(call, kind, name=dependant.name, use_cache=dependant.use_cache)
        concurrency = getattr(dependant, "concurrency", None)
        if concurrency is not None and kind in ("async", "thread"):  # of a generator, entering it sees to that
            facts.call, facts.kind = limited_call(call, concurrency, threaded=kind == "thread"), "async"
        if depth:
            facts.key = features.cache_key(dependant)
            facts.function_scope = getattr(dependant, "scope", None) == "function"
            facts.credential = credential(call) if kind == "async" else None
        if kind == "enter":
            facts.enter = _enter(dependant)
            if features.generator_rules().manager and features.is_async_generator(dependant) and concurrency is None:
                facts.generator = call
        if kind == "stream":
            facts.stream = stream_maker(self.function, call)
        facts.dependencies = [self.call(child, depth=depth + 1) for child in dependant.dependencies]
        self.fields(dependant, facts)
        self.injected(dependant, facts)
        return facts

    def injected(self, dependant: Any, facts: CallFacts) -> None:
        names: list[tuple[str, Injected]] = [
            ("http_connection_param_name", "request"),
            ("request_param_name", "request"),
            ("background_tasks_param_name", "background_tasks"),
            ("response_param_name", "response"),
        ]
        for attribute, kind in names:
            if name := getattr(dependant, attribute):
                facts.injected.append((kind, name))
        if name := dependant.security_scopes_param_name:
            scopes = features.oauth_scopes(dependant)
            facts.made.append((name, lambda: SecurityScopes(scopes=list(scopes))))

    # --- with what ---

    def fields(self, dependant: Any, facts: CallFacts) -> None:
        locations: list[tuple[Location, list[Any], Callable[[Any], Any]]] = [
            ("path", dependant.path_params, lambda request: request.path_params),
            ("query", dependant.query_params, lambda request: request.query_params),
            ("header", dependant.header_params, lambda request: request.headers),
            ("cookie", dependant.cookie_params, lambda request: request.cookies),
        ]
        for location, fields, received in locations:
            if any(_is_loose(field, location) for field in fields):
                facts.fields.append(LooseFacts(location, [field.name for field in fields], _read(fields, received)))
            else:
                facts.fields += [self.field(location, field) for field in fields]
        if dependant.body_params:
            facts.fields.append(self.body_field(dependant.body_params))

    def field(self, location: Location, model_field: Any) -> FieldFacts:
        aliases = features.aliases(model_field)
        facts = _field(location, model_field, aliases, lambda index: (location, aliases[index]))
        if model_field._type_adapter.core_schema == {"type": "str"} and _is_without_plugins(model_field):
            facts.validate = None  # any str is valid as it is
        sequence = features.is_sequence(model_field)
        if location == "path":
            template = list(self.view.effective.param_convertors)
            if aliases[0] not in template:
                raise Bridged(f"path parameter {model_field.name!r} is not in the path")
            facts.path_index = template.index(aliases[0])
        elif location != "cookie":
            facts.many = sequence
        return facts

    def body_field(self, fields: list[Any]) -> FieldFacts | LooseFacts:
        handler = self.handler
        if not handler["is_body_form"] and not handler["embed_body_fields"] and len(fields) == 1:
            facts = _field("body", fields[0], [fields[0].alias], lambda _: ("body",))
            facts.null_is_absent = features.NULL_IS_ABSENT
            facts.validate_default = features.VALIDATES_ON_DEMAND and bool(fields[0].field_info.validate_default)
            return facts
        embed = handler["embed_body_fields"]

        def read(body: Any) -> Awaitable[Any]:
            return fastapi.dependencies.utils.request_body_to_args(
                body_fields=fields, received_body=body, embed_body_fields=embed
            )

        loose = LooseFacts("body", [field.name for field in fields], read)
        if handler["is_body_form"] and embed and not any(map(_is_special_in_forms, fields)):
            loose.fields = [self.form_field(field) for field in fields]
        return loose

    def form_field(self, model_field: Any) -> FieldFacts:
        aliases = features.aliases(model_field)
        facts = _field("form", model_field, aliases, lambda index: ("body", aliases[index]))
        facts.many = features.is_sequence(model_field)
        return facts

    def body(self) -> BodyFacts | None:
        handler = self.handler
        if handler["body_field"] is None:
            return None
        return BodyFacts(
            strict_content_type=bool(handler.get("actual_strict_content_type")),
            decode=self.decode_body,
            unreadable=self.unreadable,
            read=self.read_body,
            form=self.form() if handler["is_body_form"] else None,
        )

    async def read_body(self, request: Request) -> Any:
        """Of a Request that somebody else has made, perhaps of a class that reads its body in its own way."""
        if self.handler["is_body_form"]:
            return await self.read_form(request, request.scope.get(HANDLER_STACK))
        with self.reading(request.scope):
            body = await request.body()
            if not body:
                return _ABSENT
            kind = request.headers.get("content-type")
            if not kind:
                return body if self.handler.get("actual_strict_content_type") else await request.json()
            message = email.message.Message()
            message["content-type"] = kind
            subtype = message.get_content_subtype()
            if message.get_content_maintype() == "application" and (subtype == "json" or subtype.endswith("+json")):
                return await request.json()
            return body

    def form(self) -> FormFacts:
        inherited = (_fastapi_scope(self.app, self.places, self.view) or {}).get("form_limits")
        scope = {"fastapi": {} if inherited is None else {"form_limits": inherited}}
        limits = features.form_limits(scope, self.handler.get("form_limits"))
        return FormFacts(self.read_form, forms.native_form(limits, inherited, self.read_form))

    async def read_form(self, request: Request, stack: Any) -> Any:
        """``stack``: of the request, which closes the files where no layer does (before 0.118)."""
        scope = request.scope
        with self.reading(scope):
            form = await request.form(**features.form_limits(scope, self.handler.get("form_limits")))
            closing = scope["fastapi_middleware_astack"] if features.EXIT_STACK_LAYER else stack
            closing.push_async_callback(form.close)
            return form

    def decode_body(self, body: bytes, scope: Any) -> Any:
        with self.reading(scope):
            return vars(starlette.requests)["json"].loads(body)

    @contextlib.contextmanager
    def reading(self, scope: Any) -> Iterator[None]:
        """What FastAPI has around it when it reads a body."""
        try:
            yield
        except HTTPException:
            raise
        except Exception as error:
            raise self.unreadable(error, scope) from error

    def unreadable(self, error: Exception | None, scope: Any) -> BaseException:
        """What FastAPI raises where ``error``, or a client that left, keeps it from reading a body."""
        if isinstance(error, HTTPException):
            return error
        error = error or ClientDisconnect()
        if isinstance(error, json.JSONDecodeError):
            raised = self.invalid_json(error, scope)
        else:
            raised = _reported_limit(error, scope) or HTTPException(400, "There was an error parsing the body")
        raised.__cause__ = error
        return raised

    def invalid_json(self, error: json.JSONDecodeError, scope: Any) -> BaseException:
        invalid = {
            "type": "json_invalid",
            "loc": ("body", error.pos),
            "msg": "JSON decode error",
            "input": {},
            "ctx": {"error": error.msg},
        }
        return _request_error([invalid], error.doc, self.endpoint_context(scope))

    def invalid_request(self, errors: list[Any], body: Any, scope: Any) -> BaseException:
        error = _request_error(errors, body, self.endpoint_context(scope))
        error.behind_exits = not features.EXITS_BEHIND_ANSWER  # type: ignore[attr-defined]
        return error

    def endpoint_context(self, scope: Any) -> Any:
        if not features.HAS_ENDPOINT_CONTEXT:
            return None
        context = fastapi.routing._extract_endpoint_context(self.dependant.call)
        if self.dependant.path:
            mount_path = scope.get("root_path", "").rstrip("/")
            context["path"] = f"{scope['method']} {mount_path}{self.dependant.path}"
        return context

    # --- the answer ---

    def response(self) -> ResponseFacts:
        handler = self.handler
        status_code = handler["status_code"]
        status = 200 if status_code is None else int(status_code)
        response_class = handler["actual_response_class"]
        field = handler["response_field"]
        wrap = _builder(functools.partial(Response, media_type="application/json"), status_code)
        if field is None:
            plain = response_class is JSONResponse and status >= 200 and status not in {204, 205, 304}
            render = _builder(response_class, status_code, jsonable_encoder)
            return ResponseFacts(status, render, _builder(_ready_json, status_code), plain_json=plain)
        facts = ResponseFacts(status, wrap, wrap, validate=_validator(field), invalid=self.invalid_response)
        keywords = self.serializer_keywords()
        if WRITES_BY_PYDANTIC and isinstance(handler["response_class"], DefaultPlaceholder):
            to_json = field._type_adapter.serializer.to_json
            facts.to_json, facts.to_json_keywords = to_json, keywords
            facts.encode = functools.partial(to_json, **keywords)
        else:
            facts.encode = encode = functools.partial(field.serialize, **keywords)
            facts.render = _builder(response_class, status_code)
            if response_class is JSONResponse:
                facts.to_json = lambda value: JSONResponse.render(None, encode(value))  # type: ignore[arg-type]
                facts.wrap = _builder(_ready_json, status_code)
        if facts.to_json is not None and _is_without_plugins(field):
            by_dumps = facts.render is not wrap
            schema = read_schema(field._type_adapter.core_schema, keywords, python_floats=by_dumps)
            facts.writer = None if schema is None else _core.ResponseWriter(schema)
        return facts

    def serializer_keywords(self) -> dict[str, Any]:
        handler = self.handler
        keywords: dict[str, Any] = {"by_alias": handler["response_model_by_alias"]}
        for name in ("include", "exclude"):
            if handler[f"response_model_{name}"] is not None:
                keywords[name] = handler[f"response_model_{name}"]
        for name in ("exclude_unset", "exclude_defaults", "exclude_none"):
            if handler[f"response_model_{name}"]:
                keywords[name] = True
        return keywords

    def invalid_response(self, content: Any, error: Any, scope: Any) -> BaseException:
        errors = [{**found, "loc": ("response", *found.get("loc", ()))} for found in error.errors(include_url=False)]
        if not features.HAS_ENDPOINT_CONTEXT:
            return ResponseValidationError(errors=errors, body=content)
        return ResponseValidationError(errors=errors, body=content, endpoint_ctx=self.endpoint_context(scope))

    # --- the scope ---

    def scope(self) -> ScopeFacts:
        view = self.view
        effective = view.effective
        return _scope_facts(self.app, self.places, view, effective.param_convertors, effective.endpoint, view.original)


_STRINGS = (starlette.convertors.StringConvertor, starlette.convertors.PathConvertor)


def _scope_facts(
    app: FastAPI, places: Places, view: RouteView, convertors: Any, endpoint: Any, route: Any
) -> ScopeFacts:
    return ScopeFacts(
        path_names=list(convertors),
        path_converts=[None if type(convertor) in _STRINGS else convertor.convert for convertor in convertors.values()],
        router=app.router,
        endpoint=endpoint,
        route=route,
        fastapi=_fastapi_scope(app, places, view),
    )


def _fastapi_scope(app: FastAPI, places: Places, view: RouteView) -> dict[str, Any] | None:
    """What becomes of scope["fastapi"]."""
    if not features.HAS_ROUTER_TREE:
        return None
    effective = view.context
    limits: dict[str, Any] = dict(getattr(app.router, "form_limits", None) or {})
    if effective is None:
        return {"form_limits": limits} if limits else {} if places.tried.get(id(view.route)) else None
    chain = places.chains.get(id(effective))
    if chain is None:
        raise Bridged("the router that includes it was not found")
    for included in chain:
        limits.update(getattr(included.include_context, "form_limits", None) or {})
    found: dict[str, Any] = {"included_router": chain[-1], "effective_route_context": effective}
    if limits:
        found["form_limits"] = limits
    return found


def _is_generator(dependant: Any) -> bool:
    return features.is_generator(dependant) or features.is_async_generator(dependant)


#: The body of a request that has none.
_ABSENT = None if features.NULL_IS_ABSENT else Undefined


def _request_error(errors: list[Any], body: Any, context: Any) -> RequestValidationError:
    if context is None:
        return RequestValidationError(errors, body=body)
    return RequestValidationError(errors, body=body, endpoint_ctx=context)


def _enter(dependant: Any) -> Callable[[Any, dict[str, Any], Any], Awaitable[Any]]:
    solve = features.enter()

    def enter(stack: Any, values: dict[str, Any], request: Any) -> Awaitable[Any]:
        return solve(dependant, stack, values, request)  # type: ignore[no-any-return]

    enter.stands_for = dependant.call  # type: ignore[attr-defined]
    return enter


def _is_loose(model_field: Any, location: Location) -> bool:
    if not isinstance(model_field.field_info, params.Param) or features.is_parameter_model(model_field):
        return True
    if features.is_sequence(model_field):  # a list that is one str: an empty one is absent
        return location in ("cookie", "path") or features.is_json(model_field)
    # A factory's None is asked for again.
    return features.VALIDATES_DEFAULTS and model_field.field_info.default_factory is not None


def _is_special_in_forms(model_field: Any) -> bool:
    """Whether there is more to a parameter of a form than the value, or the values, of its name."""
    info = model_field.field_info
    if not isinstance(info, params.Form) or features.is_json(model_field):
        return True
    if features.VALIDATES_DEFAULTS and info.default_factory is not None:
        return True
    kinds: tuple[type, ...] = (pydantic.BaseModel, bytes) if isinstance(info, params.File) else (pydantic.BaseModel,)
    return features.mentions(info.annotation, kinds)


def _read(fields: list[Any], received: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def read(request: Any) -> Any:
        return fastapi.dependencies.utils.request_params_to_args(fields, received(request))

    return read


def _validator(model_field: Any) -> Callable[..., Any]:
    """The very method that ``TypeAdapter.validate_python`` calls; with a Pydantic plugin it is the plugin's."""
    try:
        return model_field._type_adapter.validator.validate_python  # type: ignore[no-any-return]
    except pydantic.PydanticUserError as error:
        raise Bridged(f"the type of {model_field.name!r} is not complete") from error


def _is_without_plugins(model_field: Any) -> bool:
    """Whether nobody watches what is validated."""
    adapter = model_field._type_adapter
    return (
        type(adapter.validator) is pydantic_core.SchemaValidator
        and type(adapter.serializer) is pydantic_core.SchemaSerializer
    )


_IMMUTABLE = (str, bytes, int, float, bool, complex, type(None), enum.Enum)


def _field(
    location: Location, model_field: Any, aliases: list[str], loc: Callable[[int], tuple[str, ...]]
) -> FieldFacts:
    info = model_field.field_info

    def errors(alias: int, error: Any) -> list[Any]:
        if error is None:
            return [fastapi._compat.get_missing_field_error(loc=loc(alias))]
        prefix = loc(alias)
        return [{**found, "loc": prefix + found.get("loc", ())} for found in error.errors(include_url=False)]

    facts = FieldFacts(model_field.name, location, aliases, errors, validate=_validator(model_field))
    facts.pure = _is_pure(model_field._type_adapter.core_schema)
    facts.required = info.is_required()
    if not facts.required:
        facts.validate_default = _validates_default(model_field)
        if info.default_factory is None and isinstance(model_field.default, _IMMUTABLE):
            facts.default = model_field.default
        else:
            facts.make_default = lambda: copy.deepcopy(model_field.default)
            facts.pure = False
    return facts


def _validates_default(model_field: Any) -> bool:
    if features.VALIDATES_DEFAULTS:  # but for None, which counts as absent
        return model_field.default is not None
    return bool(model_field.field_info.validate_default)


_RUNS_CODE = ("post_init", "custom_init", "custom_error_type")


def _is_pure(schema: Any) -> bool:
    """Whether validating by this core schema runs no code of the application's."""
    if isinstance(schema, dict):
        if str(schema.get("type", "")).startswith(("function", "is-subclass", "callable", "custom")):
            return False
        return not any(schema.get(key) for key in _RUNS_CODE) and all(_is_pure(value) for value in schema.values())
    if isinstance(schema, (list, tuple)):
        return all(_is_pure(value) for value in schema)
    return True


def _reported_limit(error: Exception, scope: Any) -> BaseException | None:
    """What a limit of the body's size is reported as, where ``error`` comes of one."""
    if "starlette.max_body_size" not in scope:
        return None
    import fastapi._body_limit  # 0.164

    limit: BaseException | None = fastapi._body_limit.get_body_limit_error(error)
    return limit


def _ready_json(content: bytes, **arguments: Any) -> JSONResponse:
    """A JSONResponse of a document that is written already."""
    response = JSONResponse(None, **arguments)
    response.body = content
    if "content-length" in response.headers:  # not of every status
        response.headers["content-length"] = str(len(content))
    return response


def _builder(
    response_class: Callable[..., Response], status_code: int | None, encode: Callable[[Any], Any] | None = None
) -> Callable[[Any, Any, Any], Response]:
    """As ``_build_response_args``, and what FastAPI does with the response behind it."""

    def build(content: Any, injected: Any, tasks: Any) -> Response:
        arguments: dict[str, Any] = {"background": tasks}
        status = status_code or None
        if injected is not None and injected.status_code:
            status = injected.status_code
        if status is not None:
            arguments["status_code"] = status
        response = response_class(encode(content) if encode is not None else content, **arguments)
        if not is_body_allowed_for_status_code(response.status_code):
            response.body = b""
        if injected is not None:
            response.headers.raw.extend(injected.headers.raw)
        return response

    return build
