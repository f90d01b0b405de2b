"""Applications whose dependencies are made from a seed: of every kind, nested, shared, failing where a test says so.

Whatever is called writes into a log, with what it was called with, so that two servers can be compared by what they
called, how often and in which order.
"""

from __future__ import annotations

import functools
import inspect
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import (
    APIRouter,
    BackgroundTasks,
    Body,
    Cookie,
    Depends,
    FastAPI,
    File,
    Form,
    Header,
    HTTPException,
    Query,
    Request,
    Response,
    Security,
    UploadFile,
)
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPBearer, SecurityScopes
from pydantic import BaseModel, Json, field_validator
from starlette.requests import HTTPConnection

#: Depends(scope=) came with FastAPI 0.121.
HAS_SCOPES = "scope" in inspect.signature(Depends).parameters

KINDS = [
    *("async", "sync", "async_generator", "generator", "class", "instance", "async_instance", "generator_instance"),
    *("partial", "async_partial", "method", "async_method", "async_generator_method"),
]

seen: ContextVar[str] = ContextVar("seen", default="-")


class Item(BaseModel):
    name: str
    price: float = 1.5


class Filter(BaseModel):
    limit: int = 10
    word: str | None = None


class Refused(Exception):
    """That the application has a handler for."""


class Unhandled(Exception):
    """That it has none for."""


ERRORS: dict[str, Callable[[str], BaseException]] = {
    "http": lambda at: HTTPException(418, f"at {at}", {"X-At": at}),
    "handled": lambda at: Refused(at),
    "unhandled": lambda at: Unhandled(at),
    "validation": lambda at: RequestValidationError(
        [{"type": "missing", "loc": ("query", at), "msg": "Field required", "input": None}]
    ),
}


@dataclass
class State:
    """What an application does next, and what it has done."""

    log: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)  # place: what is raised there
    swallowing: set[str] = field(default_factory=set)  # generators that end where something is thrown into them

    def enter(self, name: str, values: dict[str, Any]) -> str:
        shown = ", ".join(f"{key}={show(value)}" for key, value in sorted(values.items()))
        self.log.append(f"{name}({shown}) sees {seen.get()}")
        seen.set(f"{seen.get()[-24:]}{name}")
        for value in values.values():
            if type(value) is BackgroundTasks:
                value.add_task(self.task, name)
                value.add_task(self.async_task, name)
            elif type(value) is Response:
                value.headers.append("x-by", name)
                value.set_cookie(name, "1")
                if name.endswith("2"):
                    value.status_code = 202
            elif isinstance(value, HTTPConnection):
                value.state.by = [*getattr(value.state, "by", []), name]
                self.log.append(f"{name}: {describe_scope(value)}")
        self.fail(name)
        return f"{name}'s"

    def exit(self, name: str) -> None:
        self.log.append(f"{name} exits")
        self.fail(f"{name} exit")

    def caught(self, name: str, error: BaseException) -> None:
        self.log.append(f"{name} catches {type(error).__name__}")

    def fail(self, place: str) -> None:
        if place in self.failures:
            self.log.append(f"{place} raises {self.failures[place]}")
            raise ERRORS[self.failures[place]](place)

    def task(self, name: str) -> None:
        self.log.append(f"task of {name}")
        self.fail(f"{name} task")

    async def async_task(self, name: str) -> None:
        self.task(f"async {name}")


def show(value: Any) -> str:
    if isinstance(value, (str, int, float, list, tuple, BaseModel, type(None), bytes)):
        return repr(value)
    if isinstance(value, SecurityScopes):
        return f"scopes {value.scopes}"
    if isinstance(value, HTTPConnection):
        return f"{type(value).__name__} of {value.url.path} by {getattr(value.state, 'by', [])}"
    return type(value).__name__


def describe_scope(request: HTTPConnection) -> str:
    """What routing has left in the scope by now."""
    scope = request.scope
    route = getattr(scope.get("route"), "path", None)
    keys = sorted(key for key in scope if "fastapi" in key or key in ("router", "endpoint", "route"))
    return f"{keys} {route} {scope.get('path_params')} {sorted(scope.get('fastapi', ()))}"


# --- callables -------------------------------------------------------------------------------------


