"""Fields that are not the client's: `ReadOnly`, `Created`, `Updated`."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import pytest
from doors import Open, beside, through_python
from fastapi import Header
from pydantic import AliasPath, BaseModel, ConfigDict, Field, computed_field, field_validator, model_validator

from data_bridge import App, Created, ReadOnly, Updated
from data_bridge.stores import stores_of

LONG_AGO = "2001-02-03T04:05:06.000007Z"


class Note(BaseModel):
    id: int | None = None
    title: str = Field(min_length=1)
    owner: Annotated[str | None, ReadOnly] = None
    created_at: Created = None
    updated_at: Updated = None


class Aliased(BaseModel):
    model_config = ConfigDict(extra="allow")
    id: int | None = None
    title: str = Field(min_length=1)
    owner: Annotated[str | None, ReadOnly] = Field(None, alias="Owner")
    created_at: Created = Field(None, validation_alias="createdAt", serialization_alias="createdAt")
    updated_at: Updated = Field(alias="updatedAt")


class Checked(Note):
    """Its input goes through Python, and needs the times."""

    @model_validator(mode="after")
    def _has_times(self) -> Checked:
        assert self.created_at is not None
        assert self.updated_at is not None
        assert self.created_at <= self.updated_at
        return self


class Written(Note):
    """Its answers are written by Python."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def age(self) -> float | None:
        return (self.updated_at - self.created_at).total_seconds() if self.updated_at and self.created_at else None


MODELS = [Note, Checked, Written]


def moment(text: str) -> datetime:
    assert text.endswith("Z")
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("model", MODELS)
def test_the_store_sets_the_times(app: App, open_client: Open, model: type[BaseModel]) -> None:
    app.crud(model, path="/notes")
    with open_client(app) as client:
        before = datetime.now(UTC)
        answer = client.post("/notes", json={"title": "a", "created_at": LONG_AGO, "updated_at": "no time"})
        made = answer.json()
        assert answer.status_code == 201, made
        assert before <= moment(made["created_at"]) <= datetime.now(UTC)
        assert made["updated_at"] == made["created_at"]
        assert made["owner"] is None
        assert client.get("/notes/1").json() == made
        last = made
        for method, body in (
            ("PUT", {"title": "b"}),
            ("PUT", {**made, "title": "c", "created_at": LONG_AGO, "updated_at": 5}),
            ("PATCH", {"title": "d"}),
            ("PATCH", {}),
            ("PATCH", {"created_at": None, "updated_at": LONG_AGO, "owner": "eve"}),
            ("PATCH", {"owner": {"not": ["valid"]}, "title": "e"}),
            ("PUT", made),
        ):
            tag = client.get("/notes/1").headers["etag"]
            answer = client.request(method, "/notes/1", json=body, headers={"if-match": tag})
            changed = answer.json()
            assert answer.status_code == 200, changed
            assert changed["title"] == body.get("title", last["title"])
            assert changed["created_at"] == made["created_at"]
            assert changed["owner"] is None
            assert moment(changed["updated_at"]) > moment(last["updated_at"])
            assert answer.headers["etag"] != tag
            assert client.get("/notes/1").json() == changed
            assert client.patch("/notes/1", json={"title": "x"}, headers={"if-match": tag}).status_code == 412
            last = changed
        for method in ("PUT", "PATCH"):
            assert client.request(method, "/notes/1", json={"title": ""}).status_code == 422
        assert client.get("/notes/1").json() == last


@pytest.mark.parametrize("model", MODELS)
def test_of_many_at_once_too(app: App, open_client: Open, model: type[BaseModel]) -> None:
    app.crud(model, path="/notes")
    with open_client(app) as client:
        before = datetime.now(UTC)
        made = client.post("/notes", json=[{"title": "a", "created_at": LONG_AGO}, {"title": "b"}]).json()
        for each in made:
            assert before <= moment(each["created_at"]) == moment(each["updated_at"]) <= datetime.now(UTC)
        assert client.get("/notes").json()["items"] == made


def test_only_what_needs_python_goes_through_it(app: App) -> None:
    app.crud(Note, scope={"owner": "ann"})
    app.crud(Checked)
    native, checked = stores_of(app).resources
    assert [native.reasons(name) for name in native.operations] == [""] * 6
    assert "_has_times" in checked.reasons("create")


class WrittenAliased(Aliased):
    @computed_field  # type: ignore[prop-decorator]
    @property
    def size(self) -> int:
        return len(self.title)


