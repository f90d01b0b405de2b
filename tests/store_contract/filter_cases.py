"""What lists are filtered and sorted by: values in their order, and conditions with the items that they hold for."""

from __future__ import annotations

import uuid
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal

#: kind: its type, and values of it in ascending order. Those of one list are equal: each finds the other.
LADDERS: dict[str, tuple[Any, list[list[Any]]]] = {
    "integer": (int, [[-(2**63)], [-1], [0], [7], [2**53], [2**53 + 1], [2**63 - 1]]),
    "real": (float, [[-1e300], [-1.5], [0.0, -0.0], [5e-324], [0.1], [2**53], [1e300]]),
    "flag": (bool, [[False], [True]]),
    # By code point: neither by an alphabet, nor by UTF-16, where the last two change places.
    "text": (str, [[""], ["A"], ["Z"], ["a"], ["a "], ["ab"], ["b"], ["é"], ["\uffff"], ["🌍"]]),
    "serial": (uuid.UUID, [[str(uuid.UUID(int=number))] for number in (0, 1, 2**127)]),
    # Naive ones are UTC, and the first and the last lie beyond the years of Python once they are in UTC.
    "moment": (datetime, [
        ["0001-01-01T00:00:00+14:00"], ["1969-12-31T23:59:59.999999Z"],
        ["2024-01-31T10:00:00Z", "2024-01-31T10:00:00", "2024-01-31T15:30:00.000+05:30"],
        ["2024-01-31T10:00:00.000001Z"], ["2024-01-31T09:00:01-01:00"], ["9999-12-31T23:59:59.999999-12:00"],
    ]),
    "day": (date, [["0001-01-01"], ["1970-01-01"], ["2024-02-29"], ["9999-12-31"]]),
    # As Python compares times: by the time in UTC, which may lie on the day before or after.
    "hour": (time, [
        ["00:30:00+01:00"], ["00:00:00", "00:00:00Z", "01:00:00+01:00"], ["10:00:00"], ["10:00:00.000001"],
        ["23:59:59.999999"], ["23:30:00-01:00"],
    ]),
    "length": (timedelta, [
        ["-P1D"], ["PT0S", "P0D"], ["PT0.000001S"], ["PT1M", "PT60S"], ["P1D", "PT24H"], ["P9999D"],
    ]),
    "price": (Decimal, [
        ["-1000", "-1E+3"], ["-0.1"], ["0", "0.00", "-0"], ["1e-30"], ["1.1", "1.10"], ["1.100000000000000000001"],
        ["9"], ["10"], ["12345678901234567890.12"], ["1E+30"],
    ]),
    "raw": (bytes, [[""], ["A"], ["a"], ["é"], ["🌍"]]),
    "colour": (Literal["red", "green", "blue"], [["blue"], ["green"], ["red"]]),
}  # fmt: skip

#: Integers have no limit inside of others.
HUGE: tuple[Any, list[list[int]]] = (int, [[-(10**30)], [-(2**64)], [-1], [2**63], [2**64], [2**64 + 1], [10**30]])

#: The items of TEXT_CASES, each with its text as key, and one without a text.
TEXTS = ["", "Straße", "STRASSE", "strase", "a%b", "a_b", "axb", "a*b", "é", "É", "🌍x", "x🌍", ".*", "a\\b"]

#: operator, value, the texts that it holds for
TEXT_CASES: list[tuple[str, str, list[str]]] = [
    ("contains", "", TEXTS),
    ("contains", "ras", ["strase"]),
    ("contains", "ra", ["Straße", "strase"]),
    ("contains", "%", ["a%b"]),
    ("contains", "_", ["a_b"]),
    ("contains", "*", ["a*b", ".*"]),
    ("contains", "\\", ["a\\b"]),
    ("contains", ".*", [".*"]),
    ("contains", "É", ["É"]),
    ("contains", "🌍", ["🌍x", "x🌍"]),
    ("icontains", "STRASSE", ["Straße", "STRASSE"]),
    ("icontains", "ß", ["Straße", "STRASSE"]),
    ("icontains", "RAS", ["Straße", "STRASSE", "strase"]),
    ("icontains", "é", ["é", "É"]),
    ("icontains", "A_B", ["a_b"]),
    ("icontains", "", TEXTS),
    ("startswith", "", TEXTS),
    ("startswith", "a", ["a%b", "a_b", "axb", "a*b", "a\\b"]),
    ("startswith", "a%", ["a%b"]),
    ("startswith", "a_", ["a_b"]),
    ("startswith", "S", ["Straße", "STRASSE"]),
    ("startswith", "🌍", ["🌍x"]),
    ("endswith", "b", ["a%b", "a_b", "axb", "a*b", "a\\b"]),
    ("endswith", "_b", ["a_b"]),
    ("endswith", "", TEXTS),
    ("endswith", "E", ["STRASSE"]),
    ("endswith", "🌍", ["x🌍"]),
]

#: The items of WHERE_CASES and SORT_CASES, by key.
PEOPLE: dict[str, dict[str, Any]] = {
    "a": {"name": "Ann", "age": 30, "tags": ["x", "y"], "address": {"city": "Oslo", "zip": 150}},
    "b": {"name": "Bob", "age": None, "tags": [], "address": None},
    "c": {"name": "Cid", "age": 20, "tags": ["y"], "address": {"city": None, "zip": 5}},
    "d": {"name": None, "age": 30, "tags": ["z", "x,y"], "address": {"city": "Bergen", "zip": 5}},
    "e": {"name": "Ann", "age": 20, "tags": ["x"], "address": {"city": "Oslo", "zip": 9}},
}

