"""An application whose routes are compiled within other people's code: middleware, route classes, mounts."""

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Body, Cookie, Depends, FastAPI, Form, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, StreamingResponse
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPBearer, OAuth2PasswordBearer, SecurityScopes
from pydantic import BaseModel
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Handler = Callable[[Request], Awaitable[Response]]


class Item(BaseModel):
    name: str
    price: float = 1.5


class AddsHeader:
    """A pure ASGI middleware that looks at what routing leaves in the scope, once the answer begins."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen = sorted(key for key in scope if key not in KNOWN_EARLY)
                path = getattr(scope.get("route"), "path", "none")
                message["headers"] = [
                    *message["headers"],
                    (b"x-scope", ",".join(seen).encode()),
                    (b"x-route", path.encode()),
                    (b"x-parameters", repr(scope.get("path_params")).encode()),
                    (b"x-status", repr(message["status"]).encode()),
                ]
            await send(message)

        await self.app(scope, receive, add)


#: What a server and the layers outside of a router put into a scope.
KNOWN_EARLY = {
    *("type", "asgi", "http_version", "server", "client", "scheme", "method", "root_path", "path", "raw_path"),
    *("query_string", "headers", "state", "app", "starlette.exception_handlers", "fastapi_middleware_astack"),
    "extensions",  # which uvicorn has not got
}


class Timed(APIRoute):
    """Code around FastAPI's handler that changes its response."""

    def get_route_handler(self) -> Handler:
        original = super().get_route_handler()
        calls = 0

        async def timed(request: Request) -> Response:
            nonlocal calls
            calls += 1
            before = time.monotonic()
            response = await original(request)
            response.headers["x-timed"] = str(time.monotonic() >= before)
            response.headers["x-calls"] = str(calls)
            return response

        return timed


class Forgiving(APIRoute):
    """Code around it that catches what it raises."""

    def get_route_handler(self) -> Handler:
        original = super().get_route_handler()

        async def forgiving(request: Request) -> Response:
            try:
                return await original(request)
            except RequestValidationError as error:
                body = (await request.body()).decode()
                raise HTTPException(400, {"errors": len(error.errors()), "body": body}) from error
            except ZeroDivisionError:
                return PlainTextResponse("infinite", 200)

        return forgiving


class Zipped(Request):
    """A request that reads its body in its own way."""

    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            body = await super().body()
            self._body = gzip.decompress(body) if "gzip" in self.headers.getlist("content-encoding") else body
        return self._body


class Unzipping(APIRoute):
    def get_route_handler(self) -> Handler:
        original = super().get_route_handler()

        async def unzipping(request: Request) -> Response:
            return await original(Zipped(request.scope, request.receive))

        return unzipping


class Named(APIRoute):
    """Overrides nothing of what is compiled."""

    @property
    def title(self) -> str:
        return self.name.title()


def routes_of(route_class: type[APIRoute], prefix: str) -> APIRouter:
    router = APIRouter(route_class=route_class, prefix=prefix)

    @router.post("/item/{number}")
    async def item(number: int, item: Item, request: Request) -> dict[str, Any]:
        return {"number": number, "item": item.model_dump(), "type": type(request).__name__}

    @router.get("/divide/{number}")
    async def divide(number: int) -> float:
        return 1 / number

    @router.post("/form")
    async def form(name: Annotated[str, Form()], age: Annotated[int, Form()] = 3) -> list[Any]:
        return [name, age]

    return router


def make_app(middleware: str = "none") -> FastAPI:
    app = FastAPI()
    log: list[str] = []
    _add_middleware(app, middleware)
    _add_dependencies(app, log)
    for route_class, prefix in (
        (Timed, "/timed"),
        (Forgiving, "/forgiving"),
        (Unzipping, "/unzipping"),
        (Named, "/named"),
    ):
        app.include_router(routes_of(route_class, prefix))
    outer = APIRouter(prefix="/outer")
    outer.include_router(routes_of(APIRoute, "/inner"))
    app.include_router(outer, prefix="/all")
    _add_answers(app, log)
    app.mount("/sub", _sub_application())

    @app.exception_handler(KeyError)
    async def on_key_error(request: Request, error: KeyError) -> Response:
        return JSONResponse({"key": str(error), "body": (await request.body()).decode()}, 418)

    return app


def _add_middleware(app: FastAPI, middleware: str) -> None:
    if middleware == "pure":
        app.add_middleware(AddsHeader)
    elif middleware == "http":

        @app.middleware("http")
        async def add(request: Request, call_next: Handler) -> Response:
            response = await call_next(request)
            response.headers["x-http"] = "1"
            return response

    elif middleware == "cors":
        app.add_middleware(CORSMiddleware, allow_origins=["https://example.org"], allow_credentials=True)


