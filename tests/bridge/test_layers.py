"""Starlette's middleware natively: the bytes are those of Starlette's under uvicorn, in every order."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import pytest

from data_bridge.compile import features
from data_bridge.testing import LiveServer

from .layers_app import STACKS, app_of, make_app
from .pair import both_servers
from .raw_client import Answer, RawConnection, request

ORIGINS = ["https://a.example", "https://b.example", "https://c.example", "null", "HTTPS://x.A.example:80", "", "xxd"]
PATHS = ["/hello", "/sync", "/json/400", "/vary", "/vary?own=z", "/nowhere", "/hello/", "/request", "/refused"]
GZIP = {"Accept-Encoding": "gzip, deflate, br"}


def preflight(path: str, origin: str, method: str, **more: str) -> bytes:
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    return request("OPTIONS", path, headers=headers)


def cross_origin() -> Iterator[tuple[str, bytes]]:
    for path, origin in itertools.product(PATHS, ORIGINS):
        yield "GET", request("GET", path, headers={"Origin": origin})
    for origin in ORIGINS:
        yield "GET", request("GET", "/hello", headers={"Origin": origin, "Cookie": "a=b"})
        yield (
            "POST",
            request("POST", "/items", b'{"name": "n"}', {"Origin": origin, "Content-Type": "application/json"}),
        )
        yield "POST", request("POST", "/items", b'{"name": 3}', {"Origin": origin, "Content-Type": "application/json"})
        yield "OPTIONS", request("OPTIONS", "/any", headers={"Origin": origin})
        for method in ("GET", "POST", "PUT", "get", ""):
            yield "OPTIONS", preflight("/hello", origin, method)
        for fields in ("X-Token", "accept, x-TOKEN ,Content-Type", "x-\xe9T\xc9", "", "accept,", "\xa0accept\xa0"):
            yield "OPTIONS", preflight("/nowhere", origin, "GET", Access_Control_Request_Headers=fields)
        yield "OPTIONS", preflight("/stream", origin, "GET", Access_Control_Request_Private_Network="true")
        yield "OPTIONS", preflight("/", origin, "TRACE", Access_Control_Request_Private_Network="", Cookie="a=b")
    yield "OPTIONS", request("OPTIONS", "/hello", headers={"Access-Control-Request-Method": "GET"})
    yield "OPTIONS", request("OPTIONS", "/hello", headers={"Origin": "https://a.example"})
    yield "OPTIONS", preflight("/items", "https://a.example", "POST", Content_Length="3") + b"abc"
    yield "HEAD", request("HEAD", "/any", headers={"Origin": "https://a.example"})


def encodings() -> Iterator[tuple[str, bytes]]:
    for accepted in ("gzip", "x-gzip", "gzip;q=0", "GZIP", "br", "identity, gzip", ""):
        for path in ("/text/499", "/text/500", "/json/3000", "/hello"):
            yield "GET", request("GET", path, headers={"Accept-Encoding": accepted})
    yield "GET", request("GET", "/text/600")
    yield "GET", request("GET", "/text/600", headers={"Accept-encoding": "br", "accept-Encoding": "gzip"})
    for size in (0, 1, 5, 9, 10, 11, 100, 501, 70_000, 1_000_000):
        yield "GET", request("GET", f"/text/{size}", headers=GZIP)
    types = [
        "text/plain",
        "TEXT/Event-Stream;charset=utf-8",
        "text/event-stream",
        "text/event-streams",
        " image/png ",
        "application/grpc+proto",
        "application/json",
        "audio/x",
        "audio",
    ]
    for media_type in types:
        yield (
            "GET",
            request("GET", f"/typed?media_type={media_type.replace(' ', '%20').replace('+', '%2B')}", headers=GZIP),
        )
    yield "GET", request("GET", "/typed?media_type=text/plain&encoding=br", headers=GZIP)
    yield "GET", request("GET", "/typed?media_type=text/plain&status=206", headers=GZIP)
    yield "GET", request("GET", "/typed?media_type=text/plain&status=206")
    for path in ("/vary", "/length-last", "/nothing", "/unchanged", "/background", "/refused", "/any", "/nowhere"):
        yield "GET", request("GET", path, headers=GZIP)
        yield "GET", request("GET", path)
    for path in ("/stream", "/stream?pieces=1", "/stream?pieces=0", "/stream?media_type=text/event-stream"):
        yield "GET", request("GET", path, headers=GZIP)
        yield "GET", request("GET", path)
    yield "HEAD", request("HEAD", "/any", headers=GZIP)
    yield "PUT", request("PUT", "/any", b"", headers=GZIP)


def hosts() -> Iterator[tuple[str, bytes]]:
    named = [
        "localhost",
        "localhost:80",
        "LocalHost:8443",
        "localhost:0080",
        "localhost:443",
        "localhost:99999",
        "localhost:",
        "a.example.com",
        "A.Example.Com:1",
        "example.com",
        "example.org",
        "example.org:8080",
        "www.example.org",
        "www.localhost",
        "a%2fB:80",
        "a%2fB",
        "[::1]",
        "[::1]:80",
        "[::1]:81",
        ".example.com",
    ]
    for host, path in itertools.product(named, ("/hello?a=b%20c", "/sl%0A%09%0Da%C3%A9%3F%23%5C//x", "/stream")):
        yield "GET", request("GET", path, headers={"Host": host})
    yield "GET", b"GET /hello HTTP/1.0\r\n\r\n"
    yield "GET", b"GET /hello? HTTP/1.0\r\nHost: evil\r\n\r\n"
    yield "OPTIONS", b"OPTIONS * HTTP/1.1\r\nHost: example.org\r\n\r\n"
    yield "GET", b"GET http://example.org/hello HTTP/1.1\r\nHost: example.org\r\n\r\n"
    yield "POST", request("POST", "/items", b'{"name": "n"}', {"Host": "example.org", "Origin": "https://a.example"})
    yield "OPTIONS", preflight("/hello", "https://a.example", "GET", Host="evil")
    yield "HEAD", request("HEAD", "/any", headers={"Host": "evil"})
    for scheme in ("https", "http", "ws", "wss", "ftp", "HTTPS"):
        for host in ("example.org", "localhost:80", "[::1]:443", "localhost:"):
            yield "GET", request("GET", "/hello", headers={"Host": host, "X-Forwarded-Proto": scheme})
    yield "GET", request("GET", "/hello", headers={"X-Forwarded-For": "10.0.0.1", "Host": "example.org"})
    yield "GET", request("GET", "/hello", headers={"Connection": "upgrade", "Upgrade": "h2c", "Host": "evil"})


REQUESTS = [*cross_origin(), *encodings(), *hosts()]
THREADS = pytest.mark.parametrize("io_threads", [0, 1], ids=["inline", "an I/O thread"])


class Client:
    """A kept connection, made anew behind answers that end it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connection: RawConnection | None = None

    def ask(self, method: str, data: bytes) -> tuple[Answer, bool]:
        """The answer, without the server's port, and whether the connection has ended."""
        connection = self.connection = self.connection or RawConnection(self.port)
        connection.send(data)
        answer = connection.read_answer(method)
        own = f"127.0.0.1:{self.port}"
        answer.headers = [(name, value.replace(own, "own:port")) for name, value in answer.headers]
        if answer.header("content-encoding") == "gzip" and answer.body:
            # Before Starlette 1.4 the time is in there.
            assert abs(int.from_bytes(answer.body[4:8], "little") - time.time()) < 60 or not any(answer.body[4:8])
            answer.body = answer.body[:4] + answer.body[8:]
        ends = answer.header("connection") == "close" or " 500 " in answer.status_line or b"HTTP/1.0" in data
        if ends:
            ends = connection.at_end()
            connection.close()
            self.connection = None
        return answer, ends


