"""Every kind of route answers with the same bytes under data_bridge and under uvicorn."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from .pair import both_servers, side_by_side
from .raw_client import RawConnection, request
from .sample_app import make_app

JSON = {"Content-Type": "application/json"}


def item(**changes: object) -> bytes:
    return json.dumps({"name": "hammer", "price": 3.5, "tags": ["a"], **changes}).encode()


REQUESTS = {
    "hello": request("GET", "/hello"),
    "plain": request("GET", "/plain"),
    "typed": request("GET", "/typed/7?q=a%20b+c&limit=5&flag=yes"),
    "typed defaults": request("GET", "/typed/7"),
    "typed bad path": request("GET", "/typed/x"),
    "typed bad query": request("GET", "/typed/7?limit=1000&flag=perhaps"),
    "typed last wins": request("GET", "/typed/7?limit=1000&limit=3"),
    "typed blank": request("GET", "/typed/7?q="),
    "typed utf-8": request("GET", "/typed/7?q=%C3%A9%FF"),
    "names that are no utf-8": request("GET", "/replaced?%FF=1&%C3=2&%E9=3&%c3%a9=4&%C3%A9=%E2%82"),
    "many": request("GET", "/many?tag=x&tag=y&colour=blue"),
    "many default": request("GET", "/many"),
    "many bad": request("GET", "/many?colour=green"),
    "header": request("GET", "/header", headers={"X-Token": "t", "X-Many": "1", "x-many": "2"}),
    "header missing": request("GET", "/header"),
    "path": request("GET", "/files/a/b%20c/%C3%A9"),
    "convertor": request("GET", "/convertor/41"),
    "convertor mismatch": request("GET", "/convertor/x"),
    "create": request("POST", "/items", item(at="2026-01-02T03:04:05Z"), JSON),
    "create json suffix": request("POST", "/items", item(), {"Content-Type": "application/merge-patch+json; x=y"}),
    "create no type": request("POST", "/items", item()),
    "create text": request("POST", "/items", item(), {"Content-Type": "text/plain"}),
    "create empty": request("POST", "/items", b"", JSON),
    "create broken": request("POST", "/items", b'{"name": ', JSON),
    "create trailing comma": request("POST", "/items", b'{"name": "a",}', JSON),
    "create bad utf-8": request("POST", "/items", b'{"name": "\xff"}', JSON),
    "create utf-16": request("POST", "/items", item().decode().encode("utf-16"), JSON),
    "create bom": request("POST", "/items", b"\xef\xbb\xbf" + item(), JSON),
    "create nan": request("POST", "/items", b'{"name": "a", "price": NaN}', JSON),
    "create null": request("POST", "/items", b"null", JSON),
    "create list": request("POST", "/items", b"[1]", JSON),
    "create invalid": request("POST", "/items", item(price=-1, tags="x", name=""), JSON),
    "create value error": request("POST", "/items", item(name="forbidden"), JSON),
    "update": request("POST", "/items/3", item(at="2026-01-02T03:04:05Z"), JSON),
    "update both bad": request("POST", "/items/x", item(price="y"), JSON),
    "optional": request("POST", "/optional", item(), JSON),
    "optional absent": request("POST", "/optional", b"", JSON),
    "embedded": request("POST", "/embedded", b'{"item": ' + item() + b', "importance": 3}', JSON),
    "embedded missing": request("POST", "/embedded", b"{}", JSON),
    "raw": request("POST", "/raw", b"x" * 100_000, {"Content-Type": "application/octet-stream"}),
    "raw chunked": request("POST", "/raw", None, {"Transfer-Encoding": "chunked"})
    + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    "sync": request("GET", "/sync?n=4"),
    "sleeps": request("GET", "/sleeps"),
    "task": request("GET", "/task"),
    "context": request("GET", "/context"),
    "http error": request("GET", "/http-error"),
    "handled": request("GET", "/handled"),
    "html": request("GET", "/html"),
    "response": request("GET", "/response"),
    "json response": request("GET", "/json-response"),
    "redirect": request("GET", "/redirect"),
    "cookie out": request("GET", "/cookie-out"),
    "stream": request("GET", "/stream"),
    "stream sync": request("GET", "/stream-sync"),
    "stream framed": request("GET", "/stream-framed"),
    "stream framed, last": request("GET", "/stream-framed", None, {"Connection": "close"}),
    "background": request("GET", "/background"),
    "no content": request("GET", "/no-content"),
    "time": request("GET", "/time"),
    "depends": request("GET", "/depends?q=21"),
    "depends bad": request("GET", "/depends?q=x"),
    "inner": request("GET", "/router/inner/a%2Fb"),
    "inner again": request("GET", "/again/router/inner/b"),
    "router item": request("GET", "/router/items/5"),
    "router item missing": request("GET", "/router/items/0"),
    "order": request("GET", "/first/fixed"),
    "order post": request("POST", "/first/fixed"),
    "starlette": request("GET", "/starlette"),
    "starlette post": request("POST", "/starlette"),
    "mounted": request("GET", "/mounted/inside"),
    "mounted missing": request("GET", "/mounted/outside"),
    "not found": request("GET", "/nowhere"),
    "not allowed": request("DELETE", "/hello"),
    "redirect slashes": request("GET", "/hello/?a=b"),
    "docs": request("GET", "/docs"),
    "openapi": request("GET", "/openapi.json"),
    "options": request("OPTIONS", "/hello"),
}
HEAD_REQUESTS = {
    "head of a get": request("HEAD", "/hello"),
    "head of starlette": request("HEAD", "/starlette"),
    "head of a framed stream": request("HEAD", "/stream-framed"),
}
FAILING = {
    "error": request("GET", "/error"),
    "bad response": request("GET", "/bad-response"),
    "nan": request("GET", "/nan"),
}


@pytest.fixture(scope="module", params=[0, 2], ids=["inline", "two I/O threads"])
def ports(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    with both_servers(make_app, io_threads=request.param) as ports:
        yield ports


def answers(ports: tuple[int, int], data: bytes, method: str) -> list[object]:
    def ask(side: int) -> object:
        with RawConnection(ports[side]) as connection:
            connection.send(data)
            return connection.read_answer(method)

    return side_by_side(ask)


@pytest.mark.parametrize("name", REQUESTS)
def test_same_answer(ports: tuple[int, int], name: str) -> None:
    theirs, ours = answers(ports, REQUESTS[name], "GET")
    assert ours == theirs


@pytest.mark.parametrize("name", HEAD_REQUESTS)
def test_same_head(ports: tuple[int, int], name: str) -> None:
    theirs, ours = answers(ports, HEAD_REQUESTS[name], "HEAD")
    assert ours == theirs


@pytest.mark.parametrize("name", FAILING)
def test_same_failure_closes_the_connection(ports: tuple[int, int], name: str) -> None:
    theirs, ours = answers(ports, FAILING[name], "GET")
    assert ours == theirs
    for port in ports:
        with RawConnection(port) as connection:
            connection.send(FAILING[name])
            connection.read_answer()
            assert connection.at_end()


def test_pipelined_requests_answer_in_order(ports: tuple[int, int]) -> None:
    names = ["sleeps", "hello", "create", "stream", "sync", "not found", "typed bad path", "hello"]
    data = b"".join(REQUESTS[name] for name in names)

    def ask(side: int) -> object:
        with RawConnection(ports[side]) as connection:
            connection.send(data)
            return [connection.read_answer() for _ in names]

    found = side_by_side(ask)
    assert found[1] == found[0]
