"""A loop of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import data_bridge


@pytest.fixture
def loop() -> Iterator[data_bridge.PyLoop]:
    loop = data_bridge.new_event_loop()
    yield loop
    loop.close()
