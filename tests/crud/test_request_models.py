"""``create=``, ``update=`` and ``read=``: models of the bodies and of the answers, as tutorials write them."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from doors import Open
from fastapi import FastAPI, Header
from fastapi.testclient import TestClient
from pydantic import AliasPath, BaseModel, ConfigDict, Field, computed_field, field_serializer, field_validator

from data_bridge import App


# The models of FastAPI's tutorial on SQL.
class HeroBase(BaseModel):
    name: str
    age: int | None = None


class Hero(HeroBase):
    id: int | None = None
    secret_name: str


class HeroPublic(HeroBase):
    id: int


class HeroCreate(HeroBase):
    secret_name: str = Field(min_length=2)


class HeroUpdate(BaseModel):
    name: str | None = None
    age: int | None = None
    secret_name: str | None = None


@pytest.fixture
def heroes(app: App) -> App:
    app.crud(Hero, create=HeroCreate, update=HeroUpdate, read=HeroPublic, unique=["secret_name"])
    return app


def test_the_tutorial(heroes: App, open_client: Open) -> None:
    with open_client(heroes) as client:
        made = client.post("/heroes", json={"name": "Deadpond", "secret_name": "Dive Wilson"})
        assert (made.status_code, made.json()) == (201, {"name": "Deadpond", "age": None, "id": 1})
        assert list(made.json()) == ["name", "age", "id"]
        assert made.headers["location"] == "/heroes/1"
        got = client.get("/heroes/1")
        assert got.json() == made.json()
        assert got.headers["etag"] == made.headers["etag"]
        assert client.get("/heroes").json() == {"items": [made.json()], "next": None}
        changed = client.patch("/heroes/1", json={"age": 30})
        assert (changed.status_code, changed.json()) == (200, {"name": "Deadpond", "age": 30, "id": 1})
        replaced = client.put("/heroes/1", json={"name": "Dead", "secret_name": "Wade"})
        assert replaced.json() == {"name": "Dead", "age": None, "id": 1}
        assert client.delete("/heroes/1").status_code == 204


def test_bodies_are_refused_as_by_fastapi(heroes: App, open_client: Open) -> None:
    plain = FastAPI()

    @plain.post("/heroes")
    @plain.put("/heroes/{id}")
    def take(item: HeroCreate) -> None: ...

    bodies: list[Any] = [
        {},
        {"name": 1},
        {"name": "a", "secret_name": "b"},
        {"name": "a", "secret_name": "bc", "age": "x"},
    ]
    with open_client(heroes) as client, TestClient(plain) as theirs:
        client.post("/heroes", json={"name": "a", "secret_name": "bc"})
        for body in bodies:
            for method, path in (("POST", "/heroes"), ("PUT", "/heroes/1")):
                answer, expected = client.request(method, path, json=body), theirs.request(method, path, json=body)
                if expected.status_code == 422:
                    assert (answer.status_code, answer.json()) == (422, expected.json()), (method, body)


def test_patches_are_refused_by_their_model(heroes: App, open_client: Open) -> None:
    with open_client(heroes) as client:
        client.post("/heroes", json={"name": "a", "secret_name": "bc"})
        refused = client.patch("/heroes/1", json={"age": "x", "name": 5})
        assert refused.status_code == 422
        assert [(each["type"], each["loc"]) for each in refused.json()["detail"]] == [
            ("string_type", ["body", "name"]),
            ("int_parsing", ["body", "age"]),
        ]
        # The result is validated as well.
        assert client.patch("/heroes/1", json={"name": None}).json()["detail"][0]["type"] == "missing"
        assert client.patch("/heroes/1", json=[]).status_code == 422
        assert client.patch("/heroes/2", json={"age": "x"}).status_code == 404
        assert client.patch("/heroes/1", json={"id": 2}).status_code == 422
        assert client.patch("/heroes/1", json={"id": 1, "age": 2}).json()["age"] == 2


def test_what_is_not_read_is_not_heard_of(heroes: App, open_client: Open) -> None:
    with open_client(heroes) as client:
        client.post("/heroes", json={"name": "a", "secret_name": "bc", "age": 3})
        for query in (
            {"secret_name": "bc"},
            {"secret_name__startswith": "b"},
            {"sort": "secret_name"},
            {"fields": "secret_name"},
            {"where": '{"secret_name": "bc"}'},
        ):
            assert client.get("/heroes", params=query).status_code == 422, query
        assert client.get("/heroes", params={"age__ge": 3, "fields": "name", "sort": "-age"}).json()["items"] == [
            {"name": "a"}
        ]
        conflict = client.post("/heroes", json={"name": "b", "secret_name": "bc"})
        assert (conflict.status_code, conflict.json()) == (409, {"detail": "Conflict"})


def test_what_a_client_got_it_may_send_back(heroes: App, open_client: Open) -> None:
    with open_client(heroes) as client:
        client.post("/heroes", json={"name": "a", "secret_name": "bc", "age": 3})
        got = client.get("/heroes/1").json()
        put = client.put("/heroes/1", json={**got, "age": 4, "secret_name": "de"})
        assert put.json() == {**got, "age": 4}
        refused = client.put("/heroes/1", json=got)
        assert refused.json()["detail"][0]["loc"] == ["body", "secret_name"]  # the model of the body requires it
        assert client.put("/heroes/1", json={**got, "id": 2, "secret_name": "de"}).status_code == 422


def test_lists_of_new_items(heroes: App, open_client: Open) -> None:
    with open_client(heroes) as client:
        many = [{"name": "a", "secret_name": "bc"}, {"name": "b", "secret_name": "d"}]
        refused = client.post("/heroes", json=many)
        assert [each["loc"] for each in refused.json()["detail"]] == [["body", 1, "secret_name"]]
        many[1]["secret_name"] = "de"
        made = client.post("/heroes", json=many)
        assert (made.status_code, [each["id"] for each in made.json()]) == (201, [1, 2])
        assert "secret_name" not in made.text


# --- a password --------------------------------------------------------------------------------------------


class User(BaseModel):
    id: int | None = None
    email: str
    hashed_password: str
    role: str = "user"


class UserCreate(BaseModel):
    email: str = Field(pattern="@")
    password: str = Field(min_length=4)


class UserUpdate(BaseModel):
    email: str | None = None
    password: str | None = Field(None, min_length=4)


class UserPublic(BaseModel):
    id: int
    email: str
    role: str


class Hashed:
    def before_create(self, user: UserCreate) -> User:
        return User(email=user.email, hashed_password="hash of " + user.password)

    def before_replace(self, user: UserCreate) -> User:
        return User(email=user.email, hashed_password="hash of " + user.password)

    def before_update(self, changes: dict[str, Any]) -> dict[str, Any]:
        if "password" in changes:
            changes["hashed_password"] = "new hash of " + changes.pop("password")
        return changes


@pytest.fixture
def users(app: App) -> App:
    app.crud(User, create=UserCreate, update=UserUpdate, read=UserPublic, unique=["email"])(Hashed)
    app.crud(User, path="/stored", table="users", operations=["list", "update"])
    return app


def test_a_hook_makes_the_stored_item(users: App, open_client: Open) -> None:
    with open_client(users) as client:
        made = client.post("/users", json={"email": "a@b", "password": "1234"})
        assert (made.status_code, made.json()) == (201, {"id": 1, "email": "a@b", "role": "user"})
        stored = client.get("/stored").json()["items"]
        assert stored == [{"id": 1, "email": "a@b", "hashed_password": "hash of 1234", "role": "user"}]
        assert client.post("/users", json={"email": "c@d", "password": "1"}).status_code == 422
        assert client.post("/users", json={"email": "a@b", "password": "1234"}).json() == {
            "detail": "An item with this email already exists"
        }
        client.patch("/stored/1", json={"role": "admin"})
        # What the model of the body does not have a PUT leaves as it is.
        put = client.put("/users/1", json={"email": "e@f", "password": "5678"})
        assert put.json() == {"id": 1, "email": "e@f", "role": "admin"}
        assert client.get("/stored").json()["items"][0]["hashed_password"] == "hash of 5678"
        assert client.patch("/users/1", json={"password": "1"}).status_code == 422
        assert client.patch("/users/1", json={"password": "12345"}).json() == put.json()
        assert client.get("/stored").json()["items"][0]["hashed_password"] == "new hash of 12345"
        many = [{"email": f"{n}@x", "password": "1234"} for n in range(3)]
        assert len(client.post("/users", json=many).json()) == 3
        assert {each["hashed_password"] for each in client.get("/stored?id__gt=1").json()["items"]} == {"hash of 1234"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"create": UserCreate}, "before_create"),
        ({"update": UserUpdate}, "'password', which update=UserUpdate has"),
        ({"create": UserPublic}, "'hashed_password', which User requires"),
        ({"read": UserCreate}, "'password', which read=UserCreate has"),
    ],
)
def test_a_field_from_nowhere_stops_the_start(app: App, options: dict[str, Any], message: str) -> None:
    app.crud(User, **options)
    with pytest.raises(ValueError, match=message), TestClient(app):
        pass


# --- scopes, aliases, serialisers ----------------------------------------------------------------------------


class Note(BaseModel):
    id: int | None = None
    owner_id: int
    title: str = Field(alias="Title")
    body: str = Field("", validation_alias=AliasPath("content", "body"))
    length: int = 7

    @property
    def summary(self) -> str:
        return self.title[:2]


class NoteIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str = Field(alias="headline")
    body: str = Field("none", alias="text")
    length: int | None = None

    @field_validator("title")
    @classmethod
    def _strip(cls, value: str) -> str:
        return value.strip()


class NoteOut(BaseModel):
    id: int
    title: str = Field(serialization_alias="headline")
    body: str
    summary: str

    @field_serializer("body")
    def _loud(self, value: str) -> str:
        return value.upper()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def size(self) -> int:
        return len(self.body)


def owner(user: Annotated[int, Header()]) -> dict[str, int]:
    return {"owner_id": user}


@pytest.mark.parametrize("scope", [owner, {"owner_id": 1}])
def test_scopes_aliases_and_serialisers(app: App, open_client: Open, scope: Any) -> None:
    app.crud(Note, create=NoteIn, update=NoteIn, read=NoteOut, scope=scope)
    with open_client(app) as client:
        client.headers["user"] = "1"
        made = client.post("/notes", json={"headline": " one ", "text": "t"})
        shown = {"id": 1, "headline": "one", "body": "T", "summary": "on", "size": 1}
        assert (made.status_code, made.json()) == (201, shown)
        assert list(made.json()) == list(shown)
        assert client.post("/notes", json={"headline": "two"}).json()["body"] == "NONE"  # what its documentation says
        assert client.get("/notes", params={"headline": "one"}).json()["items"] == [shown]
        assert client.get("/notes", params={"fields": "headline,size", "limit": 1}).json()["items"] == [
            {"headline": "one", "size": 1}
        ]
        # A value that is shown otherwise could be found out by asking for it.
        for name in ("body", "Title", "title", "owner_id", "length", "size"):
            assert client.get("/notes", params={name: "1"}).status_code == 422, name
        changed = client.patch("/notes/1", json={"headline": "  new "})
        assert (changed.status_code, changed.json()["headline"]) == (200, "new")
        got = client.get("/notes/1").json()
        assert client.put("/notes/1", json={**got, "text": "u"}).json() == {**got, "body": "U"}
        assert client.patch("/notes/1", json={"Title": "x"}).json()["detail"][0]["type"] == "extra_forbidden"


class Strict(BaseModel):
    id: int | None = None
    name: str = Field(max_length=3, alias="Name")
    kept: str = Field("k", frozen=True)


class Loose(BaseModel):
    name: str = Field(alias="called")
    kept: str = Field("k", alias="once")


def test_what_the_stored_model_refuses_is_told_in_the_clients_words(app: App, open_client: Open) -> None:
    app.crud(Strict, path="/things", create=Loose, update=Loose)
    with open_client(app) as client:
        body = {"called": "long", "once": "a"}
        for refused in (client.post("/things", json=body), client.post("/things", json=[body])):
            assert refused.status_code == 422
            (error,) = refused.json()["detail"]
            assert (error["type"], error["loc"][-1], error["input"]) == ("string_too_long", "called", "long")
        assert client.post("/things", json={"called": "abc", "once": "a"}).json() == {
            "id": 1,
            "Name": "abc",
            "kept": "a",
        }
        frozen = client.put("/things/1", json={"called": "abc", "once": "b"})
        assert [each["loc"] for each in frozen.json()["detail"]] == [["body", "once"]]
        assert client.patch("/things/1", json={"called": "four"}).json()["detail"][0]["loc"] == ["body", "called"]


# --- keys, nested models, retries ---------------------------------------------------------------------------


class Address(BaseModel):
    city: str
    zip: str = ""


class AddressPublic(BaseModel):
    city: str


class Place(BaseModel):
    code: str
    address: Address


class PlaceUpdate(BaseModel):
    address: Address | None = None


class PlacePublic(BaseModel):
    code: str
    address: AddressPublic


def test_a_text_key_and_nested_models(app: App, open_client: Open) -> None:
    app.crud(Place, key="code", create=Place, update=PlaceUpdate, read=PlacePublic)
    with open_client(app) as client:
        made = client.put("/places/a", json={"code": "a", "address": {"city": "Oslo", "zip": "1"}})
        assert (made.status_code, made.json()) == (201, {"code": "a", "address": {"city": "Oslo"}})
        changed = client.patch("/places/a", json={"address": {"zip": "2"}})
        assert (changed.status_code, changed.json()) == (200, {"code": "a", "address": {"city": "Oslo"}})
        assert client.get("/places", params={"address.zip": "2"}).status_code == 422
        assert client.patch("/places/a", json={"code": "b"}).status_code == 422


class Keyless(BaseModel):
    name: str


class KeylessPublic(BaseModel):
    id: int
    name: str


def test_a_key_that_the_model_has_not(app: App, open_client: Open) -> None:
    app.crud(Keyless, path="/keyless", read=KeylessPublic)
    with open_client(app) as client:
        made = client.post("/keyless", json={"name": "a"})
        assert (made.status_code, made.json()) == (201, {"id": 1, "name": "a"})
        assert client.patch("/keyless/1", json={"name": "b"}).json() == {"id": 1, "name": "b"}
        assert client.get("/keyless", params={"id__ge": 1}).json()["items"] == [{"id": 1, "name": "b"}]


def test_a_request_that_is_sent_again(users: App, open_client: Open) -> None:
    with open_client(users) as client:
        sent = {"json": {"email": "a@b", "password": "1234"}, "headers": {"idempotency-key": "k"}}
        first, again = client.post("/users", **sent), client.post("/users", **sent)
        assert first.status_code == again.status_code == 201
        assert first.content == again.content
        other = client.post("/users", json={"email": "a@c", "password": "1234"}, headers={"idempotency-key": "k"})
        assert other.status_code == 422
        assert client.get("/users?total=true&limit=0").json()["total"] == 1


def test_python_code_sees_all_of_it(heroes: App) -> None:
    with TestClient(heroes) as client:
        client.post("/heroes", json={"name": "a", "secret_name": "bc"})
        items = heroes.resource(Hero)
        assert client.portal is not None
        found = client.portal.call(lambda: items.list({"secret_name": "bc"}, sort="-secret_name"))
        assert found.items == [Hero(id=1, name="a", secret_name="bc")]


# --- the documentation ----------------------------------------------------------------------------------------


def test_the_documentation_shows_the_models(heroes: App, open_client: Open) -> None:
    with open_client(heroes) as client:
        schema = client.get("/openapi.json").json()
    shown = set(schema["components"]["schemas"])
    assert {"HeroCreate", "HeroUpdate", "HeroPublic", "HeroPublicPage", "HeroPublicWhere"} <= shown
    assert not [name for name in shown if name.endswith(("-Input", "-Output")) or name == "Hero"]
    assert "secret_name" not in str(schema["paths"]["/heroes"]["get"])
    assert "secret_name" in schema["components"]["schemas"]["HeroCreate"]["required"]


def test_the_documentation_of_what_is_shown_otherwise(app: App, open_client: Open) -> None:
    app.crud(Note, read=NoteOut, operations=["list"])
    with open_client(app) as client:
        parameters = client.get("/openapi.json").json()["paths"]["/notes"]["get"]["parameters"]
    shown = {each["name"]: each["schema"] for each in parameters}
    assert "size" in str(shown["fields"])
    assert "body" not in shown
    assert "headline" in shown


class Nested(BaseModel):
    name: str
    inner: Nested | None = None


class NestedUpdate(BaseModel):
    name: str
    inner: NestedUpdate | None = None


def test_a_patch_model_within_itself(app: App, open_client: Open) -> None:
    app.crud(Nested, path="/nested", update=NestedUpdate)
    with open_client(app) as client:
        client.post("/nested", json={"name": "a", "inner": {"name": "b"}})
        changed = client.patch("/nested/1", json={"inner": {"name": "c"}})
        assert (changed.status_code, changed.json()["inner"]["name"]) == (200, "c")


def test_one_model_for_body_and_answer(app: App, open_client: Open) -> None:
    app.crud(Hero, create=HeroUpdate, update=HeroUpdate, read=HeroUpdate, operations=["list", "update"])
    with open_client(app) as client:
        shown = set(client.get("/openapi.json").json()["components"]["schemas"])
    assert "HeroUpdate" in shown
    assert not [name for name in shown if name.endswith(("-Input", "-Output"))]


def test_the_reasons(heroes: App) -> None:
    resource = heroes.data_bridge_stores.resources[0]
    assert [resource.reasons(name) for name in resource.operations] == [""] * 6
