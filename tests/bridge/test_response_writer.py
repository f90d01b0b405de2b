"""The native writer of responses against Pydantic: what it writes is what FastAPI would."""

from __future__ import annotations

import datetime
import decimal
import enum
import io
import json
import os
import random
import struct
import uuid
import warnings
import zoneinfo
from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    StringConstraints,
    TypeAdapter,
    computed_field,
    field_validator,
    model_serializer,
    model_validator,
)

from data_bridge._core import ResponseWriter
from data_bridge.compile.response_schema import read_schema

CASES = int(os.environ.get("DATA_BRIDGE_RANDOM_RESPONSES", "3000"))


class Colour(str, enum.Enum):  # noqa: UP042 - as in most applications
    """Found by a str as well."""

    RED = "red"
    GREEN = "gr\u00fcn"


class Number(enum.IntEnum):
    """Found by its members alone."""

    ONE = 1


class Leaf(BaseModel):
    """Constraints of every kind."""

    model_config = ConfigDict(extra="forbid")
    x: int = Field(1, ge=-3, lt=2**40)
    y: float | None = Field(None, gt=-1e300)
    s: str = Field("a", min_length=1, max_length=4)


class Tree(BaseModel):
    """Recursive, with aliases."""

    name: str = Field(alias="Name", serialization_alias="the-name")
    hidden: str = Field("secret", exclude=True)
    both: int = Field(0, validation_alias=AliasChoices("b1", "b2"))
    leaves: list[Leaf] = []
    children: dict[str, Tree] = Field(default_factory=dict)
    parent: Tree | None = None


class Everything(BaseModel):
    """All types that are written natively."""

    model_config = ConfigDict(populate_by_name=True)
    i: int
    f: float
    b: bool
    s: str
    n: None = None
    a: Any = None
    t: datetime.datetime | None = None
    d: datetime.date | None = None
    u: uuid.UUID | None = None
    c: decimal.Decimal | None = Field(None, alias="Cash")
    l: Literal["x", "y"] = "x"  # noqa: E741
    e: Colour = Colour.RED
    m: Number | None = None
    li: Annotated[list[int], Field(max_length=3)] = []
    di: dict[str, float] = {}
    un: int | str | float | list[int] | list[str] | Leaf | None = None
    un2: Colour | bool | datetime.datetime | uuid.UUID | decimal.Decimal | Literal["x"] | str = "x"
    un3: Annotated[int | str, Field(union_mode="left_to_right")] = 1
    se: set[int] = set()


class Validated(BaseModel):
    """What validators make of a value is theirs, but nobody asks them about an instance."""

    v: int
    w: str = "w"

    @field_validator("v")
    @classmethod
    def _twice(cls, value: int) -> int:
        return value * 2

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return {**value, "w": "named"} if isinstance(value, dict) else value


class FieldValidated(BaseModel):
    """A validator of one field."""

    v: int

    @field_validator("v")
    @classmethod
    def _twice(cls, value: int) -> int:
        return value * 2


class Strict(BaseModel):
    """Dicts are refused."""

    model_config = ConfigDict(strict=True)
    i: int = 0


class Trimmed(BaseModel):
    """A rule of the model for all its texts."""

    model_config = ConfigDict(str_strip_whitespace=True)
    s: str


MODELS: list[type[BaseModel]] = [Leaf, Tree, Everything, Validated, FieldValidated, Strict, Trimmed]
KEYWORDS: list[dict[str, Any]] = [
    {"by_alias": True},
    {"by_alias": False},
    {"by_alias": True, "exclude_none": True},
    {"by_alias": True, "exclude_unset": True},
]


def offset(**amount: int) -> datetime.timezone:
    return datetime.timezone(datetime.timedelta(**amount))


def named_zone(seconds: int) -> zoneinfo.ZoneInfo:
    """A file of one zone without transitions (RFC 8536)."""
    counts = struct.pack(">6I", 0, 0, 0, 0, 1, 4)
    return zoneinfo.ZoneInfo.from_file(
        io.BytesIO(b"TZif" + bytes(16) + counts + struct.pack(">iBB", seconds, 0, 0) + b"ABC\0"), "Test/Zone"
    )


