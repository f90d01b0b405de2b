"""What differs between the installed releases of Pydantic and matters to native validators: found by asking it, never
by its version.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import SchemaSerializer, SchemaValidator, ValidationError

__all__ = ["bound_in_words", "dict_ends_early", "is_known"]

# What the native core does: of each kind values, with what JSON mode makes of them or what is wrong with them. Where
# releases have been seen to differ there is a value that tells them apart; the others tell a release that nobody knows.
_KNOWN: Mapping[str, Sequence[tuple[Any, str]]] = {
    "date": [
        ("2024-02-29", '"2024-02-29"'),
        ("2024-01-01_00:00:00.0000001+05:00", '"2024-01-01"'),
        (20000000001, "date_from_datetime_inexact"),
        ("0000-01-01", "date_parsing: Input should be a valid date in the format YYYY-MM-DD, year 0 is out of range"),
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


def bound_in_words(kind: str, bound: Any) -> tuple[str, Any]:
    """A bound as messages tell it, and as the error's `ctx` has it."""
    schema: Any = {"type": kind, "lt": bound}
    try:
        SchemaValidator(schema).validate_python(bound)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        return first["msg"].removeprefix("Input should be less than "), first["ctx"]["lt"]
    raise AssertionError("nothing is less than itself")


@functools.cache
def dict_ends_early() -> bool:
    """A dict with too many members is not validated to its end (since 2.14), and says nothing of what else is wrong."""
    schema: Any = {"type": "dict", "keys_schema": {"type": "str"}, "values_schema": {"type": "int"}, "max_length": 0}
    try:
        SchemaValidator(schema).validate_python({"a": 1, "b": "x"})
    except ValidationError as error:
        return error.errors(include_url=False)[0]["type"] == "too_long"
    raise AssertionError("there may be no member")
