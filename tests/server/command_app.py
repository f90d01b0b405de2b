"""The application that the tests of the command serve."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

NUMBER = 3


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    print("lifespan ended", flush=True)


@asynccontextmanager
async def failing_lifespan(app: FastAPI) -> AsyncIterator[None]:
    raise RuntimeError("no database here")
    yield


app = FastAPI(lifespan=lifespan)
broken = FastAPI(lifespan=failing_lifespan)


@app.get("/hello")
async def hello() -> dict[str, str]:
    return {"hello": "world"}


@app.get("/request")
async def request(request: Request) -> str:
    return request.url.path


class Elsewhere(APIRoute):
    """A route whose matching is its own."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return super().matches(scope)


async def own() -> str:
    return "own"


app.router.add_api_route("/own", own, methods=["GET"], route_class_override=Elsewhere)


@app.get("/slow")
async def slow() -> str:
    await asyncio.sleep(1)
    return "done"


@app.get("/forever")
async def forever() -> str:
    await asyncio.sleep(3600)
    return "never"


@app.get("/error")
async def error() -> str:
    raise RuntimeError("a secret")


@app.get("/pid")
async def pid() -> int:
    return os.getpid()
