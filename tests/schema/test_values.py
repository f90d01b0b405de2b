"""Every supported type against every kind of JSON value: the answer is FastAPI's, byte for byte."""

import enum
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import (
    UUID4,
    AwareDatetime,
    BaseModel,
    Field,
    NaiveDatetime,
    PastDatetime,
    Strict,
    StringConstraints,
    create_model,
)
from schema_reference import Pair

from data_bridge.schema import Unsupported, export_model


class Nested(BaseModel):
    x: int
    y: str | None = None


class Plain(enum.Enum):
    A = "a"
    B = "b"
    C = 3


class Text(enum.StrEnum):
    A = "a"
    B = "b"


class Number(enum.IntEnum):
    A = 1
    B = 2


class Truth(enum.Enum):
    YES = True
    NO = False


TYPES: list[Any] = [
    int,
    float,
    str,
    bool,
    None,
    Any,
    datetime,
    UUID,
    UUID4,
    int | None,
    datetime | None,
    AwareDatetime,
    NaiveDatetime | None,
    list[int],
    list[str],
    list[list[float]],
    list[UUID],
    list[datetime | None],
    list,
    Nested,
    Nested | None,
    list[Nested],
    Plain,
    Text,
    Number,
    Truth,
    Literal["a", "b", 1],
    Literal[1, "1", True],
    Literal[True, 2],
    Literal[False],
    Annotated[int, Field(gt=1, le=10)],
    Annotated[int, Field(ge=-5, lt=10**20, multiple_of=3)],
    Annotated[int, Field(gt=10**30)],
    Annotated[int, Field(ge=-(10**30), le=-1)],
    Annotated[float, Field(gt=0.5, lt=1e16)],
    Annotated[float, Field(ge=0, le=1e-7)],
    Annotated[float, Field(multiple_of=0.1, allow_inf_nan=False)],
    Annotated[float, Field(multiple_of=3)],
    Annotated[str, Field(min_length=2, max_length=4)],
    Annotated[str, Field(min_length=1, max_length=1)],
    Annotated[str, Field(pattern=r"^\d+$")],
    Annotated[str, Field(pattern=r"\w\s?(?<tail>[^\d-])")],
    Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1)],
    Annotated[str, StringConstraints(to_upper=True)],
    Annotated[int, Strict()],
    Annotated[float, Strict()],
    Annotated[str, Strict()],
    Annotated[bool, Strict()],
    Annotated[datetime, Strict()],
    Annotated[UUID, Strict()],
    Annotated[Plain, Strict()],
    Annotated[list[int], Strict()],
    Annotated[list[int], Field(min_length=1, max_length=3)],
    Annotated[list[int], Field(max_length=2, fail_fast=True)],
    Annotated[list[Nested], Field(min_length=2)],
    date,
    date | None,
    list[date],
    Annotated[date, Field(gt=date(2024, 1, 1), le=date(2024, 2, 29))],
    Annotated[date, Field(ge=date(1970, 1, 1), lt=date(2024, 1, 1))],
    Annotated[date, Strict()],
    time,
    list[time],
    Annotated[time, Strict()],
    bytes,
    Annotated[bytes, Field(min_length=2, max_length=4)],
    Annotated[bytes, Field(min_length=1, max_length=1)],
    Annotated[bytes, Strict()],
    dict[date, int],
    tuple[int, str],
    tuple[()],
    tuple[int | None, Nested],
    tuple[int, ...],
    tuple,
    Annotated[tuple[int, ...], Field(max_length=2)],
    Annotated[tuple[int, ...], Field(min_length=2)],
    Annotated[tuple[int, ...], Field(max_length=2, fail_fast=True)],
    Annotated[tuple[int, ...], Strict()],
    Annotated[tuple[int, str], Strict()],
    timedelta,
    list[timedelta | None],
    Annotated[timedelta, Field(gt=timedelta(1), le=timedelta(days=400, seconds=1.5))],
    Annotated[timedelta, Field(ge=timedelta(-1.5), lt=timedelta(0, 1.5))],
    Annotated[timedelta, Strict()],
    Decimal,
    list[Decimal | None],
    Annotated[Decimal, Field(max_digits=5, decimal_places=2)],
    Annotated[Decimal, Field(max_digits=3)],
    Annotated[Decimal, Field(decimal_places=2)],
    Annotated[Decimal, Field(max_digits=2, decimal_places=2)],
    Annotated[Decimal, Field(max_digits=1, decimal_places=1)],
    Annotated[Decimal, Field(multiple_of=Decimal("0.1"))],
    Annotated[Decimal, Field(multiple_of=3)],
    Annotated[Decimal, Field(gt=0, le=Decimal("10.50"))],
    Annotated[Decimal, Field(ge=1.5, lt=Decimal("1E+30"))],
    Annotated[Decimal, Strict()],
    dict[str, int],
    dict,
    dict[int, str | None],
    dict[UUID, Any],
    dict[Text, bool],
    dict[Number, float],
    dict[Literal["a", "x"], int],
    dict[str, dict[str, list[int]]],
    dict[str, Nested],
    dict[Annotated[str, StringConstraints(to_lower=True, max_length=2, pattern="^[a-zA-Z]")], Any],
    Annotated[dict[str, int], Field(min_length=2)],
    Annotated[dict[str, int], Field(max_length=1)],
    Annotated[dict[int, int], Field(min_length=2, max_length=3)],
    Annotated[dict[str, int], Field(fail_fast=True)],
    Annotated[dict[str, int], Strict()],
]

