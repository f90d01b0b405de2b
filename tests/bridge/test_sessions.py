"""Starlette's SessionMiddleware around compiled routes: fields, sessions and faults as under uvicorn."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import itsdangerous
import pytest
from starlette.middleware.sessions import SessionMiddleware

from data_bridge.compile import features, native_middleware
from data_bridge.routes import RouteCompiler
from data_bridge.testing import LiveServer

from .pair import both_servers
from .raw_client import Answer, RawConnection, request
from .sessions_app import KEY, SESSION, STACKS, Stack, make_app

NOW = 1_700_000_000
DAY = 24 * 60 * 60

GETS = [
    *("/hello", "/sync/n", "/scope", "/keys", "/kind", "/read", "/pop/a", "/pop/none", "/popitem", "/default"),
    *("/nested", "/clear", "/replace", "/vary", "/injected", "/dependent", "/nothing", "/stream", "/background"),
    *("/any", "/refused", "/invalid/1", "/invalid/x", "/error", "/not-json", "/without", "/a-list"),
    *(
        "/nowhere",
        "/hello/",
    ),
]


@pytest.fixture(autouse=True)
def still_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two servers sign at the same time."""
    monkeypatch.setattr(itsdangerous.TimestampSigner, "get_timestamp", lambda _: NOW)


def signed(data: bytes, *, age: int = 0, key: str = KEY) -> str:
    signer = itsdangerous.TimestampSigner(key)
    signer.get_timestamp = lambda: NOW - age  # type: ignore[method-assign]
    return str(signer.sign(data).decode())


def session(value: object, **options: int) -> str:
    return signed(b64encode(json.dumps(value).encode()), **options)


def cookies(name: str) -> Iterator[str | None]:
    """Values of Cookie fields."""
    yield None
    yield f"{name}={session({'a': 1, 'é': [None]})}"
    yield f"a=b; {name}={session({'b': 1}, age=20 * DAY)}; c=d"
    yield f"{name}={session({'b': 1}, age=DAY)}"
    yield f"{name}={session({})}"
    yield f"{name}=null"
    yield f"{name}="
    yield f"x{name}={session({'a': 1})}"
    yield f'{name}="{session({"a": 2})}"'
    yield f"{name}={session({'a': 1})}x"
    yield f"{name}={signed(b64encode(b'{}'), key='another')}"


def faulty_cookies(name: str) -> Iterator[str]:
    """With a signature that is right."""
    yield f"{name}={session([1, 2])}"
    yield f"{name}={session([['a', 1]])}"
    yield f"{name}={session(None)}"
    yield f"{name}={signed(b64encode(b'no JSON'))}"
    yield f"{name}={signed(b'!')}"


def requests(name: str) -> Iterator[tuple[str, bytes]]:
    common = {"Host": "localhost", "Accept-Encoding": "gzip", "Origin": "https://a.example"}
    body = b'{"a": "b", "d": {"e": 1.5}}'
    for cookie in cookies(name):
        headers = common if cookie is None else {**common, "Cookie": cookie}
        for path in GETS:
            yield "GET", request("GET", path, headers=headers)
        yield "GET", request("GET", "/read", headers={**headers, "Host": "evil"})
        yield "HEAD", request("HEAD", "/any", headers=headers)
        yield "POST", request("POST", "/set", body, {**headers, "Content-Type": "application/json"})
        yield "POST", request("POST", "/set", b"{}", {**headers, "Content-Type": "application/json"})
        yield "POST", request("POST", "/set", b"{", {**headers, "Content-Type": "application/json"})
        yield "POST", request("POST", "/hello", body, {**headers, "Content-Type": "application/json"})
        yield "OPTIONS", request("OPTIONS", "/any", headers={**headers, "Access-Control-Request-Method": "GET"})
        yield "OPTIONS", request("OPTIONS", "/any", b"abc", {**headers, "Access-Control-Request-Method": "PUT"})
    for cookie in faulty_cookies(name):
        for path in ("/hello", "/read", "/nowhere"):
            yield "GET", request("GET", path, headers={**common, "Cookie": cookie})
    two = f"Cookie: {name}={session({'a': 1})}\r\nCookie: {name}={session({'a': 2})}\r\n"
    yield "GET", f"GET /read HTTP/1.1\r\nHost: localhost\r\n{two}\r\n".encode()


