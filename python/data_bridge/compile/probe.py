"""The compiler tried out: its handlers of an application that nobody sees must do what FastAPI's do.

Made of public interfaces alone, and of handlers that never wait, so that no loop is needed.
"""

# No annotations from the future: releases before 0.124 do not resolve those of functions in a function.

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Annotated, Any

from fastapi import Body, Cookie, Depends, FastAPI, Form, Header, HTTPException, Query, Request, Response
from fastapi.security import SecurityScopes
from pydantic import BaseModel, Field

from .. import _core
from . import features, framework
from .facts import Bridged
from .finish import HANDLER_STACK
from .plan import make_plan


class _Item(BaseModel):
    name: str = Field(min_length=1, alias="called")
    price: float = 1.0
    tags: list[int] = []


class _Page(BaseModel):
    limit: int = 5
    word: str | None = None


def _application() -> FastAPI:
    app = FastAPI()

    async def number(n: int = 3, tags: Annotated[list[str] | None, Query()] = None) -> Any:
        return n, tags

    async def token(x_token: Annotated[str | None, Header()] = None, c: Annotated[int, Cookie()] = 1) -> Any:
        return x_token, c

    async def both(
        one: Annotated[Any, Depends(number)],
        other: Annotated[Any, Depends(number, use_cache=False)],
        request: Request,
        response: Response,
        scopes: SecurityScopes,
    ) -> Any:
        response.headers["x-both"] = str(one == other)
        return one, request.url.path, scopes.scopes

    async def refusing(level: int = 0) -> None:
        if level > 3:
            raise HTTPException(403, "no", {"X-Level": str(level)})

    @app.get("/plain/{key}")
    async def plain(key: int, q: str = "a", flag: bool = False, limit: Annotated[int, Query(ge=1, le=9)] = 4) -> Any:
        return {"key": key, "q": q, "flag": flag, "limit": limit}

    @app.get("/deep", dependencies=[Depends(refusing)])
    async def deep(found: Annotated[Any, Depends(both)], t: Annotated[Any, Depends(token)]) -> Any:
        return {"found": found, "t": t}

    @app.get("/page")
    async def page(page: Annotated[_Page, Query()]) -> Any:
        return page

    @app.post("/item", status_code=201)
    async def item(item: _Item) -> _Item:
        return item

    @app.post("/optional")
    async def optional(item: _Item | None = None) -> Any:
        return item

    @app.post("/embedded")
    async def embedded(item: Annotated[_Item, Body(embed=True)], n: Annotated[int | None, Body()] = 7) -> Any:
        return {"item": item, "n": n}

    @app.post("/form")
    async def form(name: Annotated[str, Form()], age: Annotated[int, Form()] = 2) -> Any:
        return {"name": name, "age": age}

    @app.get("/model", response_model=_Item, response_model_exclude_unset=True)
    async def model(bad: bool = False) -> Any:
        return {"called": "" if bad else "x"}

    @app.get("/default")
    async def default(n: Annotated[int, Query(ge=1)] = 0, many: Annotated[list[int], Query()] = [1]) -> Any:  # noqa: B006
        return {"n": n, "many": many}

    return app


_JSON, _URLENCODED = ("content-type", "application/json"), ("content-type", "application/x-www-form-urlencoded")
_GOOD = b'{"called": "a", "tags": [1, "2"]}'
_REQUESTS: list[tuple[str, str, str, list[tuple[str, str]], bytes]] = [
    ("/plain/{key}", "1", "", [], b""),
    ("/plain/{key}", "x", "limit=10&flag=maybe&q=", [], b""),
    ("/plain/{key}", "2", "limit=1&limit=3&q=%C3%A9+b&flag=on", [], b""),
    ("/deep", "", "n=1&tags=a&tags=b", [("x-token", "t"), ("cookie", "c=5; d=1")], b""),
    ("/deep", "", "n=x", [("cookie", "c=y")], b""),
    ("/deep", "", "level=4", [], b""),
    ("/page", "", "limit=2&word=w&more=1", [], b""),
    ("/page", "", "limit=x", [], b""),
    *(("/item", "", "", [_JSON], body) for body in (_GOOD, b"{}", b"null", b"[1", b'{"called": "", "price": "x"}')),
    ("/item", "", "", [_JSON], b""),
    ("/item", "", "", [("content-type", "text/plain")], _GOOD),
    ("/item", "", "", [], _GOOD),
    *(("/optional", "", "", [_JSON], body) for body in (_GOOD, b"null", b"", b"[]")),
    *(("/embedded", "", "", [_JSON], body) for body in (b'{"item": %b}' % _GOOD, b'{"item": null, "n": null}', b"[]")),
    *(("/form", "", "", [_URLENCODED], body) for body in (b"name=a&age=3", b"name=&age=x", b"")),
    ("/model", "", "", [], b""),
    ("/model", "", "bad=1", [], b""),
    ("/default", "", "", [], b""),
    ("/default", "", "many=2&many=x", [], b""),
]


def differences() -> tuple[int, str]:
    """How many answers were compared, and where one is another; empty: nowhere."""
    app = _application()
    framework.build_stack(app)
    services = framework.services(app, None)
    places = framework.Places(app.routes)
    handlers: dict[str, tuple[Any, Any]] = {}
    for view in features.route_views(app.routes):
        if not framework.is_api_route(view.original):
            continue
        try:
            handler, _ = framework.handlers_of(view)
            facts = framework.read_route(app, places, view, services)
            handlers[view.path] = (
                handler,
                _core.CompiledHandler(make_plan(facts, services, given_request=True), handler),
            )
        except Bridged as reason:
            return 0, f"{view.path} cannot be compiled: {reason}"
    for path, key, query, headers, body in _REQUESTS:
        handler, compiled = handlers[path]
        theirs, ours = (_outcome(called, _scope(path, key, query, headers), body) for called in (handler, compiled))
        if theirs != ours:
            return len(_REQUESTS), f"{path} {key} {query} {headers} {body!r}: {ours}, FastAPI {theirs}"
    return len(_REQUESTS), ""


def _scope(path: str, key: str, query: str, headers: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "POST" if path in ("/item", "/optional", "/embedded", "/form") else "GET",
        "scheme": "http",
        "server": ("localhost", 80),
        "root_path": "",
        "path": path.replace("{key}", key),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers],
        "path_params": {"key": key} if key else {},
        **{f"fastapi_{name}_astack": AsyncExitStack() for name in ("inner", "function", "middleware")},
        HANDLER_STACK: AsyncExitStack(),
    }


def _outcome(handler: Callable[[Any], Awaitable[Any]], scope: dict[str, Any], body: bytes) -> Any:
    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(_: Any) -> None: ...

    async def run() -> Any:
        return await handler(Request(scope, receive, send))

    coroutine = run()
    try:
        coroutine.send(None)
    except StopIteration as done:
        response: Response = done.value
        return response.status_code, response.raw_headers, response.body
    except Exception as error:
        return type(error), *_details(error)
    finally:
        coroutine.close()
    return "waits"


def _details(error: Exception) -> Iterator[Any]:
    for name in ("status_code", "detail", "headers", "body"):
        yield repr(getattr(error, name, None))
    errors = getattr(error, "errors", None)
    yield None if errors is None else json.dumps(errors(), default=repr)
