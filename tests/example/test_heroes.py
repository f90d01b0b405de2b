"""FastAPI's SQL tutorial as one model: what its text promises to clients holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from server_process import ServerProcess

HEROES = Path(__file__).parents[2] / "examples" / "heroes"
DEADPOND = {"name": "Deadpond", "secret_name": "Dive Wilson"}
RUSTY_MAN = {"name": "Rusty-Man", "age": 48, "secret_name": "Tommy Sharp"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    server = ServerProcess("app:app", tmp_path, search=HEROES)
    server.wait_until_it_answers()
    with httpx.Client(base_url=server.url, follow_redirects=True) as client:
        yield client
    server.stop()


def test_it_is_short() -> None:
    code = [line for line in (HEROES / "app.py").read_text().splitlines() if line]
    assert len(code) <= 15


def test_the_tutorial(client: httpx.Client) -> None:
    created = client.post("/heroes/", json=DEADPOND)  # with the tutorial's slash
    assert (created.status_code, created.json()) == (201, {"id": 1, "name": "Deadpond", "age": None})
    assert client.post("/heroes", json=RUSTY_MAN | {"id": 99}).json()["id"] == 2  # the key is the store's
    assert client.get("/heroes/1").json() == {"id": 1, "name": "Deadpond", "age": None}
    listed = client.get("/heroes/?offset=1&limit=100").json()["items"]
    assert listed == [{"id": 2, "name": "Rusty-Man", "age": 48}]
    assert client.patch("/heroes/1", json={"age": 36}).json() == {"id": 1, "name": "Deadpond", "age": 36}
    assert client.delete("/heroes/2").status_code == 204
    for answer in (client.get("/heroes/2"), client.patch("/heroes/2", json={}), client.delete("/heroes/2")):
        assert answer.status_code == 404
    assert client.get("/heroes?limit=101").status_code == 422


def test_what_a_hero_must_have(client: httpx.Client) -> None:
    refused = client.post("/heroes", json={"age": "old"})
    assert [error["loc"] for error in refused.json()["detail"]] == [
        ["body", "name"],
        ["body", "age"],
        ["body", "secret_name"],
    ]
    client.post("/heroes", json=DEADPOND)
    assert client.patch("/heroes/1", json={"name": None}).status_code == 422


def test_a_secret_name_stays_secret(client: httpx.Client) -> None:
    """It is stored, and nobody hears of it, not by a filter either."""
    client.post("/heroes", json=DEADPOND)
    changed = client.patch("/heroes/1", json={"secret_name": "Wade"})
    put = client.put("/heroes/1", json={"name": "Deadpond"})  # which keeps it
    assert (changed.status_code, put.status_code) == (200, 200)
    for answer in (changed, put, client.get("/heroes"), client.get("/heroes/1")):
        assert "secret" not in answer.text
    for query in ("secret_name=Wade", "secret_name__startswith=W", "sort=secret_name", "fields=secret_name"):
        assert client.get(f"/heroes?{query}").status_code == 422
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert "secret_name" not in schemas["Hero"]["properties"]
