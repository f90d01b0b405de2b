"""What `/openapi.json` says of a resource: names, what is only sent or only answered, and conditions."""

from __future__ import annotations

import json
import re
import uuid
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any, Literal

import pytest
from doors import Open
from pydantic import BaseModel, Field

from data_bridge import App

OPERATORS = [
    "eq", "ne", "lt", "le", "gt", "ge", "in", "nin", "contains", "icontains", "startswith", "endswith", "isnull",
]  # fmt: skip


class Color(Enum):
    RED = "red"


class Address(BaseModel):
    city: str
    zip_code: int = Field(0, alias="zip")


class Item(BaseModel):
    id: int | None = None
    title: str = Field(alias="Title", min_length=1)
    price: Decimal
    day: date | None = None
    serial: uuid.UUID | None = None
    tags: list[str] = []
    pairs: list[Address] = []
    address: Address | None = None
    color: Color = Color.RED
    size: Literal["s", "l"] = "s"
    mixed: Literal["a", 1] = "a"
    raw: bytes = b""
    anything: Any = None
    maker: str = Field(frozen=True)
    secret: str = Field(exclude=True, alias="pass-word")
    hint: str | None = Field(None, exclude=True)


@pytest.fixture
def document(app: App) -> dict[str, Any]:
    app.crud(Item)
    app.crud(Item, path="/admin/items")
    return app.openapi()


def test_the_names_of_schemas(document: dict[str, Any]) -> None:
    """Also of a second mount: the same."""
    assert {name for name in document["components"]["schemas"] if name.startswith("Item")} == {
        "Item", "ItemCreate", "ItemReplace", "ItemUpdate", "ItemPage", "ItemWhere",
    }  # fmt: skip
    json.dumps(document)


