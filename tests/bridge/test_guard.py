"""Beside releases that nobody knew when data_bridge was made: compiled where nothing is another, else bridged."""

from __future__ import annotations

import copy
import json
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fastapi
import fastapi.dependencies.utils
import fastapi.routing
import httpx
import pytest
from fastapi import FastAPI, Query

from data_bridge.compile import features, fingerprint, framework, guard, probe
from data_bridge.routes import RouteCompiler
from data_bridge.testing import LiveServer

MINOR = "{}.{}".format(*sys.version_info)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    guard.verdict.cache_clear()
    yield
    guard.verdict.cache_clear()


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    changed = copy.deepcopy(guard.known_releases())
    changed["pythons"].setdefault(MINOR, fingerprint_sets())
    monkeypatch.setattr(guard, "known_releases", lambda: changed)
    return changed


def fingerprint_sets() -> dict[str, list[str]]:
    return {name: [digest] for name, digest in fingerprint.fingerprints(fingerprint.installed).items()}


def make_newer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastapi, "__version__", "0.999.0")


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI()

    @app.get("/sum/{a}")
    async def total(a: int, b: int = Query(2, le=9)) -> dict[str, int]:
        return {"sum": a + b}

    return app


def answered(app: FastAPI) -> dict[str, int]:
    with LiveServer(app) as server:
        assert httpx.get(server.url + "/sum/1?b=3").json() == {"sum": 4}
        assert httpx.get(server.url + "/sum/x").status_code == 422
        counts: dict[str, int] = server.pop_counts()
        return counts


def test_what_is_installed_is_known(caplog: pytest.LogCaptureFixture) -> None:
    if MINOR not in guard.known_releases()["pythons"]:
        pytest.skip("no table for this Python")
    known = guard.known_releases()["pythons"][MINOR]
    for name, digest in fingerprint.fingerprints(fingerprint.installed).items():
        assert digest in known[name], name
    assert guard.verdict() == ""
    assert caplog.records == []


@pytest.mark.parametrize("version", ["0.999.0", "1.0", "2.0.0a1"])
def test_a_newer_release_that_changed_nothing(
    app: FastAPI, table: dict[str, Any], monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr(fastapi, "__version__", version)
    assert answered(app) == {"compiled": 2}


def test_a_newer_release_that_reads_parameters_otherwise(
    app: FastAPI, table: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_newer(monkeypatch)
    table["pythons"][MINOR]["parameters"] = []
    with caplog.at_level(logging.WARNING, "data_bridge"):
        assert answered(app) == {"compiled": 2}
    [said] = [record.getMessage() for record in caplog.records if "made for" in record.getMessage()]
    assert said.startswith("FastAPI 0.999.0 ")
    assert "how parameters are read" in said
    assert f"{len(probe._REQUESTS)} answers are as expected" in said


@pytest.mark.parametrize("changed", ["core", "starlette"])
def test_a_newer_release_that_changed_what_is_gone_around(
    app: FastAPI, table: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, changed: str
) -> None:
    make_newer(monkeypatch)
    table["pythons"][MINOR][changed] = []
    with caplog.at_level(logging.WARNING, "data_bridge"):
        assert answered(app) == {"bridged": 2}
        RouteCompiler(app).compile()
    said = [record.getMessage() for record in caplog.records if "0.999.0" in record.getMessage()]
    assert len(said) == 1  # once in a process
    assert "routes run through ASGI until data_bridge is updated" in said[0]


@pytest.mark.parametrize("changed", ["core", "parameters", "starlette"])
def test_a_known_release_that_was_patched_on_disk_is_tried_out(
    app: FastAPI, table: dict[str, Any], changed: str
) -> None:
    table["pythons"][MINOR][changed] = []
    assert answered(app) == {"compiled": 2}


#: What would make compiled routes answer otherwise than the FastAPI that is installed.
FAULTS: list[tuple[Any, str, Any]] = [
    (features, "NULL_IS_ABSENT", not features.NULL_IS_ABSENT),
    (features, "aliases", lambda field: [field.name + "x"]),
    (features, "is_sequence", lambda field: False),
    (features, "is_parameter_model", lambda field: False),
    (framework, "_request_error", lambda errors, body, context: ValueError("x")),
]


@pytest.mark.parametrize(("owner", "name", "value"), FAULTS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_release_that_answers_otherwise(
    app: FastAPI, table: dict[str, Any], monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, value: Any
) -> None:
    table["pythons"][MINOR]["parameters"] = []
    monkeypatch.setattr(owner, name, value)
    assert "answers otherwise than compiled routes" in guard.verdict()
    assert {route.kind for route in RouteCompiler(app).compile().routes} == {"bridged"}


def test_an_interpreter_without_a_table(table: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    del table["pythons"][MINOR]
    assert guard.verdict() == ""
    guard.verdict.cache_clear()
    make_newer(monkeypatch)
    assert guard.verdict() == "FastAPI 0.999.0 is newer than this data_bridge"


def test_the_probe_finds_nothing_in_what_is_installed() -> None:
    assert probe.differences() == (len(probe._REQUESTS), "")


# --- fingerprints -----------------------------------------------------------------------------------


def digest_of(source: str) -> dict[str, str]:
    code = compile(source, "routing.py", "exec", dont_inherit=True)

    def find(module: str, name: str) -> Any:
        return fingerprint.nested(code, name) if module == "fastapi.routing" else None

    return fingerprint.fingerprints(find)


SOURCE = '''
class APIRoute:
    def matches(self, scope: int) -> bool:
        """Text."""
        return [one for one in scope if one != 3]
'''


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("Text.", "Other text.", True),
        (": int", ": str", True),
        ("class", "\n\nclass", True),
        ("!= 3", "!= 4", False),
        ("!= 3", "== 3", False),
        ("if one != 3", "", False),
        ("matches", "handle", False),
        ("(self, scope: int)", "(self, scope: int, more: int = 0)", False),
    ],
)
def test_what_counts_in_a_fingerprint(old: str, new: str, same: bool) -> None:
    assert (digest_of(SOURCE) == digest_of(SOURCE.replace(old, new))) == same


def test_what_is_replaced_at_run_time_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    def replaced(*_: Any) -> Callable[..., Any]:
        raise AssertionError

    before = fingerprint.fingerprints(fingerprint.installed)
    monkeypatch.setattr(fastapi.routing, "get_request_handler", replaced)
    monkeypatch.setattr(fastapi.dependencies.utils, "solve_dependencies", replaced)
    monkeypatch.setattr(fastapi.routing.APIRoute, "matches", replaced)
    assert fingerprint.fingerprints(fingerprint.installed) == before


def test_the_table_is_complete() -> None:
    table = json.loads((Path(guard.__file__).parent / "known.json").read_text())
    for minor, sets in table["pythons"].items():
        assert set(sets) == set(fingerprint.SETS), minor
        assert all(sets.values())
