"""The `data-bridge` command as people use it: start, signals, sockets, workers, messages."""

from __future__ import annotations

import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from server_process import ServerProcess

HERE = Path(__file__).parent


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", "data_bridge", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def start(tmp_path: Path, *arguments: str) -> ServerProcess:
    server = ServerProcess("command_app:app", tmp_path, arguments, search=HERE)
    server.wait_until_it_answers()
    return server


def test_the_access_log_and_its_absence(tmp_path: Path) -> None:
    server = start(tmp_path)
    assert httpx.get(server.url + "/hello?a=b").status_code == 200
    httpx.get(server.url + "/nowhere")
    server.stop()
    assert '"GET /hello?a=b HTTP/1.1" 200 OK' in server.log
    assert '"GET /nowhere HTTP/1.1" 404 Not Found' in server.log
    quiet = start(tmp_path, "--no-access-log")
    httpx.get(quiet.url + "/hello?a=b")
    quiet.stop()
    assert "/hello" not in quiet.log


def test_an_exception_is_in_the_log_and_not_on_the_wire(tmp_path: Path) -> None:
    server = start(tmp_path)
    answer = httpx.get(server.url + "/error")
    server.stop()
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    assert "RuntimeError: a secret" in server.log


def test_a_unix_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "app.sock")
    for _ in range(2):  # the file of a killed process is replaced
        server = ServerProcess("command_app:app", tmp_path, ("--uds", path), search=HERE)
        deadline = time.monotonic() + 30
        while not os.path.exists(path) and time.monotonic() < deadline:
            time.sleep(0.05)
        with httpx.Client(transport=httpx.HTTPTransport(uds=path, retries=20)) as client:
            for _ in range(100):
                try:
                    assert client.get("http://localhost/hello").json() == {"hello": "world"}
                    break
                except httpx.ConnectError:
                    time.sleep(0.1)
            else:
                raise AssertionError(server.log)
        server.kill()


def test_workers_are_replaced_when_they_die(tmp_path: Path) -> None:
    server = start(tmp_path, "--workers", "2")

    def pids() -> set[int]:
        return {httpx.get(server.url + "/pid").json() for _ in range(60)}

    first = pids()
    assert server.pid not in first
    victim = next(iter(first))
    os.kill(victim, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not (pids() - first):
        time.sleep(0.2)
    assert pids() - first, "no new worker answers"
    assert server.stop() == 0
    with pytest.raises(OSError, match="refused"):
        server.connect(1)


def test_routes_says_what_is_served_how(tmp_path: Path) -> None:
    found = command("routes", "command_app:app", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    lines = [line.split() for line in found.stdout.splitlines()]
    assert ["GET", "/hello", "compiled"] in lines
    assert ["GET", "/request", "compiled"] in lines
    assert any(line[:3] == ["GET", "/own", "bridged"] and "Elsewhere" in line for line in lines)


def test_routes_explains_programs(tmp_path: Path) -> None:
    found = command("routes", "command_app:app", "--explain", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    lines = [line.split() for line in found.stdout.splitlines()]
    program = lines[lines.index(["GET", "/request", "compiled"]) + 1 :]
    assert program[:2] == [["call", "request(request=0)"], ["answer", "200", "model,", "natively"]]


def test_routes_makes_middleware_in_a_loop(tmp_path: Path) -> None:
    (tmp_path / "within.py").write_text(
        """
import asyncio
from fastapi import FastAPI

class Within:
    def __init__(self, app):
        self.app, self.loop = app, asyncio.get_running_loop()

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, middleware=[])
app.add_middleware(Within)

@app.get("/")
async def root(): ...
"""
    )
    found = command("routes", "within:app", cwd=tmp_path)
    assert found.stdout.splitlines()[-1].split() == ["GET", "/", "compiled"]


def test_routes_counts_reasons(tmp_path: Path) -> None:
    found = command("routes", "command_app:app", "--reasons", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    counts = {line.split("%", 1)[1].strip(): int(line.split()[0]) for line in found.stdout.splitlines()}
    assert counts["bridged: custom route class Elsewhere"] == 1
    assert counts["compiled"] > 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "command_app"], "MODULE:ATTRIBUTE"),
        (["run", "nowhere_at_all:app"], "no module named 'nowhere_at_all'"),
        (["run", "command_app:nothing"], "has no attribute 'nothing'"),
        (["run", "command_app:NUMBER"], "not an ASGI application"),
        (["run", "command_app:broken"], "no database here"),
        (["run"], "no application is named"),
        (["run", "command_app:app", "--log-level", "loud"], "invalid choice"),
    ],
)
def test_mistakes_get_a_message(tmp_path: Path, arguments: list[str], message: str) -> None:
    found = command(*arguments, cwd=tmp_path)
    assert found.returncode != 0
    assert message in found.stderr
    assert "Traceback" not in found.stderr or message == "no database here"


def test_a_module_that_misses_another_is_not_taken_for_missing(tmp_path: Path) -> None:
    (tmp_path / "shop_app.py").write_text("import shop\n")
    found = command("run", "shop_app:app", cwd=tmp_path)
    assert "Traceback" in found.stderr
    assert "No module named 'shop'" in found.stderr


def test_a_taken_port_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        found = command("run", "command_app:app", "--port", port, cwd=tmp_path)
    assert found.returncode == 3
    assert port in found.stderr
    assert "in use" in found.stderr
    assert "Traceback" not in found.stderr


def test_the_commands_script_can_be_imported() -> None:
    """As the children of multiprocessing's spawn do, which would start a second server."""
    script = Path(sys.executable).with_name("data-bridge")
    runpy.run_path(str(script), run_name="__mp_main__")


def test_help_is_there(tmp_path: Path) -> None:
    for arguments in (["--help"], ["run", "--help"], ["routes", "--help"]):
        assert "usage: data-bridge" in command(*arguments, cwd=tmp_path).stdout
