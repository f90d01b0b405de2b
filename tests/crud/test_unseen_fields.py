"""What clients do not see of an item, natively as through Python: the same answers and rows, and no error tells."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path
from typing import Annotated, Any

import pytest
from doors import Open
from pydantic import BaseModel, ConfigDict, Field
from python_models import checked, same
from random_bodies import random_body, rows

from data_bridge import App, ReadOnly
from data_bridge.stores import stores_of


class Inner(BaseModel):
    a: int = 0
    b: str | None = None
    c: int


class Account(BaseModel):
    id: str
    password: str = Field(min_length=4, max_length=6, exclude=True, alias="passWord")
    name: str = Field(min_length=2)
    limit: int = Field(default=3, exclude=True, le=100)
    born: int = Field(default=0, exclude=True, frozen=True)
    city: str = Field(default="Oslo", frozen=True)
    secret: Inner = Field(default=Inner(c=1), exclude=True)
    pin: str | None = Field(exclude=True)
    note: Annotated[str, ReadOnly] = "n"
    tags: list[str] = []


class Numbered(Account):
    model_config = ConfigDict(extra="allow")

    id: int | None = None  # type: ignore[assignment]
    password: str = Field(min_length=4, max_length=6, exclude=True)


class Public(BaseModel):
    name: str
    id: str | None
    tags: Annotated[list[str], Field(serialization_alias="labels")]


class PublicNumbered(Public):
    id: int  # type: ignore[assignment]


CheckedAccount, CheckedNumbered = checked(Account, "tags", same), checked(Numbered, "tags", same)
CheckedPublic, CheckedPublicNumbered = checked(Public, "tags", same), checked(PublicNumbered, "tags", same)

TWINS = {
    "excluded": ({"model": Account}, {"model": CheckedAccount}),
    "excluded, numbered": ({"model": Numbered}, {"model": CheckedNumbered}),
    "read": ({"model": Account, "read": Public}, {"model": Account, "read": CheckedPublic}),
    "read, numbered": (
        {"model": Numbered, "read": PublicNumbered},
        {"model": Numbered, "read": CheckedPublicNumbered},
    ),
}
VALUES: dict[str, list[Any]] = {
    "id": ["a", "b", 1, 2, None],
    "passWord": ["1234", "123456", "1", "hidden", "1234567", None, 5],
    "password": ["1234", "123456", "1", "hidden", "1234567", None, 5],
    "name": ["anna", "eve", "otto", "bob", "x", None, 3],
    "limit": [1, 100, 101, None, "x"],
    "born": [0, 1, None, "x"],
    "city": ["Oslo", "Rome", None],
    "secret": [{"a": 1}, {"c": 2}, {"a": 2, "b": "b", "c": 3}, {"a": "x"}, None, {"b": None, "c": None}, 7, {"b": 1}],
    "pin": ["1", None, 2],
    "note": ["m", None],
    "tags": [["t"], [], [1], None],
    "labels": [["t"]],
    "more": [1, None],
}
WHOLE = {"passWord": "12345", "password": "12345", "name": "anna", "pin": None}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("twins", TWINS.values(), ids=TWINS)
def test_natively_as_through_python(open_client: Open, tmp_path: Path, twins: Any, seed: int) -> None:
    source = random.Random(seed)
    apps, paths = [], []
    for at, options in enumerate(twins):
        paths.append(tmp_path / f"{at}.db")
        app = App(store=f"sqlite:///{paths[-1]}")
        app.crud(options["model"], path="/items", read=options.get("read"), unique=["name"])
        apps.append(app)
    found = [bool(stores_of(app).resources[0].reasons("replace")) for app in apps]
    assert found == [False, True]
    keys = ("1", "2", "9", "x") if twins[0]["model"] is Numbered else ("a", "b", "z")
    statuses = set()
    with open_client(apps[0]) as native, open_client(apps[1]) as through_python:
        for client in (native, through_python):
            client.post("/items", json={**WHOLE, "id": "a" if "a" in keys else 1})
        for _ in range(200):
            method = source.choice(["POST", "PUT", "PUT", "PATCH", "PATCH", "PATCH", "GET"])
            path = "/items" if method == "POST" else f"/items/{source.choice(keys)}"
            body = random_body(source, VALUES, WHOLE, most=5, share=0.5)
            if method == "POST" and isinstance(body, dict):
                body.setdefault("id", source.choice("abcdef"))
                body = [body] if source.random() < 0.2 else body
            if method == "PUT" and isinstance(body, dict) and source.random() < 0.7:
                body["id"] = path.rpartition("/")[2]
            headers = source.choice([{}, {}, {}, {"if-match": "*"}, {"if-none-match": "*"}]) if method == "PUT" else {}
            sent: dict[str, Any] = {} if method == "GET" else {"json": body}
            answers = [client.request(method, path, headers=headers, **sent) for client in (native, through_python)]
            if method == "PATCH" and (path == "/items/x" or answers[1].status_code == 404):
                # Natively it is validated, whether its item is there, or can be, or not.
                assert answers[0].status_code in (answers[1].status_code, 422)
                continue
            if "cannot be changed" in answers[0].text and answers[1].status_code in (404, 422):
                continue  # natively before it is known that there is no item
            told = [(each.status_code, each.content, each.headers.get("etag")) for each in answers]
            assert told[0] == told[1], (method, path, body, headers)
            assert rows(paths[0]) == rows(paths[1]), (method, path, body)
            statuses.add((method, answers[0].status_code))
        query = "/items?sort=-name&fields=name&total=true"
        assert native.get("/items").content == through_python.get("/items").content
        assert native.get(query).content == through_python.get(query).content
    assert {("PUT", 200), ("PUT", 422), ("PATCH", 200), ("PATCH", 422)} <= statuses


@pytest.mark.parametrize("read", [None, Public, CheckedPublic])
@pytest.mark.parametrize("model", [Account, CheckedAccount])
def test_no_error_of_a_patch_shows_them(app: App, open_client: Open, tmp_path: Path, model: Any, read: Any) -> None:
    app.crud(model, path="/items", read=read)
    with open_client(app) as client:
        made = client.post("/items", json={**WHOLE, "id": "a", "secret": {"b": "hidden", "c": 1}, "pin": "hidden"})
        assert made.status_code == 201
        # As a hook, or the model of an earlier version, may have stored it: not what the field takes.
        with sqlite3.connect(tmp_path / "test.db") as connection:
            connection.execute("UPDATE items SET password = 'hidden and too long'")
        for patch in (
            {"name": None},
            {"name": "x"},
            {"passWord": None},
            {"secret": {"a": "x"}},
            {"city": "Rome"},
            {"secret": {"c": None}},
        ):
            refused = client.patch("/items/a", json=patch)
            assert refused.status_code == 422, patch
            assert "hidden" not in refused.text, patch
        assert client.patch("/items/a", json={"name": "eve"}).status_code == 200
        assert client.patch("/items/a", json={"limit": 9}).status_code == 200
    with sqlite3.connect(tmp_path / "test.db") as connection:
        kept = connection.execute('SELECT name, password, "limit", pin FROM items').fetchone()
    assert kept == ("eve", "hidden and too long", 9, "hidden")


@pytest.mark.parametrize("model", [Account, CheckedAccount])
def test_what_only_a_new_item_lacks_is_said_behind_the_precondition(app: App, open_client: Open, model: Any) -> None:
    app.crud(model, path="/items")
    whole = {"id": "z", "name": "anna"}  # neither "passWord" nor "pin", which a stored item would keep
    with open_client(app) as client:
        if_match = {"if-match": "*"}
        assert client.put("/items/z", json=whole, headers=if_match).status_code == 412
        wrong = client.put("/items/z", json={**whole, "name": "x"}, headers=if_match)
        assert (wrong.status_code, {each["loc"][-1] for each in wrong.json()["detail"]}) == (422, {"name"})
        lacking = client.put("/items/z", json=whole)
        assert (lacking.status_code, {each["loc"][-1] for each in lacking.json()["detail"]}) == (
            422,
            {"passWord", "pin"},
        )


class Unlimited(BaseModel):
    model_config = ConfigDict(extra="allow")

    id: int | None = None
    name: str
    secret: str = Field("s", alias="Secret")


class Shown(BaseModel):
    id: int
    name: str


@pytest.mark.parametrize("model", [Unlimited, checked(Unlimited, "name")])
def test_a_member_that_is_no_field_may_have_the_name_of_one(
    app: App, open_client: Open, tmp_path: Path, model: Any
) -> None:
    app.crud(model, path="/items", read=Shown)
    with open_client(app) as client:
        assert client.post("/items", json={"name": "a", "Secret": "hidden", "secret": "a member"}).status_code == 201
        assert client.patch("/items/1", json={"name": "b"}).json() == {"id": 1, "name": "b"}
    assert rows(tmp_path / "test.db") == [(1, "b", "hidden", '{"secret":"a member"}')]
