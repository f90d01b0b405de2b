"""Tens of thousands of random requests are answered with the same bytes under data_bridge and under uvicorn.

DATA_BRIDGE_RANDOM_REQUESTS=100000 makes more of them, DATA_BRIDGE_RANDOM_SEED=7 others.
"""

from __future__ import annotations

import os

import pytest

from .pair import Pair, both_servers
from .random_requests import Generator
from .typed_app import make_app

COUNT = int(os.environ.get("DATA_BRIDGE_RANDOM_REQUESTS", "10000"))
SEED = int(os.environ.get("DATA_BRIDGE_RANDOM_SEED", "1"))


@pytest.mark.timeout(60 + COUNT // 50)
@pytest.mark.parametrize("io_threads", [0, 1], ids=["inline", "an I/O thread"])
def test_same_bytes(io_threads: int) -> None:
    statuses: dict[str, int] = {}
    with both_servers(make_app, io_threads=io_threads) as ports, Pair(ports) as pair:
        for number, random_request in enumerate(Generator(SEED + io_threads).requests(COUNT)):
            theirs, ours = pair.answers(random_request.data, random_request.method)
            assert ours == theirs, f"request {number} of seed {SEED + io_threads}: {random_request.data!r}"
            statuses[theirs.status_line[9:12]] = statuses.get(theirs.status_line[9:12], 0) + 1
    # It says nothing if the requests are all of one kind.
    assert min(statuses[status] for status in ("200", "201", "204", "307", "404", "405", "418", "422", "500")) > 0
    assert statuses["200"] > COUNT // 10
    assert statuses["422"] > COUNT // 10
