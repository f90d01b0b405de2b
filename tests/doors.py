"""The doors of a resource, as contexts that give a client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

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
def natively(app: App, **options: Any) -> Iterator[httpx.Client]:
    """From a live server; `options` are its own."""
    # On a busy machine a client may be held up for longer than the five seconds after which an idle connection closes.
    with (
        LiveServer(app, timeout_keep_alive=60, **options) as server,
        httpx.Client(base_url=server.url, timeout=30) as client,
    ):
        yield client


@contextmanager
def inline(app: App) -> Iterator[httpx.Client]:
    """Natively, on the thread that runs Python."""
    with natively(app, io_threads=0) as client:
        yield client


@contextmanager
def threaded(app: App) -> Iterator[httpx.Client]:
    """Natively, on two threads beside the one that runs Python."""
    with natively(app, io_threads=2) as client:
        yield client


@contextmanager
def beside(client: httpx.Client) -> Iterator[httpx.Client]:
    """Another client of the same application, with connections of its own; for another thread."""
    if isinstance(client, TestClient):
        yield client
    else:
        # No certificates are looked at, and reading them is most of the work of making a client.
        with httpx.Client(base_url=client.base_url, headers=client.headers, timeout=60, verify=False) as other:
            yield other