class Client:
    """A kept connection, made anew behind answers that end it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connection = RawConnection(port)

    def ask(self, method: str, data: bytes) -> tuple[Answer, bool]:
        self.connection.send(data)
        answer = self.connection.read_answer(method)
        answer.headers = [(name, value.replace(f":{self.port}", ":port")) for name, value in answer.headers]
        if answer.header("content-encoding") == "gzip":
            answer.body = answer.body[:4] + answer.body[8:]  # before Starlette 1.4 the time is in there
        ends = " 500 " in answer.status_line and self.connection.at_end()
        if ends:
            self.connection.close()
            self.connection = RawConnection(self.port)
        return answer, ends


@pytest.mark.parametrize("io_threads", [0, 1], ids=["inline", "an I/O thread"])
@pytest.mark.parametrize("stack", STACKS)
def test_same_bytes(stack: str, io_threads: int) -> None:
    options = next(options for kind, options in STACKS[stack] if kind is SessionMiddleware)
    differing = []
    with both_servers(lambda: make_app(STACKS[stack]), io_threads=io_threads) as ports:
        clients = [Client(port) for port in ports]
        for method, data in requests(options.get("session_cookie", "session")):
            theirs, ours = (client.ask(method, data) for client in clients)
            if theirs != ours:
                differing.append((data, theirs, ours))
    assert differing == []


@pytest.mark.parametrize("io_threads", [0, 1], ids=["inline", "an I/O thread"])
@pytest.mark.parametrize("stack", STACKS)
def test_is_native(stack: str, io_threads: int) -> None:
    options = next(options for kind, options in STACKS[stack] if kind is SessionMiddleware)
    cookie = f"{options.get('session_cookie', 'session')}={session({'a': 1})}"
    with LiveServer(make_app(STACKS[stack]), io_threads=io_threads) as server:
        assert server.server.compiled.inside_reason == ""
        client = Client(server.port)
        for headers in ({"Host": "localhost"}, {"Host": "localhost", "Cookie": cookie}):
            for path in ("/hello", "/read", "/default", "/refused", "/stream"):
                client.ask("GET", request("GET", path, headers=headers))
        assert server.pop_counts() == {"compiled": 10}


@pytest.mark.parametrize("io_threads", [0, 1], ids=["inline", "an I/O thread"])
def test_no_session_is_opened_that_nobody_wants(io_threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    own = SessionMiddleware.__call__

    async def call(self: SessionMiddleware, scope: Any, receive: Any, send: Any) -> None:
        opened.append(scope["path"])
        await own(self, scope, receive, send)

    with LiveServer(make_app([SESSION]), io_threads=io_threads) as server:
        monkeypatch.setattr(SessionMiddleware, "__call__", call)
        client = Client(server.port)
        for path in ("/hello", "/nowhere", "/read"):
            client.ask("GET", request("GET", path, headers={"Cookie": "other=1"}))
        client.ask("GET", request("GET", "/hello", headers={"Cookie": f"session={session({})}"}))
    assert [path for path in opened if path != "/nowhere" or features.REDIRECTS_AS_WE_DO] == ["/read", "/hello"]


def reason(stack: Stack) -> str:
    return RouteCompiler(make_app(stack)).compile().inside_reason


def test_what_is_not_wholly_known_stays_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reason([SESSION, SESSION]) == "user middleware: SessionMiddleware (one around another)"
    odd = (SessionMiddleware, {"secret_key": KEY, "session_cookie": "é"})
    assert reason([odd]) == "user middleware: SessionMiddleware (session_cookie is no ASCII)"
    monkeypatch.setitem(native_middleware._KNOWN, "SessionMiddleware", {"another"})
    expected = "user middleware: SessionMiddleware (the code of SessionMiddleware is not known)"
    assert reason([SESSION]) == expected


@pytest.mark.parametrize("io_threads", [0, 1], ids=["inline", "an I/O thread"])
def test_a_key_that_is_rotated_counts_at_once(io_threads: int) -> None:
    app = make_app([SESSION])
    with LiveServer(app, io_threads=io_threads) as server:
        client = Client(server.port)
        headers = {"Cookie": f"session={session({'a': 1}, key='new')}"}
        assert client.ask("GET", request("GET", "/read", headers=headers))[0].body == b"{}"
        layer = app.middleware_stack
        while type(layer) is not SessionMiddleware:
            layer = layer.app  # type: ignore[union-attr]
        layer.signer.secret_keys.append(b"new")
        assert client.ask("GET", request("GET", "/read", headers=headers))[0].body == b'{"a":1}'
        layer.signer = itsdangerous.TimestampSigner("newer")
        assert client.ask("GET", request("GET", "/read", headers=headers))[0].body == b"{}"
