"""Routes with timeouts of their own, without middleware and with some that nobody knows."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Form, Request
from starlette.responses import Response
from starlette.routing import Route

from data_bridge import timeout


def make_app() -> FastAPI:
    app = FastAPI()

    @app.get("/compiled/{number}")
    @timeout(0.3)
    async def compiled(number: int) -> None:
        await asyncio.sleep(60)

    class Own(Response):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await asyncio.sleep(60)

    @app.get("/bridged")
    @timeout(0.3)
    async def bridged(request: Request) -> Response:
        return Own()

    @timeout(0.3)
    async def plain(request: Request) -> Response:
        return Own()

    app.router.routes.append(Route("/plain", plain))

    @app.get("/sync")
    @timeout(0.3)
    def sync() -> None:
        time.sleep(2)

    @app.post("/form")
    @timeout(0.3)
    async def form(word: Annotated[str, Form()]) -> None:
        await asyncio.sleep(60)

    router = APIRouter(prefix="/below")

    @router.get("/routed")
    @timeout(0.3)
    async def routed() -> None:
        await asyncio.sleep(60)

    app.include_router(router)

    @app.get("/slow")
    async def slow() -> str:
        await asyncio.sleep(0.7)
        return "has time"

    return app


class Through:
    """A middleware that does nothing."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


bare = make_app()
within = make_app()
within.add_middleware(Through)
