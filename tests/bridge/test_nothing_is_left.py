"""A server that is over goes, whatever its requests have left with others."""

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI, Request

from data_bridge.server import Server
from data_bridge.testing import LiveServer

from .raw_client import RawConnection, request


def make_asgi() -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            raise ArithmeticError("kept, with the frames that hold receive and send")

    return app


def make_compiled() -> Any:
    app = FastAPI()

    @app.get("/")
    async def fail(request: Request) -> None:
        await request.body()
        raise ArithmeticError("kept, with the frames that hold the request")

    return app


def make_behind_middleware() -> Any:
    app = make_compiled()

    @app.middleware("http")
    async def around(request: Request, call_next: Any) -> Any:
        return await call_next(request)

    return app


@pytest.mark.parametrize("io_threads", [0, 1])
@pytest.mark.parametrize("make_app", [make_asgi, make_compiled, make_behind_middleware])
def test_what_an_exception_keeps_does_not_keep_the_server(
    make_app: Callable[[], Any], io_threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> tuple[weakref.ref[LiveServer], weakref.ref[Server]]:
        # The exceptions are kept in the LiveServer, which the server reports to: a circle.
        with LiveServer(make_app(), io_threads=io_threads) as live:
            with RawConnection(live.port) as connection:
                connection.send(request("GET", "/"))
                assert " 500 " in connection.read_answer("GET").status_line
            assert live.wait_idle(5)
        return weakref.ref(live), weakref.ref(live.server)

    monkeypatch.setattr(logging.getLogger("uvicorn.error"), "disabled", True)  # pytest keeps what is logged
    kept = fail()
    gc.collect()
    assert [reference() for reference in kept] == [None, None]
