"""Lists: their order, and pages by cursor and by offset, also while others write."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from doors import Open, beside
from filter_cases import PEOPLE, SORT_CASES
from pydantic import BaseModel, Field, computed_field
from random_queries import TABLE_SIZE, Thing, check, random_item
from store_kinds import Store


class Address(BaseModel):
    city: str | None = None
    zip: int


class Person(BaseModel):
    id: str
    name: str | None = Field(None, alias="fullName")
    age: int | None = None
    tags: list[str] = []
    address: Address | None = None


class Shown(Person):
    @computed_field  # type: ignore[prop-decorator]
    @property
    def shout(self) -> str:
        return (self.name or "").upper()


class Row(BaseModel):
    id: int | None = None
    group: int
    text: str | None = None


def on_the_wire(key: str, person: dict[str, Any]) -> dict[str, Any]:
    return {"id": key, "fullName": person["name"], **{name: person[name] for name in ("age", "tags", "address")}}


EVERYBODY = [on_the_wire(key, person) for key, person in PEOPLE.items()]


@pytest.fixture(scope="module")
def client(shared_store: Store, open_client: Open) -> Iterator[httpx.Client]:
    """Of filled resources, for requests that only read."""
    app, table = shared_store.app(), shared_store.table("people")
    app.crud(Person, path="/people", table=table)
    app.crud(Shown, path="/shown", table=table)
    app.crud(Person, path="/by-age", table=table, sort="-age,name")
    app.crud(Person, path="/small", table=table, page_size=2, max_page_size=3)
    app.crud(Row, path="/rows", table=shared_store.table("rows"))
    with open_client(app) as client:
        assert client.post("/people", json=EVERYBODY).status_code == 201
        rows = [{"group": number % 3, "text": None if number % 4 == 0 else str(number % 5)} for number in range(31)]
        assert client.post("/rows", json=rows).status_code == 201
        yield client


def keys(answer: httpx.Response) -> list[Any]:
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


def pages(client: httpx.Client, path: str, **query: Any) -> Iterator[list[Any]]:
    """The keys of each page, by `next`; the link leads to the same."""
    page = client.get(path, params=query)
    while True:
        yield keys(page)
        cursor, link = page.json()["next"], page.links.get("next")
        assert (cursor is None) == (link is None)
        if cursor is None or link is None:
            return
        page = client.get(path, params={**query, "cursor": cursor})
        assert client.get(link["url"]).content == page.content


@pytest.mark.parametrize("path", ["/people", "/shown"])
def test_orders(client: httpx.Client, path: str) -> None:
    for sort, expected in SORT_CASES:
        sort = sort and sort.replace("name", "fullName")
        query = {} if sort is None else {"sort": sort}
        assert "".join(keys(client.get(path, params=query))) == expected, sort
        for limit in (1, 2, 3):
            found = list(pages(client, path, limit=limit, **query))
            assert "".join(key for page in found for key in page) == expected, (sort, limit)
            assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)
        for offset in range(7):
            assert "".join(keys(client.get(path, params={"offset": offset, **query}))) == expected[offset:]


def test_the_order_of_the_resource(client: httpx.Client) -> None:
    assert "".join(keys(client.get("/by-age"))) == "daecb"
    assert ["".join(page) for page in pages(client, "/by-age", limit=2)] == ["da", "ec", "b"]
    assert "".join(keys(client.get("/by-age?sort=id"))) == "abcde"


def test_all_pages_are_the_whole_list(client: httpx.Client) -> None:
    whole = {
        sort: keys(client.get("/rows", params={"sort": sort, "limit": 100})) for sort in ("id", "-group,text", "text")
    }
    for sort, expected in whole.items():
        assert sorted(expected) == list(range(1, 32))
        for limit in (1, 4, 10, 30, 31):
            assert [key for page in pages(client, "/rows", sort=sort, limit=limit) for key in page] == expected
    inside = [key for page in pages(client, "/rows", sort="-text", limit=4, group__ne=1) for key in page]
    assert inside == keys(client.get("/rows?sort=-text&limit=100&group__ne=1"))
    by_where = [key for page in pages(client, "/rows", limit=4, where='{"text":null}') for key in page]
    assert by_where == keys(client.get("/rows?text__isnull=true&limit=100"))


def test_a_cursor_of_another_query_is_422(client: httpx.Client) -> None:
    cursor = client.get("/rows?limit=3&sort=-text&group=1").json()["next"]
    assert client.get(f"/rows?limit=5&sort=-text&group=1&cursor={cursor}").status_code == 200  # the limit may change
    others = ("sort=text&group=1", "sort=-text", "sort=-text&group=2", "sort=-text,group&group=1", "group=1")
    paths = [f"/rows?limit=3&{other}" for other in others]
    for path in [*paths, "/people?limit=3"]:
        refused = client.get(f"{path}&cursor={cursor}")
        assert refused.status_code == 422, path
        assert [error["loc"] for error in refused.json()["detail"]] == [["query", "cursor"]]
    turned = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
    for damaged in ("", "x", "AAAA", turned, cursor[:-2], cursor + cursor, "' OR 1=1", "../..", "A" * 5000):
        answer = client.get("/rows", params={"limit": "3", "sort": "-text", "group": "1", "cursor": damaged})
        assert answer.status_code == 422, damaged


def test_limits_offsets_and_totals(client: httpx.Client) -> None:
    assert keys(client.get("/small")) == ["a", "b"]
    assert keys(client.get("/small?limit=3")) == ["a", "b", "c"]
    assert client.get("/small?limit=4").status_code == 422
    assert client.get("/people?limit=0").json() == {"items": [], "next": None}
    assert client.get("/people?limit=0&total=true").json() == {"items": [], "next": None, "total": 5}
    page = client.get("/people?limit=2&total=true&age__gt=20").json()
    assert ([item["id"] for item in page["items"]], page["total"], page["next"]) == (["a", "d"], 2, None)
    first = client.get("/people?limit=2&total=true").json()
    assert (len(first["items"]), first["total"], first["next"] is None) == (2, 5, False)
    later = client.get(f"/people?limit=2&total=true&cursor={first['next']}").json()
    assert (len(later["items"]), later["total"]) == (2, 5)
    assert "total" not in client.get("/people?total=false").json()
    assert keys(client.get("/people?offset=10000")) == []
    assert client.get("/people?offset=10001").status_code == 422
    assert client.get(f"/people?limit=2&offset=1&cursor={first['next']}").status_code == 422


@pytest.mark.parametrize("path", ["/people", "/shown"])
def test_chosen_fields(client: httpx.Client, path: str) -> None:
    def first(fields: str) -> Any:
        return client.get(path, params={"fields": fields, "limit": 1}).json()["items"]

    assert first("id") == [{"id": "a"}]
    assert list(first("age,id")[0].items()) == [("id", "a"), ("age", 30)]  # in the order of the model
    assert first("fullName,address") == [{"fullName": "Ann", "address": {"city": "Oslo", "zip": 150}}]
    assert client.get(f"{path}?fields=name").status_code == 422
    by_other = client.get(f"{path}?fields=id&sort=-address.zip&limit=1&age=30").json()
    assert by_other["items"] == [{"id": "a"}]
    second = client.get(f"{path}?fields=id&sort=-address.zip&limit=1&age=30&cursor={by_other['next']}").json()
    assert second["items"] == [{"id": "d"}]


@pytest.mark.parametrize("sort", ["id", "-group,text", "text"])
def test_who_stays_is_on_exactly_one_page(store: Store, open_client: Open, sort: str) -> None:
    """While others are made, moved and removed, among them the one that the cursor stands on."""
    app = store.app()
    app.crud(Row, path="/rows", table=store.table("rows"))
    chosen, stop = random.Random(sort), threading.Event()

    def row() -> dict[str, Any]:
        return {"group": chosen.randrange(3), "text": chosen.choice([None, "", "a", "b"])}

    with open_client(app) as client:
        for _ in range(3):
            assert client.post("/rows", json=[row() for _ in range(20)]).status_code == 201
        all_keys = keys(client.get("/rows", params={"sort": sort, "limit": 100}))
        passing = set(all_keys[2::3])
        staying = [key for key in all_keys if key not in passing]

        def write() -> None:
            with beside(client) as mine:
                while not stop.is_set():
                    made = mine.post("/rows", json=row()).json()["id"]
                    mine.patch(f"/rows/{made}", json=row())
                    mine.delete(f"/rows/{made}")

        writers = [threading.Thread(target=write) for _ in range(3)]
        for writer in writers:
            writer.start()
        try:
            for limit in (7, 1, 20):
                found: list[Any] = []
                page = client.get("/rows", params={"sort": sort, "limit": limit})
                while True:
                    found += keys(page)
                    if page.json()["next"] is None:
                        break
                    if found and found[-1] in passing:
                        client.delete(f"/rows/{found[-1]}")
                    page = client.get("/rows", params={"sort": sort, "limit": limit, "cursor": page.json()["next"]})
                assert [key for key in found if key in staying] == staying
        finally:
            stop.set()
            for writer in writers:
                writer.join()


def test_random_queries(store: Store, open_client: Open) -> None:
    """Compared with the contract in plain Python: tests/query_model.py."""
    app = store.app()
    app.crud(Thing, path="/things", table=store.table("things"), indexes=["name", "made", ("color", "count")])
    chosen = random.Random(33)
    with open_client(app) as client:
        made = client.post("/things", json=[random_item(chosen) for _ in range(TABLE_SIZE)])
        for _ in range(150):
            check(client, chosen, made.json())
