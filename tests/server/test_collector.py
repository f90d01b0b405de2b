"""The garbage collector of a server's process."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import httpx
import pytest
from server_process import Launch, ServerProcess, free_port

HERE = Path(__file__).parent


def serve(directory: Path, threshold: str = "") -> ServerProcess:
    server = ServerProcess(
        "collector_app:app", directory, search=HERE, environment={"COLLECTOR_APP": threshold} if threshold else {}
    )
    server.wait_until_it_answers()
    return server


def test_what_there_is_at_the_start_is_looked_at_once(tmp_path: Path) -> None:
    server = serve(tmp_path)
    try:
        found = httpx.get(server.url + "/collector").json()
        assert found["thresholds"][0] == 20_000
        assert found["frozen"] > 10_000
        assert found["alive"] == 1
        assert "made before the start" in server.log
        assert "kept until the end" not in server.log
    finally:
        server.stop()
    assert "kept until the end" in server.log


def test_garbage_of_requests_is_found(tmp_path: Path) -> None:
    server = serve(tmp_path)
    try:
        for _ in range(20):
            httpx.get(server.url + "/garbage?count=5000")
        assert httpx.get(server.url + "/collector").json()["alive"] <= 40_000
    finally:
        server.stop()


#: Ways in which a process is a server's, and one in which it is somebody else's.
WAYS = {
    "serve": "import data_bridge; data_bridge.serve(app, port=PORT)",
    "run": "import data_bridge.uvicorn as uvicorn; uvicorn.run(app, port=PORT)",
    "thread": (
        "import data_bridge.uvicorn as uvicorn, threading\n"
        "server = uvicorn.Server(uvicorn.Config(app, port=PORT))\n"
        "threading.Thread(target=server.run).start()\n"
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_main_thread_of_a_program_that_serves(way: str, tmp_path: Path, launch: Launch) -> None:
    port = free_port()
    head = f"import sys; sys.path.insert(0, {str(HERE)!r}); from collector_app import app; PORT = {port}"
    (tmp_path / "program.py").write_text(f"{head}\n{WAYS[way]}\n")
    program = launch([sys.executable, "program.py"], port)
    found = program.get("/collector").json()
    assert (found["thresholds"][0] == 20_000) == (found["frozen"] > 10_000) == (way != "thread")
    assert way == "thread" or "kept until the end" in program.end(signal.SIGINT)


def test_an_application_that_has_set_its_collector_keeps_it(tmp_path: Path) -> None:
    server = serve(tmp_path, "1234")
    try:
        found = httpx.get(server.url + "/collector").json()
        assert found["thresholds"][0] == 1234
        assert found["frozen"] == 0
    finally:
        server.stop()
