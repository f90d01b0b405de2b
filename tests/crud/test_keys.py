"""Keys: what is accepted can be reached by its Location, and no key ends the making of others."""

from __future__ import annotations

import asyncio
import sqlite3
import uuid
from enum import Enum, StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from doors import Open, natively
from fastapi.testclient import TestClient
from pydantic import AfterValidator, BaseModel, EmailStr, Field, create_model
from pydantic.types import UuidVersion

from data_bridge import App


class Page(BaseModel):
    id: str
    v: int = 0


class Item(BaseModel):
    id: int | None = None
    name: str = ""


@pytest.mark.parametrize(
    "key",
    ["a", "a b", " ", "50%", "%", "é", "☃", "😀", "?x#y", "#", "?", "a;b", "a\\b", "...", "a.", "+", "&=",
     "\x01", "\x00", "\t", "\n", "a\n", "\x7f", "\u2028", '"', "'", "{id}", "~", "*", "k" * 2048, "é" * 341],
)  # fmt: skip
def test_a_text_key_is_reached_by_its_location(app: App, open_client: Open, key: str) -> None:
    app.crud(Page, path="/pages")
    with open_client(app) as client:
        assert client.post("/pages", json={"id": "\x00\x00"}).status_code == 201  # before all of them
        made = client.post("/pages", json={"id": key})
        assert (made.status_code, made.json()) == (201, {"id": key, "v": 0})
        where = made.headers["location"]
        assert client.get(where).json() == {"id": key, "v": 0}
        assert client.patch(where, json={"v": 1}).json() == {"id": key, "v": 1}
        assert client.put(where, json={"id": key, "v": 2}).json() == {"id": key, "v": 2}
        first = client.get("/pages", params={"limit": 1}).json()
        second = client.get("/pages", params={"limit": 1, "cursor": first["next"]}).json()
        assert {first["items"][0]["id"], second["items"][0]["id"]} == {"\x00\x00", key}
        assert second["next"] is None
        assert client.post("/pages", json={"id": key}).status_code == 409
        assert client.delete(where).status_code == 204
        assert client.get(where).status_code == 404


@pytest.mark.parametrize("key", ["%2F", "%252F", "%2e", "%41"])
def test_a_key_is_decoded_once(app: App, key: str) -> None:
    """From a live server alone: Starlette's TestClient decodes a path twice."""
    app.crud(Page, path="/pages")
    with natively(app) as client:
        where = client.post("/pages", json={"id": key}).headers["location"]
        assert client.get(where).json()["id"] == key
        assert client.delete(where).status_code == 204


@pytest.mark.parametrize("key", ["", "/", "a/b", "/a", "a/", "..", ".", "https://x/y?z=1", "k" * 2049, "é" * 342])
def test_a_text_key_that_no_path_can_name_is_refused(app: App, open_client: Open, key: str) -> None:
    app.crud(Page, path="/pages")
    with open_client(app) as client:
        refused = client.post("/pages", json={"id": key})
        assert refused.status_code == 422
        (error,) = refused.json()["detail"]
        assert (error["type"], error["loc"], error["input"]) == ("value_error", ["body", "id"], key)
        assert client.get("/pages").json() == {"items": [], "next": None}


def test_an_enum_of_texts_is_a_key_like_others(app: App, open_client: Open) -> None:
    class Colour(StrEnum):
        RED = "red"
        OFF_WHITE = "off/white"

    class Paint(BaseModel):
        id: Colour
        v: int = 0

    app.crud(Paint)
    with open_client(app) as client:
        assert client.get(client.post("/paints", json={"id": "red"}).headers["location"]).status_code == 200
        assert client.post("/paints", json={"id": "off/white"}).status_code == 422


