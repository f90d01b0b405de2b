"""`data-bridge store`: copies of a database that a server writes to, and what damage looks like."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest
from doors import natively
from pydantic import BaseModel, Field

from data_bridge import App
from data_bridge._core import StoreBackup, check_store
from data_bridge.stores import stores_of

APP = """
from pydantic import BaseModel
from data_bridge import App
app = App(store="sqlite:///shop.db")
class Item(BaseModel):
    id: int | None = None
    name: str
app.crud(Item)
def make_app():
    return app
class Two(BaseModel):
    id: int | None = None
two = App(store="sqlite:///shop.db")
two.crud(Item)
two.crud(Two, store="sqlite:///other.db")
empty = App()
"""


class Item(BaseModel):
    id: int | None = None
    name: str = Field(max_length=5000)


def store_command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "data_bridge", "store", *arguments],
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if name != "DATA_BRIDGE_STORE"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text(APP)
    app = App(store=f"sqlite:///{tmp_path / 'shop.db'}")
    app.crud(Item)
    with natively(app) as client:
        assert client.post("/items", json=[{"name": f"{n}" * 40} for n in range(90)]).status_code == 201
    return tmp_path


def test_a_copy_while_a_server_writes(tmp_path: Path) -> None:
    """It is whole, and holds what had been answered before it began."""
    url = f"sqlite:///{tmp_path / 'live.db'}"
    app = App(store=url)
    app.crud(Item)
    stop = threading.Event()
    answered: list[int] = []
    with natively(app) as client:

        def write() -> None:
            with httpx.Client(base_url=client.base_url) as mine:
                while not stop.is_set():
                    answered.append(mine.post("/items", json={"name": "x" * 4000}).json()["id"])

        threads = [threading.Thread(target=write) for _ in range(2)]
        for thread in threads:
            thread.start()
        while len(answered) < 200:
            stop.wait(0.01)
        before = list(answered)
        done = store_command("backup", url, "--to", "copy.db", cwd=tmp_path)
        stop.set()
        for thread in threads:
            thread.join()
        assert (done.returncode, done.stderr) == (0, "")
        assert "copy.db (" in done.stdout
        assert client.get("/items?limit=0&total=true").json()["total"] == len(answered)
    assert check_store(f"sqlite:///{tmp_path / 'copy.db'}") == []
    copy = App(store=f"sqlite:///{tmp_path / 'copy.db'}")
    copy.crud(Item)
    with natively(copy) as client:
        for number in before:
            assert client.get(f"/items/{number}").status_code == 200
    assert not list(tmp_path.glob("*.unfinished"))


def test_the_commands_of_an_application(shop: Path) -> None:
    assert store_command("check", "main:app", cwd=shop).stdout == "sqlite:///shop.db: is whole\n"
    first = store_command("backup", "main:app", cwd=shop)
    assert (first.returncode, (shop / "shop.backup").exists()) == (0, True)
    assert store_command("backup", "main:make_app", "--factory", cwd=shop).returncode == 0
    assert (shop / "shop.1.backup").exists()
    assert check_store(f"sqlite:///{shop / 'shop.1.backup'}") == []


def test_several_stores_and_none(shop: Path) -> None:
    one_name = store_command("backup", "main:two", "--to", "copy.db", cwd=shop)
    assert (one_name.returncode, "2 stores" in one_name.stderr) == (1, True)
    both = store_command("check", "main:two", cwd=shop)
    assert (both.returncode, "shop.db: is whole" in both.stdout) == (1, True)
    assert "other.db" in both.stderr  # it has never been served
    assert not (shop / "other.db").exists()
    none = store_command("check", "main:empty", cwd=shop)
    assert (none.returncode, "no store" in none.stderr) == (1, True)


def test_what_cannot_be_copied(shop: Path) -> None:
    (shop / "there").write_text("somebody's")
    there = store_command("backup", "main:app", "--to", "there", cwd=shop)
    assert (there.returncode, "exists already" in there.stderr) == (1, True)
    assert (shop / "there").read_text() == "somebody's"
    assert store_command("backup", "main:app", "--to", "no/such/place", cwd=shop).returncode == 1
    unknown = store_command("backup", "mysql://host/db", cwd=shop)
    assert (unknown.returncode, "unknown kind of store" in unknown.stderr) == (1, True)


def test_damage(shop: Path) -> None:
    with (shop / "shop.db").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xee" * 4096)
    done = store_command("check", "sqlite:///shop.db", cwd=shop)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("sqlite:///shop.db: ")


def test_a_copy_that_is_dropped_leaves_nothing(shop: Path) -> None:
    backup = StoreBackup(f"sqlite:///{shop / 'shop.db'}", str(shop / "dropped"))
    assert (shop / "dropped.unfinished").exists()
    del backup
    assert not list(shop.glob("dropped*"))


def test_each_url_once() -> None:
    app = App(store="sqlite:///a.db")
    app.crud(Item, path="/a")
    app.crud(Item, path="/b", table="b")
    app.crud(Item, path="/c", store="sqlite:///c.db")
    assert stores_of(app).urls == ["sqlite:///a.db", "sqlite:///c.db"]
