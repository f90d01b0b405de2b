"""Programs that a test starts: found or skipped, run without privileges, waited for, ended."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

# Where Debian puts programs that are not for everybody's PATH, the newest version first.
SERVER_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def find_program(name: str, package: str) -> Path:
    """The path of a program; skips the test where its Debian package is not installed."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *map(str, SERVER_FOLDERS)]))
    if found is None:
        pytest.skip(f"there is no {name}: install Debian's {package}")
    return Path(found)


def unprivileged_user() -> str | None:
    """Whom servers run as that refuse root; None where we are not root ourselves."""
    return "nobody" if os.geteuid() == 0 else None


@contextmanager
def private_folder(name: str) -> Iterator[Path]:
    """A short-named temporary folder that belongs to the unprivileged user; a Unix socket's path has 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir="/tmp"))
    try:
        own(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def own(path: Path) -> None:
    """Give `path` to the unprivileged user."""
    user = unprivileged_user()
    if user is not None:
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def run_once(command: Sequence[str | Path], folder: Path) -> None:
    """Run a program of the set-up to its end, as the unprivileged user."""
    done = subprocess.run(
        command, cwd=folder, user=unprivileged_user(), extra_groups=no_groups(), capture_output=True, timeout=60
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")


def no_groups() -> list[int] | None:
    return [] if os.geteuid() == 0 else None


class Program:
    """A program that serves until it is stopped."""

    def __init__(
        self,
        command: Sequence[str | Path],
        folder: Path,
        *,
        unprivileged: bool = False,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.log_file = folder / f"{Path(str(command[0])).name}-{time.monotonic_ns()}.log"
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            user=unprivileged_user() if unprivileged else None,
            extra_groups=no_groups() if unprivileged else None,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=self.log_file.open("wb"),
            stderr=subprocess.STDOUT,
        )

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def wait_until(self, ready: Callable[[], bool], seconds: float = 60) -> None:
        """Poll `ready` (OSError means: not yet) until it says yes."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if ready():
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise AssertionError(f"{self.process.args!r} is not ready; it said:\n{self.log}")

    def stop(self, sig: signal.Signals = signal.SIGTERM, seconds: float = 20) -> int:
        """Send a signal and return the exit status; SIGKILL and an error where it does not end in time."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
                raise AssertionError(f"no end after {sig.name}; it said:\n{self.log}") from None
        return self.process.returncode


def python_program(script: Path, *arguments: str) -> list[str | Path]:
    """The command for a Python script under this interpreter."""
    return [sys.executable, script, *arguments]