def make_call(kind: str, name: str, state: State) -> Callable[..., Any]:
    """What does the same in each way that a dependency can be written in."""

    def sync(**values: Any) -> Any:
        return state.enter(name, values)

    async def asynchronous(**values: Any) -> Any:
        return state.enter(name, values)

    def generator(**values: Any) -> Iterator[Any]:
        try:
            yield state.enter(name, values)
        except BaseException as error:
            state.caught(name, error)
            if name not in state.swallowing:
                raise
        finally:
            state.exit(name)

    async def async_generator(**values: Any) -> AsyncIterator[Any]:
        try:
            yield state.enter(name, values)
        except BaseException as error:
            state.caught(name, error)
            if name not in state.swallowing:
                raise
        finally:
            state.exit(name)

    class Class:
        def __init__(self, **values: Any) -> None:
            state.enter(name, values)

        def call(self, **values: Any) -> Any:
            return state.enter(name, values)

        async def async_call(self, **values: Any) -> Any:
            return state.enter(name, values)

        async def async_generator(self, **values: Any) -> AsyncIterator[Any]:
            try:
                yield state.enter(name, values)
            finally:
                state.exit(name)

    class Instance(Class):
        def __init__(self) -> None:
            pass

        def __call__(self, **values: Any) -> Any:
            return state.enter(name, values)

    class AsyncInstance(Instance):
        async def __call__(self, **values: Any) -> Any:
            return state.enter(name, values)

    class GeneratorInstance(Instance):
        def __call__(self, **values: Any) -> Iterator[Any]:
            yield state.enter(name, values)
            state.exit(name)

    def with_more(_more: int, **values: Any) -> Any:
        return state.enter(name, values)

    async def async_with_more(_more: int, **values: Any) -> Any:
        return state.enter(name, values)

    makers: dict[str, Callable[[], Callable[..., Any]]] = {
        "sync": lambda: sync,
        "async": lambda: asynchronous,
        "generator": lambda: generator,
        "async_generator": lambda: async_generator,
        "class": lambda: Class,
        "instance": Instance,
        "async_instance": AsyncInstance,
        "generator_instance": GeneratorInstance,
        "partial": lambda: functools.partial(with_more, 1),
        "async_partial": lambda: functools.partial(async_with_more, 1),
        "method": lambda: Instance().call,
        "async_method": lambda: Instance().async_call,
        "async_generator_method": lambda: Instance().async_generator,
    }
    return makers[kind]()


def sign(call: Callable[..., Any], parameters: dict[str, Any]) -> Callable[..., Any]:
    """``parameters``: annotations, or (annotation, default), by name."""
    made = []
    for name, given in parameters.items():
        annotation, default = given if isinstance(given, tuple) else (given, inspect.Parameter.empty)
        made.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default))
    signature = inspect.Signature(made)
    if inspect.ismethod(call):
        me = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        call.__func__.__signature__ = inspect.Signature([me, *made])
    else:
        call.__signature__ = signature  # type: ignore[attr-defined]
    return call


# --- graphs ----------------------------------------------------------------------------------------

PARAMETERS: list[Any] = [
    Annotated[int, Query(ge=0)],
    (Annotated[int, Query(le=100)], 7),
    (Annotated[str | None, Query(max_length=3)], None),
    (Annotated[list[int], Query()], [1]),
    (Annotated[list[str] | None, Query()], None),
    (Annotated[str, Header()], "none"),
    (Annotated[list[str] | None, Header()], None),
    (Annotated[int | None, Header(alias="X-Number")], None),
    (Annotated[str | None, Cookie()], None),
    (Annotated[int, Cookie(alias="c")], 3),
    (Annotated[bool, Query(alias="flag")], False),
    (Annotated[float, Query(alias="f", gt=0)], 0.5),
    (Annotated[Json[list[int]], Query(alias="j")], "[5]"),
    (Annotated[list[str] | None, Cookie(alias="c")], None),
    Annotated[int | None, Query(alias="f", default_factory=lambda: None)],
    Annotated[list[int], Query(alias="p3", default_factory=lambda: [4])],
    (Annotated[int, Query(alias="late", ge=1)], 0),
]
INJECTED: list[Any] = [Request, Response, BackgroundTasks, HTTPConnection, SecurityScopes]
api_key = APIKeyHeader(name="X-Key", auto_error=False)
bearer = HTTPBearer(auto_error=False)


