"""Runs the test suites of packages that live on asyncio on PyLoop and on asyncio's own loop, and compares.

    python tests/interop/suites/run.py                 # all of them, on both loops
    python tests/interop/suites/run.py --quick         # a short part, on PyLoop; what fails, on asyncio's loop too
    python tests/interop/suites/run.py aiohttp anyio   # some of them

A test that ends otherwise on PyLoop is run three more times on both loops: where the outcomes then meet it is shown as
unsteady, the rest is a difference, and the exit status is 1. Tests of IPv6 are left out where the machine has none.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sources import HERE, Unavailable, environment, source, version_of
from table import NO_OTHERS, SUITES, Suite

TREE = HERE.parents[2]
PYLOOP = "data_bridge:PyLoop"
CONTROL = "loop_plugin:SelectorLoop"
AGAIN = 3
GOOD = {"passed", "skipped", "xfailed"}


def has_ipv6() -> bool:
    """True where "localhost" is an IPv6 address too, which is what the suites use."""
    try:
        address = socket.getaddrinfo("localhost", 0, socket.AF_INET6, socket.SOCK_STREAM)[0][4]
        with socket.create_server(address[:2], family=socket.AF_INET6):
            return True
    except OSError:
        return False


@dataclass(frozen=True)
class Run:
    """What a run of pytest said: outcome and text of each test, and how many loops were made."""

    tests: dict[str, dict[str, str]]
    loops: int
    seconds: float

    def outcome(self, test: str) -> str:
        return self.tests.get(test, {"outcome": "missing"})["outcome"]

    def __str__(self) -> str:
        counts = Counter(test["outcome"] for test in self.tests.values())
        shown = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.most_common())
        return f"{shown}; {self.loops:,} loops, {self.seconds:.0f} s"


class Runner:
    """Runs parts of one suite."""

    def __init__(self, suite: Suite, work: Path, interpreter: Path) -> None:
        self.suite = suite
        self.root = source(suite, work, interpreter)
        self.work = work
        self.interpreter = interpreter
        self.arguments = suite.arguments
        if not has_ipv6():
            self.arguments = tuple(word + (" and not ipv6" if word == NO_OTHERS else "") for word in suite.arguments)

    def run(self, loop: str, arguments: tuple[str, ...]) -> Run:
        name = f"{self.suite.name}-{loop.partition(':')[2]}"
        report, log = self.work / f"{name}.json", self.work / f"{name}.log"
        report.unlink(missing_ok=True)
        # "src": a suite that brings its own package keeps it there.
        paths = [TREE / "python", HERE, self.root / "src", self.root]
        environment = {
            **os.environ,
            "DATA_BRIDGE_LOOP": loop,
            "DATA_BRIDGE_LOOP_REPORT": str(report),
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }
        # The suites' own options would ask for coverage and several processes.
        options = ["-p", "loop_plugin", "-o", "addopts=", "-p", "no:cacheprovider", "--quiet", "--tb=short"]
        began = time.monotonic()
        with log.open("wb") as output:
            subprocess.run(
                [self.interpreter, "-m", "pytest", *options, *arguments],
                cwd=self.root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=3600,
                check=False,
            )
        if not report.is_file():
            raise SystemExit(f"{name}: pytest made no report:\n{log.read_text(errors='replace')[-4000:]}")
        told = json.loads(report.read_text(encoding="utf-8"))
        return Run(told["tests"], told["loops"], time.monotonic() - began)

    def options(self) -> tuple[str, ...]:
        """The suite's arguments without the files."""
        return tuple(word for word in self.arguments if not word.startswith("tests"))

    @staticmethod
    def places(tests: list[str]) -> tuple[str, ...]:
        """Tests as arguments: pytest may have named them from a folder above the source."""
        return tuple(test[test.index("tests/") :] for test in tests)

    def again(self, tests: list[str]) -> dict[str, dict[str, list[str]]]:
        """The outcomes of some tests on both loops, several times: by test, by loop."""
        chosen = self.places(tests)
        seen: dict[str, dict[str, list[str]]] = {test: {PYLOOP: [], CONTROL: []} for test in tests}
        for _ in range(AGAIN):
            for loop in (PYLOOP, CONTROL):
                run = self.run(loop, (*self.options(), *chosen))
                for test in tests:
                    seen[test][loop].append(run.outcome(test))
        return seen

    def compare(self, *, quick: bool) -> bool:
        """Run, print, and say whether PyLoop does as asyncio's loop."""
        print(f"{self.suite.name} {version_of(self.suite)}", flush=True)
        arguments = (*self.options(), *self.suite.quick) if quick else self.arguments
        ours = self.run(PYLOOP, arguments)
        print(f"  PyLoop:   {ours}", flush=True)
        if not quick and len(ours.tests) < self.suite.at_least:
            print(f"  FAILED: {self.suite.at_least:,} tests were expected")
            return False
        if ours.loops == 0:
            print("  FAILED: no test made a loop")
            return False
        suspects = [test for test in ours.tests if ours.outcome(test) not in GOOD] if quick else []
        if not quick or suspects:
            control = self.run(CONTROL, (*self.options(), *self.places(suspects)) if quick else arguments)
            print(f"  asyncio:  {control}", flush=True)
            tests = suspects if quick else [*{**control.tests, **ours.tests}]
            suspects = [test for test in tests if ours.outcome(test) != control.outcome(test)]
        return self.judge(suspects, ours) if suspects else True

    def judge(self, suspects: list[str], first: Run) -> bool:
        good = True
        for test, seen in self.again(suspects).items():
            ours, theirs = seen[PYLOOP], seen[CONTROL]
            reason = next((why for end, why in self.suite.different if test.endswith(end)), None)
            if reason is not None:
                print(f"  expected: {test}: {reason}")
            elif set(ours) <= set(theirs):
                print(
                    f"  the same after all: {test}: {ours[0]} on both" + (", unsteady" if len(set(theirs)) > 1 else "")
                )
            elif set(ours) & set(theirs):
                print(f"  UNSTEADY: {test}: PyLoop {ours}, asyncio {theirs}")
            else:
                good = False
                text = first.tests.get(test, {"text": ""})["text"]
                print(f"  DIFFERENT: {test}: PyLoop {ours[0]}, asyncio {theirs[0]}\n{text[-3000:]}")
        return good


def main() -> int:
    parser = argparse.ArgumentParser(description="Test suites of asyncio's users on PyLoop and on asyncio's own loop.")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(suite.name for suite in SUITES))
    parser.add_argument("--quick", action="store_true", help="a short part of each")
    parser.add_argument("--work", type=Path, default=TREE / "build" / "interop", help="for sources and logs")
    arguments = parser.parse_args()
    names = arguments.suites or [suite.name for suite in SUITES]
    unknown = set(names) - {suite.name for suite in SUITES}
    if unknown:
        parser.error(f"no such suite: {', '.join(sorted(unknown))}")
    work: Path = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    if not has_ipv6():
        print("no IPv6 here: its tests are left out")
    interpreter = environment(work)
    different = []
    for suite in SUITES:
        if suite.name not in names:
            continue
        try:
            if not Runner(suite, work, interpreter).compare(quick=arguments.quick):
                different.append(suite.name)
        except Unavailable as reason:
            print(f"{suite.name}: left out: {reason}")
    print("FAILED: " + ", ".join(different) if different else "PyLoop does as asyncio's own loop")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
