"""Values of every kind that a field can have, as JSON texts. Each is answered as Pydantic's JSON mode writes it."""

from __future__ import annotations

import uuid
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal

from pydantic import BaseModel


class Colour(Enum):
    RED = "red"
    NONE = ""


class Leaf(BaseModel):
    number: int = 0
    price: Decimal | None = None
    at: datetime | None = None


class Branch(BaseModel):
    name: str
    leaf: Leaf | None = None
    leaves: list[Leaf] = []


#: kind: its type, and values of it
VALUES: dict[str, tuple[Any, list[str]]] = {
    "integer": (int, ["0", "-1", "9007199254740993", "9223372036854775807", "-9223372036854775808", "1.0", '"12"']),
    "real": (float, ["0.0", "-0.0", "0.1", "1", "5e-324", "2.2250738585072014e-308", "1.7976931348623157e308",
                     "9007199254740993", "1e16", "123456789.123456789", "1e-7", '"1.5"']),
    "flag": (bool, ["true", "false", "1", '"no"']),
    "text": (str, ['""', '" "', '"null"', '"é"', '"e\\u0301"', '"\\u0000"', '"a\\u0000b"', '"\\ud83c\\udf0d"',
                   '"\\uffff"', '"\\u2028\\u2029"', '"\'; DROP TABLE x; --"', '"$ne"', '"{\\"$gt\\": \\"\\"}"',
                   '"\\"\\\\/"', '"%_*?"', '"\\r\\n\\t"', '"' + "x" * 20_000 + '"']),
    "serial": (uuid.UUID, ['"00000000-0000-0000-0000-000000000000"', '"FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"',
                           '"018f3c5a7b2d7c008000123456789abc"']),
    "moment": (datetime, ['"2024-02-29T23:59:59.999999Z"', '"2024-02-29T23:59:59.000001+05:30"',
                          '"2024-02-29T23:59:59.5"', '"2024-02-29 10:00-11:00"', '"0001-01-01T00:00:00"',
                          '"9999-12-31T23:59:59.999999"', '"1969-12-31T23:59:59Z"', "1700000000", "-1.5"]),
    "day": (date, ['"0001-01-01"', '"2024-02-29"', '"9999-12-31"', "0"]),
    "hour": (time, ['"00:00:00"', '"23:59:59.999999"', '"12:30:00.000001+05:30"', '"12:30Z"', "3600"]),
    "length": (timedelta, ['"PT0S"', '"-P1DT0.000001S"', '"P999999999D"', '"PT36H"', "1.5", '"1 day, 02:03:04"']),
    "price": (Decimal, ['"0"', '"-0"', '"0.00"', '"1.10"', '"1.1"', '"12345678901234567890123456789012345.67890"',
                        '"1E+3"', '"1e-30"', "0.1", "7"]),
    "raw": (bytes, ['""', '"a"', '"é"', '"\\u0000\\ud83c\\udf0d"']),
    "colour": (Colour, ['"red"', '""']),
    "word": (Literal["a", "b c"], ['"a"', '"b c"']),
    "branch": (Branch, ['{"name": ""}', '{"name": "a", "leaf": {"number": 123456789012345678901234567890}}',
                        '{"name": "b", "leaf": {"price": "1.10", "at": "2024-02-29T10:00:00.5+05:30"}}',
                        '{"name": "c", "leaves": [{"number": -18446744073709551617}, {}]}']),
    "texts": (list[str], ["[]", '["", "a", "a", "é", "null"]']),
    "numbers": (list[int], ["[]", "[3, 1, 2, 18446744073709551617]"]),
    "grid": (list[list[float | None]], ["[[]]", "[[0.1, null], [], [-0.0]]"]),
    "table": (dict[str, Decimal], ["{}", '{"b": "1.10", "a": "2", "": "0", "a.b": "1", "$set": "3"}']),
    "days": (dict[date, list[int]], ['{"2024-02-29": [1], "0001-01-01": []}']),
    "anything": (Any, ["null", "0", '"x"', "[1, [2.5, null]]", '{"b": {"a": true}, "$where": "1", "a.b": 1e300}']),
}  # fmt: skip
