"""An application that holds on to whatever a stop has to wait for; `PROCESS_APP` says to what, in words."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import FrameType
from typing import Any

from fastapi import BackgroundTasks, FastAPI, Request

WISHES = os.environ.get("PROCESS_APP", "").split()


def say(text: str) -> None:
    print(text, flush=True)


def own_handler(number: int, frame: FrameType | None) -> None:
    say(f"own handler: {signal.Signals(number).name}")


if "import-handler" in WISHES:
    signal.signal(signal.SIGTERM, own_handler)
    signal.signal(signal.SIGINT, own_handler)
if "import-fails" in WISHES or ("import-fails-if" in WISHES and Path("broken").exists()):
    raise RuntimeError("no module today")
if "import-exits" in WISHES:
    sys.exit(7)


async def stubborn() -> None:
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    if "start-hangs" in WISHES:
        say("start hangs")
        await asyncio.sleep(3600)
    if "start-fails" in WISHES:
        raise RuntimeError("no database today")
    if "start-kills" in WISHES:
        os.kill(os.getpid(), signal.SIGKILL)
    if "chained-handler" in WISHES:
        previous: Any = signal.getsignal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, lambda number, frame: (own_handler(number, frame), previous(number, frame)))
    if "taking-handler" in WISHES:
        signal.signal(signal.SIGTERM, own_handler)
    if "task-hangs" in WISHES:
        app.state.stubborn = asyncio.create_task(stubborn())
    if "executor-hangs" in WISHES:
        asyncio.get_running_loop().run_in_executor(None, time.sleep, 3600)
    if "thread-hangs" in WISHES:
        threading.Thread(target=time.sleep, args=(3600,)).start()
    try:
        yield
    finally:
        say("lifespan cleaned up")
    if "end-hangs" in WISHES:
        say("end hangs")
        await asyncio.sleep(3600)
    if "end-is-stubborn" in WISHES:
        say("end hangs")
        await stubborn()
    if "end-fails" in WISHES:
        raise RuntimeError("cannot close")
    say("lifespan ended")


app = FastAPI(lifespan=lifespan)


@app.get("/pid")
async def pid() -> int:
    return os.getpid()


@app.get("/held")
async def held() -> str:
    say("held")
    while not Path("release").exists():
        await asyncio.sleep(0.01)
    return "released"


@app.get("/forever")
async def forever() -> str:
    say("request hangs")
    await asyncio.sleep(3600)
    return "never"


@app.get("/thread")
def thread() -> str:
    say("request hangs")
    time.sleep(3600)
    return "never"


@app.get("/blocked")
async def blocked() -> str:
    say("request hangs")
    time.sleep(3600)
    return "never"


@app.get("/background")
async def background(tasks: BackgroundTasks) -> str:
    async def work() -> None:
        say("request hangs")
        await stubborn()

    tasks.add_task(work)
    return "answered"


@app.get("/stream")
async def stream(request: Request) -> dict[str, Any]:
    return {
        "root_path": request.scope["root_path"],
        "client": request.client.host if request.client else None,
        "variable": os.environ.get("FROM_FILE"),
        "worker": os.environ.get("DATA_BRIDGE_WORKER"),
    }


def nap(running: Any = None) -> None:
    if running is not None:
        running.set()
    time.sleep(3600)


def square(number: int) -> int:
    return number * number


def square_when_released(number: int) -> int:
    while not Path("release").exists():
        time.sleep(0.01)
    return number * number


fork = multiprocessing.get_context("fork")


def ended_by(number: int) -> int | None:
    child = fork.Process(target=nap)
    child.start()
    assert child.pid is not None
    os.kill(child.pid, number)
    child.join(60)
    return child.exitcode


@app.get("/terminate")
def terminate() -> int | None:
    return ended_by(signal.SIGTERM)


@app.get("/interrupt")
def interrupt() -> bool:
    """Whether a child survives Ctrl-C, which goes to all processes of a terminal."""
    running = fork.Event()
    child = fork.Process(target=nap, args=(running,))
    child.start()
    assert child.pid is not None
    os.kill(child.pid, signal.SIGINT)
    alive = running.wait(60) and child.is_alive()
    child.terminate()
    child.join()
    return alive


@app.get("/terminate-on-the-loop")
async def terminate_on_the_loop() -> int | None:
    return ended_by(signal.SIGTERM)


@app.get("/pool")
def pool() -> list[int]:
    with fork.Pool(2) as workers:  # its end is a SIGTERM to each
        return workers.map(square, range(4))


def exits_well(method: str) -> int | None:
    child = multiprocessing.get_context(method).Process(target=square, args=(2,))
    child.start()
    child.join(60)
    status: int | None = child.exitcode
    return status


@app.get("/spawn")
def spawn() -> int | None:
    return exits_well("spawn")


@app.get("/forkserver")
def forkserver() -> int | None:
    return exits_well("forkserver")


@app.get("/os-fork")
async def os_fork() -> int:
    child = os.fork()
    if child == 0:
        signal.raise_signal(signal.SIGTERM)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@app.get("/subprocess")
def run_subprocess() -> int:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    child.terminate()
    return child.wait(60)


@app.get("/held-by-children")
def held_by_children() -> list[int]:
    with fork.Pool(2) as workers:
        result = workers.map_async(square_when_released, range(4))
        say("held")
        return result.get()
