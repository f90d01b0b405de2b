"""What uvicorn takes from clients and applications though it need not: the same bytes must come back from here."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from .pair import both_servers

HEADERS: dict[str, tuple[Any, Any]] = {
    "bytearray-value": (b"x-a", bytearray(b"1")),
    "memoryview-value": (b"x-a", memoryview(b"1")),
    "bytearray-name": (bytearray(b"X-A"), b"1"),
    "bytearray-both": (bytearray(b"X-A"), bytearray(b"1")),
    "memoryview-name": (memoryview(b"X-A"), b"1"),
    "str-value": (b"x-a", "1"),
    "str-name": ("x-a", b"1"),
    "beyond-ascii": (b"x-\xe9", b"\xe9"),
    "slash": (b"x/y?", b"1"),
    "separator": (b"x(y", b"1"),
    "line-feed": (b"x-a", bytearray(b"1\n")),
    **{
        f"connection-{value}": (b"Connection", value.encode())
        for value in (
            "keep-alive",
            "Keep-Alive",
            "close",
            "Close",
            "keep-alive, foo",
            "foo, close",
            "TE",
            "upgrade",
            "",
        )
    },
    "connection-bytearray": (b"connection", bytearray(b"close")),
}
#: RFC 3986 allows them. In place of the second line's Starlette uses the server's address.
HOSTS = ["a:000080", "a:65535", "[v1.foo]", "[v1.a:b]:80", "[::1]", "a%20b", "a_b", "(a)"]
HOSTS += ["a:", "a:65536", "a:100000", "a:" + "9" * 5000, "[V1.foo]", "[:::]"]
BODIES: dict[str, Any] = {
    "none": None,
    "bytearray": bytearray(b"abc"),
    "memoryview": memoryview(b"abc"),
    "str": "abc",
    "empty": b"",
}


async def raw_app(scope: Any, receive: Any, send: Any) -> None:
    headers: list[Any] = []
    path = scope["path"].removeprefix("/raw")
    if path.startswith("/header/"):
        headers.append(HEADERS[path.removeprefix("/header/")])
    body = f"{scope['method']} {path[:20]} {len(path)} {len(scope['query_string'])} {len(scope['headers'])}".encode()
    if path == "/client":
        body = repr(scope["client"]).encode() if scope["client"][0] != "127.0.0.1" else b"itself"
    if path.startswith("/body/"):
        body = BODIES[path.removeprefix("/body/")]
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def make_app() -> FastAPI:
    app = FastAPI()

    @app.get("/case")
    async def case() -> Response:
        response = JSONResponse({})
        response.raw_headers.append((b"X-Foo", b"1"))
        response.raw_headers.append((b"CONNECTION", b"keep-alive"))
        return response

    @app.get("/case/streamed")
    async def streamed() -> Response:
        return Response("a", headers={"X-Foo": "1"})

    @app.get("/client")
    async def client() -> str:
        return "taken"

    @app.get("/url/")
    async def url(request: Request) -> list[str]:
        return [str(request.url), request.headers["host"]]

    app.mount("/raw", raw_app)
    return app


@pytest.fixture(scope="module", params=[0, 1], ids=["inline", "I/O thread"])
def ports(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    with both_servers(make_app, request.param) as found:
        yield found


def get(target: str, *fields: str, method: str = "GET", body: str = "", host: str = "t") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *fields]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("latin-1")


def answers(port: int, data: bytes) -> bytes:
    """All that comes for `data` and one more request that asks for the end; the server closes in every case."""
    with socket.create_connection(("127.0.0.1", port), 20) as client:
        client.sendall(data + get("/client", "Connection: close"))
        received = b""
        while piece := client.recv(65536):
            received += piece
        return received.replace(b":%d/" % port, b":PORT/")


REQUESTS: dict[str, bytes] = {
    **{f"header {name}": get(f"/raw/header/{name.replace(' ', '%20')}") for name in HEADERS},
    **{f"body {name}": get(f"/raw/body/{name}") for name in BODIES},
    "raw_headers on a compiled route": get("/case"),
    "headers on a compiled route": get("/case/streamed"),
    "OPTIONS *": get("*", method="OPTIONS"),
    "an unknown Expect": get("/raw/x", "Expect: x", "Content-Length: 1", method="POST", body="a"),
    "two in Expect": get("/raw/x", "Expect: 100-continue, x", "Content-Length: 1", method="POST", body="a"),
    "Content-Type twice": get(
        "/raw/x", "Content-Type: a/b", "Content-Type: c/d", "Content-Length: 1", method="POST", body="a"
    ),
    "a target of 9,000 bytes": get("/raw/" + "a" * 9000),
    "a target of 65,500 bytes": get("/raw/" + "a" * 65_495),
    "a query of 60,000 bytes": get("/raw/x?" + "a" * 60_000),
    "a field of 100,000 bytes": get("/raw/x", "X: " + "a" * 100_000),
    "a field of 900,000 bytes": get("/raw/x", "X: " + "a" * 900_000),
    "a name of 100,000 bytes": get("/raw/x", "a" * 100_000 + ": 1"),
    "101 fields": get("/raw/x", *[f"x-{i}: 1" for i in range(100)]),
    "5,000 fields": get("/raw/x", *[f"x-{i}: 1" for i in range(5000)]),
    "a port of 5,000 digits": get("/raw/client", "X-Forwarded-For: 1.2.3.4:" + "9" * 5000),
    "a port of 4,000 digits": get("/raw/client", "X-Forwarded-For: [::1]:" + "9" * 4000),
    "a port with a sign": get("/raw/client", "X-Forwarded-For: 1.2.3.4:+8_0"),
    "a port that is none": get("/raw/client", "X-Forwarded-For: [1::1]:x"),
    "a proxy on IPv6": get("/raw/client", "X-Forwarded-For: 1.2.3.4, ::1"),
    # "/url/" shows the host, "/url" redirects there.
    **{f"{target} of {host}": get(target, host=host) for target in ("/url", "/url/") for host in HOSTS},
    "garbage": b"GARBAGE\r\n\r\n",
    "a broken field": b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
}


@pytest.mark.parametrize("name", REQUESTS)
def test_same_bytes(ports: tuple[int, int], name: str) -> None:
    uvicorn, ours = (answers(port, REQUESTS[name]) for port in ports)
    assert ours == uvicorn
