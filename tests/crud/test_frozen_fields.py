"""Fields that are set when an item is made, and never again."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from doors import Open
from pydantic import BaseModel, Field, computed_field, field_validator

from data_bridge import App


class Order(BaseModel):
    id: int | None = None
    customer: str = Field(frozen=True, alias="Customer")
    price: float | None = Field(None, frozen=True)
    tags: list[str] = Field([], frozen=True)
    note: str = ""


class Checked(Order):
    @field_validator("note")
    @classmethod
    def _strip(cls, value: str) -> str:
        return value.strip()


class Written(Order):
    @computed_field  # type: ignore[prop-decorator]
    @property
    def doubled(self) -> float | None:
        return self.price and self.price * 2


class Measured(BaseModel):
    id: int | None = None
    at: datetime | None = Field(None, frozen=True)
    amount: Decimal | None = Field(None, frozen=True)
    labels: set[str] | None = Field(None, frozen=True)
    pairs: dict[str, int] | None = Field(None, frozen=True)
    note: str = ""


@pytest.mark.parametrize("model", [Order, Checked, Written])
def test_another_value_is_refused(app: App, open_client: Open, model: type[BaseModel]) -> None:
    app.crud(model, path="/orders")
    with open_client(app) as client:
        made = client.post("/orders", json={"Customer": "a", "price": 2, "tags": ["x"]}).json()
        for method, body in (
            ("PUT", {"Customer": "b", "price": 3, "tags": ["x"], "note": "n"}),
            ("PATCH", {"Customer": "b", "price": 3, "note": "n"}),
        ):
            refused = client.request(method, "/orders/1", json=body)
            assert refused.status_code == 422
            assert refused.json()["detail"] == [
                {"type": "frozen_field", "loc": ["body", "Customer"], "msg": "Field is frozen", "input": "b"},
                {"type": "frozen_field", "loc": ["body", "price"], "msg": "Field is frozen", "input": 3},
            ]
        for change in ({"tags": ["x", "y"]}, {"tags": []}, {"tags": None}, {"price": None}):
            assert client.patch("/orders/1", json=change).status_code == 422, change
        assert client.get("/orders/1").json() == made


@pytest.mark.parametrize("model", [Order, Checked, Written])
def test_the_same_value_is_taken_and_an_absent_one_kept(app: App, open_client: Open, model: type[BaseModel]) -> None:
    app.crud(model, path="/orders")
    with open_client(app) as client:
        made = client.post("/orders", json={"Customer": "a", "price": 2, "tags": ["x"]}).json()
        assert client.put("/orders/1", json={**made, "note": "b"}).json() == {**made, "note": "b"}
        assert client.put("/orders/1", json={"Customer": "a", "note": "c"}).json() == {**made, "note": "c"}
        assert client.patch("/orders/1", json={"note": "d", "price": 2.0}).json() == {**made, "note": "d"}
        assert client.get("/orders/1").json() == {**made, "note": "d"}
        assert client.put("/orders/2", json={"Customer": "a"}).status_code == 404


@pytest.mark.parametrize(
    ("field", "stored", "same", "other"),
    [
        ("at", "2024-01-01T10:00:00Z", "2024-01-01T12:00:00+02:00", "2024-01-01T10:00:00.000001Z"),
        ("amount", "1.10", "1.1", "1.11"),
        ("labels", ["a", "b", "c", "d"], ["d", "c", "b", "a"], ["a", "b", "c"]),
        ("pairs", {"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1, "b": 3}),
    ],
)
def test_values_are_compared_as_what_they_are(
    app: App, open_client: Open, field: str, stored: Any, same: Any, other: Any
) -> None:
    app.crud(Measured)
    with open_client(app) as client:
        made = client.post("/measureds", json={field: stored}).json()
        for write in (client.put, client.patch):
            assert write("/measureds/1", json={field: same}).json() == made
            assert write("/measureds/1", json={field: other}).status_code == 422
        assert client.patch("/measureds/1", json={field: None}).status_code == 422


def test_the_documentation_offers_no_change_of_one(app: App, open_client: Open) -> None:
    app.crud(Order)
    with open_client(app) as client:
        schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert set(schemas["OrderUpdate"]["properties"]) == {"note"}
    assert set(schemas["Order"]["properties"]) == {"id", "Customer", "price", "tags", "note"}
