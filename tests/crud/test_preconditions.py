"""Entity tags, preconditions, PUT that creates and lists that are created, by both doors."""

from __future__ import annotations

import threading

import httpx
import pytest
from doors import Open, natively
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field, computed_field, field_validator

from data_bridge import App


class Item(BaseModel):
    id: int | None = None
    name: str = Field(min_length=1)
    count: int = 0


class Word(BaseModel):
    code: str = Field(max_length=5)
    text: str = ""


def test_a_client_asks_again_and_gets_304(app: App, open_client: Open) -> None:
    app.crud(Item)
    with open_client(app) as client:
        tag = client.post("/items", json={"name": "a"}).headers["etag"]
        for method in ("GET", "HEAD"):
            for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
                answered = client.request(method, "/items/1", headers={"if-none-match": known})
                assert (answered.status_code, answered.content, answered.headers["etag"]) == (304, b"", tag)
                assert "content-type" not in answered.headers
            answered = client.request(method, "/items/1", headers={"if-none-match": '"x"'})
            assert (answered.status_code, answered.headers["etag"]) == (200, tag)
        two_lines = client.get("/items/1", headers=[("if-none-match", '"x"'), ("if-none-match", tag)])
        assert two_lines.status_code == 304


def test_an_item_that_has_changed_is_not_written(app: App, open_client: Open) -> None:
    app.crud(Item)
    with open_client(app) as client:
        old = client.post("/items", json={"name": "a"}).headers["etag"]
        new = client.patch("/items/1", json={"count": 1}, headers={"if-match": old}).headers["etag"]
        assert new != old
        for method in ("PUT", "PATCH", "DELETE"):
            answered = client.request(method, "/items/1", json={"name": "b"}, headers={"if-match": old})
            assert (answered.status_code, answered.json()) == (412, {"detail": "Precondition Failed"})
        assert client.get("/items/1").json() == {"id": 1, "name": "a", "count": 1}
        assert client.put("/items/1", json={"name": "b"}, headers={"if-match": f'"x", {new}'}).status_code == 200
        assert client.delete("/items/1", headers={"if-match": "*"}).status_code == 204


def test_a_resource_may_want_preconditions(app: App, open_client: Open) -> None:
    app.crud(Item, require_match=True)
    with open_client(app) as client:
        tag = client.post("/items", json={"name": "a"}).headers["etag"]
        for method in ("PUT", "PATCH", "DELETE"):
            answered = client.request(method, "/items/1", json={"name": "b"})
            assert (answered.status_code, answered.json()) == (428, {"detail": "Precondition Required"})
        assert client.delete("/items/1", headers={"if-match": tag}).status_code == 204


def test_put_creates_where_the_client_may_choose_the_key(app: App, open_client: Open) -> None:
    app.crud(Word, key="code")
    app.crud(Word, key="code", path="/closed", operations=["get", "replace"])
    app.crud(Item)
    with open_client(app) as client:
        created = client.put("/words/a%20b", json={"code": "a b"})
        assert (created.status_code, created.headers["location"]) == (201, "/words/a%20b")
        assert client.get("/words/a%20b").headers["etag"] == created.headers["etag"]
        assert client.put("/words/a%20b", json={"code": "a b", "text": "x"}).status_code == 200
        assert client.put("/words/b", json={"code": "b"}, headers={"if-match": "*"}).status_code == 412
        assert client.get("/words/b").status_code == 404
        only_new = {"if-none-match": "*"}
        assert client.put("/words/b", json={"code": "b"}, headers=only_new).status_code == 201
        assert client.put("/words/b", json={"code": "b"}, headers=only_new).status_code == 412
        assert client.put("/words/toolong", json={"code": "toolong"}).status_code == 422
        assert client.put("/closed/a", json={"code": "a"}).status_code == 404
        assert client.put("/items/7", json={"name": "a"}).status_code == 404


class Checked(BaseModel):
    id: int | None = None
    name: str

    @field_validator("name")
    @classmethod
    def strip(cls, value: str) -> str:
        return value.strip()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def length(self) -> int:
        return len(self.name)