@pytest.mark.parametrize("model", [Aliased, WrittenAliased])
def test_names_on_the_wire(app: App, open_client: Open, model: type[BaseModel]) -> None:
    app.crud(model, path="/notes")
    with open_client(app) as client:
        # `owner` is no name of the field, so that it is an extra member.
        body = {"title": "a", "Owner": "eve", "owner": "extra", "createdAt": LONG_AGO, "updatedAt": LONG_AGO}
        made = client.post("/notes", json=body).json()
        assert (made["Owner"], made["owner"]) == (None, "extra")
        assert made["createdAt"] == made["updatedAt"] > LONG_AGO
        changed = client.put("/notes/1", json=body).json()
        assert changed["createdAt"] == made["createdAt"] < changed["updatedAt"]
        changed = client.patch("/notes/1", json={"updatedAt": 1, "Owner": "eve", "createdAt": 1}).json()
        assert changed["createdAt"] == made["createdAt"] < changed["updatedAt"]
        assert changed["Owner"] is None


def test_lists_know_them(app: App, open_client: Open) -> None:
    app.crud(Note, sort="-created_at", page_size=2)
    with open_client(app) as client:
        made = [client.post("/notes", json={"title": title}).json() for title in "abcde"]
        seen, url = [], "/notes"
        while True:
            page = client.get(url).json()
            seen += page["items"]
            if page["next"] is None:
                break
            url = f"/notes?cursor={page['next']}"
        assert seen == made[::-1]
        # The same instant in another zone.
        there = moment(made[2]["created_at"]).astimezone(timezone(timedelta(hours=5)))
        for params, expected in (
            ({"created_at__lt": there.isoformat()}, "ba"),
            ({"created_at": there.isoformat()}, "c"),
            ({"where": f'{{"updated_at__gt": "{there.isoformat()}"}}'}, "ed"),
            ({"owner__isnull": "false"}, ""),
        ):
            found = client.get("/notes", params={**params, "limit": 5}).json()["items"]
            assert "".join(each["title"] for each in found) == expected, params
        picked = client.get("/notes?fields=created_at,title&limit=1").json()["items"]
        assert picked == [{"title": "e", "created_at": made[4]["created_at"]}]


@pytest.mark.parametrize("model", MODELS)
def test_a_repeat_gets_the_first_answer(app: App, open_client: Open, model: type[BaseModel]) -> None:
    app.crud(model, path="/notes")
    with open_client(app) as client:
        first, second = (client.post("/notes", json={"title": "a"}, headers={"idempotency-key": "k"}) for _ in range(2))
        assert (first.status_code, first.content) == (second.status_code, second.content)
        assert len(client.get("/notes").json()["items"]) == 1


def test_older_rows_have_none(app: App, open_client: Open, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "test.db") as connection:
        connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL)")
        connection.execute("INSERT INTO notes (title) VALUES ('old')")
    connection.close()
    app.crud(Note)
    with open_client(app) as client:
        old = {"id": 1, "title": "old", "owner": None, "created_at": None, "updated_at": None}
        assert client.get("/notes/1").json() == old
        changed = client.put("/notes/1", json={"title": "new"}).json()
        assert changed["created_at"] is None
        assert changed["updated_at"] is not None


@pytest.mark.parametrize("model", MODELS)
def test_times_never_go_back(app: App, open_client: Open, tmp_path: Path, model: type[BaseModel]) -> None:
    app.crud(model, path="/notes")
    future = "2999-01-01T00:00:00Z"
    with open_client(app) as client:
        client.post("/notes", json={"title": "a"})
        with sqlite3.connect(tmp_path / "test.db") as connection:
            connection.execute("UPDATE notes SET updated_at = ?", (future,))
        connection.close()
        assert client.patch("/notes/1", json={"title": "b"}).json()["updated_at"] == future
        assert client.put("/notes/1", json={"title": "c"}).json()["updated_at"] == future
        assert client.get("/notes/1").json()["updated_at"] == future


def test_writers_at_once_see_time_go_on(app: App, open_client: Open) -> None:
    app.crud(Note)
    with open_client(app) as client:
        client.post("/notes", json={"title": "a"})

        def write(_: int) -> list[str]:
            with beside(client) as own:
                return [own.patch("/notes/1", json={}).json()["updated_at"] for _ in range(10)]

        with ThreadPoolExecutor(4) as pool:
            times = list(pool.map(write, range(4)))
        assert all(each == sorted(each) for each in times)
        assert client.get("/notes/1").json()["updated_at"] == max(time for each in times for time in each)


# --- ReadOnly ---------------------------------------------------------------------------------------------


class Task(BaseModel):
    id: int | None = None
    owner_id: Annotated[UUID, ReadOnly]
    title: str = Field(min_length=1)


