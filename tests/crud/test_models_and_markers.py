"""Models of requests and answers beside markers of fields."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from doors import Open
from pydantic import BaseModel

from data_bridge import App, Column, Created, ReadOnly, Updated


class Hero(BaseModel):
    id: int | None = None
    name: Annotated[str, Column("called")]
    secret_name: str
    owner: Annotated[str, ReadOnly]
    created_at: Created = None
    updated_at: Updated = None


class HeroCreate(BaseModel):
    name: str
    secret_name: str
    created_at: str = "not a time"  # nothing that a client says of it counts


class HeroUpdate(BaseModel):
    name: str | None = None
    secret_name: str | None = None


class HeroPublic(BaseModel):
    id: int
    name: str
    owner: str
    created_at: Created = None
    updated_at: Updated = None


class Code:
    def before_create(self, hero: Hero) -> None:
        hero.owner = "made by a hook"


class MakingCode:
    def before_create(self, sent: HeroCreate) -> Hero:
        return Hero(name=sent.name.title(), secret_name=sent.secret_name, owner="maker")


@pytest.mark.parametrize("code", [Code, MakingCode])
def test_a_round(app: App, open_client: Open, code: type[Any]) -> None:
    app.crud(Hero, path="/heroes", create=HeroCreate, update=HeroUpdate, read=HeroPublic)(code)
    owner = "maker" if code is MakingCode else "made by a hook"
    with open_client(app) as client:
        sent = {"name": "Deadpond", "secret_name": "Dive", "owner": "me", "created_at": "x", "updated_at": "y"}
        made = client.post("/heroes", json=sent)
        assert made.status_code == 201, made.text
        item = made.json()
        assert list(item) == ["id", "name", "owner", "created_at", "updated_at"]
        assert (item["owner"], item["name"]) == (owner, "Deadpond")
        assert item["created_at"] == item["updated_at"]
        assert item["created_at"].endswith("Z")

        several = client.post("/heroes", json=[sent, {**sent, "name": "Other"}])
        assert [each["owner"] for each in several.json()] == [owner, owner]

        patched = client.patch("/heroes/1", json={"name": "Pond", "owner": "me", "created_at": None}).json()
        assert (patched["name"], patched["owner"], patched["created_at"]) == ("Pond", owner, item["created_at"])
        assert patched["updated_at"] > item["updated_at"]

        put = client.put("/heroes/1", json={**patched, "owner": "me", "secret_name": "Other", "updated_at": 1})
        assert put.status_code == 200, put.text
        assert (put.json()["owner"], put.json()["created_at"]) == (owner, item["created_at"])
        assert put.json()["updated_at"] > patched["updated_at"]

        newest = client.get("/heroes", params={"sort": "-created_at,name", "owner": owner}).json()["items"]
        assert [each["id"] for each in newest][-1] == 1
        assert client.get("/heroes", params={"secret_name": "x"}).status_code == 422
        assert client.get("/heroes/1").json() == put.json()


def test_times_that_every_body_lacks_are_no_complaint(app: App, open_client: Open) -> None:
    class Note(BaseModel):
        id: int | None = None
        text: str
        created_at: Created
        updated_at: Updated

    class NoteCreate(BaseModel):
        text: str

    app.crud(Note, create=NoteCreate)
    with open_client(app) as client:
        made = client.post("/notes", json={"text": "a"})
        assert made.status_code == 201, made.text
        assert made.json()["created_at"] == made.json()["updated_at"] is not None
