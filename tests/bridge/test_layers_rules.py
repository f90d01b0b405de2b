"""When middleware is native, when it is not, and that a change of it counts for the next request."""

from __future__ import annotations

import inspect
import re
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from data_bridge import _core
from data_bridge.compile import features, native_middleware
from data_bridge.compile.byte_pattern import NotTranslatableError, byte_pattern
from data_bridge.compile.source_fingerprint import fingerprint
from data_bridge.routes import RouteCompiler
from data_bridge.testing import LiveServer

from .layers_app import make_app
from .raw_client import RawConnection, request

ORIGIN = {"Origin": "https://late.example"}
PREFLIGHT = {**ORIGIN, "Access-Control-Request-Method": "GET"}
REDIRECTS = pytest.mark.skipif(not features.REDIRECTS_AS_WE_DO, reason="redirects of another release")
THREADS = pytest.mark.parametrize("io_threads", [0, 1], ids=["inline", "an I/O thread"])


def reason(*stack: tuple[Any, dict[str, Any]]) -> str:
    return RouteCompiler(make_app(list(stack))).compile().inside_reason


class Subclass(CORSMiddleware):
    pass


class Pass(BaseHTTPMiddleware):
    async def dispatch(self, request: Any, call_next: Any) -> Any:
        return await call_next(request)


NOT_NATIVE: dict[str, tuple[list[tuple[Any, dict[str, Any]]], str]] = {
    "a subclass": ([(Subclass, {})], "user middleware: Subclass"),
    "one among others": ([(CORSMiddleware, {}), (Pass, {}), (GZipMiddleware, {})], "user middleware: Pass"),
    "a set": (
        [(CORSMiddleware, {"allow_origins": {"a"}})],
        "user middleware: CORSMiddleware (allow_origins is no list",
    ),
    "a str": (
        [(CORSMiddleware, {"allow_methods": "GET"})],
        "user middleware: CORSMiddleware (allow_methods is no list",
    ),
    "an expression": (
        [(CORSMiddleware, {"allow_origin_regex": r"(?=a)a"})],
        "user middleware: CORSMiddleware (allow_origin_regex needs Python: ASSERT)",
    ),
    "level 0": ([(GZipMiddleware, {"compresslevel": 0})], "user middleware: GZipMiddleware (compresslevel is none of"),
    "no least size": (
        [(GZipMiddleware, {"minimum_size": 0})],
        "user middleware: GZipMiddleware (minimum_size is below",
    ),
}


@pytest.mark.parametrize("name", NOT_NATIVE)
def test_what_is_not_wholly_known_stays_in_python(name: str) -> None:
    stack, expected = NOT_NATIVE[name]
    assert reason(*stack).startswith(expected)


def test_code_that_was_replaced_stays_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reason((CORSMiddleware, {})) == ""

    async def send(*_: Any) -> None: ...

    monkeypatch.setattr(CORSMiddleware, "send", send)
    assert reason((CORSMiddleware, {})) == "user middleware: CORSMiddleware (CORSMiddleware.send was replaced)"


def test_code_that_nobody_has_compared_stays_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(native_middleware._KNOWN, "TrustedHostMiddleware", {"another"})
    expected = "user middleware: TrustedHostMiddleware (the code of TrustedHostMiddleware is not known)"
    assert reason((TrustedHostMiddleware, {"allowed_hosts": ["a"]})) == expected


def test_gzip_stays_in_python_where_zlib_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zlib, "ZLIB_RUNTIME_VERSION", "1.3.1.zlib-ng")
    native_middleware._same_zlib.cache_clear()
    try:
        assert reason((GZipMiddleware, {})) == "user middleware: GZipMiddleware (Python's zlib is another one)"
    finally:
        native_middleware._same_zlib.cache_clear()


def test_a_fingerprint_is_of_what_code_says() -> None:
    def one(a: int = 1) -> int:
        """Doubles."""
        return a * 2  # twice

    first = fingerprint(one)

    def one(a=1):  # type: ignore[no-redef]
        return a * 2

    assert fingerprint(one) == first != ""

    def one(a=1):  # type: ignore[no-redef]
        return a * 3

    assert fingerprint(one) != first
    assert fingerprint(len) == ""


# --- the watch -------------------------------------------------------------------------------------


def changing_app(change: Callable[[FastAPI], None], middleware: Any, **options: Any) -> FastAPI:
    app = make_app([(middleware, options)])

    @app.post("/change")
    async def apply() -> None:
        change(app)

    return app


