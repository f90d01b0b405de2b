"""Sync handlers and dependencies run in threads as under uvicorn: as many at once, with the same things around them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

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


def ask_often(url: str, times: int) -> tuple[float, list[int]]:
    """Seconds for so many requests at once, and their answers."""
    with ThreadPoolExecutor(times) as pool, httpx.Client(limits=httpx.Limits(max_connections=times)) as client:
        began = time.monotonic()
        answers = list(pool.map(lambda _: int(client.get(url, timeout=60).text), range(times)))
        return time.monotonic() - began, answers


def test_forty_block_at_once_while_the_loop_answers(live: LiveServer) -> None:
    waits: list[float] = []
    over = threading.Event()

    def watch() -> None:
        with httpx.Client() as client:
            while not over.is_set():
                began = time.monotonic()
                assert client.get(live.url + "/", timeout=60).text == '"hello"'
                waits.append(time.monotonic() - began)

    watcher = threading.Thread(target=watch)
    watcher.start()
    seconds, answers = ask_often(live.url + "/block", 60)
    over.set()
    watcher.join()
    # 40 and then 20: two times 0.2 seconds, and not three.
    assert max(answers) == 40
    assert seconds < 2
    assert sorted(waits)[len(waits) // 2] < 0.1


def test_a_bound_that_the_application_sets(live: LiveServer) -> None:
    assert httpx.get(live.url + "/limit?tokens=3").json() == 3
    _, answers = ask_often(live.url + "/block?seconds=0.05", 12)
    assert max(answers) == 3
    assert httpx.get(live.url + "/limit?tokens=50").json() == 50
    _, answers = ask_often(live.url + "/block?seconds=0.3", 60)
    assert max(answers) == 50


def test_short_ones_do_not_wait_for_those_that_block(live: LiveServer) -> None:
    with ThreadPoolExecutor(4) as pool, httpx.Client() as client:
        blocked = [pool.submit(httpx.get, live.url + "/block?seconds=1", timeout=60) for _ in range(4)]
        began = time.monotonic()
        for _ in range(50):
            assert client.get(live.url + "/item").json() == {"name": "n", "price": 1.5}
        assert time.monotonic() - began < 1
        assert all(call.result().status_code == 200 for call in blocked)


def test_no_thread_outlives_the_server() -> None:
    before = set(threading.enumerate())
    with LiveServer(make_app()) as live:
        ask_often(live.url + "/block?seconds=0.05", 30)
        assert [thread for thread in threading.enumerate() if thread.name == "AnyIO worker thread"]
    for thread in set(threading.enumerate()) - before:
        thread.join(30)
        assert not thread.is_alive()
