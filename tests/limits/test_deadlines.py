"""`--timeout-request`: one deadline for a request, whatever it is doing when that passes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from server_process import ServeApp, ServerProcess

import data_bridge

HERE = Path(__file__).parent
LAYOUTS = pytest.mark.parametrize("io_threads", ["0", "1", "2"])


def start(serve: ServeApp, io_threads: str, timeout: str = "0.4") -> ServerProcess:
    return serve("deadline_app:app", "--timeout-request", timeout, "--io-threads", io_threads, search=HERE)


def what_was_seen(server: ServerProcess) -> list[str]:
    answer = httpx.get(f"{server.url}/seen")
    # On a busy machine this request can be late as well.
    return answer.json() if answer.status_code == 200 else []


def wait_until_seen(server: ServerProcess, what: str) -> list[str]:
    deadline = time.monotonic() + 30
    while what not in (seen := what_was_seen(server)):
        assert time.monotonic() < deadline, (what, seen)
        time.sleep(0.02)
    return seen


def ask_until_begun(server: ServerProcess, name: str, ask: Callable[[], None], times: int = 1) -> None:
    """Asks, and again where a busy machine was late before a handler began; each that has begun is cancelled, once."""
    deadline = time.monotonic() + 30
    asked = 0
    while True:
        for _ in range(times):
            ask()
            asked += 1
        looked = time.monotonic() + 2
        while time.monotonic() < looked:
            seen = what_was_seen(server)
            if f"{name} cancelled" in seen:
                assert set(seen) == {f"{name} begun", f"{name} cancelled"}
                begun = seen.count(f"{name} begun")
                if seen.count(f"{name} cancelled") == begun:
                    assert begun <= asked
                    return
            time.sleep(0.02)
        assert time.monotonic() < deadline, (name, asked, seen)


@LAYOUTS
@pytest.mark.parametrize("path", ["compiled", "bridged", "stubborn"])
def test_a_handler_that_waits_is_cancelled_and_answered_for(serve: ServeApp, io_threads: str, path: str) -> None:
    server = start(serve, io_threads)
    with server.connect() as client:  # which can be used again

        def ask() -> None:
            client.sendall(f"GET /{path} HTTP/1.1\r\nhost: t\r\n\r\n".encode())
            answer = client.recv(65536)
            assert answer.startswith(b"HTTP/1.1 504 Gateway Timeout\r\n")
            assert answer.endswith(b"Gateway Timeout")

        ask_until_begun(server, path, ask, times=2)
    if path != "stubborn":
        server.wait_for_log("it took longer than its timeout", times=2)
    assert "Traceback" not in server.log


@LAYOUTS
def test_a_handler_that_waits_for_its_body_is_cancelled(serve: ServeApp, io_threads: str) -> None:
    server = start(serve, io_threads)

    def ask() -> None:
        with server.connect() as client:
            client.sendall(b"POST /receiving HTTP/1.1\r\nhost: t\r\ncontent-length: 10\r\n\r\nhalf")
            assert client.recv(65536).startswith(b"HTTP/1.1 504 ")

    ask_until_begun(server, "receiving", ask)


@LAYOUTS
def test_an_answer_that_has_begun_breaks_off(serve: ServeApp, io_threads: str) -> None:
    server = start(serve, io_threads, timeout="3")  # that it has begun by then
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
        httpx.get(f"{server.url}/streaming", timeout=30)
    wait_until_seen(server, "streaming cancelled")


@pytest.mark.parametrize("io_threads", ["1", "2"])
def test_a_request_that_waits_for_python_is_answered_on_time_and_not_begun(serve: ServeApp, io_threads: str) -> None:
    server = start(serve, io_threads)
    deadline = time.monotonic() + 120
    while not (seen := block_twice(server)):  # a busy machine was late before the first handler began
        assert time.monotonic() < deadline
    assert seen == ["blocking"]


def block_twice(server: ServerProcess) -> list[str]:
    with server.connect() as first, server.connect() as second:
        begun = time.monotonic()
        first.sendall(b"GET /blocking?seconds=8 HTTP/1.1\r\nhost: t\r\n\r\n")
        time.sleep(0.1)
        second.sendall(b"GET /blocking?seconds=8 HTTP/1.1\r\nhost: t\r\n\r\n")
        assert second.recv(65536).startswith(b"HTTP/1.1 504 ")
        assert first.recv(65536).startswith(b"HTTP/1.1 504 ")
        assert time.monotonic() - begun < 8, "while Python was busy"
    while (answer := httpx.get(f"{server.url}/seen", timeout=60)).status_code != 200:  # Python is busy still
        assert time.monotonic() - begun < 60
    seen: list[str] = answer.json()
    return seen


@LAYOUTS
@pytest.mark.parametrize("layers", ["bare", "within"])
def test_a_route_has_a_timeout_of_its_own(serve: ServeApp, io_threads: str, layers: str) -> None:
    server = serve(f"timeouts_app:{layers}", "--io-threads", io_threads, search=HERE)
    with httpx.Client(base_url=server.url, timeout=30) as client:
        for path in ("/compiled/1", "/bridged", "/plain", "/sync", "/below/routed", "/form"):
            began = time.monotonic()
            answer = client.request("POST" if path == "/form" else "GET", path, data={"word": "x"})
            assert (answer.status_code, answer.text) == (504, "Gateway Timeout"), path
            assert time.monotonic() - began < 10, path  # who waits for it takes a minute
        assert client.get("/slow").text == '"has time"'
        assert client.get("/compiled/x").status_code == 422
        assert client.put("/bridged").status_code == 405
    server.wait_for_log("it took longer than its timeout", times=6)
    assert "Traceback" not in server.log


@LAYOUTS
def test_the_timeout_of_a_route_goes_before_the_servers(serve: ServeApp, io_threads: str) -> None:
    server = serve("timeouts_app:bare", "--timeout-request", "30", "--io-threads", io_threads, search=HERE)
    assert httpx.get(f"{server.url}/compiled/1", timeout=20).status_code == 504


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_what_is_no_time(seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds above 0"):
        data_bridge.timeout(seconds)


@LAYOUTS
def test_a_background_task_behind_the_answer_is_left_alone(serve: ServeApp, io_threads: str) -> None:
    server = start(serve, io_threads)
    assert httpx.get(f"{server.url}/background").text == '"answered"'
    seen = wait_until_seen(server, "background done")
    assert seen == ["background done"]


@LAYOUTS
def test_a_deadline_is_forgotten_with_its_request(serve: ServeApp, io_threads: str) -> None:
    server = start(serve, io_threads, timeout="5")
    with httpx.Client() as client:
        for _ in range(50):
            assert client.get(f"{server.url}/").text == '"hello"'
