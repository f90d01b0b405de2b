"""Signals and the end of one process: whose they are, what they wait for, how long, and the exit status.

What is expected was tried with uvicorn 0.54, but for the bound on what hangs.
"""

from __future__ import annotations

import os
import signal
import time

import httpx
import pytest
from process_client import UNBOUNDED, Asking, Start, hold, release
from server_process import ServerProcess


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 0)])
def test_running_requests_and_the_lifespan_are_finished(start: Start, number: int, status: int) -> None:
    server = start("", *UNBOUNDED)
    asking = hold(server)
    server.process.send_signal(number)
    server.wait_for_log("finishing running requests")
    release(server)
    assert server.wait_for_end() == status
    assert asking.status() == 200
    assert "lifespan ended" in server.log
    assert "Traceback" not in server.log


def test_a_second_sigterm_is_the_same_wish(start: Start) -> None:
    """A supervisor's, and the process group's: nothing is cut off, since only Ctrl-C forces."""
    server = start("", *UNBOUNDED)
    asking = hold(server)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGTERM):
        server.process.send_signal(number)
        server.wait_for_log("finishing running requests")
    release(server)
    server.wait_for_end()
    assert asking.status() == 200
    assert "lifespan ended" in server.log


def test_a_second_ctrl_c_cuts_off(start: Start) -> None:
    server = start("", *UNBOUNDED)
    asking = hold(server)
    server.process.send_signal(signal.SIGINT)
    server.wait_for_log("finishing running requests")
    server.process.send_signal(signal.SIGINT)
    server.wait_for_log("closing now")
    assert server.wait_for_end() == 0
    assert asking.status() in (None, 500)
    # As under uvicorn the application does not end in order, but what it must clean up it does.
    assert "lifespan cleaned up" in server.log
    assert "lifespan ended" not in server.log
    assert "CancelledError" not in server.log.partition("lifespan cleaned up")[2]


@pytest.mark.parametrize(("number", "name"), [(signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "SIGINT")])
def test_a_handler_from_before_sees_the_signal_behind_the_end(start: Start, number: int, name: str) -> None:
    server = start("import-handler")
    server.process.send_signal(number)
    assert server.wait_for_end() == 0
    assert server.log.index("lifespan ended") < server.log.index(f"own handler: {name}")


def test_a_handler_that_is_installed_meanwhile_can_call_the_servers(start: Start) -> None:
    server = start("chained-handler")
    server.process.send_signal(signal.SIGTERM)
    assert server.wait_for_end() == -signal.SIGTERM
    assert server.log.index("own handler: SIGTERM") < server.log.index("lifespan ended")


def test_a_handler_that_is_installed_meanwhile_takes_the_signal(start: Start) -> None:
    server = start("taking-handler")
    server.process.send_signal(signal.SIGTERM)
    server.wait_for_log("own handler: SIGTERM")
    assert httpx.get(server.url + "/pid").status_code == 200
    assert server.stop() == 0


HANGS = [
    pytest.param("start-hangs", None, id="start-up"),
    pytest.param("end-hangs", None, id="lifespan's end"),
    pytest.param("end-is-stubborn", None, id="lifespan's end that takes no cancellation"),
    pytest.param("task-hangs", None, id="task that takes no cancellation"),
    pytest.param("executor-hangs", None, id="executor's thread"),
    pytest.param("thread-hangs", None, id="application's thread"),
    pytest.param("", "/forever", id="request"),
    pytest.param("", "/thread", id="request in a thread"),
    pytest.param("", "/background", id="background task"),
    pytest.param("", "/blocked", id="request that blocks the loop"),
    pytest.param("end-hangs", "/forever", id="request and lifespan's end"),
]


def begin_to_hang(start: Start, wishes: str, path: str | None, *arguments: str) -> ServerProcess:
    server = start(wishes, *arguments, answers="start-hangs" not in wishes)
    if "start-hangs" in wishes:
        server.wait_for_log("start hangs")
    if path is not None:
        Asking(server, path)
        server.wait_for_log("request hangs")
    return server


