"""What differs between the installed releases of Pydantic and matters to native validators: found by asking it, never
by its version.
"""

from __future__ import annotations

import functools
import itertools
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import SchemaSerializer, SchemaValidator, ValidationError, to_json

from data_bridge.dialect import WRITES_BY_PYDANTIC

__all__ = [
    "bound_in_words",
    "decimal_digits_are_exact",
    "dict_ends_early",
    "digit_zeros",
    "extra_is_set",
    "float_style",
    "is_known",
    "literals_are_equal",
    "unions_are_known",
    "unix_times_are_mirrored",
    "unix_times_have_exponents",
    "unprintable_ranges",
    "uuid_words",
    "words_of_tags",
]

# What the native core does: of each kind values, with what JSON mode makes of them or what is wrong with them. Where
# releases have been seen to differ there is a value that tells them apart; the others tell a release that nobody knows.
_KNOWN: Mapping[str, Sequence[tuple[Any, str]]] = {
    "datetime": [
        ("2024-02-29 12:34:56,7890126+05:30", '"2024-02-29T12:34:56.789012+05:30"'),
        # Before 2.10 there were no unix times before 1600, and the year 0 was an error of the server.
        (-62135596800000, '"0001-01-01T00:00:00Z"'),
        ("0000-01-01", "datetime_parsing: Input should be a valid datetime, year 0 is out of range"),
        ("2024-13-01", "datetime_from_date_parsing: Input should be a valid datetime or date, month value is outside"),
        (True, "datetime_type: Input should be a valid datetime"),
    ],
    "date": [
        ("2024-02-29", '"2024-02-29"'),
        ("2024-01-01_00:00:00.0000001+05:00", '"2024-01-01"'),
        (20000000001, "date_from_datetime_inexact"),
        ("0000-01-01", "date_parsing: Input should be a valid date in the format YYYY-MM-DD, year 0 is out of range"),
        ("1.7e9", "date_from_datetime_inexact"),
        # Before 2.14 a text beyond 64 bits was no number.
        ("1" * 20 + ".5", "date_from_datetime_parsing: Input should be a valid date or datetime, dates after 9999 are"),
        ("1e3", "date_from_datetime_parsing: Input should be a valid date or datetime, input is too short"),
        (True, "date_type: Input should be a valid date"),
    ],
    "time": [
        ("10:00:00.1234567-0530", '"10:00:00.123456-05:30"'),
        (0.1234567, '"00:00:00.123457Z"'),
        ("10:00+05", "time_parsing: Input should be in a valid time format, invalid timezone minute"),
        (86400, "time_parsing: Input should be in a valid time format, numeric times may not exceed 86,399 seconds"),
        (None, "time_type: Input should be a valid time"),
    ],
    "timedelta": [
        ("-P1Y1M1W1DT1H1M1.1234567S", '"-P1Y38DT1H1M1.123457S"'),
        ("1 days 1:00:00", '"P1DT1H"'),
        (1e9, '"P31Y259DT1H46M40S"'),
        (True, '"PT1S"'),
        ("1.5", 'time_delta_parsing: Input should be a valid timedelta, "day" identifier in duration not correctly'),
        (10**14, "time_delta_parsing: Input should be a valid timedelta, durations may not exceed 999,999,999 days"),
        (None, "time_delta_type: Input should be a valid timedelta"),
    ],
    "decimal": [
        ("\uff11_.50", '"1.50"'),
        ("1e-7", '"1E-7"'),
        (1e22, '"1E+22"'),
        ("1e1000000000000000000", "decimal_parsing: Input should be a valid decimal"),
        ("nan", "finite_number: Input should be a finite number"),
        (True, "decimal_type: Decimal input should be an integer, float, string or Decimal object"),
    ],
    "bytes": [("\u00e9", '"\u00e9"'), (1, "bytes_type: Input should be a valid bytes")],
}


@functools.cache
def is_known(kind: str) -> bool:
    """Whether the installed Pydantic does with values of `kind` what the native core does."""
    schema: Any = {"type": kind}
    validator, serializer = SchemaValidator(schema), SchemaSerializer(schema)
    return all(_outcome(validator, serializer, value).startswith(expected) for value, expected in _KNOWN[kind])


