"""`make bench-resources`: `@app.crud` beside FastAPI with SQLModel, FastAPI with sqlite3, and PocketBase, interleaved.

PocketBase is a Go program: `go install github.com/pocketbase/pocketbase/examples/base@v0.36.2`, and the path of what
that makes as `--pocketbase`. Where a side has no such request its place is empty.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from measure import Result, Row, Server, run_wrk

ITEMS = 1000
ITEM = {"name": "A thing", "price": 12.5, "stars": 3, "made": "2026-06-01T08:30:00Z"}
BAD = {"name": "", "price": "much", "stars": 9, "made": "soon"}
RECORDS = "/api/collections/items/records"

LIST, GET, UNCHANGED = "list of 20", "get by key", "get, 304"
FILTERED, OR = "filtered, sorted", "where with or"
CREATE, REFUSED, CHECKED = "durable create", "422", "create, a validator in Python"

#: What each row asks of a side.
FASTAPI = {
    LIST: Row(LIST, "/items?limit=20"),
    GET: Row(GET, "/items/500"),
    FILTERED: Row(FILTERED, "/items?below=300&limit=20"),
    OR: Row(OR, "/items?below=300&stars=5&limit=20"),
    CREATE: Row(CREATE, "/items", "POST", json.dumps(ITEM), status=201),
    REFUSED: Row(REFUSED, "/items", "POST", json.dumps(BAD), status=422),
    CHECKED: Row(CHECKED, "/checked", "POST", json.dumps(ITEM), status=201),
}
ROWS: dict[str, dict[str, Row]] = {
    "data_bridge": {
        **FASTAPI,
        UNCHANGED: Row(UNCHANGED, "/items/500", status=304),
        FILTERED: Row(FILTERED, "/items?price__lt=300&sort=-price&limit=20"),
        OR: Row(
            OR, "/items?where=%7B%22or%22:%5B%7B%22price__lt%22:300%7D,%7B%22stars%22:5%7D%5D%7D&sort=-price&limit=20"
        ),
    },
    "sqlmodel": FASTAPI,
    "by hand": FASTAPI,
    "pocketbase": {
        LIST: Row(LIST, f"{RECORDS}?perPage=20&skipTotal=1&sort=number"),
        GET: Row(GET, f"{RECORDS}/item00000000500"),
        FILTERED: Row(FILTERED, f"{RECORDS}?perPage=20&skipTotal=1&sort=-price&filter=price%3C300"),
        OR: Row(OR, f"{RECORDS}?perPage=20&skipTotal=1&sort=-price&filter=price%3C300%7C%7Cstars%3D5"),
        CREATE: Row(CREATE, RECORDS, "POST", json.dumps(ITEM)),
        REFUSED: Row(REFUSED, RECORDS, "POST", json.dumps(BAD), status=400),
    },
}
UVICORN = ["-m", "uvicorn", "--loop", "uvloop", "--http", "httptools", "--no-access-log"]
COMMANDS = {
    "data_bridge": ["-m", "data_bridge", "run", "resource_native:app", "--no-access-log"],
    "sqlmodel": [*UVICORN, "resource_sqlmodel:app"],
    "by hand": [*UVICORN, "resource_by_hand:app"],
}


def pocketbase(program: Path, directory: Path) -> list[str]:
    """The command that serves it, with a superuser in its new data directory."""
    data = f"--dir={directory}/pocketbase"
    made = ["superuser", "upsert", "bench@example.com", "benchmark-1", data]
    subprocess.run([program, *made], check=True, capture_output=True)
    return [str(program), "serve", "--http=127.0.0.1:{port}", data]


def prepare_pocketbase(server: Server) -> None:
    """A collection that everybody may use, with the columns of the others."""
    with httpx.Client(base_url=server.url, timeout=60) as client:
        account = {"identity": "bench@example.com", "password": "benchmark-1"}
        token = client.post("/api/collections/_superusers/auth-with-password", json=account).json()["token"]
        fields: list[dict[str, Any]] = [
            {"name": "name", "type": "text", "required": True, "max": 100},
            {"name": "price", "type": "number", "min": 0},
            {"name": "stars", "type": "number", "min": 0, "max": 5, "onlyInt": True},
            {"name": "made", "type": "date", "required": True},
            {"name": "number", "type": "number"},
        ]
        open_to_all = dict.fromkeys(("listRule", "viewRule", "createRule"), "")
        indexes = ["CREATE INDEX items_price ON items (price)", "CREATE INDEX items_number ON items (number)"]
        collection = {"name": "items", "type": "base", "fields": fields, "indexes": indexes, **open_to_all}
        client.post("/api/collections", json=collection, headers={"authorization": token}).raise_for_status()


def seed(server: Server) -> None:
    """The same items for each."""
    path = RECORDS if server.name == "pocketbase" else "/items"
    with httpx.Client(base_url=server.url, timeout=60) as client:
        for number in range(1, ITEMS + 1):
            item = {**ITEM, "name": f"Thing {number}", "price": number * 37 % 997 + 0.5, "stars": number % 6}
            if server.name == "pocketbase":
                item |= {"id": f"item{number:011}", "number": number}
            client.post(path, json=item).raise_for_status()


def names(answer: Any) -> list[str] | None:
    """Those of the items of a list, in their order."""
    items = answer.get("items") if isinstance(answer, dict) else answer
    return None if items is None else [item["name"] for item in items]


def checked(servers: list[Server], name: str) -> dict[str, Row]:
    """The row of each side that has it, after a look at what it answers."""
    rows, lists = {}, []
    for server in servers:
        row = ROWS[server.name].get(name)
        if row is None:
            continue
        if name == UNCHANGED:
            row = replace(
                row, headers={"If-None-Match": httpx.get(server.url + row.path).headers["etag"].replace('"', '\\"')}
            )
        headers = {
            "content-type": "application/json",
            **{key: each.replace("\\", "") for key, each in row.headers.items()},
        }
        answer = httpx.request(row.method, server.url + row.path, content=row.body, headers=headers, timeout=60)
        if answer.status_code != row.status:
            raise RuntimeError(f"{server.name}, {name}: {answer.status_code} {answer.text}")
        rows[server.name] = row
        if row.method == "GET" and answer.content:
            lists.append(names(answer.json()))
    if any(each != lists[0] for each in lists):
        raise RuntimeError(f"{name}: different answers: {lists}")
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3, help="of one run of wrk")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rows", nargs="*", help="rows whose name contains one of these words")
    parser.add_argument("--pocketbase", type=Path, help="PocketBase's program")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="data_bridge-bench-") as temporary, contextlib.ExitStack() as stack:
        directory = Path(temporary)
        commands = dict(COMMANDS)
        if options.pocketbase is not None:
            commands["pocketbase"] = pocketbase(options.pocketbase.resolve(), directory)
        servers = [stack.enter_context(Server(name, command, 0, directory)) for name, command in commands.items()]
        for server in servers:
            server.wait()
            if server.name == "pocketbase":
                prepare_pocketbase(server)
            seed(server)
        print(f"{'req/s (CPU us)':30}" + "".join(f"{server.name:>18}" for server in servers))
        for name in (LIST, GET, UNCHANGED, FILTERED, OR, REFUSED, CREATE, CHECKED):
            if options.rows and not any(word in name for word in options.rows):
                continue
            rows = checked(servers, name)
            asked = [server for server in servers if server.name in rows]
            measured: dict[str, list[Result]] = {server.name: [] for server in asked}
            for server in asked:
                run_wrk(server, rows[server.name], 1, 1, options.connections, directory)  # warm up
            for _ in range(options.rounds):
                for server in asked:
                    row = rows[server.name]
                    measured[server.name].append(
                        run_wrk(server, row, 1, options.seconds, options.connections, directory)
                    )
            line = f"{name:30}"
            for server in servers:
                results = measured.get(server.name)
                if results is None:
                    line += f"{'':>18}"
                    continue
                each = statistics.median(result.requests_per_second for result in results)
                cpu = statistics.median(result.cpu_microseconds for result in results)
                line += f"{f'{each:,.0f} ({cpu:,.1f})':>18}"
            print(line)
            sys.stdout.flush()


if __name__ == "__main__":
    main()