class Graph:
    """The dependencies of one route."""

    def __init__(self, chance: random.Random, state: State, prefix: str, path_names: list[str]) -> None:
        self.chance = chance
        self.state = state
        self.prefix = prefix
        self.path_names = path_names
        self.calls: list[tuple[str, Callable[..., Any], str]] = []  # name, call, scope

    def node(self, depth: int) -> tuple[Callable[..., Any], str]:
        chance = self.chance
        if self.calls and chance.random() < 0.3:
            _, call, scope = chance.choice(self.calls)
            return call, scope
        name = f"{self.prefix}{len(self.calls)}"
        kind = chance.choice(KINDS)
        # What has function scope may not be needed by what has request scope.
        scope = "function" if HAS_SCOPES and "generator" in kind and depth == 0 and chance.random() < 0.4 else "request"
        place = len(self.calls)
        self.calls.append((name, lambda: None, scope))
        call = sign(make_call(kind, name, self.state), self.parameters(depth + 1))
        self.calls[place] = (name, call, scope)
        return call, scope

    def depends(self, depth: int) -> Any:
        chance = self.chance
        if chance.random() < 0.1:
            return chance.choice([Depends(api_key), Security(bearer, scopes=["s"])])
        while True:
            call, scope = self.node(depth)
            if depth == 0 or scope == "request":
                break
        use_cache = chance.random() < 0.75
        if scope == "function":
            return Depends(call, use_cache=use_cache, scope="function")  # type: ignore[call-arg]
        if chance.random() < 0.2:
            return Security(call, scopes=chance.sample(["read", "write"], chance.randint(1, 2)), use_cache=use_cache)
        return Depends(call, use_cache=use_cache)

    def parameters(self, depth: int) -> dict[str, Any]:
        chance = self.chance
        made: dict[str, Any] = {}
        for _ in range(chance.choice([0, 1, 1, 2, 3]) if depth < 3 else 0):
            made[f"d{len(made)}"] = Annotated[Any, self.depends(depth)]
        for _ in range(chance.choice([0, 0, 1, 2])):
            # Names are shared, so that several dependencies read one of them.
            index = chance.randrange(len(PARAMETERS))
            made[f"p{index}"] = PARAMETERS[index]
        if self.path_names and chance.random() < 0.2:
            made[self.path_names[0]] = int
        for kind in chance.sample(INJECTED, chance.choice([0, 0, 1, 2])):
            made[kind.__name__.lower()] = kind
        items = list(made.items())
        chance.shuffle(items)
        return dict(items)


def answer_model(state: State, name: str) -> type[BaseModel]:
    class AnswerModel(BaseModel):
        """Whose validator is code of the application's."""

        name: str
        price: float = 1e-7

        @field_validator("price", mode="before")
        @classmethod
        def look(cls, value: Any) -> Any:
            state.log.append(f"answer of {name} is looked at")
            state.fail(f"{name} answer")
            return value

    return AnswerModel


RESULTS = ["dict", "model", "response", "html", "nothing", "text", "invalid"]
BODIES: list[dict[str, Any]] = [
    {},
    {},
    {},
    {"item": Item},
    {"item": (Annotated[Item | None, Body()], None)},
    {"item": Item, "more": (Annotated[int, Body()], 1)},
    {"name": Annotated[str, Form()], "age": (Annotated[int, Form()], 4)},
    {"file": UploadFile, "note": (Annotated[str | None, Form()], None)},
    {"data": (Annotated[bytes | None, File()], None)},
    {"filter": Annotated[Filter, Query()]},
]


@dataclass
class Route:
    path: str
    method: str
    names: list[str]
    body: dict[str, Any]


def add_route(app: Any, chance: random.Random, state: State, number: int, prefix: str = "") -> Route:
    path_names = ["key"] if chance.random() < 0.3 else []
    graph = Graph(chance, state, f"n{number}_", path_names)
    body = chance.choice(BODIES)
    parameters = {**body, **graph.parameters(0)}
    if "filter" in body:  # a model of one location is alone there
        parameters = {**body}
        parameters["d0"] = Annotated[Any, graph.depends(0)]
    if path_names:
        parameters.setdefault("key", int)
    name, result = f"e{number}", chance.choice(RESULTS)
    call = make_call(chance.choice(["async", "async", "sync", "partial", "instance"]), name, state)
    endpoint = returning(call, result)
    sign(endpoint, parameters)
    path = f"{getattr(app, 'prefix', '')}/{number}" + "".join(f"/{{{key}}}" for key in path_names)
    method = "POST" if body and "filter" not in body else chance.choice(["GET", "GET", "DELETE"])
    options: dict[str, Any] = {"methods": [method], "dependencies": [graph.depends(0)] if number % 4 == 0 else []}
    if result in ("model", "invalid"):
        options["response_model"] = answer_model(state, name)
    elif result == "html":
        options["response_class"] = HTMLResponse
    elif result == "nothing":
        options["status_code"] = 204
    app.add_api_route(path.removeprefix(getattr(app, "prefix", "")), endpoint, **options)
    return Route(prefix + path, method, [name, *(name for name, _, _ in graph.calls)], body)


