"""Registration: names, options and their errors, dependencies, stores."""

from __future__ import annotations

import gc
import logging
import sqlite3
import threading
import time
from pathlib import Path
from typing import Annotated, Any

import fastapi.dependencies.models
import pytest
from doors import Open
from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.security import APIKeyQuery
from fastapi.testclient import TestClient
from pydantic import BaseModel

from data_bridge import App
from data_bridge.crud import StoreError, register_crud, stores_of
from data_bridge.naming import plural, words
from data_bridge.routes import RouteCompiler


class Item(BaseModel):
    id: int | None = None
    name: str


@pytest.mark.parametrize(
    ("singular", "expected"),
    [
        ("product", "products"), ("country", "countries"), ("category", "categories"), ("box", "boxes"),
        ("bus", "buses"), ("status", "statuses"), ("address", "addresses"), ("branch", "branches"), ("dish", "dishes"),
        ("day", "days"), ("key", "keys"), ("person", "people"), ("child", "children"), ("woman", "women"),
        ("salesman", "salesmen"), ("human", "humans"), ("life", "lives"), ("shelf", "shelves"), ("roof", "roofs"),
        ("photo", "photos"), ("hero", "heroes"), ("analysis", "analyses"), ("axis", "axes"), ("index", "indexes"),
        ("news", "news"), ("series", "series"), ("quiz", "quizzes"), ("mouse", "mice"), ("house", "houses"),
        ("query", "queries"), ("policy", "policies"), ("tax", "taxes"), ("class", "classes"), ("data", "data"),
    ],
)  # fmt: skip
def test_plurals(singular: str, expected: str) -> None:
    assert plural(singular) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Product", ["product"]), ("OrderItem", ["order", "item"]), ("HTTPServerLog", ["http", "server", "log"]),
        ("ABTest", ["ab", "test"]), ("User2", ["user2"]), ("snake_case", ["snake", "case"]),
        ("ÜberFall", ["über", "fall"]),
    ],
)  # fmt: skip
def test_words(name: str, expected: list[str]) -> None:
    assert words(name) == expected


def paths(app: FastAPI) -> set[str]:
    return set(app.openapi()["paths"])


def test_the_default_path_is_the_plural_in_kebab_case(app: App) -> None:
    class OrderCategory(BaseModel):
        name: str

    @app.crud
    class Box(BaseModel):
        name: str

    app.crud(OrderCategory)
    assert paths(app) == {"/order-categories", "/order-categories/{id}", "/boxes", "/boxes/{id}"}
    assert Box(name="x").name == "x"  # the decorator gives back the model


def test_a_plain_fastapi_takes_resources_too(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_BRIDGE_STORE", store)
    app = FastAPI()
    register_crud(app, Item)
    with TestClient(app) as client:
        assert client.post("/items", json={"name": "a"}).status_code == 201


def test_operations_that_do_not_exist_are_405(app: App, open_client: Open) -> None:
    app.crud(Item, operations=["list", "get"])
    with open_client(app) as client:
        assert client.get("/items").status_code == 200
        assert client.post("/items", json={"name": "a"}).status_code == 405
        assert client.delete("/items/1").status_code == 405


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"path": "items"}, "path='items'"),
        ({"path": "/items/"}, "path='/items/'"),
        ({"path": "/shops/{shop}/items"}, "without parameters"),
        ({"path": "/"}, "path='/'"),
        ({"key": "1d"}, "key='1d'"),
        ({"operations": []}, "operations=[]"),
        ({"operations": ["list", "destroy"]}, "destroy"),
        ({"operations": "list"}, "not one string"),
        ({"page_size": 0}, "page_size=0"),
        ({"page_size": 101}, "max_page_size=100"),
        ({"max_page_size": 10_000_000}, "at most 1,000,000"),
        ({"unique": "name"}, "not one string"),
        ({"unique": ["nmae"]}, 'no field "nmae"'),
        ({"indexes": [()]}, "indexes"),
        ({"table": ""}, "table=''"),
        ({"key": "name", "unique": [("name", 3)]}, "names of fields"),
    ],
)
def test_an_option_that_cannot_be_is_said_at_once(app: App, options: dict[str, Any], part: str) -> None:
    before = len(app.routes)
    with pytest.raises((ValueError, TypeError)) as raised:
        app.crud(Item, **options)
    assert part in str(raised.value)
    assert len(app.routes) == before


