"""Entity tags and preconditions: nobody overwrites what he has not seen."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from doors import Open, beside, through_python
from pydantic import BaseModel, field_validator
from python_models import checked, one_of
from store_kinds import Store

from data_bridge import App


class Item(BaseModel):
    id: int | None = None
    name: str = ""
    count: int = 0


Checked = checked(Item, "name")


model = one_of(Item, Checked)


@pytest.fixture
def app(store: Store, model: type[BaseModel]) -> App:
    app = store.app()
    app.crud(model, path="/items", table=store.table("items"))
    app.crud(model, path="/careful", table=store.table("items"), require_match=True)
    return app


def test_a_tag_says_what_is_stored(app: App, open_client: Open) -> None:
    with open_client(app) as client:
        first = client.post("/items", json={"name": "a"})
        tag = first.headers["etag"]
        assert tag.startswith('"')
        assert tag.endswith('"')
        assert client.get("/items/1").headers["etag"] == tag
        assert client.patch("/items/1", json={}).headers["etag"] == tag
        other = client.patch("/items/1", json={"count": 1}).headers["etag"]
        assert other != tag
        assert client.patch("/items/1", json={"count": 0}).headers["etag"] == tag  # changed back
        assert client.post("/items", json={"name": "a"}).headers["etag"] != tag  # another item


def test_who_has_it_gets_304(app: App, open_client: Open) -> None:
    with open_client(app) as client:
        tag = client.post("/items", json={"name": "a"}).headers["etag"]
        for method in ("GET", "HEAD"):
            for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
                same = client.request(method, "/items/1", headers={"if-none-match": known})
                assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
            changed = client.request(method, "/items/1", headers={"if-none-match": '"x"'})
            assert (changed.status_code, changed.headers["etag"]) == (200, tag)
            assert client.request(method, "/items/2", headers={"if-none-match": tag}).status_code == 404


def test_what_has_changed_is_not_written(app: App, open_client: Open) -> None:
    with open_client(app) as client:
        old = client.post("/items", json={"name": "a"}).headers["etag"]
        new = client.patch("/items/1", json={"count": 1}, headers={"if-match": old}).headers["etag"]
        for path in ("/items/1", "/careful/1"):
            for method in ("PUT", "PATCH", "DELETE"):
                for known in (old, f"W/{new}", '"x"'):
                    refused = client.request(method, path, json={"name": "b"}, headers={"if-match": known})
                    assert (refused.status_code, refused.json()) == (412, {"detail": "Precondition Failed"})
                    assert refused.headers["etag"] == new
        assert client.get("/items/1").json() == {"id": 1, "name": "a", "count": 1}
        written = client.put("/items/1", json={"name": "b"}, headers={"if-match": f'"x", {new}'})
        assert written.status_code == 200
        assert client.patch("/items/1", json={"count": 2}, headers={"if-match": "*"}).status_code == 200
        assert client.delete("/items/1", headers={"if-match": "*"}).status_code == 204
        for method in ("PUT", "PATCH", "DELETE"):
            assert client.request(method, "/items/1", json={"name": "b"}, headers={"if-match": new}).status_code == 404


def test_a_resource_may_want_preconditions(app: App, open_client: Open) -> None:
    with open_client(app) as client:
        made = client.post("/careful", json={"name": "a"})
        assert made.status_code == 201
        for method in ("PUT", "PATCH", "DELETE"):
            refused = client.request(method, "/careful/1", json={"name": "b"})
            assert (refused.status_code, refused.json()) == (428, {"detail": "Precondition Required"})
        assert client.get("/items/1").json() == made.json()
        tag = made.headers["etag"]
        put = client.put("/careful/1", json={"name": "b"}, headers={"if-match": tag})
        assert put.status_code == 200
        assert client.delete("/careful/1", headers={"if-match": put.headers["etag"]}).status_code == 204


def test_64_writers_lose_nothing(app: App, open_client: Open) -> None:
    # Starlette's client makes a thread and a loop of its own wait for each request: fewer are as many there.
    writers = 16 if open_client is through_python else 64
    start = threading.Barrier(writers)
    wrong: list[Any] = []
    with open_client(app) as client:
        client.post("/items", json={"name": "a"})

        def increment(method: str) -> None:
            with beside(client) as mine:
                start.wait()
                while not wrong:
                    read = mine.get("/items/1")
                    body = {"name": "a", "count": read.json()["count"] + 1}
                    written = mine.request(method, "/items/1", json=body, headers={"if-match": read.headers["etag"]})
                    if written.status_code == 200 and written.json() == {"id": 1, **body}:
                        return
                    if written.status_code != 412:
                        wrong.append((written.status_code, written.text))

        threads = [threading.Thread(target=increment, args=["PUT" if n % 2 else "PATCH"]) for n in range(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        assert client.get("/items/1").json()["count"] == writers


def test_patches_of_different_fields_meet(store: Store, open_client: Open) -> None:
    """Without preconditions: each is merged with what is stored by then."""

    class Wide(BaseModel):
        id: int | None = None
        fields: dict[str, int] = {}

    class CheckedWide(Wide):
        @field_validator("fields")
        @classmethod
        def take(cls, value: dict[str, int]) -> dict[str, int]:
            return value

    app = store.app()
    app.crud(Wide, path="/native", table=store.table("native"))
    app.crud(CheckedWide, path="/python", table=store.table("python"))
    with open_client(app) as client:
        for path in ("/native", "/python"):
            client.post(path, json={})

            def patch(number: int, path: str = path) -> None:
                with beside(client) as mine:
                    for step in range(3):
                        assert mine.patch(f"{path}/1", json={"fields": {f"f{number}": step}}).status_code == 200

            threads = [threading.Thread(target=patch, args=[number]) for number in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert client.get(f"{path}/1").json()["fields"] == {f"f{number}": 2 for number in range(8)}