def wait_until_native(server: LiveServer, client: httpx.Client) -> None:
    """A change is seen by the request behind it; compiled anew is soon behind that."""
    for _ in range(1000):
        server.pop_counts()
        client.get("/hello", headers={"Host": "localhost"})
        if server.pop_counts() == {"compiled": 1}:
            return
    raise AssertionError("nothing is compiled any more")


@THREADS
def test_an_origin_that_is_appended_counts_at_once(io_threads: int) -> None:
    origins: list[str] = []
    app = changing_app(lambda _: origins.append(ORIGIN["Origin"]), CORSMiddleware, allow_origins=origins)
    with LiveServer(app, io_threads=io_threads) as server, httpx.Client(base_url=server.url) as client:
        assert client.options("/hello", headers=PREFLIGHT).status_code == 400
        assert "access-control-allow-origin" not in client.get("/hello", headers=ORIGIN).headers
        client.post("/change")
        assert client.options("/hello", headers=PREFLIGHT).status_code == 200
        for _ in range(3):
            assert client.get("/hello", headers=ORIGIN).headers["access-control-allow-origin"] == ORIGIN["Origin"]
        wait_until_native(server, client)
        assert client.options("/hello", headers=PREFLIGHT).status_code == 200
        assert server.pop_counts() == {"middleware": 1}


@THREADS
def test_an_attribute_that_is_set_counts_at_once(io_threads: int) -> None:
    def change(app: FastAPI) -> None:
        layer: Any = app.middleware_stack
        while type(layer) is not TrustedHostMiddleware:
            layer = layer.app
        layer.allowed_hosts = [*layer.allowed_hosts, "late"]

    app = changing_app(change, TrustedHostMiddleware, allowed_hosts=["localhost", "127.0.0.1"])
    with LiveServer(app, io_threads=io_threads) as server, httpx.Client(base_url=server.url) as client:
        assert client.get("/hello", headers={"Host": "late"}).status_code == 400
        client.post("/change")
        assert client.get("/hello", headers={"Host": "late"}).status_code == 200
        wait_until_native(server, client)
        assert client.get("/hello", headers={"Host": "late"}).status_code == 200


@REDIRECTS
@THREADS
def test_a_stack_that_is_built_anew_counts_at_once(io_threads: int) -> None:
    def change(app: FastAPI) -> None:
        app.user_middleware.clear()
        app.middleware_stack = app.build_middleware_stack()

    app = changing_app(change, HTTPSRedirectMiddleware)
    with LiveServer(app, io_threads=io_threads) as server, httpx.Client(base_url=server.url) as client:
        assert client.get("/hello").status_code == 307
        change(app)
        assert client.get("/hello").status_code == 200
        wait_until_native(server, client)


# --- the walk of a request -------------------------------------------------------------------------


@THREADS
def test_nobody_waits_for_the_body_of_what_is_refused(io_threads: int) -> None:
    app = make_app([(TrustedHostMiddleware, {"allowed_hosts": ["localhost"]})])
    headers = {"Host": "evil", "Content-Length": "30000", "Expect": "100-continue", "Content-Type": "application/json"}
    with LiveServer(app, io_threads=io_threads) as server, RawConnection(server.port) as connection:
        connection.send(request("POST", "/items", headers=headers))
        assert connection.read_answer().status_line == "HTTP/1.1 400 Bad Request"
    with LiveServer(app, io_threads=io_threads) as server, RawConnection(server.port) as connection:
        del headers["Expect"]
        connection.send(request("POST", "/items", headers=headers))
        assert connection.read_answer().status_line == "HTTP/1.1 400 Bad Request"
        connection.send(b"x" * 30_000 + request("GET", "/hello"))
        assert connection.read_answer().status_line == "HTTP/1.1 200 OK"


@REDIRECTS
def test_over_a_unix_socket(tmp_path: Path) -> None:
    app = make_app([(HTTPSRedirectMiddleware, {})])
    with LiveServer(app, uds=str(tmp_path / "s")) as server, RawConnection(str(tmp_path / "s")) as connection:
        connection.send(request("GET", "/hello?a", headers={"Host": "h:80"}))
        assert connection.read_answer().header("location") == "https://h/hello?a"
        assert server.pop_counts() == {"middleware": 1}
        connection.send(b"GET /hello HTTP/1.0\r\n\r\n")
        answer = connection.read_answer()
        assert server.pop_counts() == {"bridged": 1}, answer


