"""Bodies: what json.loads accepts and refuses, and how FastAPI reports it."""

import json
import random
import struct
from typing import Any

import pytest
from pydantic import ConfigDict, create_model
from schema_reference import Pair

from data_bridge._core import is_json_content_type

PAIR = Pair(create_model("Model", __config__=ConfigDict(extra="allow"), a=(Any, None)))

BROKEN = [
    *["", " ", "\n\t\r ", "\x0c1", "{", "[", "{]", "[}", "}", "]", ",", ":", '"', "'", "nul", "nulll", "tru", "falsey"],
    *['{"a"', '{"a" ', '{"a":', '{"a": ', '{"a":1', '{"a":1 ', '{"a":1,', '{"a":1, ', '{"a":1,}', '{"a":1 , }', "{,}"],
    *['{"a":1,,}', '{"a":1 "b":2}', '{"a" 1}', "{a:1}", "{1:2}", '{"a":}', '{"a":,}', '{"a":1}}', '{"a":1} x', "{} {}"],
    *["[1", "[1 ", "[1,", "[1, ", "[1,]", "[1 , ]", "[,]", "[1,,2]", "[1 2]", "[1]]", "[1] x", "[[1,],2]", '["a",]'],
    *['"abc', '"a\\', '"a\\"', '"a\nb"', '"a\x00b"', '"a\x1fb"', '"a\x7fb"', '"\\x"', '"\\é"', '"\\U0041"', '"\\'],
    *['"\\u"', '"\\u1"', '"\\u12"', '"\\u123"', '"\\u1234', '"\\u12g4"', '"\\ud800\\u"', '"\\ud800\\u12"', '"\\u00e9'],
    *[
        '"\\ud83d\\ude00',
        '"\\ud83d\\u12g4"',
        '"\\ud83d\\',
        '"é\\u12é4"',
        '"\\uéééé"',
        '"\\ud83d\\uéééé"',
        '"\\u \uff11"',
    ],
    *["-", "-a", "--1", "+1", "01", "-01", "00", "1.", "1.a", ".5", "1e", "1e+", "1e+a", "1E-", "1.5e", "-.5", "1.e5"],
    *[
        "Nan",
        "nan",
        "NaN1",
        "Infinity1",
        "-Infinit",
        "Infinit",
        "-NaN",
        "inf",
        "1_000",
        "0x10",
        "1e5.5",
        "é",
        "😀",
        "\x00",
    ],
    *['{"é":😀}', '{"😀":"é', '["é😀",]', '{"a":1e}', '{"a":-}', '{"a":tru}', '{"a":"\\ud800', '{"a":[1,{"b":}]}'],
    *["\ufeff{}", "{}\x0c", "{}\xa0", "/* */{}", "{}//", '{"a":"\\/"', "{'a':1}", "[1;2]", "\u2028{}"],
]

GOOD = [
    *[
        "{}",
        " {} ",
        '{"a":1}',
        '\t{\r\n"a" : 1 }\n',
        '{"a":[ ]}',
        '{"a":{ }}',
        '{"a":[1 , 2]}',
        '{"a":-0}',
        '{"a":-0.0}',
    ],
    *['{"a":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20ac\\ud83d\\ude00"}', '{"a":"\\u0000\\u001f\\u007f"}'],
    *['{"a":1e5}', '{"a":1E+5}', '{"a":1e-5}', '{"a":0e0}', '{"a":0.1e1}', '{"a":1e99999999999999999999}'],
    *['{"a":1e-99999999999999999999}', '{"a":0e99999999999999999999}', '{"a":123456789012345678901234567890}'],
    *['{"a":NaN,"b":[Infinity,-Infinity]}', '{"a":1,"b":2,"a":3}', '{"b":1,"a":2,"b":{"c":1,"c":2}}', '{"":{"":[]}}'],
    '{"a":0.' + "0" * 400 + "1e400}",
    '{"a":' + "1" * 400 + "." + "1" * 400 + "e-400}",
    '{"a":' + "9" * 4300 + "}",
    "{" + ",".join(f'"k{i}":{i}' for i in range(100)) + "}",
    "{" + ",".join(f'"k{i % 30}":{i}' for i in range(100)) + "}",
]


@pytest.mark.parametrize("text", [*BROKEN, *GOOD])
def test_text(text: str) -> None:
    for body in (text.encode(), text.encode("utf-8-sig"), text.encode("utf-16"), text.encode("utf-32-be")):
        PAIR.check(body)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-16", "utf-32", "utf-8-sig"])
def test_encodings(codec: str) -> None:
    text = '{"a":"é€😀\ud800x\udc00","b":[1]}'
    assert PAIR.check('{"a":"é€😀"}'.encode(codec))[0] == 200
    if "8" in codec:
        PAIR.check(text.encode("utf-8", "surrogatepass"))
    else:
        PAIR.check(text.encode(codec, "surrogatepass"))
    for cut in range(1, 9):
        PAIR.check('{"a":"é€😀"}'.encode(codec)[:-cut])
        PAIR.check('{"a":"é€😀"}'.encode(codec)[cut:])