class CheckedTask(Task):
    @field_validator("title")
    @classmethod
    def _strip(cls, value: str) -> str:
        return value.strip()


class Page(BaseModel):
    id: str
    owner_id: Annotated[UUID, ReadOnly]
    title: str = ""


class CheckedPage(Page):
    @field_validator("title")
    @classmethod
    def _strip(cls, value: str) -> str:
        return value.strip()


ANN = "00000000-0000-4000-8000-00000000000a"
EVE = "00000000-0000-4000-8000-00000000000e"


async def mine(user: Annotated[str, Header()]) -> dict[str, Any] | None:
    return None if user == "admin" else {"owner_id": UUID(user)}


@pytest.mark.parametrize("model", [Task, CheckedTask])
def test_a_scope_says_whose_it_is(app: App, open_client: Open, model: type[BaseModel]) -> None:
    app.crud(model, path="/tasks", scope=mine)
    with open_client(app) as client:
        ann, eve, admin = {"user": ANN}, {"user": EVE}, {"user": "admin"}
        made = client.post("/tasks", json={"title": "a", "owner_id": EVE}, headers=ann).json()
        assert made == {"id": 1, "owner_id": ANN, "title": "a"}
        assert client.post("/tasks", json=[{"title": "b", "owner_id": 5}], headers=eve).json()[0]["owner_id"] == EVE
        for headers in (ann, admin):
            for method, body in (
                ("PUT", {"title": "b"}),
                ("PUT", {**made, "owner_id": EVE}),
                ("PATCH", {"owner_id": EVE}),
                ("PATCH", {"owner_id": None, "title": "c"}),
            ):
                answer = client.request(method, "/tasks/1", json=body, headers=headers)
                assert (answer.status_code, answer.json()["owner_id"]) == (200, ANN), (method, body)
        assert client.put("/tasks/1", json={"title": "x"}, headers=eve).status_code == 404
        assert client.put("/tasks/9", json={"title": "x"}, headers=ann).status_code == 404
        # Nothing says whose it is: as Pydantic says it.
        for body, loc in (({"title": "x"}, ["body"]), ([{"title": "x"}], ["body", 0])):
            refused = client.post("/tasks", json=body, headers=admin)
            assert refused.status_code == 422
            assert refused.json()["detail"] == [
                {"type": "missing", "loc": [*loc, "owner_id"], "msg": "Field required", "input": {"title": "x"}}
            ]
        # What else is wrong is said as ever, and nothing of what is not the client's.
        refused = client.put("/tasks/1", json={"title": "", "owner_id": 5}, headers=ann)
        assert [each["loc"] for each in refused.json()["detail"]] == [["body", "title"]]
        assert client.put("/tasks/x", json={"title": "a"}, headers=ann).status_code == 422
        detail = client.put("/tasks/x", json={"title": "a"}, headers=ann).json()["detail"]
        assert [each["loc"] for each in detail] == [["path", "id"]]


@pytest.mark.parametrize("model", [Page, CheckedPage])
def test_a_put_that_makes_an_item(app: App, open_client: Open, model: type[BaseModel]) -> None:
    app.crud(model, path="/pages", scope=mine)
    with open_client(app) as client:
        made = client.put("/pages/a", json={"id": "a", "title": "t", "owner_id": EVE}, headers={"user": ANN})
        assert (made.status_code, made.json()) == (201, {"id": "a", "owner_id": ANN, "title": "t"})
        again = client.put("/pages/a", json={"id": "a", "title": "u", "owner_id": EVE}, headers={"user": "admin"})
        assert (again.status_code, again.json()) == (200, {"id": "a", "owner_id": ANN, "title": "u"})
        body = {"id": "b", "title": "t"}
        refused = client.put("/pages/b", json=body, headers={"user": "admin"})
        assert (refused.status_code, refused.json()) == (
            422,
            {"detail": [{"type": "missing", "loc": ["body", "owner_id"], "msg": "Field required", "input": body}]},
        )


