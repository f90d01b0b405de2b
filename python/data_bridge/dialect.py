"""What differs between the installed releases of FastAPI, found out by asking them."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import MutableMapping
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

__all__ = ["null_body_is_missing"]


class _Probe(BaseModel):
    value: int = 0


@functools.cache
def null_body_is_missing() -> bool:
    """Whether a body of ``null`` is the same as none (before FastAPI 0.151), and not validated."""
    return b'"missing"' in _answer(b"null")


def _answer(body: bytes) -> bytes:
    """What a route with a model as its body answers."""
    app = FastAPI(openapi_url=None)

    @app.post("/")
    async def probe(item: _Probe) -> None: ...

    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "root_path": "",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "client": None,
        "server": None,
    }
    parts: list[bytes] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        parts.append(message.get("body", b""))

    # A loop may run in this thread already.
    thread = threading.Thread(target=lambda: asyncio.run(app(scope, receive, send)))
    thread.start()
    thread.join()
    return b"".join(parts)
