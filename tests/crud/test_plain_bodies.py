"""``create=``: which models of bodies the native core validates for the stored one, with the same answers and rows."""

from __future__ import annotations

import random
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import pytest
from doors import Open
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from python_models import checked, declared, same
from random_bodies import random_body, rows

from data_bridge import App, Created, ReadOnly
from data_bridge.stores import stores_of


class Stored(BaseModel):
    id: str
    name: str = Field(min_length=2)
    age: int | None = 7
    secret: str = Field(default="none", min_length=2)
    rank: int = 3
    tags: list[str] = []
    born: int = Field(default=1, frozen=True)
    made: Created = None
    note: Annotated[str, ReadOnly] = "n"


class Create(BaseModel):
    id: str
    name: str = Field(min_length=2, max_length=6)
    age: int | None = None
    secret: str = Field(min_length=2)
    tags: list[str] = ["x"]
    born: int = 2


class Numbered(Stored):
    id: int | None = None  # type: ignore[assignment]


class CreateNumbered(BaseModel):
    name: str = Field(min_length=2, max_length=6)
    age: int | None = None
    secret: str = Field(min_length=2)
    tags: list[str] = ["x"]
    born: int = 2


class Public(BaseModel):
    id: str
    name: str
    age: int | None
    rank: int


class PublicNumbered(Public):
    id: int  # type: ignore[assignment]


class Update(BaseModel):
    secret: str | None = None
    age: int | None = None
    name: str | None = Field(None, min_length=3)
    rank: int = 8
    born: int | None = None


CheckedCreate, CheckedCreateNumbered = checked(Create, "tags", same), checked(CreateNumbered, "tags", same)
CheckedUpdate = checked(Update, "name", same)

TWINS: dict[str, tuple[Any, Any, Any, Any]] = {
    "text key": (Stored, Create, CheckedCreate, None),
    "text key, read": (Stored, Create, CheckedCreate, Public),
    "numbered": (Numbered, CreateNumbered, CheckedCreateNumbered, None),
    "numbered, read": (Numbered, CreateNumbered, CheckedCreateNumbered, PublicNumbered),
}
VALUES: dict[str, list[Any]] = {
    "id": ["a", "b", 1, 2, None, ""],
    "name": ["anna", "eve", "otto", "x", "longer than six", None, 3],
    "age": [1, None, "5", "x", 2**70],
    "secret": ["s3", "abc", "x", None, 5],
    "rank": [4, "x", None],
    "tags": [["t"], [], [1], None],
    "born": [2, 1, "x", None],
    "made": ["2020-01-01T00:00:00Z", 5],
    "note": ["m", None],
    "more": [1, None],
}
#: Without the time.
COLUMNS = 'id, name, age, secret, "rank", tags, born, note'
WHOLE = {"name": "anna", "secret": "s3"}


def visible(answer: Any) -> tuple[int, Any]:
    """What does not hang on the time."""
    body = answer.json() if answer.content else None
    for item in body if isinstance(body, list) else [body]:
        if isinstance(item, dict):
            item.pop("made", None)
    return answer.status_code, body


