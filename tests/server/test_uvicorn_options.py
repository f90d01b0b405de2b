"""uvicorn's options by uvicorn's names, on the command line and in the environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from process_client import Start
from server_process import ServeApp, ServerProcess, free_port

HERE = Path(__file__).parent
APPLICATION = """
import os
from fastapi import FastAPI, Request, WebSocket
app = FastAPI()
@app.get("/")
async def root(request: Request):
    return {"client": request.client.host, "scheme": request.url.scheme, "secret": os.environ.get("SECRET")}
"""


def command(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "data_bridge", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )


def test_fields_of_every_answer(start: Start) -> None:
    server = start("", "--header", "X-One: 1", "--header", "Server:mine", "--no-date-header")
    for path in ("/", "/missing"):
        raw = [field for field in httpx.get(server.url + path).headers.raw if field[0] in {b"x-one", b"server"}]
        assert raw == [(b"x-one", b"1"), (b"server", b"mine")]
    assert server.stop() == 0


@pytest.mark.parametrize("io_threads", ["0", "1"])
def test_more_connections_than_the_limit_get_503(start: Start, io_threads: str) -> None:
    server = start("", "--limit-concurrency", "2", "--io-threads", io_threads)
    with httpx.Client() as first:
        assert first.get(server.url).status_code == 404
        refused = httpx.get(server.url)
        assert (refused.status_code, refused.text) == (503, "Service Unavailable")
        assert refused.headers["connection"] == "close"
    server.wait_for_log("Exceeded concurrency limit.")
    assert server.stop() == 0


def test_the_process_ends_behind_so_many_requests(start: Start) -> None:
    server = start("", "--limit-max-requests", "3")  # the first was the fixture's
    assert [httpx.get(server.url).status_code for _ in range(2)] == [404, 404]
    assert server.wait_for_end() == 0
    assert "Maximum request limit of 3 exceeded. Terminating process." in server.log


@pytest.mark.parametrize(
    ("arguments", "client"),
    [((), "203.0.113.7"), (("--no-proxy-headers",), "127.0.0.1"), (("--forwarded-allow-ips", "10.0.0.1"), "127.0.0.1")],
)
def test_proxies_are_believed_or_not(serve: ServeApp, tmp_path: Path, arguments: tuple[str, ...], client: str) -> None:
    (tmp_path / "proxied.py").write_text(APPLICATION)
    server = serve("proxied:app", *arguments, search=tmp_path)
    server.wait_until_it_answers()
    answer = httpx.get(server.url, headers={"X-Forwarded-For": "203.0.113.7"})
    assert answer.json()["client"] == client
    server.wait_for_log(f"{client}:{0 if client != '127.0.0.1' else ''}")


@pytest.mark.parametrize("kind", ["json", "yaml", "ini"])
def test_a_file_configures_logging(start: Start, tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"log.{kind}"
    config = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"own": {"format": "own %(name)s %(message)s"}},
        "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "own"}},
        "root": {"handlers": ["out"], "level": "INFO"},
    }
    if kind == "ini":
        file.write_text(
            "[loggers]\nkeys=root\n[handlers]\nkeys=out\n[formatters]\nkeys=own\n[logger_root]\nlevel=INFO\nhandlers=out\n"
            "[handler_out]\nclass=StreamHandler\nformatter=own\nargs=(sys.stderr,)\n"
            "[formatter_own]\nformat=own %(name)s %(message)s\n"
        )
    else:
        if kind == "yaml":
            pytest.importorskip("yaml")
        file.write_text(json.dumps(config))  # which is YAML, too
    server = start("", "--log-config", str(file))
    server.wait_for_log("own uvicorn.access 127.0.0.1:")
    assert "own uvicorn.error" in server.log
    assert server.stop() == 0


def test_the_environment_says_options(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(APPLICATION)
    done = command("run", cwd=tmp_path, DATA_BRIDGE_PORT="70000")
    assert done.returncode == 2
    assert "port must be from 0 to 65535, not 70000" in done.stderr
    done = command("run", "--port", "-5", cwd=tmp_path, DATA_BRIDGE_PORT="70000")
    assert "not -5" in done.stderr
    done = command("run", cwd=tmp_path, WEB_CONCURRENCY="0")
    assert "workers must be at least 1" in done.stderr
    done = command("run", cwd=tmp_path, DATA_BRIDGE_LIFESPAN="maybe")
    assert "'maybe' is none of auto, on, off" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--ssl-keyfile", "k"), "does not speak TLS"),
        (("--http2",), "does not speak HTTP/2"),
        (("--reset-contextvars",), "context of its own"),
        (("--header", "none"), "is no NAME:VALUE"),
        (("--header", "a b:c"), "is no field"),
    ],
)
def test_what_is_refused_has_a_reason(tmp_path: Path, arguments: tuple[str, ...], reason: str) -> None:
    done = command("run", "main:app", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert reason in done.stderr


class Command(ServerProcess):
    """`data-bridge ...` with any arguments, in a directory of its own."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.port = free_port()
        self.log_file = directory / f"server-{self.port}.log"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "data_bridge", *arguments, "--port", str(self.port)],
            cwd=directory,
            stdout=self.log_file.open("wb"),
            stderr=subprocess.STDOUT,
            process_group=0,
        )


@pytest.mark.parametrize(
    ("file", "arguments"),
    [
        ("main.py", ()),
        ("app/main.py", ()),
        ("other.py", ("other.py",)),
        ("package/inner/served.py", ("package/inner/served.py",)),
    ],
)
def test_an_application_is_found(tmp_path: Path, file: str, arguments: tuple[str, ...]) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    if file.startswith("package"):
        (tmp_path / "package/__init__.py").touch()
        (tmp_path / "package/inner/__init__.py").touch()
    path.write_text(APPLICATION.replace("app =", "service =").replace("@app", "@service"))
    server = Command(tmp_path, "run", *arguments)
    try:
        server.wait_until_it_answers()
        assert httpx.get(server.url).status_code == 200
    finally:
        server.kill_group()


def test_dev_reloads_and_env_files_count(tmp_path: Path) -> None:
    pytest.importorskip("watchfiles")
    pytest.importorskip("dotenv")
    (tmp_path / "main.py").write_text(APPLICATION)
    (tmp_path / "own.env").write_text("SECRET=first\n")
    server = Command(tmp_path, "dev", "main.py", "--env-file", "own.env")
    try:
        server.wait_until_it_answers()
        assert httpx.get(server.url).json()["secret"] == "first"
        (tmp_path / "main.py").write_text(APPLICATION.replace('os.environ.get("SECRET")', '"second"'))
        deadline = time.monotonic() + 60
        while httpx.get(server.url).json()["secret"] != "second":
            assert time.monotonic() < deadline, server.log
            time.sleep(0.05)
        assert "WatchFiles detected changes in 'main.py'. Reloading..." in server.log
        assert server.stop() == 0
    finally:
        server.kill_group()
