"""FastAPI's own layers around an application's middleware, and between it and the router.

Of a request that nothing fails for they do nothing that anybody sees, but for what they set in its scope. So a server
calls the application's middleware itself, and the compiled routes are called by it; what fails is raised within copies
of the layers, which do with it what they do.
"""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import starlette.routing
from fastapi import FastAPI

from .. import _core
from . import features
from .facts import Bridged
from .pristine import overrides, subclass_with_call

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

#: What an answer began with that has begun already.
START = {"type": "http.response.start", "status": 200, "headers": []}


@dataclass(slots=True)
class Stack:
    """An application's middleware stack, from the outside: FastAPI's own layers around the application's."""

    outside: list[Any]
    middleware: list[Any]  # as far as each has the next one in ``app``
    inside: list[Any]  # empty where that is not far enough


def read_stack(app: FastAPI) -> Stack:
    """Raises :class:`Bridged` where FastAPI's layers are not those that it builds."""
    for name in overrides(app, FastAPI, ("__call__", "build_middleware_stack")):
        raise Bridged(f"{type(app).__name__} overrides {name}")
    if getattr(app, "max_body_size", None) is not None:
        raise Bridged("max_body_size on the application")
    own = features.own_layers()
    count = own.index("ExceptionMiddleware")
    layers: list[Any] = []
    layer: Any = app.middleware_stack
    while layer is not app.router and layer is not None and len(layers) < _FURTHEST:
        layers.append(layer)
        layer = getattr(layer, "__dict__", {}).get("app")
    if [type(one).__name__ for one in layers[:count]] != own[:count]:
        raise Bridged("the middleware stack was changed")
    inside = layers[count - len(own) :] if layer is app.router else []
    if [type(one).__name__ for one in inside] != own[count:]:
        inside = []
    return Stack(layers[:count], layers[count : len(layers) - len(inside)], inside)


#: A stack with more layers runs in a circle.
_FURTHEST = 1000


def copied(layers: list[Any], end: Any) -> Any:
    """Copies of ``layers`` around the application ``end``: what they were built with counts, and stays as it is."""
    for layer in reversed(layers):
        layer = copy.copy(layer)
        layer.app = end
        end = layer
    return end


class OuterWay:
    """An application without the layers that are outside of its middleware."""

    def __init__(self, app: FastAPI, stack: Stack) -> None:
        self._app = app
        self._outside = stack.outside
        self._next = stack.outside[-1].app
        self._chain = _chain(stack.outside)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Of an HTTP request of the server's, whose own ``send`` that is."""
        app = self._app
        for layer, inner in self._chain:
            if layer.app is not inner:
                await app(scope, receive, send)
                return
        if app.root_path:
            scope["root_path"] = app.root_path
        scope["app"] = app
        try:
            await self._next(scope, receive, send)
        except Exception as error:
            await self._raise_within(scope, receive, send, error)

    async def _raise_within(self, scope: Scope, receive: Receive, send: Send, error: Exception) -> None:
        started = _core.has_begun(send)

        async def end(_scope: Scope, _receive: Receive, send: Send) -> None:
            if started:
                await send(START)
            raise error

        await copied(self._outside, end)(scope, receive, without_start(send) if started else send)


def _chain(layers: list[Any]) -> list[tuple[Any, Any]]:
    """What each of them calls: anybody may put something between two of them."""
    return [(layer, layer.app) for layer in layers]


def without_start(send: Send) -> Send:
    """``send`` without its first message: the head of an answer that has left already."""
    announced = False

    async def forward(message: Any) -> None:
        nonlocal announced
        if announced:
            await send(message)
        announced = True

    return forward


class InnerWay:
    """The call of an application's ExceptionMiddleware, while a server runs: its compiled routes, where it is one's.

    It counts for that object, by a class of its own, and as long as nobody patches what it goes around.
    """

    def __init__(self, stack: Stack, routes: _core.InnerRouter) -> None:
        self._layer = layer = stack.inside[0]
        self._class = kind = type(layer)
        self._routes = routes
        chain = _chain(stack.inside)
        gone_around = [(type(one), type(one).__call__) for one in stack.inside] + [
            (starlette.routing.Router, starlette.routing.Router.__call__)
        ]

        def is_own() -> bool:
            for owner, call in gone_around:
                if owner.__call__ is not call:
                    return False
            return all(one.app is inner for one, inner in chain)

        async def __call__(layer: Any, scope: Scope, receive: Receive, send: Send) -> None:
            answer = routes.from_middleware(scope, receive, send) if is_own() else None
            await (kind.__call__(layer, scope, receive, send) if answer is None else answer)

        routes.set_layers(lambda *arguments: kind.__call__(layer, *arguments))
        layer.__class__ = subclass_with_call(kind, __call__)

    def leave(self) -> None:
        """Put everything back."""
        self._routes.set_layers(None)
        self._layer.__class__ = self._class