@pytest.mark.parametrize("key", [2**63 - 1, 2**62, 2**53, 2**70, 5, 1, 0, -1, "x", None, [1]])
def test_an_int_key_is_assigned_whatever_the_client_says(app: App, open_client: Open, key: object) -> None:
    app.crud(Item)
    with open_client(app) as client:
        for number in (1, 2):
            made = client.post("/items", json={"id": key, "name": "n"})
            assert (made.status_code, made.json()["id"]) == (201, number)
            assert made.headers["location"] == f"/items/{number}"
        assert [item["id"] for item in client.post("/items", json=[{"id": key}, {"id": key}]).json()] == [3, 4]
        assert client.put(f"/items/{2**53}", json={}).status_code == 404
        assert client.get(f"/items/{2**70}").status_code == 404


@pytest.mark.parametrize("kind", [int, uuid.UUID])
def test_a_key_that_the_store_assigns_need_not_be_sent(app: App, open_client: Open, kind: type) -> None:
    """However the model declares it."""
    app.crud(create_model("Thing", id=(kind, ...), name=(str, "")))
    with open_client(app) as client:
        made = client.post("/things", json={"name": "a"})
        assert made.status_code == 201
        where = made.headers["location"]
        assert client.put(where, json={"name": "b"}).json() == {**made.json(), "name": "b"}
        assert client.put(where, json=made.json()).json() == made.json()
        schemas = client.get("/openapi.json").json()["components"]["schemas"]
        assert schemas["Thing"]["required"] == ["id"]
        assert "required" not in schemas["ThingCreate"]


@pytest.mark.parametrize("is_there", [True, False], ids=["the item is there", "it was deleted"])
def test_a_database_whose_keys_were_used_up_is_healed(
    store: str, tmp_path: Path, open_client: Open, is_there: bool
) -> None:
    for number in range(2):
        app = App(store=store)
        app.crud(Item)
        with open_client(app) as client:
            made = [client.post("/items", json={}).json()["id"] for _ in range(2)]
            assert made == [1 + 2 * number, 2 + 2 * number]
        if number == 0:
            connection = sqlite3.connect(tmp_path / "test.db")
            connection.execute("INSERT INTO items (id, name) VALUES (?, 'last')", [2**63 - 1])
            if not is_there:
                connection.execute("DELETE FROM items WHERE name='last'")
            connection.commit()
            connection.close()
    if is_there:
        with open_client(app) as client:
            assert client.get(f"/items/{2**63 - 1}").json()["name"] == "last"
            assert client.put(f"/items/{2**63 - 1}", json={"id": 2**63 - 1, "name": "y"}).json()["name"] == "y"
            assert client.patch(f"/items/{2**63 - 1}", json={"name": "z"}).json()["name"] == "z"


def _versioned(version: int) -> Any:
    return Annotated[uuid.UUID, UuidVersion(version)]  # what UUID4 and the others of Pydantic are


@pytest.mark.parametrize("version", [1, 4, 6, 7, 8])
def test_a_uuid_key_that_is_assigned_has_the_version_of_its_type(app: App, open_client: Open, version: int) -> None:
    annotation = _versioned(version)
    app.crud(create_model("Optional", id=(annotation | None, None), v=(int, 0)), path="/optional")
    app.crud(create_model("Required", id=(annotation, ...), v=(int, 0)), path="/required")
    factory = create_model("Factory", id=(annotation, Field(default_factory=uuid.uuid4)), v=(int, 0))
    app.crud(factory, path="/factory")
    with open_client(app) as client:
        for path in ("/optional", "/required", "/factory"):
            made = [client.post(path, json={}).json()["id"] for _ in range(3)]
            assert len({*made}) == 3
            assert {uuid.UUID(each).version for each in made} == {version}
            assert client.get(f"{path}/{made[0]}").json() == {"id": made[0], "v": 0}
            assert client.patch(f"{path}/{made[0]}", json={"v": 1}).json() == {"id": made[0], "v": 1}
            (error,) = client.post(path, json={"id": str(uuid.UUID(int=0, version=2 + version % 2))}).json()["detail"]
            assert (error["type"], error["loc"]) == ("uuid_version", ["body", "id"])
            own = str(uuid.UUID(int=5, version=4)).replace("-4", f"-{version}")
            assert client.put(f"{path}/{own}", json={}).status_code == 201
            assert client.post(path, json={"id": own}).status_code == 409
        assert client.get("/openapi.json").status_code == 200


