"""Beside another FastAPI, a patched one or none an application is served through ASGI, and the reason is said."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import fastapi
import httpx
import pytest
from fastapi import APIRouter, FastAPI

from data_bridge.compile import features, framework
from data_bridge.routes import RouteCompiler
from data_bridge.testing import LiveServer

TREE = Path(__file__).parents[2]


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI()

    @app.get("/sum/{a}")
    async def total(a: int, b: int = 2) -> dict[str, int]:
        return {"sum": a + b}

    return app


def serves(app: FastAPI) -> None:
    with LiveServer(app) as server:
        assert httpx.get(server.url + "/sum/1?b=3").json() == {"sum": 4}
        assert httpx.get(server.url + "/sum/x").status_code == 422
        assert httpx.get(server.url + "/nowhere").status_code == 404
        assert "compiled" not in server.pop_counts()


@pytest.mark.parametrize("version", ["0.114.2", "0.99", "unknown"])
def test_a_release_that_is_not_known(app: FastAPI, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(fastapi, "__version__", version)
    compiled = RouteCompiler(app).compile()
    assert compiled.reason == f"FastAPI {version} is not known to this release of data_bridge"
    assert "/sum/{a}" in [route.path for route in compiled.routes]
    assert {route.kind for route in compiled.routes} == {"bridged"}
    serves(app)


FAULTS = [KeyError("x"), AttributeError("x"), StopIteration(), TypeError("x"), AssertionError(), RecursionError("deep")]


def raises(fault: BaseException) -> Any:
    def raising(*_: Any, **__: Any) -> Any:
        raise fault

    return raising


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
@pytest.mark.parametrize("name", ["build_stack", "check_compilable", "services", "unmatched_reason"])
def test_a_compiler_that_fails(app: FastAPI, monkeypatch: pytest.MonkeyPatch, name: str, fault: BaseException) -> None:
    monkeypatch.setattr(framework, name, raises(fault))
    compiled = RouteCompiler(app).compile()
    assert "internals are not as expected" in compiled.reason
    assert type(fault).__name__ in compiled.reason
    assert {route.kind for route in compiled.routes} == {"bridged"}


def test_an_application_whose_compiler_fails_is_served(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "route_views", raises(KeyError("x")))
    serves(app)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
@pytest.mark.parametrize("name", ["closure_of", "handlers_of", "read_route", "_field", "_validator"])
def test_a_route_that_cannot_be_read(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch, name: str, fault: BaseException
) -> None:
    monkeypatch.setattr(framework, name, raises(fault))
    route = next(route for route in RouteCompiler(app).compile().routes if route.path == "/sum/{a}")
    assert route.kind == "bridged"
    assert route.reason.startswith(f"cannot be read: {type(fault).__name__}")
    serves(app)


def test_a_renamed_variable_of_a_request_handler(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    read = framework.closure_of

    def renamed(function: Any) -> dict[str, Any]:
        return {name.replace("status_code", "renamed"): value for name, value in read(function).items()}

    monkeypatch.setattr(framework, "closure_of", renamed)
    serves(app)


def test_a_compiler_that_fails_while_the_application_is_served(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    with LiveServer(app) as server:
        assert httpx.get(server.url + "/sum/1").json() == {"sum": 3}
        assert server.pop_counts() == {"compiled": 1}
        monkeypatch.setattr(features, "route_views", raises(StopIteration()))
        app.get("/late")(lambda: "late")
        assert httpx.get(server.url + "/late").json() == "late"
        assert httpx.get(server.url + "/sum/1").json() == {"sum": 3}
        assert server.pop_counts() == {"bridged": 2}


# --- at import ----------------------------------------------------------------------------------------

ASK = """
import asyncio, urllib.request
from data_bridge import Server, ServerOptions, run, serve

async def ask():
    server = Server(app, ServerOptions(port=0))
    await server.startup()
    url = "http://127.0.0.1:%d/" % server.addresses[0][1]
    print(await asyncio.to_thread(lambda: urllib.request.urlopen(url).read()), server.compiled.reason)
    server.stop()
    await server.shutdown()

run(ask())
"""

FASTAPI = """
from fastapi import FastAPI
app = FastAPI()
app.get("/")(lambda: "answered")
"""

RAW = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"8")]})
        await send({"type": "http.response.body", "body": b"answered"})
"""

ABSENT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.startswith({names!r}):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""

WRAPPED = """
import fastapi.routing
original = fastapi.routing.solve_dependencies
def wrapper(*arguments, **keywords):
    return original(*arguments, **keywords)
fastapi.routing.solve_dependencies = wrapper
"""


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("before", "application", "reason"),
    [
        (WRAPPED, FASTAPI, "patched by another package: fastapi.routing.solve_dependencies"),
        ("import fastapi.routing\ndel fastapi.routing.APIRoute\n", FASTAPI, "APIRoute"),
        (ABSENT.format(names=("fastapi", "starlette", "pydantic")), RAW, "function is no FastAPI application"),
    ],
    ids=["patched before", "a name is gone", "no FastAPI at all"],
)
def test_importing_never_fails(before: str, application: str, reason: str) -> None:
    said = run(before + application + ASK)
    assert "answered" in said
    assert reason in said


def test_routes_of_included_routers_are_listed(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    router = APIRouter(prefix="/inner")
    router.get("/route")(lambda: "inner")
    app.include_router(router)
    monkeypatch.setattr(fastapi, "__version__", "0.150.0")
    assert "/inner/route" in [route.path for route in RouteCompiler(app).compile().routes]


def test_the_command_needs_no_fastapi() -> None:
    absent = ABSENT.format(names=("fastapi", "starlette", "pydantic"))
    said = run(absent + "from data_bridge.cli import main\nprint(main(['routes', 'http.client:HTTPConnection']))")
    assert "is no FastAPI application" in said


def test_nothing_is_required_to_install() -> None:
    project = tomllib.loads((TREE / "pyproject.toml").read_text())["project"]
    assert project["dependencies"] == []
    assert project["optional-dependencies"]["fastapi"] == ["fastapi>=0.115", "pydantic>=2.9"]
