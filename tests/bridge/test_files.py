"""Files: the bytes are those of Starlette's own code under uvicorn; where nobody looks at them, they go by path."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import starlette
from starlette.responses import FileResponse

from data_bridge.testing import LiveServer

from .files_app import APPS, make_files, plain_app
from .pair import Pair, both_servers
from .raw_client import Answer, RawConnection, request

THREADS = pytest.mark.parametrize("io_threads", [0, 1], ids=["inline", "an I/O thread"])

RANGES = [
    *("bytes=0-9", "bytes=5-", "bytes=-7", "bytes=0-0", "bytes=99-", "bytes=100-", "bytes=0-99999999", "bytes=-1000"),
    *("bytes=0-4,10-14", "bytes=0-4, 3-9 ,50-", "bytes=50-60,0-5", "bytes=5-3", "bytes=", "bytes", "lines=0-3"),
    *("BYTES = 0-3", "bytes=a-b", "bytes=-", "bytes=1-2,,x,5-6", "bytes=90-,-5", "bytes=-0"),
]
#: Mounted over what is no directory, and a link to itself.
BROKEN = ["/missing/hello.txt", "/missing/", "/no_directory/hello.txt", "/links/round/hello.txt"]
CONDITIONS: list[dict[str, str]] = [
    {},
    {"If-None-Match": "*"},
    {"If-None-Match": 'W/"x", "y"'},
    {"If-Modified-Since": "Tue, 14 Nov 2023 22:13:20 GMT"},
    {"If-Modified-Since": "Tue, 14 Nov 2023 22:13:19 GMT"},
    {"If-Modified-Since": "yesterday"},
    {"Range": "bytes=0-3", "If-Range": "Tue, 14 Nov 2023 22:13:20 GMT"},
    {"Range": "bytes=0-3", "If-Range": '"other"'},
    {"Accept-Encoding": "gzip"},
    {"Origin": "https://a.example"},
]
PATHS = [
    *("/hello.txt", "/empty.bin", "/page.html", "/large.bin", "/data.json.gz", "/no_type", "/sub", "/sub/", "/bare"),
    *("/", "", "/none.txt", "/inside.txt", "/escape.txt", "/../outside.txt", "/%2e%2e/outside.txt", "//hello.txt"),
    *("/same/", "/same", "/same/index.html", "/out/far.txt", "/out/", "/nowhere.txt", "/round", "/pipe", "/.hidden"),
    *("/a%2520b&c.txt", "/a%20b&c.txt", "/hello.txt?x=1", "/sub?x=1", "/./hello.txt", "/sub//index.html", "/sub/%2e"),
    *("/sub/../hello.txt", "/hello.txt/", "/a%00b", "/na%C3%AFve%20%E2%98%83.txt", "/" + "x" * 300, "/%5chello.txt"),
]


def requests(prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for path in ("hello.txt", "empty.bin", "large.bin", "no_type"):
        for wanted in RANGES:
            yield "GET", request("GET", f"{prefix}/file/{path}", headers={"Range": wanted})
        for condition in CONDITIONS:
            for method in ("GET", "HEAD"):
                yield method, request(method, f"{prefix}/file/{path}", headers=condition)
    yield "HEAD", request("HEAD", f"{prefix}/file/hello.txt", headers={"Range": "bytes=0-3"})
    yield "POST", request("POST", f"{prefix}/file/hello.txt", b"body", headers={"Range": "bytes=0-3"})
    for path in ("/class", "/sync", "/plain", "/shout", "/deleted", "/tasks", "/named?filename=a.txt"):
        for extra in ({}, {"Range": "bytes=2-3"}, {"Range": "bytes=2-3,5-6"}, {"Accept-Encoding": "gzip"}):
            yield "GET", request("GET", prefix + path, headers=extra)
    for filename in ("a%20b.txt", "%E2%98%83.txt"):
        yield "GET", request("GET", f"{prefix}/named?filename={filename}&status=201", headers={"Range": "bytes=2-3"})
    yield from mounted(prefix, "/static", "/html", "/links", "/cached")
    for path in ("/far.txt", "/hello.txt", "/py.typed", "/routing.py", "/../routing.py", "/dependencies/", "/none"):
        yield "GET", request("GET", f"{prefix}/several{path}")
    for path in ("/pages/one", "/pages/../hello.txt", "/other"):
        yield "GET", request("GET", f"{prefix}/cached{path}")


def mounted(prefix: str, *mounts: str) -> Iterator[tuple[str, bytes]]:
    for mount in mounts:
        for path in PATHS:
            yield "GET", request("GET", prefix + mount + path or "/")
        for condition in CONDITIONS:
            yield "GET", request("GET", f"{prefix}{mount}/hello.txt", headers=condition)
        for wanted in RANGES[:8]:
            yield "GET", request("GET", f"{prefix}{mount}/large.bin", headers={"Range": wanted})
        yield "HEAD", request("HEAD", f"{prefix}{mount}/large.bin")
        yield "HEAD", request("HEAD", f"{prefix}{mount}/none.txt")
        yield "POST", request("POST", f"{prefix}{mount}/hello.txt", b"body")
        yield "OPTIONS", request("OPTIONS", f"{prefix}{mount}/hello.txt")


def at_the_root() -> Iterator[tuple[str, bytes]]:
    yield from mounted("", "", "/static")
    for path in ("/api/items/3", "/api/items/x", "/api/items", "/api/none", "/static/inner/far.txt", "/static/inner"):
        yield "GET", request("GET", path)
        yield "HEAD", request("HEAD", path)


#: Before 1.0, several ranges are more than their Content-Length says: uvicorn breaks off, and so do we.
MISCOUNTED = "_handle_multiple_ranges" in vars(FileResponse) and starlette.__version__.startswith("0.")


def breaks_off(data: bytes) -> bool:
    return MISCOUNTED and b"," in data.partition(b"Range: ")[2].partition(b"\r\n")[0]


def until_the_end(port: int, data: bytes) -> tuple[bytes, bytes]:
    with socket.create_connection(("127.0.0.1", port), 60) as client:
        client.sendall(data.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        received = b"".join(iter(lambda: client.recv(65536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    return (re.sub(rb"boundary=\w+", b"", head), re.sub(rb"--\w{26}", b"", body))


def without_chance(answer: Answer) -> Answer:
    """The text between parts is random, and before Starlette 1.4 the time is in what is compressed."""
    if answer.header("content-encoding") == "gzip":
        answer.body = answer.body[:4] + answer.body[8:]
    found = re.search(r"boundary=([0-9a-f]+)", answer.header("content-type") or answer.header("content-range") or "")
    if found is not None:
        own = found[1]
        answer.headers = [(name, value.replace(own, "boundary")) for name, value in answer.headers]
        for said in (own, own.upper()):
            answer.body = answer.body.replace(said.encode(), b"boundary")
    return answer


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("files")
    make_files(made)
    return made


@THREADS
@pytest.mark.parametrize("name", APPS)
def test_same_bytes(name: str, io_threads: int, directory: Path) -> None:
    differing: list[tuple[bytes, object, object]] = []
    with both_servers(lambda: APPS[name](directory), io_threads) as ports, Pair(ports) as pair:
        inner = requests("/inner") if name == "within" else ()
        asked = at_the_root() if name == "at the root" else (*requests(), *inner)
        for method, data in asked:
            if breaks_off(data):
                received = [until_the_end(port, data) for port in ports]
                if received[0] != received[1]:
                    differing.append((data, *received))
                continue
            theirs, ours = (without_chance(answer) for answer in pair.answers(data, method))
            for answer, port in zip((theirs, ours), ports, strict=True):
                answer.headers = [(key, value.replace(f":{port}", ":port")) for key, value in answer.headers]
            if theirs != ours:
                differing.append((data, theirs, ours))
    assert differing == []


@THREADS
def test_conditions_with_the_etag(io_threads: int, directory: Path) -> None:
    with both_servers(lambda: plain_app(directory), io_threads) as ports, Pair(ports) as pair:
        theirs, ours = pair.answers(request("GET", "/static/hello.txt"), "GET")
        etag = theirs.header("etag")
        assert etag is not None
        assert ours.header("etag") == etag
        for fields in (
            {"If-None-Match": etag},
            {"If-None-Match": f"W/{etag}"},
            {"If-None-Match": f'"x", {etag}'},
            {"Range": "bytes=1-4", "If-Range": etag},
            {"Range": "bytes=1-4", "If-Range": f"W/{etag}"},
        ):
            for path in ("/static/hello.txt", "/file/hello.txt"):
                theirs, ours = pair.answers(request("GET", path, headers=fields), "GET")
                assert theirs == ours, (path, fields)


@THREADS
@pytest.mark.parametrize("path", ["/none", "/directory", "/declared/7", "/declared/200", *BROKEN])
def test_files_that_cannot_be_sent(
    path: str, io_threads: int, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The exception in the log, what there is of an answer, and the end of the connection."""
    with both_servers(lambda: plain_app(directory), io_threads) as ports:
        logged = []
        with caplog.at_level(logging.ERROR):
            for port in ports:
                caplog.clear()
                with socket.create_connection(("127.0.0.1", port), 60) as client:
                    client.sendall(request("GET", path))
                    received = b"".join(iter(lambda: client.recv(65536), b""))
                deadline = time.monotonic() + 30
                while not (errors := [record.exc_info[1] for record in caplog.records if record.exc_info]):
                    assert time.monotonic() < deadline  # it is logged behind the answer
                    time.sleep(0.01)
                logged.append(([(type(error), str(error)) for error in errors], received.partition(b"\r\n\r\n")[0]))
    assert logged[0] == logged[1]


