"""The measured resources as SQLModel's users write them: a session for each request, sync handlers.

SQLite as data_bridge has it: WAL and synchronous=FULL, so that a 201 is as durable.
"""

import os
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query
from pydantic import field_validator
from sqlalchemy import Engine, event, or_
from sqlmodel import Field, Session, SQLModel, col, create_engine, select

engine: Engine = create_engine(
    f"sqlite:///{os.environ['BENCH_DIRECTORY']}/sqlmodel.db",
    connect_args={"check_same_thread": False, "timeout": 30},
    pool_size=80,  # no thread waits for another's connection: there are 40, and each request has two turns in them
)


@event.listens_for(engine, "connect")
def _pragmas(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


class ItemBase(SQLModel):
    """What a client sends."""

    name: str = Field(min_length=1, max_length=100)
    price: float = Field(ge=0, index=True)
    stars: int = Field(default=0, ge=0, le=5)
    made: datetime


class Item(ItemBase, table=True):
    """What is stored."""

    id: int | None = Field(default=None, primary_key=True)


class ItemPublic(ItemBase):
    """What is answered."""

    id: int


class CheckedCreate(ItemBase):
    """With a validator."""

    @field_validator("name")
    @classmethod
    def _stripped(cls, value: Any) -> Any:
        return value.strip()


SQLModel.metadata.create_all(engine)
app = FastAPI()


def _session() -> Iterator[Session]:
    with Session(engine) as session:
        yield session


Opened = Annotated[Session, Depends(_session)]


@app.get("/items", response_model=list[ItemPublic])
def list_items(
    session: Opened, limit: Annotated[int, Query(le=100)] = 20, below: float | None = None, stars: int | None = None
) -> Any:
    query = select(Item).limit(limit)
    if below is not None and stars is not None:
        query = query.where(or_(col(Item.price) < below, col(Item.stars) == stars)).order_by(col(Item.price).desc())
    elif below is not None:
        query = query.where(col(Item.price) < below).order_by(col(Item.price).desc())
    else:
        query = query.order_by(col(Item.id))
    return session.exec(query).all()


@app.get("/items/{item_id}", response_model=ItemPublic)
def get_item(session: Opened, item_id: int) -> Any:
    item = session.get(Item, item_id)
    if item is None:
        raise HTTPException(404)
    return item


def _create(session: Session, sent: ItemBase) -> Item:
    item = Item.model_validate(sent)
    session.add(item)
    session.commit()
    session.refresh(item)
    return item


@app.post("/items", status_code=201, response_model=ItemPublic)
def create_item(session: Opened, item: ItemBase) -> Any:
    return _create(session, item)


@app.post("/checked", status_code=201, response_model=ItemPublic)
def create_checked(session: Opened, item: CheckedCreate) -> Any:
    return _create(session, item)
