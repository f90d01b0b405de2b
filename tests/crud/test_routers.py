"""Routers with resources: included in applications, several times, in plain ones as well, by either door."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Annotated, Any

import pytest
from doors import Open
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Query
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field, field_validator

from data_bridge import App, Router
from data_bridge.crud import StoreError
from data_bridge.routes import RouteCompiler
from data_bridge.testing import LiveServer


class Item(BaseModel):
    id: int | None = None
    name: str = Field(min_length=1)
    owner: int = 0


class Checked(Item):
    @field_validator("name")
    @classmethod
    def _strip(cls, value: str) -> str:
        return value.strip()


MODELS = [Item, Checked]


@pytest.fixture(params=["App", "FastAPI"])
def target(request: pytest.FixtureRequest, store: str, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    monkeypatch.setenv("DATA_BRIDGE_STORE", store)
    return App() if request.param == "App" else FastAPI()


@pytest.mark.parametrize("model", MODELS)
def test_a_router_serves_in_any_application(target: FastAPI, open_client: Open, model: type[BaseModel]) -> None:
    router = Router(prefix="/v1", tags=["things"])
    router.crud(model, path="/items")
    target.include_router(router, prefix="/api", tags=["more"])
    with open_client(target) as client:
        made = client.post("/api/v1/items", json={"name": "a"})
        assert (made.status_code, made.headers["location"]) == (201, "/api/v1/items/1")
        assert client.get("/api/v1/items/1").json() == made.json() == {"id": 1, "name": "a", "owner": 0}
        assert client.head("/api/v1/items/1").headers["etag"] == made.headers["etag"]
        assert client.put("/api/v1/items/1", json={"name": "b"}).json()["name"] == "b"
        assert client.patch("/api/v1/items/1", json={"owner": 5}).json()["owner"] == 5
        assert client.post("/api/v1/items", json={"name": ""}).status_code == 422
        assert client.get("/api/v1/items?limit=1&nonsense=1").status_code == 422
        client.post("/api/v1/items", json={"name": "c"})
        page = client.get("/api/v1/items?limit=1")
        assert page.links["next"]["url"].startswith("/api/v1/items?")
        assert client.delete("/api/v1/items/1").status_code == 204
        assert client.get("/items").status_code == 404
        operations = client.get("/openapi.json").json()["paths"]
        assert sorted(operations["/api/v1/items"]["get"]["tags"]) == ["more", "things"]
        listed = {each["name"] for each in operations["/api/v1/items"]["get"]["parameters"]}
        assert {"limit", "sort", "name"} <= listed
        assert "requestBody" in operations["/api/v1/items"]["post"]
        assert [each["name"] for each in operations["/api/v1/items/{id}"]["delete"]["parameters"]] == ["id", "if-match"]


def test_the_operations_of_an_included_router_are_native(target: FastAPI) -> None:
    router, outer = Router(), APIRouter()
    router.crud(Item)
    outer.include_router(router, prefix="/in")
    target.include_router(outer, prefix="/out")
    target.include_router(router, prefix="/guarded", dependencies=[Depends(lambda: None)])
    kinds = {(route.path, route.methods[0]): route.kind for route in RouteCompiler(target).compile().routes}
    for path, method in (("/items", "GET"), ("/items", "POST"), ("/items/{id}", "PATCH"), ("/items/{id}", "HEAD")):
        assert (kinds["/out/in" + path, method], kinds["/guarded" + path, method]) == ("native", "compiled")


@pytest.mark.parametrize("model", MODELS)
def test_mounts_of_one_table_see_each_other(target: FastAPI, open_client: Open, model: type[BaseModel]) -> None:
    public, staff = Router(), Router()
    public.crud(model, path="/items", scope={"owner": 1}, operations=["list", "get", "create"])
    staff.crud(model, path="/items", sort="-name")
    target.include_router(public)
    target.include_router(staff, prefix="/admin")
    target.include_router(staff, prefix="/root")
    with open_client(target) as client:
        for number in range(30):
            path = ("/items", "/admin/items", "/root/items")[number % 3]
            made = client.post(path, json={"name": str(number), "owner": 1}).json()
            for other in ("/items", "/admin/items", "/root/items"):
                assert client.get(f"{other}/{made['id']}").json() == made
                assert client.get(f"{other}?total=true&limit=0").json()["total"] == number + 1
        tag = client.get("/items/1").headers["etag"]
        assert client.patch("/admin/items/1", json={"owner": 2}, headers={"if-match": tag}).status_code == 200
        assert client.get("/items/1").status_code == 404
        assert client.get("/root/items/1").json()["owner"] == 2
        assert client.delete("/items/2").status_code == 405
        assert client.delete("/root/items/2").status_code == 204
        assert client.get("/items/2").status_code == 404
        paths = client.get("/openapi.json").json()["paths"]
        names = [operation["operationId"] for path in paths.values() for operation in path.values()]
        assert len(set(names)) == len(names) == 3 + 6 + 6
        assert paths["/items/{id}"]["get"]["operationId"] == f"get_{model.__name__.lower()}"


def test_names_of_operations_do_not_clash_with_those_of_the_application(store: str) -> None:
    app, router = App(store=store), Router()
    router.crud(Item)
    app.include_router(router, prefix="/first")
    app.crud(Item, path="/second", table="items")
    app.crud(Item, path="/third", table="items")
    paths = app.openapi()["paths"]
    names = [operation["operationId"] for path in paths.values() for operation in path.values()]
    assert len(set(names)) == len(names) == 18
    assert "get_item" in names


def test_dependencies_of_the_inclusion_run_and_their_parameters_are_known_there_only(
    target: FastAPI, open_client: Open
) -> None:
    async def guard(token: Annotated[str, Query()], x_user: Annotated[str, Header()] = "") -> None:
        if token != "secret":
            raise HTTPException(401)

    router = Router(dependencies=[Depends(lambda lang="en": lang)])
    router.crud(Item)
    target.include_router(router, prefix="/open")
    target.include_router(router, prefix="/guarded", dependencies=[Depends(guard)])
    with open_client(target) as client:
        assert client.post("/guarded/items", json={"name": "a"}).status_code == 422
        assert client.post("/guarded/items?token=guess", json={"name": "a"}).status_code == 401
        assert client.post("/guarded/items?token=secret&lang=de", json={"name": "a"}).status_code == 201
        assert (
            client.get("/guarded/items?token=secret&sort=-name").json()["items"]
            == client.get("/open/items?lang=de").json()["items"]
        )
        refused = client.get("/open/items?token=secret")
        assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["query", "token"])
        paths = client.get("/openapi.json").json()["paths"]
        names = {each["name"] for each in paths["/guarded/items/{id}"]["get"]["parameters"]}
        assert names == {"id", "if-none-match", "lang", "token", "x-user"}


def test_a_prefix_may_have_parameters(target: FastAPI, open_client: Open) -> None:
    router = Router()
    router.crud(Item)
    target.include_router(router, prefix="/shops/{shop}")
    with open_client(target) as client:
        assert client.post("/shops/a%20b/items", json={"name": "x"}).headers["location"] == "/shops/a%20b/items/1"
        assert client.get("/shops/c/items/1").json()["name"] == "x"
        assert len(client.get("/shops/c/items").json()["items"]) == 1


def test_hooks_and_scopes_of_a_router(target: FastAPI, open_client: Open) -> None:
    router = Router()

    @router.crud(Item, scope=lambda x_user: {"owner": int(x_user)})
    class Items:
        def before_create(self, item: Item, suffix: Annotated[str, Query()] = "") -> None:
            item.name += suffix

    target.include_router(router)
    with open_client(target) as client:
        assert client.post("/items?x_user=3&suffix=!", json={"name": "a"}).json()["name"] == "a!"
        assert client.get("/items/1?x_user=3").status_code == 200
        assert client.get("/items/1?x_user=4").status_code == 404
        assert client.get("/items/1?x_user=3&suffix=!").status_code == 422
        assert len(client.get("/openapi.json").json()["paths"]) == 2


def test_one_router_in_several_applications_at_once(tmp_path: Path, open_client: Open) -> None:
    router = Router()
    router.crud(Item)
    apps = [App(store=f"sqlite:///{tmp_path / name}.db") for name in ("one", "two")]
    for app in apps:
        app.include_router(router)
    with open_client(apps[0]) as one, open_client(apps[1]) as two:
        one.post("/items", json={"name": "one"})
        two.post("/items", json={"name": "two"})
        assert [client.get("/items/1").json()["name"] for client in (one, two)] == ["one", "two"]
    with open_client(apps[0]) as one:
        assert one.get("/items/1").json()["name"] == "one"


def test_a_router_closes_what_it_has_opened(store: str, open_client: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_BRIDGE_STORE", store)
    app: Any = FastAPI()
    router = Router()
    app.include_router(router)
    router.crud(Item)  # also after it was included, where FastAPI sees that
    if not any(getattr(route, "original_router", None) is router for route in app.routes):
        app.include_router(router)
    for number in range(1, 3):
        with open_client(app) as client:
            assert app.data_bridge_stores.is_open
            client.post("/items", json={"name": "a"})
            assert len(client.get("/items").json()["items"]) == number
        assert not app.data_bridge_stores.is_open
    client = TestClient(app)  # without a start
    assert client.get("/items/1").status_code == 200
    app.data_bridge_stores.close()


def test_a_table_that_does_not_fit_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_BRIDGE_STORE", f"sqlite:///{tmp_path / 'test.db'}")
    with sqlite3.connect(tmp_path / "test.db") as connection:
        connection.execute("CREATE TABLE items (id TEXT PRIMARY KEY)")
    app, router = FastAPI(), Router()
    router.crud(Item)
    app.include_router(router)
    with pytest.raises(StoreError, match="Item at /items"), TestClient(app):
        pass
    with pytest.raises(StoreError, match="Item at /items"), LiveServer(app):
        pass


def test_options_of_a_router_are_checked_where_they_are_written() -> None:
    with pytest.raises(ValueError, match=r"router\.crud\(Item\).*page_size"):
        Router().crud(Item, page_size=0)
    router = Router()
    with pytest.raises(ValueError, match="condition"):
        router.crud(Item, scope={"ownr": 1})
    assert router.routes == []