@pytest.mark.parametrize("model", [Page, CheckedPage])
def test_hooks_say_whose_it_is(app: App, open_client: Open, model: type[BaseModel]) -> None:
    @app.crud(model, path="/pages")
    class Pages:
        def before_create(self, page: Page) -> None:
            if page.title != "nobody's":
                page.owner_id = UUID(ANN)

        def before_replace(self, page: Page) -> None:
            assert page.owner_id is not None
            if page.title == "give":
                page.owner_id = UUID(EVE)

        def before_update(self, changes: dict[str, Any]) -> dict[str, Any]:
            assert "owner_id" not in changes
            return {**changes, "owner_id": UUID(ANN)} if changes.get("title") == "back" else changes

    with open_client(app) as client:
        assert client.post("/pages", json={"id": "a", "owner_id": EVE}).json()["owner_id"] == ANN
        assert client.post("/pages", json=[{"id": "b"}]).json()[0]["owner_id"] == ANN
        assert client.put("/pages/c", json={"id": "c", "owner_id": EVE}).json()["owner_id"] == ANN
        for method, url, body in (
            ("POST", "/pages", {"id": "d", "title": "nobody's"}),
            ("PUT", "/pages/d", {"id": "d", "title": "nobody's"}),
        ):
            refused = client.request(method, url, json=body)
            assert refused.status_code == 422
            assert [(each["type"], each["loc"]) for each in refused.json()["detail"]] == [
                ("missing", ["body", "owner_id"])
            ]
        refused = client.post("/pages", json=[{"id": "e"}, {"id": "f", "title": "nobody's"}])
        assert [each["loc"] for each in refused.json()["detail"]] == [["body", 1, "owner_id"]]
        for method, body, owner in (
            ("PUT", {"id": "a", "title": "keep", "owner_id": EVE}, ANN),
            ("PUT", {"id": "a", "title": "give"}, EVE),
            ("PUT", {"id": "a", "title": "keep", "owner_id": ANN}, EVE),
            ("PATCH", {"title": "t", "owner_id": ANN}, EVE),
            ("PATCH", {"title": "back", "owner_id": EVE}, ANN),
        ):
            answer = client.request(method, "/pages/a", json=body)
            assert (answer.status_code, answer.json()["owner_id"]) == (200, owner), (method, body)
            assert client.get("/pages/a").json() == answer.json()


@pytest.mark.parametrize("model", MODELS)
def test_hooks_see_the_times_and_do_not_set_them(app: App, open_client: Open, model: type[BaseModel]) -> None:
    seen: list[Any] = []

    @app.crud(model, path="/notes")
    class Notes:
        def before_create(self, note: Note) -> Note:
            seen.append(note.created_at)
            return note.model_copy(update={"created_at": None, "owner": "ann"})

        def after_create(self, note: Note) -> None:
            seen.append(note.created_at)

        def before_replace(self, note: Note) -> None:
            seen.append(note.created_at)
            note.created_at = note.updated_at = datetime(1999, 1, 1)

        def after_replace(self, note: Note) -> None:
            seen.append(note.created_at)

        def before_update(self, changes: dict[str, Any]) -> dict[str, Any]:
            return {**changes, "created_at": None, "updated_at": datetime(1999, 1, 1)}

        def after_update(self, note: Note) -> None:
            seen.append(note.created_at)

    with open_client(app) as client:
        made = client.post("/notes", json={"title": "a"}).json()
        assert made["owner"] == "ann"
        for method in ("PUT", "PATCH"):
            changed = client.request(method, "/notes/1", json={"title": "b"}).json()
            assert changed["created_at"] == made["created_at"]
            assert changed["owner"] == "ann"
            assert moment(changed["updated_at"]) > moment(made["updated_at"])
            assert client.get("/notes/1").json() == changed
    assert seen == [moment(made["created_at"])] * 5


class Sealed(BaseModel):
    id: int | None = None
    owner: Annotated[str, ReadOnly] = Field("nobody", frozen=True)
    secret: Annotated[str, ReadOnly] = Field("s", exclude=True)
    born: Created = Field(None, exclude=True)
    title: str = ""


def test_frozen_and_unseen_ones(app: App, open_client: Open, tmp_path: Path) -> None:
    app.crud(Sealed, scope={"create": {"owner": "ann"}})
    with open_client(app) as client:
        made = client.post("/sealeds", json={"owner": "eve", "secret": "x", "born": 1}).json()
        assert made == {"id": 1, "owner": "ann", "title": ""}
        with sqlite3.connect(tmp_path / "test.db") as connection:
            before = connection.execute("SELECT secret, born FROM sealeds").fetchone()
        connection.close()
        assert before[0] == "s"
        assert moment(before[1])
        body = {"owner": "eve", "secret": "y", "born": 1, "title": "b"}
        for write in (client.put, client.patch):
            answer = write("/sealeds/1", json=body)
            assert (answer.status_code, answer.json()) == (200, {"id": 1, "owner": "ann", "title": "b"})
        with sqlite3.connect(tmp_path / "test.db") as connection:
            assert connection.execute("SELECT secret, born FROM sealeds").fetchone() == before
        connection.close()