def test_what_is_only_sent_or_only_answered(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    marked = {
        schema: {
            (name, mark)
            for name, shown in schemas[schema]["properties"].items()
            for mark in ("readOnly", "writeOnly")
            if shown.get(mark)
        }
        for schema in ("Item", "ItemCreate", "ItemReplace", "ItemUpdate")
    }
    hidden = {("pass-word", "writeOnly"), ("hint", "writeOnly")}
    key = {("id", "readOnly")}
    assert marked == {"Item": key, "ItemCreate": key | hidden, "ItemReplace": key | hidden, "ItemUpdate": hidden}
    assert "pass-word" not in schemas["Item"]["properties"]


def test_what_each_body_has_to_have(document: dict[str, Any], app: App, open_client: Open) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["ItemCreate"]["required"] == ["Title", "price", "maker", "pass-word"]
    assert schemas["ItemReplace"]["required"] == ["Title", "price", "maker"]
    assert "required" not in schemas["ItemUpdate"]
    with open_client(app) as client:
        made = client.post("/items", json={"Title": "t", "price": "1", "maker": "m", "pass-word": "p"})
        assert made.status_code == 201
        assert client.put("/items/1", json={"Title": "u", "price": "2", "maker": "m"}).status_code == 200
        # What has no default cannot be taken away.
        null = {name: {"type": "null"} in shown.get("anyOf", []) for name, shown in changes(schemas).items()}
        assert [name for name, takes in null.items() if not takes] == ["Title", "price", "pass-word"]
        for name, takes_null in null.items():
            answer = client.patch("/items/1", json={name: None})
            assert answer.status_code == (200 if takes_null else 422), name


def changes(schemas: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = schemas["ItemUpdate"]["properties"]
    return {name: shown for name, shown in properties.items() if name != "anything"}


def test_a_condition_has_every_operator_of_every_field_and_no_other(
    document: dict[str, Any], app: App, open_client: Open
) -> None:
    where = document["components"]["schemas"]["ItemWhere"]
    assert where["additionalProperties"] is False
    fields = {re.sub(r"__[a-z]+$", "", name) for name in where["properties"]} - {"or", "not"}
    assert {"Title", "address.city", "address.zip", "color", "mixed", "tags"} < fields
    assert not fields & {"secret", "pass-word", "hint"}
    with open_client(app) as client:
        for field in fields:
            for name in [field, *(f"{field}__{operator}" for operator in OPERATORS)]:
                errors = client.get("/items", params={"where": json.dumps({name: [[]]})}).json()["detail"]
                unknown = [each for each in errors if each["type"] == "extra_forbidden" or "write" in each["msg"]]
                assert (name in where["properties"]) is not bool(unknown), name


def test_integers_have_the_bounds_of_their_columns(app: App, open_client: Open) -> None:
    class Counter(BaseModel):
        id: int | None = None
        count: int | None = None
        few: int = Field(0, gt=-3)
        many: list[int] = []

    app.crud(Counter)
    properties = app.openapi()["components"]["schemas"]["CounterCreate"]["properties"]
    assert properties["count"]["anyOf"][0] == {"type": "integer", "format": "int64"}
    assert {**properties["few"], "title": ""} == {
        "type": "integer", "exclusiveMinimum": -3, "format": "int64", "default": 0, "title": "",
    }  # fmt: skip
    assert properties["many"]["items"] == {"type": "integer"}
    with open_client(app) as client:
        for value, status in ((2**63 - 1, 201), (2**63, 422)):
            assert client.post("/counters", json={"few": value, "count": value}).status_code == status
        assert client.post("/counters", json={"many": [2**70]}).status_code == 201


def test_answers_that_only_some_resources_give(app: App) -> None:
    class Tag(BaseModel):
        id: str
        text: str

    app.crud(Tag, require_match=True)
    app.crud(Tag, path="/fixed", operations=["get", "replace"])
    paths = app.openapi()["paths"]
    assert {"201", "428"} <= set(paths["/tags/{id}"]["put"]["responses"])
    assert not {"201", "428"} & set(paths["/fixed/{id}"]["put"]["responses"])
    created = paths["/tags/{id}"]["put"]["responses"]["201"]["content"]["application/json"]["schema"]
    assert created == {"$ref": "#/components/schemas/Tag"}


def test_conditions_lie_within_each_other(document: dict[str, Any], app: App, open_client: Open) -> None:
    where = document["components"]["schemas"]["ItemWhere"]
    itself = {"$ref": "#/components/schemas/ItemWhere"}
    either = [itself, {"items": itself, "type": "array"}]
    assert where["properties"]["or"]["items"]["anyOf"] == either
    assert where["properties"]["not"]["anyOf"] == either
    with open_client(app) as client:
        condition = {"or": [{"Title": "a"}, [{"price__lt": 5}, {"not": [{"size": "s"}]}]], "not": {"id__in": [1, None]}}
        assert client.get("/items", params={"where": json.dumps(condition)}).status_code == 200


def test_the_parameters_of_a_list(document: dict[str, Any], app: App, open_client: Open) -> None:
    shown = {each["name"]: each["schema"] for each in document["paths"]["/items"]["get"]["parameters"]}
    content = shown["where"]["contentSchema"]["anyOf"][0]
    assert (shown["where"]["contentMediaType"], content) == (
        "application/json", {"$ref": "#/components/schemas/ItemWhere"},
    )  # fmt: skip
    assert "mixed__isnull" in shown
    assert "mixed" not in shown
    with open_client(app) as client:
        for name in ("sort", "fields", "where"):
            for example in shown[name]["examples"]:
                assert client.get("/items", params={name: example}).status_code == 200, example
        sort, fields = (re.compile(shown[name]["pattern"]) for name in ("sort", "fields"))
        for text in ("id", "-price,Title", "address.city", "addressXcity", "tags", "mixed", "id,", "-", "pass-word"):
            assert (sort.search(text) is not None) is (client.get(f"/items?sort={text}").status_code == 200), text
            assert (fields.search(text) is not None) is (client.get(f"/items?fields={text}").status_code == 200), text
