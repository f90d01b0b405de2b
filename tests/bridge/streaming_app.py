"""Bodies of a megabyte and more through every door: compiled, bridged, a resource, a path that nothing answers."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Request, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from data_bridge import App

PIECE = b"0123456789" * 100
PIECES = 1_000


class Page(BaseModel):
    id: int
    text: str


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """An ASGI application that answers with the body, piece by piece. (StreamingResponse would read it, too.)"""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        await send({"type": "http.response.body", "body": message.get("body", b""), "more_body": more})


def make_app(store: str | None = None) -> App:
    app = App(store=store or os.environ["STREAMING_APP_STORE"])
    app.crud(Page, path="/pages")

    @app.post("/compiled")
    async def compiled(content: Page) -> Page:
        return content

    @app.get("/down")
    async def down() -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(PIECES):
                yield PIECE

        return StreamingResponse(pieces())

    @app.post("/stream")
    async def stream(request: Request) -> dict[str, int]:
        size = 0
        async for piece in request.stream():
            size += len(piece)
        return {"size": size}

    @app.post("/body")
    async def body(request: Request) -> dict[str, int]:
        return {"size": len(await request.body())}

    @app.post("/upload")
    async def upload(file: UploadFile) -> dict[str, Any]:
        return {"size": len(await file.read())}

    app.mount("/echo", echo)
    return app


def application() -> App:
    """For `--factory`."""
    return make_app()