ID = "12345678-1234-4234-8234-123456789abc"

VALUES = [
    # integers, up to and beyond int64 and double
    *["0", "1", "-1", "2", "3", "5", "10", "-0", "-6", "9223372036854775807", "9223372036854775808"],
    *["-9223372036854775808", "-9223372036854775809", "1" + "0" * 30, "-1" + "0" * 30, "1" * 400, "-" + "1" * 400],
    # floats
    *["1.0", "2.0", "1.5", "0.3", "0.35", "-0.0", "0.5", "1e16", "1e15", "1e-5", "1e-6", "1e-7", "1.5e-5", "1e-9"],
    *["123456789.123", "123456789.3", "1e300", "1e400", "-1e400", "1e-400", "9.3e18", "9223372036854775807.0"],
    *["-9223372036854775808.0", "5e-324", "1.7976931348623157e308", "NaN", "Infinity", "-Infinity"],
    # constants and strings
    *["true", "false", "null", '""', '"a"', '"A"', '"b"', '"ab"', '"abc"', '"abcde"', '"12\\n"', '"é"', '"ééééé"'],
    *[
        '" Aé ß ΑΣ "',
        '"ΑΣ"',
        '"ΑΣ.Σ Σ"',
        '"İ"',
        '"ǅŉ"',
        '"\uff11\uff12"',
        '"\\u0661\\u0662"',
        '"\\ud83d\\ude00"',
        '"a 😀"',
    ],
    *['"\\u0000"', '"\\u2028<>\\u007f/\\/"', '"\\ud800"', '"a\\ud800b"', '"\\udc00\\ud800"', '"_"', '"\\u00a0"'],
    # numbers and booleans in strings
    *['"1"', '"12"', '"1.0"', '"1."', '".0"', '" 5 "', '"+5"', '"-5"', '"+-5"', '"1_0"', '"1__0"', '"_1"', '"1_"'],
    *['"1e5"', '"1e3"', '"1E+3"', '"inf"', '"-Infinity"', '"nan"', '".5"', '"5."', '"."', '"0x1"', '"\\u20035"'],
    *['"5\\u001c"', '"1_e5"', '"i_nf"', '"-0"', '"-0.0"', '"007"', '"99999999999999999999"', '"1e400"', '"-1e400"'],
    *['"true"', '"TRUE"', '"t"', '"off"', '"yes"', '" yes"', '"2"', '"ON"'],
    # datetimes
    *['"2024-01-01"', '"2024-01-01T10:00:00Z"', '"2024-01-01 10:00:00.123456789+05:30"', '"2024-01-01T10:00"'],
    *['"2024-01-01t10:00:00,5z"', '"2024-01-01_10:00-0030"', '"2024-01-01T24:00"', '"2024-01-01T10:00:60"'],
    *['"2024-02-30"', '"2024-13-01"', '"2023-02-29"', '"2024-02-29"', '"0000-01-01"', '"9999-12-31T23:59:59.9999999Z"'],
    *[
        '"2024-01-01T00:00+24:00"',
        '"2024-01-01T00:00\u221201:00"',
        '"2024-01-01T00:00:00."',
        '"2024-1-1"',
        '"20240101"',
    ],
    *['"1700000000"', '"1700000000.5"', '"-0.5"', '"20000000001"', '"99999999999999999999"', '"999999999999999"'],
    *["1700000000", "1700000000.25", "20000000000", "20000000001", "-20000000001", "-62135596800000"],
    *["-62167219200000", "-62167219200001", "253402300799999", "253402300800000", "1.0000005", "-0.5", "1e20"],
    # dates at midnight, times
    *['"2024-01-01T00:00"', '"2024-01-01 00:00:00.0000009Z"', '"2024-01-01T00:00:00.000001"', '"0000-01-01T00:00:01"'],
    *[
        '"0000-01-01T00:00"',
        '"86400"',
        '"86400.0"',
        '"2024-01-01x"',
        '"2024-01-01T"',
        '"2024-01-01T10"',
        "86400",
        "-86400.0",
    ],
    *["253402214400000", "1e-9", "86399", "86400.5", "86399.9999999", "0.1234567", "-1e-9", '"10:00"', '"10:00:00.5Z"'],
    *[
        '"23:59:59.999999999+05:30"',
        '"10:00:60"',
        '"24:00"',
        '"10:60"',
        '"10:00+05"',
        '"10:00-00:30"',
        '"10:00\u221201:00"',
    ],
    *['"10:00 "', '"1:00"', '"10:00:00."', '"10:00:00,5z"', '"10:00zz"', '"10:00+23:60"', '"10:00+24:00"', '"10-00"'],
    *['["2024-01-01","10:00"]', '["2024-01-01",0]', '["10:00","23:59:59.9z"]', '{"2024-01-01":1,"1704067200":2}'],
    # decimals
    *[
        '"1.10"',
        '"-0.00"',
        '"+1"',
        '" 1_0__.50_ "',
        '"1E-7"',
        '"0e10"',
        '"12300e-2"',
        '"0.0010"',
        '"123.45"',
        '"1234.5"',
    ],
    *[
        '"12345.678"',
        '"99999e-2"',
        '"1e3"',
        '"1e28"',
        '"1e29"',
        '"1e-1000"',
        '"sNaN"',
        '"-NaN12"',
        '"Infinity"',
        '"1e"',
    ],
    *['"1e999999999999999999"', '"1e1000000000000000000"', '"1e-1999999999999999997"', '"1e-1999999999999999998"'],
    *[
        '"1\u001c"',
        '"\u0661e\u0663"',
        '"1 0"',
        '"--1"',
        '"10.5"',
        '"10.500000001"',
        '"0.3"',
        '"-9.9"',
        '"0.00"',
        '"1.230"',
    ],
    *["1.10", "12.30", "0.1", "1e22", "1e-7", "123456789012345678901234567890.12", "12345", "-3", "1.5"],
    *['["1.10",2,null]', '["0.1e1",0.5]', f'"{"1" * 40}.123"', f'"{"9" * 28}.5"', f'"0.{"0" * 30}"', '"1e-999999"'],
    # durations
    *[
        '"P1D"',
        '"-P1DT2H"',
        '"+P1Y1M1W1DT1H1M1.5S"',
        '"PT0.0000001S"',
        '"PT1,123456789S"',
        '"P"',
        '"PT"',
        '"P1"',
        '"P1DT"',
    ],
    *['"P1.5Y"', '"PT1.5H1M"', '"P1DTT1S"', '"P999999999D"', '"-P999999999DT1S"', '"P1000000000D"', '"P4294967296D"'],
    *['"1 day, 10:00"', '"2d"', '"-1 days 1:00:00.5"', '"100:00:00"', '"10:00:00.123456789Z"', '"1d,10:00"', '"1 d"'],
    *['"1day"', '"1dx"', '"1 dax"', '"12345678901:00"', '"9999999999:59"', '"-10:00"', '"-"', '"+"', '"-P"', '"PT36H"'],
    *[
        "5",
        "-0.25",
        "1e13",
        "1e14",
        "86399999999999",
        "-86399999999999",
        "1.9999999",
        '["P1D",1.5,null]',
        "86399.99999999",
    ],
    # UUIDs
    *[f'"{ID}"', '"' + ID.replace("-", "") + '"', '"{' + ID + '}"', f'"urn:uuid:{ID}"', '"' + ID.upper() + '"'],
    *[f'"{ID[:-1]}"', f'"{ID[:-1]}g"', f'"{ID}0"', '"12345678-1234-1234-1234-123456789abc"', '"1-2-3-4-5"', '"{}"'],
    # containers
    *["[]", "[1]", "[1,2]", "[1,2,3]", "[1,2,3,4]", '["a"]', '["1",2.0,true]', '[[1],["x",2.5]]', "[null]"],
    *[
        '["a",1]',
        '[1,"a"]',
        '["x",1,"y"]',
        '["x",1,2,"z",3]',
        '[1,"a",2]',
        '["x","y","z"]',
        '[null,{"x":1}]',
        '["a","a"]',
    ],
    *["{}", '{"x":1}', '{"x":"1","y":"q"}', '{"x":"z","y":5,"_sa":1}', '{"x":1,"x":"2"}', '{"y":null}'],
    *[
        '{"a":1,"A":2,"b":"x"}',
        '{"1":1,"01":"2"," 1 ":3}',
        '{"1":1,"2":2}',
        '{"1":1,"2":2,"3":3,"4":"x"}',
        '{"x":"q","y":"r","z":1}',
    ],
    *['{"\\ud800":1}', '{"\\ud800a\\udc00":"x"}', '{"":0}', f'{{"{ID}":1,"{ID.upper()}":[]}}', '{"abc":1,"1":{}}'],
    *['{"9223372036854775808":1}', '{"a":{"b":[1]}}', '{"a":{"b":["x"],"c":1}}', '{"a":{"x":1},"b":{}}'],
    *['[{"x":1}]', '[{"x":1},{"x":"q"}]', '[{},{"x":2,"z":3}]', '[{"x":1},{"x":2}]', '{"a":{"b":[1,{"_sa_c":1}]}}'],
]


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: str(kind).replace("typing.", "")[:60])
def test_answers_as_fastapi(kind: Any) -> None:
    pair = Pair(create_model("Model", f=(kind, ...)))
    answers = {pair.check(f'{{"f":{value}}}'.encode())[0] for value in VALUES}
    # A type that accepts or refuses everything would mean that the comparison sees nothing.
    assert 422 in answers or kind is Any
    assert 200 in answers or kind == Annotated[int, Field(gt=10**30)] or "Strict" in str(kind)


def test_unsupported_type_names_field_and_reason() -> None:
    class Model(BaseModel):
        good: int
        when: PastDatetime
        inner: list[Nested]

    with pytest.raises(Unsupported, match=r"when: `now_op`") as caught:
        export_model(Model)
    assert [field for field, _ in caught.value.reasons] == ["when"]
