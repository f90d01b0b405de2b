"""One application under uvicorn and under data_bridge, and one conversation with each."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from data_bridge.testing import LiveServer

from .raw_websocket import Frame, RawWebSocket
from .scripted_app import ScriptedApp, Step


@contextmanager
def uvicorn_server(app: Any, **options: Any) -> Iterator[int]:
    """The port of a uvicorn, as `uvicorn` on the command line makes one."""
    config = uvicorn.Config(
        app,
        port=0,
        http="httptools",
        ws="websockets-sansio",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        **options,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "uvicorn did not start"
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join()


@dataclass
class Both:
    """The ports of uvicorn and of data_bridge, and what they serve."""

    app: ScriptedApp
    ports: tuple[int, int]


@contextmanager
def both_servers(io_threads: int, **options: Any) -> Iterator[Both]:
    app = ScriptedApp()
    live = LiveServer(
        app,
        server_header=False,
        date_header=False,
        io_threads=io_threads,
        timeout_graceful_shutdown=0.5,
        **options,
    )
    with uvicorn_server(app, **options) as port, live:
        yield Both(app, (port, live.port))


@dataclass
class Heard:
    """What a client has heard, and what the application has noted."""

    head: bytes
    frames: list[Frame]
    ended: bool
    notes: list[Any] = field(default_factory=list)


#: Seconds: a server that says nothing for so long says nothing more.
SILENCE = 0.3


def talk(
    app: ScriptedApp,
    port: int,
    server_steps: list[Step],
    client_steps: list[Step],
    extensions: str = "",
    silence: float = SILENCE,
) -> Heard:
    """One conversation. The client's steps: ("send", *bytes), each in a write of its own, ("frame",) waits for one,
    ("shut",) half-closes, ("leave",) closes, ("sleep", seconds)."""
    script = app.add(server_steps)
    frames: list[Frame] = []
    with RawWebSocket(port) as client:
        client.ask(f"/?{script}", extensions=extensions)
        head = b""
        left = False
        for step in client_steps:
            if step[0] in {"frame", "head"} and not head:
                head = client.read_head()
            match step:
                case ("head",):
                    pass
                case ("send", *pieces):
                    for piece in pieces:
                        client.send(piece)
                        if len(pieces) > 1:
                            time.sleep(0.005)
                case ("frame",):
                    found = client.read_frame()
                    if found is not None:
                        frames.append(found)
                case ("shut",):
                    client.socket.shutdown(1)
                case ("leave",):
                    client.socket.close()
                    left = True
                case ("sleep", seconds):
                    time.sleep(seconds)
                case _:
                    raise AssertionError(step)
        ended = False
        if not left:
            head = head or client.read_head()
            if head.startswith(b"HTTP/1.1 101"):
                rest, ended = client.read_rest(silence)
                frames += rest
            else:
                head += client.read_all(silence)
                ended = client.ended
    deadline = time.monotonic() + 2 * silence
    while not app.scripts[script].ended and time.monotonic() < deadline:
        time.sleep(0.005)
    return Heard(head, frames, ended, list(app.scripts[script].notes))
