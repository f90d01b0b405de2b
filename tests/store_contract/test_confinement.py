"""Scopes: nothing outside is read, written or heard of, whether a scope is fixed or of the request."""

from __future__ import annotations

import random
from typing import Annotated, Any

import httpx
import pytest
from doors import Open
from fastapi import Header, HTTPException
from pydantic import BaseModel, Field
from python_models import checked, one_of
from store_kinds import Store

from data_bridge import App


class Note(BaseModel):
    id: str
    owner: int = Field(alias="ownerId")
    text: str = ""
    rank: int = 0


Checked = checked(Note, "text")


async def mine(user: Annotated[int | None, Header()] = None) -> dict[str, Any] | None:
    if user is None:
        raise HTTPException(401)
    return None if user == 0 else {"owner": user}


ONE = {"user": "1"}


model = one_of(Note, Checked)


@pytest.fixture(params=[{"owner": 1}, mine], ids=["fixed", "by request"])
def app(request: pytest.FixtureRequest, store: Store, model: type[BaseModel]) -> App:
    return declared(store, model, request.param)


def declared(store: Store, model: type[BaseModel], scope: Any) -> App:
    app = store.app()
    app.crud(model, path="/notes", table=store.table("notes"), scope=scope)
    app.crud(model, path="/all/notes", table=store.table("notes"))
    return app