@THREADS
def test_files_go_by_path(io_threads: int, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody reads a byte of them in Python."""
    import anyio

    async def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a file is opened in Python")

    with LiveServer(plain_app(directory), io_threads=io_threads) as server:
        monkeypatch.setattr(anyio, "open_file", refuse)
        connection = RawConnection(server.port)
        large = (directory / "site/large.bin").read_bytes()
        for path in ("/file/large.bin", "/static/large.bin", "/tasks"):
            connection.send(request("GET", path))
            assert connection.read_answer("GET").body == large
        if "_handle_single_range" in vars(FileResponse):
            connection.send(request("GET", "/file/large.bin", headers={"Range": "bytes=70000-900000"}))
            assert connection.read_answer("GET").body == large[70000:900001]
            if not MISCOUNTED:
                connection.send(request("GET", "/file/large.bin", headers={"Range": "bytes=5-6,70000-900000"}))
                assert large[70000:900001] in connection.read_answer("GET").body
        connection.close()


@THREADS
def test_tasks_run_behind_the_file(io_threads: int, tmp_path: Path) -> None:
    directory = tmp_path
    make_files(directory)
    with LiveServer(plain_app(directory), io_threads=io_threads) as server:
        connection = RawConnection(server.port)
        for _ in range(3):
            connection.send(request("GET", "/deleted"))
            assert connection.read_answer("GET").body == b"once"
        connection.close()
    assert list(directory.glob("for_once*")) == []


@THREADS
def test_a_file_may_be_the_application(io_threads: int, directory: Path) -> None:
    content = (directory / "site/large.bin").read_bytes()
    own = FileResponse(directory / "site/large.bin")
    # The class is ours when the second one starts.
    with LiveServer(plain_app(directory)), LiveServer(own, io_threads=io_threads) as server:
        connection = RawConnection(server.port)
        connection.send(request("GET", "/"))
        assert connection.read_answer("GET").body == content
        connection.close()


def test_extensions_of_other_servers_are_theirs(directory: Path) -> None:
    async def receive() -> Any:
        raise AssertionError("nobody asks")

    def sent() -> list[Any]:
        messages: list[Any] = []

        async def send(message: Any) -> None:
            messages.append(message)

        scope = {"type": "http", "method": "GET", "headers": [], "extensions": {"http.response.pathsend": {}}}
        asyncio.run(FileResponse(directory / "site/large.bin")(scope, receive, send))
        return messages

    alone = sent()
    with LiveServer(plain_app(directory)):
        assert sent() == alone


def test_starlettes_own_code_is_back_behind_the_last_server(directory: Path) -> None:
    own = vars(FileResponse)["__call__"]
    with LiveServer(plain_app(directory)):
        with LiveServer(plain_app(directory)):
            assert vars(FileResponse)["__call__"] is not own
        assert vars(FileResponse)["__call__"] is not own
    assert vars(FileResponse)["__call__"] is own