def _outcome(validator: SchemaValidator, serializer: SchemaSerializer, value: Any) -> str:
    try:
        return serializer.to_json(validator.validate_python(value)).decode()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        return f"{first['type']}: {first['msg']}"
    except Exception as error:
        return repr(error)


def _first_error(schema: Any, value: Any) -> Any:
    """Of the errors of `value`, which does not fit."""
    try:
        SchemaValidator(schema).validate_python(value)
    except ValidationError as error:
        return error.errors(include_url=False)[0]
    raise AssertionError(f"{value!r} fits {schema}")


def bound_in_words(kind: str, bound: Any) -> tuple[str, Any]:
    """A bound as messages tell it, and as the error's `ctx` has it."""
    first = _first_error({"type": kind, "lt": bound}, bound)
    return first["msg"].removeprefix("Input should be less than "), first["ctx"]["lt"]


@functools.cache
def dict_ends_early() -> bool:
    """A dict with too many members is not validated to its end (since 2.14), and says nothing of what else is wrong."""
    schema = {"type": "dict", "keys_schema": {"type": "str"}, "values_schema": {"type": "int"}, "max_length": 0}
    return bool(_first_error(schema, {"a": 1, "b": "x"})["type"] == "too_long")


@functools.cache
def decimal_digits_are_exact() -> bool:
    """The digits of a Decimal are counted as they are (since 2.14); before, what had too many was rounded first."""
    validator = SchemaValidator({"type": "decimal", "decimal_places": 2})
    return not validator.isinstance_python("1" * 40 + ".123")


@functools.cache
def digit_zeros() -> list[int]:
    """The code points of the zeros of all decimal digits; no script beyond has any."""
    return [ord(digit) for digit in re.findall(r"\d", "".join(map(chr, range(0x20000)))) if int(digit) == 0]


@functools.cache
def unix_times_have_exponents() -> bool:
    """A text like "1.7e9" is a unix time (since 2.12)."""
    return SchemaValidator({"type": "datetime"}).isinstance_python("1.7e9")


@functools.cache
def literals_are_equal() -> bool:
    """The values of a Literal are those that Python's ``==`` takes for the same, True for 1 (since 2.10)."""
    validator = SchemaValidator({"type": "literal", "expected": ["a", 1]})
    return validator.isinstance_python(True) and validator.isinstance_python(1.0)


@functools.cache
def unix_times_are_mirrored() -> bool:
    """Of a number below zero the fraction counts upwards: -0.25 is a quarter of a second behind -1 (before 2.14)."""
    value = SchemaValidator({"type": "datetime"}).validate_python(-0.25)
    return bool(value.microsecond == 250_000)


@functools.cache
def uuid_words() -> str | None:
    """How it is said that a text is no UUID; None where that is not known."""
    return _UUID_WORDS.get(tuple(_first_error({"type": "uuid"}, text)["ctx"]["error"] for text in ("x", "a")))


_UUID_WORDS: Mapping[tuple[str, ...], str] = {
    ("invalid character: found `x` at 0", "invalid length: found 1"): "current",
    (
        "invalid character: found `x` at 1",
        "invalid length: expected length 32 for simple format, found 1",
    ): "from-one",
    (
        "invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], found `x` at 1",
        "invalid length: expected length 32 for simple format, found 1",
    ): "long",
}


@functools.cache
def float_style() -> str:
    """How floats are written in what FastAPI answers."""
    if not WRITES_BY_PYDANTIC:
        return "repr"
    return "pydantic" if to_json(1e16) == b"1e+16" else "plain-exponents"


def _model(*fields: tuple[str, Any], extra: str = "ignore") -> Any:
    """A model of its own class: the first field is required, others are not."""
    cls = type("Model", (), {})
    members: dict[str, Any] = {}
    for place, (name, schema) in enumerate(fields):
        field = {"type": "default", "schema": schema, "default": None} if place else schema
        members[name] = {"type": "model-field", "schema": field}
    return {
        "type": "model",
        "cls": cls,
        "schema": {"type": "model-fields", "fields": members, "extra_behavior": extra},
    }


