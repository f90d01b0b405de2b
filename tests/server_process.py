"""A server in a process of its own, seen from outside: its port, its memory, its descriptors."""

from __future__ import annotations

import collections
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

#: This process has a sanitizer's runtime, and so have its children (scripts/sanitized_tests.sh).
SANITIZED = any(name in os.environ.get("LD_PRELOAD", "") for name in ("asan", "tsan"))


#: The ports that were given last are nobody else's, in whatever process: each has a name in Linux's abstract namespace,
#: which goes with its socket.
_given: collections.deque[socket.socket] = collections.deque(maxlen=32)


def free_port() -> int:
    """A port of the loopback that nobody listens on.

    None of those that Linux gives to who asks for any: between this and the start of the server that is to listen on
    it, a connection would get it, or another test's server.
    """
    while True:
        port = random.SystemRandom().randrange(12_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            name = socket.socket(socket.AF_UNIX)
            try:
                name.bind(f"\0data_bridge.tests.{port}")
            except OSError:
                name.close()
                raise
            _given.append(name)
            return port


class Program:
    """A command that serves on `port` of the loopback, in a group of processes of its own; `log` has its output."""

    def __init__(self, command: list[str], directory: Path, port: int, **environment: str) -> None:
        self.port = port
        self.log = directory / f"{port}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=directory,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
                env={**os.environ, **environment},
            )

    def get(self, path: str = "/") -> httpx.Response:
        """The answer, once there is one."""
        deadline = time.monotonic() + 60
        while True:
            try:
                return httpx.get(f"http://127.0.0.1:{self.port}{path}")
            except httpx.TransportError:
                assert time.monotonic() < deadline, self.log.read_text()
                assert self.process.poll() is None, self.log.read_text()
                time.sleep(0.05)

    def wait_for_log(self, text: str, times: int = 1) -> None:
        """Return when `text` has been said so often."""
        deadline = time.monotonic() + 60
        while self.log.read_text().count(text) < times:
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def end(self, number: int = signal.SIGTERM) -> str:
        """Send the signal and wait; what was said."""
        self.process.send_signal(number)
        self.process.wait(60)
        return self.log.read_text()

    def kill_group(self) -> None:
        """SIGKILL to whatever is left."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


Launch = Callable[..., Program]


class ServerProcess:
    """`data-bridge run APPLICATION` on a free port of the loopback."""

    def __init__(
        self,
        application: str,
        directory: Path,
        arguments: tuple[str, ...] = (),
        *,
        search: Path,
        environment: Mapping[str, str] | None = None,
        descriptors: tuple[int, ...] = (),
    ) -> None:
        self.port = free_port()
        self.log_file = directory / f"server-{self.port}.log"
        # DATA_BRIDGE_COMMAND replaces the interpreter: the soak test runs one with a sanitizer loaded.
        command = os.environ.get("DATA_BRIDGE_COMMAND", sys.executable).split()
        # Of an option that is given twice, the last counts (tests/conftest.py, --io-threads).
        threads = os.environ.get("DATA_BRIDGE_TEST_IO_THREADS")
        layout = ("--io-threads", threads) if threads else ()
        self.process = subprocess.Popen(
            [
                *command,
                *("-m", "data_bridge", "run", application, "--port", str(self.port)),
                *("--timeout-graceful-shutdown", "5"),  # a test that failed may still hold its connections
                *arguments,
                *layout,
            ],
            cwd=directory,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(search), os.environ.get("PYTHONPATH", "")]),
                **(environment or {}),
            },
            stdout=self.log_file.open("wb"),
            stderr=subprocess.STDOUT,
            pass_fds=descriptors,
            # A group of its own, as a terminal gives one to each command: signals for all of it hit nobody else.
            process_group=0,
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def connect(self, timeout: float = 60) -> socket.socket:
        """A fresh connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def wait_until_it_answers(self, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                with self.connect(5) as client:
                    client.sendall(b"GET / HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n")
                    if client.recv(12).startswith(b"HTTP/1.1 "):
                        return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"the server does not answer; it said:\n{self.log}")

    def wait_for_log(self, text: str, times: int = 1, seconds: float = 60) -> None:
        """Return when `text` was logged, `times` times."""
        deadline = time.monotonic() + seconds
        while self.log.count(text) < times:
            if time.monotonic() > deadline:
                raise AssertionError(f"{text!r} is not in the log {times} times:\n{self.log}")
            time.sleep(0.02)

    def wait_for_end(self, seconds: float = 60) -> int:
        """The exit status; what is left of the group is killed where it does not end."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill_group()
            raise AssertionError(f"the server does not end; it said:\n{self.log}") from None

    def kill_group(self) -> None:
        """SIGKILL to the command and all of its workers."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait(10)

    def resident_bytes(self) -> int:
        """What the process occupies of memory (proc(5), the second field of statm)."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def open_descriptors(self) -> int:
        """All but those of the store: an I/O thread opens its own with the first request that it happens to get."""
        targets = []
        for entry in Path(f"/proc/{self.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                targets.append(os.readlink(entry))
        return sum(".db" not in target for target in targets)

    def kill(self) -> None:
        """SIGKILL: nothing gets a chance to be saved."""
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        """SIGINT, which leaves the status 0, and the exit status; SIGKILL after 20 seconds."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"the server did not end after SIGINT; it said:\n{self.log}") from None
        return self.process.returncode


ServeApp = Callable[..., ServerProcess]
