"""Random tables, conditions, orders and pages, compared with a model of the contract in plain Python.

``DATA_BRIDGE_QUERIES`` sets how many queries are asked, ``DATA_BRIDGE_SEED`` which.
"""

from __future__ import annotations

import os
import random
import threading
from typing import Any

import httpx
import pytest
from doors import Open, natively
from query_model import ordered
from random_queries import KINDS, TABLE_SIZE, Thing, check, random_item, read_pages

from data_bridge import App

QUERIES = int(os.environ.get("DATA_BRIDGE_QUERIES", "1500"))
SEED = int(os.environ.get("DATA_BRIDGE_SEED", "14"))


@pytest.mark.parametrize("indexed", [False, True], ids=["plain", "indexed"])
def test_random_queries(app: App, indexed: bool) -> None:
    columns = ["name", "nick", "price", "count", "made", "seen", "serial", "fresh", ("color", "count")]
    app.crud(Thing, indexes=columns if indexed else [])
    rng = random.Random(SEED + indexed)
    with natively(app) as client:
        stored: list[Any] = []
        for number in range(QUERIES // 2):
            if number % 500 == 0:
                for item in stored:
                    client.delete(f"/things/{item['id']}")
                stored = [client.post("/things", json=random_item(rng)).json() for _ in range(TABLE_SIZE)]
            check(client, rng, stored)


def test_both_doors_answer_queries_alike(app: App, open_client: Open) -> None:
    app.crud(Thing)
    rng = random.Random(SEED)
    with open_client(app) as client:
        stored = [client.post("/things", json=random_item(rng)).json() for _ in range(TABLE_SIZE)]
        for _ in range(100):
            check(client, rng, stored)


@pytest.mark.parametrize("sort", ["id", "-price", "name,-made", "-nick", "-inner.city,count"])
def test_under_writers_no_page_skips_or_repeats_an_item(app: App, sort: str) -> None:
    app.crud(Thing, indexes=["price", "nick"])
    rng = random.Random(SEED)
    stop = threading.Event()
    with natively(app) as client:
        stored = [client.post("/things", json=random_item(rng)).json() for _ in range(TABLE_SIZE)]
        expected = [item["id"] for item in ordered(KINDS, sort, stored)]

        def write() -> None:
            writes = random.Random(SEED + 1)
            with httpx.Client(base_url=client.base_url, timeout=10) as other:
                while not stop.is_set():
                    passing = other.post("/things", json=random_item(writes)).json()["id"]
                    other.put(f"/things/{passing}", json=random_item(writes))
                    other.delete(f"/things/{passing}")

        writers = [threading.Thread(target=write) for _ in range(3)]
        for writer in writers:
            writer.start()
        try:
            kept = set(expected)
            for limit in (1, 2, 5, 20, 3):
                keys = [item["id"] for item in read_pages(client, [("sort", sort)], limit)]
                assert [key for key in keys if key in kept] == expected
        finally:
            stop.set()
            for writer in writers:
                writer.join()