def returning(call: Callable[..., Any], result: str) -> Callable[..., Any]:
    results: dict[str, Callable[[Any], Any]] = {
        "dict": lambda done: {"done": done, "n": 1},
        "model": lambda done: {"name": done, "price": 2, "extra": 1},
        "invalid": lambda done: {"price": "x"},
        "response": lambda done: PlainTextResponse(done, headers={"X-Mine": "1"}),
        "html": lambda done: f"<p>{done}</p>",
        "nothing": lambda done: None,
        "text": lambda done: done,
    }
    convert = results[result]
    if inspect.iscoroutinefunction(call):

        async def asynchronous(**values: Any) -> Any:
            return convert(await call(**values))

        return asynchronous

    def sync(**values: Any) -> Any:
        return convert(call(**values))

    return sync


def wrapping(state: State) -> type[APIRoute]:
    class Wrapping(APIRoute):
        """Code around FastAPI's handler."""

        def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:
            original = super().get_route_handler()

            async def wrapped(request: Request) -> Response:
                state.log.append("before the handler")
                try:
                    response = await original(request)
                except Exception as error:
                    state.log.append(f"the handler raises {type(error).__name__}")
                    raise
                state.log.append(
                    f"the handler returns {type(response).__name__} {response.status_code} {response.headers}"
                )
                response.headers["X-Wrapped"] = "1"
                return response

            return wrapped

    return Wrapping


class Counting:
    """A pure ASGI middleware of the application's own."""

    def __init__(self, app: Any, state: State) -> None:
        self.app = app
        self.state = state

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def count(message: Any) -> None:
            if scope["type"] == "http" and scope["path"] not in ("/log", "/arm"):
                self.state.log.append(f"sends {message['type']} {message.get('status', '')}")
            await send(message)

        await self.app(scope, receive, count)


def make_app(middleware: str, seed: int, count: int = 30) -> tuple[FastAPI, list[Route]]:
    chance = random.Random(seed)
    state = State()
    everywhere = sign(make_call("async_generator", "everywhere", state), {"request": Request})
    app = FastAPI(dependencies=[Depends(everywhere)] if seed % 2 else [])
    routes = [add_route(app, chance, state, number) for number in range(count)]
    sub = FastAPI()
    numbers = iter(range(count, 10 * count))

    def add(part: Any, prefix: str) -> None:
        routes.extend(add_route(part, chance, state, next(numbers), prefix) for _ in range(count // 6))

    add(sub, "/sub")
    inner, outer, wrapped = APIRouter(), APIRouter(prefix="/outer"), APIRouter(route_class=wrapping(state))
    add(inner, "/outer/inner")
    add(outer, "")
    outer.include_router(inner, prefix="/inner")
    graph = Graph(chance, state, "outer_", [])
    app.include_router(outer, dependencies=[graph.depends(0)])
    add(wrapped, "/wrapped")
    app.include_router(wrapped, prefix="/wrapped")
    app.router.route_class = wrapping(state)
    add(app, "")
    for part in (app, sub):

        @part.exception_handler(Refused)
        async def on_refused(request: Request, error: Refused) -> JSONResponse:
            state.log.append(f"handler of {error} for {request.url.path}")
            return JSONResponse({"refused": str(error)}, status_code=409)

        @part.exception_handler(ResponseValidationError)
        async def on_bad_answer(request: Request, error: ResponseValidationError) -> JSONResponse:
            # FastAPI remembers files and lines by the id of a function, which another test's may have had.
            state.log.append(f"bad answer at {getattr(error, 'endpoint_path', None)}: {error.errors()}")
            return JSONResponse({"errors": error.errors()}, status_code=502)

        @part.exception_handler(RequestValidationError)
        async def on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
            state.log.append(f"invalid: {error.body!r:.60}")
            return JSONResponse({"errors": [{**e, "ctx": None} for e in error.errors()]}, status_code=422)

    app.mount("/sub", sub)
    if middleware == "pure":
        app.add_middleware(Counting, state=state)
    elif middleware == "http":

        @app.middleware("http")
        async def count_requests(request: Request, call_next: Any) -> Any:
            response = await call_next(request)
            response.headers["X-Seen"] = "yes"
            return response

    # Routes of Starlette's own, which have none of the application's dependencies.
    async def log(request: Request) -> Response:
        return JSONResponse(state.log[int(request.query_params["after"]) :])

    async def arm(request: Request) -> Response:
        found = await request.json()
        state.failures, state.swallowing = found["failures"], set(found["swallowing"])
        return JSONResponse(None)

    app.add_route("/log", log)
    app.add_route("/arm", arm, methods=["POST"])
    return app, routes
