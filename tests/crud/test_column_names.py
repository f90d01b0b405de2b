"""``Column("name")`` and ``Was("name")``: what columns are called, and were."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import pytest
from doors import Open
from fastapi.testclient import TestClient
from pydantic import BaseModel, create_model

from data_bridge import App, Column, Was
from data_bridge.stores import StoreError


class Article(BaseModel):
    id: Annotated[int | None, Column("nummer")] = None
    title: Annotated[str, Column("titel")]
    at: datetime | None = None


class Before(BaseModel):
    id: int | None = None
    name: str
    at: datetime | None = None
    price: float = 0.0


class After(BaseModel):
    key: Annotated[int | None, Was("id")] = None
    title: Annotated[str, Was("name"), Column("titel")]
    seen: Annotated[datetime | None, Was("at")] = None
    price: Annotated[float, Column("preis"), Was("price")] = 0.0


def _rows(store: str, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(store.removeprefix("sqlite:///"))) as database:
        return database.execute(sql).fetchall()


def _indexes(store: str) -> list[str]:
    indexes = _rows(store, "SELECT name, sql FROM sqlite_schema WHERE tbl_name='things' AND type='index'")
    return sorted(name for name, sql in indexes if sql)


def _columns(store: str, table: str) -> list[str]:
    return [name for (name,) in _rows(store, f"SELECT name FROM pragma_table_info('{table}')")]


def test_a_column_has_its_own_name(app: App, store: str, open_client: Open) -> None:
    app.crud(Article, unique=["title"], sort="-title", indexes=["at"])
    with open_client(app) as client:
        made = client.post("/articles", json={"title": "a"})
        assert made.json() == {"id": 1, "title": "a", "at": None}
        assert client.post("/articles", json={"title": "a"}).json() == {
            "detail": "An item with this title already exists"
        }
        assert client.patch("/articles/1", json={"title": "b"}).json()["title"] == "b"
        assert client.get("/articles?title=b&sort=-title").json()["items"] == [{"id": 1, "title": "b", "at": None}]
        assert client.get("/articles?titel=b").status_code == 422
        assert "titel" not in client.get("/openapi.json").text
    assert _columns(store, "articles") == ["nummer", "titel", "at"]
    assert _rows(store, "SELECT nummer, titel FROM articles") == [(1, "b")]


def _start_before(store: str) -> None:
    app = App(store=store)
    app.crud(Before, path="/things", unique=["name", "at"], indexes=["at"], sort="-price")
    with TestClient(app) as client:
        for n in range(3):
            made = client.post("/things", json={"name": f"n{n}", "at": f"2024-01-0{n + 1}T00:00:00Z", "price": n})
            assert made.status_code == 201


def _after(store: str, **options: Any) -> App:
    app = App(store=store)
    app.crud(After, path="/things", key="key", unique=["title", "seen"], indexes=["seen"], sort="-price", **options)
    return app


def test_a_former_column_is_renamed(store: str, open_client: Open) -> None:
    _start_before(store)
    for _ in range(2):  # and the second start finds nothing to do
        with open_client(_after(store)) as client:
            items = client.get("/things?sort=title").json()["items"]
            assert [each["title"] for each in items] == ["n0", "n1", "n2"]
            assert items[1] == {"key": 2, "title": "n1", "seen": "2024-01-02T00:00:00Z", "price": 1.0}
            body = {"title": "n1"}
            assert "title" in client.post("/things", json=body).json()["detail"]
            body = {"title": "x", "seen": "2024-01-02T01:00:00+01:00"}
            assert client.post("/things", json=body).json() == {"detail": "An item with this seen already exists"}
    assert _columns(store, "things") == ["key", "titel", "seen", "preis"]
    assert _indexes(store) == [
        "things.index.instant(seen)",
        "things.index.preis",
        "things.unique.instant(seen)",
        "things.unique.titel",
    ]


def test_several_that_start_at_once(store: str) -> None:
    _start_before(store)
    failed: list[BaseException] = []

    def start() -> None:
        try:
            with TestClient(_after(store)) as client:
                assert len(client.get("/things").json()["items"]) == 3
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert _columns(store, "things") == ["key", "titel", "seen", "preis"]


def test_somebody_elses_table_is_not_renamed(store: str) -> None:
    _start_before(store)
    with pytest.raises(StoreError, match=r"Was\(") as refused, TestClient(_after(store, migrate="never")):
        pass
    assert '"name"' in str(refused.value) or '"id"' in str(refused.value)
    assert _columns(store, "things") == ["id", "name", "at", "price"]


_PROGRAM = """
from typing import Annotated
from data_bridge import App, Column, Was
from pydantic import BaseModel
app = App(store={store!r})
class Thing(BaseModel):
    id: int | None = None
    title: Annotated[str, Was("name")]
    price: {price} | None = None
app.crud(Thing, path="/things", unique=["title"])
"""


@pytest.mark.parametrize("copies", [False, True])
def test_plan_and_apply(tmp_path: Path, copies: bool) -> None:
    store = f"sqlite:///{tmp_path / 'shop.db'}"
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        database.executescript(
            "CREATE TABLE things (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, price INTEGER) STRICT;"
            'CREATE UNIQUE INDEX "things.unique.name" ON "things" ("name"); CREATE INDEX own ON things ("name");'
            "INSERT INTO things VALUES (1, 'a', 5);"
        )
    (tmp_path / "program.py").write_text(_PROGRAM.format(store=store, price="float" if copies else "int"))
    consent = ["--convert", "things.price"] if copies else []

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "data_bridge", "store", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)

    planned = run("plan", "program:app", *consent)
    assert planned.returncode == 4, planned.stderr
    assert 'ALTER TABLE "things" RENAME COLUMN "name" TO "title"' in planned.stdout
    assert _columns(store, "things") == ["id", "name", "price"]
    applied = run("apply", "program:app", *consent)
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert _rows(store, "SELECT id, title, price FROM things") == [(1, "a", 5)]
    assert _indexes(store) == ["own", "things.unique.title"]
    assert run("plan", "program:app").returncode == 0


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (Annotated[str, Column("a"), Column("b")], "more than one"),
        (Annotated[str, Column], "needs a name"),
        (Annotated[str, Column("ID")], "have the same column"),
    ],
)
def test_markers_that_cannot_be(app: App, annotation: Any, message: str) -> None:
    made = create_model("Made", id=(int | None, None), name=(annotation, ...))

    def start() -> None:
        app.crud(made)
        with TestClient(app):
            pass

    with pytest.raises((ValueError, StoreError), match=message):
        start()


@pytest.mark.parametrize("marker", [Column, Was])
@pytest.mark.parametrize("name", ["", "a\0b", 5])
def test_names_that_no_column_has(marker: Any, name: Any) -> None:
    with pytest.raises(ValueError, match="the name of a column"):
        marker(name)
