"""Idempotency-Key: a POST that is sent again is answered as it was the first time, and done once."""

from __future__ import annotations

import threading
from typing import Annotated, Any

import httpx
import pytest
from doors import Open, beside
from fastapi import Header
from pydantic import BaseModel, Field
from python_models import checked, one_of
from store_kinds import Store

from data_bridge import App


class Item(BaseModel):
    id: int | None = None
    name: str = Field(min_length=1)


Checked = checked(Item, "name")


async def mine(user: Annotated[str, Header()]) -> dict[str, Any]:
    return {"name__startswith": user}


model = one_of(Item, Checked)


@pytest.fixture
def app(store: Store, model: type[BaseModel]) -> App:
    return declared(store, model)


def declared(store: Store, model: type[BaseModel]) -> App:
    app = store.app()
    app.crud(model, path="/items", table=store.table("items"), unique=["name"])
    app.crud(model, path="/mine", table=store.table("mine"), scope=mine)
    return app


def post(client: httpx.Client, key: str, body: Any, path: str = "/items", **headers: str) -> httpx.Response:
    return client.post(path, json=body, headers={"idempotency-key": key, **headers})


def seen(response: httpx.Response) -> tuple[int, bytes, str | None, str | None]:
    return response.status_code, response.content, response.headers.get("etag"), response.headers.get("location")


def total(client: httpx.Client) -> int:
    found: int = client.get("/items?limit=0&total=true").json()["total"]
    return found


def test_a_repeat_gets_the_first_answer(app: App, open_client: Open) -> None:
    with open_client(app) as client:
        for key, body in (("one", {"name": "a"}), ("many", [{"name": "b"}, {"name": "c"}]), ("none", [])):
            first = post(client, key, body)
            assert first.status_code == 201
            assert seen(post(client, key, body)) == seen(first)
            assert seen(post(client, f'"{key}"', body)) == seen(first)
        assert total(client) == 3
        one = post(client, "one", {"name": "a"})
        assert one.headers["location"] == "/items/1"
        assert client.patch("/items/1", json={"name": "z"}).status_code == 200
        assert seen(post(client, "one", {"name": "a"})) == seen(one)
        assert client.delete("/items/1").status_code == 204
        assert seen(post(client, "one", {"name": "a"})) == seen(one)
        assert total(client) == 2


def test_another_body_is_422(app: App, open_client: Open) -> None:
    with open_client(app) as client:
        post(client, "k", {"name": "a"})
        for other in ({"name": "b"}, [{"name": "a"}], {"name": "a", "id": 1}):
            refused = post(client, "k", other)
            assert refused.status_code == 422
            assert refused.json()["detail"][0]["loc"] == ["header", "Idempotency-Key"]
        assert total(client) == 1


def test_a_conflict_is_remembered_and_an_error_is_not(app: App, open_client: Open) -> None:
    with open_client(app) as client:
        client.post("/items", json={"name": "a"})
        conflict = post(client, "c", [{"name": "b"}, {"name": "a"}])
        assert conflict.status_code == 409
        client.delete("/items/1")
        assert seen(post(client, "c", [{"name": "b"}, {"name": "a"}])) == seen(conflict)
        assert post(client, "e", {"name": ""}).status_code == 422
        assert post(client, "e", {"name": "e"}).status_code == 201
        for bad in ("", '""', "k" * 256):
            assert post(client, bad, {"name": "x"}).status_code == 422
        assert post(client, "k" * 255, {"name": "x"}).status_code == 201


def test_keys_of_others_are_others(app: App, open_client: Open) -> None:
    with open_client(app) as client:
        first = [post(client, "k", {"name": user}, "/mine", user=user) for user in ("a", "b")]
        assert [answer.json() for answer in first] == [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
        for user, answer in zip(("a", "b"), first, strict=True):
            assert seen(post(client, "k", {"name": user}, "/mine", user=user)) == seen(answer)
        assert post(client, "k", {"name": "a"}).status_code == 201  # of another resource
        outside = post(client, "out", {"name": "z"}, "/mine", user="a")
        assert outside.status_code == 403
        assert seen(post(client, "out", {"name": "z"}, "/mine", user="a")) == seen(outside)


def test_of_many_at_once_one_is_done(app: App, open_client: Open) -> None:
    answers: list[tuple[str, httpx.Response]] = []
    with open_client(app) as client:

        def send() -> None:
            with beside(client) as mine:
                for number in range(6):
                    answers.append((f"k{number}", post(mine, f"k{number}", {"name": f"n{number}"})))

        threads = [threading.Thread(target=send) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert total(client) == 6
        first = {f"k{number}": seen(post(client, f"k{number}", {"name": f"n{number}"})) for number in range(6)}
        assert all(status == 201 for status, *_ in first.values())
        for key, answer in answers:
            assert seen(answer) == first[key] or (answer.status_code == 409 and answer.headers["retry-after"] == "1")


def test_a_restart_forgets_no_key(store: Store, open_client: Open, model: type[BaseModel]) -> None:
    store.need_to_keep()
    with open_client(declared(store, model)) as client:
        first = post(client, "k", {"name": "a"})
    with open_client(declared(store, model)) as client:
        assert seen(post(client, "k", {"name": "a"})) == seen(first)
        assert post(client, "k", {"name": "b"}).status_code == 422
        assert total(client) == 1
