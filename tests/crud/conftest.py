"""A client for each door: through Python as any ASGI server comes, and natively from a live server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest
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
    with LiveServer(app) as server, httpx.Client(base_url=server.url, timeout=10) as client:
        yield client


@pytest.fixture(params=[through_python, natively], ids=["python", "native"])
def open_client(request: pytest.FixtureRequest) -> Open:
    opened: Open = request.param
    return opened


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("DATA_BRIDGE_STORE", raising=False)
    return f"sqlite:///{tmp_path / 'test.db'}"


@pytest.fixture
def app(store: str) -> App:
    return App(store=store)
