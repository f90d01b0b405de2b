"""Running a server on one core and wrk on another, and what one run showed."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Row:
    """One request that is measured."""

    name: str
    path: str
    method: str = "GET"
    body: str | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def wrk_script(self, directory: Path) -> Path | None:
        """A Lua script for what wrk's command line cannot say."""
        if self.body is None and not self.headers:
            return None
        script = directory / f"{self.name.replace(' ', '_').replace('/', '_')}.lua"
        lines = [f'wrk.method = "{self.method}"']
        if self.body is not None:
            lines += [f"wrk.body = {json.dumps(self.body)}", 'wrk.headers["Content-Type"] = "application/json"']
        lines += [f'wrk.headers["{name}"] = "{value}"' for name, value in self.headers.items()]
        script.write_text("\n".join(lines), encoding="utf-8")
        return script


@dataclass(frozen=True)
class Result:
    """One run of wrk against one server."""

    requests_per_second: float
    cpu_microseconds: float  # of the server, with its threads and children, for one request
    p99_milliseconds: float


def descendants(pid: int) -> list[int]:
    """`pid` and all processes below it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, its threads and its children so far (proc(5), fields 14 and 15 of stat)."""
    ticks = 0
    for process in descendants(pid):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A server process pinned to one core."""

    def __init__(self, name: str, command: list[str], core: int, directory: Path) -> None:
        """`command`: arguments of Python, behind which the port is named; or those of a program, with ``{port}``."""
        self.name = name
        self.port = free_port()
        self.log = directory / f"{name}.log"
        own = [part.format(port=self.port) for part in command]
        if own == command:
            own = [sys.executable, *command, "--port", str(self.port)]
        self.process = subprocess.Popen(
            ["taskset", "-c", str(core), *own],
            cwd=Path(__file__).parent,
            env={**os.environ, "BENCH_DIRECTORY": str(directory)},
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
        )

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def wait(self) -> None:
        """Until it answers; RuntimeError with its log after 30 seconds."""
        for _ in range(300):
            if self.process.poll() is not None:
                break
            try:
                httpx.get(self.url + "/", timeout=5)
            except httpx.TransportError:
                time.sleep(0.1)
            else:
                return
        raise RuntimeError(f"{self.name} does not answer:\n{self.log.read_text(errors='replace')[-3000:]}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()


def run_wrk(server: Server, row: Row, core: int, seconds: float, connections: int, directory: Path) -> Result:
    """One run; RuntimeError where any answer was not a success, or where a refusal is measured was none."""
    command = [
        "taskset",
        "-c",
        str(core),
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds:g}s",
        "--latency",
        "--timeout",
        "10s",
    ]
    script = row.wrk_script(directory)
    if script is not None:
        command += ["-s", str(script)]
    before = cpu_seconds(server.process.pid)
    output = subprocess.run([*command, server.url + row.path], capture_output=True, text=True, check=True).stdout
    cpu = cpu_seconds(server.process.pid) - before

    requests = int(find(r"(\d+) requests in", output))
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    if int(refused[1] if refused else 0) != (requests if row.status >= 400 else 0) or "Socket errors" in output:
        raise RuntimeError(f"{server.name}, {row.name}: not every answer was a {row.status}:\n{output}")
    unit = {"us": 1e-3, "ms": 1.0, "s": 1e3}
    latency = re.search(r"99%\s+([\d.]+)(us|ms|s)", output)
    if latency is None or requests == 0:
        raise RuntimeError(f"{server.name}, {row.name}: wrk said\n{output}")
    return Result(
        requests_per_second=float(find(r"Requests/sec:\s+([\d.]+)", output)),
        cpu_microseconds=cpu / requests * 1e6,
        p99_milliseconds=float(latency[1]) * unit[latency[2]],
    )


def find(pattern: str, text: str) -> str:
    """The group of `pattern` in what wrk printed."""
    match = re.search(pattern, text)
    if match is None:
        raise RuntimeError(f"wrk did not print {pattern!r}:\n{text}")
    return match[1]
