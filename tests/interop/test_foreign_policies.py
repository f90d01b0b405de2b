"""Subprocesses on PyLoop whatever policy and child watcher are set: PyLoop waits for its children itself."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap

import pytest

import data_bridge

from .services import RunOnPyLoop

PROGRAM = """
import asyncio
import data_bridge

async def main():
    process = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
    assert (await process.communicate(b"data"))[0] == b"data"
    shell = await asyncio.create_subprocess_shell("exit 7")
    assert await shell.wait() == 7
    return "done"

print(data_bridge.run(main()))
"""

POLICIES = {
    "uvloop": "import uvloop; uvloop.install()",
    "uvloop's policy": "import asyncio, uvloop; asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())",
    "an abstract policy": """
        import asyncio

        class Policy(asyncio.AbstractEventLoopPolicy):
            def get_event_loop(self): raise RuntimeError("no loop")
            def set_event_loop(self, loop): pass
            def new_event_loop(self): return asyncio.SelectorEventLoop()

        asyncio.set_event_loop_policy(Policy())
        """,
    "a watcher of another loop": """
        import asyncio

        watcher = asyncio.SafeChildWatcher()
        watcher.attach_loop(asyncio.new_event_loop())
        asyncio.set_child_watcher(watcher)
        """,
    "no pidfds": """
        import os

        def refused(*_): raise PermissionError("sandbox")

        os.pidfd_open = refused
        """,
}


@pytest.mark.parametrize("policy", POLICIES)
def test_subprocesses_whatever_policy_is_set(policy: str) -> None:
    if "watcher" in policy and sys.version_info >= (3, 14):
        pytest.skip("there are no child watchers any more")
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(POLICIES[policy]) + PROGRAM],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("done\n", "")


def test_a_child_that_somebody_else_waited_for(run: RunOnPyLoop[int], caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> int:
        process = await asyncio.create_subprocess_exec("sleep", "60")
        process.kill()
        # In the same turn, so that the loop comes too late.
        os.waitpid(process.pid, 0)
        return await process.wait()

    assert run(main()) == 255
    assert "exit status already read" in caplog.text


def test_close_with_a_child_that_still_runs() -> None:
    loop = data_bridge.new_event_loop()
    before = len(os.listdir("/proc/self/fd"))
    process = loop.run_until_complete(asyncio.create_subprocess_exec("sleep", "60"))
    loop.close()
    process._transport.close()  # type: ignore[attr-defined]
    os.kill(process.pid, 9)
    os.waitpid(process.pid, 0)
    assert len(os.listdir("/proc/self/fd")) == before
