"""The same model as a FastAPI route and as a resource: status and body are the same, the key aside.

Half of the cases have models of which nothing needs Python, which is asserted.

``DATA_BRIDGE_DIFFERENTIAL=200000`` makes that many cases, ``DATA_BRIDGE_DIFFERENTIAL_SEED`` other ones.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from random_models import damaged, random_model

from data_bridge import App
from data_bridge.crud import register_crud, stores_of
from data_bridge.schema import Unsupported, export_model

CASES = int(os.environ.get("DATA_BRIDGE_DIFFERENTIAL", "1200"))
SEED = int(os.environ.get("DATA_BRIDGE_DIFFERENTIAL_SEED", "1"))
MODELS_AT_ONCE = 10
BODIES = 12

# The one combination of native types that needs Python: an instance of a model is looked for, and JSON has none.
STRICT_UNIONS = {"a strict `union` of models", "a strict `tagged-union` of models"}

Answer = tuple[int, bytes, dict[str, str]]


async def ask(app: FastAPI, method: str, path: str, body: bytes = b"") -> Answer:
    """By ASGI, without a client in between."""
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    status = 0
    parts: list[bytes] = []
    headers: dict[str, str] = {}

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)
        headers.update({name.decode(): value.decode() for name, value in message.get("headers", ())})
        parts.append(message.get("body", b""))

    try:
        await app(scope, receive, send)
    except Exception:
        assert status == 500  # ServerErrorMiddleware raises again, for the server to log
    return status, b"".join(parts), headers


def without_key(body: bytes) -> bytes:
    return re.sub(rb'^\{"id":\d+,?', b"{", body)


def route_of(model: type[BaseModel], app: FastAPI, path: str) -> None:
    async def create(item: Any) -> Any:
        return item

    create.__annotations__ = {"item": model, "return": model}
    app.post(path, status_code=201)(create)


async def compare(ours: FastAPI, theirs: FastAPI, path: str, body: bytes) -> str:
    """What differs; "": nothing."""
    expected = await ask(theirs, "POST", path, body)
    answer = await ask(ours, "POST", path, body)
    if expected[0] == 500 and answer[0] == 201 and (b"NaN" in body or b"Infinity" in body or b"inf" in body):
        return ""  # FastAPI before 0.130 wrote answers by json.dumps, which has no infinities
    if expected[0] == 201 and answer[0] == 500 and b"\\ud800" in body and b"*****" in expected[1]:
        return ""  # a secret that UTF-8 has no form of: FastAPI shows its mask, a store would have nothing else of it
    if answer[0] != expected[0] and not (answer[0] == 422 and is_beyond_a_column(answer[1])):
        return f"{expected[0]} {expected[1]!r}\n  but {answer[0]} {answer[1]!r}"
    if answer[0] != 201:
        same = answer[0] != expected[0] or answer[1] == expected[1]
        return "" if same else f"{expected[1]!r}\n  but {answer[1]!r}"
    if without_key(answer[1]) != expected[1] and json.loads(without_key(answer[1])) != json.loads(expected[1]):
        return f"{expected[1]!r}\n  but {answer[1]!r}"
    read = await ask(ours, "GET", answer[2]["location"])
    return "" if read[:2] == (200, answer[1]) else f"posted {answer[1]!r}\n  but read {read[0]} {read[1]!r}"


def is_beyond_a_column(body: bytes) -> bool:
    """The one rule of a resource's own: an int column has 64 bits."""
    errors = json.loads(body)["detail"]
    bounds = {"le": 2**63 - 1, "ge": -(2**63)}
    return len(errors) == 1 and any(errors[0].get("ctx", {}).get(name) == bound for name, bound in bounds.items())


def is_native(model: type[BaseModel]) -> bool:
    try:
        export_model(model)
    except Unsupported as unsupported:
        if {reason for _, reason in unsupported.reasons} <= STRICT_UNIONS:
            return False
        raise
    return True


async def run(seed: int, cases: int, store: str, *, native: bool) -> list[str]:
    rng = random.Random(seed)
    differences = []
    while cases > 0:
        ours, theirs = App(store=store, openapi_url=None), FastAPI(openapi_url=None)
        made = []
        for number in range(MODELS_AT_ONCE):
            model, make = random_model(rng, rng.randrange(1, 5), native=native)
            if native and not is_native(model):
                continue
            register_crud(ours, model, path=f"/m{number}", table=f"m{native:d}_{seed}_{cases}_{number}")
            route_of(model, theirs, f"/m{number}")
            made.append((model, make))
        for number, (model, make) in enumerate(made):
            for _ in range(BODIES):
                value = damaged(rng, make(rng))
                cases -= 1
                if isinstance(value, list):
                    continue  # to a resource these are several items
                body = json.dumps(value).encode()
                if difference := await compare(ours, theirs, f"/m{number}", body):
                    fields = {name: str(field) for name, field in model.model_fields.items()}
                    differences.append(f"{fields} {dict(model.model_config)}\n{body!r}\n  {difference}")
        stores_of(ours).close()
    return differences


@pytest.mark.timeout(max(120, CASES // 5))
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("native", [False, True], ids=["any", "native"])
def test_models_by_chance(tmp_path: Path, native: bool) -> None:
    differences = asyncio.run(run(SEED, CASES, f"sqlite:///{tmp_path / 'test.db'}", native=native))
    assert not differences, f"{len(differences)} of {CASES}:\n" + "\n".join(differences[:5])


if __name__ == "__main__":  # for a look at all that differs
    found = [each for native in (False, True) for each in asyncio.run(run(SEED, CASES, sys.argv[1], native=native))]
    print("\n".join(found), f"{len(found)} of {CASES}", sep="\n")
