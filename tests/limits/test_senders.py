"""What an application sends faster than it leaves: it waits, wherever the connection lives."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest
from bridge.raw_client import RawConnection, request

from data_bridge.testing import LiveServer

PIECE = b"x" * (1 << 20)


def starve_io_threads() -> None:
    """Lets I/O threads run only while the calling thread, which is to run Python, does not."""
    processor = {min(os.sched_getaffinity(0))}
    os.sched_setaffinity(0, processor)
    for task in Path("/proc/self/task").iterdir():
        if (task / "comm").read_text().startswith("data_bridge-io"):
            os.sched_setaffinity(int(task.name), processor)
            os.sched_setscheduler(int(task.name), os.SCHED_IDLE, os.sched_param(0))


@pytest.mark.parametrize("io_threads", [0, 1, 2])
def test_a_sender_that_never_suspends_waits_for_its_pieces_to_be_written(io_threads: int) -> None:
    """On another thread nobody says how much is unsent before that thread has had its turn."""
    sent: list[int] = []

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        starve_io_threads()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        turned: list[bool] = []
        asyncio.get_running_loop().call_soon(turned.append, True)
        count = 0
        while not turned and count < 200:
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
            count += 1
        sent.append(count)
        await send({"type": "http.response.body", "body": b""})

    with (
        LiveServer(app, io_threads=io_threads, lifespan="off") as server,
        RawConnection(server.port, most=1 << 20) as connection,
    ):
        connection.send(request("GET", "/"))
        time.sleep(0.3)  # nothing is read meanwhile
        assert len(connection.read_answer().body) == sent[0] * len(PIECE)
    # The kernel takes the first few megabytes at once.
    assert sent[0] <= 10
