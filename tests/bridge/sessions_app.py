"""An application whose routes do with their session whatever can be done with one, and middleware around it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

Stack = list[tuple[type, dict[str, Any]]]

KEY = "a key that nobody knows"
SESSION = (SessionMiddleware, {"secret_key": KEY})
CORS = (CORSMiddleware, {"allow_origins": ["https://a.example"], "allow_credentials": True})
GZIP = (GZipMiddleware, {"minimum_size": 100})
HOSTS = (TrustedHostMiddleware, {"allowed_hosts": ["localhost"], "www_redirect": False})

#: From the inside, as add_middleware() has it.
STACKS: dict[str, Stack] = {
    "session": [SESSION],
    "every option": [
        (
            SessionMiddleware,
            {
                "secret_key": KEY,
                "session_cookie": "s",
                "max_age": None,
                "path": "/api",
                "same_site": "none",
                "https_only": True,
                "domain": "a.example",
            },
        )
    ],
    "for no time": [(SessionMiddleware, {"secret_key": KEY, "max_age": 0})],
    "session in cors in gzip": [SESSION, CORS, GZIP],
    "cors in gzip in session": [CORS, GZIP, SESSION],
    "hosts in session in cors": [HOSTS, SESSION, CORS],
}


def make_app(stack: Stack) -> FastAPI:
    """``stack`` from the inside."""
    app = FastAPI()
    _add_uses(app)
    _add_ends(app)
    _add_faults(app)
    for middleware, options in stack:
        app.add_middleware(middleware, **options)
    return app


def _add_uses(app: FastAPI) -> None:
    @app.get("/hello")
    async def hello() -> dict[str, str]:
        return {"hello": "world " * 30}

    @app.get("/sync/{name}")
    def sync(name: str, request: Request) -> str:
        request.session["name"] = name
        return name

    @app.get("/scope")
    async def scope(request: Request) -> list[str]:
        return sorted(request.scope.keys() - {"extensions"})  # which uvicorn has not got

    @app.get("/keys")
    async def keys(request: Request) -> list[str]:
        return [key for key in request.scope if key != "extensions"]

    @app.get("/kind")
    async def kind(request: Request) -> str:
        return str(type(request.scope["session"]))

    @app.get("/read")
    async def read(request: Request) -> dict[str, Any]:
        return dict(request.session)

    @app.post("/set")
    async def write(request: Request, values: dict[str, Any]) -> int:
        request.session.update(values)
        return len(request.session)

    @app.get("/pop/{key}")
    async def pop(request: Request, key: str) -> Any:
        return request.session.pop(key, None)

    @app.get("/popitem")
    async def popitem(request: Request) -> Any:
        return request.session.popitem() if request.session else None

    @app.get("/default")
    async def default(request: Request) -> Any:
        return request.session.setdefault("a", 5)

    @app.get("/nested")
    async def nested(request: Request) -> Any:
        request.session.setdefault("list", []).append(1)
        return request.session["list"]

    @app.get("/clear")
    async def clear(request: Request) -> None:
        request.session.clear()

    @app.get("/replace")
    async def replace(request: Request) -> None:
        request.scope["session"] = {"replaced": 1}


async def user(request: Request) -> AsyncIterator[str]:
    """Writes behind the answer, too: too late."""
    request.session["seen"] = request.session.get("seen", 0) + 1
    yield str(request.session["seen"])
    request.session["late"] = True


def _add_ends(app: FastAPI) -> None:
    @app.get("/vary")
    async def vary(request: Request) -> Response:
        request.session["a"] = 1
        response = PlainTextResponse("p" * 200, 201)
        response.headers.append("Vary", "Accept")
        response.set_cookie("other", "value")
        return response

    @app.get("/injected")
    async def injected(request: Request, response: Response) -> str:
        request.session["a"] = 1
        response.status_code = 202
        response.headers["X-Own"] = "1"
        return "i"

    @app.get("/dependent")
    async def dependent(found: Annotated[str, Depends(user)]) -> str:
        return found

    @app.get("/nothing", status_code=204)
    async def nothing(request: Request) -> Response:
        request.session["a"] = 1
        return Response(status_code=204)

    @app.get("/stream")
    async def stream(request: Request) -> StreamingResponse:
        request.session["a"] = 1

        async def generate() -> AsyncIterator[str]:
            request.session["late"] = True
            yield "piece " * 50
            yield "last"

        return StreamingResponse(generate())

    @app.get("/background")
    async def background(request: Request, tasks: BackgroundTasks) -> str:
        request.session["a"] = 1
        tasks.add_task(request.session.clear)
        return "b"

    @app.api_route("/any", methods=["GET", "HEAD", "OPTIONS"])
    async def any_method(request: Request) -> Response:
        request.session["method"] = request.method
        return JSONResponse("any")


def _add_faults(app: FastAPI) -> None:
    @app.get("/refused")
    async def refused(request: Request) -> None:
        request.session["a"] = 1
        raise HTTPException(418, "r", {"X-Refused": "1"})

    @app.get("/invalid/{number}")
    async def invalid(number: int, found: Annotated[str, Depends(user)]) -> str:
        return found

    @app.get("/error")
    async def error(request: Request) -> None:
        request.session["a"] = 1
        raise RuntimeError("unhandled")

    @app.get("/not-json")
    async def not_json(request: Request) -> str:
        request.session["a"] = {1, 2}
        return "n"

    @app.get("/without")
    async def without(request: Request) -> str:
        del request.scope["session"]
        return "w"

    @app.get("/a-list")
    async def a_list(request: Request) -> str:
        request.scope["session"] = [1]
        return "l"
