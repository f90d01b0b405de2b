"""What each operation answers: status, body and headers, natively and where a model needs Python."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from doors import Open
from pydantic import BaseModel, Field, computed_field
from python_models import checked, one_of
from store_kinds import Store

from data_bridge import App


class Address(BaseModel):
    street: str
    zip: str | None = None


class Product(BaseModel):
    id: int | None = None
    name: str = Field(min_length=1, max_length=10)
    price: float = Field(gt=0)
    count: int = 0
    tags: list[str] = []
    address: Address | None = None
    labels: dict[str, str | None] = {}
    secret: str = Field("s", exclude=True)
    maker: str = Field("we", frozen=True)


Checked = checked(Product, "name")


class Shown(Checked):
    """Whose answers are written in Python, too."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def shout(self) -> str:
        return self.name.upper()


ITEM = {"name": "pot", "price": 2}
WHOLE = {"id": 1, "name": "pot", "price": 2.0, "count": 0, "tags": [], "address": None, "labels": {}, "maker": "we"}


model = one_of(Product, Checked, Shown)


@pytest.fixture
def app(store: Store, model: type[BaseModel]) -> App:
    app = store.app()
    app.crud(model, path="/items", table=store.table("items"))
    return app


def whole(model: type[BaseModel], **changes: Any) -> dict[str, Any]:
    item = WHOLE | changes
    return item | ({"shout": item["name"].upper()} if model is Shown else {})


def assert_json(answer: httpx.Response, status: int, body: Any) -> None:
    assert (answer.status_code, answer.json()) == (status, body)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == str(len(answer.content))


NOT_FOUND = {"detail": "Not Found"}


def test_a_life(app: App, open_client: Open, model: type[BaseModel]) -> None:
    with open_client(app) as client:
        made = client.post("/items", json=ITEM)
        assert_json(made, 201, whole(model))
        assert made.headers["location"] == "/items/1"
        got = client.get("/items/1")
        assert_json(got, 200, whole(model))
        assert got.headers["etag"] == made.headers["etag"]
        assert "location" not in got.headers
        put = client.put("/items/1", json={"name": "pan", "price": 3, "tags": ["a", "b"]})
        assert_json(put, 200, whole(model, name="pan", price=3.0, tags=["a", "b"]))
        assert put.headers["etag"] != made.headers["etag"]
        assert "location" not in put.headers
        patched = client.patch("/items/1", json={"tags": ["c"], "address": {"street": "x"}})
        expected = whole(model, name="pan", price=3.0, tags=["c"], address={"street": "x", "zip": None})
        assert_json(patched, 200, expected)
        assert client.get("/items/1").headers["etag"] == patched.headers["etag"]
        page = client.get("/items")
        assert_json(page, 200, {"items": [expected], "next": None})
        assert not {"link", "etag"} & set(page.headers)
        deleted = client.delete("/items/1")
        assert (deleted.status_code, deleted.content, deleted.headers.get("content-type")) == (204, b"", None)
        assert_json(client.get("/items/1"), 404, NOT_FOUND)
        assert_json(client.get("/items"), 200, {"items": [], "next": None})


def test_what_is_not_there_is_404(app: App, open_client: Open) -> None:
    with open_client(app) as client:
        for key in ("1", "0", "-1", str(2**63), str(10**30)):
            for method, body in (("GET", None), ("PUT", ITEM), ("PATCH", {"count": 1}), ("DELETE", None)):
                assert_json(client.request(method, f"/items/{key}", json=body), 404, NOT_FOUND)
        assert client.get("/items").json()["items"] == []


