"""python benchmarks/loop: PyLoop, asyncio's own loop and uvloop, interleaved, in CPU time per operation.

Each measurement is a process of its own, pinned to one CPU, with the client of an echo pinned to another; its CPU
time is read around the row, so that other work on the machine disturbs little. The best of the rounds counts; the
ratio is uvloop's time to PyLoop's. The floor of an echo is the same by system calls alone (floor/epoll.cpp).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import rows
from rows import ECHOES, ROWS

LOOPS = ("asyncio", "uvloop", "data_bridge")
FOLDER = Path(__file__).parent


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


def last_number(command: list[str]) -> float:
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}:\n{run.stderr}")
    return float(run.stdout.strip().splitlines()[-1])


def measure(name: str, row: str, floor: str | None, client_cpu: int) -> float | None:
    """Nanoseconds; None for the floor of a row that has none."""
    if name != "floor":
        return last_number(
            [sys.executable, str(FOLDER), "--worker", name, "--rows", row, "--client-cpu", str(client_cpu)]
        )
    echo = ECHOES.get(row)
    if floor is None or echo is None or "--tls" in echo.options:
        return None
    return last_number([floor, echo.kind, str(echo.count), *echo.client("{}")])


def build_floor(folder: str) -> str | None:
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        return None
    program = f"{folder}/floor"
    subprocess.run([compiler, "-std=c++20", "-O2", "-o", program, str(FOLDER / "floor" / "epoll.cpp")], check=True)
    return program


def cells(best: dict[str, float]) -> list[str]:
    numbers = [f"{best[name]:,.0f}" if name in best else "" for name in (*LOOPS, "floor")]
    ratio = best["uvloop"] / best["data_bridge"]
    possible = f"{best['uvloop'] / best['floor']:.2f}" if "floor" in best else ""
    return [*numbers, f"{ratio:.2f}", possible]


def main() -> None:
    cpus = sorted(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(prog="python benchmarks/loop", description=__doc__)
    parser.add_argument("--rows", default="", help="only rows whose name contains this")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cpu", type=int, default=cpus[0], help="of the loop (default: the first)")
    parser.add_argument("--client-cpu", type=int, default=cpus[-1], help="of an echo's client (default: the last)")
    parser.add_argument("--markdown", action="store_true", help="print the rows for a document")
    parser.add_argument("--json", help="write the figures here")
    parser.add_argument("--worker", choices=LOOPS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    rows.client_options += ["--cpu", str(options.client_cpu)]
    if options.worker:
        worker(options.worker, options.rows)
        return
    os.sched_setaffinity(0, {options.cpu})

    header = ["asyncio", "uvloop", "PyLoop", "floor", "uvloop : PyLoop", "uvloop : floor"]
    print(f"Python {sys.version.split()[0]}, ns of CPU per operation, best of {options.rounds}")
    print(f"{'':38}" + "".join(f"{text:>{max(10, len(text) + 2)}}" for text in header))
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="loop-benchmark-") as folder:
        floor = build_floor(folder)
        for row in ROWS:
            if options.rows not in row:
                continue
            best: dict[str, float] = {}
            for _ in range(options.rounds):
                for name in (*LOOPS, "floor"):
                    spent = measure(name, row, floor, options.client_cpu)
                    if spent is not None:
                        best[name] = min(best.get(name, spent), spent)
            figures[row] = best
            columns = zip(header, cells(best), strict=True)
            if options.markdown:
                print(f"| {row} | " + " | ".join(cell for _, cell in columns) + " |", flush=True)
            else:
                print(f"{row:38}" + "".join(f"{cell:>{max(10, len(text) + 2)}}" for text, cell in columns), flush=True)
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
