"""Programs that start uvicorn in their own code, with data_bridge.uvicorn in its place: both print the same."""

from __future__ import annotations

import collections
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from server_process import Launch, Program, free_port

MODULES = ["uvicorn", "data_bridge.uvicorn"]

APPLICATION = """
import asyncio, contextvars, os, sys, threading, httpx
from fastapi import FastAPI, WebSocket
from contextlib import asynccontextmanager

@asynccontextmanager
async def lifespan(app):
    print("lifespan starts", flush=True)
    yield {"made": "here"}
    print("lifespan ends", flush=True)

setting = contextvars.ContextVar("setting", default="none")
app = FastAPI(lifespan=lifespan)

@app.get("/")
async def root():
    return {"answer": setting.get()}

@app.post("/echo")
async def echo(value: dict):
    return value

@app.get("/fails")
async def fails():
    raise ValueError("on purpose")

@app.get("/stream")
async def stream():
    from starlette.responses import StreamingResponse
    async def pieces():
        for number in range(3):
            await asyncio.sleep(0)
            yield str(number)
    return StreamingResponse(pieces())

def ask(port, path="/"):
    answer = httpx.get(f"http://127.0.0.1:{port}{path}")
    return answer.status_code, answer.text
"""

PROGRAMS = {
    "run and stop": """
import threading, time
config = uvicorn.Config(app, port=PORT, log_level="warning")
server = uvicorn.Server(config)
thread = threading.Thread(target=server.run)
thread.start()
while not server.started:
    time.sleep(0.01)
print(config.loaded, config.loaded_app is not None, server.lifespan.state, server.should_exit)
print(server.servers[0].sockets[0].getsockname()[1] == PORT)
print(ask(PORT), ask(PORT, "/stream"), ask(PORT, "/missing"), server.server_state.total_requests)
print(httpx.post(f"http://127.0.0.1:{PORT}/echo", json={"a": 1}).json())
server.should_exit = True
thread.join()
print("over", server.started)
""",
    "subclass": """
import threading
class Mine(uvicorn.Server):
    def install_signal_handlers(self):
        pass
    async def startup(self, sockets=None):
        print("before", self.config.port == PORT)
        await super().startup(sockets=sockets)
        print("after", self.started)
        threading.Thread(target=self.ask).start()
    def ask(self):
        print(ask(PORT))
        self.handle_exit(2, None)
    async def shutdown(self, sockets=None):
        print("shutdown", self.should_exit)
        await super().shutdown(sockets=sockets)
    def handle_exit(self, sig, frame):
        print("handle_exit", sig)
        self.should_exit = True
Mine(uvicorn.Config(app, port=PORT, log_level="critical")).run()
""",
    "beside other tasks": """
async def main():
    setting.set("of main")
    server = uvicorn.Server(uvicorn.Config(app, port=PORT, log_level="critical", lifespan="on"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{PORT}", headers={"Connection": "close"}) as client:
        for path in ("/", "/stream", "/fails", "/missing"):
            answer = await client.get(path)
            print(path, answer.status_code, answer.text)
        print((await client.post("/echo", json={"deep": [1, 2]})).text)
    server.should_exit = True
    await serving
    print("main goes on")
asyncio.run(main())
""",
    "beside other tasks of uvloop": """
import uvloop
async def main():
    setting.set("of main")
    server = uvicorn.Server(uvicorn.Config(app, port=PORT, log_level="critical"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{PORT}", headers={"Connection": "close"}) as client:
        answers = await asyncio.gather(*(client.post("/echo", json={"number": n}) for n in range(20)))
        print([answer.json()["number"] for answer in answers])
        print((await client.get("/")).text, (await client.get("/stream")).text)
    server.handle_exit(15, None)
    server._captured_signals.clear()
    await serving
uvloop.run(main())
""",
    "sockets": """
import socket, threading, time
config = uvicorn.Config(app, port=PORT, log_level="warning")
bound = config.bind_socket()
print(bound.getsockname()[1] == PORT)
server = uvicorn.Server(config)
thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
thread.start()
while not server.started:
    time.sleep(0.01)
print(ask(PORT))
server.should_exit = True
thread.join()
""",
    "limit": """
import threading, time
config = uvicorn.Config(app, port=PORT, log_level="warning", limit_max_requests=3)
server = uvicorn.Server(config)
thread = threading.Thread(target=server.run)
thread.start()
while not server.started:
    time.sleep(0.01)
answers = [ask(PORT) for _ in range(3)]
thread.join()  # which prints, too
print(answers, server.should_exit)
""",
    "headers": """
import threading, time
config = uvicorn.Config(app, port=PORT, log_level="warning", headers=[("X-One", "1"), ("Server", "mine")])
server = uvicorn.Server(config)
thread = threading.Thread(target=server.run)
thread.start()
while not server.started:
    time.sleep(0.01)
print([field for field in httpx.get(f"http://127.0.0.1:{PORT}/").headers.raw if field[0] != b"date"])
server.should_exit = True
thread.join()
""",
    "cannot start": """
import socket
with socket.socket() as taken:
    taken.bind(("127.0.0.1", PORT))
    taken.listen()
    try:
        uvicorn.run(app, port=PORT, log_level="critical")
    except SystemExit as end:
        print("status", end.code)
""",
    "needs a string": """
try:
    uvicorn.run(app, port=PORT, workers=2, log_level="critical")
except SystemExit as end:
    print("status", end.code)
""",
}