#: where, the keys of the items that it holds for
WHERE_CASES: list[tuple[Any, str]] = [
    ({}, "abcde"),
    ([], ""),
    ([{}], "abcde"),
    ({"or": []}, ""),
    ({"not": {}}, ""),
    ({"not": []}, "abcde"),
    ({"name": "Ann"}, "ae"),
    ({"name": None}, "d"),
    ({"name__eq": None}, "d"),
    ({"name__ne": None}, "abce"),
    ({"name__ne": "Ann"}, "bcd"),
    ({"not": {"name": "Ann"}}, "bcd"),
    ({"age__lt": 30}, "ce"),
    ({"not": {"age__lt": 30}}, "abd"),
    ({"age__ge": 20, "age__le": 20}, "ce"),
    ({"age__in": [20, None]}, "bce"),
    ({"age__nin": [20, None]}, "ad"),
    ({"age__in": []}, ""),
    ({"age__nin": []}, "abcde"),
    ({"age__nin": [20]}, "abd"),
    ({"name__in": ["Ann", "Cid", "Nobody"]}, "ace"),
    ({"name__isnull": True}, "d"),
    ({"name__isnull": False}, "abce"),
    ({"address__isnull": True}, "b"),
    ({"address.city__isnull": True}, "bc"),
    ({"address.city": None}, "bc"),
    ({"address.city": "Oslo"}, "ae"),
    ({"address.city__ne": "Oslo"}, "bcd"),
    ({"address.zip__lt": 10}, "cde"),
    ({"not": {"address.zip__lt": 10}}, "ab"),
    ({"address.zip__in": [5, 150]}, "acd"),
    ({"address.city__startswith": "O"}, "ae"),
    ({"not": {"address.city__startswith": "O"}}, "bcd"),
    ({"tags__contains": "y"}, "ac"),
    ({"tags__contains": "x,y"}, "d"),
    ({"not": {"tags__contains": "x"}}, "bcd"),
    ({"tags__isnull": False}, "abcde"),
    ([{"name": "Bob"}, {"age": 20}], "bce"),
    ({"or": [{"name": "Bob"}, {"age": 20}]}, "bce"),
    ({"age": 20, "or": [{"name": "Ann"}, {"tags__contains": "z"}]}, "e"),
    ({"age": 30, "not": {"name": "Ann"}}, "d"),
    ({"not": {"or": [{"age": 30}, {"age": None}]}}, "ce"),
    ({"not": {"not": {"age": 30}}}, "ad"),
    ({"not": [{"age": 30}, {"name": "Bob"}]}, "ce"),
    ({"or": [{"not": {"age__gt": 0}}, {"age__gt": 25, "name": "Ann"}]}, "ab"),
    ({"id__gt": "b", "id__le": "d"}, "cd"),
    ({"id__in": ["a", "zz"]}, "a"),
]

#: sort, the keys in that order. Null is the least; the key goes in the direction of the last term.
SORT_CASES: list[tuple[str | None, str]] = [
    (None, "abcde"),
    ("id", "abcde"),
    ("-id", "edcba"),
    ("age", "bcead"),
    ("-age", "daecb"),
    ("name", "daebc"),
    ("-name", "cbead"),
    ("age,name", "becda"),
    ("age,-name", "bcead"),
    ("-age,name", "daecb"),
    ("-age,-name", "adceb"),
    ("name,-age", "daebc"),
    ("age,-id", "becda"),
    ("-age,id", "adceb"),
    ("address.zip", "bcdea"),
    ("-address.zip,name", "aedcb"),
    ("address.city,age", "bcdea"),
    ("-address.city,-address.zip", "aedcb"),
    ("address.zip,-address.city", "bdcea"),
]

#: A query that is refused, and what of it.
REFUSED_QUERIES: list[tuple[str, str]] = [
    ("limit=-1", "limit"),
    ("limit=101", "limit"),
    ("limit=x", "limit"),
    ("offset=-1", "offset"),
    ("offset=10001", "offset"),
    ("sort=nothing", "sort"),
    ("sort=tags", "sort"),
    ("sort=address", "sort"),
    ("sort=", "sort"),
    ("fields=nothing", "fields"),
    ("total=perhaps", "total"),
    ("cursor=x", "cursor"),
    ("cursor=", "cursor"),
    ("nme=x", "nme"),
    ("name__like=x", "name__like"),
    ("age=x", "age"),
    ("age__in=1,x", "age__in"),
    ("age__contains=1", "age__contains"),
    ("age__isnull=perhaps", "age__isnull"),
    ("tags=x", "tags"),
    ("address=x", "address"),
    ("address.nothing=x", "address.nothing"),
    ("where=x", "where"),
    ("where=1", "where"),
    ('where={"nme":1}', "where"),
    ('where={"age":"x"}', "where"),
    ('where={"age__in":5}', "where"),
    ('where={"or":{}}', "where"),
    ('where={"$where":"1"}', "where"),
    ('where={"name":{"$ne":null}}', "where"),
]
