"""``data-bridge exec``: a program in this interpreter, with data_bridge in uvicorn's place."""

from __future__ import annotations

import os
import runpy
import shutil
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from . import replacement
from .importer import ImportFailed


def execute(program: str, arguments: list[str], *, as_module: bool = False) -> int:
    """Run a file of Python, a module, or a command of this environment; its exit status where it returns one.

    Any other program (an interpreter, a script of the shell) replaces this process.

    Processes that it starts with this environment's Python have data_bridge in uvicorn's place, too.
    """
    os.environ[replacement.VARIABLE] = "1"
    replacement.install()
    sys.argv = [program, *arguments]
    if as_module:
        sys.path.insert(0, os.getcwd())
        runpy.run_module(program, run_name="__main__", alter_sys=True)
        return 0
    path = Path(program)
    if path.is_file() and (os.sep in program or path.suffix == ".py"):
        return os.execv(path, [program, *arguments]) if _is_not_python(path) else _run_file(path)
    found = [entry for entry in entry_points(group="console_scripts") if entry.name == program]
    if found:
        sys.argv[0] = shutil.which(program) or program
        return _status(found[0].load()())
    command = shutil.which(program)
    if command is None:
        raise ImportFailed(
            f"{program!r} is no file, no command of this environment and none of $PATH; a module needs -m"
        )
    if _is_ours(Path(command)):
        sys.argv[0] = command
        return _run_file(Path(command))
    return os.execv(command, [command, *arguments])


def _run_file(path: Path) -> int:
    sys.path.insert(0, str(path.resolve().parent))
    runpy.run_path(str(path), run_name="__main__")
    return 0


def _is_not_python(path: Path) -> bool:
    """A program of the system's, by its first line."""
    if path.suffix == ".py" or not os.access(path, os.X_OK):
        return False
    with path.open("rb") as file:
        first = file.readline(1024)
    return first.startswith(b"\x7fELF") or (first.startswith(b"#!") and b"python" not in first)


def _is_ours(command: Path) -> bool:
    """A script of this interpreter."""
    with command.open("rb") as file:
        first = file.readline(1024)
    return (
        first.startswith(b"#!") and os.path.realpath(first[2:].split()[0]) == os.path.realpath(sys.executable).encode()
    )


def _status(result: Any) -> int:
    """As sys.exit() has it."""
    if result is None or isinstance(result, int):
        return int(result or 0)
    print(result, file=sys.stderr)
    return 1
