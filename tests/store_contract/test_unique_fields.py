"""Unique fields: 409 that names them, whatever writes, and for values as what they are."""

from __future__ import annotations

import threading
import uuid
from datetime import datetime
from decimal import Decimal

import pytest
from doors import Open, beside
from pydantic import BaseModel, Field
from python_models import checked
from store_kinds import Store

from data_bridge import App


class Product(BaseModel):
    id: int | None = None
    serial: uuid.UUID | None = Field(None, alias="serialNo")
    name: str = ""
    count: int = 0


Checked = checked(Product, "name")


@pytest.fixture(params=[Product, Checked], ids=lambda model: model.__name__)
def app(request: pytest.FixtureRequest, store: Store) -> App:
    app = store.app()
    app.crud(request.param, path="/items", table=store.table("items"), unique=["serial", ("name", "count")])
    return app


SERIAL = str(uuid.UUID(int=10))


def test_a_conflict_names_the_fields(app: App, open_client: Open) -> None:
    with open_client(app) as client:
        client.post("/items", json={"serialNo": SERIAL})
        assert client.post("/items", json={"name": "b"}).status_code == 201
        by_serial = {"detail": "An item with this serialNo already exists"}
        by_both = {"detail": "An item with this name and count already exists"}
        for method, path, body, detail in (
            ("POST", "/items", {"serialNo": SERIAL.upper(), "name": "c"}, by_serial),
            ("POST", "/items", {}, by_both),
            ("PUT", "/items/2", {"serialNo": SERIAL, "name": "c"}, by_serial),
            ("PUT", "/items/2", {}, by_both),
            ("PATCH", "/items/2", {"serialNo": SERIAL}, by_serial),
            ("PATCH", "/items/2", {"name": ""}, by_both),
        ):
            refused = client.request(method, path, json=body)
            assert (refused.status_code, refused.json()) == (409, detail), (method, body)
            assert "etag" not in refused.headers
        assert client.get("/items/2").json() == {"id": 2, "serialNo": None, "name": "b", "count": 0}
        assert client.get("/items?limit=0&total=true").json()["total"] == 2


def test_null_is_different_from_each(app: App, open_client: Open) -> None:
    with open_client(app) as client:
        for number in range(3):
            assert client.post("/items", json={"count": number}).status_code == 201


def test_an_item_is_in_its_own_way_never(app: App, open_client: Open) -> None:
    with open_client(app) as client:
        made = client.post("/items", json={"serialNo": SERIAL}).json()
        assert client.put("/items/1", json=made).status_code == 200
        assert client.patch("/items/1", json={"serialNo": SERIAL, "count": 1}).status_code == 200
        assert client.delete("/items/1").status_code == 204
        assert client.post("/items", json={"serialNo": SERIAL}).status_code == 201


def test_values_are_the_same_as_what_they_are(store: Store, open_client: Open) -> None:
    class Thing(BaseModel):
        id: int | None = None
        price: Decimal | None = None
        at: datetime | None = None
        name: str | None = None

    app = store.app()
    app.crud(Thing, path="/items", table=store.table("items"), unique=["price", "at", "name"])
    with open_client(app) as client:
        for body, status in (
            ({"price": "1.1"}, 201),
            ({"price": "1.10"}, 409),
            ({"price": "1.100000000000000000001"}, 201),
            ({"at": "2024-01-31T10:00:00Z"}, 201),
            ({"at": "2024-01-31T15:30:00+05:30"}, 409),
            ({"at": "2024-01-31T10:00:00.000001Z"}, 201),
            ({"name": "é"}, 201),
            ({"name": "É"}, 201),
            ({"name": "e\u0301"}, 201),
            ({"name": "é "}, 201),
            ({"name": ""}, 201),
            ({"name": ""}, 409),
        ):
            assert client.post("/items", json=body).status_code == status, body


def test_of_many_at_once_one_wins(app: App, open_client: Open) -> None:
    statuses: list[int] = []
    with open_client(app) as client:

        def create() -> None:
            with beside(client) as mine:
                for number in range(5):
                    answer = mine.post(
                        "/items", json={"serialNo": str(uuid.UUID(int=number)), "name": str(uuid.uuid4())}
                    )
                    statuses.append(answer.status_code)

        threads = [threading.Thread(target=create) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [201] * 5 + [409] * 35
        assert client.get("/items?limit=0&total=true").json()["total"] == 5
