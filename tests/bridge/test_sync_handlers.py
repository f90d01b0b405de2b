"""Sync handlers and dependencies run in threads as under uvicorn: as many at once, with the same things around them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import fastapi.concurrency
import fastapi.dependencies.utils
import httpx
import pytest

from data_bridge.compile import compile_app
from data_bridge.compile.thread_exits import with_lean_exits
from data_bridge.testing import LiveServer

from .pair import both_servers
from .threads_app import make_app

PATHS = (
    *("/thread", "/dependencies", "/item?name=a", "/wrong", "/large?letter=y", "/refused", "/stop", "/back"),
    *("/nested", "/tokens"),
)
LEAVING = (
    *("/leave", "/leave?fail=refused", "/leave?fail=broken", "/leave?fail=refused&swallow=1"),
    *("/leave-soon", "/leave-soon?fail=refused", "/leave-soon?fail=stopped", "/leave-within"),
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
    assert all(kinds[path.partition("?")[0]] == "compiled" for path in PATHS + LEAVING)


@pytest.mark.parametrize("path", PATHS)
def test_answers_as_under_uvicorn(ports: tuple[int, int], path: str) -> None:
    for _ in range(3):
        answers = [httpx.get(f"http://127.0.0.1:{port}{path}", timeout=60) for port in ports]
        assert (answers[1].status_code, answers[1].content) == (answers[0].status_code, answers[0].content)


def left(port: int) -> Any:
    """What the exits of a request have seen, once there are some."""
    deadline = time.monotonic() + 60
    while not (found := httpx.get(f"http://127.0.0.1:{port}/left").json()):
        assert time.monotonic() < deadline
        time.sleep(0.001)
    return found


@pytest.mark.parametrize("path", LEAVING)
def test_generators_exit_as_under_uvicorn(ports: tuple[int, int], path: str) -> None:
    answers = [httpx.get(f"http://127.0.0.1:{port}{path}", timeout=60) for port in ports]
    assert (answers[1].status_code, answers[1].content) == (answers[0].status_code, answers[0].content)
    assert left(ports[1]) == left(ports[0])


def test_exits_need_no_token(live: LiveServer) -> None:
    """They may be what others, who have all the tokens, are waiting for: a connection that goes back into its pool."""
    assert httpx.get(live.url + "/limit?tokens=1").json() == 1
    with ThreadPoolExecutor(1) as pool:
        leaving = pool.submit(httpx.get, live.url + "/leave-when-open", timeout=120)
        httpx.get(live.url + "/has-entered", timeout=60)
        with blocked(live, 2, 1):
            httpx.get(live.url + "/let-leave")
            assert left(live.port)[0][0] == "returned"
        assert leaving.result().status_code == 200


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
    with blocked(live, 4, 4), httpx.Client(base_url=live.url, timeout=60) as client:
        for _ in range(50):
            assert client.get("/item").json() == {"name": "n", "price": 1.5}


def test_no_thread_outlives_the_server() -> None:
    before = set(threading.enumerate())
    with LiveServer(make_app()) as live:
        with blocked(live, 30, 30):
            pass
        assert [thread for thread in threading.enumerate() if thread.name == "AnyIO worker thread"]
    for thread in set(threading.enumerate()) - before:
        thread.join(30)
        assert not thread.is_alive()


def test_exits_are_ours_while_fastapis_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "_solve_generator" if hasattr(fastapi.dependencies.utils, "_solve_generator") else "solve_generator"
    solve = vars(fastapi.dependencies.utils)[name]
    assert with_lean_exits(solve, fastapi.dependencies.utils) is not solve

    def patched(manager: Any) -> Any:
        return fastapi.concurrency.contextmanager_in_threadpool(manager)

    monkeypatch.setattr(fastapi.dependencies.utils, "contextmanager_in_threadpool", patched)
    assert with_lean_exits(solve, fastapi.dependencies.utils) is solve
