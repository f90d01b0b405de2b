"""Applications with the routes that real ones have, for `routes.py`."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Cookie, Depends, FastAPI, Form, Header, Request, Response, UploadFile
from fastapi.responses import StreamingResponse
from fastapi.security import OAuth2PasswordBearer
from pydantic import BaseModel
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Item(BaseModel):
    """A row of a list."""

    id: int
    name: str
    price: float
    tags: list[str]


ITEMS: list[dict[str, Any]] = [{"id": n, "name": f"item {n}", "price": n / 4, "tags": ["a", "b"]} for n in range(100)]

oauth = OAuth2PasswordBearer("/token")


async def page(skip: int = 0, limit: int = 10) -> dict[str, int]:
    """Two query parameters."""
    return {"skip": skip, "limit": limit}


async def session(request: Request) -> AsyncIterator[str]:
    """What databases are reached by."""
    yield request.url.path


async def user(request: Request, token: Annotated[str, Depends(oauth)]) -> dict[str, str]:
    """Who asks."""
    return {"name": token, "method": request.method}


def make_app() -> FastAPI:
    """All routes, no middleware."""
    app = FastAPI()

    @app.get("/")
    async def hello() -> dict[str, str]:
        return {"hello": "world"}

    @app.get("/page")
    async def paged(page: Annotated[dict[str, int], Depends(page)]) -> dict[str, int]:
        return page

    @app.get("/me")
    async def me(user: Annotated[dict[str, str], Depends(user)], session: Annotated[str, Depends(session)]) -> Any:
        return {"user": user["name"], "session": session}

    @app.get("/sync")
    def sync() -> dict[str, str]:
        return {"hello": "world"}

    @app.get("/dicts", response_model=None)
    async def dicts() -> list[dict[str, Any]]:
        return ITEMS

    @app.get("/models")
    async def models() -> list[Item]:
        return ITEMS  # type: ignore[return-value]

    @app.get("/injected")
    async def injected(
        request: Request, response: Response, visit: Annotated[str, Cookie()], agent: Annotated[str, Header()]
    ) -> dict[str, str]:
        response.headers["x-visit"] = visit
        return {"agent": agent, "path": request.url.path}

    @app.post("/form")
    async def form(
        a: Annotated[str, Form()],
        b: Annotated[int, Form()],
        c: Annotated[str, Form()],
        d: Annotated[float, Form()],
        e: Annotated[str, Form()],
    ) -> dict[str, Any]:
        return {"a": a, "b": b, "c": c, "d": d, "e": e}

    @app.post("/upload")
    async def upload(file: UploadFile) -> int:
        return len(await file.read())

    @app.get("/events")
    async def events() -> StreamingResponse:
        async def pieces() -> AsyncIterator[str]:
            for number in range(400):
                yield f"data: {number}\n\n"

        return StreamingResponse(pieces(), media_type="text/event-stream")

    return app


class AddsHeader:
    """Pure ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add a field to every answer."""

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-added", b"1")]
            await send(message)

        await self.app(scope, receive, add)


app = make_app()
pure = make_app()
pure.add_middleware(AddsHeader)
known = make_app()
known.add_middleware(CORSMiddleware, allow_origins=["https://example.org"])
known.add_middleware(GZipMiddleware)
known.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1"])
http = make_app()


@http.middleware("http")
async def add(request: Request, call_next: Any) -> Response:
    """Add a field to every answer."""
    response: Response = await call_next(request)
    response.headers["x-added"] = "1"
    return response


async def raw(scope: Scope, receive: Receive, send: Send) -> None:
    """A plain ASGI application."""
    if scope["type"] != "http":
        raise RuntimeError
    headers = [(b"content-length", b"17"), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"hello":"world"}'})