@pytest.mark.parametrize("scope", [None, {"rank": 3}, {"tags__contains": "x"}])
@pytest.mark.parametrize("twins", TWINS.values(), ids=TWINS)
def test_natively_as_through_python(open_client: Open, tmp_path: Path, twins: Any, scope: Any) -> None:
    source = random.Random(str(scope))
    model, *bodies, read = twins
    apps, paths = [], []
    for at, (body, update) in enumerate(zip(bodies, (Update, CheckedUpdate), strict=True)):
        paths.append(tmp_path / f"{at}.db")
        app = App(store=f"sqlite:///{paths[-1]}")
        app.crud(model, path="/items", create=body, update=update, read=read, unique=["secret"], scope=scope)
        apps.append(app)
    for name in ("create", "replace", "update"):
        found = [bool(stores_of(app).resources[0].reasons(name)) for app in apps]
        assert found == [False, True], name
    keys = ("1", "2", "9", "x") if model is Numbered else ("a", "b", "z")
    statuses = set()
    with open_client(apps[0]) as native, open_client(apps[1]) as through_python:
        for _ in range(150):
            method = source.choice(["POST", "POST", "PUT", "PUT", "PATCH", "PATCH"])
            path = "/items" if method == "POST" else f"/items/{source.choice(keys)}"
            body = random_body(source, VALUES, WHOLE, most=4, share=0.7)
            if isinstance(body, dict):
                body["secret"] = body.get("secret") and source.choice([body["secret"], f"s{source.randint(0, 99)}"])
                if method == "PUT" and source.random() < 0.8:
                    body["id"] = path.rpartition("/")[2]
                if method == "POST":
                    body.setdefault("id", source.choice("abcdefgh"))
                    body = [body, body] if source.random() < 0.1 else body
            answers = [client.request(method, path, json=body) for client in (native, through_python)]
            if method == "PATCH" and (path == "/items/x" or answers[1].status_code == 404):
                continue
            if "cannot be changed" in answers[0].text and answers[1].status_code in (404, 422):
                continue
            assert visible(answers[0]) == visible(answers[1]), (method, path, body)
            assert rows(paths[0], COLUMNS) == rows(paths[1], COLUMNS), (method, path, body)
            statuses.add((method, answers[0].status_code))
    assert {("PUT", 422), ("POST", 201), ("POST", 422), ("PATCH", 200), ("PATCH", 422)} <= statuses
    assert {("PUT", 200), ("PUT", 201)} & statuses


def stored(**fields: Any) -> type[BaseModel]:
    """A stored model with these fields."""
    return declared("Item", id=(int | None, None), **fields)


class Watched(BaseModel):
    a: int

    @model_validator(mode="after")
    def _watch(self) -> Watched:
        return self


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")

    a: int


class Lower(BaseModel):
    model_config = ConfigDict(str_to_lower=True)

    a: int


