"""Seeded random comparison with FastAPI: damaged texts of every format, and models made by chance."""

import json
import random
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, Union
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, create_model
from schema_reference import Pair

ROUNDS = 150  # per type; each round posts a list of 20 texts at once

SEEDS: dict[Any, list[str]] = {
    int: ["123", "-45", "+6", "1_000", " 7 ", "8.0", "-9.000", "00012", "9223372036854775807", "1" * 25],
    float: [
        "1.5",
        "-2e10",
        ".5",
        "5.",
        "1_0.2_5",
        "inf",
        "-Infinity",
        "NaN",
        "1e-320",
        " 7.0e+3 ",
        "179769313486231580e291",
    ],
    bool: ["true", "false", "on", "off", "yes", "no", "1", "0", "t", "N"],
    datetime: [
        "2024-02-29T12:34:56.789012+05:30",
        "1999-12-31 23:59Z",
        "2024-01-01",
        "0001-01-01T00:00:00-23:59",
        "1700000000.123456",
        "-62135596800",
        "20000000001",
        "253402300799",
        "2024-02-29t12:34:56,7z",
    ],
    date: [
        "2024-02-29",
        "0001-01-01",
        "9999-12-31T00:00:00.0000001z",
        "1700006400",
        "-86400.0",
        "2024-01-01 00:00+05:30",
    ],
    time: ["10:00", "23:59:59", "00:00:00.5", "12:34:56.123456789+05:30", "10:00:00,1z", "01:02-0330"],
    timedelta: [
        "P1Y2M3W4DT5H6M7.89S",
        "-P1D",
        "+PT0.5H",
        "PT1,5S",
        "1 day, 10:00:00.5",
        "2d",
        "-3 days 100:00",
        "10:00:00.1234567",
        "P999999999DT23H",
        "1Days,00:00",
        "PT4294967295S",
        "P11767033Y",
    ],
    Decimal: [
        "1.10",
        "-0.00",
        "+12_3.4e-5",
        "0.0000001",
        "1E+1000",
        "1e-999999999999999999",
        " .5",
        "5.",
        "NaN",
        "-inf",
    ],
    Annotated[Decimal, Field(max_digits=6, decimal_places=3)]: [
        "123.4500",
        "1.2345",
        "1e3",
        "0.0001e1",
        "123456e-3",
        "0.000",
        "0e9",
        "100000000e-6",
        "1234567890e-7",
    ],
    Annotated[Decimal, Field(multiple_of=Decimal("0.07"), gt=-5, le=Decimal("1E+40"))]: [
        "0.14",
        "7e25",
        "7e26",
        "7e27",
        "7.0000000000000000000000000001",
        "1e38",
        "-0.07",
        "49e-2",
        "1e-30",
        "2333333.33e-2",
    ],
    UUID: [
        "12345678-1234-4234-8234-123456789abc",
        "{12345678-1234-4234-8234-123456789ABC}",
        "urn:uuid:12345678-1234-4234-8234-123456789abc",
        "12345678123442348234123456789abc",
    ],
    Annotated[str, Field(pattern=r"^[A-Z]\w+\s\d{2,3}(-[a-z]+)?$")]: [
        "Abc 12",
        "Öbc\u00a0123-x",
        "Z_9\t99",
        "Ⅷx 12",
        "A\u0301b\u3000٣٤",
    ],
    Annotated[str, StringConstraints(to_lower=True, strip_whitespace=True, min_length=2, max_length=12)]: [
        "ΑΣ ΣΑΣ",
        " ẞß\u200d ",
        "İstanbul",
        "ΌΣΟΣ'",
        "\u1680ab\u2028",
        "ⓐⒶ",
    ],
    Annotated[str, StringConstraints(to_upper=True)]: ["straße", "ŉǰΐ", "ﬃ", "ß\u0345", "ა", "ǆ"],
}

ALPHABET = [
    *list("0123456789abcdefghxzTZ+-_.,:{}uUiIeE \t\n"),
    "",
    "",
    "é",
    "\uff10",
    "\u2212",
    "\u2003",
    "İ",
    "Σ",
    "\x1c",
    "''",
]


@pytest.mark.parametrize("kind", SEEDS, ids=lambda kind: str(kind)[:80])
def test_damaged_texts(kind: Any) -> None:
    rng = random.Random(str(kind))
    pair = Pair(create_model("Model", f=(list[kind], ...), g=(list[kind | None], [])))
    for _ in range(ROUNDS):
        texts = []
        for _ in range(20):
            text = list(rng.choice(SEEDS[kind]))
            for _ in range(rng.randrange(3)):
                place = rng.randrange(len(text))
                if rng.random() < 0.5:
                    text[place] = rng.choice(ALPHABET)
                else:
                    text.insert(place, rng.choice(ALPHABET))
            texts.append("".join(text))
        pair.check(json.dumps({"f": texts}).encode())
        for text in texts[:4]:
            pair.check(json.dumps({"f": [text], "g": [None, text]}).encode())