@pytest.mark.parametrize(
    ("stack", "io_threads"), [(stack, io_threads) for stack in STACKS for io_threads in (0, 1)], ids=str
)
def test_same_bytes(stack: str, io_threads: int) -> None:
    differing = []
    with both_servers(app_of(stack), io_threads=io_threads) as ports:
        clients = [Client(port) for port in ports]
        for method, data in REQUESTS:
            theirs, ours = (client.ask(method, data) for client in clients)
            if theirs != ours:
                differing.append((data, theirs, ours))
    assert differing == []


@THREADS
@pytest.mark.parametrize("stack", STACKS)
def test_is_native(stack: str, io_threads: int) -> None:
    with LiveServer(make_app(STACKS[stack]), io_threads=io_threads) as server:
        if not features.REDIRECTS_AS_WE_DO and ("hosts" in stack or "https" in stack):
            pytest.skip("redirects of another release")
        assert server.server.compiled.inside_reason == ""
        client = Client(server.port)
        client.ask("GET", request("GET", "/text/600", headers={**GZIP, "Origin": "https://a.example"}))
        if features.REDIRECTS_AS_WE_DO:  # else what no route answers is the application's
            client.ask("GET", request("GET", "/nowhere", headers={"Origin": "https://a.example"}))
            client.ask("OPTIONS", preflight("/hello", "https://a.example", "GET", Host="localhost"))
        assert "bridged" not in server.pop_counts()
