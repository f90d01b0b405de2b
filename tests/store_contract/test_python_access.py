"""`app.resource(Model)`: the same items for Python code, as instances of the model."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from doors import Open
from fastapi import HTTPException
from pydantic import BaseModel, Field, ValidationError
from python_models import checked, one_of
from store_kinds import Store

from data_bridge import App


class Item(BaseModel):
    id: int | None = None
    name: str = Field(alias="itemName", min_length=1)
    price: Decimal = Decimal("1.10")
    at: datetime = datetime(2024, 5, 1, tzinfo=UTC)
    length: timedelta = timedelta(0)
    raw: bytes = b""
    note: str | None = None


Checked = checked(Item, "note")


model = one_of(Item, Checked)


@pytest.fixture
def app(store: Store, model: type[Item]) -> App:
    app = store.app()
    app.crud(model, path="/items", table=store.table("items"), unique=["name"], require_match=True)
    return app


def test_items_go_in_and_out_as_instances(app: App, open_client: Open, model: type[Item]) -> None:
    def make(name: str, **values: Any) -> Item:
        return model(itemName=name, **values)

    async def use() -> None:
        items = app.resource(model)
        given = make("a", price=Decimal("1.20"), length=timedelta(microseconds=1), raw="é\0".encode())
        stored = await items.create(given)
        assert type(stored) is model
        assert stored == given.model_copy(update={"id": 1})
        assert await items.get(1) == stored
        second, third = await items.create([make("b"), make("c", price=Decimal(5))])
        page = await items.list({"price__lt": 5, "or": [{"name": "a"}, {"name__startswith": "b"}]}, sort="-name")
        assert (page.items, page.next) == ([second, stored], None)
        first = await items.list(sort="name", limit=2)
        assert first.items == [stored, second]
        assert (await items.list(sort="name", limit=2, cursor=first.next)).items == [third]
        assert (await items.count(), await items.count({"not": {"name": "a"}})) == (3, 2)
        tag = await items.etag(1)
        changed = await items.update(1, {"price": Decimal("2.50"), "note": "x"}, if_match=tag)
        assert changed == stored.model_copy(update={"price": Decimal("2.50"), "note": "x"})
        replaced = await items.replace(1, make("y"))
        assert replaced == make("y", id=1)
        await items.delete(2)
        assert [item.id for item in (await items.list()).items] == [1, 3]

    with open_client(app) as client:
        asyncio.run(use())
        assert [item["itemName"] for item in client.get("/items").json()["items"]] == ["y", "c"]
        assert client.post("/items", json={"itemName": "d"}).json()["id"] == 4


def test_what_is_refused_is_what_would_be_answered(app: App, open_client: Open, model: type[Item]) -> None:
    async def use() -> None:
        items = app.resource(model)

        async def refused(call: Any) -> int:
            with pytest.raises(HTTPException) as caught:
                await call
            return caught.value.status_code

        for call in (items.get(5), items.etag(5), items.update(5, {"name": "x"}), items.delete(5)):
            assert await refused(call) == 404
        await items.create(model(itemName="a"))
        assert await refused(items.create([model(itemName="b"), model(itemName="a")])) == 409
        assert await items.count() == 1
        tag = await items.etag(1)
        await items.update(1, {"note": "x"})
        for call in (items.update(1, {"note": "y"}, if_match=tag), items.delete(1, if_match=tag)):
            assert await refused(call) == 412
        assert (await items.get(1)).note == "x"
        assert await refused(items.list(limit=1000)) == 422
        with pytest.raises(ValidationError):
            await items.update(1, {"name": ""})

    with open_client(app):
        asyncio.run(use())


def test_python_and_clients_lose_nothing_to_each_other(app: App, open_client: Open, model: type[Item]) -> None:
    async def add_one() -> None:
        items = app.resource(model)
        while True:
            tag = await items.etag(1)
            price = (await items.get(1)).price
            try:
                await items.update(1, {"price": price + 1}, if_match=tag)
                return
            except HTTPException as error:
                if error.status_code != 412:
                    raise

    async def add_many() -> None:
        await asyncio.gather(*(add_one() for _ in range(16)))

    with open_client(app) as client:
        client.post("/items", json={"itemName": "a", "price": "0"})
        asyncio.run(add_many())
        assert client.get("/items/1").json()["price"] == "16"
