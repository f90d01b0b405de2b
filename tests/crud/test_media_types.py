"""Which bodies are JSON is a question of the FastAPI that is installed: a resource answers as a route does."""

from __future__ import annotations

import pytest
from doors import Open
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel
from python_models import checked, same

from data_bridge import App
from data_bridge.dialect import UNTYPED_IS_JSON


class Note(BaseModel):
    id: int | None = None
    text: str


CheckedNote = checked(Note, "text", same)

TYPES = [
    "application/json",
    "application/vnd.api+json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "x",
    "",
    None,
]
BODIES = [b'{"text": "a"}', b"{}", b"null", b"[", b"text", b"\xff", b'{"text": 1}']


def route() -> TestClient:
    app = FastAPI()

    @app.put("/notes/{id}")
    async def replace(id: int, note: Note) -> None: ...

    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize("model", [Note, CheckedNote], ids=["native", "checked"])
@pytest.mark.parametrize("media_type", TYPES)
def test_as_a_route_reads_them(app: App, open_client: Open, model: type, media_type: str | None) -> None:
    app.crud(model, path="/notes")
    headers = {} if media_type is None else {"content-type": media_type}
    oracle = route()
    with open_client(app) as client:
        assert client.post("/notes", json={"id": 1, "text": "old"}).status_code == 201
        for body in BODIES:
            expected = oracle.put("/notes/1", content=body, headers=headers)
            answered = client.put("/notes/1", content=body, headers=headers)
            assert answered.status_code == expected.status_code, body
            if expected.status_code == 422:
                assert answered.content == expected.content
        taken = media_type in TYPES[:2] or (not media_type and UNTYPED_IS_JSON)
        assert (client.get("/notes/1").json()["text"] == "a") == taken


def test_links_of_a_server_whose_raw_path_has_the_query(app: App) -> None:
    """ASGI says otherwise, but there are such: Starlette's TestClient before 0.40."""
    app.crud(Note)

    async def with_query(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        if scope["type"] == "http":
            scope["raw_path"] = scope["path"].encode() + b"?" + scope["query_string"]
        await app(scope, receive, send)

    with TestClient(with_query) as client:
        for text in "ab":
            client.post("/notes", json={"text": text})
        link = client.get("/notes?limit=1").headers["link"]
        assert link.startswith("</notes?limit=1&cursor=")