@pytest.mark.parametrize("model", MODELS)
def test_python_code_sets_what_is_read_only(app: App, open_client: Open, model: type[Any]) -> None:
    app.crud(model, path="/notes")

    @app.get("/made")
    async def made() -> Any:
        notes = app.resource(model)
        note = await notes.create(
            model.model_construct(title="a", owner="ann", created_at=datetime(1999, 1, 1, tzinfo=UTC))
        )
        assert (note.owner, note.created_at) == ("ann", note.updated_at)
        assert note.created_at.year > 1999
        kept = await notes.replace(note.id, model.model_construct(title="b"))
        assert (kept.owner, kept.created_at) == ("ann", note.created_at)
        assert kept.updated_at > note.updated_at
        given = await notes.replace(note.id, kept.model_copy(update={"owner": "eve", "created_at": None}))
        assert (given.owner, given.created_at) == ("eve", note.created_at)
        changed = await notes.update(note.id, {"owner": "bob"})
        assert (changed.owner, changed.created_at) == ("bob", note.created_at)
        assert changed.updated_at > given.updated_at
        with pytest.raises(ValueError, match="created_at is set by the store"):
            await notes.update(note.id, {"created_at": None})
        assert await notes.get(note.id) == changed
        return changed

    with open_client(app) as client:
        assert client.get("/made").json() == client.get("/notes/1").json()


# --- the start --------------------------------------------------------------------------------------------


def test_a_start_stops_where_nobody_could_say(app: App) -> None:
    class Hooks:
        def before_create(self, task: Task) -> None:
            task.owner_id = UUID(ANN)

    app.crud(Task, path="/a", operations=["list", "get", "replace", "update"])
    app.crud(Task, path="/b", table="a", scope={"owner_id": ANN})
    app.crud(Task, path="/c", table="a", hooks=Hooks)
    app.crud(Task, path="/d", table="a", scope=mine)
    with through_python(app):
        pass
    for options in ({}, {"scope": {"owner_id__ne": ANN}}):
        other = App(store="sqlite://")
        other.crud(Task, **options)
        with (
            pytest.raises(ValueError, match="Task at /tasks: owner_id is ReadOnly and has no default"),
            through_python(other),
        ):
            pass


@dataclasses.dataclass
class Plain:
    at: Created = None


class Inner(BaseModel):
    at: Created = None


class Nested(BaseModel):
    id: int | None = None
    inner: list[Inner] = []


class InPlain(BaseModel):
    inner: Plain | None = None


class InList(BaseModel):
    owners: list[Annotated[str, ReadOnly]] = []


class AsKey(BaseModel):
    id: Annotated[int | None, ReadOnly] = None


class Twice(BaseModel):
    at: Annotated[Created, ReadOnly] = None


class ByPath(BaseModel):
    at: Created = Field(None, validation_alias=AliasPath("a", "b"))


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (Nested, "Nested.inner: Created marks fields of the resource's own model"),
        (InPlain, "InPlain.inner: Created marks"),
        (InList, "InList.owners: ReadOnly marks"),
        (AsKey, "AsKey.id: the key cannot be ReadOnly"),
        (Twice, "Twice.at: only one of Created, ReadOnly"),
        (ByPath, "ByPath.at: Created cannot be read from an AliasPath"),
    ],
)
def test_markers_where_they_mean_nothing(app: App, model: type[BaseModel], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        app.crud(model)


# --- the documentation ------------------------------------------------------------------------------------


@pytest.fixture
def schemas(app: App, open_client: Open) -> Iterator[dict[str, Any]]:
    app.crud(Note)
    app.crud(Task, scope=mine)
    with open_client(app) as client:
        document = client.get("/openapi.json").json()
        parameters = [each["name"] for each in document["paths"]["/notes"]["get"]["parameters"]]
        yield {**document["components"]["schemas"], "parameters": parameters}


def test_the_documentation_shows_them_in_answers_alone(schemas: dict[str, Any]) -> None:
    shown = schemas["Note"]["properties"]
    assert {name for name, each in shown.items() if each.get("readOnly")} == {
        "id", "owner", "created_at", "updated_at"
    }  # fmt: skip
    assert shown["created_at"]["anyOf"] == [{"type": "string", "format": "date-time"}, {"type": "null"}]
    assert set(schemas["NoteCreate"]["properties"]) == {"id", "title"}
    assert set(schemas["NoteUpdate"]["properties"]) == {"title"}
    assert schemas["TaskCreate"]["required"] == ["title"]
    assert schemas["Task"]["properties"]["owner_id"]["readOnly"] is True
    assert "owner_id" in schemas["Task"]["required"]
    assert {"owner", "created_at", "updated_at"} <= set(schemas["parameters"])
    assert "created_at__lt" in schemas["NoteWhere"]["properties"]
