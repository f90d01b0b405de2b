"""Indexes on fields within fields: made at the start, and lists find by them what they find without."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from doors import Open
from pydantic import BaseModel, Field

from data_bridge import App


class City(BaseModel):
    name: str | None = Field(None, alias="cityName")
    founded: datetime | None = None


class Address(BaseModel):
    city: City
    number: int = 0
    rent: Decimal = Decimal(0)
    tags: list[str] = []


class Person(BaseModel):
    id: int | None = None
    address: Address | None = Field(None, alias="addressOf")


INDEXES = ["address.city.name", ("address.city.founded", "address.number"), "address.rent"]
QUERIES = [
    "addressOf.city.cityName=Oslo", "addressOf.city.cityName__startswith=O", "addressOf.city.cityName__isnull=true",
    "addressOf.city.cityName__isnull=false", "addressOf.city.cityName__in=Oslo,Bergen", "sort=addressOf.city.cityName",
    "addressOf.city.founded=1048-01-01T01:00:00%2B01:00", "addressOf.city.founded__gt=1050-01-01T00:00:00Z",
    "sort=-addressOf.city.founded,addressOf.number", "addressOf.rent=9.9", "addressOf.rent__le=10",
    "sort=addressOf.rent", "addressOf.number__ne=3", "addressOf.city.cityName__nin=Oslo",
]  # fmt: skip


def people() -> list[dict[str, object]]:
    cities = [("Oslo", "1048-01-01T00:00:00Z"), ("Bergen", "1070-06-01T00:00:00+02:00"), (None, None)]
    addresses = [
        {"city": {"cityName": name, "founded": founded}, "number": number, "rent": rent}
        for name, founded in cities
        for number, rent in ((3, "9.90"), (20, "10.0"), (100000000000000000000, "-1"))
    ]
    return [{"addressOf": address} for address in addresses] + [{}]


def test_lists_are_the_same_with_and_without(app: App, open_client: Open, tmp_path: Path) -> None:
    app.crud(Person, indexes=INDEXES)
    app.crud(Person, path="/plain")
    with open_client(app) as client:
        for path in ("/people", "/plain"):
            assert client.post(path, json=people()).status_code == 201
        for query in QUERIES:
            for part in ("&limit=100&total=true", "&limit=2"):
                found, expected = (client.get(f"{path}?{query}{part}") for path in ("/people", "/plain"))
                assert found.status_code == 200, (query, found.text)
                assert found.json()["items"] == expected.json()["items"], query
        cursor = client.get("/people?sort=-addressOf.city.founded&limit=4").json()["next"]
        rest = client.get(f"/people?sort=-addressOf.city.founded&limit=100&cursor={cursor}").json()["items"]
        assert len(rest) == len(people()) - 4
    with closing(sqlite3.connect(tmp_path / "test.db")) as database:
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE tbl_name = 'people'")}
    assert {
        "people.index.address.city.cityName",
        "people.index.instant(address.city.founded),decimal(address.number)",
        "people.index.decimal(address.rent)",
    } <= names


def test_a_table_gets_an_index_that_is_new(store: str, open_client: Open) -> None:
    for indexes in ([], INDEXES, INDEXES):
        app = App(store=store)
        app.crud(Person, indexes=indexes)
        with open_client(app) as client:
            client.post("/people", json=people())
            assert client.get("/people?addressOf.rent__lt=0&total=true&limit=0").json()["total"] > 0


@pytest.mark.parametrize("name", ["address.town", "address.tags", "address.city", "adress.number", "addressOf.number"])
def test_what_is_no_field_to_find_by(app: App, name: str) -> None:
    with pytest.raises(ValueError, match=r"no field .* to make an index of"):
        app.crud(Person, indexes=[name])
