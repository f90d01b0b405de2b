"""Files under uvicorn and under data_bridge: FileResponse and StaticFiles as people use them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import BackgroundTasks, FastAPI, Request
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware

#: A time of the past, with a fraction, so that fields that tell it are the same on both sides.
MODIFIED = 1_700_000_000.25


def make_files(directory: Path) -> None:
    """Small and large ones, an index, a page for what is not found, links in and out."""
    site = directory / "site"
    (site / "sub").mkdir(parents=True)
    (site / "bare").mkdir()
    contents = {
        "site/hello.txt": b"0123456789" * 10,
        "site/empty.bin": b"",
        "site/page.html": b"<p>page</p>" * 100,
        "site/large.bin": os.urandom(16) * 80_000,
        "site/data.json.gz": b"\x1f\x8b not really",
        "site/na\xefve \u2603.txt": b"named",
        "site/no_type": b"what is it",
        "site/index.html": b"index",
        "site/sub/index.html": b"index of sub",
        "site/404.html": b"nothing here",
        "outside.txt": b"not to be served",
    }
    for name, content in contents.items():
        (directory / name).write_bytes(content)
        os.utime(directory / name, (MODIFIED, MODIFIED))
    (site / "inside.txt").symlink_to(site / "hello.txt")
    (site / "escape.txt").symlink_to(directory / "outside.txt")
    (directory / "elsewhere").mkdir()
    for name in ("elsewhere/far.txt", "elsewhere/hello.txt", "site/.hidden", "site/a%20b&c.txt"):
        (directory / name).write_bytes(name.encode())
        os.utime(directory / name, (MODIFIED, MODIFIED))
    (site / "same").symlink_to(site / "sub", target_is_directory=True)
    (site / "out").symlink_to(directory / "elsewhere", target_is_directory=True)
    (site / "nowhere.txt").symlink_to(directory / "none")
    (site / "round").symlink_to(site / "round")
    os.mkfifo(site / "pipe")


class Shouting(FileResponse):
    """A subclass that has a word in what is sent."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def shout(message: Any) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": message.get("body", b"").upper()}
            await send(message)

        await super().__call__(scope, receive, shout)


class Cached(StaticFiles):
    """With fields of its own, as people do it, and another page for what is not there."""

    def file_response(self, *args: Any, **options: Any) -> Any:
        response = super().file_response(*args, **options)
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response

    async def get_response(self, path: str, scope: Any) -> Any:
        try:
            return await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code != 404 or not path.startswith("pages"):
                raise
            return await super().get_response("index.html", scope)


class Plain(FileResponse):
    """A subclass that changes nothing."""