def test_what_is_no_model(app: App) -> None:
    with pytest.raises(TypeError, match="not a Pydantic model"):
        app.crud(int)  # type: ignore[type-var]


def test_keys_that_cannot_be(app: App) -> None:
    class FloatKey(BaseModel):
        id: float

    class ListKey(BaseModel):
        id: list[int]

    for model in (FloatKey, ListKey):
        with pytest.raises(TypeError, match="key"):
            app.crud(model)


def test_dependencies_run_before_the_operation(app: App, open_client: Open) -> None:
    async def user(token: Annotated[str, Query()], x_user: Annotated[str, Header()]) -> str:
        if token != "secret":
            raise HTTPException(401, "No")
        return x_user

    app.crud(Item, dependencies=[Depends(user), Depends(APIKeyQuery(name="api_key"))])
    with open_client(app) as client:
        good = {"params": {"token": "secret", "api_key": "k"}, "headers": {"x-user": "me"}}
        bad = {"params": {"token": "guess", "api_key": "k"}, "headers": {"x-user": "me"}}
        assert client.post("/items", json={"name": "a"}, **good).status_code == 201
        assert client.post("/items", json={"name": "a"}, **bad).status_code == 401
        assert client.post("/items", json={"name": "a"}, params={"api_key": "k"}).status_code == 422
        assert len(client.get("/items", **good).json()["items"]) == 1
        assert client.get("/items", params=good["params"] | {"other": 1}, headers=good["headers"]).status_code == 422


