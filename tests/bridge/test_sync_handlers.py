"""Sync handlers and dependencies run in threads as under uvicorn: as many at once, with the same things around them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from data_bridge.compile import compile_app
from data_bridge.testing import LiveServer

from .pair import both_servers
from .threads_app import make_app

PATHS = (
    *("/thread", "/dependencies", "/item?name=a", "/wrong", "/large?letter=y", "/refused", "/stop", "/back"),
    *("/nested", "/tokens"),
)


@pytest.fixture(scope="module", params=[0, 2], ids=["on the loop", "2 I/O threads"])
def ports(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    with both_servers(make_app, request.param) as ports:
        yield ports


@pytest.fixture(params=[0, 2], ids=["on the loop", "2 I/O threads"])
def live(request: pytest.FixtureRequest) -> Iterator[LiveServer]:
    with LiveServer(make_app(), io_threads=request.param) as live:
        yield live


def test_all_of_it_is_compiled() -> None:
    kinds = {route.path: route.kind for route in compile_app(make_app()).routes}
    assert all(kinds[path.partition("?")[0]] == "compiled" for path in PATHS)


@pytest.mark.parametrize("path", PATHS)
def test_answers_as_under_uvicorn(ports: tuple[int, int], path: str) -> None:
    for _ in range(3):
        answers = [httpx.get(f"http://127.0.0.1:{port}{path}", timeout=60) for port in ports]
        assert (answers[1].status_code, answers[1].content) == (answers[0].status_code, answers[0].content)


@contextmanager
def blocked(live: LiveServer, requests: int, within: int) -> Iterator[None]:
    """So many requests at once, of which so many have come to block; all are answered behind it."""
    with ThreadPoolExecutor(requests) as pool:
        calls = [pool.submit(httpx.get, live.url + "/block", timeout=120) for _ in range(requests)]
        try:
            deadline = time.monotonic() + 60
            while httpx.get(live.url + "/within", timeout=60).json()[0] < within:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            yield
        finally:
            httpx.get(live.url + "/open", timeout=60)
        assert [call.result().status_code for call in calls] == [200] * requests


def test_forty_block_at_once_while_the_loop_answers(live: LiveServer) -> None:
    with blocked(live, 60, 40):
        for _ in range(20):
            assert httpx.get(live.url + "/", timeout=60).json() == "hello"
    assert httpx.get(live.url + "/within").json() == [0, 40]


def test_a_bound_that_the_application_sets(live: LiveServer) -> None:
    for tokens in (3, 50):
        assert httpx.get(live.url + f"/limit?tokens={tokens}").json() == tokens
        with blocked(live, tokens + 10, tokens):
            pass
        assert httpx.get(live.url + "/within").json() == [0, tokens]


def test_short_ones_do_not_wait_for_those_that_block(live: LiveServer) -> None:
    with blocked(live, 4, 4):
        for _ in range(50):
            assert httpx.get(live.url + "/item", timeout=60).json() == {"name": "n", "price": 1.5}


def test_no_thread_outlives_the_server() -> None:
    before = set(threading.enumerate())
    with LiveServer(make_app()) as live:
        with blocked(live, 30, 30):
            pass
        assert [thread for thread in threading.enumerate() if thread.name == "AnyIO worker thread"]
    for thread in set(threading.enumerate()) - before:
        thread.join(30)
        assert not thread.is_alive()
