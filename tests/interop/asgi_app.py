"""An ASGI application without a framework, for servers that run on PyLoop; it says on which loop it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

LARGE = bytes(range(256)) * (8 * 1024)  # 2 MiB


def loop_name() -> str:
    loop = type(asyncio.get_running_loop())
    return f"{loop.__module__}.{loop.__qualname__}"


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Serve one connection."""
    if scope["type"] == "lifespan":
        await serve_lifespan(scope, receive, send)
    elif scope["type"] == "websocket":
        await serve_websocket(receive, send)
    else:
        await serve_http(scope, receive, send)


async def serve_lifespan(scope: Message, receive: Receive, send: Send) -> None:
    assert (await receive())["type"] == "lifespan.startup"
    await asyncio.sleep(0.01)
    scope["state"]["started_on"] = loop_name()
    print("lifespan: started", flush=True)
    await send({"type": "lifespan.startup.complete"})
    assert (await receive())["type"] == "lifespan.shutdown"
    await asyncio.sleep(0.01)
    print("lifespan: stopped", flush=True)
    await send({"type": "lifespan.shutdown.complete"})


async def serve_http(scope: Message, receive: Receive, send: Send) -> None:
    async def answer(body: bytes, status: int = 200) -> None:
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": status, "headers": [length]})
        await send({"type": "http.response.body", "body": body})

    match scope["path"]:
        case "/loop":
            assert scope["state"]["started_on"] == loop_name()
            await answer(loop_name().encode())
        case "/echo":
            body = bytearray()
            while True:
                message = await receive()
                body += message["body"]
                if not message.get("more_body"):
                    break
            await answer(bytes(body))
        case "/stream":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for start in range(0, len(LARGE), 50_000):
                await send({"type": "http.response.body", "body": LARGE[start : start + 50_000], "more_body": True})
            await send({"type": "http.response.body"})
        case "/slow":
            print("slow: started", flush=True)
            await asyncio.sleep(1)
            await answer(b"slow")
        case "/until-gone":
            await receive()
            assert (await receive())["type"] == "http.disconnect"
            print("until-gone: gone", flush=True)
        case _:
            await answer(b"nothing here", 404)


async def serve_websocket(receive: Receive, send: Send) -> None:
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            print(f"websocket: {message['code']}", flush=True)
            return
        if message.get("text") == "close":
            await send({"type": "websocket.close", "code": 4001})
            return
        echoed = {name: message[name] for name in ("text", "bytes") if message.get(name) is not None}
        await send({"type": "websocket.send", **echoed})
