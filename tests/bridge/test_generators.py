"""What an endpoint yields is streamed by compiled routes as under uvicorn: events, JSON lines, bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from data_bridge.compile import features
from data_bridge.testing import LiveServer

if not features.STREAMS_GENERATORS:
    pytest.skip("this FastAPI does not stream what endpoints yield", allow_module_level=True)

import fastapi.routing

from .generators_app import make_app
from .pair import both_servers, side_by_side
from .raw_client import answer, request

JSON = {"Content-Type": "application/json"}

REQUESTS: dict[str, bytes] = {
    "events": request("GET", "/events"),
    "400 events": request("GET", "/events?count=400"),
    "no events": request("GET", "/events?count=0"),
    "refused": request("GET", "/events?count=-1"),
    "events of a body": request("POST", "/events", json.dumps({"item": {"name": "n"}, "again": 2}).encode(), JSON),
    "events of a body that is refused": request("POST", "/events", b'{"item": {}}', JSON),
    "events of no JSON": request("POST", "/events", b'{"item', JSON),
    "events of a function": request("GET", "/sync-events"),
    "events with signs of life between": request("GET", "/slow-events"),
    "lines": request("GET", "/lines"),
    "lines of a function": request("GET", "/sync-lines?count=2"),
    "pieces": request("GET", "/pieces"),
    "a megabyte": request("GET", "/pieces?count=1000"),
    "pieces of a function": request("GET", "/sync-pieces"),
    "head": request("HEAD", "/lines"),
}


@pytest.fixture(scope="module", autouse=True)
def often() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fastapi.routing, "_PING_INTERVAL", 0.2)
        yield


@pytest.fixture(scope="module", params=[0, 1], ids=["inline", "an I/O thread"])
def ports(request: pytest.FixtureRequest, often: None) -> Iterator[tuple[int, int]]:
    with both_servers(make_app, io_threads=request.param) as ports:
        yield ports


def log(port: int) -> Any:
    return answer(port, request("GET", "/log")).body


@pytest.mark.parametrize("name", REQUESTS)
def test_same_answer_and_effects(ports: tuple[int, int], name: str) -> None:
    (theirs, their_log), (ours, our_log) = side_by_side(
        lambda side: (answer(ports[side], REQUESTS[name]), log(ports[side]))
    )
    assert ours == theirs
    assert our_log == their_log


def test_a_line_that_is_refused_cuts_the_answer(ports: tuple[int, int]) -> None:
    def ask(side: int) -> Any:
        received: list[str] = []
        with httpx.stream("GET", f"http://127.0.0.1:{ports[side]}/wrong-lines") as response:
            with pytest.raises(httpx.RemoteProtocolError):
                received.extend(response.iter_text())
            return response.status_code, "".join(received)

    theirs, ours = side_by_side(ask)
    assert ours == theirs
    assert ours[1].count("\n") == 1


def test_a_client_that_leaves_ends_the_generator(ports: tuple[int, int]) -> None:
    def ask(side: int) -> Any:
        with httpx.stream("GET", f"http://127.0.0.1:{ports[side]}/endless-events") as response:
            first = next(response.iter_text())
        return first[:9], json.loads(log(ports[side]))

    theirs, ours = side_by_side(ask)
    assert ours == theirs
    assert "endless events out" in ours[1]


def test_they_are_compiled() -> None:
    with LiveServer(make_app()) as server:
        for path in ("/events", "/sync-events", "/lines", "/sync-lines", "/pieces", "/sync-pieces"):
            assert httpx.get(server.url + path).status_code == 200
        assert server.pop_counts() == {"compiled": 6}
