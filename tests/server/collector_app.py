"""Tells of its garbage collector; `COLLECTOR_APP` is its own threshold, if it wants one."""

import gc
import os
import weakref
from typing import Any

from fastapi import FastAPI

if threshold := os.environ.get("COLLECTOR_APP"):
    gc.set_threshold(int(threshold))

app = FastAPI()
alive: weakref.WeakSet[Any] = weakref.WeakSet()


class Circle:
    """Garbage that only the collector finds."""

    def __init__(self, word: str = "") -> None:
        self.itself = self
        self.word = word
        alive.add(self)

    def __del__(self) -> None:
        if self.word:
            print(self.word, flush=True)


Circle("made before the start")
app.state.kept = Circle("kept until the end")


@app.get("/collector")
async def collector() -> dict[str, Any]:
    return {"thresholds": gc.get_threshold(), "frozen": gc.get_freeze_count(), "alive": len(alive)}


@app.get("/garbage")
async def garbage(count: int) -> None:
    for _ in range(count):
        Circle()
