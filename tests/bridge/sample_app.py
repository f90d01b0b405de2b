"""One FastAPI application with every kind of route that the bridge tells apart."""

import asyncio
import contextvars
import enum
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Body, Depends, FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, StreamingResponse
from pydantic import BaseModel, Field, field_validator
from starlette.routing import Mount, Route

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="none")


class Colour(enum.Enum):
    red = "red"
    blue = "blue"


class Item(BaseModel):
    name: str = Field(min_length=1, max_length=20)
    price: float = Field(gt=0)
    tags: list[str] = []
    at: datetime | None = None

    @field_validator("name")
    @classmethod
    def not_forbidden(cls, value: str) -> str:
        if value == "forbidden":
            raise ValueError("that name is taken")
        return value


class Teapot(Exception):
    pass


def make_app() -> FastAPI:
    app = FastAPI()
    router = APIRouter(prefix="/router")
    log: list[str] = []
    app.state.log = log

    @app.get("/hello")
    async def hello() -> dict[str, str]:
        return {"hello": "world"}

    @app.get("/plain", response_model=None)
    async def plain() -> Any:
        return {"text": 'é"\\\n\x01\u2028', "n": [1, -2, 3.5, 1e16, 1e-7, 10**30, True, None], "t": (1, "a")}

    @app.get("/typed/{item_id}")
    async def typed(item_id: int, q: str | None = None, limit: int = Query(10, ge=1, le=100), flag: bool = False):
        return {"item_id": item_id, "q": q, "limit": limit, "flag": flag}

    @app.get("/replaced")
    async def replaced(
        one: Annotated[str | None, Query(alias="\ufffd")] = None,
        e: Annotated[list[str] | None, Query(alias="é")] = None,
    ):
        return {"one": one, "e": e}

    @app.get("/many")
    async def many(tag: Annotated[list[str], Query()] = ["default"], colour: Colour = Colour.red):  # noqa: B006
        return {"tag": tag, "colour": colour}

    @app.get("/header")
    async def header(x_token: Annotated[str, Header()], x_many: Annotated[list[str] | None, Header()] = None):
        return {"x_token": x_token, "x_many": x_many}

    @app.get("/files/{path:path}")
    async def files(path: str):
        return {"path": path}

    @app.get("/convertor/{number:int}")
    async def convertor(number: int):
        return number + 1

    @app.post("/items", status_code=201)
    async def create(item: Item) -> Item:
        return item

    @app.post("/items/{item_id}")
    def update(item_id: int, item: Item) -> dict[str, Any]:
        return {"item_id": item_id, "name": item.name, "at": item.at}

    @app.post("/optional")
    async def optional(item: Item | None = None):
        return item

    @app.post("/embedded")
    async def embedded(item: Item, importance: Annotated[int, Body()]):
        return {"item": item, "importance": importance}

    @app.post("/raw")
    async def raw(request: Request):
        body = await request.body()
        return {"size": len(body), "type": request.headers.get("content-type")}

    @app.get("/sync")
    def sync(n: int = 1):
        return {"n": n}

    @app.get("/sleeps")
    async def sleeps():
        await asyncio.sleep(0.01)
        return {"slept": True}

    @app.get("/task")
    async def task():
        current = asyncio.current_task()
        await asyncio.sleep(0)
        return {"same": current is asyncio.current_task(), "is_task": isinstance(current, asyncio.Task)}

    @app.get("/context")
    async def context():
        request_id.set("mine")
        await asyncio.sleep(0)

        async def lines() -> AsyncIterator[str]:
            yield request_id.get()

        return StreamingResponse(lines(), media_type="text/plain")

    @app.get("/http-error")
    async def http_error():
        raise HTTPException(status_code=418, detail={"short": "and stout"}, headers={"X-Pot": "tea"})

    @app.get("/error")
    async def error():
        raise RuntimeError("boom")

    @app.get("/handled")
    async def handled():
        raise Teapot

    @app.exception_handler(Teapot)
    async def on_teapot(request: Request, exc: Teapot):
        return PlainTextResponse(f"handled at {request.url.path}", status_code=418)

    @app.get("/bad-response", response_model=Item)
    async def bad_response():
        return {"name": "x"}

    @app.get("/html", response_class=HTMLResponse)
    async def html():
        return "<p>hi</p>"

    @app.get("/response")
    async def response():
        return Response(b"bytes", media_type="application/x-thing", headers={"X-One": "1"})

    @app.get("/json-response")
    async def json_response():
        return JSONResponse({"a": 1}, status_code=202)

    @app.get("/redirect")
    async def redirect():
        return RedirectResponse("/hello")

    @app.get("/cookie-out")
    async def cookie_out(response: Response):
        response.set_cookie("a", "b")
        response.headers["X-Extra"] = "yes"
        return {"ok": True}

    @app.get("/stream")
    async def stream():
        async def pieces() -> AsyncIterator[bytes]:
            for i in range(3):
                yield f"piece {i}\n".encode()
                await asyncio.sleep(0)

        return StreamingResponse(pieces(), media_type="text/plain")

    @app.api_route("/stream-framed", methods=["GET", "HEAD"])
    async def stream_framed():
        fields = {"X-Before": "1", "Transfer-Encoding": "Chunked", "X-Behind": "2"}
        return StreamingResponse(iter([b"one", b"two"]), headers=fields, media_type="text/plain")

    @app.get("/stream-sync")
    async def stream_sync():
        return StreamingResponse(iter([b"a", b"b", b""]), media_type="text/plain")

    @app.get("/background")
    async def background(tasks: BackgroundTasks):
        tasks.add_task(log.append, "background ran")
        return {"queued": True}

    @app.get("/nan")
    async def nan():
        return {"x": float("nan")}

    @app.get("/no-content", status_code=204)
    async def no_content():
        return None

    @app.get("/time")
    async def time():
        return {"at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)}

    async def dependency(q: int = 1) -> int:
        return q * 2

    def yielding() -> Iterator[str]:
        log.append("enter")
        yield "resource"
        log.append("exit")

    @app.get("/depends")
    async def depends(doubled: Annotated[int, Depends(dependency)], resource: Annotated[str, Depends(yielding)]):
        return {"doubled": doubled, "resource": resource}

    @router.get("/inner/{name}")
    async def inner(name: str):
        return {"name": name}

    @router.get("/items/{item_id}")
    async def router_item(item_id: int):
        if item_id == 0:
            raise HTTPException(404, "no such item")
        return {"item_id": item_id}

    @app.get("/first/{x}")
    async def first(x: str):
        return {"first": x}

    @app.post("/first/fixed")
    async def second():
        return {"second": True}

    async def starlette_route(request: Request) -> Response:
        return PlainTextResponse(f"{request.method} {request.url.path}")

    app.include_router(router)
    app.include_router(router, prefix="/again")
    app.router.routes.append(Route("/starlette", starlette_route))
    app.router.routes.append(Mount("/mounted", routes=[Route("/inside", starlette_route)]))
    return app
