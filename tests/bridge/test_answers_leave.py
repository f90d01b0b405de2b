"""What an application has sent leaves before further Python can hold it up.

Each test blocks the loop for a second behind something that was sent, and bounds the time in which that arrives.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from data_bridge.testing import LiveServer

from .ending_app import BLOCK, make_app
from .raw_client import RawConnection, request

#: Seconds: far from both what is right (milliseconds) and what is wrong (BLOCK).
SOON = BLOCK * 0.6


@pytest.fixture(scope="module", params=[0, 1, 2], ids=lambda count: f"{count} I/O threads")
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    with LiveServer(make_app(), io_threads=request.param) as server:
        yield server.port


@pytest.mark.parametrize(
    "target",
    [
        "/behind/background",
        "/behind/task",
        "/behind/call_soon",
        "/compiled/task",
        "/compiled/call_soon",
        "/compiled-background",
        "/compiled-background/status",
        "/yield",
        "/yield-on-the-loop",
        "/yield-on-the-loop/response",
    ],
)
def test_an_answer_does_not_wait_for_what_runs_behind_it(port: int, target: str) -> None:
    with RawConnection(port, timeout=30) as connection:
        began = time.monotonic()
        connection.send(request("GET", target))
        answer = connection.read_answer()
        assert time.monotonic() - began < SOON
        assert answer.status_line in ("HTTP/1.1 200 OK", "HTTP/1.1 201 Created")
        # The loop is free again.
        connection.send(request("GET", "/"))
        connection.read_answer()


def test_a_piece_does_not_wait_for_the_next(port: int) -> None:
    with RawConnection(port, timeout=30) as connection:
        began = time.monotonic()
        connection.send(request("GET", "/pieces"))
        for number in range(3):
            connection._until(b"\r\n%d\r\n" % number)
            assert time.monotonic() - began < number * BLOCK / 2 + SOON / 2 + 0.05


def test_the_head_of_a_stream_does_not_wait_for_its_first_piece(port: int) -> None:
    with RawConnection(port, timeout=30) as connection:
        began = time.monotonic()
        connection.send(request("GET", "/late-first-piece"))
        connection._until(b"\r\n\r\n")
        assert time.monotonic() - began < SOON


def test_an_answer_does_not_wait_for_another_request_of_its_turn(port: int) -> None:
    """Several requests come in while the loop is blocked, so that one turn begins them all."""
    blocker = RawConnection(port, timeout=30)
    fast = [RawConnection(port, timeout=30) for _ in range(4)]
    blocker.send(request("GET", "/compiled/block"))
    time.sleep(BLOCK / 4)
    for connection in fast[:2]:
        connection.send(request("GET", "/"))
    time.sleep(0.05)
    slow = RawConnection(port, timeout=30)
    slow.send(request("GET", "/compiled/block"))
    blocker.read_answer()
    began = time.monotonic()
    for connection in fast[:2]:
        connection.read_answer()
    assert time.monotonic() - began < SOON
    slow.read_answer()
    for connection in [blocker, slow, *fast]:
        connection.close()


def test_an_answer_of_a_task_does_not_wait_for_other_tasks(port: int) -> None:
    """A sync handler's answer comes from a step of its task, between other steps."""
    with RawConnection(port, timeout=30) as first, RawConnection(port, timeout=30) as second:
        answered: list[float] = []
        began = time.monotonic()

        def ask() -> None:
            first.send(request("GET", "/behind/task"))
            first.read_answer()
            answered.append(time.monotonic() - began)

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        assert answered[0] < SOON
        second.send(request("GET", "/"))
        second.read_answer()
