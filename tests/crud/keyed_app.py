"""An application of which a process serves one database with others, for test_idempotency.py."""

from __future__ import annotations

import os

from pydantic import BaseModel, field_validator

from data_bridge import App

app = App(store=os.environ["KEYED_APP_STORE"])


@app.crud
class Item(BaseModel):
    id: int | None = None
    name: str


@app.crud
class Checked(Item):
    @field_validator("name")
    @classmethod
    def strip(cls, value: str) -> str:
        return value.strip()
