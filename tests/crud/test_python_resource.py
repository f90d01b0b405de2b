"""Resources for Python code, beside clients of the same items."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from doors import Open
from fastapi import HTTPException
from fastapi.testclient import TestClient
from pydantic import AliasPath, BaseModel, Field, ValidationError, computed_field, field_validator

from data_bridge import App, Router


class Part(BaseModel):
    made: date = Field(alias="madeOn")


class Item(BaseModel):
    id: int | None = None
    name: str = Field(alias="itemName", min_length=1)
    shown: int = Field(default=1, serialization_alias="display")
    price: Decimal = Decimal("1.10")
    at: datetime = datetime(2024, 5, 1, tzinfo=UTC)
    parts: list[Part] = []
    made_by: str = Field(default="nobody", frozen=True)
    note: str | None = "a note"


class Hashed(Item):
    """Its validator sees what is written, and not again what is read."""

    password: str = Field(default="", exclude=True)

    @field_validator("password")
    @classmethod
    def _hash(cls, value: str) -> str:
        return f"<{value}>"

    @computed_field  # type: ignore[prop-decorator]
    @property
    def loud(self) -> str:
        return self.name.upper()


class Named(BaseModel):
    id: str
    text: str = ""


class Swapped(BaseModel):
    """Each field is called as the other in JSON."""

    id: uuid.UUID | None = None
    a: int = Field(alias="b")
    b: int = Field(alias="a")
    c: int = Field(default=0, validation_alias=AliasPath("deep", "c"))


class Measured(BaseModel):
    id: int | None = None
    value: float


class Keyless(BaseModel):
    text: str


def make(model: type[BaseModel], **values: Any) -> Any:
    return model.model_validate({"itemName": "a", **values})


@pytest.mark.parametrize("model", [Item, Hashed])
def test_items_go_in_and_out_as_instances(app: App, model: type[Item]) -> None:
    app.crud(model, path="/items")

    async def use() -> None:
        items = app.resource(model)
        parts = [{"madeOn": "2024-01-02"}]
        given = make(model, id=99, display=7, shown=7, parts=parts, password="x", note=None)
        stored = await items.create(given)
        assert type(stored) is model
        assert stored == given.model_copy(update={"id": 1})
        assert await items.get(1) == stored
        assert given.id == 99
        second, third = await items.create([make(model, itemName="b"), make(model, itemName="c", price="5")])
        assert (second.id, third.id, second.made_by) == (2, 3, "nobody")
        page = await items.list({"price__lt": 5, "or": [{"name": "a"}, {"name__startswith": "b"}]}, sort="-name")
        assert page.items == [second, stored]
        assert page.next is None
        first = await items.list(sort="name", limit=2)
        assert first.items == [stored, second]
        assert (await items.list(sort="name", limit=2, cursor=first.next)).items == [third]
        assert await items.count() == 3
        assert await items.count({"not": {"name": "a"}}) == 2
        changed = await items.update(1, {"name": "z", "at": datetime(2025, 1, 1, tzinfo=UTC)})
        # An update is validated as a whole, as a PATCH is; what it does not change stays as it was.
        assert changed == stored.model_copy(update={"name": "z", "at": datetime(2025, 1, 1, tzinfo=UTC)})
        replaced = await items.replace(1, make(model, itemName="y"))
        # As a PUT keeps it that does not name it.
        kept = {"password": "<x>"} if model is Hashed else {}
        assert replaced == make(model, itemName="y", id=1).model_copy(update=kept)
        await items.delete(2)
        assert [item.id for item in (await items.list()).items] == [1, 3]
        assert await items.create([]) == []

    with TestClient(app):
        asyncio.run(use())


def test_what_a_resource_refuses_is_what_it_would_answer(app: App) -> None:
    app.crud(Named, path="/named", unique=["text"], require_match=True, operations=["get"], scope={"text": "x"})
    app.crud(Item, path="/items")

    async def refused(call: Any) -> tuple[int, Any]:
        with pytest.raises(HTTPException) as caught:
            await call
        return caught.value.status_code, caught.value.detail

    async def use() -> None:
        named, items = app.resource(Named), app.resource(Item)
        for call in (items.get(5), items.etag(5), items.update(5, {"name": "x"}), items.delete(5)):
            assert await refused(call) == (404, "Not Found")
        assert (await refused(items.replace(5, make(Item))))[0] == 404
        await named.create(Named(id="a", text="1"))  # as no client may, outside of the scope
        assert (await refused(named.create([Named(id="b"), Named(id="a", text="2")])))[0] == 409
        assert await named.count() == 1
        assert (await refused(named.create(Named(id="b", text="1"))))[0] == 409
        tag = await named.etag("a")
        await named.update("a", {"text": "2"}, if_match=tag)
        for call in (
            named.update("a", {"text": "3"}, if_match=tag),
            named.replace("a", Named(id="a"), if_match=tag),
            named.delete("a", if_match=tag),
        ):
            assert (await refused(call))[0] == 412
        assert (await named.get("a")).text == "2"
        await items.create(make(Item))
        status, detail = await refused(items.update(1, {"made_by": "me"}))
        assert (status, detail[0]["type"]) == (422, "frozen_field")
        assert (await refused(items.replace(1, make(Item, made_by="me"))))[0] == 422
        assert (await refused(items.list(limit=1000)))[0] == 422
        assert (await refused(items.list(cursor="x")))[0] == 422
        with pytest.raises(ValidationError):
            await items.update(1, {"name": ""})
        with pytest.raises(ValueError, match="no condition"):
            await items.list({"ownr": 1})
        with pytest.raises(ValueError, match="nam"):
            await items.list(sort="nam")
        with pytest.raises(ValueError, match="nmae"):
            await items.update(1, {"nmae": "x"})
        with pytest.raises(ValueError, match="the key of the item is 2"):
            await items.replace(1, make(Item, id=2))

    with TestClient(app):
        asyncio.run(use())


def test_keys_and_aliases_of_every_kind(app: App) -> None:
    app.crud(Swapped)
    app.crud(Keyless)
    app.crud(Named)

    async def use() -> None:
        swapped = app.resource(Swapped)
        given = Swapped.model_validate({"a": 1, "b": 2, "deep": {"c": 3}})
        stored = await swapped.create(given)
        assert isinstance(stored.id, uuid.UUID)
        assert (stored.a, stored.b, stored.c) == (2, 1, 3)
        assert await swapped.get(stored.id) == stored
        assert await swapped.update(stored.id, {"a": 5, "c": 6}) == stored.model_copy(update={"a": 5, "c": 6})
        keyless = await app.resource(Keyless).create(Keyless(text="x"))
        assert isinstance(keyless, Keyless)
        assert keyless.model_dump() == {"text": "x", "id": 1}
        assert (await app.resource(Keyless).update(1, {"text": "y"})).text == "y"
        named = app.resource(Named)
        assert await named.replace("a/b", Named(id="a/b")) == Named(id="a/b")  # no path has to name it

    with TestClient(app):
        asyncio.run(use())


def test_an_infinity_is_read_as_it_is_answered(app: App) -> None:
    app.crud(Measured)

    async def use() -> None:
        stored = await app.resource(Measured).create([Measured(value=float("-inf")), Measured(value=-0.0)])
        assert [repr(item.value) for item in stored] == ["None", "-0.0"]

    with TestClient(app):
        asyncio.run(use())


def test_a_handler_and_a_client_share_the_items(app: App, open_client: Open) -> None:
    router = Router()
    router.crud(Named)
    app.include_router(router, prefix="/api")

    @app.post("/touch/{key}")
    async def touch(key: str) -> Named:
        named = app.resource(Named)
        await named.update(key, {"text": f"{(await named.get(key)).text}!"})
        return await named.get(key)

    with open_client(app) as client:
        client.post("/api/nameds", json={"id": "a", "text": "hello"})
        for number in range(1, 20):
            assert client.post("/touch/a").json()["text"] == "hello" + "!" * number
            assert client.get("/api/nameds/a").json()["text"] == "hello" + "!" * number
        assert client.post("/touch/b").status_code == 404
        assert client.post("/touch/b").json() == {"detail": "Not Found"}


def test_no_update_is_lost_between_concurrent_writers(app: App) -> None:
    app.crud(Item)

    async def use() -> None:
        items = app.resource(Item)
        await items.create(make(Item))

        async def increment() -> None:
            while True:
                tag = await items.etag(1)
                shown = (await items.get(1)).shown
                try:
                    await items.update(1, {"shown": shown + 1}, if_match=tag)
                    return
                except HTTPException as error:
                    if error.status_code != 412:
                        raise

        await asyncio.gather(*(increment() for _ in range(32)), *(items.update(1, {"note": "x"}) for _ in range(16)))
        assert (await items.get(1)).shown == 33

    with TestClient(app):
        asyncio.run(use())


def test_the_loop_goes_on_while_a_write_waits(app: App) -> None:
    app.crud(Item)

    async def use() -> None:
        ticks = 0
        async with asyncio.TaskGroup() as group:
            writing = group.create_task(app.resource(Item).create([make(Item) for _ in range(2000)]))
            while not writing.done():
                await asyncio.sleep(0)
                ticks += 1
        assert len(await writing) == 2000
        assert ticks > 3

    with TestClient(app):
        asyncio.run(use())


def test_which_resource_is_meant(app: App) -> None:
    with pytest.raises(LookupError, match="no resource"):
        app.resource(Item)
    app.crud(Item, path="/items")
    app.crud(Item, path="/admin/items", scope={"shown": 1})
    assert app.resource(Item) is app.resource(Item)  # one table
    app.crud(Item, path="/others")
    with pytest.raises(LookupError, match="more than one"):
        app.resource(Item)
    assert app.resource(Item, "/others") is not app.resource(Item, "/items")


def test_types_are_those_of_the_model(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from pydantic import BaseModel\nfrom data_bridge import App\n\n\n"
        "class Item(BaseModel):\n    id: int | None = None\n\n\n"
        "async def use(app: App) -> None:\n    items = app.resource(Item)\n"
        "    reveal_type(await items.get(1))\n    reveal_type((await items.list()).items)\n"
        "    reveal_type(await items.create(Item()))\n    reveal_type(await items.create([Item()]))\n"
        "    await items.create('x')\n"
    )
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    revealed = [line.split('"')[1] for line in checked.stdout.splitlines() if "Revealed" in line]
    assert revealed == ["program.Item", "list[program.Item]", "program.Item", "list[program.Item]"], checked.stdout
    assert checked.stdout.count(": error:") == 1
