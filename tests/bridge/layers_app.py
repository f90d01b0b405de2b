"""An application whose answers middleware has something to do with, and stacks of middleware to put around it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from pydantic import BaseModel
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

Stack = list[tuple[type, dict[str, Any]]]

CORS_LIST = (CORSMiddleware, {"allow_origins": ["https://a.example", "https://b.example"]})
GZIP = (GZipMiddleware, {})
HOSTS = (TrustedHostMiddleware, {"allowed_hosts": ["localhost", "*.example.com", "www.example.org", "www.localhost"]})
HTTPS = (HTTPSRedirectMiddleware, {})

#: From the inside, as add_middleware() has it.
STACKS: dict[str, Stack] = {
    "cors, some": [CORS_LIST],
    "cors, nobody": [(CORSMiddleware, {})],
    "cors, all": [(CORSMiddleware, {"allow_origins": ["*"], "allow_methods": ["*"], "allow_headers": ["*"]})],
    "cors, all with credentials": [
        (
            CORSMiddleware,
            {
                "allow_origins": ["*"],
                "allow_credentials": True,
                "allow_methods": ["GET", "POST"],
                "allow_headers": ["X-Token", "X-\xc9t\xe9"],
                "expose_headers": ["X-One", "X-Two"],
                "max_age": 7,
            },
        )
    ],
    "cors, some with credentials and private network": [
        (
            CORSMiddleware,
            {
                "allow_origins": ("https://a.example", "https://\N{SNOWMAN}.example"),
                "allow_credentials": True,
                "allow_private_network": True,
                "allow_headers": ["*"],
            },
        )
    ],
    "cors, expression": [
        (
            CORSMiddleware,
            {
                "allow_origin_regex": r"(?i:https)?://(?:[\w-]{1,9}\.)*(?:a|B)\.example(?::\d+)?$|null|^x*?[^a-c]",
                "allow_origins": ["https://b.example"],
            },
        )
    ],
    "cors twice": [CORS_LIST, (CORSMiddleware, {"allow_origins": ["*"], "allow_credentials": True})],
    "gzip": [GZIP],
    "gzip, small and fast": [(GZipMiddleware, {"minimum_size": 1, "compresslevel": 1})],
    "gzip, level 6": [(GZipMiddleware, {"minimum_size": 100, "compresslevel": 6})],
    "gzip, types": [(GZipMiddleware, {"exclude_content_types": ("text/*", "Application/JSON; x=y")})],
    "hosts": [HOSTS],
    "hosts, no redirect": [(TrustedHostMiddleware, {"allowed_hosts": ["www.LocalHost"], "www_redirect": False})],
    "hosts, any": [(TrustedHostMiddleware, {"allowed_hosts": ["*"]})],
    "https": [HTTPS],
    "cors in gzip in hosts": [CORS_LIST, GZIP, HOSTS],
    "hosts in gzip in cors": [HOSTS, GZIP, (CORSMiddleware, {"allow_origins": ["*"], "allow_credentials": True})],
    "gzip in hosts in cors": [(GZipMiddleware, {"minimum_size": 10}), HOSTS, CORS_LIST],
    "gzip in cors": [GZIP, CORS_LIST],
    "https in cors in gzip": [HTTPS, CORS_LIST, (GZipMiddleware, {"minimum_size": 1})],
    "gzip in gzip": [(GZipMiddleware, {"minimum_size": 5}), (GZipMiddleware, {"minimum_size": 1})],
}


def _is_possible(stack: Stack) -> bool:
    """Whether the Starlette that is installed has these options."""
    return all(options.keys() <= inspect.signature(kind).parameters.keys() for kind, options in stack)


STACKS = {name: stack for name, stack in STACKS.items() if _is_possible(stack)}


class Item(BaseModel):
    name: str
    price: float = 1.5


async def token(authorization: Annotated[str, Query()] = "none") -> str:
    return authorization


def make_app(stack: Stack) -> FastAPI:
    """``stack`` from the inside."""
    app = FastAPI()
    _add_plain_routes(app)
    _add_odd_routes(app)
    for middleware, options in stack:
        app.add_middleware(middleware, **options)
    return app


def app_of(stack: str) -> Callable[[], FastAPI]:
    return lambda: make_app(STACKS[stack])


def _add_plain_routes(app: FastAPI) -> None:
    @app.get("/hello")
    async def hello() -> dict[str, str]:
        return {"hello": "world"}

    @app.get("/sync")
    def sync(size: int = 3) -> list[int]:
        return list(range(size))

    @app.get("/text/{size}")
    async def text(size: int) -> PlainTextResponse:
        return PlainTextResponse((f"Lorem ipsum {size} " * size)[:size])

    @app.get("/json/{size}")
    async def document(size: int) -> list[str]:
        return [f"{number} of {size}" for number in range(size)]

    @app.post("/items")
    async def create(item: Item) -> Item:
        return item

    @app.api_route("/any", methods=["GET", "HEAD", "PUT", "OPTIONS"])
    async def any_method() -> str:
        return "any " * 300

    @app.get("/dependent")
    async def dependent(found: Annotated[str, Depends(token)]) -> str:
        return found

    @app.get("/request")
    async def with_request(request: Request) -> dict[str, Any]:
        return {"url": str(request.url), "padding": "p" * 600}


def _add_odd_routes(app: FastAPI) -> None:
    @app.get("/typed")
    async def typed(media_type: str, encoding: str = "", status: int = 200) -> Response:
        headers = {"content-encoding": encoding} if encoding else None
        return Response(b"0123456789" * 80, status, headers, media_type)

    @app.get("/vary")
    async def vary(own: str = "") -> HTMLResponse:
        response = HTMLResponse("<p>" * 300)
        response.headers.append("vary", "Cookie")
        response.headers.append("x-between", "1")
        response.headers.append("Vary", "Accept, Origin")
        if own:
            response.headers["access-control-allow-origin"] = own
        return response

    @app.get("/length-last")
    async def length_last() -> Response:
        return JSONResponse("x" * 700, headers={"x-first": "1", "content-length": "702", "x-last": "2"})

    @app.get("/stream")
    async def stream(pieces: int = 3, media_type: str = "text/plain") -> StreamingResponse:
        async def generate() -> AsyncIterator[str]:
            for number in range(pieces):
                await asyncio.sleep(0)
                yield f"piece {number} " * 40

        return StreamingResponse(generate(), media_type=media_type)

    @app.get("/nothing", status_code=204)
    async def nothing() -> Response:
        return Response(status_code=204)

    @app.get("/unchanged")
    async def unchanged() -> Response:
        return Response(status_code=304, headers={"etag": '"1"'})

    @app.get("/background")
    async def background(tasks: BackgroundTasks) -> str:
        tasks.add_task(asyncio.sleep, 0)
        return "b" * 600

    @app.get("/refused")
    async def refused() -> None:
        raise HTTPException(418, "r" * 600, {"x-refused": "1"})

    @app.get("/error")
    async def error() -> None:
        raise RuntimeError("unhandled")

    @app.post("/raw")
    async def raw(request: Request) -> int:
        return len(await request.body())
