"""CPython's own asyncio tests on PyLoop: whatever a trivial subclass of the selector loop passes must pass.

The kit is not part of this repository: DATA_BRIDGE_CONFORMANCE names its folder; ../shared/conformance is tried too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def kit() -> Path:
    named = os.environ.get("DATA_BRIDGE_CONFORMANCE")
    for folder in [Path(named)] if named else [ROOT.parent / "shared" / "conformance"]:
        if (folder / "loopconf.py").is_file():
            return folder
    pytest.skip("no conformance kit: set DATA_BRIDGE_CONFORMANCE to its folder")


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("debug", [False, True], ids=["normal", "debug"])
def test_cpythons_asyncio_tests(debug: bool) -> None:
    script = kit() / "loopconf.py"
    found = subprocess.run([sys.executable, "-c", "import test.test_asyncio"], capture_output=True, check=False)
    if found.returncode != 0:
        pytest.skip("this interpreter comes without test.test_asyncio")
    environment = dict(os.environ)
    environment.pop("PYTHONASYNCIODEBUG", None)
    if debug:
        environment["PYTHONASYNCIODEBUG"] = "1"
    paths = [str(ROOT / "python"), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    run = subprocess.run(
        [sys.executable, str(script), "--loop", "data_bridge:PyLoop"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    passed = int(run.stdout.strip().splitlines()[-1].split(" ", 1)[0])
    assert passed > 600
