"""Hooks around writes, and several mounts of one table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from doors import Open
from fastapi import HTTPException
from pydantic import BaseModel
from python_models import checked, one_of
from store_kinds import Store

from data_bridge import App, Router


class Word(BaseModel):
    id: str
    text: str = ""
    rank: int = 0


Checked = checked(Word, "text")


model = one_of(Word, Checked)


def declared(store: Store, model: type[BaseModel], tell: Callable[..., None]) -> App:
    """Whose hooks tell what they get. What is called "refused" they raise for, before or after."""
    app = store.app()
    app.crud(model, path="/seen", table=store.table("words"))

    @app.crud(model, path="/words", table=store.table("words"), unique=["rank"])
    class Words:
        def before_create(self, word: Word) -> Word:
            tell("before_create", word.id, word.text)
            refuse(word.text, "before")
            return word.model_copy(update={"text": f"{word.text}+"})

        async def after_create(self, word: Word) -> None:
            tell("after_create", word.id, word.text)
            refuse(word.text, "after")

        def before_replace(self, word: Word) -> None:
            tell("before_replace", word.id, word.text)
            refuse(word.text, "before")

        def after_replace(self, word: Word) -> None:
            tell("after_replace", word.id, word.text)

        async def before_update(self, changes: dict[str, Any]) -> dict[str, Any]:
            tell("before_update", sorted(changes))
            refuse(changes.get("text", ""), "before")
            return {**changes, "rank": 50} if changes.get("text") == "ranked" else changes

        def after_update(self, word: Word) -> None:
            tell("after_update", word.id, word.text)
            refuse(word.text, "after")

        def before_delete(self, key: str) -> None:
            tell("before_delete", key)
            refuse(key, "before")

        def after_delete(self, key: str) -> None:
            tell("after_delete", key)

    return app


def refuse(text: str, when: str) -> None:
    if text.startswith(f"refused {when}"):
        raise HTTPException(418, f"refused {when}")


def test_the_order_of_hooks(store: Store, open_client: Open, model: type[BaseModel]) -> None:
    told: list[Any] = []
    with open_client(declared(store, model, lambda *what: told.append(what))) as client:
        made = client.post("/words", json={"id": "a", "text": "x"})
        assert (made.status_code, made.json()["text"]) == (201, "x+")
        assert told == [("before_create", "a", "x"), ("after_create", "a", "x+")]
        told.clear()
        many = client.post("/words", json=[{"id": "b", "rank": 1}, {"id": "c", "rank": 2}])
        assert [item["text"] for item in many.json()] == ["+", "+"]
        assert told == [
            ("before_create", "b", ""),
            ("before_create", "c", ""),
            ("after_create", "b", "+"),
            ("after_create", "c", "+"),
        ]
        told.clear()
        assert client.put("/words/a", json={"id": "a", "text": "y"}).json()["text"] == "y"
        assert told == [("before_replace", "a", "y"), ("after_replace", "a", "y")]
        told.clear()
        assert client.put("/words/d", json={"id": "d", "text": "n", "rank": 3}).status_code == 201
        assert told == [("before_create", "d", "n"), ("after_create", "d", "n+")]
        told.clear()
        assert client.patch("/words/a", json={"text": "ranked"}).json() == {"id": "a", "text": "ranked", "rank": 50}
        assert told == [("before_update", ["text"]), ("after_update", "a", "ranked")]
        told.clear()
        assert client.delete("/words/a").status_code == 204
        assert told == [("before_delete", "a"), ("after_delete", "a")]


def test_hooks_hear_of_nothing_that_is_wrong(store: Store, open_client: Open, model: type[BaseModel]) -> None:
    told: list[Any] = []
    with open_client(declared(store, model, lambda *what: told.append(what))) as client:
        client.post("/seen", json={"id": "a"})
        stale = {"if-match": '"x"'}
        for method, path, body, headers, status in (
            ("POST", "/words", {"id": "b", "rank": "x"}, {}, 422),
            ("POST", "/words", [{"id": "b"}, {}], {}, 422),
            ("PUT", "/words/a", {"id": "b"}, {}, 422),
            ("PUT", "/words/z", {"id": "b"}, {}, 422),
            ("PUT", "/words/a", {"id": "a"}, stale, 412),
            ("PATCH", "/words/a", {"rank": "x"}, {}, 422),
            ("PATCH", "/words/a", {"id": "b"}, {}, 422),
            ("PATCH", "/words/a", {}, stale, 412),
            ("PATCH", "/words/z", {}, {}, 404),
            ("DELETE", "/words/z", None, {}, 404),
            ("DELETE", "/words/a", None, stale, 412),
        ):
            assert client.request(method, path, json=body, headers=headers).status_code == status, (method, body)
        assert told == []
        assert client.put("/words/a", json={"id": "a"}).status_code == 200


def test_what_a_hook_refuses_is_not_written(store: Store, open_client: Open, model: type[BaseModel]) -> None:
    with open_client(declared(store, model, lambda *what: None)) as client:
        client.post("/seen", json=[{"id": "a"}, {"id": "refused before", "rank": 1}])
        before = client.get("/seen").json()
        for method, path, body in (
            ("POST", "/words", {"id": "b", "text": "refused before", "rank": 7}),
            ("POST", "/words", [{"id": "b", "rank": 8}, {"id": "c", "text": "refused before", "rank": 9}]),
            ("PUT", "/words/a", {"id": "a", "text": "refused before"}),
            ("PUT", "/words/b", {"id": "b", "text": "refused before"}),
            ("PATCH", "/words/a", {"text": "refused before"}),
            ("DELETE", "/words/refused%20before", None),
        ):
            refused = client.request(method, path, json=body)
            assert (refused.status_code, refused.json()) == (418, {"detail": "refused before"})
            assert client.get("/seen").json() == before, (method, path)
        # What is raised afterwards is the answer, too, and undoes nothing.
        made = client.post("/words", json={"id": "z", "text": "refused after", "rank": 10})
        assert (made.status_code, made.json()) == (418, {"detail": "refused after"})
        assert client.get("/seen/z").json()["text"] == "refused after+"
        # What the store refuses has no after.
        assert client.post("/words", json={"id": "y", "text": "refused after", "rank": 1}).status_code == 409
        assert client.get("/seen/y").status_code == 404


def test_mounts_share_their_table(store: Store, open_client: Open, model: type[BaseModel]) -> None:
    app, table = store.app(), store.table("words")
    app.crud(model, path="/words", table=table, unique=["rank"])
    app.crud(model, path="/read", table=table, unique=["rank"], operations=["list", "get"], sort="-rank")
    app.crud(model, path="/low", table=table, unique=["rank"], scope={"rank__lt": 10})
    router = Router(prefix="/v1")
    router.crud(model, path="/words", table=table, unique=["rank"], require_match=True)
    app.include_router(router)
    app.crud(model, path="/others", table=store.table("others"))
    with open_client(app) as client:
        made = client.post("/words", json={"id": "a", "text": "x", "rank": 20})
        low = client.post("/low", json={"id": "b", "text": "y", "rank": 5})
        assert client.get("/v1/words/a").json() == made.json()
        assert client.get("/v1/words/b").headers["etag"] == low.headers["etag"]
        assert client.get("/read").json()["items"] == [made.json(), low.json()]
        assert client.post("/read", json={"id": "c"}).status_code == 405
        assert client.get("/low/a").status_code == 404
        assert client.post("/low", json={"id": "a", "rank": 1}).status_code == 409
        assert client.post("/v1/words", json={"id": "c", "rank": 5}).status_code == 409
        assert client.delete("/v1/words/a").status_code == 428
        tag = client.patch("/words/a", json={"rank": 9}).headers["etag"]
        assert client.get("/low/a").headers["etag"] == tag
        assert client.delete("/v1/words/a", headers={"if-match": tag}).status_code == 204
        assert client.get("/words/a").status_code == client.get("/read/a").status_code == 404
        assert client.get("/others").json()["items"] == []
