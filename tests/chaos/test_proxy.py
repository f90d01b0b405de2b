"""A network that splits, delays and throttles changes no answer; where it cuts, that is seen and nothing is left."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from bridge.raw_client import RawConnection
from chaos_proxy import NONE, ChaosProxy, Faults
from server_process import ServerProcess
from websocket.raw_websocket import BINARY, CLOSE, CONTINUATION, RawWebSocket, close_frame, frame
from wire import Client, request

Talk = Callable[[int], Any]


@pytest.fixture(scope="module", params=[0, 2], ids=lambda threads: f"{threads}-threads")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    directory = tmp_path_factory.mktemp("served")
    options = ("--no-access-log", "--io-threads", str(request.param))
    server = ServerProcess("chaos_app:app", directory, options, search=Path(__file__).parent)
    server.wait_until_it_answers()
    for _ in range(20):  # every thread opens what it keeps
        talk_of_items(server.port)
        with Client(server.connect()) as client:
            assert client.ask("GET", "/sync/1")[0] == 200
    yield server
    assert server.stop() == 0
    # Of a client that leaves within its body an application is told by an exception, as under uvicorn.
    told = server.log.count("\nstarlette.requests.ClientDisconnect")
    assert server.log.count("Traceback") == told, server.log[-3000:]


# --- what is said


def talk_kept(port: int) -> Any:
    """One connection, one request after the other."""
    with RawConnection(port) as connection:
        found = []
        for data in (
            request("GET", "/"),
            request("GET", "/sync/7"),
            request("POST", "/echo", b'{"text": "%s", "times": 2}' % (b"x" * 3000)),
            request("GET", "/slow/5"),
            request("GET", "/sync/none"),
            request("GET", "/nowhere"),
            request("GET", "/mounted/x"),
        ):
            connection.send(data)
            answer = connection.read_answer()
            found.append((answer.status_line, answer.body))
        return found


def talk_pipelined(port: int) -> Any:
    """All at once."""
    with RawConnection(port) as connection:
        connection.send(b"".join(request("GET", f"/sync/{number}") + request("GET", "/") for number in range(10)))
        return [connection.read_answer().body for _ in range(20)]


def talk_stream(port: int) -> Any:
    with RawConnection(port) as connection:
        connection.send(request("GET", "/stream/1"))
        body = connection.read_answer().body
        assert body == b"x" * 2**20
        connection.send(request("GET", "/"))  # the connection can still be used
        return connection.read_answer().body


UPLOAD = b"".join(b"%x\r\n%s\r\n" % (size, b"u" * size) for size in [1, 17, 400, 5000, 9000]) + b"0\r\n\r\n"
UPLOAD_HEAD = b"POST /upload HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n"


def talk_upload(port: int) -> Any:
    with RawConnection(port) as connection:
        connection.send(UPLOAD_HEAD + UPLOAD)
        return connection.read_answer().body


def talk_websocket(port: int) -> Any:
    with RawWebSocket(port) as connection:
        assert connection.handshake("/ws").startswith(b"HTTP/1.1 101 ")
        echoed = []
        for size in (0, 1, 125, 126, 5000, 70_000):
            connection.send(frame(BINARY, b"m" * size))
            echoed.append(connection.read_frame())
        connection.send(frame(BINARY, b"one", fin=False) + frame(CONTINUATION, b" two"))
        echoed.append(connection.read_frame())
        connection.send(close_frame(1000))
        last = connection.read_frame()
        if None in echoed or last is None:
            raise EOFError
        assert last.opcode == CLOSE
        return echoed


def talk_of_items(port: int) -> Any:
    with RawConnection(port) as connection:

        def ask(method: str, path: str, value: Any = None) -> Any:
            connection.send(request(method, path, None if value is None else json.dumps(value).encode()))
            answer = connection.read_answer(method)
            return answer.status_line, json.loads(answer.body) if answer.body else None

        created = ask("POST", "/items", {"name": "talked of", "price": 1.5, "tags": ["a"] * 20})
        path = f"/items/{created[1].pop('id')}"
        found = [created, ask("PATCH", path, {"price": 2.5}), ask("GET", path), ask("POST", "/items", {"name": ""})]
        for _, value in found[1:3]:
            value.pop("id")
        return [*found, ask("DELETE", path), ask("GET", path)]


TALKS = [talk_kept, talk_pipelined, talk_stream, talk_upload, talk_websocket, talk_of_items]

NETWORKS = {
    "split": (Faults(most=5), Faults(most=1000)),
    "delay": (Faults(most=4000, delay=0.004), Faults(most=50_000, delay=0.004)),
    "throttle": (Faults(rate=100_000), Faults(rate=2_000_000)),
}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("talk", TALKS)
def test_a_bad_network_changes_no_answer(server: ServerProcess, talk: Talk, network: str) -> None:
    up, down = NETWORKS[network]
    before = left(server)
    expected = talk(server.port)
    with ChaosProxy(server.port, up, down) as proxy:
        for _ in range(2):
            assert talk(proxy.port) == expected
        assert proxy.cut == 0
    assert_nothing_is_left(server, before)


# --- at every byte

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nhost: t\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
    b"sec-websocket-key: AAECAwQFBgcICQoLDA0ODw==\r\nsec-websocket-version: 13\r\n\r\n"
)

LAST = b"last" * 30
MESSAGES = {
    "get": request("GET", "/sync/7"),
    "pipelined": request("GET", "/") + request("GET", "/nowhere") + request("GET", "/", close=True),
    "body": request("POST", "/echo", '{"text": "é", "times": 2}'.encode()),
    "chunked": UPLOAD_HEAD + b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
    "item": request("POST", "/items", b'{"name": "cut", "price": 2.5}', close=True),
    "websocket": HANDSHAKE + frame(BINARY, b"first") + frame(BINARY, LAST),
}


def answer_to(port: int, data: bytes) -> bytes:
    """All that comes back, until the server ends the connection, or has echoed the last message."""
    with RawConnection(port) as connection:
        received = b""
        with contextlib.suppress(ConnectionError):
            connection.send(data)
            while not received.endswith(LAST) and (piece := connection.socket.recv(65536)):
                received += piece
    return received


def dateless(answers: bytes) -> list[bytes]:
    return [line for line in answers.split(b"\r\n") if not line.startswith(b"date: ")]


def closing(name: str) -> bytes:
    """The message, behind whose answer the server ends the connection."""
    data = MESSAGES[name]
    return data if name in ("pipelined", "item", "websocket") else data + request("GET", "/", close=True)


def at_every_byte(do: Callable[[int], None], size: int) -> None:
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(do, range(1, size)))


@pytest.mark.parametrize("name", [name for name in MESSAGES if name != "item"])  # whose answer has an id of its own
def test_split_at_any_byte_a_message_is_the_same(server: ServerProcess, name: str) -> None:
    data = closing(name)
    expected = dateless(answer_to(server.port, data))
    assert len(expected) > 4

    def split(_: int) -> None:
        assert dateless(answer_to(proxy.port, data)) == expected

    with ChaosProxy(server.port, lambda number: Faults(split_at=number + 1, delay=0.003)) as proxy:
        at_every_byte(split, len(data))


@pytest.mark.parametrize("reset", [False, True], ids=["end", "reset"])
@pytest.mark.parametrize("name", MESSAGES)
def test_cut_at_any_byte_a_message_leaves_nothing(server: ServerProcess, name: str, reset: bool) -> None:
    data = MESSAGES[name]
    before, stored = left(server), count_items(server)
    with ChaosProxy(server.port, lambda number: Faults(cut_at=number + 1, reset=reset)) as proxy:
        at_every_byte(lambda _: assert_cut(answer_to(proxy.port, data), name), len(data))
        assert proxy.cut == len(data) - 1
    assert_nothing_is_left(server, before)
    assert count_items(server) == stored


def assert_cut(received: bytes, name: str) -> None:
    """Nothing but what whole requests in front of the cut may have been answered with."""
    whole = {"pipelined": 2, "websocket": 1}.get(name, 0)
    assert received.count(b"HTTP/1.1 ") <= whole, received


@pytest.mark.parametrize("reset", [False, True], ids=["end", "reset"])
@pytest.mark.parametrize("name", MESSAGES)
def test_cut_at_any_byte_an_answer_leaves_nothing(server: ServerProcess, name: str, reset: bool) -> None:
    data = closing(name)
    size = len(answer_to(server.port, data))
    before = left(server)
    with ChaosProxy(server.port, NONE, lambda number: Faults(cut_at=number + 1, reset=reset)) as proxy:
        at_every_byte(lambda _: assert_within(answer_to(proxy.port, data), size), size)
        assert proxy.cut == size - 1
    assert_nothing_is_left(server, before)


@pytest.mark.parametrize("talk", TALKS)
def test_cut_anywhere_a_talk_leaves_nothing(server: ServerProcess, talk: Talk) -> None:
    """Streams of a megabyte, messages under way, transactions: cut at 40 places in each direction."""
    before = left(server)
    with ChaosProxy(server.port) as proxy:
        talk(proxy.port)
        sizes = list(proxy.passed)
    for way, size in enumerate(sizes):
        places = [1 + size * number // 41 for number in range(40)]
        faults = [lambda number, places=places: Faults(cut_at=places[number], reset=number % 2 == 0), NONE]
        with ChaosProxy(server.port, faults[way], faults[1 - way]) as proxy, ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _, port=proxy.port: outcome(talk, port), range(40)))
        assert proxy.cut == 40
    assert_nothing_is_left(server, before)


def outcome(talk: Talk, port: int) -> Any:
    """What was said, or None where the connection's end was seen before."""
    try:
        return talk(port)
    except (EOFError, ConnectionError, AssertionError, ValueError):
        return None


def assert_within(received: bytes, size: int) -> None:
    assert len(received) < size


# --- what is left


def left(server: ServerProcess) -> tuple[int, int]:
    """Descriptors and tasks."""
    with Client(server.connect()) as client:
        client.ask("GET", "/")
        return server.open_descriptors(), client.ask("GET", "/tasks")[1]


def count_items(server: ServerProcess) -> int:
    with Client(server.connect()) as client:
        count = 0
        cursor = ""
        while cursor is not None:
            page = client.ask("GET", f"/items?limit=100{cursor and '&cursor=' + cursor}")[1]
            count += len(page["items"])
            cursor = page["next"]
        return count


def assert_nothing_is_left(server: ServerProcess, before: tuple[int, int]) -> None:
    deadline = time.monotonic() + 15
    while (now := left(server)) > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert now[0] <= before[0], "descriptors"
    assert now[1] <= before[1], "tasks"
