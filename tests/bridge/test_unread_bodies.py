"""Bodies that cannot be read, or not by the usual parser of JSON: FastAPI has an answer for both, and so have we."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Annotated, Any

import httpx
import pytest
import starlette.requests
from fastapi import APIRouter, FastAPI, File, Form, HTTPException, UploadFile
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from data_bridge.testing import LiveServer

from .inside_app import Timed
from .pair import both_servers
from .raw_client import Answer, RawConnection, request

#: What a receive() of somebody else's raises, or returns.
OUTCOMES: dict[str, Any] = {
    "value": ValueError("v"),
    "key": KeyError("k"),
    "http": HTTPException(418, "h", {"x-more": "1"}),
    "decoding": json.JSONDecodeError("d", "doc", 1),
    "at once": "at once",
    "no type": {"body": b"x"},
    "another type": {"type": "another", "body": b"x"},
    "no bytes": {"type": "http.request", "body": 5},
    "a client that left": {"type": "http.disconnect"},
}


class Failing:
    """Middleware whose receive() has an outcome of OUTCOMES in place of the message number `x-at`."""

    reached = threading.Event()

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fields = dict(scope.get("headers", ()))
        outcome = OUTCOMES.get(fields.get(b"x-outcome", b"").decode())
        at = int(fields.get(b"x-at", b"1"))
        number = 0

        async def failing() -> Message:
            nonlocal number
            number += 1
            if number == at and outcome is not None:
                if isinstance(outcome, Exception):
                    raise outcome
                return dict(outcome)
            message = await receive()
            self.reached.set()
            return message

        def failing_at_once() -> Any:
            if number + 1 == at:
                raise ValueError("at once")
            return failing()

        await self.app(scope, failing_at_once if outcome == "at once" else failing, send)


def make_app() -> FastAPI:
    app = FastAPI()
    app.add_middleware(Failing)
    for router in (APIRouter(), APIRouter(prefix="/timed", route_class=Timed)):

        @router.post("/json")
        async def item(item: dict[str, int]) -> dict[str, int]:
            return item

        @router.post("/form")
        async def form(name: Annotated[str, Form()]) -> str:
            return name

        @router.post("/file")
        async def file(file: Annotated[UploadFile, File()]) -> int | None:
            return file.size

        app.include_router(router)
    return app


KINDS = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "file": "multipart/form-data; boundary=b",
}
FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + b"x" * 1000
BODIES = {"json": b'{"a": 1}', "form": b"name=n", "file": FILE + b"\r\n--b--\r\n"}


@pytest.fixture(scope="module", params=[0, 1], ids=["inline", "an I/O thread"])
def ports(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    with both_servers(make_app, io_threads=request.param) as ports:
        yield ports


def post(port: int, path: str, pieces: list[bytes], **fields: str) -> Answer:
    """The answer to a body that is sent in pieces, each when the one before it was received."""
    kind = path.rpartition("/")[2]
    length = str(sum(map(len, pieces)))
    with RawConnection(port) as connection:
        Failing.reached.clear()
        head = {"Content-Type": KINDS[kind], "Content-Length": length, **fields}
        connection.send(request("POST", path, None, head) + pieces[0])
        for piece in pieces[1:]:
            assert Failing.reached.wait(20)
            Failing.reached.clear()
            connection.send(piece)
        answer = connection.read_answer("POST")
    answer.headers = [field for field in answer.headers if field[0] != "x-calls"]  # grows
    return answer


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize("path", ["/json", "/form", "/file", "/timed/json", "/timed/form", "/timed/file"])
def test_what_receive_raises(ports: tuple[int, int], path: str, at: int, outcome: str) -> None:
    body = BODIES[path.rpartition("/")[2]]
    pieces = [body] if at == 1 else [body[:4], body[4:]]
    theirs, ours = (post(port, path, pieces, **{"x-at": str(at), "x-outcome": outcome}) for port in ports)
    assert ours == theirs


@pytest.mark.parametrize("outcome", ["value", "http", "a client that left"])
def test_files_of_a_form_that_is_not_finished_are_closed(
    ports: tuple[int, int], outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = []
    close = tempfile.SpooledTemporaryFile.close

    def closing(file: Any) -> None:
        closed.append(file)
        close(file)

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "close", closing)
    answer = post(ports[1], "/file", [FILE, BODIES["file"][len(FILE) :]], **{"x-at": "2", "x-outcome": outcome})
    assert answer.status_line.split()[1] == ("418" if outcome == "http" else "400")
    assert len(closed) == 1


# --- the parser of JSON ----------------------------------------------------------------------------


def refuse(body: Any) -> Any:
    raise ValueError(body)


PARSERS: dict[str, tuple[Any, str, Any]] = {
    "json.loads": (json, "loads", refuse),
    "another result": (json, "loads", lambda body: {"b": len(body)}),
    "Starlette's json": (starlette.requests, "json", SimpleNamespace(loads=refuse)),
}


@pytest.mark.parametrize("name", PARSERS)
@pytest.mark.parametrize("path", ["/json", "/timed/json"])
def test_a_parser_that_is_replaced_at_run_time(
    ports: tuple[int, int], path: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = [post(port, path, [BODIES["json"]]) for port in ports]
    with monkeypatch.context() as patched:
        patched.setattr(*PARSERS[name])
        theirs, ours = (post(port, path, [BODIES["json"]]) for port in ports)
        assert ours == theirs
        assert ours.body != usual[0].body
    assert [post(port, path, [BODIES["json"]]) for port in ports] == usual


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_that_was_replaced_before(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*PARSERS[name])
    with both_servers(make_app, io_threads=0) as ports:
        theirs, ours = (post(port, "/json", [BODIES["json"]]) for port in ports)
        assert ours == theirs
        assert ours.body != BODIES["json"]


@pytest.mark.parametrize("name", ["body", "json", "stream"])
def test_requests_that_read_their_bodies_in_another_way(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starlette.requests.Request, name, lambda self: refuse(self))
    app = make_app()
    with LiveServer(app) as server:
        assert httpx.post(server.url + "/json", json={"a": 1}).status_code == 400
        assert server.pop_counts() == {"bridged": 1}
