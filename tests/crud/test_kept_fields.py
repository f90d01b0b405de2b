"""Fields that clients do not see: a PUT that does not name them keeps them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from doors import Open
from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

from data_bridge import App


class User(BaseModel):
    id: str
    name: str = Field(min_length=2)
    password: str = Field(min_length=8, max_length=20, exclude=True, alias="passWord")
    limit: int = Field(default=3, exclude=True)
    token: SecretStr | None = Field(default=None, exclude=True)
    born: int = Field(default=0, exclude=True, frozen=True)

    @field_validator("password")
    @classmethod
    def _hash(cls, value: str) -> str:
        return f"hash-of-{value}-which-is-longer"

    @model_validator(mode="before")
    @classmethod
    def _copy(cls, data: Any) -> Any:
        return {**data} if isinstance(data, dict) else data

    @model_validator(mode="after")
    def _check(self) -> User:
        if self.name == "bad":
            raise ValueError("bad")
        return self


FIRST = {"id": "a", "name": "anna", "passWord": "secret-1", "limit": 5, "token": "t-1", "born": 1990}


def stored(tmp_path: Path) -> dict[str, Any]:
    with sqlite3.connect(tmp_path / "test.db") as connection:
        connection.row_factory = sqlite3.Row
        row = dict(connection.execute("SELECT * FROM users WHERE id = 'a'").fetchone())
    return {name: row[name] for name in ("name", "password", "limit", "token", "born")}


def test_what_was_got_can_be_sent_back(app: App, open_client: Open, tmp_path: Path) -> None:
    app.crud(User)
    with open_client(app) as client:
        made = client.post("/users", json=FIRST)
        assert made.json() == {"id": "a", "name": "anna"}
        before = stored(tmp_path)
        assert before["password"] == "hash-of-secret-1-which-is-longer"
        assert client.put("/users/a", json=made.json()).json() == made.json()
        assert stored(tmp_path) == before
        tag = client.get("/users/a").headers["etag"]
        changed = client.put("/users/a", json={"id": "a", "name": "eve", "limit": 9}, headers={"if-match": tag})
        assert changed.json() == {"id": "a", "name": "eve"}
        assert stored(tmp_path) == {**before, "name": "eve", "limit": 9}
        assert client.put("/users/a", json=made.json(), headers={"if-match": tag}).status_code == 412
        given = client.put("/users/a", json={**made.json(), "passWord": "secret-2", "token": None})
        assert given.status_code == 200
        after = {
            "name": "anna",
            "password": "hash-of-secret-2-which-is-longer",
            "limit": 9,
            "token": None,
            "born": 1990,
        }
        assert stored(tmp_path) == after
        assert client.put("/users/a", json={**made.json(), "born": 1991}).json()["detail"][0]["type"] == "frozen_field"
        assert client.put("/users/a", json={**made.json(), "passWord": "short"}).status_code == 422
        assert stored(tmp_path) == after


def test_no_error_shows_what_is_kept(app: App, open_client: Open) -> None:
    app.crud(User)
    with open_client(app) as client:
        client.post("/users", json=FIRST)
        for body in ({"id": "a", "name": "bad"}, {"id": "a"}, {"id": "a", "name": "x"}, {"id": "b", "name": "anna"}):
            refused = client.put("/users/a", json=body)
            assert refused.status_code == 422, body
            assert "hash-of" not in refused.text
            assert "t-1" not in refused.text
            assert refused.json()["detail"][0]["input"] in (body, body.get("name"), body["id"])


def test_a_new_item_needs_what_is_required(app: App, open_client: Open, tmp_path: Path) -> None:
    app.crud(User)
    app.crud(User, path="/others", table="users", operations=["replace"])
    with open_client(app) as client:
        refused = client.put("/users/a", json={"id": "a", "name": "anna"})
        assert [error["loc"] for error in refused.json()["detail"]] == [["body", "passWord"]]
        assert client.put("/others/a", json={"id": "a", "name": "anna"}).status_code == 404
        assert client.put("/others/a", json={"id": "a", "name": "x"}).status_code == 422
        assert client.put("/users/a", json=FIRST).status_code == 201
        assert client.put("/others/a", json={"id": "a", "name": "otto"}).json()["name"] == "otto"
        assert stored(tmp_path)["limit"] == 5


def test_hooks_see_what_is_kept(app: App, open_client: Open, tmp_path: Path) -> None:
    seen: list[Any] = []

    @app.crud(User, path="/users")
    class Users:
        def before_replace(self, user: User) -> None:
            seen.append((user.password, user.token and user.token.get_secret_value()))
            user.password = "of the hook"  # not what was asked for

    with open_client(app) as client:
        client.post("/users", json=FIRST)
        assert client.put("/users/a", json={"id": "a", "name": "eve"}).status_code == 200
        assert seen == [("hash-of-secret-1-which-is-longer", "t-1")]
        assert json.dumps(stored(tmp_path)).count("hash-of") == 1