def test_what_is_wrong_is_422_and_changes_nothing(app: App, open_client: Open) -> None:
    with open_client(app) as client:
        made = client.post("/items", json=ITEM)
        wrong: list[tuple[str, str, Any, list[Any]]] = [
            ("POST", "/items", {}, [["body", "name"], ["body", "price"]]),
            ("POST", "/items", {"name": "", "price": 0}, [["body", "name"], ["body", "price"]]),
            ("POST", "/items", ITEM | {"address": {}}, [["body", "address", "street"]]),
            ("POST", "/items?dry=1", ITEM, [["query", "dry"]]),
            ("PUT", "/items/1", {"name": "x"}, [["body", "price"]]),
            ("PUT", "/items/1", ITEM | {"id": 2}, [["body", "id"]]),
            ("PUT", "/items/1", ITEM | {"maker": "they"}, [["body", "maker"]]),
            ("PUT", "/items/x", {"name": "x"}, [["path", "id"], ["body", "price"]]),
            ("PATCH", "/items/1", {"price": -1}, [["body", "price"]]),
            ("PATCH", "/items/1", {"name": None}, [["body", "name"]]),
            ("PATCH", "/items/1", {"id": 2}, [["body", "id"]]),
            ("PATCH", "/items/1", {"maker": "they"}, [["body", "maker"]]),
            ("GET", "/items/x", None, [["path", "id"]]),
            ("DELETE", "/items/1?now=1", None, [["query", "now"]]),
        ]
        for method, path, body, places in wrong:
            refused = client.request(method, path, json=body)
            assert refused.status_code == 422, (method, path, body)
            assert [error["loc"] for error in refused.json()["detail"]] == places
        for content in (b"", b"{", b"\xff", b"null", b"5", b'"x"'):
            for method, path in (("POST", "/items"), ("PUT", "/items/1"), ("PATCH", "/items/1")):
                answer = client.request(method, path, content=content, headers={"content-type": "application/json"})
                assert answer.status_code in (400, 422), (method, content)
        assert client.get("/items").json() == {"items": [made.json()], "next": None}
        assert client.get("/items/1").headers["etag"] == made.headers["etag"]


MERGES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"count": 5}, {"count": 5}),
    ({"count": None}, {"count": 0}),  # null brings the default back
    ({"address": None}, {"address": None}),  # and sets what can be None
    ({"address": {"zip": "1"}}, {"address": {"street": "s", "zip": "1"}}),
    ({"address": {"zip": None}}, {"address": {"street": "s", "zip": None}}),
    ({"address": {"street": "t"}}, {"address": {"street": "t", "zip": "0150"}}),
    ({"labels": {"a": None}}, {"labels": {"b": "2"}}),  # of a dict it removes the member
    ({"labels": {"c": "3"}}, {"labels": {"a": "1", "b": "2", "c": "3"}}),
    ({"tags": ["z"]}, {"tags": ["z"]}),  # a list is replaced as a whole
    ({"tags": []}, {"tags": []}),
    ({"name": "pan", "count": 7}, {"name": "pan", "count": 7}),
]


def test_a_patch_is_merged(app: App, open_client: Open, model: type[BaseModel]) -> None:
    full = ITEM | {"count": 3, "tags": ["x"], "address": {"street": "s", "zip": "0150"}, "labels": {"a": "1", "b": "2"}}
    with open_client(app) as client:
        for media_type in ("application/json", "application/merge-patch+json", "application/json; charset=utf-8"):
            for patch, changed in MERGES:
                made = client.post("/items", json=full)
                where, before = made.headers["location"], made.json()
                body = json.dumps(patch).encode()
                answer = client.patch(where, content=body, headers={"content-type": media_type})
                expected = before | changed
                expected |= {"shout": expected["name"].upper()} if model is Shown else {}
                assert_json(answer, 200, expected)
                assert client.get(where).json() == expected
        refused = client.patch(where, content=b"[]", headers={"content-type": "application/json-patch+json"})
        assert (refused.status_code, refused.json()) == (415, {"detail": "Unsupported Media Type"})


