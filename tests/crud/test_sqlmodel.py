"""SQLModel's models as resources: those of its tutorial, and tables with all that tables have."""

import sqlite3
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Optional

import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel, EmailStr, ValidationError, computed_field, field_validator

from data_bridge import App

sqlmodel = pytest.importorskip("sqlmodel")

from sqlalchemy.orm import registry  # noqa: E402
from sqlmodel import JSON, Column, Field, Relationship, SQLModel, UniqueConstraint  # noqa: E402


class Base(SQLModel, registry=registry()):
    """Tables of their own, whatever other tests have."""


class HeroBase(Base):
    name: str = Field(index=True)
    age: int | None = Field(default=None, index=True, ge=0)

    @field_validator("name")
    @classmethod
    def named(cls, name: str) -> str:
        if name == "nobody":
            raise ValueError("who?")
        return name


class Hero(HeroBase, table=True):
    """What the tutorial stores."""

    id: int | None = Field(default=None, primary_key=True)
    secret_name: str
    team_id: int | None = Field(default=None, foreign_key="team.id")
    team: Optional["Team"] = Relationship(back_populates="heroes")


class HeroPublic(HeroBase):
    id: int


class HeroCreate(HeroBase):
    secret_name: str


class HeroUpdate(Base):
    name: str | None = None
    age: int | None = None
    secret_name: str | None = None


class Team(Base, table=True):
    __table_args__ = (UniqueConstraint("name", "city"),)
    code: str = Field(primary_key=True, max_length=4)
    id: int = 0
    name: str
    city: str = "x"
    email: EmailStr | None = Field(default=None, unique=True)
    tags: list[str] = Field(default=[], sa_column=Column(JSON))
    heroes: list[Hero] = Relationship(back_populates="team")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def shown(self) -> str:
        return self.mark() + self.name

    def mark(self) -> str:
        return "*"

    @field_validator("city")
    @classmethod
    def upper(cls, city: str) -> str:
        return city.upper()


class Captain(HeroBase, table=True):
    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    rank: int = Field(default=1, ge=1)


Open = Callable[..., TestClient]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Open]:
    opened: list[TestClient] = []

    def make(model: type[BaseModel], **options: Any) -> TestClient:
        app = App(store=f"sqlite:///{tmp_path / 'test.db'}")
        app.crud(model, path="/rows", table="rows", **options)
        opened.append(TestClient(app, raise_server_exceptions=False))
        return opened[-1].__enter__()

    yield make
    for client in opened:
        client.__exit__(None, None, None)


def test_a_table_is_validated_as_its_fields_say(serve: Open) -> None:
    client = serve(Hero)
    made = client.post("/rows", json={"name": "Deadpond", "secret_name": "Dive"})
    assert (made.status_code, made.json()) == (
        201,
        {"name": "Deadpond", "age": None, "id": 1, "secret_name": "Dive", "team_id": None},
    )
    assert client.get("/rows/1").json() == made.json()
    assert [error["type"] for error in client.post("/rows", json={"name": 5, "age": -1}).json()["detail"]] == [
        "string_type",
        "greater_than_equal",
        "missing",
    ]
    assert client.post("/rows", json={"name": "nobody", "secret_name": "s"}).status_code == 422
    assert client.patch("/rows/1", json={"age": 30}).json()["age"] == 30
    assert client.get("/rows?age__ge=30&sort=-name").json()["items"][0]["id"] == 1
    assert "team" not in client.get("/openapi.json").json()["components"]["schemas"]["Hero"]["properties"]


def test_the_tutorials_shapes(serve: Open, tmp_path: Path) -> None:
    client = serve(Hero, create=HeroCreate, update=HeroUpdate, read=HeroPublic)
    assert client.post("/rows", json={"name": "a", "secret_name": "s", "id": 7}).json() == {
        "name": "a",
        "age": None,
        "id": 1,
    }
    assert client.patch("/rows/1", json={"secret_name": "t"}).json() == {"name": "a", "age": None, "id": 1}
    assert client.post("/rows", json={"name": "a"}).status_code == 422
    with sqlite3.connect(tmp_path / "test.db") as database:
        assert database.execute("SELECT secret_name FROM rows").fetchall() == [("t",)]
        indexes = "".join(sql or "" for (sql,) in database.execute("SELECT sql FROM sqlite_master WHERE type='index'"))
    assert '"name"' in indexes
    assert '"age"' in indexes


def test_key_uniqueness_and_methods_are_the_tables(serve: Open) -> None:
    client = serve(Team)
    team = {"code": "ab", "name": "a", "city": "c", "email": "a@b.co"}
    made = client.post("/rows", json=team)
    assert made.json() == {**team, "id": 0, "city": "C", "tags": [], "shown": "*a"}
    assert made.headers["location"] == "/rows/ab"
    assert client.post("/rows", json={**team, "code": "cd", "city": "d"}).json() == {
        "detail": "An item with this email already exists"
    }
    assert client.post("/rows", json={**team, "code": "cd", "email": None}).status_code == 409
    assert client.post("/rows", json={**team, "code": "cd", "city": "d", "email": None}).status_code == 201
    assert client.post("/rows", json={**team, "code": "abcde"}).status_code == 422
    assert client.get("/rows/ab").json() == made.json()


def test_keys_are_made_where_the_table_has_a_factory(serve: Open) -> None:
    client = serve(Captain)
    made = client.post("/rows", json={"name": "a"}).json()
    assert made == {"name": "a", "age": None, "id": made["id"], "rank": 1}
    assert uuid.UUID(made["id"])
    assert client.get(f"/rows/{made['id']}").json() == made
    assert client.post("/rows", json={"name": "nobody", "rank": 0}).status_code == 422


def test_python_code_has_the_tables_instances() -> None:
    app = App(store="sqlite://")
    app.crud(Hero)

    async def use() -> None:
        heroes = app.resource(Hero)
        assert heroes is app.resource(Hero)
        stored = await heroes.create(Hero(name="a", secret_name="s"))
        assert type(stored) is Hero
        assert (stored.id, stored.name, stored.age) == (1, "a", None)
        assert (await heroes.replace(1, Hero(name="b", secret_name="t"))).name == "b"
        assert (await heroes.update(1, {"age": 3})).age == 3
        assert [hero.secret_name for hero in (await heroes.list({"age": 3})).items] == ["t"]
        with pytest.raises(ValidationError):
            await heroes.create(Hero(name="nobody", secret_name="s"))

    with TestClient(app) as client:
        assert client.portal is not None
        client.portal.call(use)
