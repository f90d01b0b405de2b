"""python benchmarks/loop: PyLoop, asyncio's own loop and uvloop, interleaved, in CPU time per operation.

Each measurement is a process of its own that is pinned to one CPU; its CPU time is read around the row, so that
other work on the machine disturbs little. The best of the rounds counts; the ratio is uvloop's time to PyLoop's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from rows import ROWS

LOOPS = ("asyncio", "uvloop", "data_bridge")


def make_loop(name: str) -> asyncio.AbstractEventLoop:
    if name == "uvloop":
        import uvloop

        return uvloop.new_event_loop()
    if name == "data_bridge":
        import data_bridge

        return data_bridge.new_event_loop()
    return asyncio.SelectorEventLoop()


def worker(name: str, row: str) -> None:
    """Prints nanoseconds of CPU per operation."""
    loop = make_loop(name)
    asyncio.set_event_loop(loop)
    began = time.process_time_ns()
    operations = ROWS[row](loop)
    spent = time.process_time_ns() - began
    loop.close()
    print(spent / operations)


def measure(name: str, row: str, python: str) -> float:
    command = [python, str(Path(__file__).parent), "--worker", name, "--rows", row]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"{name}, {row}:\n{run.stderr}")
    return float(run.stdout.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default="", help="only rows whose name contains this")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cpu", type=int, default=None, help="pin everything to this CPU")
    parser.add_argument("--json", help="write the figures here")
    parser.add_argument("--worker", choices=LOOPS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker(options.worker, options.rows)
        return
    if options.cpu is not None:
        os.sched_setaffinity(0, {options.cpu})

    print(f"Python {sys.version.split()[0]}, ns of CPU per operation, best of {options.rounds}")
    print(f"{'':38}{'asyncio':>10}{'uvloop':>10}{'PyLoop':>10}{'uvloop : PyLoop':>18}")
    figures: dict[str, dict[str, float]] = {}
    for row in ROWS:
        if options.rows not in row:
            continue
        best = dict.fromkeys(LOOPS, float("inf"))
        for _ in range(options.rounds):
            for name in LOOPS:
                best[name] = min(best[name], measure(name, row, sys.executable))
        figures[row] = best
        ratio = best["uvloop"] / best["data_bridge"]
        cells = "".join(f"{best[name]:10.0f}" for name in LOOPS)
        print(f"{row:38}{cells}{ratio:18.2f}", flush=True)
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
