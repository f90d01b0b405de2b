"""A server takes over from another one under load, and no client notices."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from process_client import UNBOUNDED, Start
from server_process import ServerProcess, free_port

CLIENTS = 8
RESTARTS = 4
REQUEST = b"GET /pid HTTP/1.1\r\nhost: t\r\n\r\n"


class Load:
    """Clients that keep their connections, and count a request as lost that gets no whole answer."""

    def __init__(self, port: int) -> None:
        self.answered = 0
        self.lost: list[str] = []
        self._port = port
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._client, daemon=True) for _ in range(CLIENTS)]

    def _client(self) -> None:
        while not self._end.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self._port), 30) as connection:
                    while not self._end.is_set() and self._ask(connection):
                        time.sleep(0.0005)
            except OSError as error:
                self.lost.append(repr(error))

    def _ask(self, connection: socket.socket) -> bool:
        connection.sendall(REQUEST)
        answer = b""
        while b"\r\n\r\n" not in answer or not answer.partition(b"\r\n\r\n")[2]:
            piece = connection.recv(4096)
            if not piece:
                raise ConnectionError(f"closed behind {answer!r}")
            answer += piece
        assert answer.startswith(b"HTTP/1.1 200 "), answer
        self.answered += 1
        return b"connection: close" not in answer.lower()

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(60)

    def wait_for_more(self) -> None:
        """Until every client may have been answered a few times more."""
        before, deadline = self.answered, time.monotonic() + 60
        while self.answered < before + 20 * CLIENTS and time.monotonic() < deadline:
            time.sleep(0.01)


#: A port, the options for it and the descriptors to inherit.
Place = tuple[int, tuple[str, ...], tuple[int, ...]]


@contextlib.contextmanager
def held_socket() -> Iterator[Place]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(512)
        yield listener.getsockname()[1], ("--fd", str(listener.fileno())), (listener.fileno(),)


@contextlib.contextmanager
def shared_port() -> Iterator[Place]:
    port = free_port()
    yield port, ("--reuse-port", "--port", str(port)), ()


@pytest.mark.parametrize("threads", ["0", "2"])
@pytest.mark.parametrize("way", [held_socket, shared_port])
def test_a_new_process_takes_over(
    start: Start,
    way: Callable[[], contextlib.AbstractContextManager[Place]],
    threads: str,
) -> None:
    with way() as (port, arguments, descriptors):

        def serving() -> ServerProcess:
            server = start(
                "",
                *arguments,
                *("--io-threads", threads, "--no-access-log"),
                *UNBOUNDED,
                answers=False,
                descriptors=descriptors,
            )
            server.wait_for_log("Serving on")
            return server

        old = serving()
        with Load(port) as load:
            for _ in range(RESTARTS):
                new = serving()
                load.wait_for_more()
                old.process.send_signal(signal.SIGTERM)
                assert old.wait_for_end() == -signal.SIGTERM
                old = new
            load.wait_for_more()
        assert load.lost == []
        assert load.answered > 20 * RESTARTS * CLIENTS
        assert old.stop() == 0


def test_a_supervisor_replaces_its_workers(start: Start) -> None:
    server = start("", "--workers", "2", "--no-access-log", *UNBOUNDED)
    server.wait_for_log("Routes:", 2)
    with Load(server.port) as load:
        for restart in range(1, RESTARTS + 1):
            server.process.send_signal(signal.SIGHUP)
            server.wait_for_log("Routes:", 2 + 2 * restart)
            server.wait_for_log("lifespan ended", 2 * restart)
        load.wait_for_more()
    assert load.lost == []
    assert server.stop() == 0


def test_without_the_option_the_port_is_taken(start: Start) -> None:
    port = str(free_port())
    start("", "--reuse-port", "--port", port, answers=False).wait_for_log("Serving on")
    second = start("", "--port", port, answers=False)
    assert second.wait_for_end() == 3
    third = start("", "--reuse-port", "--port", port, answers=False)
    third.wait_for_log("Serving on")
