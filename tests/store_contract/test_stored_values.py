"""Values of every kind come back to the last digit, by every operation, and after a restart."""

from __future__ import annotations

import itertools
import json
from typing import Any

import httpx
import pytest
from doors import Open
from pydantic import BaseModel, computed_field, create_model, field_validator
from store_kinds import Store
from value_cases import VALUES

from data_bridge import App


class WithValidator(BaseModel):
    """Whose bodies are read in Python."""

    @field_validator("*")
    @classmethod
    def take(cls, value: Any) -> Any:
        return value


class WithComputed(BaseModel):
    """Whose answers are written in Python."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def twice(self) -> int:
        return 2


FIELDS: dict[str, Any] = {kind: (annotation | None, None) for kind, (annotation, _) in VALUES.items()}
PLAIN = create_model("Plain", id=(int | None, None), **FIELDS)
MODELS = [
    PLAIN,
    create_model("Validated", __base__=WithValidator, id=(int | None, None), **FIELDS),
    create_model("Shown", __base__=WithComputed, id=(int | None, None), **FIELDS),
]
JSON = {"content-type": "application/json"}


def declared(store: Store, model: type[BaseModel]) -> App:
    app = store.app()
    app.crud(model, path="/items", table=store.table("items"), page_size=1000, max_page_size=1000)
    return app


def bodies() -> list[str]:
    """One with the first value of each kind, one with the second ..., one with nothing but null."""
    rows = itertools.zip_longest(*(texts for _, texts in VALUES.values()), fillvalue="null")
    members = [[f'"{kind}": {text}' for kind, text in zip(VALUES, row, strict=True)] for row in rows]
    return [f"{{{', '.join(row)}}}" for row in [*members, [f'"{kind}": null' for kind in VALUES]]]


def as_pydantic_writes(model: type[BaseModel], key: int, body: str) -> str:
    return model.model_validate_json(f'{{"id": {key}, {body[1:]}').model_dump_json()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_values_come_back_as_pydantic_writes_them(store: Store, open_client: Open, model: type[BaseModel]) -> None:
    expected: dict[str, str] = {}
    with open_client(declared(store, model)) as client:
        for body in bodies():
            made = client.post("/items", content=body, headers=JSON)
            assert made.status_code == 201, (body, made.text)
            where = made.headers["location"]
            expected[where] = as_pydantic_writes(model, made.json()["id"], body)
            assert made.text == expected[where]
            assert client.get(where).text == made.text
            assert client.patch(where, json={}).text == made.text
            assert client.patch(where, content=body, headers=JSON).text == made.text
            if model is not MODELS[2]:  # what is computed is answered, and not taken
                assert client.put(where, content=made.content, headers=JSON).text == made.text
        assert_listed(client, expected)
    if store.keeps:
        with open_client(declared(store, model)) as client:
            assert_listed(client, expected)
            for where, text in expected.items():
                assert client.get(where).text == text


def assert_listed(client: httpx.Client, expected: dict[str, str]) -> None:
    page = client.get("/items")
    assert page.text == f'{{"items":[{",".join(expected.values())}],"next":null}}'


def test_numbers_that_json_has_not_are_null(store: Store, open_client: Open) -> None:
    with open_client(declared(store, PLAIN)) as client:
        for text in ("NaN", "Infinity", "-1e999"):
            made = client.post("/items", content=f'{{"real": {text}}}', headers=JSON)
            assert (made.status_code, made.json()["real"]) == (201, None)
            assert client.get(made.headers["location"]).text == made.text


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
def test_an_int_field_has_64_bits(store: Store, open_client: Open, number: int) -> None:
    with open_client(declared(store, PLAIN)) as client:
        refused = client.post("/items", json={"integer": number})
        assert refused.status_code == 422
        (error,) = refused.json()["detail"]
        assert (error["loc"], error["input"]) == (["body", "integer"], number)
        assert error["type"] in ("less_than_equal", "greater_than_equal")
        assert client.get("/items").json()["items"] == []


def test_members_that_are_no_fields_are_kept(store: Store, open_client: Open) -> None:
    class Open_(BaseModel, extra="allow"):
        id: int | None = None
        name: str

    app = store.app()
    app.crud(Open_, path="/items", table=store.table("items"))
    with open_client(app) as client:
        body = {"name": "a", "b": 1, "a": {"x": [None, 2**70]}, "$set": "é", "x.y": 0.1}
        made = client.post("/items", json=body)
        assert json.loads(made.text) == {"id": 1, **body}
        assert client.get("/items/1").text == made.text
        changed = client.patch("/items/1", json={"b": None, "c": True}).json()
        assert changed == {"id": 1, **{name: value for name, value in body.items() if name != "b"}, "c": True}
        assert client.get("/items").json()["items"] == [changed]


def test_a_large_item_comes_back_whole(store: Store, open_client: Open) -> None:
    with open_client(declared(store, PLAIN)) as client:
        texts = [f"{number:05} " + "é🌍" * 50 for number in range(1500)]
        made = client.post("/items", json={"texts": texts})
        assert made.status_code == 201
        assert client.get(made.headers["location"]).json()["texts"] == texts
