"""Bodies at random, for resources that must do the same natively as through Python."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def random_body(
    source: random.Random, values: Mapping[str, Sequence[Any]], whole: Mapping[str, Any], *, most: int, share: float
) -> Any:
    """Some of the members of `values`, `most` at the most, of which the first two are valid and come more often. A
    `share` of the bodies has all of `whole` besides; few are no object.
    """
    if source.random() < 0.03:
        return source.choice([[], None, 5, "x", [{}]])
    names = source.sample(sorted(values), source.randint(0, most))
    body = dict(whole) if source.random() < share else {}
    return {**body, **{name: source.choice(values[name][: 2 if source.random() < 0.7 else None]) for name in names}}


def rows(path: Path, columns: str = "*") -> list[Any]:
    """What is stored of the items."""
    with sqlite3.connect(path) as connection:
        return connection.execute(f"SELECT {columns} FROM items ORDER BY 1, 2").fetchall()
