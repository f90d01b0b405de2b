"""What a start-up may fail with, and what kinds of applications there are."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import interface_app
import pytest
from fastapi import FastAPI
from process_client import Start
from pydantic import BaseModel

from data_bridge import App, Server, ServerOptions, new_event_loop
from data_bridge.testing import LiveServer

HERE = Path(__file__).parent


# --- exit status --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wishes", "arguments", "application", "status", "reason"),
    [
        ("start-fails", (), "process_app:app", 3, "RuntimeError: no database today"),
        ("start-fails", ("--lifespan", "on"), "process_app:app", 3, "RuntimeError: no database today"),
        ("", ("--lifespan", "on"), "interface_app:function", 3, "RuntimeError: only HTTP"),
        ("", (), "process_app:nothing", 3, "has no attribute 'nothing'"),
        ("", ("--factory",), "interface_app:needs_argument", 3, "missing 1 required positional argument"),
        ("", ("--factory",), "interface_app:fails", 1, "RuntimeError: no application today"),
        ("import-fails", (), "process_app:app", 1, "RuntimeError: no module today"),
        ("import-exits", (), "process_app:app", 7, ""),
        ("", ("--fd", "17"), "process_app:app", 3, ""),
        ("", ("--port", "70000"), "process_app:app", 2, "port must be from 0 to 65535, not 70000"),
        ("", ("--port", "-1"), "process_app:app", 2, "port must be from 0 to 65535, not -1"),
        ("", ("--workers", "0"), "process_app:app", 2, "workers must be at least 1"),
        ("", ("--io-threads", "-1"), "process_app:app", 2, "io_threads must be"),
        ("", ("--backlog", "-1"), "process_app:app", 2, "backlog must be"),
        ("", ("--timeout-keep-alive", "nan"), "process_app:app", 2, "timeout_keep_alive must be"),
        ("", ("--timeout-graceful-shutdown", "inf"), "process_app:app", 2, "timeout_graceful_shutdown must be"),
        ("", ("--env-file", "missing.env"), "process_app:app", 3, "missing.env"),
    ],
)
def test_what_cannot_start_has_a_status_and_a_reason(
    start: Start, wishes: str, arguments: tuple[str, ...], application: str, status: int, reason: str
) -> None:
    server = start(wishes, *arguments, application=application, answers=False)
    assert server.wait_for_end() == status
    assert server.log.count(reason) == 1 or not reason
    assert server.log.count("Traceback") <= 1


def test_a_store_that_cannot_be_opened_is_a_start_that_failed(start: Start, tmp_path: Path) -> None:
    (tmp_path / "stored_app.py").write_text(
        "from data_bridge import App\n"
        "from pydantic import BaseModel\n"
        "app = App(store='sqlite:////nowhere/at/all.db')\n"
        "@app.crud\n"
        "class Item(BaseModel):\n"
        "    id: int | None = None\n"
    )
    server = start("", "--app-dir", str(tmp_path), application="stored_app:app", answers=False)
    assert server.wait_for_end() == 3
    assert "StoreError: Item at /items in sqlite:////nowhere/at/all.db" in server.log
    assert server.log.count("Application startup failed. Exiting.") == 1


PROGRAM = """
import sys
sys.path.insert(0, {here!r})
from data_bridge import serve
from process_app import app
try:
    serve(app, port={port})
finally:
    print("program goes on", flush=True)
