"""A client for each door: through Python as any ASGI server comes, and natively from a live server."""

from __future__ import annotations

from pathlib import Path

import pytest
from doors import Open, natively, through_python

from data_bridge import App


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
