"""Applications that take the lifespan protocol loosely."""

from __future__ import annotations

import contextlib
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


async def raises_at_once(scope: Any, receive: Receive, send: Send) -> None:
    raise KeyError(scope["type"])


async def raises_behind_its_start(scope: Any, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    raise KeyError("behind")


async def raises_at_its_end(scope: Any, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    raise KeyError("end")


async def fails_at_its_end(scope: Any, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.failed", "message": "no end"})


WAITING, COMPLETE = "Waiting for application startup.", "Application startup complete."
ENDING, ENDED = "Waiting for application shutdown.", "Application shutdown complete."
FAILED = "Application shutdown failed."
UNSUPPORTED, EXCEPTION = "ASGI 'lifespan' protocol appears unsupported.", "Exception in 'lifespan' protocol"


@pytest.mark.parametrize(
    ("app", "mode", "lines"),
    [
        (returns_at_once, "auto", [WAITING, COMPLETE, ENDING, ENDED]),
        (returns_at_once, "off", []),
        (never_returns, "on", [WAITING, COMPLETE, ENDING, ENDED]),
        (raises_at_once, "auto", [WAITING, UNSUPPORTED, COMPLETE]),
        (raises_at_once, "on", [WAITING, EXCEPTION]),
        (raises_behind_its_start, "auto", [WAITING, UNSUPPORTED, COMPLETE]),
        (raises_at_its_end, "auto", [WAITING, COMPLETE, ENDING, UNSUPPORTED, ENDED]),
        (raises_at_its_end, "on", [WAITING, COMPLETE, ENDING, EXCEPTION, FAILED]),
        (fails_at_its_end, "auto", [WAITING, COMPLETE, ENDING, "no end", FAILED]),
    ],
)
def test_the_lines_are_uvicorns(app: Any, mode: str, lines: list[str], caplog: pytest.LogCaptureFixture) -> None:
    """As uvicorn/lifespan/on.py logs them."""
    with caplog.at_level("INFO", "uvicorn.error"), contextlib.suppress(KeyError), LiveServer(app, lifespan=mode):
        pass
    logged = [record.getMessage() for record in caplog.records if record.name == "uvicorn.error"]
    about = ("application", "Application", "lifespan", "no end")
    assert [line for line in logged if any(word in line for word in about)] == [
        next((each for each in logged if each.startswith(line)), line) for line in lines
    ]