def parsed(text: str) -> datetime.datetime:
    """With the time zone that Pydantic gives."""
    return TypeAdapter(datetime.datetime).validate_python(text)


class OwnZone(datetime.tzinfo):
    def utcoffset(self, when: datetime.datetime | None) -> datetime.timedelta:
        return datetime.timedelta(hours=1)


ZONES = [
    offset(hours=5, minutes=30),
    offset(hours=-9, minutes=-30),
    offset(seconds=30),
    offset(seconds=-30),
    offset(microseconds=1),
    named_zone(-3600),
    named_zone(61),
    OwnZone(),
    parsed("2024-01-31T00:00:00Z").tzinfo,
    parsed("2024-01-31T00:00:00-23:59").tzinfo,
]


def expected(adapter: TypeAdapter[Any], value: Any, keywords: dict[str, Any], python_floats: bool) -> bytes | None:
    """What FastAPI makes of ``value``; None where it fails, or where somebody is warned."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            checked = adapter.validator.validate_python(value, from_attributes=True)
            if not python_floats:
                return bytes(adapter.serializer.to_json(checked, **keywords))
            plain = adapter.dump_python(checked, mode="json", **keywords)
            return json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        except Exception:
            return None


def scalar(random: random.Random) -> Any:
    """Of any type, mostly good ones."""
    zones = [None, datetime.timezone.utc, *ZONES]  # noqa: UP017
    choices: list[Callable[[], Any]] = [
        lambda: random.choice([0, 1, -3, -4, 2**40, 2**53 + 1, 2**63, -(2**70)]),
        lambda: random.choice([0.0, -0.0, 1.5, 1e16, 1e15, 1e-5, 1e-7, 123456789.125, 1e300]),
        lambda: random.choice([float("nan"), float("inf")]),
        lambda: random.choice(["", "a", "abcd", "abcde", "x", "y", "red", "gr\u00fcn", " t ", "\ud800"]),
        lambda: random.choice(['"\\\n\x7f\u2028', "\U0001f600"]),
        lambda: random.choice([True, False, None]),
        lambda: datetime.datetime(
            random.choice([1, 999, 2024]), 2, 3, 4, 5, 6, random.choice([0, 7, 120000]), random.choice(zones)
        ),
        lambda: datetime.date(random.choice([1, 2024]), 12, 31),
        lambda: uuid.UUID(int=random.choice([0, 1, 2**127 + 2**64 - 1, random.getrandbits(128)])),
        lambda: decimal.Decimal(random.choice(["1.10", "0E-7", "-0", "1E+5", "NaN", "Infinity"])),
        lambda: random.choice([Colour.RED, Colour.GREEN, Number.ONE]),
    ]
    return random.choice(choices)()


def fitting(random: random.Random, model: type[BaseModel], depth: int) -> Any:
    """A dict or an instance that may well be right."""
    values: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if not field.is_required() and random.random() < 0.4:
            continue
        values[name] = for_field(random, name, depth)
    aliases = {name: field.validation_alias for name, field in model.model_fields.items()}
    if random.random() < 0.5:
        return model.model_construct(**values) if random.random() < 0.8 else attempt(model, values)
    wire = {}
    for name, value in values.items():
        alias = aliases[name] if random.random() < 0.9 else None
        wire[random.choice(["b1", "b2"]) if isinstance(alias, AliasChoices) else alias or name] = value
    if random.random() < 0.1:
        wire["more"] = 1
    return wire


def attempt(model: type[BaseModel], values: dict[str, Any]) -> Any:
    """The instance that validation makes, or else the values."""
    try:
        return model.model_validate(values)
    except ValueError:
        return values


def for_field(random: random.Random, name: str, depth: int) -> Any:
    """A value for one of the fields above."""
    if random.random() < 0.06:
        return scalar(random)
    some = ["", "a", "cb"]
    good: dict[str, Callable[[], Any]] = {
        "leaves": lambda: [fitting(random, Leaf, depth + 1) for _ in range(random.randrange(3))],
        "children": lambda: {} if depth > 3 else {key: fitting(random, Tree, depth + 1) for key in random.choice(some)},
        "parent": lambda: None if depth > 3 else fitting(random, Tree, depth + 1),
        "f": lambda: random.choice([1.5, 1e-5, 1e22, 3, -0.0, random.random()]),
        "y": lambda: random.choice([None, 0.1, -7, 1e16]),
        "b": lambda: random.random() < 0.5,
        "n": lambda: None,
        "a": lambda: random.choice([None, 1, 0.00001, "x", [1, {"k": [None, True]}], {"a": {}}, {1: 2}, (1,)]),
        "t": lambda: datetime.datetime.now(datetime.timezone.utc) if random.random() < 0.5 else None,  # noqa: UP017
        "d": lambda: datetime.date(2024, 2, 29),
        "u": uuid.uuid4,
        "c": lambda: decimal.Decimal("9.90"),
        "l": lambda: random.choice("xy"),
        "e": lambda: random.choice([Colour.GREEN, "red"]),
        "m": lambda: random.choice([Number.ONE, 1, None]),
        "li": lambda: [random.randrange(10) for _ in range(random.randrange(5))],
        "un": lambda: random.choice([1, "1", 1.5, True, [1], ["a"], [], None, Leaf(), Leaf(x=3), {"x": 1}]),
        "un2": lambda: scalar(random),
        "un3": lambda: random.choice([1, "a", "5"]),
        "se": lambda: random.choice([set(), {3, 1, 2}, {10**9, 5, 7}, [1, 2]]),
        "di": lambda: {"k": random.choice([1.0, 2])},
    }  # fmt: skip
    if name in good:
        return good[name]()
    return random.choice([1, 2, -3]) if name in ("i", "x", "v", "both") else random.choice(["a", "xy", "\u00e9t\u00e9"])


def test_what_is_written_is_what_pydantic_writes() -> None:
    """Over random values, right and wrong; most of the right ones are written, so that the test has a subject."""
    seed = int(os.environ.get("DATA_BRIDGE_SEED", "7"))
    chance = random.Random(seed)
    annotations: list[Any] = [*MODELS, *(list[model] for model in MODELS), dict[str, Everything], Tree | None]  # type: ignore[valid-type]
    adapters = [(annotation, TypeAdapter(annotation)) for annotation in annotations]
    rights = written = 0
    for case in range(CASES):
        annotation, adapter = chance.choice(adapters)
        keywords, python_floats = chance.choice(KEYWORDS), chance.random() < 0.3
        schema = read_schema(adapter.core_schema, keywords, python_floats=python_floats)
        assert schema is not None, annotation
        writer = ResponseWriter(schema)
        model = chance.choice(MODELS)
        for candidate in MODELS:
            if candidate.__name__ in str(annotation):
                model = candidate
        value = fitting(chance, model, 0)
        if "list[" in str(annotation):
            value = [value, *(fitting(chance, model, 0) for _ in range(chance.randrange(3)))]
        elif "dict[" in str(annotation):
            value = {"one": value}
        text = writer.write(value)
        right = expected(adapter, value, keywords, python_floats)
        rights += right is not None
        if text is not None:
            written += 1
            assert text == right, f"case {case} of seed {seed}: {annotation} {value!r} {keywords}"
    assert written > rights / 3  # the rest has to be converted, or has another type on purpose


@pytest.mark.parametrize(
    ("annotation", "value", "text"),
    [
        (Leaf, {"x": 2}, b'{"x":2,"y":null,"s":"a"}'),
        (Leaf, Leaf(x=2, y=0.25), b'{"x":2,"y":0.25,"s":"a"}'),
        (Validated, {"v": 1}, None),
        (Validated, Validated.model_construct(v=1, w="b"), b'{"v":1,"w":"b"}'),
        (FieldValidated, {"v": 1}, None),
        (FieldValidated, FieldValidated.model_construct(v=1), b'{"v":1}'),
        (Strict, {"i": 1}, None),
        (Strict, {}, None),
        (Annotated[Colour, Field(strict=True)], "red", None),
        (Colour, "red", b'"red"'),
        (Annotated[str, Field(pattern="^b")], "a", None),
        (Annotated[str, StringConstraints(to_upper=True)], "a", None),
        (Annotated[str, StringConstraints(strip_whitespace=True)], " a", None),
        (Annotated[int | str, Field(union_mode="left_to_right")], "5", None),
        (int | str, "5", b'"5"'),
        (Strict, Strict(i=1), b'{"i":1}'),
        (list[int], [1, True], None),
        (list[int], (1,), None),
        (dict[str, Any], {"a": [1.0, None]}, b'{"a":[1.0,null]}'),
        (Annotated[int, Field(ge=2)], 1, None),
        (Annotated[int, Field(multiple_of=2)], 4, None),
        (datetime.datetime, parsed("2024-01-31T10:00:00Z"), b'"2024-01-31T10:00:00Z"'),
        (datetime.datetime, parsed("2024-01-31T10:00:00.5+05:30"), b'"2024-01-31T10:00:00.500000+05:30"'),
        (datetime.datetime, datetime.datetime(1, 2, 3, tzinfo=offset(hours=-1)), b'"0001-02-03T00:00:00-01:00"'),
        (datetime.datetime, datetime.datetime(1, 2, 3, tzinfo=named_zone(7200)), b'"0001-02-03T00:00:00+02:00"'),
        (datetime.datetime, datetime.datetime(1, 2, 3, tzinfo=offset(seconds=-30)), None),
        (datetime.datetime, datetime.datetime(1, 2, 3, tzinfo=OwnZone()), None),
    ],
)
def test_which_values_are_written(annotation: Any, value: Any, text: bytes | None) -> None:
    """And which are Pydantic's."""
    schema = read_schema(TypeAdapter(annotation).core_schema, {"by_alias": True}, python_floats=False)
    assert schema is not None
    assert ResponseWriter(schema).write(value) == text


