"""FastAPI's layers around an outcome that is already there.

An exception, or a response that streams, has background tasks or sends files, or any outcome of dependencies that still
have to exit, is brought to its end by FastAPI's own code: the exit stacks, the exception handlers and the response are
those of a request whose handler has just returned or raised that outcome. Nothing of the application runs twice.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import fastapi.exceptions
from fastapi import FastAPI
from starlette._exception_handler import wrap_app_handling_exceptions
from starlette.middleware import Middleware
from starlette.requests import Request

from . import features
from .own_layers import START, Stack, copied, without_start
from .prototypes import prototype
from .sessions import RESUMED, OpenSession, ResumedSession, Sessions, session_middleware

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

#: What each request has two or three of.
make_stack = prototype(contextlib.AsyncExitStack, ("contextlib",))

_ENDING = "data_bridge.ending"
#: Where the stack of exits is that closes the files of forms.
FILES = "fastapi_middleware_astack"

_SWALLOWED = (
    "There's a high chance that the "
    "application code is raising an exception and a dependency with yield "
    "has a block with a bare except, or a block with except Exception, "
    "and is not raising the exception again. Read more about it in the "
    "docs: https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-with-yield/#dependencies-with-yield-and-except"
)

_NOT_AWAITED = "Response not awaited. " + _SWALLOWED
_NOT_RETURNED = "No response object was returned. " + _SWALLOWED


async def run_exits(
    scope: Scope, receive: Receive, send: Send, outcome: Any, function_stack: Any, request_stack: Any
) -> None:
    """The end of ``fastapi.routing.request_response``: exits, answer, exits; raises what they or the outcome raise."""
    if request_stack is None:  # starlette.routing.request_response
        if isinstance(outcome, BaseException):
            raise outcome
        await outcome(scope, receive, send)
        return
    if not features.EXITS_BEHIND_ANSWER:
        await _run_exits_first(scope, receive, send, outcome, request_stack)
        return
    response_awaited = False
    async with request_stack:
        async with function_stack or contextlib.nullcontext():
            if isinstance(outcome, BaseException):
                raise outcome
            response = outcome
        await response(scope, receive, send)  # unbound, as in FastAPI, where the function's exits swallowed `outcome`
        response_awaited = True
    if not response_awaited:
        raise fastapi.exceptions.FastAPIError(_NOT_AWAITED)


async def _run_exits_first(scope: Scope, receive: Receive, send: Send, outcome: Any, stack: Any) -> None:
    """As the request handlers before 0.118: a response was made, and what there is to exit exits, before it is sent."""

    async def handle() -> Any:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    response = await _exit_behind(stack, handle())
    await response(scope, receive, send)


async def _exit_behind(stack: Any, outcome: Awaitable[Any]) -> Any:
    """``outcome``, behind the exits of ``stack``: of errors of parameters they learn nothing."""
    response = refusal = None
    async with stack:
        try:
            response = await outcome
        except fastapi.exceptions.RequestValidationError as error:
            if not getattr(error, "behind_exits", False):
                raise
            refusal = error
    if refusal is not None:
        raise refusal
    if response is None:
        raise fastapi.exceptions.FastAPIError(_NOT_RETURNED)
    return response


#: Where the stack of a request handler is in the scope while it runs, if others have put code around the handler.
HANDLER_STACK = "data_bridge.handler_stack"


async def exit_in_handler(handler: Callable[[Any], Awaitable[Any]], request: Any) -> Any:
    """What a request handler before 0.118 returns, or raises, behind the exits that are its own."""
    stack = request.scope[HANDLER_STACK] = contextlib.AsyncExitStack()

    async def handle() -> Any:
        try:
            return await handler(request)
        finally:
            del request.scope[HANDLER_STACK]

    return await _exit_behind(stack, handle())


#: How a request ends: the outcome (a response, or what was raised); its Request, or None where none was made, and the
#: body that was read for it; the stacks of exits, of the function and of the request; whether the answer has begun; the
#: session that is open, if SessionMiddleware is gone around.
Ending = tuple[Any, Any, bytes | None, Any, Any, bool, OpenSession | None]


def answered(tasks: Any) -> Any:
    """What is left of a response whose answer has been sent: ``tasks``, or nothing."""

    async def rest(_scope: Scope, _receive: Receive, _send: Send) -> None:
        if tasks is not None:
            await tasks()

    return rest


async def _finish_within(scope: Scope, receive: Receive, send: Send, ending: Ending) -> None:
    """Whoever is around this, and counts on it, learns that the answer's head has left."""
    outcome, request, body, function_stack, request_stack, started, _ = ending
    if request is None:
        request = Request(scope, receive, send)
        if body is not None:
            request._body = body

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        if started:
            await send(START)
        await run_exits(scope, receive, send, outcome, function_stack, request_stack)

    await wrap_app_handling_exceptions(run, request)(scope, receive, send)


