"""An ASGI application that sends what the path says: files and trailers by ASGI's extensions."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs

#: What a request ended with: the name of the exception, or the next message that it was given.
ENDS: list[str] = []
_TASKS: set[asyncio.Future[None]] = set()


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
    try:
        await _ACTS[scope["path"]](scope, receive, send, query)
    except BaseException as error:
        ENDS.append(f"{type(error).__name__}: {error}")
        raise


async def _start(send: Any, fields: list[tuple[bytes, bytes]] | None = None, **more: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": fields or [], **more})


async def _announced(scope: Any, receive: Any, send: Any, query: dict[str, str]) -> None:
    await _start(send)
    await send({"type": "http.response.body", "body": json.dumps(scope["extensions"]).encode()})


async def _path(scope: Any, receive: Any, send: Any, query: dict[str, str]) -> None:
    await _start(send, [(b"content-length", query["length"].encode())] if "length" in query else [])
    await send({"type": "http.response.pathsend", "path": query["path"]})
    ENDS.append((await receive())["type"])


async def _not_awaited(scope: Any, receive: Any, send: Any, query: dict[str, str]) -> None:
    await _start(send, [(b"content-length", query["length"].encode())])
    task = asyncio.ensure_future(_quietly(send, query["path"]))
    task.add_done_callback(_TASKS.discard)
    _TASKS.add(task)
    await asyncio.sleep(0)


async def _quietly(send: Any, path: str) -> None:
    try:
        await send({"type": "http.response.pathsend", "path": path})
    except (OSError, RuntimeError) as error:
        ENDS.append(f"{type(error).__name__}: {error}")


async def _mixed(scope: Any, receive: Any, send: Any, query: dict[str, str]) -> None:
    await _start(send)
    for kind in query["kinds"].split(","):
        await send({"type": f"http.response.{kind}", "path": query["path"], "body": b"text", "more_body": True})


async def _twice(scope: Any, receive: Any, send: Any, query: dict[str, str]) -> None:
    await _start(send)
    first = asyncio.ensure_future(send({"type": "http.response.pathsend", "path": query["path"]}))
    await asyncio.sleep(0)
    try:
        await send({"type": "http.response.pathsend", "path": query["path"]})
    finally:
        await first


async def _trailers(scope: Any, receive: Any, send: Any, query: dict[str, str]) -> None:
    await _start(send, [(b"content-length", query["length"].encode())] if "length" in query else [], trailers=True)
    if "path" in query:
        await send({"type": "http.response.pathsend", "path": query["path"]})
    else:
        await send({"type": "http.response.body", "body": b"abc", "more_body": True})
        await send({"type": "http.response.body", "body": b"def"})
    if "none" in query:
        return
    if "early" in query:
        await send({"type": "http.response.body", "body": b"more"})
    fields = [(b"X-Sum", b"1"), (b"content-length", b"7"), (b"set-cookie", b"a=b")]
    await send({"type": "http.response.trailers", "headers": fields, "more_trailers": True})
    await send({"type": "http.response.trailers", "headers": [(b"x-last", bytearray(b"2"))]})
    ENDS.append((await receive())["type"])


_ACTS = {
    "/announced": _announced,
    "/path": _path,
    "/not-awaited": _not_awaited,
    "/mixed": _mixed,
    "/twice": _twice,
    "/trailers": _trailers,
}
