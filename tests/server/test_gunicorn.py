"""data_bridge in gunicorn's processes, and data_bridge.serve() with processes of its own."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from server_process import Launch, free_port

APPLICATION = """
import os
from contextlib import asynccontextmanager
from fastapi import FastAPI
@asynccontextmanager
async def lifespan(app):
    yield
    print("lifespan ends", flush=True)
app = FastAPI(lifespan=lifespan)
app.get("/")(lambda: os.getpid())
"""


def run(launch: Launch, command: list[str], directory: Path, port: int) -> tuple[int, str, set[int]]:
    (directory / "served.py").write_text(APPLICATION)
    program = launch(command, port)
    pids: set[int] = set()
    deadline = time.monotonic() + 60
    while len(pids) < 2:
        assert time.monotonic() < deadline, program.log.read_text()
        pids.add(program.get().json())
    log = program.end()
    return program.process.returncode, log, pids


def test_workers_of_gunicorn(launch: Launch, tmp_path: Path) -> None:
    pytest.importorskip("gunicorn")
    port = free_port()
    options = ["-k", "data_bridge.gunicorn.Worker", "-w", "2", "-b", f"127.0.0.1:{port}", "--access-logfile", "-"]
    status, log, pids = run(launch, [sys.executable, "-m", "gunicorn", *options, "served:app"], tmp_path, port)
    assert status == 0
    assert log.count("lifespan ends") == 2
    assert '"GET / HTTP/1.1" 200' in log
    assert all(f"Started server process [{pid}]" in log for pid in pids)


def test_workers_of_serve(launch: Launch, tmp_path: Path) -> None:
    port = free_port()
    program = tmp_path / "program.py"
    program.write_text(
        f"from data_bridge import serve\nif __name__ == '__main__':\n    serve('served:app', port={port}, workers=2)\n"
    )
    status, log, _ = run(launch, [sys.executable, str(program)], tmp_path, port)
    assert status == 0, log
    assert log.count("lifespan ends") == 2


def test_processes_of_serve_need_an_import_string() -> None:
    from data_bridge import serve

    with pytest.raises(ValueError, match="import string"):
        serve(object(), workers=2)
