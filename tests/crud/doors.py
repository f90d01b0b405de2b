"""The two doors of a resource, as contexts that give a client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import httpx
from fastapi.testclient import TestClient

from data_bridge import App
from data_bridge.testing import LiveServer

Open = Callable[[App], AbstractContextManager[httpx.Client]]


@contextmanager
def through_python(app: App) -> Iterator[httpx.Client]:
    with TestClient(app) as client:
        yield client


@contextmanager
def natively(app: App) -> Iterator[httpx.Client]:
    # On a busy machine a client may be held up for longer than the five seconds after which an idle connection closes.
    with (
        LiveServer(app, timeout_keep_alive=60) as server,
        httpx.Client(base_url=server.url, timeout=10) as client,
    ):
        yield client