async def finish(scope: Scope, receive: Receive, send: Send, ending: Ending) -> None:
    """Where the application's layers are around this already."""
    *_, started, _ = ending
    await _finish_within(scope, receive, without_start(send) if started else send, ending)


class _Finish:
    """Where layers of the application are gone around: copies of them, which are used for exceptions alone."""

    _exceptions: Any  # the ExceptionMiddleware of the stack that the programs are watched with
    _middleware = False  # some of what is gone around is the application's
    _stack: Any  # the copies around _outcome_router()
    #: Those for what failed behind its answer: it has nothing to say to middleware, which has let the answer pass.
    _own_stack: Any

    def begin(self, scope: Scope) -> OpenSession | None:
        """Set in ``scope`` what the layers set before they route."""
        layer = self._exceptions
        scope["starlette.exception_handlers"] = (layer._exception_handlers, layer._status_handlers)
        if features.EXITS_BEHIND_ANSWER:
            scope[FILES] = make_stack()
        return None

    async def __call__(self, scope: Scope, receive: Receive, send: Send, ending: Ending) -> None:
        """As :func:`finish`. An answer needs no layers but middleware, unless it, or what exits around it, fails."""
        outcome, request, body, function_stack, request_stack, started, session = ending
        files = scope[FILES].pop_all() if features.EXITS_BEHIND_ANSWER else contextlib.AsyncExitStack()
        if (started or not self._middleware) and not isinstance(outcome, Exception):

            async def watched(message: Any) -> None:
                nonlocal started
                started = True
                await send(message)

            async with files:
                try:
                    await run_exits(scope, receive, watched, outcome, function_stack, request_stack)
                except Exception as error:
                    outcome = error  # the stacks are empty now
                    files = files.pop_all()  # what handles it may still read them
                else:
                    return
        scope[_ENDING] = files, (outcome, request, body, function_stack, request_stack, started, None)
        if session is not None:
            scope[RESUMED] = session
        if started:
            await self._own_stack(scope, receive, without_start(send))
        else:
            await self._stack(scope, receive, send)


class NativeFinish(_Finish):
    """Where all of them are gone around."""

    def __init__(self, app: FastAPI, sessions: Sessions | None) -> None:
        self._sessions = sessions
        replica = copy.copy(app)
        replica.user_middleware = [_resumed(middleware) for middleware in app.user_middleware]
        replica.router = _outcome_router  # type: ignore[assignment]
        self._app = app
        self._exceptions = app.middleware_stack
        while not hasattr(self._exceptions, "_exception_handlers"):
            self._exceptions = self._exceptions.app
        self._middleware = bool(app.user_middleware)
        self._stack = FastAPI.build_middleware_stack(replica)
        replica.user_middleware = []
        self._own_stack = FastAPI.build_middleware_stack(replica)

    def begin(self, scope: Scope) -> OpenSession | None:
        """Set in ``scope`` what the application and its layers set before they route."""
        app = self._app
        if app.root_path:
            scope["root_path"] = app.root_path
        scope["app"] = app
        session = self._sessions.open(scope) if self._sessions is not None else None
        super().begin(scope)
        return session


class InnerFinish(_Finish):
    """Where those behind the application's middleware are."""

    def __init__(self, stack: Stack) -> None:
        self._exceptions = stack.inside[0]
        self._stack = self._own_stack = copied(stack.inside, _outcome_router)


def _resumed(middleware: Middleware) -> Middleware:
    return Middleware(ResumedSession) if middleware.cls is session_middleware() else middleware


async def _outcome_router(scope: Scope, receive: Receive, send: Send) -> None:
    files, ending = scope.pop(_ENDING)
    async with files:
        await _finish_within(scope, receive, send, ending)
