"""data_bridge.serve() with processes of its own: programs that serve themselves, whose files change."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from server_process import Launch, Program, free_port

PROGRAM = """
import os
from fastapi import FastAPI
import data_bridge

app = FastAPI()

@app.get("/")
def version() -> str:
    return "first"

@app.get("/pid")
def pid() -> int:
    return os.getpid()

if __name__ == "__main__":
    print("the program itself", flush=True)
    data_bridge.serve("main:app", port={port}, {options})
    print("behind serve()", flush=True)
"""


def launch_serve(launch: Launch, directory: Path, options: str) -> Program:
    port = free_port()
    (directory / "main.py").write_text(PROGRAM.format(port=port, options=options))
    return launch([sys.executable, "main.py"], port)


def eventually(program: Program, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if holds():
                return
        except httpx.HTTPError:
            pass
        assert time.monotonic() < deadline, program.log.read_text()
        time.sleep(0.05)


def change(directory: Path, old: str, new: str) -> None:
    file = directory / "main.py"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_program_that_serves_itself_reloads(launch: Launch, tmp_path: Path) -> None:
    pytest.importorskip("watchfiles")
    program = launch_serve(launch, tmp_path, "reload=True")
    assert program.get().json() == "first"
    reloader = program.process.pid
    assert program.get("/pid").json() != reloader

    change(tmp_path, '"first"', '"second"')
    eventually(program, lambda: program.get().json() == "second")

    # What cannot be imported ends its process; the next change begins another.
    change(tmp_path, "app = FastAPI()", "app = FastAPI(")
    program.wait_for_log("SyntaxError")
    change(tmp_path, "app = FastAPI(\n", "app = FastAPI()\n")
    change(tmp_path, '"second"', '"third"')
    eventually(program, lambda: program.get().json() == "third")

    # What is no Python file is no reason.
    before = program.get("/pid").json()
    (tmp_path / "notes.txt").write_text("changed")
    time.sleep(1.0)
    assert program.get("/pid").json() == before

    log = program.end()
    assert "WatchFiles detected changes in 'main.py'. Reloading..." in log
    assert f"Started reloader process [{reloader}] using WatchFiles" in log
    assert f"Stopping reloader process [{reloader}]" in log
    assert log.count("the program itself") == 1  # the processes that serve only import it
    assert log.count("behind serve()") == 1
    assert program.process.returncode == 0


@pytest.mark.parametrize("options", ["reload=True", "workers=2", "reload=True, workers=2"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_by_a_signal_and_leaves_nobody(launch: Launch, tmp_path: Path, options: str, number: int) -> None:
    if "reload" in options:
        pytest.importorskip("watchfiles")
    program = launch_serve(launch, tmp_path, options)
    pids = {program.get("/pid").json() for _ in range(20)}
    log = program.end(number)
    assert program.process.returncode == 0, log
    assert "Traceback" not in log
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{program.port}/")
    assert "behind serve()" in log
    if options == "reload=True, workers=2":
        assert len(pids) == 1
        assert '"workers" flag is ignored when reloading is enabled.' in log


def test_workers_of_serve_are_replaced_by_what_is_on_the_disk(launch: Launch, tmp_path: Path) -> None:
    program = launch_serve(launch, tmp_path, "workers=2")
    eventually(program, lambda: len({program.get("/pid").json() for _ in range(20)}) == 2)
    before = {program.get("/pid").json() for _ in range(40)}
    change(tmp_path, '"first"', '"second"')
    program.process.send_signal(signal.SIGHUP)
    eventually(program, lambda: {program.get().json() for _ in range(20)} == {"second"})
    assert not before & {program.get("/pid").json() for _ in range(40)}
    program.end()
    assert program.process.returncode == 0
