"""Applications that take the lifespan protocol loosely."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from data_bridge.lifespan import StartupFailed
from data_bridge.testing import LiveServer

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


async def answer(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def never_returns(scope: Any, receive: Receive, send: Send) -> None:
    """The loop that many write by hand, without the return."""
    if scope["type"] == "http":
        await answer(send)
        return
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})


async def fails_and_goes_on(scope: Any, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "not today"})
    await receive()


async def returns_at_once(scope: Any, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await answer(send)


@pytest.mark.parametrize("app", [never_returns, returns_at_once])
def test_a_stop_does_not_wait_for_an_application_that_has_answered(app: Any) -> None:
    with LiveServer(app, timeout_graceful_shutdown=None) as server:
        assert httpx.get(server.url).text == "ok"
        begun = time.monotonic()
    assert time.monotonic() - begun < 20  # else for ever


def test_a_start_that_failed_does_not_wait_for_the_application() -> None:
    with pytest.raises(StartupFailed, match="not today"):
        LiveServer(fails_and_goes_on).start()
