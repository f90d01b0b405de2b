"""Logging as people configure it for uvicorn: the same program under both, the same lines."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from server_process import ServerProcess, free_port

MODULES = ["uvicorn", "data_bridge.uvicorn"]

PROGRAM = """
import asyncio, contextvars, copy, json, logging, logging.config, sys, threading, time
import httpx, websockets.sync.client
from fastapi import FastAPI, WebSocket
from starlette.middleware.cors import CORSMiddleware
import {module} as uvicorn
logging.getLogger("httpx").propagate = False
from {module}.config import LOGGING_CONFIG

PORT = {port}
app = FastAPI()
request_id = contextvars.ContextVar("request_id", default="outside")

@app.get("/")
async def root():
    request_id.set("within")
    logging.getLogger("uvicorn.error").info("a line of the application")
    logging.getLogger("uvicorn").warning("another")
    return {{}}

@app.get("/items/{{name}}")
async def item(name: str):
    return name

@app.get("/fails")
async def fails():
    raise ValueError("on purpose")

@app.websocket("/ws")
async def ws(socket: WebSocket):
    await socket.accept()
    await socket.receive_text()

@app.websocket("/refused")
async def refused(socket: WebSocket):
    await socket.close()

options = dict(port=PORT)
{configure}
config = uvicorn.Config(app, **options)
server = uvicorn.Server(config)
thread = threading.Thread(target=server.run, daemon=True)
thread.start()
while not server.started:
    time.sleep(0.01)
url = f"http://127.0.0.1:{{PORT}}"
for path in ("/", "/items/a%20%7Eb?q=%20x", "/items/%E2%82%AC%ff", "/fails", "/missing"):
    httpx.get(url + path)
httpx.post(url + "/items/x", content=b"body")
httpx.get(url + "/", headers={{"X-Forwarded-For": "203.0.113.7, 10.0.0.1"}})
httpx.get(url + "/missing", headers={{"X-Forwarded-For": "203.0.113.8"}})
with websockets.sync.client.connect(f"ws://127.0.0.1:{{PORT}}/ws") as socket:
    socket.send("bye")
    time.sleep(0.3)
try:
    websockets.sync.client.connect(f"ws://127.0.0.1:{{PORT}}/refused")
except websockets.exceptions.InvalidStatus:
    pass
time.sleep(0.2)
server.should_exit = True
thread.join()
logging.shutdown()
"""

CONFIGURATIONS = {
    "nothing": "",
    "level warning": 'options["log_level"] = "warning"',
    "no access log": 'options["access_log"] = False',
    "colours": 'options["use_colors"] = True; options["log_config"] = copy.deepcopy(LOGGING_CONFIG)',
    "own format": """
options["log_config"] = config = copy.deepcopy(LOGGING_CONFIG)
config["formatters"]["access"]["fmt"] = "%(client_addr)s | %(request_line)s | %(status_code)s"
config["formatters"]["default"]["fmt"] = "%(name)s %(levelprefix)s %(message)s"
""",
    "filter": """
class NotHealth(logging.Filter):
    def filter(self, record):
        return len(record.args) == 5 and record.args[2] != "/missing" and isinstance(record.args[4], int)
logging.getLogger("uvicorn.access").addFilter(NotHealth())
""",
    "json": """
class Json(logging.Formatter):
    def format(self, record):
        return json.dumps([record.name, record.levelname, record.getMessage(), [str(a) for a in record.args or ()]])
options["log_config"] = {
    "version": 1, "disable_existing_loggers": False,
    "formatters": {"json": {"()": Json}},
    "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"}},
    "root": {"handlers": ["out"], "level": "INFO"},
}
""",
    "interception": """
class Intercept(logging.Handler):
    def emit(self, record):
        print("seen", record.name, record.levelname, record.getMessage(), request_id.get(), flush=True)
logging.basicConfig(handlers=[Intercept()], level=logging.INFO)
for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
    logging.getLogger(name).handlers = []
    logging.getLogger(name).propagate = True
options["log_config"] = None
""",
}


def lines(module: str, configure: str, directory: Path) -> list[str]:
    file = directory / "program.py"
    port = free_port()
    file.write_text(PROGRAM.format(module=module, port=port, configure=configure))
    done = subprocess.run(
        [sys.executable, str(file)], capture_output=True, text=True, timeout=120, check=True, cwd=directory
    )
    text = (done.stdout + done.stderr).replace(str(port), "PORT")
    text = re.sub(r"(127\.0\.0\.1):\d+", r"\1:CLIENT", text)
    text = re.sub(r"(process )\[(\x1b\[36m)?\d+|\"\d{3,7}\"", r"\1[\2PID", text)
    # A traceback has a server's own frames.
    kept, within = [], False
    for line in text.splitlines():
        if line.startswith(("Traceback", "  +", "  | ")):
            within = True
        if not within:
            kept.append(line)
        if line.startswith("ValueError"):
            within = False
    return sorted(kept)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_lines_are_uvicorns(name: str, tmp_path: Path) -> None:
    theirs, ours = (lines(module, CONFIGURATIONS[name], tmp_path) for module in MODULES)
    assert ours == theirs


RESOURCE = """
from pydantic import BaseModel
from data_bridge import App

