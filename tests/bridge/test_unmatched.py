"""404, 405 and the slash redirect: given without the application's scan, and exactly where that is the same."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from data_bridge.compile import compile_app, framework
from data_bridge.compile.facts import Bridged
from data_bridge.testing import LiveServer

from .raw_client import RawConnection, request
from .test_same_as_uvicorn import answers, ports

__all__ = ["ports"]

UNMATCHED = {
    "unknown": request("GET", "/nowhere"),
    "unknown with body": request("POST", "/nowhere", b"x" * 100_000),
    "unknown chunked": request("POST", "/nowhere", None, {"Transfer-Encoding": "chunked"}) + b"3\r\nabc\r\n0\r\n\r\n",
    "escaped": request("GET", "/no%2Fwhere%FF?x=%"),
    "convertor mismatch": request("GET", "/convertor/x"),
    "not allowed": request("DELETE", "/hello"),
    "not allowed, several": request("PATCH", "/items/3"),
    "not allowed in a router": request("PUT", "/again/router/items/5"),
    "not allowed, unknown method": request("PROPFIND", "/hello"),
    "not allowed with body": request("PUT", "/hello", b"{}"),
    "not allowed, plain Starlette": request("POST", "/starlette"),
    "extra slash": request("GET", "/hello/?a=b%20c&d"),
    "extra slashes": request("POST", "/items///", b"{}"),
    "missing slash of a mount": request("GET", "/mounted"),
    "redirect escaped": request("GET", "/router/inner/a%20%C3%A9%3F%23%5C/"),
    "redirect of a bad host": request("GET", "/hello/", headers={"Host": "under_score:99"}),
    "redirect of a host with port": request("GET", "/hello/", headers={"Host": "example.org:8443"}),
    "redirect behind a proxy": request("GET", "/hello/", headers={"X-Forwarded-Proto": "https", "Host": "example.org"}),
    "redirect, odd scheme": request("GET", "/hello/", headers={"X-Forwarded-Proto": "ftp"}),
    "root": request("GET", "/"),
}


@pytest.mark.parametrize("name", UNMATCHED)
def test_same_bytes(ports: tuple[int, int], name: str) -> None:
    theirs, ours = answers(ports, UNMATCHED[name], "GET")
    assert ours == theirs


@pytest.mark.parametrize("path", ["/nowhere", "/hello", "/hello/"])
def test_same_head(ports: tuple[int, int], path: str) -> None:
    theirs, ours = answers(ports, request("HEAD", path), "HEAD")
    assert ours == theirs


def application() -> FastAPI:
    app = FastAPI()
    router = APIRouter(prefix="/in")

    @app.get("/known")
    async def known() -> dict[str, str]:
        return {"answer": "known"}

    @router.get("/known")
    async def inner() -> str:
        return "inner"

    app.include_router(router)
    return app


@pytest.mark.parametrize("io_threads", [0, 1])
def test_the_application_is_not_asked(io_threads: int) -> None:
    with LiveServer(application(), io_threads=io_threads) as server, httpx.Client(base_url=server.url) as client:
        assert client.get("/nowhere").status_code == 404
        assert client.delete("/in/known").headers["allow"] == "GET"
        redirect = client.get("/known/")
        assert (redirect.status_code, redirect.headers["location"]) == (307, f"{server.url}/known")
        assert server.pop_counts() == {"unmatched": 3}


def test_a_body_that_nobody_reads_does_not_spoil_the_next_request() -> None:
    with LiveServer(application()) as server, RawConnection(server.port) as connection:
        connection.send(request("POST", "/nowhere", b"y" * 200_000) + request("GET", "/known"))
        assert connection.read_answer().status_line == "HTTP/1.1 404 Not Found"
        assert connection.read_answer().status_line == "HTTP/1.1 200 OK"


def add_to_application(app: FastAPI, path: str) -> None:
    app.get(path)(lambda: "new")


def add_to_router(app: FastAPI, path: str) -> None:
    router = app.router.routes[-1].original_router  # type: ignore[attr-defined]
    router.get(path)(lambda: "new")


def append_to_list(app: FastAPI, path: str) -> None:
    late = FastAPI()
    late.get(path)(lambda: "new")
    app.router.routes.append(late.router.routes[-1])


def replace_list(app: FastAPI, path: str) -> None:
    late = FastAPI()
    late.get(path)(lambda: "new")
    app.router.routes = [*app.router.routes, late.router.routes[-1]]


@pytest.mark.parametrize("io_threads", [0, 1])
@pytest.mark.parametrize("change", [add_to_application, append_to_list, replace_list])
def test_a_route_added_at_run_time_is_there_at_once(io_threads: int, change: Callable[[FastAPI, str], None]) -> None:
    app = application()
    with LiveServer(app, io_threads=io_threads) as server, httpx.Client(base_url=server.url) as client:
        for number in range(30):
            path = f"/new/{number}"
            assert client.get(path).status_code == 404
            change(app, path)
            assert client.get(path).json() == "new"
            assert client.post(path).status_code == 405
            assert client.get("/in/known").json() == "inner"


def test_a_route_added_to_an_included_router() -> None:
    app = application()
    app.router.routes.append(app.router.routes.pop())  # the included router is the last
    with LiveServer(app) as server, httpx.Client(base_url=server.url) as client:
        for number in range(10):
            assert client.get(f"/in/new/{number}").status_code == 404
            add_to_router(app, f"/new/{number}")
            assert client.get(f"/in/new/{number}").json() == "new"


def test_a_route_that_a_handler_adds() -> None:
    app = application()

    @app.post("/plugins/{name}")
    async def install(name: str) -> None:
        app.get(f"/plugin/{name}")(lambda: name)

    with LiveServer(app) as server, httpx.Client(base_url=server.url) as client:
        for name in "abcdefgh":
            assert client.get(f"/plugin/{name}").status_code == 404
            client.post(f"/plugins/{name}")
            assert client.get(f"/plugin/{name}").json() == name


def test_a_route_removed_at_run_time_is_gone_at_once() -> None:
    app = application()
    with LiveServer(app) as server, httpx.Client(base_url=server.url) as client:
        for _ in range(10):
            assert client.get("/known").status_code == 200
            route = next(r for r in app.router.routes if getattr(r, "path", "") == "/known")
            app.router.routes.remove(route)
            assert client.get("/known").status_code == 404
            app.router.routes.append(route)


@pytest.mark.parametrize("bridged", [False, True], ids=["compiled", "bridged"])
def test_what_is_compiled_is_what_is_watched(monkeypatch: pytest.MonkeyPatch, bridged: bool) -> None:
    """Also where another thread changes the routes meanwhile: if it changes them back, nobody will see it."""
    app = application()
    route = app.router.routes.pop()

    def check(app: FastAPI) -> None:
        app.router.routes.append(route)
        if bridged:
            raise Bridged("of this test")

    monkeypatch.setattr(framework, "check_compilable", check)
    compiled = compile_app(app)
    [(routes, watched)] = compiled.watch.lists
    assert len(routes) == len(watched) + 1
    assert [entry.path for entry in compiled.routes] == [getattr(entry, "path", "") for entry in watched]


def test_routes_may_change_under_load() -> None:
    app = application()
    failures: list[int] = []
    # On a busy machine a client may pause for longer than a connection is kept by default.
    with LiveServer(app, io_threads=1, timeout_keep_alive=60.0) as server:
        stop = threading.Event()

        def ask() -> None:
            with httpx.Client(base_url=server.url) as client:
                while not stop.is_set():
                    found = [client.get("/known").status_code, client.get("/nowhere").status_code]
                    if found != [200, 404]:
                        failures.extend(found)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        with httpx.Client(base_url=server.url) as client:
            for number in range(100):
                add_to_application(app, f"/late/{number}")
                assert client.get(f"/late/{number}").json() == "new"
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []


def own_404(app: FastAPI) -> None:
    @app.exception_handler(404)
    async def missing(_request: Request, _error: Exception) -> PlainTextResponse:
        return PlainTextResponse("gone fishing", 404)


def own_405(app: FastAPI) -> None:
    @app.exception_handler(405)
    async def refused(_request: Request, _error: Exception) -> PlainTextResponse:
        return PlainTextResponse("not like this", 405)


def own_http_exception(app: FastAPI) -> None:
    @app.exception_handler(HTTPException)
    async def failed(_request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": error.status_code}, error.status_code)


def own_default(app: FastAPI) -> None:
    app.router.default = PlainTextResponse("default", 404)


def own_middleware(app: FastAPI) -> None:
    app.add_middleware(GZipMiddleware, minimum_size=1)


def no_redirects(app: FastAPI) -> None:
    app.router.redirect_slashes = False


CHANGES: dict[str, tuple[Callable[[FastAPI], None], dict[str, Any]]] = {
    "404": (own_404, {"/nowhere": "gone fishing"}),
    "405": (own_405, {"DELETE": "not like this"}),
    "HTTPException": (own_http_exception, {"/nowhere": '{"error":404}', "DELETE": '{"error":405}'}),
    "default": (own_default, {"/nowhere": "default"}),
    "middleware": (own_middleware, {"/nowhere": '{"detail":"Not Found"}'}),
    "no redirects": (no_redirects, {"/known/": '{"detail":"Not Found"}'}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_an_application_changes_about_it_counts(name: str) -> None:
    change, expected = CHANGES[name]
    app = application()
    change(app)
    with LiveServer(app) as server, httpx.Client(base_url=server.url) as client:
        for what, body in expected.items():
            answer = client.get(what) if what.startswith("/") else client.request(what, "/known")
            assert answer.text == body


def test_switching_redirects_off_at_run_time_counts() -> None:
    app = application()
    with LiveServer(app) as server, httpx.Client(base_url=server.url) as client:
        assert client.get("/known/").status_code == 307
        no_redirects(app)
        assert client.get("/known/").status_code == 404


def test_a_default_set_at_run_time_counts() -> None:
    app = application()
    with LiveServer(app) as server, httpx.Client(base_url=server.url) as client:
        assert client.get("/nowhere").json() == {"detail": "Not Found"}
        own_default(app)
        assert client.get("/nowhere").text == "default"


def test_front_end_files_behind_the_routes(tmp_path: Any) -> None:
    (tmp_path / "index.html").write_text("<p>front</p>")
    app = application()
    app.frontend("/", directory=tmp_path)
    with LiveServer(app) as server, httpx.Client(base_url=server.url) as client:
        assert client.get("/index.html").text == "<p>front</p>"
        assert client.get("/known").status_code == 200
