"""URLs and cookies that are read natively are those that Starlette reads."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx
import pytest
from starlette.datastructures import URL
from starlette.requests import Request, cookie_parser
from starlette.responses import Response

from data_bridge import _core
from data_bridge.testing import LiveServer

SCHEMES = ["http", "https", "HTTP", "ws", "", "h?"]
HOSTS = [
    *(b"example.org", b"example.org:80", b"127.0.0.1:8000", b"localhost", b"under_score:1", b"a-b.c:65535", b"A.B"),
    *(b"", b":80", b"a:", b"a:65536", b"a:00080", b"a:999999", b"a:b", b"a:1:2", b"[::1]", b"[::1]:80", b"[::1"),
    *(b"user@host", b"a b", b"a/b", b"a?b", b"a#b", b"a\\b", b"caf\xc3\xa9", b"a%20b", b"a,b", b"a\t", b" a"),
]
PATHS = ["/", "/a/b.c", "//twice", "/a;b=1", "/%41", "/a:b@c", "/[x]", "/~!$&'()*+,;=", "", "no-slash", "/a?b", "/a#b"]
PATHS += ["/a\\b", "/a b", "/a\tb", "/caf\u00e9", "/\u2028", "/a\x00b", "/a\x7f", "/" + "x" * 3000]
QUERIES = [b"", b"a=1", b"a=1&b=2?c", b"?", b"a=%20+", b"a#b", b"a b", b"a\tb", b"a\nb", b"caf\xc3\xa9", b"[]", b"\x7f"]


def scope_of(scheme: Any, host: bytes | None, path: Any, query: Any) -> dict[str, Any]:
    headers = [(b"accept", b"*/*")] + ([] if host is None else [(b"host", host), (b"host", b"second")])
    server = ("127.0.0.1", 8000)
    return {"type": "http", "scheme": scheme, "server": server, "path": path, "query_string": query, "headers": headers}


def natively(scope: dict[str, Any]) -> Any:
    url = SimpleNamespace()
    return url if _core.fill_url(url, scope, SplitResult) else None


def test_urls_of_every_kind() -> None:
    plain = 0
    for scheme in SCHEMES:
        for host in [*HOSTS, None]:
            for path in PATHS:
                for query in QUERIES:
                    made = natively(scope := scope_of(scheme, host, path, query))
                    if made is None:
                        continue
                    plain += 1
                    assert made._url == URL(scope=scope)._url
                    assert made._components == urlsplit(made._url) == URL(scope=scope).components
                    assert type(made._components) is SplitResult
    assert plain == 2 * 7 * 9 * 6


@pytest.mark.parametrize(
    "change",
    [
        {"headers": ()},
        {"headers": [(b"host", "text")]},
        {"headers": [[b"host", b"a"]]},
        {"headers": [(b"host",)]},
        {"path": b"/"},
        {"query_string": ""},
        {"scheme": None},
    ],
)
def test_other_scopes_are_starlettes(change: dict[str, Any]) -> None:
    scope = scope_of("http", b"a", "/", b"")
    assert natively({**scope, **change}) is None
    for name in change:
        assert natively({key: value for key, value in scope.items() if key != name}) is None


def test_random_urls() -> None:
    chosen = random.Random(1)
    alphabet = "ab/?#:@[]%\\ .\t\u00e9-_~\x00&=+;"
    for _ in range(5000):
        text = "".join(chosen.choices(alphabet, k=chosen.randrange(8)))
        host, path = text.encode("latin-1"), "/" + "".join(chosen.choices(alphabet, k=chosen.randrange(8)))
        query = "".join(chosen.choices(alphabet, k=chosen.randrange(8))).encode()
        for scope in (scope_of("http", host, "/", b""), scope_of("http", b"a", path, query)):
            made = natively(scope)
            if made is not None:
                assert (made._url, made._components) == (URL(scope=scope)._url, URL(scope=scope).components)


def test_random_cookies() -> None:
    chosen = random.Random(2)
    alphabet = 'ab=; "\\\t,\u00e9\x1c'
    plain = 0
    for _ in range(20000):
        field = "".join(chosen.choices(alphabet, weights=[8, 8, 6, 6, 6, 1, 1, 1, 1, 1, 1], k=chosen.randrange(12)))
        cookies = _core.plain_cookies(field)
        if cookies is not None:
            plain += 1
            assert list(cookies.items()) == list(cookie_parser(field).items()), field
    assert plain > 5000


def test_served_with_and_restored() -> None:
    own = URL.__init__
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope)
        seen.append(("_components" in vars(request.url), str(request.url), request.url.path, request.url.port))
        seen.append((URL("http://a/b").path, URL(scheme="http", hostname="a", path="/c"), str(request.base_url)))
        with pytest.raises(AssertionError):
            URL("http://a", scope=scope)
        await Response(status_code=204)(scope, receive, send)

    with LiveServer(app) as server:
        assert URL.__init__ is not own
        assert httpx.get(f"{server.url}/a%20b?c=1").status_code == 204
        assert httpx.get(f"{server.url}/plain?c=1").status_code == 204
    assert URL.__init__ is own
    address = f"http://127.0.0.1:{server.port}"
    others = ("/b", URL("http://a/c"), f"{address}/")
    assert seen == [
        (False, f"{address}/a b?c=1", "/a b", server.port),
        others,
        (True, f"{address}/plain?c=1", "/plain", server.port),
        others,
    ]
