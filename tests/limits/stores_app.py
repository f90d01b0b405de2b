"""A resource whose store has the default limits, and one whose writes are refused early."""

from __future__ import annotations

from pydantic import BaseModel

from data_bridge import App, StoreLimits


class Item(BaseModel):
    id: int | None = None
    name: str
    tags: list[str] = []


app = App(store="sqlite:///limits.db")
app.crud(Item)

tight = App(store="sqlite:///limits.db", store_limits=StoreLimits(max_waiting_writes=100))
tight.crud(Item)


@tight.get("/refused")
async def refused() -> int:
    """How many writes were refused."""
    return tight.data_bridge_stores.refused_writes
