"""How requests end: exits, exceptions, clients that leave, and what is kept of a request for longer than it lives."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from data_bridge.testing import LiveServer

from .ending_app import kept, make_app, odd_names, request_id, two_senders
from .pair import both_servers, side_by_side
from .raw_client import Answer, RawConnection, request

THREADS = pytest.mark.parametrize("io_threads", [0, 1, 2])
#: Seconds in which what must happen does, also on a busy machine.
PATIENCE = 30.0


@contextmanager
def live(app: Any, io_threads: int) -> Iterator[LiveServer]:
    with LiveServer(app, io_threads=io_threads, lifespan="off") as server:
        yield server


def ask_until_the_end(port: int, target: str) -> Answer:
    with RawConnection(port) as connection:
        connection.send(request("GET", target))
        answer = connection.read_answer()
        assert connection.at_end()
    return answer


def eventually(condition: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


EXITS = ["/exit/system", "/exit/keyboard", "/exit/base", "/exit-suspended", "/exit-sync", "/exit-dependency"]


@THREADS
@pytest.mark.parametrize("target", EXITS)
def test_an_exit_is_a_500_and_the_server_goes_on(io_threads: int, target: str) -> None:
    with live(make_app(), io_threads) as server, RawConnection(server.port) as connection:
        connection.send(request("GET", target))
        assert connection.read_answer().status_line == "HTTP/1.1 500 Internal Server Error"
        assert connection.at_end()
        assert httpx.get(server.url).json() == {"hello": True}
        eventually(lambda: server.server.in_flight == 0)


@THREADS
def test_an_exit_behind_the_answer_ends_the_connection(io_threads: int) -> None:
    with live(make_app(), io_threads) as server, RawConnection(server.port) as connection:
        connection.send(request("GET", "/exit-background"))
        assert connection.read_answer().body == b"1"
        assert connection.at_end()
        assert httpx.get(server.url).json() == {"hello": True}


@THREADS
def test_what_has_begun_since_is_answered_where_the_application_fails_behind_an_answer(io_threads: int) -> None:
    with live(make_app(), io_threads) as server, RawConnection(server.port) as connection:
        connection.send(request("GET", "/fails-when-told"))
        assert connection.read_answer().body == b"1"
        connection.send(request("GET", "/tells") + request("GET", "/"))
        answer = connection.read_answer()
        assert (answer.body, answer.header("connection")) == (b'"done"', None)
        assert connection.read_answer().status_line == "HTTP/1.1 200 OK"
        connection.send(request("GET", "/"))
        assert connection.read_answer().status_line == "HTTP/1.1 200 OK"


@THREADS
def test_ends_are_as_under_uvicorn(io_threads: int) -> None:
    with both_servers(make_app, io_threads) as ports:
        for target in [*EXITS, "/exit-background"]:
            theirs, ours = side_by_side(lambda side, target=target: ask_until_the_end(ports[side], target))
            assert ours == theirs, target


@THREADS
@pytest.mark.parametrize("suspend", [False, True])
@pytest.mark.parametrize("middleware", [False, True], ids=["compiled", "bridged"])
def test_an_exception_is_reported_in_the_context_of_its_request(
    io_threads: int, suspend: bool, middleware: bool
) -> None:
    seen: list[tuple[str, str]] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "Exception in ASGI" in record.getMessage():
                task = asyncio.current_task()
                seen.append((request_id.get(), type(task).__name__ if task else "none"))

    handler = Handler()
    logger = logging.getLogger("uvicorn.error")
    logger.addHandler(handler)
    try:
        with live(make_app(middleware=middleware), io_threads) as server:
            for number in range(3):
                answer = httpx.get(f"{server.url}/boom?id=r{number}&suspend={suspend}")
                assert answer.status_code == 500
            server.pop_exceptions()
            eventually(lambda: len(seen) == 3)
    finally:
        logger.removeHandler(handler)
    # BaseHTTPMiddleware runs the endpoint in a task of its own, whose context is a copy.
    assert [entry[0] for entry in seen] == (["none"] * 3 if middleware else ["r0", "r1", "r2"])
    assert all(entry[1] != "none" for entry in seen)


@THREADS
def test_a_coroutine_is_not_entered_twice(io_threads: int) -> None:
    with both_servers(make_app, io_threads) as ports:
        found = [httpx.get(f"http://127.0.0.1:{port}/reentry").json() for port in ports]
    assert (
        found[1]
        == found[0]
        == ["ValueError: coroutine already executing"] * 2 + ["ValueError: coroutine already executing"]
    )


@THREADS
def test_a_coroutine_that_is_kept_is_exhausted(io_threads: int) -> None:
    with live(make_app(), io_threads) as server:
        assert httpx.get(server.url + "/keep-coroutine").json() == 1
        eventually(lambda: server.server.in_flight == 0)
    coroutine = kept.pop("coroutine")
    with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
        coroutine.send(None)
    with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):  # as Python's own
        coroutine.throw(ValueError("late"))
    coroutine.close()


@THREADS
def test_receive_and_send_outlive_the_server(io_threads: int) -> None:
    async def use() -> tuple[Any, str]:
        message = await kept["receive"]()
        try:
            await kept["send"]({"type": "http.response.body", "body": b"late"})
        except RuntimeError as error:
            return message, str(error)
        return message, ""

    with live(make_app(), io_threads) as server:
        assert httpx.get(server.url + "/keep").json() == 1
    del server
    gc.collect()
    message, error = asyncio.run(use())
    assert message == {"type": "http.disconnect"}
    assert error in ("", "Unexpected ASGI message 'http.response.body' sent, after response already completed.")
    kept.clear()
    gc.collect()


@THREADS
def test_any_number_of_tasks_may_wait_for_a_client(io_threads: int) -> None:
    kept.clear()
    with live(two_senders, io_threads) as server:
        connection = RawConnection(server.port, timeout=PATIENCE)
        connection.send(request("GET", "/wait"))
        connection._until(b"\r\n\r\n")
        connection.close()
        eventually(lambda: "messages" in kept)
        # The first takes the (empty) body; the others find the client gone.
        assert sorted(kept["messages"]) == ["http.disconnect", "http.disconnect", "http.request"]
        eventually(lambda: server.server.in_flight == 0)


@THREADS
def test_any_number_of_tasks_may_send_to_a_slow_client(io_threads: int) -> None:
    with live(two_senders, io_threads) as server, RawConnection(server.port, timeout=PATIENCE) as connection:
        connection.send(request("GET", "/send"))
        time.sleep(0.2)  # the buffers of both sides fill, and the senders wait
        assert len(connection.read_answer().body) == 3 * 40 * 100_000


@THREADS
def test_streams_end_when_their_clients_leave(io_threads: int) -> None:
    kept.clear()
    with live(make_app(), io_threads) as server:
        for _ in range(5):
            with RawConnection(server.port, timeout=PATIENCE) as connection:
                connection.send(request("GET", "/watch"))
                connection._until(b"data: event")
        eventually(lambda: httpx.get(server.url + "/watching").json() == 0)
        eventually(lambda: server.server.in_flight == 0)


@THREADS
def test_asking_again_and_again_for_a_client_that_stays_costs_no_memory(io_threads: int) -> None:
    """Each question waits for a moment and is cancelled: what it leaves behind is tidied up."""

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()
        for _ in range(2_000):
            waiting = asyncio.ensure_future(receive())
            await asyncio.sleep(0)
            waiting.cancel()
        await asyncio.sleep(0)
        gc.collect()
        futures = sum(isinstance(found, asyncio.Future) for found in gc.get_objects())
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"6")]})
        await send({"type": "http.response.body", "body": b"%06d" % futures})

    with live(app, io_threads) as server:
        assert int(httpx.get(server.url).text) < 200


@THREADS
def test_a_field_name_beyond_ascii_is_sent_as_under_uvicorn(io_threads: int) -> None:
    with live(odd_names, io_threads) as server, RawConnection(server.port) as connection:
        connection.send(request("GET", "/bad"))
        answer = connection.read_answer()
    assert answer.status_line == "HTTP/1.1 200 OK"
    assert ("x-é", "v") in answer.headers


@THREADS
def test_what_an_answered_request_held_is_let_go(io_threads: int) -> None:
    """The exchange answers for itself where it cannot send what it is given; nothing of the request stays."""

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 150, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    with live(app, io_threads) as server:
        status = httpx.post(server.url, content=b"x" * 1000).status_code
        assert status == 500
        eventually(lambda: server.server.in_flight == 0)


def test_an_application_that_returns_something_ends_the_connection() -> None:
    async def app(scope: dict[str, Any], receive: Any, send: Any) -> Any:
        if scope["type"] == "http":
            return "something"
        return None

    with both_servers(lambda: app, 0) as ports:
        for port in ports:
            with RawConnection(port, timeout=PATIENCE) as connection:
                connection.send(request("GET", "/"))
                assert connection.at_end()
