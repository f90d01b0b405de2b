"""Security schemes whose credentials are read natively answer as under uvicorn, whatever they find."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Request, Security
from fastapi.security import (
    APIKeyCookie,
    APIKeyHeader,
    APIKeyQuery,
    HTTPAuthorizationCredentials,
    HTTPBasic,
    HTTPBearer,
    OAuth2AuthorizationCodeBearer,
    OAuth2PasswordBearer,
    OpenIdConnect,
    SecurityScopes,
)

from data_bridge.compile import compile_app
from data_bridge.compile.plan import explain
from data_bridge.testing import LiveServer

from .pair import both_servers, side_by_side
from .raw_client import answer, request


class OwnBearer(OAuth2PasswordBearer):
    """Whose coroutine must be called."""

    async def __call__(self, request: Any) -> str | None:
        found = await super().__call__(request)
        return found and found.upper()


SCHEMES: dict[str, Any] = {
    "password": OAuth2PasswordBearer("/token"),
    "lenient": OAuth2PasswordBearer("/token", auto_error=False),
    "code": OAuth2AuthorizationCodeBearer("/authorize", "/token"),
    "bearer": HTTPBearer(),
    "lenient-bearer": HTTPBearer(auto_error=False),
    "openid": OpenIdConnect(openIdConnectUrl="/id"),
    "header": APIKeyHeader(name="X-Key"),
    "query": APIKeyQuery(name="key"),
    "cookie": APIKeyCookie(name="key"),
    "lenient-cookie": APIKeyCookie(name="key", auto_error=False),
}
CALLED: dict[str, Any] = {"own": OwnBearer("/token"), "basic": HTTPBasic(auto_error=False)}


async def rename(request: Request) -> None:
    """Into a list of its own."""
    request.scope["headers"] = [
        (b"authorization", b"Bearer renamed") if name == b"x-token" else (name, value)
        for name, value in request.scope["headers"]
    ]


async def insert(request: Request) -> None:
    """Into the list that is there."""
    request.scope["headers"].insert(0, (b"authorization", b"Bearer inserted"))


async def scoped(scopes: SecurityScopes, token: Annotated[str, Security(SCHEMES["password"])]) -> list[str]:
    return [token, *scopes.scopes]


def make_app() -> FastAPI:
    app = FastAPI()

    def add(name: str, scheme: Any) -> None:
        @app.get(f"/{name}")
        async def read(found: Any = Depends(scheme), again: Any = Depends(scheme)) -> dict[str, Any]:
            if isinstance(found, HTTPAuthorizationCredentials):
                return {"type": type(found).__name__, **dict(found), "same": found is again}
            return {"type": type(found).__name__, "found": found}

    for name, scheme in {**SCHEMES, **CALLED}.items():
        add(name, scheme)

    def add_behind(name: str, change: Any) -> None:
        @app.get(f"/behind-{name}", dependencies=[Depends(change)])
        async def behind(request: Request, token: str = Depends(SCHEMES["lenient"])) -> list[Any]:
            return [token, request.headers.get("authorization"), len(request.scope["headers"])]

    add_behind("rename", rename)
    add_behind("insert", insert)

    @app.get("/scoped")
    async def with_scopes(found: Annotated[list[str], Security(scoped, scopes=["read"])]) -> list[str]:
        return found

    return app


AUTHORIZATIONS = [
    *("Bearer abc", "bearer abc", "BEARER a.b-c_d~e+f/g==", "Bearer a b", "Bearer  two", "Bearer\ttab", "Bearer abc"),
    *("Bearer", "", "Basic dTpw", "Token abc", "abc", "Bearerabc", "Bearer caf\xe9", "Bearer \xa0x\xa0"),
    *("Bearer x\x85", "Bearer " + "x" * 5000, '"Bearer abc"'),
]
FIELDS: list[dict[str, str]] = [{"Authorization": value} for value in AUTHORIZATIONS]
FIELDS += [{}, {"X-Key": "1"}, {"x-KEY": ""}, {"X-Key": "caf\xe9"}, {"Cookie": "key=1"}, {"Cookie": 'key="a b"; other'}]
FIELDS += [
    {"Cookie": "key="},
    {"Cookie": "a=1; key=2; key=3"},
    {"X-Token": "1"},
    {"X-Token": "1", "Authorization": "Bearer y"},
]
QUERIES = ["", "?key=1", "?key=", "?key=1&key=2", "?key=%C3%A9+x", "?KEY=1"]


@pytest.fixture(scope="module", params=[0, 1], ids=["inline", "an I/O thread"])
def ports(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    with both_servers(make_app, io_threads=request.param) as ports:
        yield ports


@pytest.mark.parametrize("name", [*SCHEMES, *CALLED, "behind-rename", "behind-insert", "scoped"])
def test_same_answers(ports: tuple[int, int], name: str) -> None:
    for fields in FIELDS:
        for query in QUERIES if name == "query" and not fields else [""]:
            asked = request("GET", f"/{name}{query}", headers=fields)
            theirs, ours = side_by_side(lambda side, asked=asked: answer(ports[side], asked))  # type: ignore[misc]
            assert ours == theirs, (fields, query)


def test_what_is_read_natively() -> None:
    programs = {route.path: "\n".join(explain(route.plan)) for route in compile_app(make_app()).routes if route.plan}
    for name in SCHEMES:
        where = {"header": "header x-key", "query": "query key"}.get(name, "cookie key")
        place = where if name in ("header", "query") or "cookie" in name else "header authorization"
        assert f"or {place}" in programs[f"/{name}"], name
    for name in CALLED:
        assert " or " not in programs[f"/{name}"], name


def test_a_class_that_is_patched_while_serving(monkeypatch: pytest.MonkeyPatch) -> None:
    """As monitoring tools do it: what they put there runs."""
    own = OAuth2PasswordBearer.__call__
    seen: list[Any] = []

    @functools.wraps(own)
    async def watching(self: Any, request: Any) -> Any:
        seen.append(await own(self, request))
        return seen[-1]

    with LiveServer(make_app()) as server:
        asked = request("GET", "/password", headers={"Authorization": "Bearer abc"})
        assert answer(server.port, asked).body == b'{"type":"str","found":"abc"}'
        assert server.pop_counts() == {"compiled": 1}
        monkeypatch.setattr(OAuth2PasswordBearer, "__call__", watching)
        assert answer(server.port, asked).body == b'{"type":"str","found":"abc"}'
        assert seen == ["abc"]
        assert server.pop_counts() == {"compiled": 1}


def test_a_scheme_that_is_overridden() -> None:
    app = make_app()
    with LiveServer(app) as server:
        asked = request("GET", "/password", headers={"Authorization": "Bearer abc"})
        assert answer(server.port, asked).body == b'{"type":"str","found":"abc"}'
        app.dependency_overrides[SCHEMES["password"]] = lambda: "instead"
        assert answer(server.port, asked).body == b'{"type":"str","found":"instead"}'
