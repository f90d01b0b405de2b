"""Every limit is an option of the command line and a field of ServerOptions, and does what it says."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest
from server_process import ServeApp

from data_bridge import _core
from data_bridge.cli import main
from data_bridge.limits import Limits
from data_bridge.options import ServerOptions

HERE = Path(__file__).parent
TIMES = [option.name for option in fields(Limits) if option.metadata["metavar"] == "S"]
SIZES = [option.name for option in fields(Limits) if option.metadata["metavar"] != "S"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1.0, 1e300, "1"])
@pytest.mark.parametrize("name", TIMES)
def test_a_time_that_is_none_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be a number of seconds"):
        ServerOptions(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [-1, 2**63, 1.5, "1"])
@pytest.mark.parametrize("name", SIZES)
def test_a_size_that_is_none_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be a whole number"):
        ServerOptions(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [*TIMES, *SIZES])
def test_the_command_line_has_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", "no_such_module:app", f"--{name.replace('_', '-')}", "-7"])
    assert name in capsys.readouterr().err


@pytest.mark.parametrize("name", [*TIMES, *SIZES])
def test_the_core_has_it(name: str) -> None:
    limits = ServerOptions(**{name: 12345}).native_limits()  # type: ignore[arg-type]
    assert getattr(limits, name) == 12345
    assert getattr(ServerOptions().native_limits(), name) == getattr(ServerOptions(), name)


@pytest.mark.parametrize("name", [*TIMES, *SIZES])
def test_the_documents_name_it(name: str) -> None:
    assert f"`{name}`" in (HERE.parent.parent / "docs" / "compatibility.md").read_text()


def test_the_cores_own_defaults_are_these() -> None:
    own = _core.Limits()
    assert {name: getattr(own, name) for name in TIMES + SIZES} == {
        name: getattr(ServerOptions(), name) for name in TIMES + SIZES
    }


@pytest.mark.parametrize("seconds", [math.nan, -1.0, -math.inf])
def test_the_core_takes_no_time_that_is_none(seconds: float) -> None:
    limits = _core.Limits()
    with pytest.raises(ValueError, match="seconds"):
        limits.timeout_head = seconds
    limits.timeout_head = math.inf  # as good as for ever
    assert limits.timeout_head == 1e9
    limits.timeout_head = 1e-9  # not 0, which would be for ever
    assert limits.timeout_head == 0.001


def conversation(client: socket.socket, data: bytes) -> bytes:
    """All that comes for `data` until the server closes."""
    client.sendall(data)
    received = b""
    while piece := client.recv(65536):
        received += piece
    return received


GET = b"GET / HTTP/1.1\r\nhost: t\r\n"
POST = b"POST /count HTTP/1.1\r\nhost: t\r\ncontent-length: 100000\r\n\r\n"
ENDS: dict[str, tuple[str, bytes, Callable[[bytes], bool]]] = {
    "--timeout-head": ("0.3", GET, lambda answer: answer.startswith(b"HTTP/1.1 408 ")),
    "--timeout-keep-alive": ("0.3", GET + b"\r\n", lambda answer: answer.startswith(b"HTTP/1.1 200 ")),
    "--timeout-body": ("0.3", POST + b"x" * 5, lambda answer: answer.startswith(b"HTTP/1.1 408 ")),
    "--max-head-size": ("60", GET + b"x: " + b"y" * 60, lambda answer: answer.startswith(b"HTTP/1.1 431 ")),
    "--max-fields": ("2", GET + b"a: b\r\nc: d\r\n\r\n", lambda answer: answer.startswith(b"HTTP/1.1 431 ")),
    "--max-target-size": ("5", b"GET /12345 HTTP/1.1\r\n", lambda answer: answer.startswith(b"HTTP/1.1 414 ")),
    "--max-body-size": ("99999", POST, lambda answer: answer.startswith(b"HTTP/1.1 413 ")),
    "--max-requests-per-connection": ("2", (GET + b"\r\n") * 3, lambda answer: answer.count(b"HTTP/1.1 200 ") == 2),
}


@pytest.mark.parametrize("option", ENDS)
def test_it_ends_a_connection(serve: ServeApp, option: str) -> None:
    value, data, is_right = ENDS[option]
    server = serve("limits_app:app", "--no-access-log", option, value, search=HERE)
    with server.connect(30) as client:
        begin = time.monotonic()
        answer = conversation(client, data)
        assert is_right(answer), answer
        assert time.monotonic() - begin < 20


def test_a_client_that_takes_nothing_is_cut_off(serve: ServeApp) -> None:
    server = serve("limits_app:app", "--no-access-log", "--timeout-send", "0.3", search=HERE)
    before = server.open_descriptors()
    with server.connect(30) as client:
        client.sendall(b"GET /large?size=100000000 HTTP/1.1\r\nhost: t\r\n\r\n")
        client.recv(10, socket.MSG_PEEK)
        deadline = time.monotonic() + 30
        while server.open_descriptors() > before:
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.mark.parametrize("io_threads", ["0", "1", "3"])
def test_connections_are_counted_for_the_process(serve: ServeApp, io_threads: str) -> None:
    server = serve(
        "limits_app:app", "--no-access-log", "--io-threads", io_threads, "--max-connections", "4", search=HERE
    )
    clients = [server.connect(30) for _ in range(12)]
    for client in clients:
        client.sendall(GET + b"\r\n")
    served = set()
    deadline = time.monotonic() + 3  # the more are served in it the worse
    while time.monotonic() < deadline:
        for client in clients:
            client.settimeout(0.01)
            try:
                if client.recv(65536):
                    served.add(client)
            except TimeoutError:
                pass
    assert len(served) == 4
    while served:
        served.pop().close()
    waiting = [client for client in clients if client.fileno() != -1]
    for client in waiting[:4]:
        client.close()
    waiting[4].settimeout(30)
    assert waiting[4].recv(12) == b"HTTP/1.1 200"
    for client in waiting:
        client.close()


@pytest.mark.parametrize("io_threads", ["0", "1"])
@pytest.mark.parametrize("size", ["1", "1000000"])
def test_what_may_be_unsent_holds_up_no_stream(serve: ServeApp, size: str, io_threads: str) -> None:
    server = serve("limits_app:app", "--no-access-log", "--max-unsent", size, "--io-threads", io_threads, search=HERE)
    with server.connect(30) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.sendall(b"GET /stream?size=5000000 HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n")
        time.sleep(0.3)  # so that the kernel takes no more
        received = 0
        while piece := client.recv(65536):
            received += len(piece)
    assert received > 5_000_000