@pytest.mark.parametrize("version", [3, 5])
def test_a_uuid_key_of_a_name_is_given(app: App, open_client: Open, version: int) -> None:
    made_of = {3: uuid.uuid3, 5: uuid.uuid5}[version]
    app.crud(create_model("Required", id=(_versioned(version), ...)), path="/required")
    app.crud(create_model("Optional", id=(_versioned(version) | None, None)), path="/optional")
    factory = Field(default_factory=lambda: made_of(uuid.NAMESPACE_DNS, "a"))
    app.crud(create_model("Named", id=(_versioned(version), factory)), path="/named")
    key = str(made_of(uuid.NAMESPACE_DNS, "a"))
    with open_client(app) as client:
        for path in ("/required", "/optional"):
            (error,) = client.post(path, json={}).json()["detail"]
            assert (error["type"], error["loc"]) == ("missing", ["body", "id"])
            assert client.post(path, json={"id": key}).json() == {"id": key}
        assert client.post("/named", json={}).json() == {"id": key}
        assert client.post("/named", json={}).status_code == 409


def test_all_that_is_stored_as_a_text_may_be_a_key(app: App, open_client: Open) -> None:
    """And a factory makes what is absent, as Pydantic says."""

    class Size(Enum):
        SMALL = "s"
        LARGE = "l"

    seen: list[Any] = []
    kinds: dict[str, tuple[Any, str, Any]] = {
        "mails": (EmailStr, "Ann@b.co", "Ann@b.co"),
        "sizes": (Size, "s", Size.SMALL),
        "literals": (Literal["a", "b"], "b", "b"),
        "checked": (Annotated[str, AfterValidator(str.upper)], "KEY", "KEY"),
    }
    for path, (annotation, _, _) in kinds.items():
        hooks = type("Hooks", (), {"after_create": lambda self, item: seen.append(item.id)})
        app.crud(create_model("Item", id=(annotation, ...), v=(int, 0)), path=f"/{path}", table=path)(hooks)
    made = create_model("Made", id=(str, Field(default_factory=lambda: uuid.uuid4().hex)), v=(int, 0))
    app.crud(made, path="/made")
    with open_client(app) as client:
        for path, (_, key, value) in kinds.items():
            answer = client.post(f"/{path}", json={"id": key})
            assert (answer.status_code, answer.json()) == (201, {"id": key, "v": 0})
            assert seen.pop() == value
            assert client.get(answer.headers["location"]).json() == {"id": key, "v": 0}
            assert client.patch(answer.headers["location"], json={"v": 1}).json() == {"id": key, "v": 1}
            assert client.put(f"/{path}/{key}", json={"id": key, "v": 2}).json() == {"id": key, "v": 2}
            assert client.get(f"/{path}", params={"id": key}).json()["items"] == [{"id": key, "v": 2}]
        first, second = (client.post("/made", json={}).json()["id"] for _ in range(2))
        assert len(first) == len(second) == 32
        assert first != second
        assert client.post("/made", json={"id": "own"}).json() == {"id": "own", "v": 0}


def test_python_names_an_enum_by_itself(app: App) -> None:
    class Size(Enum):
        SMALL = "s"

    sized = create_model("Sized", id=(Size, ...), v=(int, 0))
    app.crud(sized)

    async def through_python() -> None:
        resource = app.resource(sized)
        made = await resource.create(sized(id=Size.SMALL))
        assert await resource.get(Size.SMALL) == made
        assert (await resource.replace(Size.SMALL, sized(id=Size.SMALL, v=1))) == sized(id=Size.SMALL, v=1)
        await resource.delete("s")

    with TestClient(app):
        asyncio.run(through_python())
