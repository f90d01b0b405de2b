"""Keys: who chooses them, what they may be, that none is given twice, and PUT that creates."""

from __future__ import annotations

import uuid
from urllib.parse import quote

import httpx
import pytest
from doors import Open
from pydantic import BaseModel, Field
from python_models import checked
from store_kinds import Store

from data_bridge import App


class Numbered(BaseModel):
    id: int | None = None
    name: str = ""


class Event(BaseModel):
    id: uuid.UUID | None = None
    name: str = ""


class Word(BaseModel):
    code: str = Field(min_length=1)
    name: str = ""


CheckedWord = checked(Word, "name")


class Keyless(BaseModel):
    name: str = ""


def declared(store: Store, model: type[BaseModel], **options: object) -> App:
    app = store.app()
    app.crud(model, path="/items", table=store.table("items"), **options)
    return app


def keys(client: httpx.Client, name: str = "id") -> list[object]:
    return [item[name] for item in client.get("/items?limit=100").json()["items"]]


@pytest.mark.parametrize("model", [Numbered, Keyless])
def test_numbers_are_assigned_and_increase(store: Store, open_client: Open, model: type[BaseModel]) -> None:
    with open_client(declared(store, model)) as client:
        for number, given in enumerate((5, 1, -1, 2**70, "x", None), 1):
            made = client.post("/items", json={"id": given, "name": "n"})
            assert (made.status_code, made.json()) == (201, {"id": number, "name": "n"})
            assert made.headers["location"] == f"/items/{number}"
        assert [item["id"] for item in client.post("/items", json=[{}, {"id": 1}]).json()] == [7, 8]
        assert client.put("/items/100", json={}).status_code == 404
        assert client.put("/items/1", json={"id": 1, "name": "m"}).json() == {"id": 1, "name": "m"}


def test_a_number_is_never_given_twice(store: Store, open_client: Open) -> None:
    with open_client(declared(store, Numbered)) as client:
        assert [client.post("/items", json={}).json()["id"] for _ in range(3)] == [1, 2, 3]
        for key in (3, 2, 1):
            assert client.delete(f"/items/{key}").status_code == 204
        assert client.post("/items", json={}).json()["id"] == 4
        assert client.delete("/items/4").status_code == 204
    if store.keeps:
        with open_client(declared(store, Numbered)) as client:
            assert client.post("/items", json={}).json()["id"] == 5


def test_a_uuid_is_the_clients_or_a_new_one_of_version_7(store: Store, open_client: Open) -> None:
    with open_client(declared(store, Event)) as client:
        given = [client.post("/items", json={"name": str(number)}).json()["id"] for number in range(5)]
        assert given == sorted(given)
        assert {uuid.UUID(key).version for key in given} == {7}
        mine = str(uuid.uuid4())
        made = client.post("/items", json={"id": mine.upper()})
        assert (made.status_code, made.json()["id"], made.headers["location"]) == (201, mine, f"/items/{mine}")
        for spelling in (mine, mine.upper(), mine.replace("-", "")):
            assert client.get(f"/items/{spelling}").json()["id"] == mine
        assert client.post("/items", json={"id": mine}).status_code == 409
        assert keys(client) == sorted([*given, mine])
        many = client.post("/items", json=[{}, {}, {"id": str(uuid.UUID(int=1))}]).json()
        assert many[0]["id"] < many[1]["id"]
        other = str(uuid.uuid4())
        put = client.put(f"/items/{other}", json={"name": "put"})
        assert (put.status_code, put.headers["location"], put.json()["id"]) == (201, f"/items/{other}", other)


TEXT_KEYS = ["a", "a b", " ", "50%", "é", "e\u0301", "☃", "🌍", "?x#y", "a;b", "a\\b", "...", "+", "&=", "\x01", "\t",
             "a\n", "\u2028", '"', "'", "{id}", "~", "*", "$ne", "a.b", "k" * 2048, "é" * 341]  # fmt: skip


@pytest.mark.parametrize("model", [Word, CheckedWord])
def test_a_text_is_the_clients(store: Store, open_client: Open, model: type[BaseModel]) -> None:
    with open_client(declared(store, model, key="code")) as client:
        for key in TEXT_KEYS:
            made = client.post("/items", json={"code": key})
            assert (made.status_code, made.json()) == (201, {"code": key, "name": ""}), key
            where = made.headers["location"]
            assert client.get(where).json() == made.json()
            assert client.patch(where, json={"name": "x"}).json() == {"code": key, "name": "x"}
            assert client.put(where, json={"code": key, "name": "y"}).status_code == 200
            assert client.post("/items", json={"code": key}).status_code == 409
        assert keys(client, "code") == sorted(TEXT_KEYS)
        for key in TEXT_KEYS:
            assert client.delete(f"/items/{quote(key, safe='')}").status_code == 204, key
        assert keys(client, "code") == []


def test_a_text_that_no_path_can_name_is_refused(store: Store, open_client: Open) -> None:
    with open_client(declared(store, Word, key="code")) as client:
        for key in ("", "/", "a/b", "..", ".", "k" * 2049, "é" * 342):
            refused = client.post("/items", json={"code": key})
            assert refused.status_code == 422, key
            assert refused.json()["detail"][0]["loc"] == ["body", "code"]
        assert client.post("/items", json={}).json()["detail"][0]["type"] == "missing"
        assert keys(client, "code") == []


@pytest.mark.parametrize("model", [Word, CheckedWord])
def test_put_creates_where_the_client_may_choose(store: Store, open_client: Open, model: type[BaseModel]) -> None:
    app = declared(store, model, key="code")
    app.crud(model, path="/closed", table=store.table("items"), key="code", operations=["get", "replace"])
    with open_client(app) as client:
        made = client.put("/items/a%20b", json={"code": "a b", "name": "n"})
        assert (made.status_code, made.headers["location"]) == (201, "/items/a%20b")
        assert made.json() == {"code": "a b", "name": "n"}
        assert client.get("/items/a%20b").headers["etag"] == made.headers["etag"]
        again = client.put("/items/a%20b", json={"code": "a b"})
        assert (again.status_code, "location" in again.headers) == (200, False)
        only_there, only_new = {"if-match": "*"}, {"if-none-match": "*"}
        assert client.put("/items/b", json={"code": "b"}, headers=only_there).status_code == 412
        assert client.get("/items/b").status_code == 404
        assert client.put("/items/b", json={"code": "b"}, headers=only_new).status_code == 201
        assert client.put("/items/b", json={"code": "b", "name": "x"}, headers=only_new).status_code == 412
        assert client.put("/items/b", json={"code": "b", "name": "y"}, headers=only_there).status_code == 200
        assert client.put("/items/c", json={"code": "d"}).status_code == 422
        assert client.put("/closed/e", json={"code": "e"}).status_code == 404
        assert keys(client, "code") == ["a b", "b"]


def test_a_key_is_found_by_its_very_text(store: Store, open_client: Open) -> None:
    """Neither by another case, nor by another form of the same letters, nor padded."""
    with open_client(declared(store, Word, key="code")) as client:
        assert client.post("/items", json={"code": "é"}).status_code == 201
        for other in ("É", "e\u0301", "é ", "e"):
            assert client.get(f"/items/{quote(other, safe='')}").status_code == 404
            assert client.post("/items", json={"code": other}).status_code == 201
        assert len(keys(client, "code")) == 5
