"""Many subprocesses on PyLoop: pipes both ways, kills, time-outs, megabytes; no zombie and no descriptor stays."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from pathlib import Path
from typing import Any

import pytest

import data_bridge

from .services import RunOnPyLoop

AT_ONCE = 40


def children() -> list[int]:
    """Processes that this one has not waited for."""
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        # A thread may end while its folder is read; its children become another thread's then, and are seen there or
        # by the next look.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found += map(int, (task / "children").read_text().split())
    return found


@pytest.fixture(autouse=True)
def no_child_is_left() -> Any:
    before = set(children())
    yield
    left = set(children()) | set(children())
    assert left - before == set()


async def gather_some(coroutines: list[Any]) -> list[Any]:
    """gather(), `AT_ONCE` at a time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(coroutine: Any) -> Any:
        async with gate:
            return await coroutine

    return await asyncio.gather(*map(one, coroutines))


async def through_cat(data: bytes) -> bytes:
    process = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
    out, _ = await process.communicate(data)
    assert process.returncode == 0
    return out


def test_three_hundred_at_forty_a_time(run: RunOnPyLoop[Any]) -> None:
    async def main() -> None:
        data = [f"{number} ".encode() * number for number in range(300)]
        assert await gather_some([through_cat(piece) for piece in data]) == data

    run(main())


def test_megabytes_both_ways(run: RunOnPyLoop[Any]) -> None:
    async def main() -> None:
        data = os.urandom(16 * 1024 * 1024)
        assert await asyncio.gather(through_cat(data), through_cat(data[::-1])) == [data, data[::-1]]

        script = "import sys; d = sys.stdin.buffer.read(); sys.stdout.buffer.write(d); sys.stderr.buffer.write(d[::-1])"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
        out, err = await process.communicate(data[: 4 * 1024 * 1024])
        assert out == err[::-1] == data[: 4 * 1024 * 1024]

    run(main())


def test_a_conversation_line_by_line(run: RunOnPyLoop[Any]) -> None:
    script = "import sys\nfor line in sys.stdin: print(line.strip()[::-1], flush=True)\nprint('end', file=sys.stderr)"

    async def converse(number: int) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        for step in range(50):
            line = f"{number}:{step}:abc"
            process.stdin.write(line.encode() + b"\n")
            await process.stdin.drain()
            assert (await process.stdout.readline()).decode() == line[::-1] + "\n"
        process.stdin.close()
        await process.stdin.wait_closed()
        assert await process.stdout.read() == b""
        assert await process.stderr.read() == b"end\n"
        assert await process.wait() == 0

    async def main() -> None:
        await asyncio.gather(*(converse(number) for number in range(8)))

    run(main())


def test_kill_terminate_and_signals(run: RunOnPyLoop[Any]) -> None:
    async def end(how: str) -> int:
        process = await asyncio.create_subprocess_exec("sleep", "60", stdin=DEVNULL)
        if how == "kill":
            process.kill()
        elif how == "terminate":
            process.terminate()
        else:
            process.send_signal(signal.SIGUSR1)
        status = await process.wait()
        # It is over: asyncio answers the same again, and a signal to the dead is ignored or refused as it always is.
        assert await process.wait() == status == process.returncode
        with pytest.raises(ProcessLookupError):
            process.kill()
        return status

    async def main() -> None:
        ways = ["kill", "terminate", "signal"] * 30
        expected = [-signal.SIGKILL, -signal.SIGTERM, -signal.SIGUSR1] * 30
        assert await gather_some([end(how) for how in ways]) == expected

    run(main())


def test_timeouts(run: RunOnPyLoop[Any]) -> None:
    async def hurry() -> None:
        process = await asyncio.create_subprocess_exec("sleep", "60", stdout=PIPE)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(process.communicate(), 0.05)
        assert process.returncode is None
        process.kill()
        out, _ = await process.communicate()
        assert out == b""
        assert process.returncode == -signal.SIGKILL

    async def main() -> None:
        started = asyncio.get_running_loop().time()
        await gather_some([hurry() for _ in range(60)])
        assert asyncio.get_running_loop().time() - started < 50

    run(main())


def test_shells_exit_codes_and_redirections(tmp_path: Path, run: RunOnPyLoop[Any]) -> None:
    async def shell(command: str, **options: Any) -> tuple[bytes, int | None]:
        process = await asyncio.create_subprocess_shell(command, stdout=PIPE, **options)
        out, _ = await process.communicate()
        return out, process.returncode

    async def main() -> None:
        assert await shell("echo out; echo err >&2; exit 7", stderr=STDOUT) == (b"out\nerr\n", 7)
        assert await shell("pwd; echo $NAME", cwd=tmp_path, env={"NAME": "value"}) == (
            f"{tmp_path}\nvalue\n".encode(),
            0,
        )
        assert await shell("kill -9 $$") == (b"", -9)
        codes = await gather_some([shell(f"exit {number}") for number in range(100)])
        assert codes == [(b"", number) for number in range(100)]
        with pytest.raises(FileNotFoundError):
            await asyncio.create_subprocess_exec(tmp_path / "nothing")
        file = tmp_path / "file"
        with file.open("wb") as target:
            process = await asyncio.create_subprocess_exec("echo", "hello", stdout=target)
            assert await process.wait() == 0
        assert file.read_bytes() == b"hello\n"

    run(main())


def test_a_reader_that_stops_and_a_writer_into_nowhere(run: RunOnPyLoop[Any]) -> None:
    async def main() -> None:
        # "true" reads nothing: the pipe breaks while megabytes are waiting.
        process = await asyncio.create_subprocess_exec("true", stdin=PIPE, stdout=PIPE)
        assert await process.communicate(bytes(8 * 1024 * 1024)) == (b"", None)
        assert process.returncode == 0
        # Python 3.11.2 reports the broken pipe, with every loop, unless somebody asks for it.
        assert process.stdin is not None
        with contextlib.suppress(ConnectionError):
            await process.stdin.wait_closed()

        process = await asyncio.create_subprocess_exec("yes", stdout=PIPE, limit=1024)
        assert process.stdout is not None
        assert await process.stdout.readexactly(100_000) == b"y\n" * 50_000
        process.terminate()
        await process.communicate()
        assert process.returncode == -signal.SIGTERM

    run(main())


def test_in_a_loop_that_is_not_the_main_threads(run: RunOnPyLoop[Any]) -> None:
    results: list[list[bytes]] = []

    async def main() -> list[bytes]:
        return await gather_some([through_cat(str(number).encode()) for number in range(50)])

    threads = [threading.Thread(target=lambda: results.append(data_bridge.run(main()))) for _ in range(3)]
    # On 3.11 children are watched through threads; from 3.12 on through pidfds.
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert results == [[str(number).encode() for number in range(50)]] * 3
