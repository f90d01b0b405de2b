"""Markers of a field's column: ``title: Annotated[str, Column("titel"), Was("name")]``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from .list_fields import plain_annotation

__all__ = ["Column", "Was", "column_names"]


@dataclass(frozen=True)
class Column:
    """What the column of a field is called in its table; without it, as the field. Clients do not see it."""

    name: str

    def __post_init__(self) -> None:
        _check(self, self.name)


@dataclass(frozen=True)
class Was:
    """What a field, or its column, was called before: a column of that name is renamed at the start, with all that it
    holds."""

    name: str

    def __post_init__(self) -> None:
        _check(self, self.name)


def _check(marker: Any, name: Any) -> None:
    if not isinstance(name, str) or not name or "\0" in name:
        raise ValueError(f"{type(marker).__name__}({name!r}): the name of a column")


def column_names(options: str, model: type[BaseModel]) -> list[tuple[str, str, str]]:
    """The fields with a marker, as (field, name of the column, former name), "" for none. Raises ValueError."""
    found = []
    for name, info in model.model_fields.items():
        metadata = [*info.metadata, *plain_annotation(info.annotation)[1]]
        own = [part.name for part in _markers(metadata, Column)]
        former = [part.name for part in _markers(metadata, Was)]
        if len(own) > 1 or len(former) > 1:
            raise ValueError(f"{options}: {model.__name__}.{name} has more than one Column or Was")
        if own or former:
            found.append((name, own[0] if own else "", former[0] if former else ""))
    return found


def _markers(metadata: list[Any], kind: Any) -> Iterator[Any]:
    for part in metadata:
        if part is kind:
            raise ValueError(f"{kind.__name__} needs a name: {kind.__name__}('name')")
        if isinstance(part, kind):
            yield part