"""


def test_serve_in_a_program_ends_it_with_the_status(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        program = PROGRAM.format(here=str(HERE), port=taken.getsockname()[1])
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert "in use" in done.stderr
    assert "Traceback" not in done.stderr
    assert "program goes on" in done.stdout


class Item(BaseModel):
    id: int | None = None


def test_stores_are_closed_where_listening_fails(tmp_path: Path) -> None:
    app = App(store=f"sqlite:///{tmp_path}/items.db")
    app.crud(Item)

    async def fail(port: int) -> None:
        server = Server(app, ServerOptions(port=port))
        with pytest.raises(OSError, match="in use"):
            await server.startup()
        assert server.in_flight == 0

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(fail(taken.getsockname()[1]))
    assert not app.data_bridge_stores.is_open


def test_stores_know_of_processes_that_share_the_port(tmp_path: Path) -> None:
    for shared in (False, True):
        app = App(store=f"sqlite:///{tmp_path}/{shared}.db")
        app.crud(Item)
        with LiveServer(app, reuse_port=shared) as server:
            assert httpx.post(server.url + "/items", json={}).status_code == 201
            assert app.data_bridge_stores.shared_with_processes == shared


# --- kinds of applications ------------------------------------------------------------------------------


SHAPES = [
    (interface_app.function, "function 3.0"),
    (interface_app.returns_coroutine, "returns a coroutine 3.0"),
    (interface_app.instance, "instance 3.0"),
    (interface_app.instance_of_plain_call, "instance of a plain call 3.0"),
    (interface_app.partial, "partial 3.0"),
    (interface_app.Awaited, "awaited class 3.0"),
    (interface_app.variadic, "variadic 3.0"),
    (interface_app.Asgi2Class, "class of ASGI 2 2.0"),
    (interface_app.asgi2_closure, "closure of ASGI 2 2.0"),
    (interface_app.asgi2_instance, "instance of ASGI 2 2.0"),
    (interface_app.asgi2_partial, "closure of ASGI 2 2.0"),
]


@pytest.mark.parametrize(("app", "text"), SHAPES, ids=[text for _, text in SHAPES])
def test_each_shape_of_an_application_is_served(app: object, text: str) -> None:
    with LiveServer(app) as server:
        assert httpx.get(server.url).text == text


def test_the_shape_can_be_said(start: Start) -> None:
    server = start("", "--interface", "asgi2", application="interface_app:asgi2_closure")
    assert httpx.get(server.url).text == "closure of ASGI 2 2.0"
    assert server.stop() == 0


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["one process", "two workers"])
@pytest.mark.parametrize(
    ("application", "arguments", "text"),
    [
        ("make", ("--factory",), "function 3.0"),
        ("make", (), "function 3.0"),
        ("make_asgi2", ("--factory",), "class of ASGI 2 2.0"),
        ("Asgi2Class", (), "class of ASGI 2 2.0"),
        ("variadic", (), "variadic 3.0"),
    ],
)
def test_factories_are_called_in_the_running_loop(
    start: Start, workers: tuple[str, ...], application: str, arguments: tuple[str, ...], text: str
) -> None:
    server = start("", *arguments, *workers, application=f"interface_app:{application}")
    assert httpx.get(server.url).text == text
    assert server.stop() == 0
    assert ("factory detected" in server.log) == (application == "make" and not arguments)
    assert "never awaited" not in server.log


# --- beside other tasks ---------------------------------------------------------------------------------


def test_a_server_starts_and_ends_beside_other_tasks() -> None:
    app = FastAPI()
    app.get("/")(lambda: "answered")

    async def main() -> None:
        async with httpx.AsyncClient() as client:
            for _ in range(2):  # the application is whole again afterwards
                server = Server(app, port=0, access_log=False)
                await server.startup()
                url = f"http://127.0.0.1:{server.addresses[0][1]}/"
                assert (await client.get(url)).json() == "answered"
                assert server.counts()["compiled"] == 1
                await server.shutdown()
                with pytest.raises(httpx.ConnectError):
                    await httpx.AsyncClient().get(url)
            server = Server(app, port=0, access_log=False)
            serving = asyncio.create_task(server.serve())
            while not server.addresses:
                await asyncio.sleep(0.01)
            assert (await client.get(f"http://127.0.0.1:{server.addresses[0][1]}/")).json() == "answered"
            server.stop()
            await serving

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())


def test_options_are_given_once() -> None:
    with pytest.raises(TypeError, match="not both"):
        Server(FastAPI(), ServerOptions(), port=1)
