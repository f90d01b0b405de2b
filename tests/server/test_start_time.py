"""What a start costs where an application has many routes."""

from __future__ import annotations

import subprocess
import sys

import pytest
from server_process import free_port

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


LISTENING = """
import signal, socket
from fastapi import FastAPI
from data_bridge import routes, uvicorn
app = FastAPI()
app.get("/")(lambda: 1)
compile = routes.RouteCompiler.compile
seen = set()
def watched(self):
    try:
        socket.create_connection(("127.0.0.1", PORT)).close()
        seen.add("taken")
    except ConnectionRefusedError:
        seen.add("refused")
    return compile(self)
routes.RouteCompiler.compile = watched
class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        socket.create_connection(("127.0.0.1", PORT)).close()
        self.should_exit = True
Server(uvicorn.Config(app, port=PORT, log_level="critical", loop=LOOP)).run()
print(*seen)
"""


@pytest.mark.parametrize("loop", ["auto", "asyncio"])
def test_nobody_is_accepted_before_the_routes_are_compiled(loop: str) -> None:
    """A probe sees a server that is not there yet, and not one that does not answer."""
    program = LISTENING.replace("PORT", str(free_port())).replace("LOOP", repr(loop))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "refused", done.stderr
