"""Everything at once for a long time on two servers; a page of plots, and status 1 where anything grows or is wrong.

    python scripts/server_soak.py --minutes 60 --page soak.html

One server is a process that stays (an I/O thread beside Python's); the other has two workers that are replaced by
SIGHUP again and again. Both serve soak_app.py to the clients of soak_load.py: resources, compiled and bridged routes,
streams both ways, WebSockets and broadcasts, clients that are broken, slow, or behind a network that cuts
(tests/chaos/chaos_proxy.py); now and then a lock is held on their stores.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import platform
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "chaos"))  # wire, chaos_proxy

from soak_control import Control
from soak_load import PAUSE, Load
from soak_measure import Server, Times, Watch, descriptors_left, free_port, judge
from soak_page import Page, Plot

#: Of one process with its store, an I/O thread and the pools of both, without clients.
MOST_DESCRIPTORS_LEFT = 30


async def hold_locks(folders: Sequence[Path], loads: Sequence[Load], every: float, marks: list[float]) -> None:
    """Holds the write lock of one store after the other: for moments, and for longer than a write waits (5 s)."""

    def hold(database: Path, seconds: float) -> None:
        with contextlib.closing(sqlite3.connect(database, isolation_level=None, timeout=30)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)
            connection.execute("ROLLBACK")

    number = 0
    while True:
        await asyncio.sleep(every)
        seconds = (0.3, 2.0, 7.0)[number % 3]
        load = loads[number // 3 % len(loads)]
        load.locked_until = asyncio.get_running_loop().time() + 60
        marks.append(time.monotonic())
        await asyncio.to_thread(hold, folders[number // 3 % len(loads)] / "soak.db", seconds)
        load.locked_until = asyncio.get_running_loop().time() + 10  # who waited behind it is told later
        load.counts["locks"] += 1
        number += 1


async def replace_workers(server: Server, load: Load, every: float) -> None:
    """SIGHUP to the supervisor."""
    while True:
        await asyncio.sleep(every)
        server.process.send_signal(signal.SIGHUP)
        load.replaced_at = asyncio.get_running_loop().time()
        load.counts["restarts"] += 1


async def soak(minutes: float, page: Path) -> int:
    """Load, sample, judge, write; the exit status."""
    with tempfile.TemporaryDirectory(prefix="soak-") as directory:
        folder = Path(directory)
        servers = [
            Server("one process", folder / "one", "--io-threads", "1"),
            Server("two workers, replaced", folder / "two", "--workers", "2", "--io-threads", "1"),
        ]
        bare = free_port()
        control = subprocess.Popen([sys.executable, Path(__file__).with_name("soak_control.py"), str(bare)])
        try:
            return await soak_servers(servers, Control(bare, PAUSE), minutes, page)
        finally:
            control.kill()
            control.wait()
            for server in servers:
                if server.process.poll() is None:
                    server.stop()


async def soak_servers(servers: Sequence[Server], control: Control, minutes: float, page: Path) -> int:
    """The same, with servers that run."""
    loads = [Load(server.name, server.port, replaced=number == 1, seed=number) for number, server in enumerate(servers)]
    watches = [Watch(server, load) for server, load in zip(servers, loads, strict=True)]
    for server in servers:
        await server.wait_until_it_answers()
    git = ["git", "rev-parse", "--short", "HEAD"]  # now: an hour later it may be another
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout
    for load in loads:
        await load.start()
    control.start()
    warm_up = min(3.0, minutes / 10)
    print(f"warming up for {warm_up:g} minutes", flush=True)
    await asyncio.sleep(warm_up * 60)
    for watch in watches:
        await watch.take()
        watch.restart()
    controlled: list[Times] = []
    asked = control.answers
    control.latencies.clear()

    begin = time.monotonic()
    every = max(15.0, minutes)  # seconds: sixty of each in an hour
    locks: list[float] = []
    disturbing = [
        asyncio.create_task(hold_locks([server.folder for server in servers], loads, every, locks)),
        asyncio.create_task(replace_workers(servers[1], loads[1], every)),
    ]
    interval = max(2.0, minutes / 4)  # seconds: 240 samples
    while (left := begin + minutes * 60 - time.monotonic()) > 0:
        slept = time.monotonic()
        await asyncio.sleep(min(interval, left))
        slept = time.monotonic() - slept
        control.check()
        controlled.append(Times.of(control.latencies, (control.answers - asked) / slept))
        asked = control.answers
        for watch in watches:
            sample = await watch.take()
            print(
                f"{sample.minute:5.1f} min  {watch.server.name:22} {sample.times.throughput:6,.0f}/s  "
                f"p50 {sample.times.p50:.2f}  p99 {sample.times.p99:.1f}  p99.9 {sample.times.p999:.1f} ms  "
                f"{sample.cpu:.0f} us CPU  {sample.resident:.1f} MiB  {sample.descriptors} fds  "
                f"{sample.threads} threads  {sample.objects:,} objects  {watch.load.counts['wrong']} wrong",
                flush=True,
            )
        for task in disturbing:
            if task.done():
                task.result()
    for task in disturbing:
        task.cancel()
    await asyncio.gather(*disturbing, return_exceptions=True)
    await control.stop()
    for load in loads:
        await load.stop()

    judged = judge(watches, controlled)
    left_over = await descriptors_left(watches[0])
    judged.append(
        (
            "one process: descriptors behind the load",
            f"{left_over}",
            f"≤ {MOST_DESCRIPTORS_LEFT}",
            left_over <= MOST_DESCRIPTORS_LEFT,
        )
    )
    for server in servers:
        status = server.stop()
        judged.append((f"{server.name}: exit status", str(status), "0", status == 0))
    wrong = [text for load in loads for text in load.wrong]
    ended_well = not wrong and all(holds for *_, holds in judged)
    shown = describe(minutes, commit, watches, controlled, judged, wrong, [(lock - begin) / 60 for lock in locks])
    page.write_text(shown.write(), encoding="utf-8")
    for what, value, bound, holds in judged:
        print(f"{'flat    ' if holds else 'NOT FLAT'}  {what}: {value} ({bound})")
    for load in loads:
        print(f"{load.name}:", ", ".join(f"{count:,} {name}" for name, count in sorted(load.counts.items())))
    for text in wrong:
        print("WRONG", text)
    for server in servers if not ended_well else ():  # a worker that was killed, say
        for line in server.log.read_text(errors="replace").splitlines():
            if line.startswith("ERROR") and "Exception in ASGI" not in line:
                print(f"{server.name}: {line}")
    print(f"{'passed' if ended_well else 'FAILED'}: {page}", flush=True)
    return 0 if ended_well else 1


def describe(
    minutes: float,
    commit: str,
    watches: Sequence[Watch],
    control: Sequence[Times],
    judged: Sequence[tuple[str, str, str, bool]],
    wrong: Sequence[str],
    locks: Sequence[float],
) -> Page:
    """The page."""

    def plot(title: str, unit: str, name: str) -> Plot:
        return Plot(
            title, unit, {watch.server.name: [getattr(sample, name) for sample in watch.samples] for watch in watches}
        )

    def plot_times(title: str, unit: str, name: str) -> Plot:
        lines = {watch.server.name: [getattr(sample.times, name) for sample in watch.samples] for watch in watches}
        if name != "throughput":
            lines["a bare asyncio server"] = [getattr(times, name) for times in control]
        return Plot(title, unit, lines)

    facts = [
        ("Command", f"make soak SOAK_MINUTES={minutes:g}"),
        ("Commit", commit.strip() or "unknown"),
        (
            "Machine",
            f"{os.cpu_count()} CPUs for servers, clients and others, Linux {platform.release()}, "
            f"Python {platform.python_version()}",
        ),
        ("Result", "flat, and nothing wrong" if not wrong and all(holds for *_, holds in judged) else "FAILED"),
    ]
    return Page(
        title="data_bridge: everything at once" + (f", {minutes:g} minutes" if minutes != 60 else ", an hour"),
        facts=facts,
        minutes=[sample.minute for sample in watches[0].samples],
        plots=[
            plot_times("Answers", "per second", "throughput"),
            plot("CPU of the server for an answer", "us", "cpu"),
            plot_times("p50", "ms", "p50"),
            plot_times("p99", "ms", "p99"),
            plot_times("p99.9", "ms", "p999"),
            plot("Resident memory, all processes", "MiB", "resident"),
            plot("Descriptors, all processes", "open", "descriptors"),
            plot("Threads, all processes", "running", "threads"),
            plot("Python objects that the collector knows, one process", "objects", "objects"),
        ],
        judged=judged,
        counts={watch.server.name: dict(watch.load.counts) for watch in watches},
        wrong=wrong,
        lines=[*(watch.server.name for watch in watches), "a bare asyncio server"],
        marks=[(lock, lock, "a store is locked") for lock in locks],
    )


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description="Everything at once on two servers, for long; a page of plots.")
    parser.add_argument("--minutes", type=float, default=60, help="how long to measure (60)")
    parser.add_argument("--page", type=Path, default=Path("soak.html"), help="where to write it (soak.html)")
    arguments = parser.parse_args()
    return asyncio.run(soak(arguments.minutes, arguments.page.resolve()))


if __name__ == "__main__":
    sys.exit(main())
