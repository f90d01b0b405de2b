"""Middleware with `dispatch` and `call_next`, in everything that it may do."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

import anyio
from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.middleware.base import BaseHTTPMiddleware

CallNext = Callable[[Request], Awaitable[Any]]

seen: contextvars.ContextVar[str] = contextvars.ContextVar("seen", default="nothing")


class Dispatching(BaseHTTPMiddleware):
    """Does what the query says: `outer=...` or `inner=...`."""

    def __init__(self, app: Any, place: str, log: list[str]) -> None:
        super().__init__(app)
        self.place = place
        self.log = log

    async def dispatch(self, request: Request, call_next: CallNext) -> Response:
        if request.url.path == "/log":
            return await call_next(request)  # type: ignore[no-any-return]
        self.log.append(f"{self.place} in")
        what = request.query_params.get(self.place, "pass")
        seen.set(f"{seen.get()} {self.place}")
        task = asyncio.current_task()
        try:
            response: Response = await getattr(self, f"do_{what}")(request, call_next)
            response.headers[f"x-{self.place}"] = f"{what} {task is asyncio.current_task()} {seen.get()}"
        finally:
            self.log.append(f"{self.place} out")
        return response

    async def do_pass(self, request: Request, call_next: CallNext) -> Any:
        return await call_next(request)

    async def do_answer(self, request: Request, call_next: CallNext) -> Any:
        return PlainTextResponse("answered", 203)

    async def do_raise(self, request: Request, call_next: CallNext) -> Any:
        raise KeyError(self.place)

    async def do_refuse(self, request: Request, call_next: CallNext) -> Any:
        raise HTTPException(418, "refused")

    async def do_raise_behind(self, request: Request, call_next: CallNext) -> Any:
        await call_next(request)
        raise KeyError(f"{self.place} behind")

    async def do_forget(self, request: Request, call_next: CallNext) -> Any:
        await call_next(request)
        return PlainTextResponse("forgotten")

    async def do_twice(self, request: Request, call_next: CallNext) -> Any:
        await call_next(request)
        return await call_next(request)

    async def do_catch(self, request: Request, call_next: CallNext) -> Any:
        try:
            return await call_next(request)
        except Exception as error:
            return PlainTextResponse(
                f"{error!r} {error.__cause__!r} {error.__context__!r} {error.__suppress_context__}", 500
            )

    async def do_read(self, request: Request, call_next: CallNext) -> Any:
        body = await request.body()
        response = await call_next(request)
        response.headers["x-body"] = str(len(body))
        return response

    async def do_stream(self, request: Request, call_next: CallNext) -> Any:
        pieces = [len(piece) async for piece in request.stream()]
        response = await call_next(request)
        response.headers["x-body"] = str(sum(pieces))
        return response

    async def do_time_out(self, request: Request, call_next: CallNext) -> Any:
        with anyio.move_on_after(0.15):
            return await call_next(request)
        return PlainTextResponse("too slow", 504)

    async def do_time_out_by_asyncio(self, request: Request, call_next: CallNext) -> Any:
        try:
            async with asyncio.timeout(0.15):
                return await call_next(request)
        except TimeoutError:
            return PlainTextResponse("too slow", 504)

    async def do_consume(self, request: Request, call_next: CallNext) -> Any:
        response = await call_next(request)
        pieces = [piece async for piece in response.body_iterator]
        return Response(b"".join(pieces) + b"!", response.status_code, media_type="text/plain")

    async def do_task(self, request: Request, call_next: CallNext) -> Any:
        response = await asyncio.create_task(call_next(request))  # type: ignore[arg-type]
        response.background = None
        return response


def make_app() -> FastAPI:
    app = FastAPI()
    log: list[str] = []
    app.add_middleware(Dispatching, place="inner", log=log)
    app.add_middleware(Dispatching, place="outer", log=log)

    @app.middleware("http")
    async def outermost(request: Request, call_next: CallNext) -> Any:
        response = await call_next(request)
        response.headers["x-outermost"] = seen.get()
        return response

    async def session() -> AsyncIterator[str]:
        log.append("session in")
        try:
            yield seen.get()
        finally:
            log.append("session out")

    @app.get("/hello")
    async def hello() -> Any:
        task = asyncio.current_task()
        assert task is not None
        return {"task": task.get_name(), "seen": seen.get()}

    @app.get("/session")
    async def with_session(session: Annotated[str, Depends(session)], tasks: BackgroundTasks) -> str:
        log.append("task in")
        tasks.add_task(log.append, "task out")
        seen.set("the handler's")
        return session

    @app.get("/sync")
    def sync() -> str:
        return seen.get()

    @app.post("/echo")
    async def echo(request: Request) -> Response:
        return Response(await request.body(), media_type="application/octet-stream")

    @app.post("/item")
    async def item(item: dict[str, Any]) -> Any:
        return item

    @app.get("/slow")
    async def slow() -> str:
        try:
            await asyncio.sleep(0.3)
        except asyncio.CancelledError:
            log.append("cancelled")
            with anyio.CancelScope(shield=True):
                await asyncio.sleep(0.02)
                log.append("cleaned up")
            raise
        return "slow"

    @app.get("/stubborn")
    async def stubborn() -> str:
        for _ in range(2):
            try:
                await asyncio.sleep(0.3)
            except asyncio.CancelledError:
                log.append("never mind")
        await asyncio.sleep(0)
        return "stubborn"

    @app.get("/pieces")
    async def pieces(count: int = 3) -> StreamingResponse:
        async def generate() -> AsyncIterator[bytes]:
            log.append("pieces begin")
            try:
                for _ in range(count):
                    yield b"x" * 1000
            finally:
                log.append("pieces end")

        return StreamingResponse(generate(), background=None)

    @app.get("/endless")
    async def endless() -> StreamingResponse:
        async def generate() -> AsyncIterator[bytes]:
            log.append("endless in")
            try:
                while True:
                    yield b"x"
                    await asyncio.sleep(0.01)
            finally:
                log.append("endless out")

        return StreamingResponse(generate())

    @app.get("/broken-pieces")
    async def broken_pieces() -> StreamingResponse:
        async def generate() -> AsyncIterator[bytes]:
            yield b"x"
            raise KeyError("piece")

        return StreamingResponse(generate())

    @app.get("/raises")
    async def raises() -> None:
        raise ValueError("handler") from KeyError("cause")

    @app.get("/refuses")
    async def refuses() -> None:
        raise HTTPException(409, "refused")

    @app.get("/waits-for-departure")
    async def waits_for_departure(request: Request) -> JSONResponse:
        message = await request.receive()
        return JSONResponse([message["type"], await request.is_disconnected()])

    @app.get("/log")
    async def read_log() -> list[str]:
        for _ in range(350):
            if sum(line.endswith(" in") for line in log) == sum(line.endswith(" out") for line in log):
                break
            await asyncio.sleep(0.002)
        found = log[:]
        log.clear()
        return found

    return app