@REDIRECTS
def test_a_root_path_is_in_the_url(tmp_path: Path) -> None:
    app = make_app([(TrustedHostMiddleware, {"allowed_hosts": ["www.example.org"]})])
    with LiveServer(app, root_path="/api") as server, RawConnection(server.port) as connection:
        connection.send(request("GET", "/hello?a", headers={"Host": "example.org"}))
        assert connection.read_answer().header("location") == "http://www.example.org/api/hello?a"


def has_worker_thread() -> bool:
    return any(thread.name == "AnyIO worker thread" for thread in threading.enumerate())


@pytest.mark.skipif("thread_minimum_size" not in inspect.signature(GZipMiddleware).parameters, reason="always inline")
@pytest.mark.parametrize("path", ["/text/2000", "/json/400"])
@THREADS
def test_the_loop_stays_free_while_much_is_compressed(io_threads: int, path: str) -> None:
    app = make_app([(GZipMiddleware, {"thread_minimum_size": 2000}), (CORSMiddleware, {"allow_origins": ["a"]})])
    with LiveServer(app, io_threads=io_threads) as server, httpx.Client(base_url=server.url) as client:
        client.get("/text/1999", headers={"Accept-Encoding": "gzip"})
        client.get(path, headers={"Accept-Encoding": "br"})
        assert not has_worker_thread()
        answer = client.get(path, headers={"Accept-Encoding": "gzip", "Origin": "a"})
        assert has_worker_thread()
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers.get_list("access-control-allow-origin") == ["a"]
        assert len(answer.content) >= 2000
        assert server.pop_counts() == {"compiled": 3}


# --- expressions -----------------------------------------------------------------------------------

EXPRESSIONS = [
    r"https://.*\.example\.(com|org)",
    r"https?://(localhost|127\.0\.0\.1)(:\d+)?",
    r"(?i)HTTPS://[a-z]+",
    r"(?i:HTTPS)://[a-z]+",
    r"(?s).*",
    r".*",
    r"",
    r"^a|b$",
    r"(?:^a$)?",
    r"\Aa\w+\Z",
    r"[^a-y\d]{2,4}?",
    r"[\W_]+|\S\s",
    r"(?a:\w)+",
    r"(?P<x>a|(b|c)+)*d",
    r"(?x) a  b # c",
    r"\u00e9|[\u00c0-\u00ff]\u2603?",
    r"\N{SNOWMAN}",
    r"a{,2}b{3,}",
    r"(?:a|)+c",
    r"(?i)[\u0130\u017f\u212a]",
]


def texts() -> Iterator[str]:
    yield from ("", "a", "b", "ab", "aab", "bbb", "aabbb", "aac", "abcbd", "d", "zz", "\xe9", "\xc9\xff", "k", "s", "I")
    yield from (
        "https://a.example.com",
        "https://\xe9.example.org",
        "http://localhost:80",
        "http://127x0x0x1",
        "HTTPS://ABC",
    )
    yield from map(chr, range(256))
    yield from (first + second for first in "a\xe9_ -\x85" for second in "Z\xb5\xaa 9\xb2")


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_matches_the_same_origins(expression: str) -> None:
    pattern = re.compile(expression)
    translated = re.compile(
        re.sub(r"\\x\{(..)\}", r"\\x\1", byte_pattern(pattern)).replace(r"\z", r"\Z").encode(), re.DOTALL
    )
    for text in texts():
        if "\n" not in text:
            assert bool(pattern.fullmatch(text)) == bool(translated.fullmatch(text.encode("latin-1"))), text


@pytest.mark.parametrize(
    "expression", [r"(a)\1", r"(?<!a)b", r"a\b", r"(?>a)", r"a++", r"(?:a{1001})", r"(a)?(?(1)b|c)"]
)
def test_what_only_pythons_engine_has_is_not_translated(expression: str) -> None:
    with pytest.raises(NotTranslatableError):
        byte_pattern(re.compile(expression))


@pytest.mark.parametrize("level", range(1, 10))
def test_compressed_bytes_are_those_of_pythons_zlib(level: int) -> None:
    assert native_middleware._same_zlib(level)
    body = b"".join(b"%d," % (number * number % 977) for number in range(200_000))
    assert _core.gzip(body, level) == native_middleware._compressed(body, level)
