"""Defaults, choices and settings that the native core knows, as Pydantic has them."""

from __future__ import annotations

import functools
import time
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from enum import Enum, IntEnum, StrEnum
from typing import Any, Literal

import pytest
from doors import Open
from pydantic import BaseModel, ConfigDict, Field

from data_bridge import App


class Settings(BaseModel):
    """Of defaults alone."""

    theme: str = "dark"
    tags: list[str] = Field(default_factory=list)
    level: int | None = None


class Made(BaseModel):
    id: int | None = None
    token: uuid.UUID = Field(default_factory=uuid.uuid4)
    maybe: uuid.UUID | None = Field(default_factory=uuid.uuid4)
    local: datetime = Field(default_factory=datetime.now)
    naive: datetime = Field(default_factory=datetime.utcnow)
    aware: datetime = Field(default_factory=functools.partial(datetime.now, UTC))
    named: datetime | None = Field(default_factory=functools.partial(datetime.now, tz=UTC))
    day: date = Field(default_factory=date.today)
    texts: set[str] = Field(default_factory=set)
    pair: tuple[int, ...] = Field(default_factory=tuple)
    text: str = Field(default_factory=str)
    settings: Settings = Field(default_factory=Settings)


def _reasons(app: App, model: type[BaseModel]) -> str:
    resource = app.resource(model).resource
    return "; ".join(filter(None, map(resource.reasons, resource.operations)))


@pytest.fixture
def far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("far_from_greenwich")
def test_what_factories_make_is_made_natively(app: App, open_client: Open) -> None:
    app.crud(Made)
    assert _reasons(app, Made) == ""
    with open_client(app) as client:
        before = datetime.now(UTC)
        first, second = client.post("/mades", json=[{}, {"text": "b"}]).json()
        after = datetime.now(UTC)
        assert client.get("/mades/1").json() == first
        tokens = {each[name] for each in (first, second) for name in ("token", "maybe")}
        assert len(tokens) == 4
        assert {uuid.UUID(each).version for each in tokens} == {4}
        made = Made(**first)
        assert Made(**second).naive >= made.naive
        for at in (made.aware, made.named, made.naive.replace(tzinfo=UTC), made.local.astimezone(UTC)):
            assert at is not None
            assert before <= at <= after
        assert made.naive.tzinfo is None
        assert made.local.tzinfo is None
        assert made.aware.utcoffset() == timedelta(0)
        assert made.day in (before.astimezone().date(), after.astimezone().date())
        assert {name: first[name] for name in ("texts", "pair", "text", "settings")} == {
            "texts": [], "pair": [], "text": "", "settings": {"theme": "dark", "tags": [], "level": None},
        }  # fmt: skip
        assert client.patch("/mades/1", json={"text": "c"}).json() == {**first, "text": "c"}
        again = client.put("/mades/1", json={"text": "d"}).json()
        assert again["token"] != first["token"]
        assert client.post("/mades", json={"token": "x"}).json()["detail"][0]["loc"] == ["body", "token"]


def test_other_factories_are_called(app: App, open_client: Open) -> None:
    class Later(datetime):
        pass

    class Checked(BaseModel):
        name: str = "a"

        def model_post_init(self, context: Any) -> None:
            self.name += "!"

    class Ticket(BaseModel):
        number: uuid.UUID = Field(default_factory=uuid.uuid4)

    def three() -> str:
        return "three"

    factories: dict[str, tuple[Any, Callable[[], Any]]] = {
        "number": (str, three),
        "later": (datetime, Later.now),
        "token": (str, lambda: str(uuid.uuid4())),
        "zoned": (datetime, functools.partial(datetime.now, tz=None)),
        "wrong": (str, uuid.uuid4),
        "checked": (Checked, Checked),
        "ticket": (Ticket, Ticket),
    }

    fields = {name: Field(default_factory=factory) for name, (_, factory) in factories.items()}
    annotations = {"id": int | None, **{name: kind for name, (kind, _) in factories.items()}}
    model = type("Called", (BaseModel,), {"__annotations__": annotations, "__module__": __name__, "id": None, **fields})
    app.crud(model)
    for name in factories:
        assert f"{name}: the default_factory" in _reasons(app, model)
    with open_client(app) as client:
        made = [client.post("/calleds", json={}).json() for _ in range(2)]
        assert made[0]["number"] == "three"
        assert made[0]["checked"] == {"name": "a!"}
        assert made[0]["ticket"] != made[1]["ticket"]
        assert len(made[0]["token"]) == len(made[0]["wrong"]) == 36


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Size(Enum):
    SMALL = "s"
    HUGE = 9


class Rank(IntEnum):
    FIRST = 1
    SECOND = 2


class Chosen(BaseModel):
    id: int | None = None
    known: Literal["x", "y", None] = "x"
    member: Literal[Colour.RED, "other"] = Colour.RED
    either: Literal[Colour.BLUE, None] = None
    members: list[Literal[Colour.RED, Colour.BLUE]] = []
    union: Literal["a", None] | int = 1
    others: Literal[Colour.RED] | int | None = None


class Valued(BaseModel):
    model_config = ConfigDict(use_enum_values=True)

    id: int | None = None
    colour: Colour = Colour.RED
    size: Size = Size.SMALL
    rank: Rank | None = None
    colours: list[Colour] = []
    sizes: dict[str, Size] = {}
    member: Literal[Colour.RED] = Colour.RED
    union: Colour | int | Size = 1


@pytest.mark.parametrize(
    ("model", "bodies", "queries"),
    [
        (
            Chosen,
            [{}, {"known": None, "member": "other", "either": "blue", "members": ["red", "blue"]}, {"known": "y"},
             {"known": "z", "member": "blue", "either": 0, "members": [None, "red", "x"]}, {"known": 1, "member": None},
             {"union": None, "others": "red"}, {"union": "5", "others": "5"}, {"union": "b", "others": []}],
            ["known=x", "known__isnull=true", "member=red", "member__in=other,red", "either=blue"],
        ),
        (
            Valued,
            [{}, {"colour": "blue", "size": 9, "rank": "2", "colours": ["red"], "sizes": {"a": 9, "b": "s"}},
             {"colour": "x", "size": True, "rank": 3, "colours": [1], "sizes": {"a": "t"}}, {"size": 9.0},
             {"colour": None}, {"union": "red"}, {"union": "7"}, {"union": "x"}, {"union": None}],
            ["colour=blue", "rank__gt=1", "rank=2"],
        ),
    ],
    ids=["literals", "use_enum_values"],
)  # fmt: skip
def test_choices_are_native(app: App, open_client: Open, model: Any, bodies: list[Any], queries: list[str]) -> None:
    def route(item: Any) -> Any:
        return item

    route.__annotations__ = {"item": model, "return": model}
    app.post("/route", status_code=201)(route)
    app.crud(model, path="/resource")
    assert _reasons(app, model) == ""
    with open_client(app) as client:
        for body in bodies:
            by_route, made = client.post("/route", json=body), client.post("/resource", json=body)
            expected = by_route.json()
            if made.status_code == 201:
                expected["id"] = made.json()["id"]
                assert client.put(made.headers["location"], json=made.json()).json() == made.json()
            assert (made.status_code, made.json()) == (by_route.status_code, expected), body
        for query in queries:
            assert client.get(f"/resource?{query}").json()["items"], query