class Named(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    a: int = Field(1, alias="b")


Bound = Annotated[int, Field(ge=0)]
OTHER: dict[str, tuple[Any, Any]] = {
    "a validator": (stored(a=int), Watched),
    "no further members": (stored(a=int, b=(int, Field(1, exclude=True))), Strict),
    "no further members, other names": (stored(a=int, b=(int, Field(1, validation_alias="c"))), Strict),
    "another setting": (stored(a=int), Lower),
    "another type": (stored(a=int), declared("Create", a=float)),
    "not null": (stored(a=int), declared("Create", a=(int | None, 1))),
    "a lesser bound": (
        stored(a=Annotated[int, Field(ge=1)]),
        declared("Create", a=Annotated[int, Field(ge=0)]),
    ),
    "another order": (stored(a=int, b=int), declared("Create", b=int, a=int)),
    "no bound": (stored(a=Bound), declared("Create", a=int)),
    "what makes other values": (
        stored(a=str),
        declared("Create", a=Annotated[str, StringConstraints(strip_whitespace=True)]),
    ),
    "another name": (stored(a=int), declared("Create", a=(int, Field(alias="b")))),
    "its name as well": (stored(a=(int, Field(1, alias="b"))), Named),
    "several names": (stored(a=int), declared("Create", a=(int, Field(validation_alias=AliasChoices("a", "b"))))),
    "a default that is none": (stored(a=int), declared("Create", a=(int, None))),
    "a default of another type": (stored(a=(int, 1)), declared("Create", a=(int, "1"))),
    "what is assigned": (stored(a=int), declared("Create", id=(int, 1), a=int)),
    "what nobody says": (stored(a=int, b=Annotated[str, ReadOnly]), declared("Create", a=int)),
    "a default that Python makes": (
        stored(a=int, b=(datetime, Field(default_factory=lambda: datetime.now()))),
        declared("Create", a=int),
    ),
}


def test_not_plain(app: App) -> None:
    """All of them in every run: each is another rule."""
    for number, (name, (model, create)) in enumerate(OTHER.items()):
        app.crud(model, path=f"/items-{number}", create=create)
        reasons = stores_of(app).resources[number].reasons("create")
        assert reasons.startswith(f"the body is {create.__name__}"), name


NO_PATCH: dict[str, tuple[Any, Any]] = {
    "a validator": (stored(a=int), Watched),
    "no further members": (stored(a=int), Strict),
    "another type": (stored(a=int), declared("Update", a=(float | None, None))),
    "another name": (stored(a=int), declared("Update", a=(int | None, Field(None, alias="b")))),
    "its name as well": (stored(a=(int, Field(1, alias="b"))), Named),
    "members, which are merged": (stored(a=dict[str, int]), declared("Update", a=(dict[str, int] | None, None))),
    "strict": (stored(a=int), declared("Update", a=(int, Field(0, strict=True)))),
    "what makes other values": (
        stored(a=str),
        declared("Update", a=(Annotated[str, StringConstraints(to_lower=True)] | None, None)),
    ),
    "what nobody stores": (stored(a=int), declared("Update", b=(int | None, None))),
    "the key": (stored(a=int), declared("Update", id=(int | None, None))),
}


def test_no_plain_patch(app: App) -> None:
    hooks = type("Hooks", (), {"before_update": lambda self, changes: changes})
    for number, (name, (model, update)) in enumerate(NO_PATCH.items()):
        app.crud(model, path=f"/items-{number}", update=update)(hooks)
        reasons = stores_of(app).resources[number].reasons("update")
        assert reasons.startswith(f"the body is {update.__name__}"), name


def test_patches_are_of_the_stored_model(app: App, open_client: Open) -> None:
    app.crud(Numbered, path="/items", create=CreateNumbered)
    with open_client(app) as client:
        assert client.post("/items", json={**WHOLE, "rank": 9, "id": 5}).json()["rank"] == 3
        assert client.patch("/items/1", json={"rank": 9, "name": "longer than six"}).json()["rank"] == 9
        assert client.put("/items/1", json={**WHOLE, "rank": 1}).json()["rank"] == 9
        assert client.put("/items/1", json={**WHOLE, "id": 2}).status_code == 422


class StrictCreate(CreateNumbered):
    model_config = ConfigDict(extra="forbid")


class Closed(Numbered):
    model_config = ConfigDict(extra="forbid")


@pytest.mark.parametrize("case", [(Numbered, StrictCreate), (Closed, StrictCreate), (Closed, CreateNumbered)])
def test_members_that_are_refused(open_client: Open, tmp_path: Path, case: Any) -> None:
    model, create = case
    apps = [App(store=f"sqlite:///{tmp_path / name}") for name in ("native", "python")]
    for app, body in zip(apps, (create, checked(create, "tags", same)), strict=True):
        app.crud(model, path="/items", create=body)
    assert not stores_of(apps[0]).resources[0].reasons("create")
    bodies: list[Any] = [
        WHOLE, {**WHOLE, "more": 1}, {"more": [1], "name": "x", "other": {}}, {**WHOLE, "": 1}, [], 5,
        {**WHOLE, "made": 5, "model": 1}, [WHOLE, {**WHOLE, "more": None}],
        {**WHOLE, "rank": 9, "id": 3, "note": "m"},
    ]  # fmt: skip
    with open_client(apps[0]) as native, open_client(apps[1]) as through_python:
        for body in bodies:
            for method, path in (("POST", "/items"), ("PUT", "/items/1")):
                answers = [client.request(method, path, json=body) for client in (native, through_python)]
                assert visible(answers[0]) == visible(answers[1]), (method, body)
        got = native.get("/items/1").json()
        assert native.put("/items/1", json=got).json()["name"] == got["name"]
        status = native.post("/items", json={**WHOLE, "more": 1}).status_code
        assert status == (422 if create is StrictCreate else 201)