def keys(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return "".join(item["id"] for item in answer.json()["items"])


def test_what_is_outside_is_not_there(app: App, open_client: Open) -> None:
    with open_client(app) as client:
        client.headers.update(ONE)
        client.post("/all/notes", json=[{"id": name, "ownerId": 1 + (name > "c")} for name in "abcdef"])
        assert keys(client.get("/notes")) == "abc"
        assert client.get("/notes?total=true&limit=0").json() == {"items": [], "next": None, "total": 3}
        assert keys(client.get("/notes?ownerId=2")) == ""
        assert keys(client.get('/notes?where=[{"ownerId":2},{"id":"a"}]')) == "a"
        assert keys(client.get('/notes?where={"not":{"ownerId":1}}')) == ""
        first = client.get("/notes?limit=2&sort=-id").json()
        assert keys(client.get(f"/notes?limit=2&sort=-id&cursor={first['next']}")) == "a"
        assert client.get(f"/all/notes?limit=2&sort=-id&cursor={first['next']}").status_code == 422
        tag = client.get("/all/notes/d").headers["etag"]
        for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE"):
            for precondition in ({}, {"if-match": tag}, {"if-match": '"x"'}, {"if-none-match": tag}):
                body = {"id": "d", "ownerId": 1, "text": "stolen"} if method in ("PUT", "PATCH") else None
                answer = client.request(method, "/notes/d", json=body, headers=precondition)
                assert (answer.status_code, "etag" in answer.headers) == (404, False), (method, precondition)
        assert client.get("/all/notes/d").headers["etag"] == tag


def test_what_is_written_stays_inside(app: App, open_client: Open) -> None:
    with open_client(app) as client:
        client.headers.update(ONE)
        made = client.post("/notes", json={"id": "a"})
        assert (made.status_code, made.json()["ownerId"]) == (201, 1)
        assert [item["ownerId"] for item in client.post("/notes", json=[{"id": "b"}, {"id": "c"}]).json()] == [1, 1]
        for method, path, body in (
            ("POST", "/notes", {"id": "d", "ownerId": 2}),
            ("POST", "/notes", [{"id": "e"}, {"id": "f", "ownerId": 2}]),
            ("PUT", "/notes/a", {"id": "a", "ownerId": 2}),
            ("PUT", "/notes/g", {"id": "g", "ownerId": 2}),
            ("PATCH", "/notes/a", {"ownerId": 2}),
        ):
            answer = client.request(method, path, json=body)
            assert (answer.status_code, answer.json()) == (403, {"detail": "Forbidden"}), (method, path)
            assert "etag" not in answer.headers
        assert keys(client.get("/all/notes")) == "abc"
        assert client.get("/notes/a").json() == made.json()
        assert client.put("/notes/a", json={**made.json(), "text": "new"}).json()["text"] == "new"
        assert client.put("/notes/h", json={"id": "h", "ownerId": 1}).status_code == 201
        assert client.patch("/notes/a", json={"rank": 5}).json()["rank"] == 5
        assert client.delete("/notes/a").status_code == 204


def test_a_request_decides(store: Store, open_client: Open, model: type[BaseModel]) -> None:
    with open_client(declared(store, model, mine)) as client:
        for user in ("1", "2"):
            client.post("/notes", json={"id": user}, headers={"user": user})
            assert keys(client.get("/notes", headers={"user": user})) == user
        assert keys(client.get("/notes", headers={"user": "0"})) == "12"
        assert client.get("/notes").status_code == 401
        assert client.post("/notes", json={"id": "x", "ownerId": 1}).status_code == 401


def test_a_scope_of_any_condition(store: Store, open_client: Open, model: type[BaseModel]) -> None:
    app = declared(store, model, {"rank__gt": 5, "or": [{"text": "a"}, {"not": {"owner": 1}}]})
    with open_client(app) as client:
        rows = [(6, "a", 1), (6, "b", 1), (6, "b", 2), (5, "a", 2)]
        body = [{"id": str(i), "rank": rank, "text": text, "ownerId": o} for i, (rank, text, o) in enumerate(rows)]
        assert client.post("/all/notes", json=body).status_code == 201
        assert keys(client.get("/notes")) == "02"
        for key, inside in zip("0123", (True, False, True, False), strict=True):
            assert client.get(f"/notes/{key}").status_code == (200 if inside else 404)
            assert client.patch(f"/notes/{key}", json={"rank": 7}).status_code == (200 if inside else 404)
            assert client.patch(f"/notes/{key}", json={"rank": 5}).status_code == (403 if inside else 404)


def test_operations_that_are_not_named_are_not_confined(store: Store, open_client: Open) -> None:
    app = declared(store, Note, {"read": {"owner": 1}, "delete": {"rank": 1}})
    with open_client(app) as client:
        client.post("/notes", json=[{"id": "a", "ownerId": 1}, {"id": "b", "ownerId": 2, "rank": 1}])
        assert keys(client.get("/notes")) == "a"
        assert client.get("/notes/b").status_code == 404
        assert client.patch("/notes/b", json={"text": "x"}).status_code == 200
        assert client.delete("/notes/a").status_code == 404
        assert client.delete("/notes/b").status_code == 204


def conversation(client: httpx.Client) -> list[Any]:
    """The same random requests of one user at each call, and their answers."""
    chosen = random.Random(7)
    answers: list[Any] = []
    cursor = ""
    for _ in range(90):
        key = chosen.choice("abcdefgh")
        body: Any = {"id": key, "ownerId": chosen.choice([1, 1, 1, 2]), "rank": chosen.randrange(4), "text": key}
        precondition = chosen.choice([{}, {}, {"if-match": "*"}, {"if-none-match": "*"}, {"if-match": '"x"'}])
        method = chosen.choice(["GET", "PUT", "PATCH", "DELETE", "POST", "LIST", "LIST"])
        path = "/notes" if method == "POST" else f"/notes/{key}"
        if method == "POST" and chosen.random() < 0.5:
            body = [body, {**body, "id": chosen.choice("abcdefgh")}]
        if method == "LIST":
            path = f"/notes?limit=2&total=true&sort=-rank{cursor}"
        answer = client.request(
            "GET" if method == "LIST" else method,
            path,
            json=body if method in ("PUT", "PATCH", "POST") else None,
            headers={**ONE, **precondition},
        )
        if method == "LIST":
            cursor = f"&cursor={answer.json()['next']}" if answer.json()["next"] else ""
        headers = {name: answer.headers.get(name) for name in ("etag", "location", "link")}
        answers.append((method, path, answer.status_code, answer.content, headers))
    return answers


def test_nothing_outside_is_felt(store: Store, open_client: Open, model: type[BaseModel]) -> None:
    """Not by one byte."""
    with open_client(declared(store, model, mine)) as client:
        expected = conversation(client)
        for item in client.get("/all/notes").json()["items"]:
            assert client.delete(f"/all/notes/{item['id']}").status_code == 204
        others = [{"id": f"other-{number}", "ownerId": number % 3 + 2, "rank": number % 4} for number in range(40)]
        assert client.post("/all/notes", json=others).status_code == 201
        assert conversation(client) == expected
    assert {status for _, _, status, _, _ in expected} >= {200, 201, 204, 403, 404, 409, 412}
