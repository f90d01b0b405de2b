"""data_bridge in gunicorn's processes, and data_bridge.serve() with processes of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from server_process import free_port

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


def run(command: list[str], directory: Path, port: int, *, signals: int = signal.SIGTERM) -> tuple[int, str, set[int]]:
    (directory / "served.py").write_text(APPLICATION)
    log = directory / "log"
    process = subprocess.Popen(command, cwd=directory, stdout=log.open("wb"), stderr=subprocess.STDOUT, process_group=0)
    try:
        pids: set[int] = set()
        deadline = time.monotonic() + 60
        while len(pids) < 2:
            assert time.monotonic() < deadline, log.read_text()
            assert process.poll() is None, log.read_text()
            try:
                pids.add(httpx.get(f"http://127.0.0.1:{port}/").json())
            except httpx.TransportError:
                time.sleep(0.05)
        process.send_signal(signals)
        return process.wait(60), log.read_text(), pids
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_workers_of_gunicorn(tmp_path: Path) -> None:
    pytest.importorskip("gunicorn")
    port = free_port()
    options = ["-k", "data_bridge.gunicorn.Worker", "-w", "2", "-b", f"127.0.0.1:{port}", "--access-logfile", "-"]
    status, log, pids = run([sys.executable, "-m", "gunicorn", *options, "served:app"], tmp_path, port)
    assert status == 0
    assert log.count("lifespan ends") == 2
    assert '"GET / HTTP/1.1" 200' in log
    assert all(f"Started server process [{pid}]" in log for pid in pids)


def test_workers_of_serve(tmp_path: Path) -> None:
    port = free_port()
    program = tmp_path / "program.py"
    program.write_text(
        f"from data_bridge import serve\nif __name__ == '__main__':\n    serve('served:app', port={port}, workers=2)\n"
    )
    status, log, _ = run([sys.executable, str(program)], tmp_path, port)
    assert status == 0, log
    assert log.count("lifespan ends") == 2


def test_processes_of_serve_need_an_import_string() -> None:
    from data_bridge import serve

    with pytest.raises(ValueError, match="import string"):
        serve(object(), workers=2)
