"""Methods of an application's class that run around writes, by both doors."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import pytest
from doors import Open, natively
from fastapi import Depends, Header, HTTPException, Request
from pydantic import BaseModel, Field, computed_field

from data_bridge import App
from data_bridge.routes import RouteCompiler


class User(BaseModel):
    id: int | None = None
    name: str = Field(min_length=1)
    password: str = Field("", alias="passWord")
    born: date | None = None
    tags: list[str] = []


class Shown(User):
    @computed_field  # type: ignore[prop-decorator]
    @property
    def shout(self) -> str:
        return self.name.upper()


class Word(BaseModel):
    id: str
    text: str = ""
    made_by: str = Field("", frozen=True)


async def current_user(authorization: Annotated[str | None, Header()] = None) -> str:
    if authorization is None:
        raise HTTPException(401, "who are you?")
    return authorization


@pytest.mark.parametrize("model", [User, Shown])
def test_hooks_change_what_is_written(app: App, open_client: Open, model: type[BaseModel]) -> None:
    seen: list[Any] = []

    @app.crud(model, path="/users")
    class Users:
        def before_create(self, user: User) -> None:
            seen.append(("before", user.id, threading.current_thread() is threading.main_thread()))
            user.password = f"hash({user.password})"

        async def after_create(self, user: User) -> None:
            seen.append(("after", user.id, type(user) is model))

        async def before_replace(self, user: User) -> User:
            return user.model_copy(update={"name": f"{user.id} {user.name}"})

        def before_update(self, changes: dict[str, Any]) -> dict[str, Any]:
            seen.append(changes.copy())
            if "password" in changes:
                changes["password"] = f"hash({changes['password']})"
            if "tags" in changes:
                changes["tags"].append("seen")
            return {name: value for name, value in changes.items() if name != "name"}

        def after_update(self, user: User) -> None:
            seen.append(user.password)

        def before_delete(self, key: int) -> None:
            seen.append(key)

    with open_client(app) as client:
        made = client.post("/users", json={"name": "a", "passWord": "p"})
        assert (made.status_code, made.json()["passWord"]) == (201, "hash(p)")
        assert seen == [("before", None, False), ("after", 1, True)]
        seen.clear()
        assert [each["passWord"] for each in client.post("/users", json=[{"name": "b"}, {"name": "c"}]).json()] == [
            "hash()",
            "hash()",
        ]
        assert [each[:2] for each in seen] == [("before", None), ("before", None), ("after", 2), ("after", 3)]
        seen.clear()
        assert client.post("/users", json=[{"name": "b"}, {"name": ""}]).status_code == 422
        assert client.put("/users/9", json={"name": "z"}).status_code == 404
        assert client.patch("/users/9", json={"name": "z"}).status_code == 404
        assert client.patch("/users/1", json={"born": "x"}).status_code == 422
        assert client.patch("/users/1", json={}, headers={"if-match": '"x"'}).status_code == 412
        assert client.delete("/users/9").status_code == 404
        assert seen == []
        assert client.put("/users/1", json={"name": "z"}).json()["name"] == "1 z"
        changed = client.patch(
            "/users/1", json={"name": "ignored", "passWord": "q", "born": "2024-02-29", "tags": ["x"]}
        ).json()
        assert (changed["name"], changed["passWord"], changed["born"]) == ("1 z", "hash(q)", "2024-02-29")
        assert changed["tags"] == ["x", "seen"]
        assert seen[0] == {"name": "ignored", "password": "q", "born": date(2024, 2, 29), "tags": ["x", "seen"]}
        assert seen[1] == "hash(q)"
        assert client.get("/users/1").json() == changed
        assert client.delete("/users/1").status_code == 204
        assert seen[2] == 1


def test_a_put_that_makes_an_item_runs_its_hooks(app: App, open_client: Open) -> None:
    """Or what a hook of create guards could be gone around."""
    seen: list[str] = []

    @app.crud(Word, path="/words")
    class Words:
        def before_create(self, word: Word) -> Word:
            seen.append(f"create {word.id}")
            return word.model_copy(update={"made_by": "hook"})

        def before_replace(self, word: Word) -> None:
            seen.append(f"replace {word.id} {word.made_by}")

        def after_create(self, word: Word) -> None:
            seen.append(f"created {word.id}")

        def after_replace(self, word: Word) -> None:
            seen.append(f"replaced {word.id}")

    with open_client(app) as client:
        made = client.put("/words/a", json={"id": "a"})
        assert (made.status_code, made.json()) == (201, {"id": "a", "text": "", "made_by": "hook"})
        changed = client.put("/words/a", json={"id": "a", "text": "b"})
        assert (changed.status_code, changed.json()) == (200, {"id": "a", "text": "b", "made_by": "hook"})
        assert seen == ["create a", "created a", "replace a hook", "replaced a"]
        seen.clear()
        assert client.put("/words/b", json={"id": "b"}, headers={"if-match": "*"}).status_code == 412
        assert client.put("/words/a", json={"id": "a"}, headers={"if-none-match": "*"}).status_code == 412
        assert client.put("/words/a", json={"id": "a", "made_by": "x"}).status_code == 422
        assert "created b" not in seen
        assert "replaced a" not in seen
        seen.clear()
        for path in ("/words/a", "/words/b"):
            other_key = client.put(path, json={"id": "c"})
            assert (other_key.status_code, other_key.json()["detail"][0]["loc"]) == (422, ["body", "id"])
        assert seen == []


def test_what_other_writers_do_meanwhile(app: App, open_client: Open, tmp_path: Path) -> None:
    seen: list[str] = []

    def write(statement: str) -> None:
        connection = sqlite3.connect(tmp_path / "test.db")
        connection.execute(statement)
        connection.commit()
        connection.close()

    @app.crud(Word, path="/words")
    class Words:
        def before_create(self, word: Word) -> None:
            seen.append(f"create {word.text}")
            if word.text == "new":
                write("INSERT INTO words (id, text, made_by) VALUES ('a', 'other', 'other')")

        def before_replace(self, word: Word) -> Word:
            seen.append(f"replace {word.text} {word.made_by}")
            if word.text == "gone":
                write("DELETE FROM words")
            return word

        def before_update(self, changes: dict[str, Any]) -> None:
            seen.append(f"update {changes['text']}")
            changes["text"] += " changed"
            write("UPDATE words SET made_by = 'another'")

    with open_client(app) as client:
        assert client.put("/words/a", json={"id": "a", "text": "new"}).status_code == 200
        assert client.patch("/words/a", json={"text": "x"}).json() == {
            "id": "a",
            "text": "x changed",
            "made_by": "another",
        }
        assert client.put("/words/a", json={"id": "a", "text": "gone"}).status_code == 201
    assert seen == ["create new", "replace new other", "update x", "replace gone another", "create gone"]


def test_further_parameters_are_fastapis(app: App, open_client: Open) -> None:
    ended: list[str] = []

    async def session() -> AsyncIterator[str]:
        yield "session"
        ended.append("session")

    @app.crud(User, path="/users", operations=["create", "get", "delete"])
    class Users:
        async def before_create(
            self,
            user: User,
            request: Request,
            who: Annotated[str, Depends(current_user)],
            held: str = Depends(session),
            suffix: int = 0,
        ) -> None:
            user.name = f"{user.name} by {who} {request.url.path} {held} {suffix} {ended}"

    with open_client(app) as client:
        made = client.post("/users?suffix=5", json={"name": "a"}, headers={"authorization": "me"})
        assert made.json()["name"] == "a by me /users session 5 []"
        assert ended == ["session"]
        assert client.post("/users", json={"name": "a"}).status_code == 401
        refused = client.post("/users?suffix=x", json={"name": ""}, headers={"authorization": "me"})
        assert [error["loc"] for error in refused.json()["detail"]] == [["query", "suffix"]]
        unknown = client.post("/users?sufix=5", json={"name": "a"}, headers={"authorization": "me"})
        assert [error["loc"] for error in unknown.json()["detail"]] == [["query", "sufix"]]
        assert client.delete("/users/1").status_code == 204
        described = client.get("/openapi.json").json()["paths"]["/users"]["post"]
        assert [each["name"] for each in described["parameters"]] == ["suffix", "Idempotency-Key", "authorization"]


def test_what_a_hook_raises_is_answered_and_nothing_written(app: App, open_client: Open) -> None:
    @app.crud(User, path="/users")
    class Users:
        def before_create(self, user: User) -> Any:
            if user.name == "teapot":
                raise HTTPException(418, "no")
            return 5 if user.name == "five" else None

        def before_delete(self, key: int) -> None:
            raise HTTPException(403, "never")

    with open_client(app) as client:
        assert client.post("/users", json=[{"name": "a"}, {"name": "teapot"}]).status_code == 418
        assert client.get("/users").json()["items"] == []
        assert client.post("/users", json={"name": "a"}).status_code == 201
        assert client.delete("/users/1").status_code == 403
        assert client.get("/users/1").status_code == 200
    with natively(app) as client:
        assert client.post("/users", json={"name": "five"}).status_code == 500


def test_an_operation_without_a_hook_stays_native(app: App) -> None:
    @app.crud(Word, path="/words")
    class Words:
        def before_delete(self, key: str) -> None: ...

    routes = [route for route in RouteCompiler(app).compile().routes if route.path.startswith("/words")]
    kinds = {method: (route.kind, route.reason) for route in routes for method in route.methods}
    assert kinds["DELETE"] == ("compiled", "the hook before_delete")
    assert {kinds[method][0] for method in ("GET", "POST", "PUT", "PATCH")} == {"native"}


def test_hooks_that_cannot_be(app: App) -> None:
    class Misspelt:
        def before_created(self, user: User) -> None: ...

    class Empty: ...

    class Without:
        def before_create(self) -> None: ...

    class Many:
        def before_create(self, user: User, *others: Any) -> None: ...

    with pytest.raises(ValueError, match="before_created is no hook; before_create is one"):
        app.crud(User, path="/users")(Misspelt)
    with pytest.raises(ValueError, match="has no hooks; there are"):
        app.crud(User, path="/users")(Empty)
    for hooks in (Without, Many):
        with pytest.raises(TypeError, match="before_create"):
            app.crud(User, path="/users")(hooks)


def test_dependencies_by_operation(app: App, open_client: Open) -> None:
    async def staff(authorization: Annotated[str | None, Header()] = None) -> None:
        if authorization != "staff":
            raise HTTPException(403, "staff only")

    @app.crud(path="/users", dependencies={"write": [Depends(staff)], "create": [], "list": [Depends(current_user)]})
    class _(User): ...

    with open_client(app) as client:
        assert client.post("/users", json={"name": "a"}).status_code == 201
        assert client.get("/users").status_code == 401
        assert client.get("/users/1").status_code == 200
        for method, answer in (("PUT", 200), ("PATCH", 200), ("DELETE", 204)):
            assert client.request(method, "/users/1", json={"name": "b"}).status_code == 403
            given = {"authorization": "staff"}
            assert client.request(method, "/users/1", json={"name": "b"}, headers=given).status_code == answer
    with pytest.raises(ValueError, match="'reads'"):
        app.crud(User, path="/others", dependencies={"reads": []})
