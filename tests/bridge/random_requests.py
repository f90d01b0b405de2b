"""Requests for typed_app that are valid, nearly valid and odd, made from a seed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .raw_client import request
from .typed_app import OUTCOMES


def words(text: str) -> list[str]:
    return text.split()


# In the spelling of a URI.
VALUES = [
    "",
    *words(
        "1 0 -1 +5 007 1.5 1.0 1e3 1_000 %203%20 3%20 inf nan -inf true false True yes on off t n 1e400 4 10 11 5.0"
    ),
    *words(
        "1e1 0x10 99999999999999999999999 9223372036854775808 -9223372036854775809 1. %2E5 .5 00 -0 -0.0 1E5 infinity"
    ),
    *words("NaN 1,2 1%E2%80%89 %D9%A3 abc a ab abcdef abc%00d %C3%A9 %FF %E2%82%AC red blue x y p q %2F a%2Fb .. a+b"),
    *words("a%2Bb null None [] %22x%22 created 2020-01-01 2020-01-01T00:00:00 2020-01-01T00:00:00Z"),
    *words(
        "2020-01-01T00:00:00%2B02:00 2020-01-01%2010:20 1577836800 1577836800000 12:30 12:30:15.25 P1DT2H PT5S 3600"
    ),
    *words("c6a1a1de-0000-4000-8000-000000000000 C6A1A1DE00004000800000000000000A"),
    *words("%7Bc6a1a1de-0000-4000-8000-000000000000%7D urn:uuid:c6a1a1de-0000-4000-8000-000000000000"),
]
NAMES = words("q r s many text at day time span order why y amount raw limit tags x Q q%20 %71")
PATHS = [
    *words(
        "/numbers/{} /reals/{} /times/{} /choices/{}/{} /bounds/{} /rest/{} /outcomes/{} /changed /sync/{} /headers"
    ),
    *words("/router/{}/x/{} /page /items/{} /numbers/{}/ /nowhere/{}"),
]
HEADERS: list[dict[str, str]] = [
    {},
    {"X-Token": "abc"},
    {"X-Token": "a", "x-token": "b"},
    {"X_Token": "q"},
    {"x-token": "\xe9"},
    {"x-token": "a", "number": "7"},
    {"x-token": "a", "number": "z"},
]

BODY_PATHS = [
    *words(
        "/everything /everything/set /everything/{} /aliased /aliased/out /even /list /dict /any /optional /embedded"
    ),
    "/two",
]
CONTENT_TYPES = ["application/json"] * 14 + [
    "application/json; charset=utf-8",
    "application/JSON",
    "application/json;",
    "application/vnd.api+json",
    "application/x-www-form-urlencoded",
    "text/plain",
    "json",
    None,
]
ODD_BODIES = [
    b"",
    b"  ",
    b"{",
    b"[1,]",
    b"nul",
    b"null",
    b"1",
    b'"x"',
    b"[]",
    b"{}",
    b"\xff",
    b'{"a":1}x',
    b'{"name":"a","name":"b","number":1}',
    b'\xef\xbb\xbf{"name":"a","number":1}',
    b'"\\ud800"',
    b'{"number":NaN,"name":"a"}',
    b'{"number":1,"name":"\\u0000"}',
    b'{"name":"a","number":1e2}',
    b'{"name":"a","number":1,"real":Infinity}',
    b'{"name":"a","number":-0}',
    b'{"name" :"a" ,"number": 1 } ',
    b'{"name":"a","number":123456789012345678901234567890}',
    b'{"name":"\\ud83d\\ude00","number":1}',
    '{"name":"é","number":1}'.encode("utf-16"),
]
UID = "c6a1a1de-0000-4000-8000-000000000000"
FIELDS: dict[str, list[Any]] = {
    "name": ["ab", "", "x" * 11, 5],
    "number": [1, 0, -1, 1000, "7", 1.0, 1.5, True],
    "real": [1, "2.5", None, "x", 2.25],
    "flag": [True, "yes", 1, "maybe", 0.0],
    "when": ["2020-01-01T00:00:00Z", 0, "x", None, 1577836800.5, "2020-01-01"],
    "uid": [UID, "x", None],
    "inner": [{}, {"a": "2"}, {"a": "x", "b": [1]}, None, {"c": "1.5", "zz": 1}],
    "tags": [[], ["a"], [1], "a", None],
    "colour": ["red", "green", None],
    "literal": ["x", "y", 3, "3", None],
    "counts": [{}, {"a": 1}, {"a": "1"}, {"a": "x"}, []],
    "either": [1, "1", "a", None, 1.0, 1.5, []],
    "amount": [1, "1.10", 1.1, "x", None],
    "extra": [1],
}
INNER: dict[str, list[Any]] = {"a": [1, "1", "x"], "b": [[], ["x"]], "c": [None, 1]}
ALIASED: dict[str, list[Any]] = {"firstName": ["a", 1], "first_name": ["b"], "theAge": [1, "2", "x"]}
EVEN: dict[str, list[Any]] = {"x": [1, 2, "4", {}, 3]}
SCALARS: list[Any] = [
    0,
    1,
    -1,
    5,
    999,
    1000,
    2**63,
    10**20,
    0.0,
    1.5,
    1e300,
    -0.0,
    3.0,
    1e16,
    True,
    False,
    None,
    "",
    "a",
]
SCALARS += [
    "abc",
    "é",
    "x" * 12,
    "1",
    "1.5",
    "true",
    "red",
    "x",
    "y",
    "2020-01-01T00:00:00Z",
    UID,
    "\U0001f600",
    'a"b\\',
    "\n",
]


@dataclass
class RandomRequest:
    method: str
    data: bytes


class Generator:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def requests(self, count: int) -> Iterator[RandomRequest]:
        for _ in range(count):
            yield self.plain() if self.random.random() < 0.5 else self.with_body()

    def plain(self) -> RandomRequest:
        pick = self.random.choice
        template = pick(PATHS)
        method = pick(["GET"] * 12 + ["HEAD", "POST", "OPTIONS", "DELETE"])
        if template.startswith("/items"):
            method = pick(["DELETE", "DELETE", "GET"])
        path = template
        for _ in range(template.count("{}")):
            path = path.replace("{}", pick(VALUES), 1)
        if template.startswith("/outcomes"):
            path = f"/outcomes/{self.random.randrange(len(OUTCOMES))}"
        headers = pick(HEADERS) if template == "/headers" else {}
        return RandomRequest(method, request(method, path + self.query(), headers=headers))

    def query(self) -> str:
        pick = self.random.choice
        parts = []
        for _ in range(pick([0, 0, 1, 1, 2, 3, 5])):
            name, value = pick(NAMES), pick(VALUES)
            parts.append(
                pick([f"{name}={value}"] * 3 + [name, f"{name}=", f"{name}={value}={value}", f"{name}={value};x=1", ""])
            )
        return "?" + pick(["&", "&", "&", "&&"]).join(parts) if parts else pick(["", "", "?"])

    def with_body(self) -> RandomRequest:
        pick = self.random.choice
        template = pick(BODY_PATHS)
        path = template.replace("{}", pick(["1", "x", "-5", "1.0"]))
        if self.random.random() < 0.3:
            path += self.query()
        method = "PUT" if "{}" in template else "POST"
        body = self.body(template)
        content_type = pick(CONTENT_TYPES)
        headers = {"Content-Type": content_type} if content_type else {}
        if self.random.random() > 0.1:
            return RandomRequest(method, request(method, path, body, headers))
        head = request(method, path, None, {**headers, "Transfer-Encoding": "chunked"})
        pieces = [piece for piece in (body[:3], body[3:]) if piece]
        return RandomRequest(method, head + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n")

    def body(self, path: str) -> bytes:
        chance = self.random.random()
        if chance < 0.08:
            return self.random.choice(ODD_BODIES)
        value = self.json() if chance < 0.2 else self.body_value(path)
        separators = self.random.choice([(",", ":"), (", ", ": ")])
        return json.dumps(value, ensure_ascii=self.random.random() < 0.5, separators=separators).encode()

    def body_value(self, path: str) -> Any:
        if path.startswith("/everything") or path == "/optional":
            return self.everything()
        if path in ("/embedded", "/two"):
            return {"item": self.everything(), "inner": self.model(INNER)}
        if path.startswith("/aliased"):
            return self.model(ALIASED)
        if path == "/even":
            return self.model(EVEN)
        if path == "/list":
            return [self.model(INNER) for _ in range(self.random.randrange(3))]
        if path == "/dict":
            return {key: self.model(INNER) for key in self.random.sample(["k", "l", "é"], self.random.randrange(3))}
        return self.json()

    def everything(self) -> dict[str, Any]:
        found = self.model(FIELDS, 0.4)
        if self.random.random() < 0.85:
            found = {"name": "ab", "number": 1} | found
        if self.random.random() < 0.8:
            found.pop("extra", None)
        return found

    def model(self, fields: dict[str, list[Any]], chance: float = 0.7) -> dict[str, Any]:
        return {
            name: self.random.choice(values) if self.random.random() < 0.9 else self.json(1)
            for name, values in fields.items()
            if self.random.random() < chance
        }

    def json(self, depth: int = 0) -> Any:
        kind = self.random.randrange(10) if depth < 3 else 0
        if kind < 7:
            return self.random.choice(SCALARS)
        if kind == 7:
            return [self.json(depth + 1) for _ in range(self.random.randrange(4))]
        names = ["a", "b", "c", "name", "number", "x", "firstName", "first_name", "zz"]
        return {self.random.choice(names): self.json(depth + 1) for _ in range(self.random.randrange(4))}
