"""ASGI's extensions: `http.response.pathsend` and `http.response.trailers`."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest

from data_bridge.testing import LiveServer

from . import extensions_app
from .raw_client import RawConnection, request

THREADS = pytest.mark.parametrize("io_threads", [0, 1], ids=["inline", "an I/O thread"])
LARGE = os.urandom(1000) * 5000


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("files")
    (directory / "small").write_bytes(b"hello")
    (directory / "empty").write_bytes(b"")
    (directory / "large").write_bytes(LARGE)
    os.mkfifo(directory / "fifo")
    return directory


@contextmanager
def serving(io_threads: int) -> Iterator[int]:
    extensions_app.ENDS.clear()
    with LiveServer(extensions_app.app, io_threads=io_threads, server_header=False, date_header=False) as live:
        yield live.port


def url(act: str, **query: object) -> str:
    return f"/{act}?{urlencode(query)}"


def whole(port: int, path: str, method: str = "GET", **fields: str) -> bytes:
    """All that the server sends until it closes."""
    with socket.create_connection(("127.0.0.1", port), 60) as client:
        client.sendall(request(method, path, headers={"Connection": "close", **fields}))
        return b"".join(iter(lambda: client.recv(1 << 20), b""))


def ends(count: int) -> list[str]:
    """How so many requests have ended."""
    deadline = time.monotonic() + 60
    while len(extensions_app.ENDS) < count and time.monotonic() < deadline:
        time.sleep(0.001)
    return extensions_app.ENDS


@THREADS
def test_announced(io_threads: int) -> None:
    with serving(io_threads) as port:
        found = json.loads(whole(port, "/announced", "GET").partition(b"\r\n\r\n")[2].split(b"\r\n")[1])
    assert found == {"http.response.pathsend": {}, "http.response.trailers": {}}


@THREADS
def test_files_with_a_length_and_chunked(io_threads: int, files: Path) -> None:
    with serving(io_threads) as port:
        connection = RawConnection(port)
        for name, content in (("small", b"hello"), ("empty", b""), ("large", LARGE)):
            for query in ({"length": len(content)}, {}):
                connection.send(request("GET", url("path", path=files / name, **query)))
                assert connection.read_answer("GET").body == content
            connection.send(request("HEAD", url("path", path=files / name, length=len(content))))
            assert connection.read_answer("HEAD").header("content-length") == str(len(content))
        connection.close()
        assert ends(9) == ["http.disconnect"] * 9


@THREADS
def test_pipelined_requests_wait_for_the_file(io_threads: int, files: Path) -> None:
    with serving(io_threads) as port:
        connection = RawConnection(port)
        asked = request("GET", url("path", path=files / "large", length=len(LARGE)))
        connection.send(asked + request("GET", url("path", path=files / "small")) + asked)
        for content in (LARGE, b"hello", LARGE):
            assert connection.read_answer("GET").body == content
        connection.close()


@THREADS
def test_what_is_no_file_is_an_error(io_threads: int, files: Path) -> None:
    with serving(io_threads) as port:
        for name, error in (
            ("none", "FileNotFoundError: [Errno 2] No such file or directory"),
            ("", "IsADirectoryError: [Errno 21] Is a directory"),
            ("fifo", "OSError: [Errno 22] Invalid argument"),
            ("small/x", "NotADirectoryError: [Errno 20] Not a directory"),
        ):
            extensions_app.ENDS.clear()
            path = f"{files}/{name}"
            assert whole(port, url("path", path=path)) == (
                b"HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
            )
            assert ends(1) == [f"{error}: {path!r}"]
        extensions_app.ENDS.clear()
        assert whole(port, url("path", path="a\0b")).endswith(b"\r\n\r\n")
        assert ends(1) == ["ValueError: embedded null byte"]


@THREADS
def test_lengths_that_do_not_hold(io_threads: int, files: Path) -> None:
    with serving(io_threads) as port:
        assert whole(port, url("path", path=files / "small", length=3)).endswith(b"\r\n\r\n")
        assert ends(1) == ["RuntimeError: Response content longer than Content-Length"]
        assert whole(port, url("path", path=files / "small", length=30)).endswith(b"\r\n\r\nhello")
        assert ends(2)[1] == "RuntimeError: Response content shorter than Content-Length"


@THREADS
def test_a_file_is_the_whole_body(io_threads: int, files: Path) -> None:
    with serving(io_threads) as port:
        whole(port, url("mixed", path=files / "small", kinds="body,pathsend"))
        assert ends(1) == [
            "RuntimeError: Expected ASGI message 'http.response.body', but got 'http.response.pathsend'."
        ]
        for kinds in ("pathsend,body", "pathsend,pathsend"):
            extensions_app.ENDS.clear()
            whole(port, url("mixed", path=files / "small", kinds=kinds))
            kind = kinds.partition(",")[2]
            unexpected = f"Unexpected ASGI message 'http.response.{kind}' sent, after response already completed."
            assert ends(1) == [f"RuntimeError: {unexpected}"]
        extensions_app.ENDS.clear()
        whole(port, url("twice", path=files / "large"))
        assert ends(1) == [f"RuntimeError: {unexpected}"]


@THREADS
def test_nobody_waits_for_the_file(io_threads: int, files: Path) -> None:
    with serving(io_threads) as port:
        for length, content in ((len(LARGE), LARGE), (len(LARGE) + 1, LARGE), (1, b"")):
            answer = whole(port, url("not-awaited", path=files / "large", length=length))
            assert answer.partition(b"\r\n\r\n")[2] == content
        assert whole(port, url("not-awaited", path=files / "none", length=1)).endswith(b"\r\n\r\n")


@THREADS
def test_a_client_that_leaves(io_threads: int, files: Path) -> None:
    with serving(io_threads) as port:
        with socket.create_connection(("127.0.0.1", port), 60) as client:
            client.sendall(request("GET", url("path", path=files / "large", length=len(LARGE))))
            assert client.recv(10) == b"HTTP/1.1 2"
        assert ends(1) == ["http.disconnect"]


@THREADS
def test_files_that_are_not_in_memory(io_threads: int, files: Path) -> None:
    path = files / "cold"
    path.write_bytes(LARGE)
    with serving(io_threads) as port:
        for _ in range(3):
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            assert whole(port, url("path", path=path, length=len(LARGE))).endswith(b"\r\n\r\n" + LARGE)


CHUNKED = b"HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
WITH_LENGTH = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"


@THREADS
def test_trailers(io_threads: int, files: Path) -> None:
    with serving(io_threads) as port:
        pieces = CHUNKED + b"3\r\nabc\r\n3\r\ndef\r\n0\r\n"
        sent = b"x-sum: 1\r\nx-last: 2\r\n\r\n"
        assert whole(port, "/trailers", TE="gzip;q=0.5, Trailers") == pieces + sent
        assert whole(port, "/trailers") == pieces + b"\r\n"
        assert whole(port, "/trailers?length=6", TE="trailers") == WITH_LENGTH % 6 + b"abcdef"
        assert whole(port, "/trailers", "HEAD", TE="trailers").count(b"\r\n\r\n") == 1
        path = url("trailers", path=files / "small")
        assert whole(port, path, TE="trailers") == CHUNKED + b"5\r\nhello\r\n0\r\n" + sent
        assert ends(5) == ["http.disconnect"] * 5


@THREADS
def test_trailers_are_owed(io_threads: int) -> None:
    with serving(io_threads) as port:
        assert not whole(port, "/trailers?none=1").endswith(b"0\r\n\r\n")
        assert not whole(port, "/trailers?early=1").endswith(b"0\r\n\r\n")
        assert ends(1) == [
            "RuntimeError: Expected ASGI message 'http.response.trailers', but got 'http.response.body'."
        ]
