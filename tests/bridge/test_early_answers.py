"""Answers that come before the body does, or without a look at it: the connection goes on, as under uvicorn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from data_bridge.testing import LiveServer

from .pair import both_servers, side_by_side
from .raw_client import Answer, RawConnection, request


async def callable_app(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 403, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


def make_app() -> FastAPI:
    app = FastAPI()

    @app.api_route("/unasked", methods=["GET", "POST"])
    async def unasked() -> str:
        return "done"

    @app.post("/sync")
    def sync() -> str:
        return "done"

    app.mount("/mounted", callable_app)
    return app


@pytest.fixture(scope="module", params=[0, 1, 2], ids=["inline", "an I/O thread", "two I/O threads"])
def ports(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    with both_servers(make_app, io_threads=request.param) as ports:
        yield ports


def framed(method: str, path: str, size: int, chunked: bool) -> bytes:
    body = b"x" * size
    if chunked:
        head = request(method, path, headers={"Transfer-Encoding": "chunked"})
        return head + b"%x\r\n%s\r\n0\r\n\r\n" % (size, body)
    return request(method, path, headers={"Content-Length": str(size)}) + body


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("size", [10, 1_000_000])
@pytest.mark.parametrize(
    "asked", ["GET /unasked", "POST /unasked", "POST /sync", "POST /mounted", "POST /no", "PUT /sync"]
)
def test_the_next_request_is_answered(ports: tuple[int, int], asked: str, size: int, chunked: bool) -> None:
    def ask(side: int) -> list[Answer]:
        with RawConnection(ports[side]) as connection:
            connection.send(framed(*asked.split(), size, chunked))
            first = connection.read_answer()
            connection.send(request("GET", "/unasked"))
            return [first, connection.read_answer()]

    theirs, ours = side_by_side(ask)
    assert ours == theirs
    assert ours[1].body == b'"done"'


def test_a_limit_of_what_is_dropped() -> None:
    with LiveServer(make_app(), max_unread_body=100_000) as server:
        # So much more that it cannot be there before the answer is, however late that comes.
        for size, closes in ((100_000, False), (10_000_000, True)):
            with RawConnection(server.port) as connection:
                connection.send(framed("POST", "/no", size, chunked=False))
                assert connection.read_answer().header("connection") == ("close" if closes else None)
