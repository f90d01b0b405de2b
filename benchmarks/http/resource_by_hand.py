"""The measured resources by those who care for speed: sqlite3, one connection a thread, WAL and synchronous=FULL."""

import os
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query
from pydantic import field_validator

from durable_sqlite import connections_of
from resource_models import Item

DATABASE = f"{os.environ['BENCH_DIRECTORY']}/by_hand.db"

app = FastAPI()


class Checked(Item):
    """With a validator."""

    @field_validator("name")
    @classmethod
    def _stripped(cls, value: Any) -> Any:
        return value.strip()


connection = connections_of(DATABASE)

connection().executescript(
    """
    CREATE TABLE IF NOT EXISTS items (
      id INTEGER PRIMARY KEY, name TEXT NOT NULL, price REAL NOT NULL, stars INTEGER NOT NULL,
      made TEXT NOT NULL) STRICT;
    CREATE INDEX IF NOT EXISTS items_price ON items (price);
    """
)


@app.get("/items")
def list_items(
    limit: Annotated[int, Query(le=100)] = 20, below: float | None = None, stars: int | None = None
) -> list[Item]:
    if below is not None and stars is not None:
        query = "SELECT * FROM items WHERE price < ? OR stars = ? ORDER BY price DESC LIMIT ?"
        rows = connection().execute(query, (below, stars, limit))
    elif below is not None:
        rows = connection().execute("SELECT * FROM items WHERE price < ? ORDER BY price DESC LIMIT ?", (below, limit))
    else:
        rows = connection().execute("SELECT * FROM items ORDER BY id LIMIT ?", (limit,))
    return [Item(**dict(row)) for row in rows]


@app.get("/items/{item_id}")
def get_item(item_id: int) -> Item:
    row = connection().execute("SELECT * FROM items WHERE id = ?", (item_id,)).fetchone()
    if row is None:
        raise HTTPException(404)
    return Item(**dict(row))


@app.post("/items", status_code=201)
def create_item(item: Item) -> Item:
    made = (item.name, item.price, item.stars, item.made.isoformat())
    cursor = connection().execute("INSERT INTO items (name, price, stars, made) VALUES (?, ?, ?, ?)", made)
    return item.model_copy(update={"id": cursor.lastrowid})


@app.post("/checked", status_code=201)
def create_checked(item: Checked) -> Item:
    return create_item(item)
