"""Models as a whole: aliases, extra members, settings, defaults, recursion; compared with FastAPI."""

import json
import random
from datetime import UTC, date, datetime
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, Strict, StringConstraints, create_model
from schema_reference import Pair


class Nested(BaseModel):
    x: int
    y: str | None = None


class Tree(BaseModel):
    x: int
    kids: list["Tree"] = []
    k: "Tree | None" = None


class Colour(Enum):
    RED = "red"
    BLUE = 2


OBJECTS = [
    *["{}", '{"a":1}', '{"b":2}', '{"A":1}', '{"a":1,"A":2}', '{"A":"x","a":2}', '{"a":"x"}', '{"A":"x"}'],
    *['{"a":1,"z":2}', '{"z":1,"y":{"_sa":1}}', '{"a":null}', '{"a":1,"b":2,"c":3,"A":4,"B":5}', '{"c":"x","A":1}'],
    *['{"B":1,"b":"2","A":3}', '{"":1}', '{"a":1,"_sa_x":2}', '{"a":1,"é\\u0000":2}', '{"a":1,"a":"x"}'],
    *['{"x":NaN}', '{"a":1,"x":NaN}', '{"a":1,"x":1e-7}', '{"a":1,"x":"\\ud800"}', '{"a":1,"\\ud800":1}'],
    *["[]", "null", "1", '"a"', "true", '[{"a":1}]', "1.5", "NaN", "1" * 40],
    *[
        '{"a":{"x":1}}',
        '{"a":{"x":"1"}}',
        '{"a":{}}',
        '{"a":[],"b":{}}',
        '{"a":{"x":1,"q":1},"b":[{"x":2},{"x":"q"},3]}',
    ],
    *['{"a":" A "}', '{"a":"x","b":["","ab"," q "]}', '{"a":"abcdef"}'],
]

CONFIGS: list[ConfigDict] = [
    {},
    {"extra": "forbid"},
    {"extra": "allow"},
    {"populate_by_name": True},
    {"populate_by_name": True, "extra": "forbid"},
    {"populate_by_name": True, "extra": "allow"},
    {"validate_by_name": True, "validate_by_alias": False},
    {"loc_by_alias": False},
    {"loc_by_alias": False, "validate_by_name": True},
    {"strict": True, "extra": "forbid"},
    {"frozen": True, "from_attributes": False, "hide_input_in_errors": True},
    {"str_strip_whitespace": True, "str_to_lower": True, "str_min_length": 1},
    {"str_to_upper": True, "str_max_length": 5},
    {"allow_inf_nan": False},
]

FIELDS: list[dict[str, Any]] = [
    {"a": (int, ...), "b": (int, 7)},
    {"a": (int, Field(alias="A")), "b": (int, Field(7, alias="B"))},
    {
        "a": (int, Field(validation_alias="A")),
        "b": (int, Field(7, validation_alias=AliasChoices("B", "c"), serialization_alias="bee")),
    },
    {"a": (int, Field(validation_alias=AliasChoices("A", "z"))), "b": (int | None, None)},
    {"a": (int, Field(validation_alias="A")), "b": (int, Field(validation_alias="A"))},
    {"a": (Nested, ...), "b": (list[Nested], [])},
    {"a": (str, ...), "b": (list[str], [])},
    {"a": (Annotated[str, Field(min_length=2)], "d"), "x": (float, 0)},
]


@pytest.mark.parametrize("fields", FIELDS, ids=lambda fields: str(fields)[:70])
@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_settings(config: ConfigDict, fields: dict[str, Any]) -> None:
    pair = Pair(create_model("Model", __config__=config or None, **fields))
    answers = {pair.check(body.encode())[0] for body in OBJECTS}
    assert {200, 422} <= answers


class Defaults(BaseModel):
    a: int = "text"  # type: ignore[assignment]  # defaults are not validated
    b: float = 0
    c: float = float("nan")
    d: datetime = datetime(2020, 1, 1, tzinfo=UTC)
    u: UUID = UUID(int=5)
    n: Nested = Nested(x=1, y="é")
    m: list[Nested] = [Nested(x=1)]
    e: Colour = Colour.BLUE
    t: str | None = None
    f: float = 1e22
    g: float = 1e-7
    p: list[int] = Field(default_factory=list)
    empty_set: set[str] = Field(default_factory=set)
    empty_frozenset: frozenset[str] = Field(default_factory=frozenset)
    empty_tuple: tuple[int, ...] = Field(default_factory=tuple)
    empty_text: str = Field(default_factory=str)
    empty_bytes: bytes = Field(default_factory=bytes)
    nought: int = Field(default_factory=int)
    nothing: float = Field(default_factory=float)
    never: bool = Field(default_factory=bool)
    s: str = 'a"\n'
    r: Tree = Tree(x=1, kids=[Tree(x=2)])
    i: int = 10**30
    z: Any = (1, "x")


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_defaults() -> None:
    pair = Pair(Defaults)
    for body in ["{}", '{"a":2}', '{"a":"x","p":[1,NaN,1e-7]}', '{"r":{"x":"q"},"n":null}']:
        pair.check(body.encode())


