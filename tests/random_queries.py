"""Random items, conditions, orders and pages, compared with the contract in plain Python (`query_model.py`)."""

from __future__ import annotations

import json
import random
import uuid
from datetime import datetime
from typing import Any, Literal

import httpx
from pydantic import BaseModel
from query_model import holds, ordered

TABLE_SIZE = 60


class Inner(BaseModel):
    city: str | None = None
    number: int = 0
    at: datetime | None = None


class Thing(BaseModel):
    id: int | None = None
    name: str
    nick: str | None = None
    price: float
    count: int | None = None
    made: datetime | None = None
    seen: datetime
    serial: uuid.UUID | None = None
    color: Literal["red", "green", "blue"] = "red"
    fresh: bool = False
    tags: list[str] = []
    sizes: list[int] | None = None
    inner: Inner | None = None


KINDS = {
    "id": "number", "name": "text", "nick": "text", "price": "number", "count": "number", "made": "datetime",
    "seen": "datetime", "serial": "uuid", "color": "text", "fresh": "bool", "tags": "list", "sizes": "list",
    "inner.city": "text", "inner.number": "number", "inner.at": "datetime",
}  # fmt: skip
SORTABLE = [name for name, kind in KINDS.items() if kind != "list"]
TEXTS = [
    "",
    "a",
    "A",
    "ab",
    "b",
    "ba",
    "é",
    "É",
    "ß",
    "SS",
    "ab%",
    "a_b",
    "\u0000a",
    "🌍",
    "\uffff",
    "a'b",
    'a"b',
    "a,b",
]
MOMENTS = [
    "2024-01-31T10:00:00Z", "2024-01-31T10:00:00.500000Z", "2024-01-31T10:00:00", "2024-01-31T15:30:00+05:30",
    "2024-01-31T09:59:59.999999", "2024-01-31T10:00:00.5-00:30", "1969-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.999999-12:00",
]  # fmt: skip
NUMBERS = [0, 1, -1, 2, 7, 2**53 + 1, 2**53, -(2**63), 2**63 - 1]
HUGE = [*NUMBERS, 2**63, 2**64 + 1, 2**64, -(10**30)]
REALS = [0.0, -0.0, 1.5, -1.5, 1e-9, 1e300, 7, 2**53]
SERIALS = [str(uuid.UUID(int=number)) for number in (0, 1, 2**127)]
POOL: dict[str, list[Any]] = {
    "id": [*range(-1, TABLE_SIZE + 2, 7), 2**64], "name": TEXTS, "nick": TEXTS, "price": REALS, "count": HUGE,
    "made": MOMENTS, "seen": MOMENTS, "serial": SERIALS, "color": ["red", "green", "blue"], "fresh": [True, False],
    "tags": TEXTS, "sizes": HUGE, "inner.city": TEXTS, "inner.number": HUGE, "inner.at": MOMENTS,
}  # fmt: skip


def random_item(rng: random.Random) -> dict[str, Any]:
    def perhaps(values: list[Any]) -> Any:
        return None if rng.random() < 0.25 else rng.choice(values)

    inner = {"city": perhaps(TEXTS), "number": rng.choice(HUGE), "at": perhaps(MOMENTS)}
    return {
        "name": rng.choice(TEXTS), "nick": perhaps(TEXTS), "price": rng.choice(REALS), "count": perhaps(NUMBERS),
        "made": perhaps(MOMENTS), "seen": rng.choice(MOMENTS), "serial": perhaps(SERIALS),
        "color": rng.choice(POOL["color"]), "fresh": rng.random() < 0.5, "tags": rng.choices(TEXTS, k=rng.randrange(4)),
        "sizes": perhaps([rng.choices(HUGE, k=rng.randrange(3))]), "inner": perhaps([inner]),
    }  # fmt: skip


