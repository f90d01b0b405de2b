"""Many requests at once: each gets its own answer, and sees what was answered before it."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any

import httpx
import pytest
from doors import Open, beside
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field, field_validator
from store_kinds import Store

from data_bridge import App
from data_bridge.stores import StoreLimits, stores_of


class Item(BaseModel):
    id: str
    owner: str = Field(max_length=40)
    text: str = ""
    count: int = 0


class Checked(Item):
    @field_validator("text")
    @classmethod
    def take(cls, value: str) -> str:
        return value


@pytest.fixture(params=[Item, Checked], ids=lambda model: model.__name__)
def app(request: pytest.FixtureRequest, store: Store) -> App:
    app = store.app()
    app.crud(request.param, path="/items", table=store.table("items"), unique=["text"], max_page_size=1000)
    return app


@dataclass(frozen=True)
class Asked:
    """A request, and whether an answer is its own."""

    method: str
    path: str
    is_own: Callable[[httpx.Response], bool]
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


def send_at_once(client: httpx.Client, requests: Sequence[Asked]) -> list[httpx.Response]:
    """All of them without waiting for each other, on as many connections."""

    def through_client(asked: Asked) -> httpx.Response:
        return client.request(asked.method, asked.path, json=asked.body, headers=asked.headers)

    def on_a_connection(asked: Asked) -> httpx.Response:
        # Of the standard library's, because a pool of httpx takes longer for 200 than the server does.
        with closing(HTTPConnection(client.base_url.host, client.base_url.port or 80, timeout=60)) as connection:
            connection.connect()
            together.wait()
            body = None if asked.body is None else json.dumps(asked.body)
            connection.request(asked.method, asked.path, body, {"content-type": "application/json", **asked.headers})
            got = connection.getresponse()
            return httpx.Response(got.status, headers=got.getheaders(), content=got.read())

    together = threading.Barrier(len(requests))
    send = through_client if isinstance(client, TestClient) else on_a_connection
    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(send, requests))


def item(number: int, **changes: Any) -> dict[str, Any]:
    return {"id": f"k{number}", "owner": f"owner of {number}", "text": f"text {number}", "count": number} | changes


def answered(status: int, body: Any = None) -> Callable[[httpx.Response], bool]:
    return lambda got: got.status_code == status and (body is None or got.json() == body)


def refused(value: str) -> Callable[[httpx.Response], bool]:
    return lambda got: got.status_code == 422 and got.json()["detail"][0]["input"] == value


def unchanged(tag: str) -> Callable[[httpx.Response], bool]:
    return lambda got: (got.status_code, got.headers["etag"]) == (304, tag)


def of_one_item(n: int, step: int, tag: str, count: int) -> list[Asked]:
    """All kinds of requests that leave the `n`th of `count` items as it is, and whose answers are known."""
    one, path = item(n), f"/items/k{n}"
    names = [f"{name} {step} {n}" for name in ("new", "first", "second")]
    new, first, second = (item(n, id=name, text=name, count=-1) for name in names)
    short = {"id": one["id"], "owner": one["owner"]}
    return [
        Asked("GET", path, answered(200, one)),
        Asked("GET", path, unchanged(tag), headers={"if-none-match": tag}),
        Asked("GET", f"/items?id=k{n}", answered(200, {"items": [one], "next": None})),
        Asked("GET", f"/items?count={n}&total=true", answered(200, {"items": [one], "next": None, "total": 1})),
        Asked("GET", f"/items?text=text%20{n}&fields=id,owner", answered(200, {"items": [short], "next": None})),
        Asked("GET", f"/items/none{n}", answered(404)),
        Asked("GET", f"/items?count=x{n}", refused(f"x{n}")),
        Asked("PATCH", path, answered(200, one), {"count": n}),
        Asked("PATCH", path, answered(409), {"text": f"text {(n + 1) % count}"}),
        Asked("PUT", path, answered(200, one), one),
        Asked("PUT", path, answered(412), one, {"if-match": f'"{n}"'}),
        Asked("DELETE", f"/items/none{n}", answered(404)),
        Asked("POST", "/items", answered(409), item(n, text=f"other {step} {n}")),
        Asked("POST", "/items", answered(201, new), new),
        Asked("POST", "/items", answered(201, [first, second]), [first, second]),
        Asked("POST", "/items", refused(f"bad{n}"), item(n, count=f"bad{n}")),
    ]


def test_200_requests_at_once_get_their_own_answers(app: App, open_client: Open) -> None:
    chosen, count = random.Random(200), 200
    with open_client(app) as client:
        assert client.post("/items", json=[item(number) for number in range(count)]).status_code == 201
        keys = [f"k{number}" for number in range(count)]
        tags = {key: client.get(f"/items/{key}").headers["etag"] for key in keys}
        for step in range(3):
            requests = [chosen.choice(of_one_item(n, step, tags[f"k{n}"], count)) for n in range(count)]
            for asked, got in zip(requests, send_at_once(client, requests), strict=True):
                assert asked.is_own(got), (asked.method, asked.path, asked.body, got.status_code, got.text)
        kept = client.get("/items?limit=1000&count__ge=0&sort=count").json()["items"]
        assert kept == [item(number) for number in range(count)]


def test_a_read_sees_every_write_that_was_answered(app: App, open_client: Open) -> None:
    """On whichever connection it comes."""
    wrong: list[Any] = []
    with open_client(app) as client, beside(client) as second, beside(client) as third:

        def write_and_read(worker: int) -> None:
            for step in range(8):
                key = f"{worker}-{step}"
                if client.post("/items", json={"id": key, "owner": "a", "text": key}).status_code != 201:
                    wrong.append((key, "create"))
                for other in (second, third):
                    found = [item["id"] for item in other.get(f"/items?text={key}").json()["items"]]
                    if other.get(f"/items/{key}").status_code != 200 or found != [key]:
                        wrong.append((key, "created", found))
                second.patch(f"/items/{key}", json={"count": step + 1})
                if (seen := third.get(f"/items/{key}").json()["count"]) != step + 1:
                    wrong.append((key, "changed", seen))
                third.delete(f"/items/{key}")
                if (status := client.get(f"/items/{key}").status_code) != 404:
                    wrong.append((key, "deleted", status))

        workers = [threading.Thread(target=write_and_read, args=[number]) for number in range(6)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert wrong == []
        assert client.get("/items").json()["items"] == []


def test_a_list_is_of_one_moment(app: App, open_client: Open) -> None:
    """Two items are always written together: nobody sees one of them, or a half of the other."""
    stop = threading.Event()
    with open_client(app) as client:

        def write() -> None:
            with beside(client) as mine:
                number = 0
                while not stop.is_set():
                    number += 1
                    pair = [
                        {"id": f"{number}-{half}", "owner": str(number), "text": f"{number}{half}"} for half in "ab"
                    ]
                    assert mine.post("/items", json=pair).status_code == 201

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(30):
                newest = client.get("/items?limit=1000&fields=owner&total=true").json()
                owners = [item["owner"] for item in newest["items"]]
                assert len(owners) % 2 == 0
                assert all(owners.count(owner) == 2 for owner in set(owners))
                assert newest["total"] % 2 == 0
        finally:
            stop.set()
            writer.join()


def test_writes_beyond_the_limit_are_503_and_not_done(store: Store, open_client: Open) -> None:
    app = App(store=store.url, store_limits=StoreLimits(max_waiting_writes=2))
    app.crud(Item, path="/items", table=store.table("items"))
    with open_client(app) as client:
        requests = [Asked("POST", "/items", answered(201), item(number)) for number in range(60)]
        done: dict[str, bool] = {}
        for asked, got in zip(requests, send_at_once(client, requests), strict=True):
            assert got.status_code in (201, 503), got.text
            if got.status_code == 503:
                assert (got.json(), got.headers["retry-after"]) == ({"detail": "Service Unavailable"}, "1")
            done[asked.body["id"]] = got.status_code == 201
        assert any(done.values())
        kept = {each["id"] for each in client.get("/items?limit=100").json()["items"]}
        assert kept == {key for key, is_done in done.items() if is_done}
        assert stores_of(app).refused_writes == 60 - len(kept)
        assert client.post("/items", json=item(100)).status_code == 201