def printed(module: str, program: str, directory: Path) -> str:
    text = f"{APPLICATION}\nimport {module} as uvicorn\nPORT = {free_port()}\n{program}"
    (directory / "program.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=directory, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_prints_what_it_prints_under_uvicorn(name: str, tmp_path: Path) -> None:
    theirs, ours = (printed(module, PROGRAMS[name], tmp_path) for module in MODULES)
    assert ours == theirs
    assert "lifespan ends" in ours or name in {"needs a string"}


# --- run(), by signals, with workers and reload ---------------------------------------------------------

PROGRAM = """
import sys
from {module} import run
if __name__ == "__main__":
    run("served:app", port={port}, timeout_graceful_shutdown=5, **{options})
"""


def launch_run(launch: Launch, module: str, directory: Path, **options: object) -> Program:
    port = free_port()
    (directory / "served.py").write_text(APPLICATION + "\napp.get('/pid')(lambda: os.getpid())\n")
    file = directory / "starts.py"
    file.write_text(PROGRAM.format(module=module, port=port, options=options))
    return launch([sys.executable, str(file)], port)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_ends_by_a_signal_as_under_uvicorn(number: int, launch: Launch, tmp_path: Path) -> None:
    ends = []
    for module in MODULES:
        program = launch_run(launch, module, tmp_path)
        assert program.get().json() == {"answer": "none"}
        lines = program.end(number).replace(str(program.port), "PORT").splitlines()
        ends.append((program.process.returncode, [line for line in lines if "[" not in line and "GET" not in line]))
    assert ends[1] == ends[0]


def test_workers_of_run_serve_and_are_replaced(launch: Launch, tmp_path: Path) -> None:
    program = launch_run(launch, "data_bridge.uvicorn", tmp_path, workers=2)
    first = program.get("/pid").json()
    os.kill(first, signal.SIGKILL)
    pids = {program.get("/pid").json() for _ in range(20)}
    assert first not in pids
    program.wait_for_log("lifespan starts", 3)  # the replacement's, too
    assert program.end().count("lifespan ends") >= 2
    assert program.process.returncode == 0


def test_reload_of_run_serves_what_has_changed(launch: Launch, tmp_path: Path) -> None:
    pytest.importorskip("watchfiles")
    program = launch_run(launch, "data_bridge.uvicorn", tmp_path, reload=True)
    assert program.get().json() == {"answer": "none"}
    served = tmp_path / "served.py"
    served.write_text(served.read_text().replace('default="none"', 'default="changed"'))
    deadline = time.monotonic() + 60
    while program.get().json() != {"answer": "changed"}:
        assert time.monotonic() < deadline, program.log.read_text()
        time.sleep(0.05)
    assert "WatchFiles detected changes in 'served.py'. Reloading..." in program.end()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"ssl_keyfile": "k", "ssl_certfile": "c"}, "does not speak TLS"),
        ({"http2": True, "http": "zttp"}, "does not speak HTTP/2"),
        ({"interface": "wsgi"}, "a2wsgi"),
    ],
)
def test_what_cannot_be_done_is_refused(options: dict[str, object], reason: str) -> None:
    from data_bridge import uvicorn
    from data_bridge.uvicorn.config import NotSupported

    with pytest.raises(NotSupported, match=reason):
        uvicorn.run("nothing:app", log_config=None, **options)


EVENTS = """
import asyncio
from fastapi import FastAPI
from sse_starlette.sse import EventSourceResponse
app = FastAPI()
@app.get("/")
async def events():
    async def generate():
        while True:
            yield {"data": "x"}
            await asyncio.sleep(0.05)
    return EventSourceResponse(generate())
"""


@pytest.mark.parametrize(
    "way",
    ["-m data_bridge run", "-m data_bridge exec uvicorn", "-m data_bridge.uvicorn"],
    ids=["run", "exec", "module"],
)
def test_event_streams_end_at_sigterm(way: str, launch: Launch, tmp_path: Path) -> None:
    pytest.importorskip("sse_starlette")
    (tmp_path / "events.py").write_text(EVENTS)
    port = free_port()
    program = launch([sys.executable, *way.split(), "events:app", "--port", str(port)], port)
    assert program.get("/ready").status_code == 404
    with httpx.stream("GET", f"http://127.0.0.1:{port}/") as stream:
        pieces = stream.iter_raw()
        assert b"data: x" in next(pieces)
        program.process.send_signal(signal.SIGTERM)
        # The library cancels the stream, so that its body stays incomplete; otherwise it waits 30 seconds.
        with pytest.raises(httpx.RemoteProtocolError):
            collections.deque(pieces, maxlen=0)
    assert program.process.wait(60) == -signal.SIGTERM
