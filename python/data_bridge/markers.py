"""What fields of a resource can be besides what Pydantic has words for: markers, for ``Annotated``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

__all__ = ["Created", "Marker", "ReadOnly", "Updated"]

Meaning = Literal["ReadOnly", "Created", "Updated"]


class Marker:
    """What is not the client's to say: a value in a body is ignored."""

    __slots__ = ("meaning",)

    def __init__(self, meaning: Meaning) -> None:
        self.meaning: Final = meaning

    def __repr__(self) -> str:
        return self.meaning


#: ``owner_id: Annotated[UUID, ReadOnly]``: set by the scope, hooks and Python code.
ReadOnly: Final = Marker("ReadOnly")

#: ``created_at: Created = None``: the time in UTC at which the store has got the item.
Created = Annotated[datetime | None, Marker("Created")]

#: ``updated_at: Updated = None``: that of the latest write.
Updated = Annotated[datetime | None, Marker("Updated")]
