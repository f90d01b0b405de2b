"""Dependencies of every kind are called as often, in the same order and with the same values as under uvicorn.

Graphs of dependencies, requests, and where something fails come of a seed; DATA_BRIDGE_TEST_GRAPHS is how many requests
each application gets.
"""

from __future__ import annotations

import json
import os
import random
import time
import urllib.parse
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel

from data_bridge.compile import features
from data_bridge.testing import LiveServer

from .dependency_graphs import ERRORS, Route, make_app
from .pair import both_servers
from .raw_client import Answer, RawConnection, request

REQUESTS = int(os.environ.get("DATA_BRIDGE_TEST_GRAPHS", "60"))

#: Seconds that the calls behind an answer may take on a busy machine.
PATIENCE = 30.0

WORDS = ["", "0", "1", "7", "-1", "101", "abc", "abcdef", "true", "1.5", "x"]


class Sides:
    """uvicorn and data_bridge, with the log of each as far as it was compared."""

    def __init__(self, ports: tuple[int, int]) -> None:
        self.ports = ports
        self.read = [0, 0]
        self.control = [RawConnection(port) for port in ports]

    def answer(self, side: int, data: bytes) -> tuple[Answer, bool]:
        """And whether the connection was closed behind it: of what is no exception, that is all that is asked for."""
        with RawConnection(self.ports[side]) as connection:
            connection.send(data)
            found = connection.read_answer(data.split(b" ", 1)[0].decode())
            return found, found.status_line.startswith("HTTP/1.1 500") and connection.at_end()

    def arm(self, failures: dict[str, str], swallowing: list[str]) -> None:
        body = json.dumps({"failures": failures, "swallowing": swallowing}).encode()
        for side in range(2):
            self.ask(side, request("POST", "/arm", body))

    def log(self, side: int) -> list[str]:
        found: list[str] = json.loads(self.ask(side, request("GET", f"/log?after={self.read[side]}")).body)
        return found

    def ask(self, side: int, data: bytes) -> Answer:
        """On a connection that is kept, until it was idle for longer than a server likes."""
        try:
            self.control[side].send(data)
            return self.control[side].read_answer()
        except (EOFError, OSError):
            self.control[side].close()
            self.control[side] = RawConnection(self.ports[side])
            self.control[side].send(data)
            return self.control[side].read_answer()

    def close(self) -> None:
        for control in self.control:
            control.close()

    def logs(self) -> list[list[str]]:
        """What was called since the last time, once it is the same and stays it, or PATIENCE is over."""
        until = time.monotonic() + PATIENCE
        same = 0
        found = [self.log(0), self.log(1)]
        while same < 1 and time.monotonic() < until:
            before, found = found, [self.log(0), self.log(1)]
            same = same + 1 if found[0] == found[1] and found == before else 0
            if not same:
                time.sleep(0.01)
        self.read = [read + len(log) for read, log in zip(self.read, found, strict=True)]
        return found


def make_request(chance: random.Random, route: Route) -> bytes:
    pick = chance.choice
    path = route.path.replace("{key}", pick(["1", "22", "x"]))
    query = [(f"p{index}", pick(WORDS)) for index in range(5) if chance.random() < 0.5]
    query += [(name, pick(WORDS)) for name in ("flag", "f", "p3", "p3", "limit", "word") if chance.random() < 0.2]
    if chance.random() < 0.7:
        query.append(("p0", "5"))
    if chance.random() < 0.3:
        query.append(("j", pick(["[1]", "", "[", "7"])))
    headers: dict[str, str] = {}
    if chance.random() < 0.5:
        headers["P5"] = pick(WORDS)
    if chance.random() < 0.3:
        headers["X-Number"] = pick(WORDS)
    if chance.random() < 0.3:
        headers["Cookie"] = f"c={pick(['1', 'x', ''])}; p8={pick(WORDS)}"
    if chance.random() < 0.3:
        headers["X-Key"] = "k"
    if chance.random() < 0.3:
        headers["Authorization"] = pick(["Bearer t", "Basic x", "t"])
    target = f"{path}?{urllib.parse.urlencode(query)}" if query else path
    return request(route.method, target, make_body(chance, route, headers), headers)


