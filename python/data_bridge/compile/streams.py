"""Endpoints that are generators: FastAPI's own request handler makes their response, of arguments that are solved.

What it does then (tasks, memory streams, keep-alive comments, serialisers of single items) stays FastAPI's, whatever
the release; what a program goes around is the reading of the body and the solving of dependencies before it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import CellType, FunctionType
from typing import Any

import fastapi.routing
from fastapi.dependencies.utils import SolvedDependency
from starlette.requests import Request
from starlette.responses import Response

from .pristine import with_globals

_SOLVED = "data_bridge.solved"

#: (request, arguments by name, the injected Response, BackgroundTasks or None) -> the response that streams.
MakeStream = Callable[[Request, dict[str, Any], Response, Any], Awaitable[Response]]


def stream_maker(handler: FunctionType, endpoint: Callable[..., Any]) -> MakeStream:
    """``handler``: the inner function of ``get_request_handler`` of the route whose generator ``endpoint`` is."""
    cells = [
        CellType(None) if name == "body_field" else cell
        for name, cell in zip(handler.__code__.co_freevars, handler.__closure__ or (), strict=True)
    ]
    replaced = {"solve_dependencies": _solve_dependencies}
    with_solved = with_globals(handler, fastapi.routing, replaced, tuple(cells))

    def make(request: Request, values: dict[str, Any], response: Response, tasks: Any) -> Awaitable[Response]:
        request.scope[_SOLVED] = SolvedDependency(
            values=values, errors=[], background_tasks=tasks, response=response, dependency_cache={}
        )
        return with_solved(request)  # type: ignore[no-any-return]

    make.stands_for = endpoint  # type: ignore[attr-defined]
    return make


async def _solve_dependencies(*, request: Request, **_: Any) -> SolvedDependency:
    solved: SolvedDependency = request.scope.pop(_SOLVED)
    return solved
