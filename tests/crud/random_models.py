"""Models by chance, of every type that models commonly have, and bodies for them: right, wrong and hostile."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import ipaddress
import random
import uuid
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Union, get_origin

from pydantic import (
    AfterValidator,
    AnyUrl,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    EmailStr,
    Field,
    FutureDatetime,
    HttpUrl,
    Json,
    NaiveDatetime,
    PastDate,
    PlainSerializer,
    RootModel,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    computed_field,
    create_model,
)
from typing_extensions import TypedDict

Value = Callable[[random.Random], Any]


class Size(enum.Enum):
    SMALL = "small"
    LARGE = "large"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Mixed(enum.Enum):
    HALF = 0.5
    NOTHING = None
    TEXT = "text"


class Pair(NamedTuple):
    left: int
    right: str = "r"


class Named(TypedDict, total=False):
    name: str
    size: int


@dataclasses.dataclass
class Spot:
    x: int
    y: float = 0.5


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


def _one_of(*values: Any) -> Value:
    return lambda rng: rng.choice(values)


_INTS = _one_of(0, 1, -5, 7, 12, 2**31, 2**63 - 1, -(2**63), "5", " 6 ", 3.0, True)
_TEXTS = _one_of("", "a", "ab", " abc ", "é", "x" * 40, "\u0000", "\U0001f600", "A")
_TIMES = ["10:00", "10:00:00.5Z", "23:59:59.999999+05:30", 5, 86399, 0.25, "3600"]
_DATES = ["2024-02-29", "0001-01-01", "9999-12-31", 0, 86400, "2024-01-01T00:00:00", "1e3"]
_SPANS = ["PT1.5S", "P1DT2H", "-P3D", "1 day, 10:00", "10:00:00", 5, 0.25, "P1Y", True, "1d", 1e9]
_DECIMALS = ["1.10", "0", "-1.5", 1.1, 5, "1e3", "123456789012345678901234567890.12", "1_0", "NaN", "-0", 1e22]

SCALARS: list[tuple[Any, Value]] = [
    (int, _INTS),
    (Annotated[int, Field(ge=0, lt=100, multiple_of=3)], _INTS),
    (float, _one_of(0, 1.5, -0.0, 1e22, 1e-7, "2.5", "inf", 3)),
    (bool, _one_of(True, False, 1, 0, "yes", "off", 1.0)),
    (str, _TEXTS),
    (Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True, min_length=1, max_length=5)], _TEXTS),
    (Annotated[str, Field(pattern=r"^[a-z]+$")], _TEXTS),
    (bytes, _TEXTS),
    (Decimal, _one_of(*_DECIMALS)),
    (Annotated[Decimal, Field(max_digits=5, decimal_places=2, gt=0)], _one_of(*_DECIMALS)),
    (date, _one_of(*_DATES)),
    (time, _one_of(*_TIMES)),
    (timedelta, _one_of(*_SPANS)),
    (datetime, _one_of("2024-02-29T12:34:56.789Z", "2024-01-01 10:00", 1700000000, "2024-01-01", 1.5)),
    (AwareDatetime, _one_of("2024-02-29T12:34:56Z", "2024-01-01 10:00")),
    (NaiveDatetime, _one_of("2024-02-29T12:34:56Z", "2024-01-01 10:00")),
    (uuid.UUID, _one_of("12345678-1234-4234-8234-123456789abc", "12345678123442348234123456789abc")),
    (Size, _one_of("small", "large", "SMALL")),
    (Level, _one_of(1, 2, "1", 2.0, 3)),
    (Mixed, _one_of(0.5, None, "text", "half")),
    (Literal["a", 1, True], _one_of("a", 1, True, 1.0, "b")),
    (Literal[Size.SMALL, None], _one_of("small", None, "large")),
    (Any, _one_of(1, "a", None, [1, {"a": 2}], {"b": 1.5})),
    (ipaddress.IPv4Address, _one_of("127.0.0.1", "::1", 5)),
    (HttpUrl, _one_of("http://example.org", "https://a.b/c?d#e", "ftp://x", "http://exa mple")),
    (EmailStr, _one_of("a@b.co", "Ann@Mail.Example.Com", "a@b", "Info@x.de", "A <a@b.co>", 5)),
    (HttpUrl, _one_of("http://example.org/a?b", "https://a.b", "https://a.b:443/c", "")),
    (PastDate, _one_of("2001-02-03", "2999-01-01", 0, "x")),
    (FutureDatetime, _one_of("2999-01-01T00:00:00Z", "2001-01-01", 1e11, "x")),
    (AnyUrl, _one_of("http://example.org", "mailto:x@y", "x")),
    (Path, _one_of("/tmp/x", "a/../b")),
    (SecretStr, _TEXTS),
    (Json[list[int]], _one_of("[1]", '["2"]', "[", "{}")),
    (Annotated[int, BeforeValidator(lambda value: 5 if value == "five" else value)], _one_of("five", 6, "x")),
    (Annotated[str, AfterValidator(str.strip)], _TEXTS),
    (Annotated[int, PlainSerializer(lambda value: f"<{value}>")], _INTS),
    (Pair, _one_of([1, "a"], [1], [], {"left": 1}, [1, "a", 2])),
    (Named, _one_of({"name": "n"}, {"name": 1}, {}, {"size": "5", "x": 1})),
    (Spot, _one_of({"x": 1}, {"x": "2", "y": 3}, {}, {"x": 1, "z": 1})),
    (
        Annotated[Cat | Dog, Field(discriminator="kind")],
        _one_of({"kind": "cat"}, {"kind": "dog"}, {"kind": "dog", "name": "d"}, {"kind": "cow"}, {}),
    ),
    (RootModel[list[int]], _one_of([1, "2"], [], ["x"])),
]

HOSTILE: list[Any] = [
    None, True, 0, -1, 1.5, 1e400, float("nan"), 10**30, "", "text", [], {}, [[]], {"a": {"a": []}}, "\ud800",
    "1" * 400, {"__class__": 1}, ["x", None, 3], "2024-13-01", 2**63,
]  # fmt: skip


# Scalars and shapes of which the native core knows everything. Adding to these is how a type is proved.
NATIVE: list[tuple[Any, Value]] = [
    (int, _INTS),
    (Annotated[int, Field(ge=0, lt=100, multiple_of=3)], _INTS),
    (float, _one_of(0, 1.5, -0.0, 1e22, 1e-7, "2.5", "inf", 3)),
    (bool, _one_of(True, False, 1, 0, "yes", "off", 1.0)),
    (str, _TEXTS),
    (Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True, min_length=1, max_length=5)], _TEXTS),
    (datetime, _one_of("2024-02-29T12:34:56.789Z", "2024-01-01 10:00", 1700000000, "2024-01-01", 1.5)),
    (date, _one_of(*_DATES)),
    (Annotated[date, Field(ge=date(2000, 1, 1), lt=date(9999, 12, 31))], _one_of(*_DATES)),
    (time, _one_of(*_TIMES)),
    (timedelta, _one_of(*_SPANS)),
    (Annotated[timedelta, Field(ge=timedelta(0), lt=timedelta(days=300))], _one_of(*_SPANS)),
    (Decimal, _one_of(*_DECIMALS)),
    (Annotated[Decimal, Field(max_digits=5, decimal_places=2, gt=0)], _one_of(*_DECIMALS)),
    (Annotated[Decimal, Field(multiple_of=Decimal("0.1"), le=100)], _one_of(*_DECIMALS)),
    (bytes, _TEXTS),
    (Annotated[bytes, Field(min_length=1, max_length=3)], _TEXTS),
    (uuid.UUID, _one_of("12345678-1234-4234-8234-123456789abc", "12345678123442348234123456789abc")),
    (Size, _one_of("small", "large", "SMALL")),
    (Level, _one_of(1, 2, "1", 2.0, 3)),
    (Literal["a", 1, True], _one_of("a", 1, True, 1.0, "b")),
    (Any, _one_of(1, "a", None, [1, {"a": 2}], {"b": 1.5})),
    (
        Annotated[Cat | Dog, Field(discriminator="kind")],
        _one_of({"kind": "cat"}, {"kind": "dog"}, {"kind": "dog", "name": "d"}, {"kind": ["cow"]}, {}),
    ),
]
_LIST, _DICT, _TUPLE, _SET, _UNION, _OPTIONAL, _MODEL = 0, 2, 3, 4, 5, 6, 7
NATIVE_SHAPES = [_LIST, _DICT, _TUPLE, _SET, _UNION, _OPTIONAL, _MODEL]


def random_type(rng: random.Random, depth: int, *, native: bool = False) -> tuple[Any, Value]:
    """A type, and what makes values that mostly fit it."""
    if depth <= 0 or rng.random() < 0.45:
        return rng.choice(NATIVE if native else SCALARS)
    inner, value = random_type(rng, depth - 1, native=native)
    other, other_value = random_type(rng, depth - 1, native=native)
    shape = rng.choice(NATIVE_SHAPES) if native else rng.randrange(10)
    limits: dict[str, Any] = (
        {"max_length": 3} if rng.random() < 0.3 else {"min_length": 1} if rng.random() < 0.3 else {}
    )
    if shape < _DICT:
        return Annotated[list[inner], Field(**limits)], lambda r: [value(r) for _ in range(r.randrange(5))]
    if shape == _DICT:
        key, key_value = rng.choice([(str, _TEXTS), (int, _one_of("1", "2", "x")), (Size, _one_of("small"))])
        made = Annotated[dict[key, inner], Field(**limits)]
        return made, lambda r: {str(key_value(r)): value(r) for _ in range(r.randrange(4))}
    if shape == _TUPLE:
        if rng.random() < 0.5:
            return tuple[inner, ...], lambda r: [value(r) for _ in range(r.randrange(4))]
        return tuple[inner, other], lambda r: [value(r), other_value(r)][: r.choice([2, 2, 2, 1])]
    if shape == _SET:
        hashables = [(str, _TEXTS), (date, _one_of(*_DATES)), (Size, _one_of("small", "large")), (int, _INTS)]
        hashable, hashable_value = rng.choice(hashables[:3] if native else hashables)
        kind = rng.choice([set, frozenset])[hashable]  # type: ignore[index]
        # One or none: the order of a set is Python's. Several of them, and equal ones, are in tests/schema.
        return kind, lambda r: [hashable_value(r)] * r.randrange(2)
    if shape == _UNION:
        if Json[list[int]] in (inner, other):  # next to a str nobody knows which of both was sent
            return inner, value
        union: Any = Union[inner, other]  # noqa: UP007 - the types are values here
        if rng.random() < 0.3 and get_origin(union) is Union:
            ordered = Annotated[union, Field(union_mode="left_to_right")]
            with contextlib.suppress(RuntimeError):  # Pydantic makes one Literal of two
                TypeAdapter(ordered)
                union = ordered
        return union, lambda r: r.choice([value, other_value])(r)
    if shape == _OPTIONAL:
        return inner | None if not isinstance(inner, str) else inner, lambda r: None if r.random() < 0.3 else value(r)
    return random_model(rng, depth - 1, native=native)


def random_model(rng: random.Random, depth: int, *, native: bool = False) -> tuple[type[BaseModel], Value]:
    """A model, and what makes objects for it. `native`: of nothing that needs Python."""
    fields: dict[str, Any] = {}
    values: dict[str, Value] = {}
    defaults: list[Any] = [..., ..., None]
    for number in range(rng.randrange(1, 5)):
        kind, value = random_type(rng, depth, native=native)
        options: dict[str, Any] = {}
        name = f"f{number}"
        key = name
        if rng.random() < 0.25:
            key = f"A{number}"
            options["alias" if native else rng.choice(["alias", "validation_alias"])] = key
        elif not native and rng.random() < 0.1:
            options["serialization_alias"] = f"S{number}"
        if not native and rng.random() < 0.08:
            options["exclude"] = True
        fields[name] = (kind, Field(rng.choice(defaults), **options))
        values[key] = value
    config = ConfigDict(extra=rng.choice(["ignore", "ignore", "forbid", "allow"]))
    if rng.random() < 0.1:
        config["strict"] = True
    if rng.random() < 0.1:
        config["populate_by_name"] = True
    if not native and rng.random() < 0.1:
        config["ser_json_timedelta"] = "float"
    model = create_model(f"M{rng.randrange(10**6)}", __config__=config, **fields)
    if not native and rng.random() < 0.1:
        model = type(model.__name__, (model,), {"extra_one": computed_field(property(_two)), "__module__": __name__})

    def make(r: random.Random) -> dict[str, Any]:
        made = {key: each(r) for key, each in values.items() if r.random() < 0.92}
        if r.random() < 0.15:
            # With "allow" a member that has the name of a field under another makes FastAPI answer one name twice.
            names = ["x", "é", "_sa"] if config["extra"] == "allow" else ["x", "f0", "A0", "é", "_sa"]
            made[r.choice(names)] = r.choice(HOSTILE)
        return made

    return model, make


def _two(self: Any) -> int:
    return 2


def damaged(rng: random.Random, value: Any) -> Any:
    """`value` with something else somewhere in it, or as it is."""
    if rng.random() < 0.5:
        return value
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(list(value))
        return {**value, key: damaged(rng, value[key]) if rng.random() < 0.6 else rng.choice(HOSTILE)}
    if isinstance(value, list) and value and rng.random() < 0.7:
        place = rng.randrange(len(value))
        return [*value[:place], rng.choice(HOSTILE), *value[place + 1 :]]
    return rng.choice(HOSTILE)