def test_numbers_by_chance() -> None:
    rng = random.Random(3)
    kinds = {
        "i": (list[Annotated[int, Field(gt=-1000, lt=10**12, multiple_of=7)]], []),
        "f": (list[Annotated[float, Field(ge=-1e6, le=1e12, multiple_of=0.01)]], []),
        "d": (list[datetime], []),
        "a": (list[date], []),
        "c": (list[Annotated[Decimal, Field(max_digits=12, decimal_places=2, multiple_of=Decimal("0.01"))]], []),
        "p": (list[Decimal], []),
        "s": (list[Annotated[timedelta, Field(ge=timedelta(-1))]], []),
        "t": (list[time], []),
        "b": (list[bool], []),
        "e": (list[Literal[0, "1", 7, True]], []),
    }
    pair = Pair(create_model("Model", **kinds))
    for _ in range(300):
        numbers: list[float | int] = []
        for _ in range(20):
            scale = 10.0 ** rng.randrange(-9, 19)
            numbers.append(
                rng.choice(
                    [
                        rng.randrange(-3, 4),
                        rng.randrange(10**6) * 7,
                        rng.random() * scale,
                        round(rng.random() * scale, 2),
                    ]
                )
            )
            numbers.append(rng.choice([-1, 1]) * int(scale) * rng.randrange(100))
        for name in kinds:
            pair.check(json.dumps({name: numbers}).encode())


SCALARS: list[Any] = [int, float, str, bool, datetime, UUID, Any, None, Literal["a", 1], Annotated[int, Field(ge=0)]]
SCALARS += [timedelta, Decimal, Annotated[Decimal, Field(max_digits=2, ge=0)]]
SCALARS += [date, time, bytes, Annotated[date, Field(gt=date(2024, 1, 1))], Annotated[bytes, Field(max_length=1)]]
SCALARS += [Annotated[str, Field(min_length=2)], Annotated[float, Field(lt=10)], Annotated[str, Field(pattern="^a")]]


class Cat(BaseModel):
    f0: Literal["a", "ab"]
    f1: int = 0


class Dog(BaseModel):
    f0: Literal["", "5"]
    f2: str = ""


def random_union(rng: random.Random, depth: int) -> Any:
    if rng.random() < 0.2:
        return Annotated[Cat | Dog, Field(discriminator="f0")]
    members: list[Any] = [
        random_model(rng, depth - 1) if depth and rng.random() < 0.4 else rng.choice(SCALARS)
        for _ in range(rng.randrange(2, 5))
    ]
    members = [list[each] if rng.random() < 0.2 else each for each in members]
    return Union[*members]


def random_model(rng: random.Random, depth: int) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    has_union = False
    for i in range(rng.randrange(1, 7)):
        kind: Any = rng.choice(SCALARS)
        if depth and rng.random() < 0.3:
            kind = random_model(rng, depth - 1)
        elif rng.random() < 0.2:
            kind, has_union = random_union(rng, depth), True
        if rng.random() < 0.3:
            kind = list[kind]
        elif rng.random() < 0.2:
            limits: dict[str, Any] = {rng.choice(["min_length", "max_length"]): rng.randrange(4)}
            key = rng.choice(
                [str, int, Any, Literal["f0", "A1", "x"], Annotated[str, StringConstraints(to_upper=True)]]
            )
            kind = Annotated[dict[key, kind], Field(**(limits if rng.random() < 0.5 else {}))]
        if rng.random() < 0.3 and kind is not None:
            kind = kind | None
        options: dict[str, Any] = {}
        if rng.random() < 0.3:
            options[rng.choice(["alias", "validation_alias", "serialization_alias"])] = f"A{i}"
        default: Any = rng.choice([..., ..., None, 5, "d"])
        fields[f"f{i}"] = (kind, Field(default, **options))
    config = ConfigDict(extra=rng.choice(["ignore", "forbid", "allow"]), populate_by_name=rng.random() < 0.3)
    if rng.random() < 0.2 and not has_union:  # a strict union of models goes through Python
        config["strict"] = True
    if rng.random() < 0.2:
        config["str_strip_whitespace"] = True
    return create_model(f"M{rng.randrange(1000)}", __config__=config, **fields)


def random_value(rng: random.Random, depth: int) -> Any:
    if depth and rng.random() < 0.35:
        if rng.random() < 0.4:
            return [random_value(rng, depth - 1) for _ in range(rng.randrange(4))]
        return random_object(rng, depth - 1)
    texts = ["", "a", "ab", " abc ", "5", "true", "2024-01-01", "12345678-1234-4234-8234-123456789abc", "é"]
    return rng.choice([0, 1, -5, 12, 2.5, 3.0, 1e20, 10**25, True, False, None, rng.choice(texts), rng.choice(texts)])


def random_object(rng: random.Random, depth: int) -> dict[str, Any]:
    keys = [f"f{i}" for i in range(7)] + [f"A{i}" for i in range(7)] + ["x", "_sa_y"]
    return {key: random_value(rng, depth) for key in rng.sample(keys, rng.randrange(len(keys)))}


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@pytest.mark.parametrize("seed", range(120))
def test_models_by_chance(seed: int) -> None:
    rng = random.Random(seed)
    pair = Pair(random_model(rng, 2))
    for _ in range(40):
        pair.check(json.dumps(random_object(rng, 3)).encode())
