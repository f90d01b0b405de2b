"""Forms and files on real sockets, whole and in pieces: answers, files and their ends are those under uvicorn."""

from __future__ import annotations

import functools
import inspect
import json
import random
import time
from collections.abc import Iterator

import pytest
import starlette.formparsers

from data_bridge.compile import features

from .forms_app import make_app
from .pair import both_servers, side_by_side
from .raw_client import Answer, RawConnection, request

URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}


def part(name: str, data: bytes, filename: str | None = None, more: str = "") -> bytes:
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"'
    if filename is not None:
        head += f'; filename="{filename}"\r\nContent-Type: text/plain'
    return head.encode() + more.encode() + b"\r\n\r\n" + data + b"\r\n"


def body_of(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--b--\r\n"


SMALL = part("f", b"hello", "h.txt")
MEGABYTE = random.Random(1).randbytes(1024 * 1024)
EXACT = part("f", MEGABYTE, "exact")
LARGE = part("f", MEGABYTE + b"\r\n--" + MEGABYTE, "large.bin", "\r\nX-More: 1")
ODD = b"--b\r\nContent-Disposition: form-data; name=a; filename*=x\r\n\r\n1\r\n"

FORMS: dict[str, bytes] = {
    "all": b"a=x+y&b=2&c=1&c=&c=%C3%A9&D=1.5&e=4&e=5",
    "least": b"a=1",
    "refused": b"a=1&b=0&D=x&e=y",
    "empty text": b"a=&b=&D=&c=&e=",
    "nothing": b"",
    "odd": b"a=1;b=2&&b=3&",
    "many": b"&".join([b"a=1"] * 1000),
    "too many": b"&".join([b"a=1"] * 1001),
    "large": b"a=" + b"x" * 1024 * 1024,
    "nearly as large": b"a=" + b"x" * (1024 * 1024 - 1),
}
FILES: dict[str, bytes] = {
    "small": body_of(SMALL, part("a", "é".encode())),
    "two": body_of(SMALL, part("f", b"", "empty"), part("g", b"g", "g")),
    "exact": body_of(EXACT, part("a", b"\xe9")),
    "large": body_of(part("a", b"1"), LARGE, SMALL),
    "no file": body_of(part("a", b"1"), part("f", b"text")),
    "none selected": body_of(part("f", b"", ""), part("g", b"", "")),
    "nothing": body_of(part("b", b"1")),
    "large, then odd": body_of(LARGE, SMALL, ODD),
    "large, then broken": LARGE + b"--b\r\nbroken\r\n\r\n",
    "large, then cut": (LARGE + SMALL)[:-9],
    "large, too much text": body_of(LARGE, part("a", MEGABYTE + b"1")),
    "odd": body_of(ODD, SMALL),
    "preamble": b"\r\n" + body_of(SMALL),
    "no multipart": b"hello",
}
REQUESTS: dict[str, tuple[str, bytes, dict[str, str]]] = {
    **{f"/fields {name}": ("/fields", body, URLENCODED) for name, body in FORMS.items()},
    **{f"/form {name}": ("/form", body, URLENCODED) for name, body in FORMS.items()},
    **{
        f"{path} {name}": (path, body, MULTIPART)
        for path in ("/upload", "/uploads", "/bytes", "/form", "/by-request", "/held", "/raises/http")
        for name, body in FILES.items()
    },
    **{
        f"{path} {name}": (path, FILES[name], MULTIPART)
        for path in ("/streamed", "/raises/key", "/raises/value", "/sync")
        for name in ("small", "large", "odd")
    },
    "/one": ("/one", b"only=1", URLENCODED),
    "/one, empty": ("/one", b"only=", URLENCODED),
    "/sync": ("/sync", b"a=1", URLENCODED),
    "/model": ("/model", b"name=n&age=4&more=1", URLENCODED),
    "/model, refused": ("/model", b"name=&age=x", URLENCODED),
    "/fields of parts": (
        "/fields",
        body_of(part("a", b"1"), part("c", b""), part("c", b"2"), part("D", b"3")),
        MULTIPART,
    ),
    "/fields as JSON": ("/fields", b'{"a": 1}', {"Content-Type": "application/json"}),
    "/fields, no type": ("/fields", b"a=1", {}),
    "/upload, no boundary": ("/upload", FILES["small"], {"Content-Type": "multipart/form-data"}),
    "/upload, a charset": ("/upload", FILES["exact"], {"Content-Type": "multipart/form-data; charset=x; boundary=b"}),
}


@pytest.fixture(scope="module", params=["0 threads", "2 threads", "middleware"])
def ports(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    make = functools.partial(make_app, middleware=request.param == "middleware")
    with both_servers(make, io_threads=2 if request.param == "2 threads" else 0) as found:
        yield found


def compared(ports: tuple[int, int], pieces: list[bytes], pause: float = 0.0, calm: int = 0) -> Answer:
    def ask(side: int) -> tuple[Answer, bytes]:
        with RawConnection(ports[side]) as connection:
            for piece in pieces:
                connection.send(piece)
                time.sleep(pause)
            answer = connection.read_answer()
        with RawConnection(ports[side]) as connection:
            connection.send(request("GET", f"/seen?calm={calm}"))
            return answer, connection.read_answer().body

    (theirs, their_files), (ours, our_files) = side_by_side(ask)
    assert ours == theirs
    assert our_files == their_files
    return ours


@pytest.mark.parametrize("name", REQUESTS)
def test_whole(ports: tuple[int, int], name: str) -> None:
    path, body, headers = REQUESTS[name]
    if path == "/streamed" and not features.EXITS_BEHIND_ANSWER:
        pytest.skip("files are closed before the answer")
    compared(ports, [request("POST", path, body, headers)], calm=3 if path == "/held" else 0)


@pytest.mark.parametrize("name", ["/fields all", "/form all", "/upload small", "/form large", "/held large, then odd"])
@pytest.mark.parametrize("count", [2, 3, 10])
def test_slow_senders(ports: tuple[int, int], name: str, count: int) -> None:
    path, body, headers = REQUESTS[name]
    data = request("POST", path, body, headers)
    chance = random.Random(count)
    cuts = sorted(chance.sample(range(1, len(data)), count - 1))
    pieces = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    compared(ports, pieces, 0.02, calm=3 if path == "/held" else 0)


def test_chunks(ports: tuple[int, int]) -> None:
    body = FILES["small"]
    head = request("POST", "/form", None, {**MULTIPART, "Transfer-Encoding": "chunked"})
    pieces = [body[at : at + 7] for at in range(0, len(body), 7)]
    compared(ports, [head, *(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces), b"0\r\n\r\n"])


def test_refused_before_all_was_sent(ports: tuple[int, int]) -> None:
    cases = [(MULTIPART, b"hello")]
    if "max_fields" in inspect.signature(starlette.formparsers.FormParser).parameters:
        cases.append((URLENCODED, b"&".join([b"a=1"] * 1002)))
    for headers, body in cases:
        data = request("POST", "/form", body + b"x" * 100, headers)[:-100]
        answer = compared(ports, [data])
        assert answer.status_line.startswith("HTTP/1.1 400")


@pytest.mark.parametrize("sent", [20, 100, 1_000_000, 1_500_000])
def test_clients_that_leave(ports: tuple[int, int], sent: int) -> None:
    data = request("POST", "/upload", FILES["large"], MULTIPART)
    for side in range(2):
        with RawConnection(ports[side]) as connection:
            connection.send(data[: data.index(b"\r\n\r\n") + 4 + sent])
            time.sleep(0.05)
    answer = compared(ports, [request("POST", "/upload", FILES["small"], MULTIPART)])
    assert json.loads(answer.body)["f"]["size"] == 5


def test_a_large_upload_holds_nobody_up(ports: tuple[int, int]) -> None:
    """While it comes in slowly others are answered, and it is all there in the end."""
    data = request("POST", "/upload", body_of(LARGE), MULTIPART)
    with RawConnection(ports[1]) as large:
        for at in range(0, len(data), 300_000):
            large.send(data[at : at + 300_000])
            with RawConnection(ports[1]) as other:
                other.send(request("POST", "/one", b"only=1", URLENCODED))
                assert other.read_answer().body == b'"1"'
        assert json.loads(large.read_answer().body)["f"]["size"] == 2 * len(MEGABYTE) + 4