@pytest.mark.parametrize("depth", [1, 2, 100, 253, 254, 255, 256])
def test_recursion(depth: int) -> None:
    pair = Pair(Tree)
    status = pair.check(b'{"x":1,"k":' * depth + b"null" + b"}" * depth)[0]
    assert status == (200 if depth < 255 else 422)
    pair.check(b'{"x":1,"kids":[' * depth + b"]}" * depth)


def test_a_shared_enum_is_as_strict_as_the_model_that_has_it() -> None:
    class Strict(BaseModel):
        model_config = ConfigDict(strict=True)
        a: Colour
        b: Colour

    class Lax(BaseModel):
        a: Colour
        b: Strict | None = None

    for model in (Strict, Lax):
        pair = Pair(model)
        for body in ['{"a":"red","b":"red"}', '{"a":"red","b":{"a":"red","b":2}}', '{"a":"red"}']:
            pair.check(body.encode())


def test_shared_definitions() -> None:
    class Model(BaseModel):
        a: Colour
        b: Colour
        c: Nested
        d: list[Nested]

    pair = Pair(Model)
    pair.check(b'{"a":"red","b":2.0,"c":{"x":1},"d":[{"x":2}]}')
    pair.check(b'{"a":"green","b":"2","c":{},"d":[{"x":"q"},null]}')


def test_what_pydantic_cannot_write_is_an_error_of_the_client() -> None:
    # FastAPI answers 500 here, when it fails to serialise what it has accepted.
    pair = Pair(create_model("Model", a=(Any, None)))
    deepest = b'{"a":' + b"[" * 255 + b"]" * 255 + b"}"
    assert pair.check(deepest)[0] == 200
    too_deep = b'{"a":' + b"[" * 256 + b"]" * 256 + b"}"
    assert pair.reference.post(too_deep)[0] == 500
    status, body = pair.native.validate(too_deep)
    assert status == 422
    assert b"recursion_depth_exceeded" in body


def test_lone_surrogates_count_only_where_nothing_else_fails() -> None:
    pair = Pair(create_model("Model", a=(int, ...), s=(str, "")))
    assert pair.check(b'{"a":"x","s":"\\ud800"}')[0] == 422
    assert pair.check(b'{"a":1,"s":"\\ud800"}')[0] == 500
    assert pair.check(b'{"a":1,"ignored":"\\ud800"}')[0] == 200


TEXT_SETS: list[Any] = [
    set[str],
    frozenset[date],
    set[bytes],
    set[Literal["a", "b", "c"]],
    Annotated[set[str], Field(min_length=2)],
    Annotated[frozenset[str], Field(max_length=2)],
    Annotated[set[Annotated[str, StringConstraints(to_lower=True)]], Field(min_length=1, max_length=1)],
    Annotated[set[str], Field(max_length=1, fail_fast=True)],
    Annotated[set[str], Strict()],
    Annotated[frozenset[str], Strict()],
]


@pytest.mark.parametrize("kind", TEXT_SETS, ids=str)
def test_sets_of_texts_are_those_of_python_in_another_order(kind: Any) -> None:
    pair = Pair(create_model("Model", f=(kind, ...)))
    rng = random.Random(str(kind))
    texts: list[Any] = ["a", "b", "c", "A", "2024-01-01", "2024-01-01T00:00", "0", 0, None, 5, "\u00e9"]
    for _ in range(400):
        items = rng.choices(texts[: rng.choice([3, 4, 11])], k=rng.randrange(6))
        body = json.dumps({"f": rng.choice([items, items, items, items, None, "a", {"a": 1}])}).encode()
        status, expected = pair.reference.post(body)
        answer = pair.native.validate(body)
        assert answer[0] == status, body
        if status == 200:
            # Once each, in the order of the client.
            native = json.loads(answer[1])["f"]
            assert sorted(native) == sorted(json.loads(expected)["f"])
        else:
            assert answer[1] == expected, body
