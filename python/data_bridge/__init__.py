"""One C++ runtime that is the HTTP server and Python's asyncio event loop."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from data_bridge.loop import PyLoop, new_event_loop, run

if TYPE_CHECKING:
    from data_bridge.app import App
    from data_bridge.column_markers import Column, Was
    from data_bridge.deadline import timeout
    from data_bridge.markers import Created, ReadOnly, Updated
    from data_bridge.options import ServerOptions
    from data_bridge.policy import EventLoopPolicy
    from data_bridge.router import Router
    from data_bridge.runner import serve
    from data_bridge.server import Server
    from data_bridge.stores import StoreLimits

__all__ = [
    "App",
    "Column",
    "Created",
    "EventLoopPolicy",
    "PyLoop",
    "ReadOnly",
    "Router",
    "Server",
    "ServerOptions",
    "StoreLimits",
    "Updated",
    "Was",
    "new_event_loop",
    "run",
    "serve",
    "timeout",
]

# Imported when asked for: who only wants the loop must not pay for FastAPI, half a second and, for as long as the
# process lives, 55,000 more objects for the garbage collector to walk through.
_LAZY = {
    "App": "app",
    "Column": "column_markers",
    "Created": "markers",
    "EventLoopPolicy": "policy",
    "ReadOnly": "markers",
    "Router": "router",
    "Server": "server",
    "ServerOptions": "options",
    "StoreLimits": "stores",
    "Updated": "markers",
    "Was": "column_markers",
    "serve": "runner",
    "timeout": "deadline",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
