"""Handlers run on the server's own loop: everything asyncio offers works inside them."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from typing import Any

import anyio
import httpx
import pytest
from fastapi import FastAPI

from data_bridge import PyLoop
from data_bridge.testing import LiveServer


def make_app() -> FastAPI:
    app = FastAPI()

    @app.get("/loop")
    async def loop():
        return {"is_pyloop": isinstance(asyncio.get_running_loop(), PyLoop)}

    @app.get("/streams")
    async def streams():
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readline())
            writer.close()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello\n")
            line = await reader.readline()
            writer.close()
        return {"line": line.decode()}

    @app.get("/executor")
    async def executor():
        name = await asyncio.get_running_loop().run_in_executor(None, lambda: threading.current_thread().name)
        return {"other_thread": name != threading.current_thread().name}

    @app.get("/self")
    async def itself(url: str):
        async with httpx.AsyncClient() as client:
            return (await client.get(url)).json()

    @app.get("/timeout")
    async def timeout():
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(5)
        except TimeoutError:
            return {"timed_out": True}

    @app.get("/group")
    async def group():
        async def double(x: int) -> int:
            await asyncio.sleep(0)
            return 2 * x

        async with asyncio.TaskGroup() as tasks:
            made = [tasks.create_task(double(i)) for i in range(5)]
        return [task.result() for task in made]

    @app.get("/cancel-scope")
    async def cancel_scope():
        with anyio.move_on_after(0.01) as scope:
            await anyio.sleep(5)
        return {"cancelled": scope.cancelled_caught}

    @app.get("/self-cancel")
    async def self_cancel():
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(1)

    @app.get("/gather")
    async def gather():
        return await asyncio.gather(*(asyncio.sleep(0.001, i) for i in range(10)))

    meeting = threading.Barrier(8, timeout=60)

    @app.get("/meeting")
    def meet():
        meeting.wait()
        return {"thread": threading.get_ident()}

    return app


@pytest.fixture(scope="module", params=[0, 1], ids=["inline", "I/O thread"])
def server(request: pytest.FixtureRequest) -> Iterator[LiveServer]:
    with LiveServer(make_app(), io_threads=request.param) as live:
        yield live


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/loop", {"is_pyloop": True}),
        ("/streams", {"line": "hello\n"}),
        ("/executor", {"other_thread": True}),
        ("/timeout", {"timed_out": True}),
        ("/group", [0, 2, 4, 6, 8]),
        ("/cancel-scope", {"cancelled": True}),
        ("/gather", list(range(10))),
    ],
)
def test_asyncio_works_in_a_handler(server: LiveServer, path: str, answer: Any) -> None:
    for _ in range(3):
        assert httpx.get(server.url + path).json() == answer


def test_a_handler_can_ask_its_own_server(server: LiveServer) -> None:
    answer = httpx.get(server.url + "/self", params={"url": server.url + "/loop"})
    assert answer.json() == {"is_pyloop": True}


def test_a_cancelled_handler_answers_500(server: LiveServer) -> None:
    assert httpx.get(server.url + "/self-cancel").status_code == 500
    assert [type(error) for error in server.pop_exceptions()] == [asyncio.CancelledError]
    assert httpx.get(server.url + "/loop").status_code == 200


def test_sync_handlers_run_side_by_side(server: LiveServer) -> None:
    threads_seen: list[int] = []

    def ask() -> None:
        threads_seen.append(httpx.get(server.url + "/meeting", timeout=90).json()["thread"])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(threads_seen)) == 8, "each waits in its handler for all the others"


def test_nothing_is_left_of_a_stopped_server() -> None:
    def count() -> int:
        gc.collect()
        return sum(isinstance(thing, (LiveServer, FastAPI, PyLoop)) for thing in gc.get_objects())

    before = count()
    for _ in range(3):
        with LiveServer(make_app()) as live:
            for path in ("/loop", "/gather", "/nowhere", "/timeout"):
                httpx.get(live.url + path)
        del live
    assert count() <= before + 1  # the last frame of a thread may linger