@pytest.mark.parametrize(
    "body",
    [
        *[b'{"a":"\xff"}', b'{"a":"\xc3"}', b"\xc3\x28", b'{"a":"\xc0\x80"}', b'{"a":"\xe0\x80\x80"}', b"\x80"],
        *[
            b'{"a":"\xf0\x80\x80\x80"}',
            b'{"a":"\xf4\x90\x80\x80"}',
            b'{"a":"\xed\xa0\x80"}',
            b'{"a":"\xed\xa0\xbd\\ude00"}',
        ],
        *[
            b'{"\xed\xa0\x80":1}',
            b'{"a":1} \xff',
            b"{bad \xff",
            b"\x00",
            b"\x00\x00",
            b"\x001",
            b"1\x00",
            b"\x00\x00\x00\x00",
        ],
        *[
            b"1\x00\x00\x00",
            b"\x00\x00\x001",
            b"\xff\xfe",
            b"\xfe\xff\x00{",
            b"\xff\xfe\x00\x00",
            b"\xff\xfe{\x00}\x00\x00",
        ],
        *[
            b"\xef\xbb\xbf",
            b"\xef\xbb\xbf\xef\xbb\xbf{}",
            b"\xef\xbb",
            b"{}\x00\x00",
            b"{\x00}\x00",
            b"\x00\x00\xfe\xff\x00\x11\x00\x00",
        ],
    ],
)
def test_bytes(body: bytes) -> None:
    PAIR.check(body)


def test_too_many_digits_and_too_deep() -> None:
    assert PAIR.check(b'{"a":' + b"9" * 4301 + b"}")[0] == 400
    assert PAIR.check(b'{"a":-' + b"9" * 4301 + b"}")[0] == 400
    assert PAIR.check(b"[" * 100_000)[0] == 400
    assert PAIR.check(b'{"a":' * 100_000)[0] == 400
    # Near the limits the depth of FastAPI's own stack decides; well inside both sides agree.
    assert PAIR.check(b"[" * 900 + b"]" * 900)[0] == 422
    assert PAIR.check(b"[" * 5_000 + b"x")[0] in (400, 422)


def test_random_doubles() -> None:
    rng = random.Random(7)
    for _ in range(400):
        values = [struct.unpack("<d", rng.randbytes(8))[0] for _ in range(5)]
        values += [rng.random() * 10.0 ** rng.randrange(-12, 25), round(rng.random(), 3), float(rng.randrange(10**17))]
        PAIR.check(json.dumps({"a": values}).encode())
        PAIR.check(json.dumps(values).encode())  # a list is no model: the floats come back by repr()


def test_random_damage() -> None:
    rng = random.Random(11)
    text = '{"a":[1,-2.5e3,"x\\u00e9\\ud83d\\ude00\\n",null,true,NaN],"b":{"c":"é😀","d":[]},"b":""}'
    alphabet = [*list('{}[],:"\\/u0d8e.-+ntfIN \n\té'), "\\ud800", "null", "\x01", "", ""]
    statuses = []
    for _ in range(3_000):
        damaged = list(text)
        for _ in range(rng.randrange(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.choice(alphabet)
        statuses.append(PAIR.check("".join(damaged).encode())[0])
    assert {200, 422} <= set(statuses)


def test_bodies_that_are_not_json() -> None:
    expected = PAIR.reference.post(b'{"a":1}', "text/plain")
    assert expected[0] == 422
    assert PAIR.native.validate(b'{"a":1}', is_json=False) == expected
    invalid = PAIR.reference.post(b"\xff\xfe", "text/plain")
    assert invalid[0] == 500
    assert PAIR.native.validate(b"\xff\xfe", is_json=False) == invalid
    assert PAIR.native.validate(b"", is_json=False) == PAIR.reference.post(b"", "text/plain")


def test_content_types() -> None:
    rng = random.Random(5)
    parts = [
        "application",
        "text",
        "json",
        "/",
        "/",
        "+json",
        "+",
        ";",
        "charset=utf-8",
        '"',
        " ",
        "\t",
        "\xa0",
        "x",
        ",",
    ]
    types = ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json", "application/+json"]
    types += ["".join(rng.choices(parts, k=rng.randrange(1, 6))) for _ in range(400)]
    types += [kind + rng.choice(parts) for kind in types[:4] for _ in range(20)]
    types += [rng.choice(parts) + kind for kind in types[:4] for _ in range(20)]
    read_as_json = 0
    for content_type in types:
        status = PAIR.reference.post(b"{}", content_type)[0]
        assert is_json_content_type(content_type.encode("latin-1")) == (status == 200), content_type
        read_as_json += status == 200
    assert read_as_json > 20
