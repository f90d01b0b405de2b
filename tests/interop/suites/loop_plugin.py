"""A pytest plugin: runs a foreign suite on the loop that DATA_BRIDGE_LOOP names, and writes down what each test said.

Every usual way to a loop leads to it: `asyncio.new_event_loop()`, `asyncio.run()` and `asyncio.Runner()` by the policy,
`asyncio.SelectorEventLoop` and `asyncio.EventLoop` by name. uvloop is hidden, because suites prefer it where they find
it. The control run goes the same way, with a trivial subclass of asyncio's own loop.

Its name must not look like a test's (`*_test.py`): pytest would import it beside the project's tests and hide uvloop
from them.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

sys.modules["uvloop"] = None  # type: ignore[assignment]  # importing it raises ImportError


class SelectorLoop(asyncio.SelectorEventLoop):
    """The control: asyncio's own loop."""


def named_loop(name: str) -> type[asyncio.SelectorEventLoop]:
    module, _, attribute = name.partition(":")
    loop: type[asyncio.SelectorEventLoop] = getattr(importlib.import_module(module), attribute)
    return loop


class Outcomes:
    """What each test said, and how many loops it took."""

    def __init__(self, loop: type[asyncio.SelectorEventLoop], report: Path) -> None:
        self.report = report
        self.tests: dict[str, dict[str, str]] = {}
        self.loops = 0
        outcomes = self

        # The same name in both runs: some suites put it into the names of their tests.
        class LoopUnderTest(loop):  # type: ignore[misc, valid-type]
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                outcomes.loops += 1
                super().__init__(*args, **kwargs)

        self.loop = LoopUnderTest

    def install(self) -> None:
        outcomes = self

        class Policy(asyncio.DefaultEventLoopPolicy):
            _loop_factory = outcomes.loop

        asyncio.set_event_loop_policy(Policy())
        asyncio.SelectorEventLoop = self.loop
        if sys.version_info >= (3, 13):
            asyncio.EventLoop = self.loop  # type: ignore[misc]

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        seen = self.tests.setdefault(report.nodeid, {"outcome": "passed", "text": ""})
        # The worst of set-up, call and tear-down: a test that passes and then cannot clean up has not passed.
        if report.failed or (report.skipped and seen["outcome"] == "passed"):
            word = "xfailed" if hasattr(report, "wasxfail") else report.outcome
            seen["outcome"] = "error" if report.failed and report.when != "call" else word
            seen["text"] += f"[{report.when}] {report.longreprtext}\n"

    def pytest_sessionfinish(self) -> None:
        self.report.write_text(json.dumps({"loops": self.loops, "tests": self.tests}), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    outcomes = Outcomes(named_loop(os.environ["DATA_BRIDGE_LOOP"]), Path(os.environ["DATA_BRIDGE_LOOP_REPORT"]))
    outcomes.install()
    config.pluginmanager.register(outcomes, "outcomes-of-the-loop")