def _add_dependencies(app: FastAPI, log: list[str]) -> None:
    bearer = HTTPBearer(auto_error=False)
    oauth = OAuth2PasswordBearer("/token", auto_error=False)
    key = APIKeyHeader(name="x-key", auto_error=False)

    async def session(request: Request) -> AsyncIterator[str]:
        log.append(f"session in {request.url.path}")
        try:
            yield "session"
        except ZeroDivisionError:
            log.append("session saw it")
            raise
        finally:
            log.append("session out")

    def sync_session() -> Iterator[str]:
        log.append("sync in")
        try:
            yield "sync session"
        finally:
            log.append("sync out")

    def page(skip: int = 0, limit: int = 10) -> dict[str, Any]:
        log.append("page")
        return {"skip": skip, "limit": limit}

    class Service:
        def __init__(self, session: Annotated[str, Depends(session)], page: Annotated[dict[str, Any], Depends(page)]):
            self.text = f"{session} {page['skip']}"

    class Checker:
        def __init__(self, least: int) -> None:
            self.least = least

        async def __call__(self, request: Request, level: int = 0) -> int:
            if level < self.least:
                raise HTTPException(403, f"{request.method} needs {self.least}", {"x-level": str(level)})
            return level

    async def user(scopes: SecurityScopes, token: Annotated[str | None, Depends(oauth)]) -> dict[str, Any]:
        return {"token": token, "scopes": scopes.scopes}

    @app.get("/user", dependencies=[Depends(Checker(0))])
    async def get_user(
        response: Response,
        user: Annotated[dict[str, Any], Depends(user)],
        service: Annotated[Service, Depends()],
        page: Annotated[dict[str, Any], Depends(page)],
        credentials: Annotated[Any, Depends(bearer)],
        key: Annotated[str | None, Depends(key)],
        sync: Annotated[str, Depends(sync_session)],
        visit: Annotated[str | None, Cookie()] = None,
    ) -> dict[str, Any]:
        response.headers["x-page"] = str(page["skip"])
        response.set_cookie("visit", "again")
        scheme = credentials.scheme if credentials else None
        return {"user": user, "service": service.text, "scheme": scheme, "key": key, "sync": sync, "visit": visit}

    @app.get("/checked", dependencies=[Depends(Checker(3))])
    async def checked() -> str:
        return "passed"

    @app.get("/uncached")
    async def uncached(
        one: Annotated[dict[str, Any], Depends(page)],
        two: Annotated[dict[str, Any], Depends(page, use_cache=False)],
        three: Annotated[Service, Depends()],
    ) -> list[Any]:
        return [one, two, three.text]

    @app.get("/raises/{kind}")
    async def raises(kind: str, session: Annotated[str, Depends(session)]) -> None:
        raise {"key": KeyError("k"), "http": HTTPException(409, "c"), "zero": ZeroDivisionError()}[kind]

    @app.post("/background")
    async def background(tasks: BackgroundTasks, session: Annotated[str, Depends(session)], item: Item) -> Item:
        log.append("task in")
        tasks.add_task(log.append, f"task {item.name} out")
        return item

    @app.get("/log")
    async def read_log() -> list[str]:
        # What a dependency does behind the answer its client may be too early for.
        for _ in range(2000):
            if sum(" in" in line for line in log) == sum(line.endswith(" out") for line in log):
                break
            await asyncio.sleep(0.002)
        found = log[:]
        log.clear()
        return found


def _add_answers(app: FastAPI, log: list[str]) -> None:
    @app.post("/two")
    async def two(one: Item, two: Item, three: Annotated[int, Body()] = 3) -> dict[str, Any]:
        return {"one": one, "two": two, "three": three}

    @app.post("/optional")
    async def optional(item: Item | None = None) -> Item | None:
        return item

    @app.post("/defaulted")
    async def defaulted(
        number: Annotated[int | None, Body(default_factory=lambda: "10", validate_default=True)],
    ) -> Any:
        return number

    @app.delete("/nothing", status_code=204)
    async def nothing(response: Response) -> None:
        response.headers["x-gone"] = "1"

    @app.get("/accepted")
    async def accepted() -> Response:
        return Response(b"later", HTTPStatus.ACCEPTED)

    @app.get("/html", response_class=HTMLResponse)
    async def html() -> str:
        return "<p>ü</p>"

    @app.get("/model-html", response_class=JSONResponse, response_model=Item, response_model_exclude_unset=True)
    async def model(response: Response) -> dict[str, Any]:
        response.status_code = 202
        return {"name": "x", "more": 1}

    @app.get("/stream/{size}")
    async def stream(size: int) -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(size):
                yield b"x" * 1000

        return StreamingResponse(pieces(), media_type="text/plain")

    @app.post("/echo")
    async def echo(request: Request) -> Response:
        return Response(await request.body(), headers={"x-length": str(len(await request.body()))})

    @app.post("/first-piece")
    async def first_piece(request: Request) -> str:
        async for piece in request.stream():
            return piece.decode()
        return "none"

    @app.post("/upload")
    async def upload(request: Request, text: Annotated[str, Form()]) -> list[Any]:
        return [len(text), sorted((await request.form()).keys())]

    @app.get("/sync/{number}")
    def sync(number: int, request: Request) -> Item:
        return Item(name=request.url.path, price=number)

    @app.get("/refused/{number}")
    async def refused(number: int) -> Item:
        return {"name": number}  # type: ignore[return-value]


def _sub_application() -> FastAPI:
    sub = FastAPI()

    @sub.get("/path/{number}")
    async def path(number: int, request: Request) -> dict[str, Any]:
        scope = request.scope
        return {
            "number": number,
            "root_path": scope["root_path"],
            "path": scope["path"],
            "parameters": scope["path_params"],
        }

    @sub.get("/fails")
    async def fails() -> None:
        raise KeyError("sub")

    return sub
