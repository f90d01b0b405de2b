"""Applications of every shape that a server may be given."""

from __future__ import annotations

import asyncio
import functools
import warnings
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


async def answer(text: str, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        raise RuntimeError("only HTTP")
    text += " " + scope["asgi"]["version"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(text))]})
    await send({"type": "http.response.body", "body": text.encode()})


async def function(scope: Scope, receive: Receive, send: Send) -> None:
    await answer("function", scope, receive, send)


def returns_coroutine(scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
    return answer("returns a coroutine", scope, receive, send)


class Instance:
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await answer("instance", scope, receive, send)


instance = Instance()


class InstanceOfPlainCall:
    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return answer("instance of a plain call", scope, receive, send)


instance_of_plain_call = InstanceOfPlainCall()
partial = functools.partial(answer, "partial")


class Awaited:
    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._arguments = scope, receive, send

    def __await__(self) -> Any:
        return answer("awaited class", *self._arguments).__await__()


class Asgi2Class:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def __call__(self, receive: Receive, send: Send) -> None:
        await answer("class of ASGI 2", self._scope, receive, send)


def asgi2_closure(scope: Scope) -> Callable[[Receive, Send], Awaitable[None]]:
    async def instance(receive: Receive, send: Send) -> None:
        await answer("closure of ASGI 2", scope, receive, send)

    return instance


class Asgi2Instance:
    def __call__(self, scope: Scope) -> Callable[[Receive, Send], Awaitable[None]]:
        return functools.partial(answer, "instance of ASGI 2", scope)


asgi2_instance = Asgi2Instance()
asgi2_partial = functools.partial(asgi2_closure)


def make() -> Callable[..., Awaitable[None]]:
    asyncio.get_running_loop()  # as clients of databases do; raises where none runs
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asyncio.get_event_loop()
    return function


def make_asgi2() -> type[Asgi2Class]:
    return Asgi2Class


async def variadic(*arguments: Any) -> None:
    await answer("variadic", *arguments)


def needs_argument(name: str) -> Any:
    raise AssertionError(name)


def fails() -> Any:
    raise RuntimeError("no application today")
