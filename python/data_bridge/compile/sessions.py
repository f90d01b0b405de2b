"""Starlette's SessionMiddleware around compiled routes that are outside of the application's layers.

It is Starlette's own code, of whatever release, that opens a session and that says what becomes of an answer's fields.
But it runs only where there is something for it to do: with a cookie, or where a handler has asked for the scope. Where
neither is so, no release that is known says anything, and no Python runs for it.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any

from .facts import Bridged
from .pristine import closure_of

__all__ = ["OpenSession", "ResumedSession", "Sessions", "session_middleware"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

#: Where the session is for :class:`ResumedSession`.
RESUMED = "data_bridge.session"


def session_middleware() -> Any:
    """Starlette's class, where something has imported it: it needs itsdangerous."""
    return getattr(sys.modules.get("starlette.middleware.sessions"), "SessionMiddleware", None)


class OpenSession:
    """What SessionMiddleware is to one request, between its call of the application and the answer."""

    __slots__ = ("send", "target")

    def __init__(self) -> None:
        self.send: Any = None  # what it gives to the application
        self.target: Send | None = None

    async def forward(self, message: Any) -> None:
        """What it was given to send by."""
        if self.target is not None:
            await self.target(message)


async def _open(_scope: Scope, opened: Any, send: Send) -> None:
    """As the application: receives the session, in the place of messages."""
    opened.send = send


def _run(coroutine: Coroutine[Any, Any, None]) -> None:
    """To its end: SessionMiddleware awaits nothing but the application and ``send``."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise RuntimeError("SessionMiddleware waits for something")


class Sessions:
    """Of one application. ``edited_further_in``: a layer between it and the routes changes fields, too."""

    def __init__(self, middleware: Any, *, edited_further_in: bool) -> None:
        name = middleware.session_cookie
        if type(name) is not str or not name.isascii():
            raise Bridged("session_cookie is no ASCII")
        self.cookie = name.encode()
        self._middleware = copy.copy(middleware)
        self._middleware.app = _open
        self._edited_further_in = edited_further_in
        self._class = getattr(sys.modules[type(middleware).__module__], "Session", None)  # Starlette 1.0

    def open(self, scope: Scope) -> OpenSession:
        """Put the session of a request into its scope. Raises what SessionMiddleware raises."""
        opened = OpenSession()
        _run(self._middleware(scope, opened, opened.forward))
        return opened

    def changes(self, opened: OpenSession, scope: Scope) -> bool:
        """Whether it has something to say to the answer."""
        session = scope["session"]
        if self._class is not None:
            return type(session) is not self._class or session.accessed or session.modified
        empty = type(session) is dict and not session
        return not empty or not closure_of(opened.send)["initial_session_was_empty"]

    def fields(self, opened: OpenSession, fields: list[Any]) -> list[Any] | None:
        """Those of the answer, with its own; None: that is for the application's stack."""
        if self._edited_further_in:
            return None
        message = {"type": "http.response.start", "status": 200, "headers": fields}
        try:
            _run(opened.send(message))
        except Exception:  # which the stack will find, too, where others expect it
            return None
        return message["headers"]  # type: ignore[return-value]


class ResumedSession:
    """In the place of SessionMiddleware in a stack that ends a request: its session is open already."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Go on where the session was opened."""
        opened: OpenSession = scope.pop(RESUMED)
        opened.target = send
        await self.app(scope, receive, opened.send)
