"""Runs PyLoop under a mixed load for a long time and fails where anything grows that should stay.

    python scripts/loop_soak.py --minutes 60 --cpu 0.15

The load (loop_load.py) is echo over every kind of transport (streams, protocols, buffered protocols, datagrams, TLS,
Unix sockets, sock_*), timers set, cancelled and fired, tasks and time-outs, calls from other threads, signals, errors,
and now and then a subprocess and a loop of its own. After a warm-up, samples are taken of resident memory, open
descriptors, the number of objects that the garbage collector knows, the reference counts of chosen objects, threads and
children. The exit status is 1 on growth beyond the bounds below, which the last line names.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import importlib
import os
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

from loop_load import Echo, Load, Services

# How far the lowest sample of the last quarter may lie above that of the first: real growth lifts even the lowest.
MAX_GROWTH = {
    "resident KiB": 2048,  # after malloc_trim(); a leak of 100 bytes a round would be 8 MiB after an hour
    "descriptors": 0,
    "objects": 100,  # caches of the standard library; one object a round would be 80,000
    "references to the loop": 2,
    "references to None": 200,  # the same; immortal, and so always equal, from Python 3.12 on
    "references to the protocol class": 2,
    "threads": 0,
    "children": 0,
}
PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


def sample() -> dict[str, int]:
    """What must not grow."""
    for _ in range(3):
        gc.collect()
    # Buffers of up to a megabyte come and go in the arenas of several threads: what malloc keeps of them is chance.
    ctypes.CDLL(None).malloc_trim(0)
    loop = asyncio.get_running_loop()
    tasks = Path("/proc/self/task")
    return {
        "resident KiB": int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE_KIB,
        "descriptors": len(os.listdir("/proc/self/fd")),
        "objects": len(gc.get_objects()),
        "references to the loop": sys.getrefcount(loop),
        "references to None": sys.getrefcount(None),
        "references to the protocol class": sys.getrefcount(Echo),
        "threads": threading.active_count(),
        "children": sum(len((task / "children").read_text().split()) for task in tasks.iterdir()),
    }


def growth(samples: list[dict[str, int]]) -> dict[str, int]:
    """How far the lowest of the last quarter lies above the lowest of the first; both have several samples."""
    quarter = max(1, len(samples) // 4)
    first, last = samples[:quarter], samples[-quarter:]
    return {name: min(s[name] for s in last) - min(s[name] for s in first) for name in MAX_GROWTH}


async def soak(minutes: float, warm_up: float, cpu_share: float) -> int:
    """Load, sample, judge; the exit status."""
    loop = asyncio.get_running_loop()
    # Threads of the executor come when they are wanted: all of them, before the first sample.
    await asyncio.gather(*(asyncio.to_thread(time.sleep, 0.05) for _ in range(64)))
    with tempfile.TemporaryDirectory(prefix="loop-soak-") as folder:
        services = Services()
        await services.start(Path(folder))
        load = Load(services, cpu_share)
        end_of_warm_up = loop.time() + warm_up * 60
        while loop.time() < end_of_warm_up:
            await load.batch()
        print(f"warm: {sum(load.rounds.values()):,} rounds in {warm_up:g} minutes", flush=True)

        begin = loop.time()
        samples: list[dict[str, int]] = []
        interval = min(30.0, minutes * 60 / 40)
        while loop.time() < begin + minutes * 60:
            next_sample = loop.time() + interval
            while loop.time() < next_sample:
                await load.batch()
            await asyncio.sleep(0.2)  # connections that were closed without waiting end meanwhile
            samples.append(sample())
            shown = ", ".join(f"{name} {value:,}" for name, value in samples[-1].items())
            print(f"{(loop.time() - begin) / 60:6.1f} min, {sum(load.rounds.values()):,} rounds: {shown}", flush=True)
        await services.stop()

    print("rounds:", ", ".join(f"{name} {count:,}" for name, count in sorted(load.rounds.items())))
    print(f"CPU: {time.process_time():.0f} s")
    grown = growth(samples)
    print("growth:", ", ".join(f"{name} {value:+,} (bound {MAX_GROWTH[name]:,})" for name, value in grown.items()))
    too_much = [name for name, value in grown.items() if value > MAX_GROWTH[name]]
    print("FAILED: " + ", ".join(too_much) + " grew" if too_much else "passed: flat", flush=True)
    return 1 if too_much else 0


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description="A long mixed load on PyLoop that fails on growth.")
    parser.add_argument("--minutes", type=float, default=60, help="how long to measure (60)")
    parser.add_argument("--warm-up", type=float, default=None, help="minutes before (a tenth of it, at most 5)")
    parser.add_argument("--cpu", type=float, default=1.0, help="share of one CPU to use (1.0)")
    parser.add_argument("--seed", type=int, default=None, help="of the random choices")
    parser.add_argument("--loop", default="data_bridge:PyLoop", help="another loop to compare with: module:class")
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    warm_up = arguments.warm_up if arguments.warm_up is not None else min(5.0, arguments.minutes / 10)
    module, _, name = arguments.loop.partition(":")
    with asyncio.Runner(loop_factory=getattr(importlib.import_module(module), name)) as runner:
        return runner.run(soak(arguments.minutes, warm_up, arguments.cpu))


if __name__ == "__main__":
    sys.exit(main())
