"""``Field(exclude=True)``: stored, and in no answer, without Python."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from doors import Open
from pydantic import BaseModel, ConfigDict, Field

from data_bridge import App
from data_bridge.stores import stores_of


class Account(BaseModel):
    model_config = ConfigDict(extra="allow")

    secret: str = Field(exclude=True)
    id: int | None = None
    name: str
    token: str | None = Field(None, exclude=True)


class Hidden(BaseModel):
    key: str = Field(exclude=True)
    text: str = Field("", exclude=True)


class Node(BaseModel):
    id: int | None = None
    secret: str = Field("", exclude=True)
    inner: Node | None = None


class Outer(BaseModel):
    id: int | None = None
    inner: Account


def reasons(app: App, name: str) -> str:
    return stores_of(app).resources[0].reasons(name)


def test_all_operations_are_native(app: App) -> None:
    app.crud(Account)
    assert [reasons(app, name) for name in ("list", "get", "create", "replace", "update", "delete")] == [""] * 6


class Aliased(BaseModel):
    model_config = ConfigDict(extra="allow")

    id: int | None = None
    secret: str = Field("", exclude=True, alias="Secret")


@pytest.mark.parametrize("model", [Node, Outer, Aliased])
def test_what_is_hidden_inside_of_others_is_left_out_by_python(app: App, model: type[BaseModel]) -> None:
    app.crud(model)
    assert "excluded" in reasons(app, "get")


@pytest.mark.parametrize("name", ["a", "a long name, beyond what is written at once; " * 200])
def test_no_answer_has_it(app: App, open_client: Open, name: str) -> None:
    app.crud(Account)
    with open_client(app) as client:
        sent = {"secret": "s3", "name": name, "token": "t0", "more": [1]}
        shown: dict[str, Any] = {"id": 1, "name": name, "more": [1]}
        answers = [
            client.post("/accounts", json=sent),
            client.get("/accounts/1"),
            client.put("/accounts/1", json={"name": name, "more": [1]}),
            client.patch("/accounts/1", json={"token": "t1"}),
            client.get("/accounts/1"),
        ]
        assert [list(answer.json().items()) for answer in answers] == [list(shown.items())] * 5
        bulk = client.post("/accounts", json=[{"secret": "s4", "name": "b"}])
        assert bulk.json() == [{"id": 2, "name": "b"}]
        listed = client.get("/accounts", params={"sort": "-id"})
        assert listed.json()["items"] == [{"id": 2, "name": "b"}, shown]
        assert client.get("/accounts?fields=name&limit=1").json()["items"] == [{"name": name}]
        for query in ("fields=secret", "secret=s3", "sort=secret", "token__isnull=true", 'where={"secret":"s3"}'):
            refused = client.get(f"/accounts?{query}")
            assert refused.status_code == 422, query
            assert "s4" not in refused.text
        assert client.delete("/accounts/2").status_code == 204


def test_python_has_it(app: App, open_client: Open) -> None:
    app.crud(Account)
    with open_client(app) as client:
        client.post("/accounts", json={"secret": "s3", "name": "a", "token": "t0"})
        assert client.put("/accounts/1", json={"name": "b"}).status_code == 200
        item = asyncio.run(app.resource(Account).get(1))
        assert (item.secret, item.token, item.name) == ("s3", "t0", "b")


def test_an_item_of_which_nothing_is_shown(app: App, open_client: Open) -> None:
    app.crud(Hidden, path="/hidden", key="key")
    with open_client(app) as client:
        assert client.post("/hidden", json={"key": "a", "text": "x"}).json() == {}
        assert client.get("/hidden/a").json() == {}
        assert client.get("/hidden").json()["items"] == [{}]
