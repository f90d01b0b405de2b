"""What a StreamingResponse may be given, and a log of what its iterators have seen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, StreamingResponse


class Words(str):
    """A text that encodes itself."""

    def encode(self, *_: Any) -> bytes:  # type: ignore[override]
        return b"its own"


class Mute:
    def encode(self, charset: str) -> Any:
        return charset == "utf-8"  # no bytes


class Nothing:
    def encode(self, charset: str) -> Any:
        return None  # no body, as an ASGI server takes it


class Ending:
    def encode(self, charset: str) -> bytes:
        raise StopAsyncIteration


#: The pieces of one answer, by its name.
PIECES: dict[str, list[Any]] = {
    "none": [],
    "texts": ["a", "b\u00e9\u20ac", "", "c" * 70_000],
    "bytes": [b"a", b"", b"b" * 70_000, memoryview(b"seen"), memoryview(b"0123456789")[2:5]],
    "mixed": ["a", b"b", memoryview(b"c"), Words("hidden"), Nothing()],
    "a number": ["a", 1, "b"],
    "a bytearray": ["a", bytearray(b"b")],
    "None": ["a", None],
    "half a pair": ["a", "\ud800", "b"],
    "no bytes": ["a", Mute(), "b"],
    "an end that is none": ["a", Ending(), "b"],
    "every other byte": [b"a", memoryview(b"012345")[::2]],
    "an error": ["a", ValueError("in the middle")],
    "an error at once": [ValueError("in the middle")],
    "an early end": ["a", StopAsyncIteration("not by a generator")],
    "a late error": ["a", "", OSError("gone")],
}


class Iterated:
    """An asynchronous iterator that is no generator."""

    def __init__(self, pieces: list[Any]) -> None:
        self._pieces = iter(pieces)

    def __aiter__(self) -> Iterated:
        return self

    def __anext__(self) -> Any:
        piece = next(self._pieces, StopAsyncIteration())
        if isinstance(piece, Exception):
            raise piece

        async def give() -> Any:
            return piece

        return give()


class NoIterator:
    def __aiter__(self) -> Any:
        return 1


class Latin(StreamingResponse):
    charset = "latin-1"


class Loud(StreamingResponse):
    """One that adds something to what is sent."""

    async def stream_response(self, send: Any) -> None:
        async def louder(message: Any) -> None:
            await send({**message, "body": message["body"].upper()} if "body" in message else message)

        await super().stream_response(louder)


def make_app() -> FastAPI:
    app = FastAPI()
    log: list[str] = []

    async def generated(pieces: list[Any], pause: float | None = None) -> AsyncIterator[Any]:
        log.append("begin")
        try:
            for piece in pieces:
                if pause is not None:
                    await asyncio.sleep(pause)
                if isinstance(piece, Exception):
                    raise RuntimeError("a generator's") if isinstance(piece, StopAsyncIteration) else piece
                yield piece
                log.append("sent")
        except GeneratorExit:
            raise  # when its garbage is collected, which depends on who keeps an exception
        except BaseException as error:
            log.append(type(error).__name__)
            raise
        log.append("end")

    def from_threads(pieces: list[Any]) -> Iterator[Any]:
        yield from pieces

    @app.get("/generated/{name}")
    async def get_generated(name: str) -> StreamingResponse:
        return StreamingResponse(generated(PIECES[name]), media_type="text/plain")

    @app.get("/pausing/{name}")
    async def get_pausing(name: str) -> StreamingResponse:
        return StreamingResponse(generated(PIECES[name], 0))

    @app.get("/iterated/{name}")
    async def get_iterated(name: str) -> StreamingResponse:
        return StreamingResponse(Iterated(PIECES[name]))

    @app.get("/threads/{name}")
    async def get_from_threads(name: str) -> StreamingResponse:
        return StreamingResponse(from_threads(PIECES[name]))

    @app.get("/latin/{name}")
    async def get_latin(name: str) -> StreamingResponse:
        return Latin(generated(PIECES[name]))

    @app.get("/loud/{name}")
    async def get_loud(name: str) -> StreamingResponse:
        return Loud(generated(PIECES[name]))

    @app.get("/short/{name}")
    async def get_short(name: str) -> StreamingResponse:
        return StreamingResponse(generated(PIECES[name]), headers={"content-length": "2"})

    @app.get("/no-iterator")
    async def get_no_iterator(deep: bool = False) -> StreamingResponse:
        response = StreamingResponse(generated([]))
        response.body_iterator = NoIterator() if deep else 1  # type: ignore[assignment]
        return response

    @app.get("/large")
    async def get_large(count: int, size: int) -> StreamingResponse:
        return StreamingResponse(generated(["x" * size] * count))

    @app.get("/endless")
    async def get_endless(pause: float) -> StreamingResponse:
        return StreamingResponse(generated(["x" * 1000] * 1_000_000, pause))

    @app.get("/log")
    async def get_log() -> PlainTextResponse:
        found = "\n".join(line for line in log if line != "sent")
        log.clear()
        return PlainTextResponse(found)

    return app