def random_test(rng: random.Random) -> tuple[str, Any]:
    """A member of a condition."""
    name = rng.choice(list(KINDS))
    kind, values = KINDS[name], POOL[name]
    operators = ["eq", "ne", "lt", "le", "gt", "ge", "in", "nin", "isnull"]
    if kind == "list":
        operators = ["contains", "isnull"]
    elif kind == "text" and name != "color":
        operators += ["contains", "icontains", "startswith", "endswith"]
    operator = rng.choice(operators)
    if operator == "isnull":
        return f"{name}__isnull", rng.random() < 0.5
    if operator in ("in", "nin"):
        return f"{name}__{operator}", rng.choices([*values, None], k=rng.randrange(4))
    nullable = operator in ("eq", "ne") and rng.random() < 0.2
    return name if operator == "eq" and rng.random() < 0.5 else f"{name}__{operator}", (
        None if nullable else rng.choice(values)
    )


def random_condition(rng: random.Random, depth: int = 0) -> Any:
    if depth < 3 and rng.random() < 0.15:
        return [random_condition(rng, depth + 1) for _ in range(rng.randrange(4))]
    condition = dict(random_test(rng) for _ in range(rng.randrange(3)))
    if depth < 3 and rng.random() < 0.3:
        condition["or"] = [random_condition(rng, depth + 1) for _ in range(rng.randrange(1, 4))]
    if depth < 3 and rng.random() < 0.3:
        condition["not"] = random_condition(rng, depth + 1)
    return condition


def in_url(name: str, value: Any) -> tuple[str, str] | None:
    """A test as a parameter, where a URL can say it."""
    if isinstance(value, list):
        texts = [None if each is None else _text(each) for each in value]
        if any(text is None or "," in text for text in texts) or texts == [""]:
            return None
        return name, ",".join(text for text in texts if text is not None)
    return None if value is None else (name, _text(value))


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, (bool, float)) else str(value)


def random_query(rng: random.Random) -> tuple[list[tuple[str, str]], list[Any], str | None]:
    """Its parameters, the conditions that they stand for, and its order."""
    parameters: list[tuple[str, str]] = []
    conditions: list[Any] = []
    for _ in range(rng.choice([0, 0, 1, 1, 2])):
        name, value = random_test(rng)
        if (parameter := in_url(name, value)) is not None:
            parameters.append(parameter)
            conditions.append({name: value})
    if rng.random() < 0.5:
        conditions.append(random_condition(rng))
        parameters.append(("where", json.dumps(conditions[-1], ensure_ascii=rng.random() < 0.5)))
    sort = None
    if rng.random() < 0.7:
        terms = rng.sample(SORTABLE, k=rng.randrange(1, 4))
        sort = ",".join(rng.choice(["", "-"]) + term for term in terms)
        parameters.append(("sort", sort))
    return parameters, conditions, sort


def read_pages(client: httpx.Client, parameters: list[tuple[str, str]], limit: int) -> list[Any]:
    """All items, page by page."""
    found: list[Any] = []
    answered = client.get("/things", params=[*parameters, ("limit", str(limit))])
    while True:
        assert answered.status_code == 200, (parameters, answered.text)
        page = answered.json()
        assert len(page["items"]) <= limit
        found += page["items"]
        if page["next"] is None:
            assert "link" not in answered.headers
            return found
        answered = client.get(answered.links["next"]["url"])


def check(client: httpx.Client, rng: random.Random, stored: list[Any]) -> None:
    parameters, conditions, sort = random_query(rng)
    expected = [item for item in stored if all(holds(KINDS, condition, item) for condition in conditions)]
    expected = list(ordered(KINDS, sort, expected))
    keys = [item["id"] for item in expected]
    kind = rng.randrange(4)
    if kind == 0:
        answered = client.get("/things", params=[*parameters, ("limit", "0"), ("total", "true")]).json()
        assert answered == {"items": [], "next": None, "total": len(keys)}, parameters
    elif kind == 1:
        offset = rng.randrange(len(keys) + 2)
        found = client.get("/things", params=[*parameters, ("offset", str(offset)), ("fields", "id")]).json()["items"]
        assert found == [{"id": key} for key in keys[offset:][:20]], parameters
    else:
        assert read_pages(client, parameters, rng.choice([1, 3, 7, 100])) == expected, parameters
