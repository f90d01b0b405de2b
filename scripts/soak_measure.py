"""The servers of server_soak.py, what is measured of them, and whether that stays what it was."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from soak_client import Connection, request
from soak_load import Load

PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
#: How far the median of the last quarter may lie above that of the first, in parts of it and beyond.
MAX_GROWTH = {
    "resident": (0.05, 12.0),  # MiB; a leak of 100 bytes a request would be 300 MiB after an hour
    "descriptors": (0.1, 6.0),  # clients come and go; what is left in the end is counted exactly
    "threads": (0.0, 2.0),  # those of sync handlers come and go
    "objects": (0.02, 500.0),
    "cpu": (0.3, 20.0),  # microseconds an answer; others use the machine, too
}
#: The same for the times of answers, as multiples of those of a bare asyncio server at the same moment: both wait for
#: whatever else the machine does.
MAX_SLOWER = {"p50": (0.5, 0.5), "p99": (0.5, 1.0), "p99.9": (1.0, 2.0)}
#: And how far throughput, in parts of that server's, may fall.
MOST_FEWER = 0.2


class Server:
    """`data-bridge run` of soak_app in a folder of its own."""

    def __init__(self, name: str, folder: Path, *arguments: str) -> None:
        self.name = name
        self.folder = folder
        folder.mkdir()
        self.log = folder / "log"
        self.port = free_port()
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "data_bridge", "run", "soak_app:app"),
                *("--port", str(self.port), "--no-access-log", *arguments),
            ],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
            process_group=0,
        )

    async def wait_until_it_answers(self) -> None:
        """Raises where it does not."""
        for _ in range(300):
            with contextlib.suppress(OSError):
                connection = await Connection.open(self.port)
                answer = await connection.ask(request("POST", "/items", {"name": "first", "price": 1}))
                connection.close()
                if answer.status == 201:
                    return
            await asyncio.sleep(0.1)
        raise SystemExit(f"{self.name} does not answer: {self.log.read_text(errors='replace')}")

    def processes(self) -> list[int]:
        """This one and its workers."""
        children: list[int] = []
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            with contextlib.suppress(OSError):
                children += map(int, (task / "children").read_text().split())
        return [self.process.pid, *children]

    def stop(self) -> int:
        """The exit status after SIGINT."""
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Times:
    """What clients have measured since the last sample: answers a second, and milliseconds."""

    throughput: float
    p50: float
    p99: float
    p999: float

    @classmethod
    def of(cls, latencies: list[float], throughput: float) -> Times:
        """Of the times, which are taken."""
        latencies.sort()
        quantiles = [quantile(latencies, part) for part in (0.5, 0.99, 0.999)]
        latencies.clear()
        return cls(throughput, *quantiles)


@dataclass
class Sample:
    """One moment of a server."""

    minute: float
    times: Times
    resident: float
    descriptors: int
    threads: int
    objects: int
    cpu: float


class Watch:
    """Takes the samples of one server."""

    def __init__(self, server: Server, load: Load) -> None:
        self.server = server
        self.load = load
        self.samples: list[Sample] = []
        self._begin = self._last = time.monotonic()
        self._answers = 0
        self._cpu: dict[int, float] = {}

    async def take(self) -> Sample:
        """The next one."""
        connection = await Connection.open(self.server.port)
        counted = (await connection.ask(request("GET", "/sample"))).json()
        connection.close()
        resident = descriptors = threads = 0
        cpu = 0.0
        seen: dict[int, float] = {}
        for pid in self.server.processes():
            with contextlib.suppress(OSError):  # a worker that ends just now
                process = Path(f"/proc/{pid}")
                resident += int((process / "statm").read_text().split()[1]) * PAGE_SIZE
                descriptors += len(os.listdir(process / "fd"))
                stat = (process / "stat").read_text().rpartition(")")[2].split()
                threads += int(stat[17])
                seen[pid] = (int(stat[11]) + int(stat[12])) / TICKS
                cpu += seen[pid] - self._cpu.get(pid, 0.0)
        now = time.monotonic()
        answers = sum(self.load.counts[name] for name in ("answers", "writes"))
        sample = Sample(
            minute=(now - self._begin) / 60,
            times=Times.of(self.load.latencies, (answers - self._answers) / (now - self._last)),
            resident=resident / 2**20,
            descriptors=descriptors,
            threads=threads,
            objects=counted["objects"],
            cpu=cpu * 1e6 / max(1, answers - self._answers),
        )
        self._last, self._answers, self._cpu = now, answers, seen
        self.samples.append(sample)
        return sample

    def restart(self) -> None:
        """Behind the warm-up: what was measured before does not count."""
        self.samples.clear()
        self._begin = time.monotonic()


def quantile(ordered: Sequence[float], part: float) -> float:
    """Of sorted values; 0 without any."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0


async def descriptors_left(watch: Watch) -> int:
    """Behind the end of the load, when nothing is to be waited for any more."""
    least = 1 << 30
    for _ in range(40):
        least = min(least, (await watch.take()).descriptors)
        watch.samples.pop()
        await asyncio.sleep(0.25)
    return least


def judge(watches: Sequence[Watch], control: Sequence[Times]) -> list[tuple[str, str, str, bool]]:
    """What, first and last quarter, bound, whether it holds."""
    judged = []

    def at_most(what: str, values: Sequence[float], part: float, beyond: float, shown: str) -> None:
        first, last = medians(values)
        bound = first * (1 + part) + beyond
        judged.append((what, f"{first:{shown}} → {last:{shown}}", f"≤ {bound:{shown}}", last <= bound))

    for watch in watches:
        for name, (part, beyond) in MAX_GROWTH.items():
            if not (watch.load.replaced and name in ("objects", "cpu")):  # of other processes, and of their starts
                values = [float(getattr(sample, name)) for sample in watch.samples]
                at_most(f"{watch.server.name}: {name}", values, part, beyond, ",.1f")
        for name, (part, beyond) in MAX_SLOWER.items():
            ratios = ratios_to(control, watch, name.replace(".", ""))
            at_most(f"{watch.server.name}: {name}, multiples of a bare server's", ratios, part, beyond, ",.2f")
        first, last = medians(ratios_to(control, watch, "throughput"))
        bound = first * (1 - MOST_FEWER)
        what = f"{watch.server.name}: throughput, multiples of a bare server's"
        judged.append((what, f"{first:.2f} → {last:.2f}", f"≥ {bound:.2f}", last >= bound))
    return judged


def ratios_to(control: Sequence[Times], watch: Watch, name: str) -> list[float]:
    """Of this quantity, moment by moment."""
    pairs = zip(watch.samples, control, strict=True)
    return [float(getattr(sample.times, name)) / max(1e-9, float(getattr(times, name))) for sample, times in pairs]


def medians(values: Sequence[float]) -> tuple[float, float]:
    """Of the first quarter, and of the last."""
    quarter = max(1, len(values) // 4)
    return statistics.median(values[:quarter]), statistics.median(values[-quarter:])