@pytest.mark.parametrize(("wishes", "path"), HANGS)
def test_ctrl_c_again_ends_whatever_hangs(start: Start, wishes: str, path: str | None) -> None:
    server = begin_to_hang(start, wishes, path, *UNBOUNDED)
    deadline = time.monotonic() + 200
    while server.process.poll() is None and time.monotonic() < deadline:
        server.process.send_signal(signal.SIGINT)
        time.sleep(0.5)
    assert server.process.poll() is not None, server.log


@pytest.mark.parametrize(("wishes", "path"), HANGS)
def test_one_deadline_ends_whatever_hangs(start: Start, wishes: str, path: str | None) -> None:
    server = begin_to_hang(start, wishes, path, "--timeout-graceful-shutdown", "0.5")
    # Not SIGTERM: what is left behind the loop's end would die of that anyway.
    server.process.send_signal(signal.SIGINT)
    server.wait_for_end(30)


def test_ctrl_c_ends_a_process_whose_loop_is_blocked(start: Start) -> None:
    server = begin_to_hang(start, "", "/blocked", *UNBOUNDED)
    for _ in range(3):
        server.process.send_signal(signal.SIGINT)
        time.sleep(0.3)  # signals that wait are one
    assert server.wait_for_end(30) == -signal.SIGINT


def test_a_stop_has_one_deadline_and_not_one_for_each_step(start: Start) -> None:
    server = begin_to_hang(start, "end-hangs", "/background", "--timeout-graceful-shutdown", "5")
    begun = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    server.wait_for_end()
    # 5 seconds and a moment to clean up; a second wait would make it 10, a third 15.
    assert 4.5 < time.monotonic() - begun < 9


def test_the_lifespan_ends_in_order_behind_a_request_that_hangs(start: Start) -> None:
    server = begin_to_hang(start, "", "/forever", "--timeout-graceful-shutdown", "0.5")
    server.process.send_signal(signal.SIGTERM)
    assert server.wait_for_end() == -signal.SIGTERM
    assert "timeout graceful shutdown exceeded" in server.log
    assert "lifespan ended" in server.log


def test_a_lifespan_that_fails_at_the_end_is_said_once(start: Start) -> None:
    server = start("end-fails")
    assert server.stop() == 0
    assert server.log.count("RuntimeError: cannot close") == 1
    assert "Application shutdown failed" in server.log


def test_by_default_a_stop_takes_as_long_as_it_takes() -> None:
    from data_bridge import ServerOptions

    assert ServerOptions().timeout_graceful_shutdown is None


@pytest.mark.parametrize("arguments", [(), ("--io-threads", "2"), ("--workers", "2")], ids=" ".join)
@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/terminate", -signal.SIGTERM),
        ("/interrupt", True),
        ("/terminate-on-the-loop", -signal.SIGTERM),
        ("/pool", [0, 1, 4, 9]),
        ("/os-fork", -signal.SIGTERM),
        ("/subprocess", -signal.SIGTERM),
        ("/spawn", 0),
        ("/forkserver", 0),
    ],
)
def test_the_signals_of_children_are_theirs(
    start: Start, arguments: tuple[str, ...], path: str, answer: object
) -> None:
    server = start("", *arguments)
    for _ in range(3):
        assert httpx.get(server.url + path, timeout=60).json() == answer
    assert httpx.get(server.url + "/pid").status_code == 200
    assert "finishing running requests" not in server.log
    assert "ended with status" not in server.log
    assert server.stop() == 0


def test_ctrl_c_in_a_terminal_lets_children_finish(start: Start) -> None:
    """It goes to the whole group: the request that is being finished needs them."""
    server = start("", *UNBOUNDED)
    asking = hold(server, "/held-by-children")
    os.killpg(server.pid, signal.SIGINT)
    server.wait_for_log("finishing running requests")
    release(server)
    assert server.wait_for_end() == 0
    assert asking.status() == 200
