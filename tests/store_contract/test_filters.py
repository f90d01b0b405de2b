"""Filters: every operator on values of every kind, by parameters and by `where`, at any depth."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from doors import Open
from filter_cases import HUGE, LADDERS, PEOPLE, REFUSED_QUERIES, TEXT_CASES, TEXTS, WHERE_CASES
from pydantic import BaseModel, computed_field, create_model
from store_kinds import Store

KINDS = {**LADDERS, "huge": HUGE}
FIELDS: dict[str, Any] = {kind: (annotation | None, None) for kind, (annotation, _) in LADDERS.items()}
INSIDE = create_model("Inside", **FIELDS, huge=(int | None, None))
LISTS: dict[str, Any] = {f"many_{kind}": (list[annotation], []) for kind, (annotation, _) in KINDS.items()}
THING = create_model("Thing", id=(str, ...), **FIELDS, inside=(INSIDE | None, None), **LISTS)


class Word(BaseModel):
    id: str
    text: str | None = None


class Address(BaseModel):
    city: str | None = None
    zip: int


class Person(BaseModel):
    id: str
    name: str | None
    age: int | None
    tags: list[str]
    address: Address | None


class Shown(Person):
    @computed_field  # type: ignore[prop-decorator]
    @property
    def shout(self) -> str:
        return (self.name or "").upper()


def things() -> Iterator[dict[str, Any]]:
    """An item for each value, which has it as field, inside of another, and in a list; null in all other fields."""
    yield {"id": "nothing"}
    yield {"id": "nothing inside", "inside": {}}
    for kind, (_, ladder) in KINDS.items():
        for rank, values in enumerate(ladder):
            for number, value in enumerate(values):
                own = {} if kind == "huge" else {kind: value}
                many = {f"many_{kind}": [value, value]}
                yield {"id": f"{kind} {rank} {number}", **own, "inside": {kind: value}, **many}


def ranks(kind: str) -> dict[str, int]:
    """Of the items that have a value of this kind, by key."""
    return {
        f"{kind} {rank} {number}": rank for rank, values in enumerate(KINDS[kind][1]) for number in range(len(values))
    }


@pytest.fixture(scope="module")
def client(shared_store: Store, open_client: Open) -> Iterator[httpx.Client]:
    """Of filled resources, for requests that only read."""
    app = shared_store.app()
    for model, path in ((THING, "things"), (Word, "words"), (Person, "people"), (Shown, "shown")):
        # With an index on each field, and without one on what lies inside of another.
        indexes = list(LADDERS) if model is THING else []
        app.crud(model, path=f"/{path}", table=shared_store.table(path), max_page_size=1000, indexes=indexes)
    app.crud(Person, path="/limited", table=shared_store.table("people"))
    with open_client(app) as client:
        words = [*({"id": f"{number:02}", "text": text} for number, text in enumerate(TEXTS)), {"id": "null"}]
        people = [{"id": key, **person} for key, person in PEOPLE.items()]
        for path, items in (("things", list(things())), ("words", words), ("people", people), ("shown", people)):
            made = client.post(f"/{path}", json=items)
            assert made.status_code == 201, made.text[:1000]
        yield client


def found(client: httpx.Client, path: str, **query: str) -> list[str]:
    answer = client.get(path, params={"limit": "1000", "fields": "id", **query})
    assert answer.status_code == 200, (query, answer.text)
    return [item["id"] for item in answer.json()["items"]]


def in_url(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "eq": lambda left, right: left == right,
    "lt": lambda left, right: left < right,
    "le": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "ge": lambda left, right: left >= right,
}


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_compared_as_what_they_are(client: httpx.Client, kind: str) -> None:
    ladder = KINDS[kind][1]
    items = [item["id"] for item in things()]
    rank_of = ranks(kind)
    outside = [key for key in items if key not in rank_of]

    def check(operator: str, value: Any, holds: list[str]) -> None:
        """By a parameter and by `where`, of the field and of the one within another."""
        test = f"__{operator}"
        own = [] if kind == "huge" else [kind]
        for path in (*own, f"inside.{kind}"):
            assert found(client, "/things", where=json.dumps({path + test: value})) == sorted(holds), (path, operator)
        if not isinstance(value, list) or "" not in value:
            texts = value if isinstance(value, list) else [value]
            in_parameter = {f"{path}{test}": ",".join(map(in_url, texts)) for path in own}
            assert found(client, "/things", **in_parameter) == sorted(holds if own else items), in_parameter

    for rank, values in enumerate(ladder):
        for value in values:
            for operator, compare in COMPARISONS.items():
                check(operator, value, [key for key, its in rank_of.items() if compare(its, rank)])
            check("ne", value, [*outside, *(key for key, its in rank_of.items() if its != rank)])
            in_list = found(client, "/things", **{f"many_{kind}__contains": in_url(value)})
            assert in_list == sorted(key for key, its in rank_of.items() if its == rank)
    chosen = [values[-1] for values in ladder[::2]]
    check("in", chosen, [key for key, rank in rank_of.items() if rank % 2 == 0])
    check("nin", chosen, [*outside, *(key for key, rank in rank_of.items() if rank % 2)])
    for is_null, keys in ((True, outside), (False, list(rank_of))):
        check("isnull", is_null, keys)


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_sorted_as_what_they_are(client: httpx.Client, kind: str) -> None:
    """Null first, equal ones by key."""
    keys = ranks(kind)
    ascending = sorted((item["id"] for item in things()), key=lambda key: (keys.get(key, -1), key))
    for path in ([] if kind == "huge" else [kind]) + [f"inside.{kind}"]:
        assert found(client, "/things", sort=path) == ascending
        assert found(client, "/things", sort=f"-{path}") == ascending[::-1]


def test_parts_of_texts(client: httpx.Client) -> None:
    for operator, value, texts in TEXT_CASES:
        expected = [f"{TEXTS.index(text):02}" for text in TEXTS if text in texts]
        assert found(client, "/words", **{f"text__{operator}": value}) == expected, (operator, value)
        condition = {f"text__{operator}": value}
        assert found(client, "/words", where=json.dumps(condition)) == expected, condition
        others = [*(f"{number:02}" for number, text in enumerate(TEXTS) if text not in texts), "null"]
        assert found(client, "/words", where=json.dumps({"not": condition})) == others, condition


@pytest.mark.parametrize("path", ["/people", "/shown"])
def test_conditions(client: httpx.Client, path: str) -> None:
    for where, keys in WHERE_CASES:
        assert "".join(found(client, path, where=json.dumps(where))) == keys, where
        total = client.get(path, params={"where": json.dumps(where), "limit": "0", "total": "true"}).json()
        assert total == {"items": [], "next": None, "total": len(keys)}, where


def test_all_parameters_hold_at_once(client: httpx.Client) -> None:
    def keys(query: str) -> str:
        answer = client.get(f"/people?{query}")
        assert answer.status_code == 200, (query, answer.text)
        return "".join(item["id"] for item in answer.json()["items"])

    assert keys("name=Ann&age=20") == "e"
    assert keys("age__gt=1&age__lt=30") == "ce"
    assert keys("tags__contains=x&tags__contains=y") == "a"
    assert keys("age__ne=20&age__ne=30") == "b"
    assert keys('age=30&where={"name":null}') == "d"
    assert keys("address.city=Oslo&address.zip__gt=10") == "a"
    assert keys("_=1&name=Bob") == "b"
    assert keys("name__in=Ann,Bob&name__nin=Bob") == "ae"


def test_what_is_no_query_is_refused(client: httpx.Client) -> None:
    for query, name in REFUSED_QUERIES:
        refused = client.get(f"/limited?{query}")
        assert refused.status_code == 422, (query, refused.text)
        assert name in [error["loc"][1] for error in refused.json()["detail"]], (query, refused.text)
        assert all(error["loc"][0] == "query" for error in refused.json()["detail"])
    near = client.get("/limited?nme=x").json()["detail"][0]["msg"]
    assert "'name'" in near


def test_a_hostile_condition_ends_nobody(client: httpx.Client) -> None:
    deep: Any = {"age": 30}
    for depth in range(500):
        if depth < 9:
            assert "".join(found(client, "/people", where=json.dumps(deep))) == ("bce" if depth % 2 else "ad")
        deep = {"not": deep}
    for where in (deep, [{"age": number} for number in range(101)], {"age__in": list(range(1001))}):
        assert client.get("/people", params={"where": json.dumps(where)}).status_code == 422
    assert client.get("/people", params={"where": "[" * 5000}).status_code == 422
    widest = {"or": [{"age": number} for number in range(49)]}
    assert "".join(found(client, "/people", where=json.dumps(widest))) == "acde"
    longest = {"age__in": list(range(1000))}
    assert "".join(found(client, "/people", where=json.dumps(longest))) == "acde"
    for text in ("' OR '1'='1", "\x00", "$ne", "{}", '"', "%", "../..", "x" * 4000):
        assert found(client, "/people", name=text) == []
