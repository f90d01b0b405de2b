"""SQLModel's models as resources, tables too.

Without the annotations of the future: SQLModel reads those of relationships when the class is made.
"""

import asyncio
from datetime import datetime
from typing import Annotated, Any

import pytest
from doors import Open
from fastapi.testclient import TestClient
from pydantic import BaseModel, ValidationError, field_validator
from pydantic import Field as PydanticField
from sqlalchemy import inspect
from sqlmodel import Column, Field, Relationship, SQLModel, String

from data_bridge import App


class Team(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(index=True, max_length=10)
    heroes: list["Hero"] = Relationship(back_populates="team")


class Power(SQLModel):
    name: str
    strength: int = 1


class HeroBase(SQLModel):
    name: str = Field(index=True, min_length=2)
    age: int | None = Field(default=None, ge=0)
    team_id: int | None = Field(default=None, foreign_key="team.id")

    @field_validator("name")
    @classmethod
    def no_digits(cls, name: str) -> str:
        if name.isdigit():
            raise ValueError("digits")
        return name.strip()


class Hero(HeroBase, table=True):
    id: int | None = Field(default=None, primary_key=True)
    secret: str = Field(default="x", sa_column=Column(String))
    made: datetime | None = None
    team: Team | None = Relationship(back_populates="heroes")

    @field_validator("name")
    @classmethod
    def no_digits(cls, name: str) -> str:
        return super().no_digits(name).title()

    @property
    def label(self) -> str:
        return f"{self.name} of {self.team_id}"


class HeroCreate(HeroBase):
    secret: str


class HeroUpdate(SQLModel):
    name: str | None = None
    age: int | None = None


class HeroPublic(HeroBase):
    id: int
    label: str


class Squad(SQLModel):
    """Of models of SQLModel's, as FastAPI takes them."""

    id: int | None = None
    lead: Power
    others: list[Power] = []
    either: Power | int | None = None
    level: Annotated[int, {"unit": "points"}, "for readers"] = 0


def test_a_table_is_validated_and_answered_without_its_relationships(app: App, open_client: Open) -> None:
    app.crud(Team)
    app.crud(Hero, read=HeroPublic, create=HeroCreate, update=HeroUpdate, unique=["name"])
    team = app.resource(Team).resource
    assert not any(map(team.reasons, team.operations))  # native
    with open_client(app) as client:
        assert client.post("/teams", json={"name": "Preventers"}).json() == {"id": 1, "name": "Preventers"}
        assert client.post("/teams", json={"name": "much too long", "heroes": []}).status_code == 422
        assert client.patch("/teams/1", json={"name": "Z-Force"}).json() == {"id": 1, "name": "Z-Force"}

        hero = {"name": " deadpond", "secret": "s", "team_id": 1, "team": {"name": "none"}}
        answer = client.post("/heroes", json=hero)
        shown = {"name": "Deadpond", "age": None, "team_id": 1, "id": 1, "label": "Deadpond of 1"}
        assert (answer.status_code, answer.json()) == (201, shown)
        assert [
            (error["type"], *error["loc"])
            for error in client.post("/heroes", json={"name": "1", "age": -1}).json()["detail"]
        ] == [
            ("string_too_short", "body", "name"),
            ("greater_than_equal", "body", "age"),
            ("missing", "body", "secret"),
        ]
        assert client.post("/heroes", json={"name": "12", "secret": ""}).json()["detail"][0]["type"] == "value_error"
        assert client.patch("/heroes/1", json={"age": 5}).json() == {**shown, "age": 5}
        assert client.put("/heroes/1", json={"name": "bob", "secret": "s"}).json()["name"] == "Bob"
        assert client.get("/heroes", params={"age__isnull": "true"}).json()["items"][0]["label"] == "Bob of None"
        schemas = client.get("/openapi.json").json()["components"]["schemas"]
        assert list(schemas["Team"]["properties"]) == ["id", "name"]
        assert schemas["TeamCreate"]["required"] == ["name"]


def test_hooks_and_python_have_instances_of_the_table(app: App) -> None:
    seen: list[Any] = []

    @app.crud(Hero, create=HeroCreate)
    class Heroes:
        def before_create(self, hero: HeroCreate) -> Hero:
            return Hero(**hero.model_dump(), made=datetime(2026, 1, 1))

        def before_replace(self, hero: Hero) -> Hero | None:
            seen.append(hero)
            hero.age = 7
            return Hero(name="10", age=1) if hero.name == "Other" else None

        def after_replace(self, hero: Hero) -> None:
            seen.append(hero)

    with TestClient(app, raise_server_exceptions=False) as client:
        assert client.post("/heroes", json={"name": "rusty", "secret": "s"}).json()["made"] == "2026-01-01T00:00:00"
        assert client.put("/heroes/1", json={"name": "rusty", "secret": "s"}).json()["age"] == 7
        assert [type(hero) for hero in seen] == [Hero, Hero]
        assert all(inspect(hero).transient and hero.team is None for hero in seen)  # of SQLAlchemy's
        assert client.put("/heroes/1", json={"name": "other", "secret": "s"}).status_code == 500  # as of any model

        async def through_python() -> None:
            heroes = app.resource(Hero)
            assert type(found := await heroes.get(1)) is Hero
            assert (found.name, found.age) == ("Rusty", 7)
            assert type(made := await heroes.create(Hero(name="new", secret="t"))) is Hero
            assert made.id == 2
            assert [hero.name for hero in (await heroes.list({"age__isnull": True})).items] == ["New"]
            assert (await heroes.replace(2, Hero(name="newer"))).name == "Newer"
            assert type(await heroes.update(2, {"age": 4})) is Hero
            with pytest.raises(ValidationError, match="greater_than_equal"):  # the table's class does not ask
                await heroes.create(Hero(name="bad", age=-1))

        asyncio.run(through_python())


def test_tables_are_bodies_and_answers_of_other_models(app: App, open_client: Open) -> None:
    class Doc(BaseModel):
        id: int | None = None
        name: str
        tags: list[str] = []

    app.crud(Doc, create=Team, update=Team, read=Team)
    with open_client(app) as client:
        assert client.post("/docs-of", json={}).status_code == 404
        assert client.post("/docs", json={"name": "a"}).json() == {"id": 1, "name": "a"}


def test_models_of_sqlmodels_are_native_and_as_in_a_route(app: App, open_client: Open) -> None:
    @app.post("/route", status_code=201)
    def route(item: Squad) -> Squad:
        return item

    app.crud(Squad)
    squads = app.resource(Squad).resource
    assert not any(map(squads.reasons, squads.operations))
    power = {"name": "speed"}
    bodies: list[Any] = [
        {"lead": power}, {"lead": {**power, "strength": "7", "more": 1}, "others": [power, power]}, {"lead": []},
        {"lead": {}, "others": [{"strength": None}, 1, "x", None]}, {"lead": power, "either": 5},
        {"lead": power, "either": {"name": "x", "strength": "2"}}, {"lead": power, "either": {"strength": "2"}},
        {"lead": power, "either": []}, {}, "x", 1, None, {"lead": "x", "self": 1, "data": 2},
        {"lead": power, "level": "x"},
    ]  # fmt: skip
    with open_client(app) as client:
        for place, body in enumerate(bodies):
            by_route, answer = client.post("/route", json=body), client.post("/squads", json=body)
            same = {**by_route.json(), "id": answer.json()["id"]} if answer.status_code == 201 else by_route.json()
            assert (answer.status_code, answer.json()) == (by_route.status_code, same), place
        assert client.get("/squads", params={"level__lt": 1}).status_code == 200


def test_what_stands_beside_a_type_for_others_takes_no_part(app: App) -> None:
    class Item(BaseModel):
        id: int | None = None
        size: Annotated[int, {"unit": "cm"}, "how wide"] = 0
        sizes: list[Annotated[int, PydanticField(gt=0, json_schema_extra={"unit": "cm"})]] = []

    class ItemRead(BaseModel):
        id: int
        size: int

    class ItemCreate(BaseModel):
        size: int

    app.crud(Item, read=ItemRead, create=ItemCreate)
    items = app.resource(Item).resource
    assert not any(map(items.reasons, items.operations))
    with TestClient(app) as client:
        assert client.get("/openapi.json").status_code == 200
        assert client.post("/items", json={"size": 3}).json() == {"id": 1, "size": 3}
        assert client.get("/items", params={"size__gt": 2}).json()["items"] == [{"id": 1, "size": 3}]
