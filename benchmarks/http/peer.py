"""The measured application on FastAPI alone: common routes, and the same two resources written by hand.

CRUD as FastAPI's users write it who care for speed: sqlite3 from the standard library, one connection a thread, sync
handlers on FastAPI's worker threads, WAL and synchronous=FULL, so that a 201 is as durable as data_bridge's.
"""

import json
import os
import sqlite3
from typing import Annotated

from fastapi import FastAPI, HTTPException, Query, Response
from pydantic import BaseModel

from common import Note, add_routes
from durable_sqlite import connections_of
from models import Country

DATABASE = f"{os.environ['BENCH_DIRECTORY']}/peer.db"

app = FastAPI()
add_routes(app)
connection = connections_of(DATABASE)

connection().executescript(
    """
    CREATE TABLE IF NOT EXISTS countries (
      alpha_2 TEXT PRIMARY KEY, alpha_3 TEXT NOT NULL, numeric TEXT NOT NULL, name TEXT NOT NULL,
      official_name TEXT, common_name TEXT, flag TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS notes (
      id INTEGER PRIMARY KEY, title TEXT NOT NULL, text TEXT NOT NULL, stars INTEGER NOT NULL,
      tags TEXT NOT NULL) STRICT;
    """
)


class Countries(BaseModel):
    """A page of countries."""

    items: list[Country]
    next: str | None


@app.get("/countries")
def list_countries(limit: Annotated[int, Query(ge=1, le=100)] = 20, cursor: str = "") -> Countries:
    rows = connection().execute(
        "SELECT * FROM countries WHERE alpha_2 > ? ORDER BY alpha_2 LIMIT ?", (cursor, limit + 1)
    )
    items = [Country(**dict(row)) for row in rows]
    following = items[limit - 1].alpha_2 if len(items) > limit else None
    return Countries(items=items[:limit], next=following)


@app.post("/countries", status_code=201)
def create_country(country: Country) -> Country:
    try:
        connection().execute(
            "INSERT INTO countries VALUES (:alpha_2, :alpha_3, :numeric, :name, :official_name, :common_name, :flag)",
            country.model_dump(),
        )
    except sqlite3.IntegrityError as error:
        raise HTTPException(409, "exists") from error
    return country


@app.post("/notes", status_code=201)
def create_note(note: Note, response: Response) -> Note:
    cursor = connection().execute(
        "INSERT INTO notes (id, title, text, stars, tags) VALUES (?, ?, ?, ?, ?)",
        (note.id, note.title, note.text, note.stars, json.dumps(note.tags)),
    )
    response.headers["Location"] = f"/notes/{cursor.lastrowid}"
    return note.model_copy(update={"id": cursor.lastrowid})
