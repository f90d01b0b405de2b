"""The native readers of forms beside Starlette's parsers: the same form, or every byte of it left to those.

Bodies come of a seed; DATA_BRIDGE_TEST_FORMS is how many there are of each kind.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import random
from collections.abc import Awaitable, Iterator
from typing import Any

import pytest
import starlette.formparsers
import starlette.requests
from starlette.datastructures import FormData
from starlette.requests import Request

from data_bridge import _core
from data_bridge.compile import forms

COUNT = int(os.environ.get("DATA_BRIDGE_TEST_FORMS", "1500"))

URLENCODED = b"application/x-www-form-urlencoded"
MULTIPART = b"multipart/form-data; boundary=b"
TYPES = [
    *(URLENCODED, MULTIPART, b"", b"text/plain", b"application/json", b"multipart/form-data", b"multipart/mixed"),
    *(b'multipart/form-data; boundary="b"', b"multipart/form-data;boundary=b", b"multipart/form-data; boundary="),
    *(b"Multipart/Form-Data; boundary=b", b"multipart/form-data; charset=latin-1; boundary=b", b"a/b; boundary=b"),
    *(b"multipart/form-data; boundary=b; charset=utf-16", b"multipart/form-data; boundary=" + b"b" * 71),
    *(b"multipart/form-data; boundary=\xe9", URLENCODED + b"; charset=utf-8", URLENCODED + b";charset=x"),
]
FORM_LIMITS = set(inspect.signature(Request.form).parameters)
LIMITS: list[dict[str, int]] = [{}, {"max_fields": 2}, {"max_files": 1}, {"max_fields": 3, "max_files": 0}]


def same(kind: bytes, pieces: list[bytes], **limits: int) -> bool:
    """Whether it was read natively, and then to the same form; else every byte is left."""
    found = forms.read_natively(kind, pieces, **limits)
    if isinstance(found, list):
        known = {name: limit for name, limit in limits.items() if name in FORM_LIMITS}
        assert found == forms.read_by_starlette(kind, pieces, **known)
        return True
    assert found is None or found == b"".join(pieces)
    return False


def cut(chance: random.Random, body: bytes) -> list[bytes]:
    """In some pieces, perhaps with empty ones."""
    cuts = sorted(chance.randrange(len(body) + 1) for _ in range(chance.choice([0, 0, 1, 2, 5])))
    return [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]


def hurt(chance: random.Random, body: bytes) -> bytes:
    """With something that clients do not send."""
    at = chance.randrange(len(body) + 1)
    pieces = [
        b"\r",
        b"\n",
        b"\r\n",
        b"--b",
        b"--b--",
        b"--b ",
        b"\x00",
        b"&",
        b";",
        b"=",
        b"%",
        b'"',
        b"\\",
        b":",
        b"\xe9",
    ]
    match chance.randrange(4):
        case 0:
            return body[:at]
        case 1:
            return body[:at] + body[at + chance.randrange(1, 6) :]
        case 2:
            return body[:at] + chance.choice(pieces) + body[at:]
        case _:
            other = chance.randrange(len(body) + 1)
            return body[: max(at, other)] + body[min(at, other) :]


WORDS = [
    b"",
    b"a",
    b"b",
    b"a b",
    b"1",
    "é".encode(),
    b"\xe9",
    b"x" * 300,
    b"%41",
    b"a+b",
    b"%C3%A9",
    b"%ff%",
    b"%E9x",
    b"c=d",
]


def urlencoded(chance: random.Random) -> bytes:
    fields = [
        chance.choice(WORDS) + (b"" if chance.random() < 0.2 else b"=" + chance.choice(WORDS))
        for _ in range(chance.randrange(6))
    ]
    return b"&".join(fields)


NAMES = [b"a", b"f", b"a b", "é".encode(), b"x;y=z", b"", b"n" * 200]
DATA = [
    b"",
    b"1",
    b"\r",
    b"\r\n",
    b"\r\n--",
    b"\r\n--a",
    b"--b",
    b"-" * 50,
    b"\r\n\r",
    "é".encode(),
    b"\xe9\x00",
    b"x" * 3000,
]
FIELDS = [b"Content-Type: text/plain", b"content-type: image/png; a=b", b"Content-Transfer-Encoding: base64", b"X:  y "]


def part(chance: random.Random) -> bytes:
    head = b'Content-Disposition: form-data; name="%b"' % chance.choice(NAMES)
    if chance.random() < 0.5:
        head += b'; filename="%b"' % chance.choice(NAMES)
    fields = [head, *chance.sample(FIELDS, chance.randrange(3))]
    chance.shuffle(fields)
    data = b"".join(chance.choice(DATA) for _ in range(chance.randrange(3)))
    if b"\r\n--b" in b"\r\n\r\n" + data:  # that would be a delimiter, or nearly
        data = b""
    return b"--b\r\n" + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + data + b"\r\n"


def multipart(chance: random.Random) -> bytes:
    parts = b"".join(part(chance) for _ in range(chance.randrange(1, 5)))
    return parts + b"--b--" + chance.choice([b"", b"\r\n", b"\r\nmore", b"\r\n--b\r\n"])


KINDS = {"urlencoded": (URLENCODED, urlencoded), "multipart": (MULTIPART, multipart)}


@pytest.mark.parametrize("name", KINDS)
def test_usual_forms(name: str) -> None:
    kind, make = KINDS[name]
    chance = random.Random(1)
    for _ in range(COUNT):
        body = make(chance)
        read = same(kind, cut(chance, body))
        assert read or body.startswith(b"&") or b"&&" in body, body


@pytest.mark.parametrize("name", KINDS)
def test_hostile_forms(name: str) -> None:
    kind, make = KINDS[name]
    chance = random.Random(2)
    read = 0
    for _ in range(COUNT):
        body = make(chance)
        for _ in range(chance.randrange(1, 3)):
            body = hurt(chance, body)
        read += same(kind, cut(chance, body), **chance.choice(LIMITS))
    assert COUNT / 50 < read < COUNT


@pytest.mark.parametrize("name", KINDS)
def test_forms_of_other_types(name: str) -> None:
    _, make = KINDS[name]
    chance = random.Random(3)
    for _ in range(COUNT // 10):
        body = make(chance)
        for kind in TYPES:
            same(kind, cut(chance, body))


@pytest.mark.parametrize("name", KINDS)
def test_forms_cut_at_every_byte(name: str) -> None:
    kind, make = KINDS[name]
    chance = random.Random(4)
    for _ in range(8):
        body = make(chance)[:700]
        for at in range(len(body) + 1):
            same(kind, [body[:at], body[at:]])
        same(kind, [bytes([byte]) for byte in body])


def test_random_bytes() -> None:
    chance = random.Random(5)
    letters = [
        b"\r\n",
        b"--b",
        b"--",
        b"a",
        b"=",
        b"&",
        b"Content-Disposition: form-data; ",
        b'name="a"',
        b": ",
        b"\xff",
    ]
    for _ in range(COUNT):
        body = b"".join(chance.choice(letters) for _ in range(chance.randrange(20)))
        same(chance.choice([URLENCODED, MULTIPART]), cut(chance, body))


def test_limits() -> None:
    large = b"x" * 1024
    for size in (1023, 1024, 1025):
        body = part_of(b"a", b"x" * size) + b"--b--"
        assert same(MULTIPART, [body], max_part_size=1024) == (size <= 1024)
        assert same(URLENCODED, [b"x" * size], max_part_size=1024) == (size <= 1024)
    assert same(MULTIPART, [part_of(b"f", large * 4, b'; filename="f"') + b"--b--"], max_part_size=1024)
    many = b"&".join([b"a=1"] * 1000)
    assert same(URLENCODED, [many])
    assert not same(URLENCODED, [many + b"&a"])
    heads = b"".join(b"X: %d\r\n" % number for number in range(7))
    for more, read in ((b"", True), (b"X: 7\r\n", False), (b"X: " + b"x" * 4200 + b"\r\n", False)):
        assert same(MULTIPART, [part_of(b"a", b"1", b"\r\n" + (heads + more)[:-2]) + b"--b--"]) == read


def part_of(name: bytes, data: bytes, more: bytes = b"") -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n' % (name, more, data)


# --- files that go to the disk ---------------------------------------------------------------------


@pytest.fixture
def small_spool(monkeypatch: pytest.MonkeyPatch) -> None:
    parser = starlette.formparsers.MultiPartParser
    name = "spool_max_size" if hasattr(parser, "spool_max_size") else "max_file_size"
    monkeypatch.setattr(parser, name, 1000)


def upload_bodies() -> Iterator[bytes]:
    for size in (0, 999, 1000, 1001, 5000, 70_000):
        data = random.Random(size).randbytes(size)
        file = part_of(b"f", data, b'; filename="f.bin"')
        yield file + part_of(b"a", b"1") + file + b"--b--\r\n"


async def described(form: Any) -> Any:
    return [
        (name, value if isinstance(value, str) else (value.size, value.file._rolled, await value.read()))
        for name, value in form.multi_items()
    ]


async def by_starlette(pieces: list[Any], receive: Any = None) -> Any:
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append({"type": "http.request"})

    async def received() -> Any:
        return messages.pop(0)

    form = await Request({"type": "http", "headers": [(b"content-type", MULTIPART)]}, receive or received).form()
    return await described(form)


def native() -> Any:
    async def read(request: Any, stack: Any) -> Any:
        return await described(await request.form())

    found = forms.native_form({}, None, read)
    assert found is not None
    return found


def read_natively(pieces: list[bytes]) -> tuple[list[Any], Any]:
    found = _core.read_form(MULTIPART, pieces, native())
    assert found is not None
    return found


@pytest.mark.usefixtures("small_spool")
def test_files_that_roll_over() -> None:
    async def compare() -> None:
        for body in upload_bodies():
            for step in (100, 999, 1000, 65536, 10**6):
                pieces = [body[at : at + step] for at in range(0, len(body), step)]
                due, form = read_natively(pieces)
                await forms.write(due)
                assert isinstance(form, FormData)
                assert await described(form) == await by_starlette(pieces)
                await form.close()

    asyncio.run(compare())


@pytest.mark.usefixtures("small_spool")
def test_files_that_are_read_again() -> None:
    """What turns out to be unusual when some of it is on the disk."""

    async def compare() -> None:
        for body in upload_bodies():
            for unusual in (
                body.removesuffix(b"--b--\r\n") + b'--b\r\nContent-Disposition: x; name="a"\r\n\r\n1\r\n--b--',
                body[:-9],
            ):
                for step in (999, 65536):
                    pieces = [unusual[at : at + step] for at in range(0, len(unusual), step)]
                    due, left = read_natively(pieces)
                    assert isinstance(left, list)
                    request = Request({"type": "http", "headers": [(b"content-type", MULTIPART)]}, never)
                    assert await native().read_again(request, None, due, left, True) == await by_starlette(pieces)
                    assert request.receive is never
                    assert all(piece.file.closed for piece in left if not isinstance(piece, bytes))

    asyncio.run(compare())


async def never() -> Any:
    raise AssertionError("nothing more was sent")


def test_what_is_replaced_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(starlette.formparsers.MultiPartParser):
        pass

    assert forms._foreign_reason() == ""
    with monkeypatch.context() as patch:
        patch.setattr(starlette.requests, "MultiPartParser", Own)
        assert "MultiPartParser" in forms._foreign_reason()
    with monkeypatch.context() as patch:
        patch.setattr(starlette.formparsers.FormParser, "parse", lambda self: None)
        assert "FormParser.parse" in forms._foreign_reason()
    with monkeypatch.context() as patch:
        parser: Any = starlette.formparsers.multipart.QuerystringParser

        class Shouting(parser):  # type: ignore[misc]
            def write(self, data: bytes) -> int:
                return int(super().write(data.upper()))

        patch.setattr(starlette.formparsers.multipart, "QuerystringParser", Shouting)
        assert "Starlette [" in forms._foreign_reason()


def test_a_receive_that_waits() -> None:
    """The rest is what comes in."""

    async def run() -> None:
        body = next(upload_bodies())
        left: list[Any] = [body[:50]]
        rest = iter([{"type": "http.request", "body": body[50:], "more_body": True}, {"type": "http.request"}])

        async def receive() -> Any:
            await asyncio.sleep(0)
            return next(rest)

        request = Request({"type": "http", "headers": [(b"content-type", MULTIPART)]}, receive)
        again: Awaitable[Any] = native().read_again(request, None, [], left, False)
        assert await again == await by_starlette([body])

    asyncio.run(run())
