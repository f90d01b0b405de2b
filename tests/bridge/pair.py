"""One application under uvicorn and under data_bridge, side by side."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from data_bridge.testing import LiveServer

from .raw_client import Answer, RawConnection


@contextmanager
def both_servers(make_app: Callable[[], FastAPI], io_threads: int) -> Iterator[tuple[int, int]]:
    """The ports of uvicorn and of data_bridge, which answer without the Date and Server fields."""
    config = uvicorn.Config(
        make_app(), port=0, http="httptools", log_config=None, access_log=False, server_header=False, date_header=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    uvicorn_port = server.servers[0].sockets[0].getsockname()[1]
    with LiveServer(make_app(), server_header=False, date_header=False, io_threads=io_threads) as live:
        yield uvicorn_port, live.port
    server.should_exit = True
    thread.join()


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
        found = []
        for connection in self.connections:
            connection.send(data)
            found.append(connection.read_answer(method))
        if found[0].status_line.startswith("HTTP/1.1 500"):
            # An exception ends the connection, and no field says so.
            assert [connection.at_end() for connection in self.connections] == [True, True]
            self.__exit__()
            self.connections = [RawConnection(port) for port in self.ports]
        return found
