"""An application with forms and files of every kind, which tells what became of its files."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

from fastapi import BackgroundTasks, Depends, FastAPI, File, Form, HTTPException, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from pydantic import BaseModel
from starlette.datastructures import FormData
from starlette.datastructures import UploadFile as AnyUpload


class Profile(BaseModel):
    name: str
    age: int = 3


async def described(upload: Any) -> Any:
    position = upload.file.tell()
    content = await upload.read()
    return {
        "name": upload.filename,
        "size": upload.size,
        "type": upload.content_type,
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in upload.headers.raw],
        "class": type(upload).__qualname__,
        "position": position,
        "rolled": upload.file._rolled,
        "digest": hashlib.sha256(content).hexdigest(),
    }


async def all_of(form: FormData) -> Any:
    return [
        [name, await described(value) if isinstance(value, AnyUpload) else value] for name, value in form.multi_items()
    ]


def make_app(*, middleware: bool = False) -> FastAPI:
    app = FastAPI()
    #: By number of the request: the files, and what was seen of them where.
    kept: list[tuple[str, AnyUpload]] = []
    seen: list[str] = []

    if middleware:

        @app.middleware("http")
        async def around(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
            response = await call_next(request)
            response.headers["x-around"] = "yes"
            return response

    def note(where: str, upload: Any) -> None:
        seen.append(f"{where}: {'closed' if upload.file.closed else 'open'}")

    def keep(name: str, upload: AnyUpload) -> None:
        kept.append((name, upload))

    @app.get("/seen")
    async def what_was_seen(calm: int = 0) -> Any:
        """Once all files are closed, and nothing was seen for ``calm`` times 20 ms."""
        quiet = before = 0
        for _ in range(100):
            quiet = quiet + 1 if len(seen) == before else 0
            before = len(seen)
            if quiet > calm and all(upload.file.closed for _, upload in kept):
                break
            await asyncio.sleep(0.02)
        found = [*seen, *(f"{name} at last: {'closed' if upload.file.closed else 'open'}" for name, upload in kept)]
        seen.clear()
        kept.clear()
        return found

    @app.post("/fields")
    async def fields(
        a: Annotated[str, Form()],
        b: Annotated[int, Form(ge=1)] = 7,
        c: Annotated[list[str] | None, Form()] = None,
        d: Annotated[float | None, Form(alias="D")] = None,
        e: Annotated[list[int], Form()] = [1, 2],  # noqa: B006
    ) -> Any:
        return {"a": a, "b": b, "c": c, "d": d, "e": e}

    @app.post("/one")
    async def one(only: Annotated[str, Form()]) -> Any:
        return only

    @app.post("/sync")
    def in_a_thread(a: Annotated[str, Form()], f: UploadFile | None = None) -> Any:
        return {"a": a, "f": None if f is None else len(f.file.read())}

    @app.post("/model")
    async def model(profile: Annotated[Profile, Form()]) -> Any:
        return profile

    @app.post("/upload")
    async def upload(f: UploadFile, a: Annotated[str, Form()] = "none") -> Any:
        keep("upload", f)
        return {"f": await described(f), "a": a}

    @app.post("/uploads")
    async def uploads(f: list[UploadFile], g: Annotated[UploadFile | None, File()] = None) -> Any:
        return {"f": [await described(item) for item in f], "g": g and await described(g)}

    @app.post("/bytes")
    async def as_bytes(f: Annotated[bytes, File()], g: Annotated[list[bytes] | None, File()] = None) -> Any:
        return {"f": len(f), "g": g and [len(item) for item in g]}

    @app.post("/form")
    async def whole(request: Request, a: Annotated[str, Form()] = "") -> Any:
        form = await request.form()
        same = form is await request.form() and form is request._form
        try:
            body = str(await request.body())
        except RuntimeError as error:
            body = str(error)
        return {"form": await all_of(form), "same": same, "body": body, "a": a}

    @app.post("/by-request")
    async def by_request(request: Request) -> Any:
        return await all_of(await request.form())

    async def held(f: UploadFile) -> AsyncIterator[UploadFile]:
        note("enter", f)
        try:
            yield f
        finally:
            note("exit", f)

    @app.post("/held")
    async def with_exits(
        f: Annotated[UploadFile, Depends(held)], tasks: BackgroundTasks, a: Annotated[str, Form()] = ""
    ) -> Any:
        keep("held", f)
        tasks.add_task(note, "task", f)
        return f.size, a

    @app.post("/streamed")
    async def streamed(f: UploadFile) -> StreamingResponse:
        keep("streamed", f)

        async def pieces() -> AsyncIterator[bytes]:
            while piece := await f.read(1000):
                yield piece
            note("stream", f)

        return StreamingResponse(pieces(), media_type="text/plain")

    @app.post("/raises/{kind}")
    async def raises(kind: str, f: UploadFile) -> Any:
        keep(kind, f)
        if kind == "http":
            raise HTTPException(418, "a teapot")
        raise KeyError("lost") if kind == "key" else ValueError("wrong")

    async def of_request(request: Request) -> Any:
        form = getattr(request, "_form", None)
        if form is None:
            return None
        for name, value in form.multi_items():
            if isinstance(value, AnyUpload):
                note(f"handler of {name}", value)
        return sorted(form)

    @app.exception_handler(KeyError)
    async def on_key(request: Request, error: KeyError) -> Response:
        return JSONResponse({"lost": str(error), "form": await of_request(request)}, 409)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> Response:
        body = error.body
        shown = await all_of(body) if isinstance(body, FormData) else repr(body)
        same = body is getattr(request, "_form", None)
        return JSONResponse({"errors": repr(error.errors()), "body": shown, "same": same}, 422)

    @app.exception_handler(400)
    async def on_bad_request(request: Request, error: HTTPException) -> Response:
        # What it says may have the place in a piece of the body, which no two runs cut at the same.
        return PlainTextResponse(f"{error.detail} {type(error.__cause__).__name__}", 400)

    return app
