"""The names of schemas in the documentation of resources, where models are called the same or are written otherwise."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, computed_field

from data_bridge import App, Router


class Money(BaseModel):
    amount: Decimal

    @computed_field  # type: ignore[prop-decorator]
    @property
    def doubled(self) -> Decimal:
        return 2 * self.amount


class Price(BaseModel):
    money: Money


class Tree(BaseModel):
    name: str
    children: list[Tree] = []


class User(BaseModel):
    name: str


class UserCreate(BaseModel):
    """Not what users are created with."""

    quantity: int


class Holder(BaseModel):
    inner: UserCreate


def names(app: App) -> set[str]:
    """Of the schemas, but those that every resource has; what is referred to is there."""
    document = app.openapi()
    schemas = document["components"]["schemas"]
    referred = set(re.findall(r'"#/components/schemas/([^"]*)"', json.dumps(document)))
    assert referred <= schemas.keys()
    assert list(schemas) == sorted(schemas)
    assert app.openapi() is document
    common = ("Detail", "HTTPValidationError", "ValidationError")
    return {name for name in schemas if name not in common and not name.endswith(("Page", "Where"))}


def referred_in(app: App, path: str, method: str, part: str) -> list[str]:
    return re.findall(r'schemas/([^"]*)"', json.dumps(app.openapi()["paths"][path][method][part]))


def test_what_is_written_otherwise_than_it_is_read(app: App) -> None:
    app.crud(Price)
    assert names(app) == {"Price", "PriceCreate", "PriceUpdate", "Money", "MoneyInput"}
    schemas = app.openapi()["components"]["schemas"]
    assert "doubled" in schemas["Money"]["properties"]
    assert "doubled" not in schemas["MoneyInput"]["properties"]
    assert schemas["PriceCreate"]["properties"]["money"] == {"$ref": "#/components/schemas/MoneyInput"}


def test_a_model_within_itself(app: App) -> None:
    app.crud(Tree)
    assert names(app) == {"Tree", "TreeCreate", "TreeUpdate", "TreeInner"}
    assert referred_in(app, "/trees/{id}", "get", "responses")[0] == "Tree"
    assert "id" in app.openapi()["components"]["schemas"]["Tree"]["properties"]


def test_a_model_that_is_called_like_a_body(app: App) -> None:
    app.crud(User)
    app.crud(Holder)
    assert names(app) == {
        "User",
        "UserCreate",
        "UserUpdate",
        "Holder",
        "HolderCreate",
        "HolderUpdate",
        "UserCreateInner",
    }
    assert "UserCreate" in referred_in(app, "/users", "post", "requestBody")
    assert "quantity" in app.openapi()["components"]["schemas"]["UserCreateInner"]["properties"]


@pytest.mark.parametrize("included", [False, True])
def test_what_other_routes_have_too_is_called_as_fastapi_calls_it(app: App, included: bool) -> None:
    if included:
        router = Router(prefix="/shop")
        router.crud(Tree)
        app.include_router(router)
    else:
        app.crud(Tree)
    app.crud(Price)

    @app.post("/double")
    def double(money: Money) -> Any:
        return money

    @app.post("/money", response_model=Money)
    def money(money: Money) -> Any:
        return money

    assert names(app) == {
        "Price", "PriceCreate", "PriceUpdate", "Money-Input", "Money-Output",
        "Tree", "TreeCreate", "TreeUpdate", "TreeInner",
    }  # fmt: skip