JSON_BODIES = [
    b'{"name": "a"}',
    b'{"name": "a", "price": 2}',
    b'{"item": {"name": "a"}}',
    b'{"item": {"name": 1}, "more": "x"}',
    *(b"null", b"[]", b"{", b"", b'{"price": "x"}'),
]
FORMS = [b"name=a&age=3", b"age=x", b"", b"name=", b"note=n"]
PART = b'--b\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n'
MULTIPART = [
    PART % (b"file", b'; filename="f"', b"content") + PART % (b"note", b"", b"n") + b"--b--\r\n",
    PART % (b"data", b'; filename="d"', b"bytes") + b"--b--\r\n",
    PART % (b"name", b"", b"a") + b"--b--\r\n",
    b"--b\r\nbroken",
]


def make_body(chance: random.Random, route: Route, headers: dict[str, str]) -> bytes | None:
    names = set(route.body)
    if not names or "filter" in names:
        return None
    if "item" in names:
        headers["Content-Type"] = chance.choice(["application/json", "application/json", "application/json", "text/x"])
        return chance.choice(JSON_BODIES)
    if chance.random() < (0.2 if names & {"file", "data"} else 0.8):
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return chance.choice(FORMS)
    headers["Content-Type"] = "multipart/form-data; boundary=b"
    return chance.choice(MULTIPART)


def make_failures(chance: random.Random, route: Route) -> tuple[dict[str, str], list[str]]:
    failures: dict[str, str] = {}
    for _ in range(chance.choice([0, 0, 0, 1, 1, 2])):
        place = chance.choice(route.names) + chance.choice(["", "", " exit", " task", " answer"])
        failures[place] = chance.choice(list(ERRORS))
    return failures, [name for name in route.names if chance.random() < 0.1]


@contextmanager
def both(middleware: str, seed: int, io_threads: int) -> Iterator[Sides]:
    with both_servers(lambda: make_app(middleware, seed)[0], io_threads) as ports:
        sides = Sides(ports)
        yield sides
        sides.close()


@pytest.mark.parametrize("io_threads", [0, 1], ids=["inline", "an I/O thread"])
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("middleware", ["none", "pure", "http"])
def test_same_answers_and_calls(middleware: str, seed: int, io_threads: int) -> None:
    _, routes = make_app(middleware, seed)
    chance = random.Random(f"{seed} {middleware} {io_threads}")
    with both(middleware, seed, io_threads) as sides:
        for number in range(REQUESTS):
            route = chance.choice(routes)
            failures, swallowing = make_failures(chance, route)
            data = make_request(chance, route)
            sides.arm(failures, swallowing)
            theirs, ours = sides.answer(0, data), sides.answer(1, data)
            their_log, our_log = sides.logs()
            what = f"request {number}: {data!r}\nfails: {failures}, swallows: {swallowing}"
            assert ours == theirs, what
            assert our_log == their_log, what


@pytest.mark.parametrize("middleware", ["none", "pure", "http"])
def test_they_are_compiled(middleware: str) -> None:
    app, routes = make_app(middleware, 1)
    with LiveServer(app) as server:
        for route in routes:  # some of which fail, and close the connection
            httpx.request(route.method, server.url + route.path.replace("{key}", "1"))
        counts: dict[str, Any] = server.pop_counts()
        # Where a handler is built for every request, so is what a route class puts around it.
        built_again = [route for route in routes if "/wrapped" in route.path and features.BUILDS_HANDLERS_AGAIN]
        assert counts.get("compiled", 0) == len(routes) - len(built_again)


class Told(BaseModel):
    x: float = 1e-7


def test_what_a_route_class_gets_from_the_handler() -> None:
    """The class of a response whose document was written already."""

    class Telling(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:
            original = super().get_route_handler()

            async def telling(request: Request) -> Response:
                response = await original(request)
                response.headers["X-Type"] = f"{type(response).__name__} {response.body!r}"
                return response

            return telling

    def make() -> FastAPI:
        app = FastAPI()
        app.router.route_class = Telling
        app.get("/plain")(lambda: {"a": 1})
        app.get("/model", response_model=Told)(Told)
        app.get("/json", response_model=Told, response_class=JSONResponse)(Told)

        @app.get("/status")
        async def status(response: Response) -> dict[str, int]:
            response.status_code = 204
            return {"a": 1}

        return app

    with both_servers(make, 0) as ports:
        for path in ("/plain", "/model", "/json", "/status"):
            found = []
            for port in ports:
                with RawConnection(port) as connection:
                    connection.send(request("GET", path))
                    found.append(connection.read_answer())
            assert found[1] == found[0]
