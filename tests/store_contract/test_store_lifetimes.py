"""Which stores the contract has been asked of, and what holds for each as a whole: restarts, ends, leaving clients."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from doors import Open, beside, through_python
from fastapi.testclient import TestClient
from pydantic import BaseModel
from python_models import checked, one_of
from store_kinds import STORE_KINDS, Store, StoreKind

from data_bridge import App
from data_bridge.stores import StoreLimits, stores_of


class Item(BaseModel):
    id: int | None = None
    name: str = ""
    text: str = ""


Checked = checked(Item, "name")


model = one_of(Item, Checked)


def declared(store: Store, model: type[BaseModel]) -> App:
    app = store.app()
    app.crud(model, path="/items", table=store.table("items"), unique=["name"], max_page_size=1000)
    return app


@pytest.mark.parametrize("kind", STORE_KINDS, ids=lambda kind: kind.name)
def test_a_store_is_asked(kind: StoreKind, tmp_path: Path) -> None:
    """Skipped where it is not: the tests of this directory say nothing of it then."""
    if kind.missing:
        pytest.skip(kind.missing)
    with through_python(declared(kind.store(tmp_path), Item)) as client:
        assert client.post("/items", json={}).status_code == 201


def test_a_restart_keeps_everything(store: Store, open_client: Open, model: type[BaseModel]) -> None:
    store.need_to_keep()
    with open_client(declared(store, model)) as client:
        client.post("/items", json=[{"name": str(number)} for number in range(5)])
        client.patch("/items/2", json={"text": "changed"})
        client.delete("/items/3")
        whole = client.get("/items?limit=1000&total=true").content
        tags = {key: client.get(f"/items/{key}").headers["etag"] for key in (1, 2, 4, 5)}
        first = client.get("/items?limit=2&sort=-name").json()
        second = client.get(f"/items?limit=2&sort=-name&cursor={first['next']}").content
    for _ in range(2):
        with open_client(declared(store, model)) as client:
            assert client.get("/items?limit=1000&total=true").content == whole
            for key, tag in tags.items():
                assert client.get(f"/items/{key}", headers={"if-none-match": tag}).status_code == 304
            assert client.get(f"/items?limit=2&sort=-name&cursor={first['next']}").content == second
            assert client.post("/items", json={"name": "0"}).status_code == 409
    with open_client(declared(store, model)) as client:
        made = client.post("/items", json={"name": "new"}, headers={"idempotency-key": "k"})
        assert made.json()["id"] > 5


def test_a_restart_adds_what_the_model_has_more(store: Store, open_client: Open) -> None:
    store.need_to_keep()

    class Wider(Item):
        note: str | None = None
        count: int = 7

    with open_client(declared(store, Item)) as client:
        client.post("/items", json={"name": "a"})
    with open_client(declared(store, Wider)) as client:
        old = {"id": 1, "name": "a", "text": "", "note": None, "count": 7}
        assert client.get("/items/1").json() == old
        assert client.get("/items?count=7&note__isnull=true").json()["items"] == [old]
        assert client.post("/items", json={"name": "b", "note": "x", "count": 1}).json()["id"] == 2
    with open_client(declared(store, Wider)) as client:
        assert client.get("/items/2").json() == {"id": 2, "name": "b", "text": "", "note": "x", "count": 1}


def test_a_store_that_closes_answers_whole_or_503(store: Store, open_client: Open, model: type[BaseModel]) -> None:
    """What has been answered as done is there afterwards, and of what has not been no half."""
    app = declared(store, model)
    done: set[str] = set()
    wrong: list[Any] = []
    busy, refused, stop = threading.Semaphore(0), threading.Event(), threading.Event()
    workers = 6

    def judge(kind: str, got: httpx.Response, expected: int) -> bool:
        if got.status_code not in (expected, 503) or not isinstance(got.json(), (dict, list)):
            wrong.append((kind, got.status_code, got.text))
        if got.status_code == 503:
            refused.set()
            if (got.json(), got.headers.get("retry-after")) != ({"detail": "Service Unavailable"}, "1"):
                wrong.append((kind, got.headers, got.text))
        return got.status_code == expected

    def ask(worker: int) -> None:
        with beside(client) as mine:
            step = 0
            while not stop.is_set():
                step += 1
                name, text = f"{worker}-{step}", "x" * 3000
                if judge("one", mine.post("/items", json={"name": name, "text": text}), 201):
                    done.add(name)
                pair = [{"name": f"{name}-{half}", "text": text} for half in "ab"]
                if judge("pair", mine.post("/items", json=pair), 201):
                    done.update(item["name"] for item in pair)
                judge("list", mine.get("/items?limit=20&sort=-name"), 200)
                if step == 5:
                    busy.release()

    with open_client(app) as client:
        threads = [threading.Thread(target=ask, args=[number]) for number in range(workers)]
        for thread in threads:
            thread.start()
        for _ in range(workers):
            assert busy.acquire(timeout=120)
        deadline = time.monotonic() + 30
        while not refused.is_set() and time.monotonic() < deadline:
            stores_of(app).close()  # a request may open it again
            time.sleep(0.02)
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert refused.is_set()
    assert len(done) >= workers * 5 * 3
    if store.keeps:
        with open_client(declared(store, model)) as client:
            page = client.get("/items?limit=1000").json()
            names = [item["name"] for item in page["items"]]
            while page["next"]:
                page = client.get("/items", params={"limit": 1000, "cursor": page["next"]}).json()
                names += [item["name"] for item in page["items"]]
            assert done <= set(names)
            assert len(set(names)) == len(names)
            pairs = Counter(name[:-2] for name in names if name.endswith(("-a", "-b")))
            assert set(pairs.values()) <= {2}


def test_who_leaves_is_in_nobodys_way(store: Store, open_client: Open, model: type[BaseModel]) -> None:
    with open_client(declared(store, model)) as client:
        if isinstance(client, TestClient):
            pytest.skip("its client cannot leave")
        address = (client.base_url.host, client.base_url.port)
        for number in range(60):
            body = json.dumps([{"name": f"{number}-{half}"} for half in "ab"]).encode()
            asked = (
                b"POST /items HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
                % len(body)
                if number % 2
                else b"GET /items?sort=-name&total=true HTTP/1.1\r\nhost: t\r\ncontent-length: %d\r\n\r\n" % len(body)
            )
            with socket.create_connection(address) as leaving:
                leaving.sendall(asked + body)
                if number % 3 == 0:  # a reset, else a proper end
                    leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            if number % 10 == 0:
                made = client.post("/items", json={"name": f"stays {number}"})
                assert (made.status_code, made.json()["name"]) == (201, f"stays {number}")
        names = [item["name"] for item in client.get("/items?limit=1000").json()["items"]]
        assert [name for name in names if name.startswith("stays")] == [
            f"stays {number}" for number in range(0, 60, 10)
        ]
        pairs = Counter(name[:-2] for name in names if name.endswith(("-a", "-b")))
        assert set(pairs.values()) <= {2}
        assert {int(number) % 2 for number in pairs} <= {1}


def test_a_list_that_takes_too_long_is_504(store: Store, open_client: Open, model: type[BaseModel]) -> None:
    if not store.url.startswith("sqlite:"):
        pytest.skip("how much is too much is known of SQLite alone")
    app, table = App(store=store.url, store_limits=StoreLimits(timeout=60)), store.table("items")
    app.crud(model, path="/items", table=table, timeout=0.02)
    app.crud(model, path="/patient", table=table)
    never = json.dumps([{"text__icontains": f"x{number}"} for number in range(45)])
    with open_client(app) as client:
        for _ in range(4):
            assert client.post("/items", json=[{"text": "ab" * 500}] * 1000).status_code == 201
        for more in ({}, {"sort": "-text"}, {"limit": "0", "total": "true"}):
            late = client.get("/items", params={"where": never, **more})
            assert (late.status_code, late.json()) == (504, {"detail": "Gateway Timeout"})
        assert client.get("/patient?limit=1").json()["items"][0]["id"] == 1
        one = json.dumps({"text__icontains": "x1"})
        assert client.get("/patient", params={"where": one, "total": "true"}).json()["total"] == 0


def test_a_page_that_is_full_ends_and_goes_on(store: Store, open_client: Open, model: type[BaseModel]) -> None:
    """What `next` tells is all that tells whether there are more."""
    app, count = App(store=store.url, store_limits=StoreLimits(max_page_bytes=100_000)), 300
    app.crud(model, path="/items", table=store.table("items"), page_size=1000, max_page_size=1000)
    with open_client(app) as client:
        client.post("/items", json=[{"text": "x" * 1000}] * count)
        keys: list[int] = []
        page = client.get("/items").json()
        while True:
            assert 0 < len(page["items"]) < count
            keys += [item["id"] for item in page["items"]]
            if page["next"] is None:
                break
            page = client.get("/items", params={"cursor": page["next"]}).json()
        assert keys == list(range(1, count + 1))
