"""What a start costs where an application has many routes."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
from fastapi import FastAPI
from pydantic import BaseModel
from data_bridge import routes
from data_bridge.testing import LiveServer
RESOURCE
class Item(BaseModel):
    id: int | None = None
app = FastAPI()
app.get("/")(lambda: 1)
if RESOURCES:
    router = Router()
    router.crud(Item, store="sqlite://")
    app.include_router(router)
compiled = []
compile = routes.RouteCompiler.compile
routes.RouteCompiler.compile = lambda self: compiled.append(self) or compile(self)
with LiveServer(app) as server:
    print(len(compiled), server.server.options.io_threads, [route.kind for route in server.server.compiled.routes][-1])
"""


@pytest.mark.parametrize(("resources", "found"), [(False, "1 None compiled"), (True, "2 None native")])
def test_routes_are_compiled_once_where_there_are_no_resources(resources: bool, found: str) -> None:
    head = "from data_bridge import Router" if resources else ""
    program = PROGRAM.replace("RESOURCES", str(resources)).replace("RESOURCE", head)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == found, done.stderr
