"""`data-bridge exec` and DATA_BRIDGE_UVICORN: programs that start uvicorn, unmodified."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from server_process import Launch, free_port

COMMAND = [sys.executable, "-m", "data_bridge", "exec"]

APPLICATION = """
import os, sys
from fastapi import FastAPI
app = FastAPI()
app.get("/")(lambda: {"pid": os.getpid(), "main": sys.modules["__main__"].__name__, "arguments": sys.argv[1:]})
"""

PROGRAM = """
import sys
import uvicorn
from uvicorn.config import LOGGING_CONFIG
from uvicorn.logging import DefaultFormatter
from uvicorn.supervisors import Multiprocess
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.utils import ClientDisconnected
from served import app

class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets=sockets)
        print("subclass starts", self.started, flush=True)

if __name__ == "__main__":
    if len(sys.argv) > 1:
        uvicorn.run("served:app", port=PORT, workers=int(sys.argv[1]))
    else:
        Server(uvicorn.Config(app, port=PORT)).run()
"""

NO_UVICORN = """
import sys, importlib.machinery
find = importlib.machinery.PathFinder.find_spec
def hidden(name, path=None, target=None):
    return None if name == "uvicorn" or name.startswith("uvicorn.") else find(name, path, target)
importlib.machinery.PathFinder.find_spec = hidden
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "served.py").write_text(APPLICATION)
    return tmp_path


def write_program(directory: Path, head: str = "") -> int:
    port = free_port()
    (directory / "program.py").write_text(f"{head}\nPORT = {port}\n{PROGRAM}")
    return port


@pytest.mark.parametrize("way", ["file", "module", "interpreter", "script", "variable"])
@pytest.mark.parametrize("head", ["", NO_UVICORN], ids=["uvicorn", "without uvicorn"])
def test_a_program_is_served_by_data_bridge(way: str, head: str, directory: Path, launch: Launch) -> None:
    port = write_program(directory, head)
    script = directory / "start"
    script.write_text(f"#!/bin/sh\nexec {sys.executable} program.py\n")
    script.chmod(0o755)
    command = {
        "file": [*COMMAND, "program.py"],
        "module": [*COMMAND, "-m", "program"],
        "interpreter": [*COMMAND, sys.executable, "program.py"],
        "script": [*COMMAND, str(script)],
        "variable": [sys.executable, "program.py"],
    }[way]
    environment = {"DATA_BRIDGE_UVICORN": "1"} if way == "variable" else {}
    program = launch(command, port, **environment)
    answer = program.get()
    assert answer.headers["server"] == "data_bridge"
    assert answer.json()["main"] == "__main__"
    log = program.end()
    assert program.process.returncode == -signal.SIGTERM, log
    assert "subclass starts True" in log
    assert f"INFO:     Uvicorn running on http://127.0.0.1:{port} (Press CTRL+C to quit)" in log
    assert '"GET / HTTP/1.1" 200 OK' in log
    assert log.count("Finished server process") == 1


@pytest.mark.parametrize("head", ["", NO_UVICORN], ids=["uvicorn", "without uvicorn"])
def test_its_workers_are_data_bridge_too(head: str, directory: Path, launch: Launch) -> None:
    port = write_program(directory, head)
    program = launch([*COMMAND, "program.py", "2"], port)
    answer = program.get()
    assert answer.headers["server"] == "data_bridge"
    assert answer.json()["pid"] != program.process.pid
    program.end()


def test_what_uvicorn_has_no_option_for_is_said_by_the_environment(directory: Path, launch: Launch) -> None:
    port = write_program(directory)
    limits = {"DATA_BRIDGE_IO_THREADS": "2", "DATA_BRIDGE_MAX_TARGET_SIZE": "100"}
    program = launch([*COMMAND, "program.py"], port, **limits)
    assert program.get().status_code == 200
    assert httpx.get(f"http://127.0.0.1:{port}/?" + "x" * 200).status_code == 414
    threads = [each.read_text().strip() for each in Path(f"/proc/{program.process.pid}/task").glob("*/comm")]
    assert sum("io" in name.split("-") for name in threads) == 2, threads
    program.end()
    wrong = launch([*COMMAND, "program.py"], port, DATA_BRIDGE_IO_THREADS="two")
    wrong.wait_for_log("$DATA_BRIDGE_IO_THREADS: invalid literal for int()")
    assert wrong.process.wait(60) != 0


def test_uvicorns_own_command(directory: Path, launch: Launch) -> None:
    port = free_port()
    command = [*COMMAND, "uvicorn", "served:app", "--port", str(port), "--root-path", "/x"]
    program = launch(command, port, UVICORN_HEADERS="X-Own:1")
    assert program.get().headers["server"] == "data_bridge"
    program.end()


def test_what_data_bridge_cannot_do_is_left_to_uvicorn(directory: Path, launch: Launch) -> None:
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(directory / "both.pem"))
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    port = free_port()
    command = [*COMMAND, "uvicorn", "served:app", "--port", str(port), "--ssl-certfile", "both.pem"]
    program = launch(command, port)
    program.wait_for_log("Uvicorn running")
    import ssl

    context = ssl.create_default_context(cafile=str(directory / "ca.pem"))
    assert httpx.get(f"https://127.0.0.1:{port}/", verify=context).headers["server"] == "uvicorn"
    assert "TLS: served by uvicorn itself, not by data_bridge." in program.end()


def test_what_is_no_program_is_said() -> None:
    done = subprocess.run([*COMMAND, "no-such-program"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert "no-such-program" in done.stderr