def _chosen(choices: Sequence[Any], value: Any) -> int:
    """Which of the models in `choices` a union makes of `value`."""
    made = SchemaValidator({"type": "union", "choices": list(choices)}).validate_python(value)
    return next(place for place, choice in enumerate(choices) if type(made) is choice["cls"])


@functools.cache
def unions_are_known() -> bool:
    """Whether the installed Pydantic chooses among the members of a union as the native core does."""
    number, text, anything = {"type": "int"}, {"type": "str"}, {"type": "any"}
    either = {"type": "union", "choices": [number, text]}
    nested = _model(("a", number), ("b", number), ("c", number))
    cases: list[tuple[Sequence[Any], Any, int]] = [
        # A conversion counts, whatever comes after it.
        ([_model(("x", number), ("u", either)), _model(("x", text), ("u", either))], {"x": "1", "u": 5}, 1),
        # The fields of all models within count, and defaults do not.
        (
            [_model(("n", {"type": "dict"}), ("k", number), ("l", number)), _model(("n", nested), ("k", number))],
            {"n": {"a": 1, "b": 2, "c": 3}, "k": 1, "l": 1},
            1,
        ),
        # More fields count for more than a conversion.
        ([_model(("x", text)), _model(("x", text), ("y", number))], {"x": "1", "y": "2"}, 1),
        # What a member that does not fit has set does not count.
        (
            [
                _model(("n", nested), ("bad", number)),
                _model(("n", {"type": "dict"})),
                _model(("n", {"type": "dict"}), ("z", number)),
            ],
            {"n": {"a": 1, "b": 1}, "bad": "x", "z": 1},
            2,
        ),
        # Anything is no exact type, but in a list nobody looks at the items.
        ([_model(("x", {"type": "dict", "values_schema": anything})), _model(("x", anything))], {"x": {}}, 0),
        ([_model(("x", {"type": "float"})), _model(("x", number))], {"x": 1}, 0),
    ]
    if not all(_chosen(choices, value) == place for choices, value, place in cases):
        return False
    plain: list[tuple[list[Any], Any, type]] = [
        ([{"type": "float"}, number], 1, int),
        ([anything, {"type": "list"}], [1], list),
        ([{"type": "bool"}, number], 1, int),
        ([text, {"type": "literal", "expected": ["a"]}], "a", str),
    ]
    return all(
        type(SchemaValidator({"type": "union", "choices": choices}).validate_python(value)) is kind
        for choices, value, kind in plain
    )


@functools.cache
def extra_is_set() -> bool:
    """Members that are no fields count among those that are set (in 2.13)."""
    fields = ("a", {"type": "int"}), ("b", {"type": "int"})
    return _chosen([_model(*fields), _model(fields[0], extra="allow")], {"a": 1, "b": 2, "c": 3, "d": 4}) == 1


def words_of_tags(discriminator: Any, tags: list[str], key: str) -> dict[str, str]:
    """How errors of a union by tags name its discriminator and its tags."""
    schema: Any = {
        "type": "tagged-union",
        "discriminator": discriminator,
        "choices": {tag: {"type": "any"} for tag in tags},
    }
    not_found, invalid = _first_error(schema, {}), _first_error(schema, {key: object()})
    return {
        "discriminator": not_found["ctx"]["discriminator"],
        "not_found": not_found["msg"],
        "expected_tags": invalid["ctx"]["expected_tags"],
    }


@functools.cache
def unprintable_ranges() -> list[tuple[int, int]]:
    """The code points above U+007E that repr() escapes, as ranges."""
    ranges: list[tuple[int, int]] = []
    first = 0x7F
    for is_printable, run in itertools.groupby(map(str.isprintable, map(chr, range(first, sys.maxunicode + 1)))):
        end = first + sum(1 for _ in run)
        if not is_printable:
            ranges.append((first, end - 1))
        first = end
    return ranges