def _computed() -> Any:
    class Computed(BaseModel):
        x: int

        @computed_field  # type: ignore[prop-decorator]
        @property
        def y(self) -> int:
            return self.x

    return Computed


def _serialised() -> Any:
    class Serialised(BaseModel):
        x: int

        @model_serializer
        def y(self) -> int:
            return self.x

    return Serialised


class Open(BaseModel):
    """Members that are no fields."""

    model_config = ConfigDict(extra="allow")


class Root(RootModel[list[int]]):
    """A value that is no object."""


class Again(BaseModel):
    """Its instances are validated."""

    model_config = ConfigDict(revalidate_instances="always")


@pytest.mark.parametrize(
    "annotation", [_computed(), _serialised(), Open, Root, Again, list[bytes], tuple[int, ...], int | bytes, Literal[1]]
)
def test_what_is_pydantics_alone(annotation: Any) -> None:
    """Nothing is made for a schema with a part that is not known."""
    assert read_schema(TypeAdapter(annotation).core_schema, {"by_alias": True}, python_floats=False) is None


@pytest.mark.parametrize("keywords", [{"include": {"x"}}, {"exclude": set()}, {"exclude_defaults": True}])
def test_keywords_that_are_pydantics(keywords: dict[str, Any]) -> None:
    """Nor with a choice of fields."""
    schema = TypeAdapter(Leaf).core_schema
    assert read_schema(schema, {"by_alias": True, **keywords}, python_floats=False) is None


def test_circles_and_depth() -> None:
    """Circles are reported by Pydantic."""
    tree = Tree(Name="a")
    tree.children["self"] = tree
    tree.children["again"] = tree
    schema = read_schema(TypeAdapter(Tree).core_schema, {"by_alias": True}, python_floats=False)
    assert schema is not None
    assert ResponseWriter(schema).write(tree) is None
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    anything = read_schema(TypeAdapter(Any).core_schema, {"by_alias": True}, python_floats=False)
    assert anything is not None
    assert ResponseWriter(anything).write(deep) is None


def test_refused_again_and_again() -> None:
    """A route whose values are Pydantic's is hardly tried; one that becomes good is tried again."""
    schema = read_schema(TypeAdapter(list[int]).core_schema, {"by_alias": True}, python_floats=False)
    assert schema is not None
    writer = ResponseWriter(schema)
    assert all(writer.write([True]) is None for _ in range(100))
    assert any(writer.write([1]) == b"[1]" for _ in range(32))
    assert all(writer.write([1]) == b"[1]" for _ in range(100))