class Exclaiming:
    """A pure ASGI middleware that looks at bodies."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def exclaim(message: Any) -> None:
            if message["type"] == "http.response.start":
                kept = [field for field in message["headers"] if field[0] != b"content-length"]
                message = {**message, "headers": kept}
            elif message.get("body") and not message.get("more_body"):
                message = {**message, "body": message.get("body", b"") + b"!"}
            await send(message)

        await self.app(scope, receive, exclaim if scope["type"] == "http" else send)


def add_routes(app: FastAPI, directory: Path, log: list[str]) -> None:
    site = directory / "site"
    numbers = itertools.count(id(app))

    @app.api_route("/file/{name:path}", methods=["GET", "HEAD", "POST"])
    async def file(name: str) -> Any:
        return FileResponse(site / name)

    @app.get("/named")
    async def named(filename: str, status: int = 200) -> Any:
        headers = {"x-own": "1", "cache-control": "max-age=3"}
        return FileResponse(str(site / "hello.txt"), status, headers, filename=filename, media_type="text/x-own")

    @app.get("/class", response_class=FileResponse)
    async def by_class() -> Any:
        return str(site / "page.html")

    @app.get("/sync")
    def sync() -> Any:
        return FileResponse(site / "page.html")

    @app.get("/plain")
    async def plain() -> Any:
        return Plain(site / "page.html")

    @app.get("/shout")
    async def shout() -> Any:
        return Shouting(site / "page.html")

    @app.get("/none")
    async def none() -> Any:
        return FileResponse(directory / "none")

    @app.get("/directory")
    async def a_directory() -> Any:
        return FileResponse(directory)

    @app.get("/declared/{length}")
    async def declared(length: int) -> Any:
        return FileResponse(site / "hello.txt", headers={"content-length": str(length)})

    @app.get("/deleted")
    async def deleted() -> Any:
        path = directory / f"for_once_{next(numbers)}.txt"
        path.write_bytes(b"once")
        os.utime(path, (MODIFIED, MODIFIED))
        return FileResponse(path, background=BackgroundTask(os.unlink, path))

    @app.get("/tasks")
    async def tasks(background: BackgroundTasks) -> Any:
        background.add_task(log.append, "ran")
        return FileResponse(site / "large.bin")

    @app.get("/log")
    async def read_log() -> list[str]:
        return log

    @app.get("/extensions")
    async def extensions(request: Request) -> list[str]:
        return sorted(request.scope.get("extensions", {}))

    app.mount("/static", StaticFiles(directory=site), name="static")
    app.mount("/html", StaticFiles(directory=site, html=True))
    app.mount("/links", StaticFiles(directory=site, follow_symlink=True))
    app.mount("/several", StaticFiles(directory=directory / "elsewhere", packages=[("fastapi", ".")]))
    app.mount("/cached", Cached(directory=site, html=True))
    app.mount("/missing", StaticFiles(directory=directory / "none", check_dir=False))
    app.mount("/no_directory", StaticFiles(directory=site / "hello.txt", check_dir=False))


def plain_app(directory: Path) -> FastAPI:
    app = FastAPI()
    add_routes(app, directory, [])
    return app


def _zipped(directory: Path) -> FastAPI:
    app = plain_app(directory)
    app.add_middleware(GZipMiddleware, minimum_size=10)
    return app


def _cross_origin(directory: Path) -> FastAPI:
    app = plain_app(directory)
    app.add_middleware(CORSMiddleware, allow_origins=["https://a.example"])
    return app


def _exclaiming(directory: Path) -> FastAPI:
    app = plain_app(directory)
    app.add_middleware(Exclaiming)
    return app


def _dispatching(directory: Path) -> FastAPI:
    app = plain_app(directory)

    @app.middleware("http")
    async def count(request: Request, call_next: Callable[[Request], Any]) -> Any:
        response = await call_next(request)
        sizes = []

        async def measured() -> Any:
            async for chunk in response.body_iterator:
                sizes.append(len(chunk))  # a message in its place would have another length
                yield chunk

        answer = type(response)(content=measured(), status_code=response.status_code)
        answer.raw_headers = response.raw_headers
        return answer

    return app


def _wrapped(directory: Path) -> Any:
    return Exclaiming(plain_app(directory))


def _within(directory: Path) -> FastAPI:
    app = FastAPI()
    app.mount("/inner", GZipMiddleware(plain_app(directory), minimum_size=10))
    add_routes(app, directory, [])
    return app


def _at_the_root(directory: Path) -> FastAPI:
    """A program of pages beside an interface, as people deploy them."""
    app = FastAPI()

    @app.get("/api/items/{number}")
    async def item(number: int) -> int:
        return number

    app.mount("/static/inner", StaticFiles(directory=directory / "elsewhere"))
    app.mount("/static", StaticFiles(directory=directory / "site"))
    app.mount("/", StaticFiles(directory=directory / "site", html=True), name="pages")
    return app


APPS: dict[str, Callable[[Path], Any]] = {
    "plain": plain_app,
    "gzip": _zipped,
    "cors": _cross_origin,
    "bodies looked at": _exclaiming,
    "dispatch": _dispatching,
    "wrapped": _wrapped,
    "within": _within,
    "at the root": _at_the_root,
}