def test_a_put_keeps_what_clients_cannot_see_or_change(store: Store, open_client: Open) -> None:
    class Full(Product):
        pass

    class Seen(Product):
        secret: str = Field("other default")

    app = store.app()
    app.crud(Full, path="/items", table=store.table("items"))
    app.crud(Seen, path="/seen", table=store.table("items"))
    with open_client(app) as client:
        made = client.post("/items", json=ITEM | {"secret": "mine", "maker": "they"})
        assert "secret" not in made.json()
        for body in (ITEM, made.json(), made.json() | {"maker": "they"}):
            assert client.put("/items/1", json=body).status_code == 200
            assert client.get("/seen/1").json() | {"secret": "mine", "maker": "they"} == client.get("/seen/1").json()
        assert client.put("/items/1", json=ITEM | {"secret": "new"}).status_code == 200
        assert client.get("/seen/1").json()["secret"] == "new"
        assert client.patch("/items/1", json={"secret": "newer"}).status_code == 200
        assert client.get("/seen/1").json()["secret"] == "newer"
        assert client.get("/items?secret=newer").status_code == 422
        assert client.get("/items?sort=secret").status_code == 422


def test_head_is_get_without_a_body(app: App, open_client: Open) -> None:
    with open_client(app) as client:
        client.post("/items", json=[ITEM, ITEM])
        for path in ("/items", "/items/1", "/items/9", "/items/x", "/items?limit=1", "/items?limit=0&total=true"):
            get, head = client.get(path), client.head(path)
            for of_the_server in ("date",):
                get.headers.pop(of_the_server, None)
                head.headers.pop(of_the_server, None)
            assert (head.status_code, head.content, head.headers) == (get.status_code, b"", get.headers)


def test_operations_that_are_not_there_are_405(store: Store, open_client: Open, model: type[BaseModel]) -> None:
    app = store.app()
    app.crud(model, path="/items", table=store.table("items"), operations=["list", "create"])
    app.crud(model, path="/one", table=store.table("items"), operations=["get"])
    with open_client(app) as client:
        made = client.post("/items", json=ITEM)
        assert made.status_code == 201
        assert client.get("/one/1").json() == made.json()
        for method, path in (("PUT", "/one/1"), ("PATCH", "/one/1"), ("DELETE", "/one/1")):
            refused = client.request(method, path, json=ITEM)
            assert_json(refused, 405, {"detail": "Method Not Allowed"})
        for method in ("PUT", "DELETE", "PATCH"):
            assert client.request(method, "/items").status_code == 405
        assert client.get("/items/1").status_code == 404
        assert client.get("/one/1").json() == made.json()


@pytest.mark.parametrize("number", [1, 40])
def test_a_list_is_created_as_a_whole_or_not_at_all(
    store: Store, open_client: Open, model: type[BaseModel], number: int
) -> None:
    app = store.app()
    app.crud(model, path="/items", table=store.table("items"), unique=["name"])
    with open_client(app) as client:
        bodies = [{"name": f"n{each}", "price": each + 1} for each in range(number)]
        made = client.post("/items", json=bodies)
        assert made.status_code == 201
        assert [(item["id"], item["name"]) for item in made.json()] == [(i + 1, f"n{i}") for i in range(number)]
        assert not {"location", "etag"} & set(made.headers)
        assert client.get("/items?limit=100").json()["items"] == made.json()
        assert_json(client.post("/items", json=[]), 201, [])
        new = [{"name": f"m{each}", "price": 1} for each in range(number)]
        for conflict in ([*new, {"name": "n0", "price": 1}], [*new, new[0]]):
            assert_json(client.post("/items", json=conflict), 409, {"detail": "An item with this name already exists"})
        refused = client.post("/items", json=[*new, {"name": "", "price": 1}, 5])
        assert refused.status_code == 422
        assert [e["loc"] for e in refused.json()["detail"]] == [["body", number, "name"], ["body", number + 1]]
        assert client.get("/items?limit=100").json()["items"] == made.json()
