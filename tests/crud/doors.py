"""The two doors of a resource, as contexts that give a client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import httpx
from fastapi.testclient import TestClient

from data_bridge import App
from data_bridge.testing import LiveServer

#: The server closes what has been idle for five seconds, as uvicorn: a client must have stopped using it before.
LIMITS = httpx.Limits(keepalive_expiry=1)

Open = Callable[[App], AbstractContextManager[httpx.Client]]


@contextmanager
def through_python(app: App) -> Iterator[httpx.Client]:
    with TestClient(app) as client:
        yield client


@contextmanager
def natively(app: App) -> Iterator[httpx.Client]:
    with LiveServer(app) as server, httpx.Client(base_url=server.url, timeout=10, limits=LIMITS) as client:
        yield client