app = App(store="sqlite://")

@app.crud
class Item(BaseModel):
    name: str
"""

JSON_LINES = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(name)s|%(message)s"}},
    "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stdout"}},
    "root": {"handlers": ["out"], "level": "INFO"},
}


@pytest.mark.parametrize("configured", [False, True], ids=["forwarded", "configured"])
@pytest.mark.parametrize("io_threads", ["0", "1"])
def test_answers_without_python_have_their_lines(tmp_path: Path, configured: bool, io_threads: str) -> None:
    (tmp_path / "resource.py").write_text(RESOURCE)
    (tmp_path / "log.json").write_text(json.dumps(JSON_LINES))
    options = ("--io-threads", io_threads, *(("--log-config", "log.json") if configured else ()))
    server = ServerProcess("resource:app", tmp_path, options, search=tmp_path)
    try:
        server.wait_until_it_answers()
        headers = {"X-Forwarded-For": "203.0.113.7"}
        with httpx.Client(base_url=server.url, headers=headers) as client:
            assert client.post("/items", json={"name": "a"}).status_code == 201
            assert client.get("/items?name=%20é").status_code == 200
            assert client.get("/items/1").status_code == 200
            assert client.get("/items/2").status_code == 404
        # What the field says is a name here; it may be any bytes.
        with httpx.Client(base_url=server.url, headers={"X-Forwarded-For": "\u00ff".encode("latin-1")}) as client:
            assert client.get("/items").status_code == 200
        server.wait_for_log("/items HTTP/1.1")
        assert server.stop() == 0
        begin = "uvicorn.access|" if configured else "INFO:     "
        for line in (
            '203.0.113.7:0 - "GET /items?name=%20%C3%A9 HTTP/1.1" 200',
            '203.0.113.7:0 - "GET /items/1 HTTP/1.1" 200',
            '203.0.113.7:0 - "GET /items/2 HTTP/1.1" 404',
            '\u00ff:0 - "GET /items HTTP/1.1" 200',
        ):
            assert server.log.count(begin + line) == 1
        assert "Traceback" not in server.log
    finally:
        server.kill_group()


PRINTING = """
import sys
import time
from fastapi import FastAPI, Request
from pydantic import BaseModel
from starlette.responses import PlainTextResponse

app = FastAPI()

@app.get("/quiet/{number}")
async def quiet(number: int):
    return number

@app.get("/says/{number}")
async def says(number: int):
    print("handler", number)
    return number

@app.get("/sync/{number}")
def sync(number: int):
    sys.stdout.write(f"sync {number}\\n")
    return number

async def bridged(scope, receive, send):
    print("bridged", scope["path"])
    await PlainTextResponse("x")(scope, receive, send)

app.mount("/bridged", bridged)
print("imported")
"""


def printed(server: str, directory: Path, *options: str) -> list[str]:
    """What a server writes to a file as its standard output, the addresses of clients aside."""
    (directory / "printing.py").write_text(PRINTING)
    port = free_port()
    command = [sys.executable, "-m", *server.split(), "printing:app", "--port", str(port), *options]
    with (directory / "output").open("wb") as output, (directory / "errors").open("wb") as errors:
        process = subprocess.Popen(command, cwd=directory, stdout=output, stderr=errors)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=httpx.HTTPTransport(retries=5)) as client:
            deadline = time.monotonic() + 60
            while "Application startup complete" not in (directory / "errors").read_text():
                assert time.monotonic() < deadline
                time.sleep(0.05)
            for path in (
                "/quiet/1",
                "/quiet/2",
                "/says/3",
                "/quiet/4",
                "/sync/5",
                "/missing",
                "/bridged/6",
                "/quiet/7",
            ):
                client.get(path)
            # A line is written with what was printed before it, and not when the process ends.
            while "/quiet/7" not in (directory / "output").read_text():
                assert time.monotonic() < deadline
                time.sleep(0.02)
        assert "bridged" in (directory / "output").read_text()
    finally:
        process.terminate()
        process.wait(60)
    return re.sub(r"127\.0\.0\.1:\d+", "CLIENT", (directory / "output").read_text()).splitlines()


@pytest.mark.parametrize("options", [(), ("--io-threads", "2")], ids=["inline", "I/O threads"])
def test_what_is_printed_keeps_its_place_among_the_lines(tmp_path: Path, options: tuple[str, ...]) -> None:
    theirs = printed("uvicorn", tmp_path)
    assert printed("data_bridge run", tmp_path, *options) == theirs