def test_preconditions_of_a_model_that_needs_python(app: App, open_client: Open) -> None:
    app.crud(Checked)
    app.crud(Checked, path="/strict", require_match=True)
    with open_client(app) as client:
        old = client.post("/checkeds", json={"name": " a "}).headers["etag"]
        assert client.get("/checkeds/1", headers={"if-none-match": old}).status_code == 304
        changed = client.patch("/checkeds/1", json={"name": "bc "}, headers={"if-match": old})
        assert (changed.status_code, changed.json()) == (200, {"id": 1, "name": "bc", "length": 2})
        new = changed.headers["etag"]
        assert client.get("/checkeds/1").headers["etag"] == new
        for method in ("PUT", "PATCH", "DELETE"):
            answered = client.request(method, "/checkeds/1", json={"name": "d"}, headers={"if-match": old})
            assert (answered.status_code, answered.headers["etag"]) == (412, new)
        assert client.put("/checkeds/1", json={"name": "d"}, headers={"if-match": new}).status_code == 200
        assert client.get("/checkeds?fields=id").json()["items"] == [{"id": 1}]
        assert client.get("/checkeds?name=d&total=true").json() == {
            "items": [{"id": 1, "name": "d", "length": 1}], "next": None, "total": 1,
        }  # fmt: skip
        client.post("/strict", json={"name": "a"})
        for method in ("PUT", "PATCH", "DELETE"):
            assert client.request(method, "/strict/1", json={"name": "d"}).status_code == 428


def test_a_list_is_created_as_a_whole_or_not_at_all(app: App, open_client: Open) -> None:
    app.crud(Item, unique=["name"])
    with open_client(app) as client:
        created = client.post("/items", json=[{"name": "a"}, {"name": "b", "count": 2}])
        assert (created.status_code, created.json()) == (
            201,
            [{"id": 1, "name": "a", "count": 0}, {"id": 2, "name": "b", "count": 2}],
        )
        assert client.post("/items", json=[]).json() == []
        assert client.post("/items", json=[{"name": "c"}, {"name": "a"}]).status_code == 409
        refused = client.post("/items", json=[{"name": "c"}, {"name": ""}, 5]).json()["detail"]
        assert [error["loc"] for error in refused] == [["body", 1, "name"], ["body", 2]]
        assert [item["name"] for item in client.get("/items").json()["items"]] == ["a", "b"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_64_clients_increment_one_item_and_lose_nothing(app: App, method: str) -> None:
    app.crud(Item)
    clients, each = 64, 5
    with natively(app) as client:
        client.post("/items", json={"name": "a"})
        failures: list[str] = []

        def increment() -> None:
            with httpx.Client(base_url=client.base_url, timeout=30) as mine:
                done = 0
                while done < each and not failures:
                    read = mine.get("/items/1")
                    item = {"name": "a", "count": read.json()["count"] + 1}
                    written = mine.request(method, "/items/1", json=item, headers={"if-match": read.headers["etag"]})
                    done += written.status_code == 200
                    if written.status_code not in (200, 412):
                        failures.append(written.text)

        threads = [threading.Thread(target=increment) for _ in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert client.get("/items/1").json()["count"] == clients * each


def test_openapi_tells_of_preconditions(app: App) -> None:
    app.crud(Item)
    with TestClient(app) as client:
        paths = client.get("/openapi.json").json()["paths"]

    def headers(path: str, method: str) -> set[str]:
        parameters = paths[path][method].get("parameters", [])
        return {parameter["name"] for parameter in parameters if parameter["in"] == "header"}

    assert headers("/items/{id}", "get") == {"if-none-match"}
    assert headers("/items/{id}", "put") == {"if-match", "if-none-match"}
    assert headers("/items/{id}", "delete") == {"if-match"}
    assert headers("/items", "post") == {"Idempotency-Key"}
    assert {"304", "404"} <= set(paths["/items/{id}"]["get"]["responses"])
    assert "412" in paths["/items/{id}"]["patch"]["responses"]