def test_resources_of_one_app_share_a_store_and_may_have_their_own(app: App, tmp_path: Path, open_client: Open) -> None:
    app.crud(Item)
    app.crud(Item, path="/others")
    app.crud(Item, path="/elsewhere", store=f"sqlite:///{tmp_path / 'else.db'}", table="things")
    with open_client(app) as client:
        for path in ("/items", "/others", "/elsewhere"):
            client.post(path, json={"name": path})
            assert [item["name"] for item in client.get(path).json()["items"]] == [path]

    def tables(name: str) -> set[str]:
        with sqlite3.connect(tmp_path / name) as connection:
            return {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type='table'")}

    assert {"items", "others"} <= tables("test.db")
    assert "things" in tables("else.db")


def test_the_environment_wins(app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_client: Open) -> None:
    monkeypatch.setenv("DATA_BRIDGE_STORE", f"sqlite:///{tmp_path / 'env.db'}")
    app.crud(Item)
    with open_client(app) as client:
        client.post("/items", json={"name": "a"})
    assert (tmp_path / "env.db").exists()
    assert not (tmp_path / "test.db").exists()


def test_items_are_there_after_a_restart(store: str, open_client: Open) -> None:
    for number in range(1, 4):
        app = App(store=store)
        app.crud(Item)
        with open_client(app) as client:
            client.post("/items", json={"name": str(number)})
            assert len(client.get("/items").json()["items"]) == number


def test_one_app_may_start_twice(app: App, open_client: Open) -> None:
    app.crud(Item)
    for number in range(1, 3):
        with open_client(app) as client:
            client.post("/items", json={"name": "a"})
            assert len(client.get("/items").json()["items"]) == number
        assert not stores_of(app).is_open


def test_a_test_client_without_a_start_opens_the_store_itself(app: App) -> None:
    app.crud(Item)
    client = TestClient(app)
    assert client.post("/items", json={"name": "a"}).status_code == 201
    stores_of(app).close()
    assert client.get("/items/1").status_code == 200
    stores_of(app).close()


def test_an_application_that_is_dropped_without_a_close_leaves_no_thread(tmp_path: Path) -> None:
    def log_threads() -> int:
        return sum(thread.name == "data_bridge-faults" for thread in threading.enumerate())

    def use_an_application(number: int) -> None:
        app = App(store=f"sqlite:///{tmp_path}/dropped{number}.db")
        app.crud(Item)
        assert TestClient(app).post("/items", json={"name": "a"}).status_code == 201

    gc.collect()
    before = log_threads()
    for number in range(5):
        use_an_application(number)
    # FastAPI remembers the last few hundred endpoints.
    for cached in vars(fastapi.dependencies.models).values():
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()
    gc.collect()
    deadline = time.monotonic() + 5
    while log_threads() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert log_threads() <= before


def test_a_table_that_does_not_fit_stops_the_start(store: str, open_client: Open) -> None:
    first = App(store=store)
    first.crud(Item)
    with open_client(first):
        pass

    class Other(BaseModel):
        id: int | None = None
        name: int

    second = App(store=store)
    second.crud(Other, path="/items")
    with (
        pytest.raises(StoreError, match='column "name" is TEXT NOT NULL, but the model needs INTEGER'),
        open_client(second),
    ):
        pass


def test_a_store_that_cannot_be_opened_stops_the_start(tmp_path: Path, open_client: Open) -> None:
    for url in (f"sqlite:///{tmp_path}/none/x.db", "sqlite://:memory:", "mysql://x"):
        app = App(store=url)
        app.crud(Item)
        with pytest.raises(StoreError), open_client(app):
            pass


def test_the_applications_own_start_up_finds_the_resources_served(store: str) -> None:
    from collections.abc import AsyncIterator
    from contextlib import asynccontextmanager

    import httpx

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://x") as client:
            assert (await client.post("/items", json={"name": "seed"})).status_code == 201
        yield
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://x") as client:
            assert (await client.delete("/items/1")).status_code == 204

    app = App(store=store, lifespan=lifespan)
    app.crud(Item)
    with TestClient(app) as client:
        assert client.get("/items/1").json() == {"id": 1, "name": "seed"}


def test_a_fault_of_the_store_is_logged_and_not_shown(
    app: App, tmp_path: Path, caplog: pytest.LogCaptureFixture, open_client: Open
) -> None:
    app.crud(Item)
    with open_client(app) as client:
        with sqlite3.connect(tmp_path / "test.db") as other:
            other.execute("DROP TABLE items")
        with caplog.at_level(logging.ERROR, logger="data_bridge.crud"):
            answer = client.get("/items")
            deadline = time.monotonic() + 5
            while "no such table" not in caplog.text and time.monotonic() < deadline:
                time.sleep(0.01)
        assert (answer.status_code, answer.json()) == (500, {"detail": "Internal Server Error"})
        assert "no such table" in caplog.text


def test_resources_within_middleware_are_not_called_native(app: App, open_client: Open) -> None:
    app.crud(Item)

    @app.middleware("http")
    async def add(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers["x-added"] = "1"
        return response

    with open_client(app) as client:
        assert client.post("/items", json={"name": "a"}).headers["x-added"] == "1"
    routes = [route for route in RouteCompiler(app).compile().routes if route.path.startswith("/items")]
    assert {(route.kind, route.reason) for route in routes} == {
        ("bridged", "a native resource, within the application's middleware")
    }


def test_a_list_of_models_is_asked_for_nothing_but_null(app: App, open_client: Open) -> None:
    class Order(BaseModel):
        id: int | None = None
        items: list[Item] | None = None

    app.crud(Order)
    shown = {parameter["name"] for parameter in app.openapi()["paths"]["/orders"]["get"]["parameters"]}
    assert {name for name in shown if name.startswith("items")} == {"items__isnull"}
    with open_client(app) as client:
        client.post("/orders", json={"items": None})
        assert client.get("/orders?items__isnull=true").json()["items"] == [{"id": 1, "items": None}]
        refused = client.get('/orders?items__contains={"name":"a"}')
        assert refused.status_code == 422
        assert refused.json()["detail"][0]["msg"].endswith("the nearest is 'isnull' of isnull")


def test_the_start_says_which_fields_a_parameter_hides(app: App, caplog: pytest.LogCaptureFixture) -> None:
    class Bill(BaseModel):
        id: int | None = None
        total: int = 0
        amount: int = 0

    with caplog.at_level(logging.WARNING, "data_bridge"):
        app.crud(Bill)
    assert [record.getMessage() for record in caplog.records] == [
        f"app.crud({Bill.__qualname__}): 'total' in the query of a list is a parameter; of the field ask by 'total__eq'"
    ]


def test_a_model_by_name_is_no_decorator_that_nobody_applies(app: App) -> None:
    options: dict[str, Any] = {"model": Item}
    with pytest.raises(TypeError, match=r"the model comes first"):
        app.crud(path="/items", **options)
