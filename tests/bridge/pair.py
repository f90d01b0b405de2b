"""One application under uvicorn and under data_bridge, side by side."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import uvicorn
from fastapi import FastAPI

from data_bridge.testing import LiveServer

from .raw_client import Answer, RawConnection, answer

Found = TypeVar("Found")


#: Seconds that a connection may be idle: between two requests a busy machine may take its time.
IDLE = 60


@contextmanager
def both_servers(make_app: Callable[[], FastAPI], io_threads: int) -> Iterator[tuple[int, int]]:
    """The ports of uvicorn and of data_bridge, which answer without the Date and Server fields."""
    config = uvicorn.Config(
        make_app(),
        port=0,
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=IDLE,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    uvicorn_port = server.servers[0].sockets[0].getsockname()[1]
    with LiveServer(
        make_app(), server_header=False, date_header=False, io_threads=io_threads, timeout_keep_alive=IDLE
    ) as live:
        yield uvicorn_port, live.port
    server.should_exit = True
    thread.join()


#: Seconds: a wake-up that is missing costs one tick of the server's sweep, a second.
STALL = 0.5


def side_by_side(ask: Callable[[int], Found]) -> list[Found]:
    """What `ask(0)` finds (uvicorn) and `ask(1)`; data_bridge must not take longer than uvicorn does.

    Asked again where it seems to, since a busy machine may stop either for a while, but not every time.
    """
    for _ in range(4):
        found, times = [], []
        for side in range(2):
            began = time.monotonic()
            found.append(ask(side))
            times.append(time.monotonic() - began)
        if times[1] < 4 * times[0] + STALL:
            return found
    raise AssertionError(f"uvicorn took {times[0]:.3f} s, data_bridge {times[1]:.3f} s")


def differing(
    make_app: Callable[[], Any], requests: list[bytes], io_threads: int
) -> list[tuple[bytes, Answer, Answer]]:
    """The requests, each on a connection of its own, that the two answer differently but for their ports and the time,
    with both answers."""
    found = []
    with both_servers(make_app, io_threads) as ports:
        for data in requests:
            theirs, ours = (_without_its_own(answer(port, data), port) for port in ports)
            if theirs != ours:
                found.append((data, theirs, ours))
    return found


def _without_its_own(given: Answer, port: int) -> Answer:
    given.headers = [(name, value.replace(f":{port}", ":port")) for name, value in given.headers]
    if given.header("content-encoding") == "gzip":
        given.body = given.body[:4] + given.body[8:]  # before Starlette 1.4 the time is in there
    return given


class Pair:
    """A kept connection to each of two servers, made anew when a server has closed it."""

    def __init__(self, ports: tuple[int, int]) -> None:
        self.ports = ports
        self.connections = [RawConnection(port) for port in ports]

    def __enter__(self) -> Pair:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self.connections:
            connection.close()

    def answers(self, data: bytes, method: str) -> list[Answer]:
        """What the two servers answer; both must then keep the connection, or both close it."""

        def ask(side: int) -> Answer:
            connection = self.connections[side]
            connection.send(data)
            found = connection.read_answer(method)
            if found.status_line.startswith("HTTP/1.1 500"):
                # An exception ends the connection, and no field says so. It may be asked again.
                assert connection.at_end()
                connection.close()
                self.connections[side] = RawConnection(self.ports[side])
            return found

        return side_by_side(ask)
