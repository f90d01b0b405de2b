"""Keys: what is accepted can be reached by its Location, and no key ends the making of others."""

from __future__ import annotations

import sqlite3
import uuid
from enum import StrEnum
from pathlib import Path

import pytest
from doors import Open, natively
from pydantic import BaseModel, create_model

from data_bridge import App


class Page(BaseModel):
    id: str
    v: int = 0


class Item(BaseModel):
    id: int | None = None
    name: str = ""


@pytest.mark.parametrize(
    "key",
    ["a", "a b", " ", "50%", "%", "é", "☃", "😀", "?x#y", "#", "?", "a;b", "a\\b", "...", "a.", "+", "&=",
     "\x01", "\x00", "\t", "\n", "a\n", "\x7f", "\u2028", '"', "'", "{id}", "~", "*", "k" * 2048, "é" * 341],
)  # fmt: skip
def test_a_text_key_is_reached_by_its_location(app: App, open_client: Open, key: str) -> None:
    app.crud(Page, path="/pages")
    with open_client(app) as client:
        assert client.post("/pages", json={"id": "\x00\x00"}).status_code == 201  # before all of them
        made = client.post("/pages", json={"id": key})
        assert (made.status_code, made.json()) == (201, {"id": key, "v": 0})
        where = made.headers["location"]
        assert client.get(where).json() == {"id": key, "v": 0}
        assert client.patch(where, json={"v": 1}).json() == {"id": key, "v": 1}
        assert client.put(where, json={"id": key, "v": 2}).json() == {"id": key, "v": 2}
        first = client.get("/pages", params={"limit": 1}).json()
        second = client.get("/pages", params={"limit": 1, "cursor": first["next"]}).json()
        assert {first["items"][0]["id"], second["items"][0]["id"]} == {"\x00\x00", key}
        assert second["next"] is None
        assert client.post("/pages", json={"id": key}).status_code == 409
        assert client.delete(where).status_code == 204
        assert client.get(where).status_code == 404


@pytest.mark.parametrize("key", ["%2F", "%252F", "%2e", "%41"])
def test_a_key_is_decoded_once(app: App, key: str) -> None:
    """From a live server alone: Starlette's TestClient decodes a path twice."""
    app.crud(Page, path="/pages")
    with natively(app) as client:
        where = client.post("/pages", json={"id": key}).headers["location"]
        assert client.get(where).json()["id"] == key
        assert client.delete(where).status_code == 204


@pytest.mark.parametrize("key", ["", "/", "a/b", "/a", "a/", "..", ".", "https://x/y?z=1", "k" * 2049, "é" * 342])
def test_a_text_key_that_no_path_can_name_is_refused(app: App, open_client: Open, key: str) -> None:
    app.crud(Page, path="/pages")
    with open_client(app) as client:
        refused = client.post("/pages", json={"id": key})
        assert refused.status_code == 422
        (error,) = refused.json()["detail"]
        assert (error["type"], error["loc"], error["input"]) == ("value_error", ["body", "id"], key)
        assert client.get("/pages").json() == {"items": [], "next": None}


def test_an_enum_of_texts_is_a_key_like_others(app: App, open_client: Open) -> None:
    class Colour(StrEnum):
        RED = "red"
        OFF_WHITE = "off/white"

    class Paint(BaseModel):
        id: Colour
        v: int = 0

    app.crud(Paint)
    with open_client(app) as client:
        assert client.get(client.post("/paints", json={"id": "red"}).headers["location"]).status_code == 200
        assert client.post("/paints", json={"id": "off/white"}).status_code == 422


@pytest.mark.parametrize("key", [2**63 - 1, 2**62, 2**53, 2**70, 5, 1, 0, -1, "x", None, [1]])
def test_an_int_key_is_assigned_whatever_the_client_says(app: App, open_client: Open, key: object) -> None:
    app.crud(Item)
    with open_client(app) as client:
        for number in (1, 2):
            made = client.post("/items", json={"id": key, "name": "n"})
            assert (made.status_code, made.json()["id"]) == (201, number)
            assert made.headers["location"] == f"/items/{number}"
        assert [item["id"] for item in client.post("/items", json=[{"id": key}, {"id": key}]).json()] == [3, 4]
        assert client.put(f"/items/{2**53}", json={}).status_code == 404
        assert client.get(f"/items/{2**70}").status_code == 404


@pytest.mark.parametrize("kind", [int, uuid.UUID])
def test_a_key_that_the_store_assigns_need_not_be_sent(app: App, open_client: Open, kind: type) -> None:
    """However the model declares it."""
    app.crud(create_model("Thing", id=(kind, ...), name=(str, "")))
    with open_client(app) as client:
        made = client.post("/things", json={"name": "a"})
        assert made.status_code == 201
        where = made.headers["location"]
        assert client.put(where, json={"name": "b"}).json() == {**made.json(), "name": "b"}
        assert client.put(where, json=made.json()).json() == made.json()
        schemas = client.get("/openapi.json").json()["components"]["schemas"]
        assert schemas["Thing"]["required"] == ["id"]
        assert "required" not in schemas["ThingCreate"]


@pytest.mark.parametrize("is_there", [True, False], ids=["the item is there", "it was deleted"])
def test_a_database_whose_keys_were_used_up_is_healed(
    store: str, tmp_path: Path, open_client: Open, is_there: bool
) -> None:
    for number in range(2):
        app = App(store=store)
        app.crud(Item)
        with open_client(app) as client:
            made = [client.post("/items", json={}).json()["id"] for _ in range(2)]
            assert made == [1 + 2 * number, 2 + 2 * number]
        if number == 0:
            connection = sqlite3.connect(tmp_path / "test.db")
            connection.execute("INSERT INTO items (id, name) VALUES (?, 'last')", [2**63 - 1])
            if not is_there:
                connection.execute("DELETE FROM items WHERE name='last'")
            connection.commit()
            connection.close()
    if is_there:
        with open_client(app) as client:
            assert client.get(f"/items/{2**63 - 1}").json()["name"] == "last"
            assert client.put(f"/items/{2**63 - 1}", json={"id": 2**63 - 1, "name": "y"}).json()["name"] == "y"
            assert client.patch(f"/items/{2**63 - 1}", json={"name": "z"}).json()["name"] == "z"
