"""nest_asyncio and nest_asyncio2 on PyLoop: what programs that nest loops print on it and on asyncio's own loop."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
PACKAGES = ["nest_asyncio", "nest_asyncio2"]
PROGRAMS = [
    "applied_before_the_run",
    "applied_to_a_loop",
    "applied_while_it_runs",
    "applied_in_a_runner",
    "in_callbacks",
    "an_outer_run_ends_first",
    "the_outermost_run_ends_first",
    "stop_in_a_nested_run",
    "another_loop_within",
    "all_tasks_within",
    "a_shared_context",
    "other_threads_are_refused",
    "without_it",
]


def printed(script: str, *arguments: str) -> str:
    """The output of a program that has a process of its own, since the packages patch asyncio for good."""
    if importlib.util.find_spec(arguments[-2] if script == "nested_programs.py" else arguments[0]) is None:
        pytest.skip("the package is not installed")
    environment = os.environ | {"PYTHONWARNINGS": "ignore::DeprecationWarning"}
    done = subprocess.run(
        [sys.executable, FOLDER / script, *arguments], capture_output=True, text=True, timeout=100, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.endswith("done\n")
    return done.stdout


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("package", PACKAGES)
def test_prints_what_it_prints_on_asyncios_loop(package: str, program: str) -> None:
    found = printed("nested_programs.py", "data_bridge", package, program)
    # nest_asyncio itself calls such a handle at once, which fails.
    reference = "nest_asyncio2" if program == "a_shared_context" else package
    assert found == printed("nested_programs.py", "asyncio", reference, program)


@pytest.mark.parametrize("io_threads", ["0", "1"])
@pytest.mark.parametrize("package", PACKAGES)
def test_handlers_nest(package: str, io_threads: str) -> None:
    printed("nested_server.py", package, io_threads)
