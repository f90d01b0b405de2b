"""A body of a megabyte crosses a server that has nothing else to do as fast as it can.

Traffic, middleware and handlers that suspend wake a loop that has gone to sleep with work at hand; here nothing does.
Each exchange took ten seconds and more where such a wake-up was missing, and takes milliseconds where it is not.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from server_process import SANITIZED, ServerProcess

from data_bridge.testing import LiveServer

from .raw_client import Answer, RawConnection, request
from .streaming_app import PIECE, PIECES, make_app

HERE = Path(__file__).parent
SIZE = 1_200_000
#: Seconds: between what an exchange needs on a busy machine and what one missed wake-up in each 64 KiB costs.
BOUND = 60.0 if SANITIZED else 4.0

LAYOUTS = ["inline", "1 I/O thread", "2 I/O threads", "Unix socket", "2 workers"]


@pytest.fixture(scope="module", params=LAYOUTS)
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int | str]:
    directory = tmp_path_factory.mktemp("idle")
    store = f"sqlite:///{directory}/pages.db"
    if request.param == "2 workers":
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STREAMING_APP_STORE", store)
            arguments = ("--factory", "--workers", "2", "--io-threads", "0", "--no-access-log")
            server = ServerProcess("bridge.streaming_app:application", directory, arguments, search=HERE.parent)
        try:
            server.wait_until_it_answers()
            create_page(server.port)
            yield server.port
        finally:
            server.stop()
        return
    uds = str(directory / "socket") if request.param == "Unix socket" else None
    threads = {"1 I/O thread": 1, "2 I/O threads": 2}.get(request.param, 0)
    with LiveServer(make_app(store), uds=uds, io_threads=threads) as live:
        create_page(uds or live.port)
        yield uds or live.port


def create_page(address: int | str) -> None:
    with RawConnection(address) as connection:
        connection.send(request("POST", "/pages", page(1), {"Content-Type": "application/json"}))
        assert " 201 " in connection.read_answer().status_line


def chunked(method: str, target: str, fields: str = "") -> bytes:
    return f"{method} {target} HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n{fields}\r\n".encode()


def chunks(body: bytes, size: int = 1000) -> bytes:
    pieces = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def form(body: bytes) -> tuple[str, bytes]:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    return "Content-Type: multipart/form-data; boundary=b\r\n", head + body + b"\r\n--b--\r\n"


def page(number: int) -> bytes:
    return json.dumps({"id": number, "text": "x" * SIZE}).encode()


@dataclass
class Exchange:
    name: str
    #: What is sent: the head and, apart, the body.
    data: Callable[[], tuple[bytes, bytes]]
    right: Callable[[Answer], bool]
    method: str = "GET"


def uploads(target: str) -> list[Exchange]:
    if target == "/upload":
        fields, body = form(b"u" * SIZE)
    else:
        fields, body = "", b"u" * SIZE
    wanted = json.dumps({"size": SIZE}).encode().replace(b" ", b"")

    def right(answer: Answer) -> bool:
        return answer.body == wanted

    length = f"Content-Length: {len(body)}\r\n"
    head = f"POST {target} HTTP/1.1\r\nHost: t\r\n"
    return [
        Exchange(f"POST {target}, chunked", lambda: (chunked("POST", target, fields), chunks(body)), right, "POST"),
        Exchange(f"POST {target}, length", lambda: (f"{head}{fields}{length}\r\n".encode(), body), right, "POST"),
    ]


EXCHANGES = [
    Exchange("GET /down", lambda: (request("GET", "/down"), b""), lambda a: a.body == PIECE * PIECES),
    *uploads("/stream"),
    *uploads("/body"),
    *uploads("/upload"),
    Exchange(
        "POST /echo, chunked", lambda: (chunked("POST", "/echo/"), chunks(b"e" * SIZE)), lambda a: len(a.body) == SIZE
    ),
    Exchange(
        "POST /compiled, chunked",
        lambda: (chunked("POST", "/compiled", "Content-Type: application/json\r\n"), chunks(page(1))),
        lambda a: len(a.body) > SIZE,
        "POST",
    ),
    Exchange(
        "PUT /pages/1, chunked",
        lambda: (chunked("PUT", "/pages/1", "Content-Type: application/json\r\n"), chunks(page(1))),
        lambda a: len(a.body) > SIZE,
        "PUT",
    ),
    Exchange("GET /pages", lambda: (request("GET", "/pages"), b""), lambda a: len(a.body) > SIZE),
    Exchange(
        "POST /nowhere, chunked",
        lambda: (chunked("POST", "/nowhere"), chunks(b"n" * 200_000)),
        lambda a: " 404 " in a.status_line,
        "POST",
    ),
    Exchange(
        "POST /down, chunked",
        lambda: (chunked("POST", "/down"), chunks(b"n" * 200_000)),
        lambda a: " 405 " in a.status_line,
        "POST",
    ),
]


def send_apart(connection: RawConnection, head: bytes, body: bytes) -> threading.Thread:
    """Sends from a thread, so that a server that answers meanwhile is read from."""

    def run() -> None:
        connection.send(head)
        connection.send(body)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize("pace", ["fast", "slow reader"])
@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.name)
def test_nothing_waits_for_other_traffic(address: int | str, exchange: Exchange, pace: str) -> None:
    head, body = exchange.data()
    slow = {"pause": 0.001, "most": 16 * 1024} if pace == "slow reader" else {}
    with RawConnection(address, timeout=BOUND, **slow) as connection:
        began = time.monotonic()
        sending = send_apart(connection, head, body)
        answer = connection.read_answer(exchange.method)
        took = time.monotonic() - began
        sending.join()
    assert exchange.right(answer), answer.status_line
    assert took < BOUND


def test_a_body_announced_by_expect_is_asked_for_at_once(address: int | str) -> None:
    with RawConnection(address, timeout=BOUND) as connection:
        began = time.monotonic()
        connection.send(chunked("POST", "/stream", "Expect: 100-continue\r\n"))
        assert " 100 " in connection.read_answer().status_line
        sending = send_apart(connection, b"", chunks(b"c" * SIZE))
        assert connection.read_answer("POST").body == b'{"size":%d}' % SIZE
        took = time.monotonic() - began
        sending.join()
    assert took < BOUND


def test_two_connections_that_feed_each_other(address: int | str) -> None:
    """What one echoes is what the other sends next: no byte moves without the one before it."""
    first, second = (RawConnection(address, timeout=BOUND) for _ in range(2))
    with first, second:
        began = time.monotonic()
        for connection in (first, second):
            connection.send(chunked("POST", "/echo/"))
        piece = b"p" * 1000
        for _ in range(50):
            for connection in (first, second):
                connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
                while not connection.pending.endswith(piece + b"\r\n"):
                    assert connection._more()
                connection.pending = b""
        assert time.monotonic() - began < BOUND
