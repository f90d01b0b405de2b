"""What a list must answer, said in plain Python: the oracle of `test_queries.py`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

Item = Mapping[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def value_at(item: Item, path: str) -> Any:
    """What `path` leads to, None where one of its parts is."""
    value: Any = item
    for part in path.split("."):
        value = None if value is None else value[part]
    return value


def instant(text: str) -> timedelta:
    """Since 1970, naive times as UTC; beyond the years that Python has."""
    moment = datetime.fromisoformat(text)
    offset = moment.utcoffset() or timedelta(0)
    return moment.replace(tzinfo=UTC) - _EPOCH - offset


def comparable(kind: str, value: Any) -> Any:
    """What a value is compared by. None: null."""
    if value is None:
        return None
    if kind == "datetime":
        return instant(value)
    return Decimal(value) if kind == "decimal" else value


def rank(kind: str, value: Any) -> tuple[Any, ...]:
    """Null first."""
    return () if value is None else (comparable(kind, value),)


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda left, right: bool(left == right),
    "lt": lambda left, right: bool(left < right),
    "le": lambda left, right: bool(left <= right),
    "gt": lambda left, right: bool(left > right),
    "ge": lambda left, right: bool(left >= right),
    "contains": lambda left, right: right in left,
    "icontains": lambda left, right: right.upper() in left.upper(),
    "startswith": lambda left, right: left.startswith(right),
    "endswith": lambda left, right: left.endswith(right),
}


def holds(kinds: Mapping[str, str], condition: Any, item: Item) -> bool:
    """Whether a condition of `where` holds for `item`; `kinds` are those of the fields by name."""
    if isinstance(condition, list):
        return any(holds(kinds, part, item) for part in condition)
    return all(_member_holds(kinds, name, given, item) for name, given in condition.items())


def _member_holds(kinds: Mapping[str, str], name: str, given: Any, item: Item) -> bool:
    if name == "or":
        return any(holds(kinds, part, item) for part in given)
    if name == "not":
        return not holds(kinds, given, item)
    path, operator = (name, "eq") if name in kinds else name.rsplit("__", 1)
    kind, stored = kinds[path], value_at(item, path)
    if operator == "isnull":
        return (stored is None) is given
    if operator in ("in", "nin"):
        found = any(comparable(kind, each) == comparable(kind, stored) for each in given)
        return found is (operator == "in")
    if operator in ("eq", "ne"):
        return (comparable(kind, given) == comparable(kind, stored)) is (operator == "eq")
    return stored is not None and _OPERATORS[operator](comparable(kind, stored), comparable(kind, given))


def ordered(kinds: Mapping[str, str], sort: str | None, items: Iterable[Item]) -> list[Item]:
    """By the terms of `sort`, then by the key in the direction of the last of them."""
    terms = [] if sort is None else [(term.removeprefix("-"), term.startswith("-")) for term in sort.split(",")]
    terms.append(("id", bool(terms) and terms[-1][1]))

    def compare(left: Item, right: Item) -> int:
        for path, descending in terms:
            a, b = rank(kinds[path], value_at(left, path)), rank(kinds[path], value_at(right, path))
            if a != b:
                return (1 if descending else -1) if a < b else (-1 if descending else 1)
        return 0

    return sorted(items, key=functools.cmp_to_key(compare))
