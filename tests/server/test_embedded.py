"""A Server beside other tasks in a running loop: a PyLoop, or another, whose guest a PyLoop is then."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop
from pydantic import BaseModel

import data_bridge
from data_bridge import App
from data_bridge.server import Server


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


async def ask(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer


LOOPS = pytest.mark.parametrize(
    "new_loop",
    [data_bridge.new_event_loop, asyncio.new_event_loop, uvloop.new_event_loop],
    ids=["ours", "asyncio", "uvloop"],
)
NewLoop = Callable[[], asyncio.AbstractEventLoop]


@LOOPS
@pytest.mark.parametrize(("begin", "end"), [("startup", "shutdown"), ("start", "close")])
def test_it_starts_answers_and_stops_within_a_program(begin: str, end: str, new_loop: NewLoop) -> None:
    async def main() -> None:
        server = Server(app, port=0, access_log=False)
        await getattr(server, begin)()
        assert (await ask(server.addresses[0][1])).startswith(b"HTTP/1.1 204 ")
        await getattr(server, end)()
        assert server.counts()["bridged"] == 1
        with pytest.raises(ConnectionRefusedError):
            await ask(server.addresses[0][1])

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())


@LOOPS
def test_it_serves_until_it_is_stopped_and_tells_of_exceptions(new_loop: NewLoop) -> None:
    found: list[Any] = []

    async def failing(scope: Any, receive: Any, send: Any) -> None:
        found.append((threading.current_thread() is threading.main_thread(), asyncio.get_running_loop() is home))
        raise ArithmeticError("in a request")

    async def main() -> None:
        nonlocal home
        home = asyncio.get_running_loop()
        server = Server(
            failing,
            port=0,
            lifespan="off",
            on_exception=lambda error: found.append((error, threading.current_thread() is threading.main_thread())),
        )
        started = asyncio.Event()
        serving = asyncio.create_task(server.serve(started.set))
        await started.wait()
        assert (await ask(server.addresses[0][1])).startswith(b"HTTP/1.1 500 ")
        server.stop()
        await serving

    home: Any = None
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
    (called, (error, at_home)) = found
    assert called == (True, True)
    assert isinstance(error, ArithmeticError)
    assert at_home


@LOOPS
def test_an_address_that_is_taken_is_said_and_nothing_runs_on(new_loop: NewLoop) -> None:
    async def main() -> None:
        first = Server(app, port=0, access_log=False)
        await first.startup()
        threads = threading.active_count()
        with pytest.raises(OSError, match="in use"):
            await Server(app, port=first.addresses[0][1], access_log=False).startup()
        for _ in range(100):
            if threading.active_count() <= threads:
                break
            await asyncio.sleep(0.05)
        assert threading.active_count() <= threads
        await first.shutdown()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())


class Note(BaseModel):
    id: int | None = None
    text: str


@LOOPS
def test_resources_and_a_megabyte_each_way(new_loop: NewLoop, tmp_path: Path) -> None:
    resources = App(store=f"sqlite:///{tmp_path}/notes.db")
    resources.crud(Note)
    body = b'{"text":"' + b"x" * 1_000_000 + b'"}'

    async def main() -> None:
        server = Server(resources, port=0, access_log=False)
        await server.startup()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.addresses[0][1])
        head = "POST /notes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = await asyncio.wait_for(reader.read(), 30)
        writer.close()
        assert answer.startswith(b"HTTP/1.1 201 ")
        assert len(answer) > 1_000_000
        await server.shutdown()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
    # Closed in good order: SQLite has removed its log.
    assert [each.name for each in tmp_path.iterdir()] == ["notes.db"]
    with sqlite3.connect(tmp_path / "notes.db") as connection:
        assert connection.execute("SELECT length(text) FROM notes").fetchone() == (1_000_000,)
