"""`data-bridge store plan` and `apply`: tables of other models and of earlier releases, and what must not be lost."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from doors import natively
from pydantic import BaseModel
from test_store_commands import store_command

from data_bridge import App
from data_bridge.stores import StoreError

MODEL = """
from datetime import date
from decimal import Decimal
from pydantic import BaseModel
from data_bridge import App
app = App(store="sqlite:///shop.db")
class Item(BaseModel):
    id: int | None = None
{fields}
app.crud(Item{options})
"""


def write_model(directory: Path, *fields: str, options: str = "") -> None:
    text = MODEL.format(fields="".join(f"    {field}\n" for field in fields), options=options)
    (directory / "main.py").write_text(text)


def run_sql(directory: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(directory / "shop.db")) as database:
        rows = database.execute(sql).fetchall() if sql.startswith("SELECT") else database.executescript(sql).fetchall()
        database.commit()
    return rows


def table_of(directory: Path) -> str:
    """The whole table and its schema, in short."""
    with closing(sqlite3.connect(directory / "shop.db")) as database:
        lines = "\n".join(database.iterdump())
    return hashlib.sha256(lines.encode()).hexdigest()


def test_a_plan_says_what_a_start_would_do(tmp_path: Path) -> None:
    write_model(tmp_path, "name: str", options=", unique=['name']")
    new = store_command("plan", "main:app", cwd=tmp_path)
    assert (new.returncode, new.stderr) == (4, "")
    assert new.stdout.splitlines()[0] == "-- sqlite:///shop.db"
    assert 'CREATE TABLE "items"' in new.stdout
    assert 'CREATE UNIQUE INDEX "items.unique.name"' in new.stdout
    assert not (tmp_path / "shop.db").exists()
    # What is printed is SQL.
    run_sql(tmp_path, new.stdout)
    same = store_command("plan", "main:app", cwd=tmp_path)
    assert (same.returncode, same.stdout) == (0, "-- sqlite:///shop.db\n-- nothing to do\n")
    assert store_command("apply", "main:app", cwd=tmp_path).stdout == same.stdout

    write_model(tmp_path, "name: str", "note: str | None = None", "stock: int = 3", options=", unique=['name']")
    more = store_command("apply", "main:app", cwd=tmp_path)
    assert (more.returncode, more.stdout.count("ALTER TABLE")) == (0, 2)
    assert store_command("plan", "main:app", cwd=tmp_path).returncode == 0


def test_types_and_drops_have_to_be_named(tmp_path: Path) -> None:
    write_model(tmp_path, "price: str", "old: str | None = None")
    assert store_command("apply", "main:app", cwd=tmp_path).returncode == 0
    run_sql(tmp_path, "INSERT INTO items (price, old) VALUES ('5', 'x'), ('7', NULL)")
    write_model(tmp_path, "price: int", "note: str = 'n'")
    unnamed = store_command("apply", "main:app", cwd=tmp_path)
    assert unnamed.returncode == 4
    assert '--convert "items.price"' in unnamed.stdout
    assert '--drop "items.old"' in unnamed.stdout
    assert run_sql(tmp_path, "SELECT price, old, note FROM items") == [("5", "x", "n"), ("7", None, "n")]
    named = ("--convert", "items.price", "--drop", "items.old")
    before = table_of(tmp_path)
    planned = store_command("plan", "main:app", *named, cwd=tmp_path)
    assert (planned.returncode, table_of(tmp_path)) == (4, before)
    done = store_command("apply", "main:app", *named, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, planned.stdout, "")
    assert run_sql(tmp_path, "SELECT * FROM items") == [(1, 5, "n"), (2, 7, "n")]


def test_what_cannot_be_converted_is_named_and_nothing_changes(tmp_path: Path) -> None:
    write_model(tmp_path, "price: str")
    store_command("apply", "main:app", cwd=tmp_path)
    run_sql(tmp_path, "INSERT INTO items (price) VALUES ('5'), ('5.00 EUR')")
    write_model(tmp_path, "price: int", "note: str | None = None")
    before = table_of(tmp_path)
    done = store_command("apply", "main:app", "--convert", "items.price", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert 'table "items", item 2: its "price" cannot be converted without loss' in done.stderr
    assert "EUR" not in done.stderr
    assert table_of(tmp_path) == before


def test_values_of_an_earlier_release_stop_the_start_and_are_converted(tmp_path: Path) -> None:
    write_model(tmp_path, "day: date", "price: Decimal")
    store_command("apply", "main:app", cwd=tmp_path)
    # A type without a native form was stored as its JSON.
    run_sql(tmp_path, """INSERT INTO items (day, price) VALUES ('"2024-01-31"', '"1.10"'), ('2024-02-01', '2')""")
    start = subprocess.run(
        [sys.executable, "-m", "data_bridge", "run", "main:app", "--port", "0"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        env={name: value for name, value in os.environ.items() if name != "DATA_BRIDGE_STORE"},
    )  # fmt: skip
    assert start.returncode == 3
    assert 'column "day" of the item 1 has the form of an earlier release; "data-bridge store plan"' in start.stderr
    assert store_command("apply", "main:app", cwd=tmp_path).returncode == 0
    assert run_sql(tmp_path, "SELECT day, price FROM items") == [("2024-01-31", "1.10"), ("2024-02-01", "2")]
    assert store_command("plan", "main:app", cwd=tmp_path).returncode == 0


def test_an_apply_that_is_killed_leaves_what_was(tmp_path: Path) -> None:
    write_model(tmp_path, "name: str", "price: str", options=", indexes=['price']")
    store_command("apply", "main:app", cwd=tmp_path)
    # More than a connection keeps in memory, so that the copy is on its way to the disk long before it is whole.
    run_sql(
        tmp_path,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<30000) "
        "INSERT INTO items (name, price) SELECT printf('%01500d', i), i FROM n",
    )
    write_model(tmp_path, "name: str | None", "price: int", options=", indexes=['price']")
    before = table_of(tmp_path)
    command = [sys.executable, "-m", "data_bridge", "store", "apply", "main:app", "--convert", "items.price"]
    log = tmp_path / "shop.db-wal"
    for megabytes in (0.1, 4):
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) as apply:
            while apply.poll() is None and (not log.exists() or log.stat().st_size < megabytes * 1e6):
                time.sleep(0.0005)
            apply.send_signal(signal.SIGKILL)
        assert apply.returncode == -signal.SIGKILL
        assert table_of(tmp_path) == before
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, check=False).returncode == 0
    assert run_sql(tmp_path, "SELECT count(*), sum(price), min(typeof(price)), sum(length(name)) FROM items") == [
        (30000, 30000 * 30001 // 2, "integer", 30000 * 1500)
    ]


class Item(BaseModel):
    id: int | None = None
    name: str


def test_a_table_of_somebody_else_is_only_checked(tmp_path: Path, store: str) -> None:
    app = App(store=store)
    app.crud(Item, migrate="never", unique=["name"])
    with pytest.raises(StoreError, match="there is no such table"), natively(app):
        pass
    with closing(sqlite3.connect(tmp_path / "test.db")) as database:
        database.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, name VARCHAR(9) NOT NULL UNIQUE, owner INTEGER)")
        schema = database.execute("SELECT sql FROM sqlite_schema WHERE tbl_name='items'").fetchall()
        with natively(app) as client:
            assert client.post("/items", json={"name": "a"}).json() == {"id": 1, "name": "a"}
            assert client.post("/items", json={"name": "a"}).status_code == 409
            database.execute("UPDATE items SET owner=7")
            database.commit()
            assert client.put("/items/1", json={"name": "b"}).status_code == 200
        assert database.execute("SELECT * FROM items").fetchall() == [(1, "b", 7)]
        assert database.execute("SELECT sql FROM sqlite_schema WHERE tbl_name='items'").fetchall() == schema


def test_a_plan_for_the_owner_of_a_table(tmp_path: Path) -> None:
    write_model(tmp_path, "name: str", options=", migrate='never'")
    for action in ("plan", "apply"):
        done = store_command(action, "main:app", cwd=tmp_path)
        assert done.returncode == 4
        assert re.search("migrate='never'.*\nCREATE TABLE", done.stdout)
    assert run_sql(tmp_path, "SELECT * FROM sqlite_schema") == []


def test_an_unknown_word_for_migrate() -> None:
    with pytest.raises(ValueError, match="migrate='always'; there are 'add' and 'never'"):
        App().crud(Item, migrate="always")


def test_resources_of_routers_are_found(tmp_path: Path) -> None:
    write_model(tmp_path, "name: str")
    (tmp_path / "routed.py").write_text(
        "from fastapi import FastAPI\nfrom data_bridge import Router\nfrom main import Item\n"
        "router = Router()\nrouter.crud(Item, store='sqlite:///shop.db')\n"
        "def make():\n    app = FastAPI()\n    app.include_router(router, prefix='/a')\n    return app\n"
    )
    done = store_command("apply", "routed:make", "--factory", cwd=tmp_path)
    assert (done.returncode, 'CREATE TABLE "items"' in done.stdout) == (0, True)
    assert run_sql(tmp_path, "SELECT name FROM sqlite_schema WHERE name='items'") == [("items",)]


def test_an_application_without_resources(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("from data_bridge import App\napp = App()\n")
    done = store_command("plan", "main:app", cwd=tmp_path)
    assert (done.returncode, "no store" in done.stderr) == (1, True)
