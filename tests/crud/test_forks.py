"""Processes that fork while their stores are open: the child ends as ever, and may use the resource itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PRELUDE = """
import gc, multiprocessing, os, subprocess, sys, threading
from fastapi.testclient import TestClient
from pydantic import BaseModel
from data_bridge import App

app = App(store="sqlite:///fork.db")

@app.crud
class Item(BaseModel):
    id: int | None = None
    name: str = ""

def client():
    return TestClient(app)

def ends(pid):
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

def nap():
    pass

def make(number):
    return client().post("/items", json={"name": str(number)}).status_code

multiprocessing.set_start_method("fork")
stores = app.data_bridge_stores
stores.open()
assert client().post("/items", json={"name": "first"}).status_code == 201
assert client().get("/items/1").status_code == 200
"""
EPILOGUE = """
assert client().post("/items", json={"name": "last"}).status_code == 201
stores.close()
print("done")
"""


def run(directory: Path, program: str) -> None:
    """Run `program` between opening the stores and closing them; it hangs where a child does."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + program + EPILOGUE], cwd=directory, capture_output=True, text=True, timeout=200
    )
    # Without NDEBUG, as under the sanitizers, nanobind counts what the module-level application still holds at the end.
    errors, _, _ = done.stderr.partition("nanobind: leaked ")
    assert (done.stdout, errors, done.returncode) == ("done\n", "", 0)


@pytest.mark.parametrize(
    "program",
    [
        "pid = os.fork()\nif pid == 0: sys.exit(0)\nends(pid)",
        "pid = os.fork()\nif pid == 0: os._exit(0)\nends(pid)",
        "pid = os.fork()\nif pid == 0:\n    del app, stores; gc.collect(); sys.exit(0)\nends(pid)",
        "pid = os.fork()\nif pid == 0:\n    stores.close(); sys.exit(0)\nends(pid)",
        "pid = os.fork()\nif pid == 0:\n    inner = os.fork()\n    if inner: ends(inner)\n    sys.exit(0)\nends(pid)",
        "child = multiprocessing.Process(target=nap); child.start(); child.join(); assert child.exitcode == 0",
        "with multiprocessing.Pool(2) as pool: assert pool.map(abs, [-1, -2]) == [1, 2]",
        "assert subprocess.run([sys.executable, '-c', 'pass']).returncode == 0",
        "assert subprocess.run([sys.executable, '-c', 'pass'], preexec_fn=nap).returncode == 0",
    ],
    ids=["exit", "_exit", "collect", "close", "grandchild", "Process", "Pool", "subprocess", "preexec_fn"],
)
def test_a_child_ends(tmp_path: Path, program: str) -> None:
    run(tmp_path, program)


@pytest.mark.parametrize(
    "program",
    [
        "with multiprocessing.Pool(2) as pool: assert pool.map(make, range(20)) == [201] * 20",
        """
for number in range(20):
    pid = os.fork()
    if pid == 0:
        assert make(number) == 201
        sys.exit(0)
    ends(pid)
""",
        """
for number in range(20):
    pid = os.fork()
    if pid == 0:
        with client() as mine:  # as a server of its own
            assert mine.post("/items", json={}).status_code == 201
        sys.exit(0)
    ends(pid)
""",
    ],
    ids=["Pool", "without a start", "with a start"],
)
def test_children_and_parent_write_and_nothing_is_lost(tmp_path: Path, program: str) -> None:
    load = """
stop = threading.Event()
made = []
def write():
    while not stop.is_set():
        made.append(client().post("/items", json={"name": "parent"}).status_code)
        assert client().get("/items?limit=1").status_code == 200
threads = [threading.Thread(target=write, daemon=True) for _ in range(2)]
for thread in threads: thread.start()
"""
    check = """
stop.set()
for thread in threads: thread.join()
assert set(made) == {201}
items, query = 0, "limit=100"
while query:
    page = client().get("/items?" + query).json()
    items += len(page["items"])
    query = page["next"] and f"limit=100&cursor={page['next']}"
assert items == 1 + len(made) + 20, (items, len(made))
"""
    run(tmp_path, load + program + check)


def test_a_child_has_none_of_the_databases_descriptors(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
pid = os.fork()
if pid == 0:
    descriptors = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
    os._exit(any("fork.db" in os.readlink(fd) for fd in descriptors if os.path.lexists(fd)))
ends(pid)
""",
    )


def test_faults_of_a_child_are_logged_by_it(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
import logging, sqlite3
class Count(logging.Handler):
    seen = threading.Event()
    def emit(self, record):
        self.seen.set()
logging.getLogger("data_bridge.crud").addHandler(Count())
pid = os.fork()
if pid == 0:
    assert make(1) == 201
    sqlite3.connect("fork.db").execute("ALTER TABLE items RENAME TO others")
    assert client().get("/items").status_code == 500
    assert Count.seen.wait(20)
    sqlite3.connect("fork.db").execute("ALTER TABLE others RENAME TO items")
    sys.exit(0)
ends(pid)
assert not Count.seen.is_set()
""",
    )
