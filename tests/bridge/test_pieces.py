"""A StreamingResponse whose pieces go to the connection natively answers, fails and ends as under uvicorn."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.responses import StreamingResponse

from data_bridge import _core
from data_bridge.compile import pieces
from data_bridge.compile.patched_method import PatchedMethod
from data_bridge.testing import LiveServer

from .pair import both_servers, side_by_side
from .pieces_app import PIECES, make_app
from .raw_client import RawConnection, answer, request

DOORS = ["generated", "pausing", "iterated", "threads", "latin", "loud", "short"]
OWN = vars(StreamingResponse)["stream_response"]


@pytest.fixture(scope="module", params=[0, 1], ids=["inline", "an I/O thread"])
def ports(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    with both_servers(make_app, io_threads=request.param) as ports:
        yield ports


def whole(port: int, path: str) -> tuple[bytes, bytes]:
    """All that is sent until the connection ends, and what the application has logged."""
    with RawConnection(port, timeout=30) as connection:
        connection.send(request("GET", path, headers={"Connection": "close"}))
        received = connection.read_all()
    return received, answer(port, request("GET", "/log")).body


@pytest.mark.parametrize("door", DOORS)
def test_same_answers_errors_and_effects(ports: tuple[int, int], door: str) -> None:
    for name in PIECES:
        path = f"/{door}/{name.replace(' ', '%20')}"
        theirs, ours = side_by_side(lambda side, path=path: whole(ports[side], path))  # type: ignore[misc]
        assert ours == theirs, name


@pytest.mark.parametrize("path", ["/no-iterator", "/no-iterator?deep=true", "/large?count=1000&size=1000"])
def test_same_answer(ports: tuple[int, int], path: str) -> None:
    theirs, ours = side_by_side(lambda side: whole(ports[side], path))
    assert ours == theirs


@pytest.mark.parametrize("path", ["/endless?pause=0", "/endless?pause=0.01"])
def test_a_client_that_leaves_ends_the_generator(ports: tuple[int, int], path: str) -> None:
    def leave(side: int) -> list[str]:
        connection = RawConnection(ports[side], timeout=30)
        connection.send(request("GET", path))
        connection._until(b"xxx")
        connection.close()
        deadline = time.monotonic() + 10
        lines: list[str] = []
        while "CancelledError" not in lines and time.monotonic() < deadline:
            lines += answer(ports[side], request("GET", "/log")).body.decode().split()
        return lines

    theirs, ours = side_by_side(leave)
    assert ours == theirs
    assert ours[-1:] == ["CancelledError"]


def test_one_that_does_not_read_holds_the_generator_up(ports: tuple[int, int]) -> None:
    with RawConnection(ports[1], timeout=30) as slow:
        slow.send(request("GET", "/large?count=100&size=300000"))
        time.sleep(0.5)
        assert answer(ports[1], request("GET", "/log")).body == b"begin"  # it has not come to its end
        received = slow.read_answer("GET")
    assert len(received.body) == 30_000_000
    assert answer(ports[1], request("GET", "/log")).body == b"end"


def test_pieces_need_no_messages_where_nobody_looks_at_them(monkeypatch: pytest.MonkeyPatch) -> None:
    native: list[Any] = []
    send_pieces = _core.send_pieces
    monkeypatch.setattr(
        pieces._core, "send_pieces", lambda response, send: native.append(type(response)) or send_pieces(response, send)
    )
    app = make_app()

    @app.middleware("http")
    async def around(request: Any, call_next: Any) -> Any:
        return await call_next(request)

    with LiveServer(make_app()) as plain, LiveServer(app) as behind:
        assert answer(plain.port, request("GET", "/generated/texts")).body.startswith(b"a")
        assert native == [StreamingResponse]
        assert answer(plain.port, request("GET", "/loud/texts")).body.startswith(b"A")
        assert answer(behind.port, request("GET", "/generated/texts")).body.startswith(b"a")
        assert native == [StreamingResponse]
        assert vars(StreamingResponse)["stream_response"] is not OWN


def test_a_function_that_somebody_has_put_there_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    async def watched(self: Any, send: Any) -> None:
        self.headers["x-watched"] = "1"
        await OWN(self, send)

    monkeypatch.setattr(StreamingResponse, "stream_response", watched)
    with LiveServer(make_app()) as live:
        assert answer(live.port, request("GET", "/generated/texts")).header("x-watched") == "1"
    assert vars(StreamingResponse)["stream_response"] is watched


def test_a_method_is_put_back_by_the_last_who_uses_it() -> None:
    class Kind:
        def method(self) -> str:
            return "own"

    own = vars(Kind)["method"]
    users = [PatchedMethod(Kind, "method", lambda own: lambda self: f"not {own(self)}") for _ in range(2)]
    users.pop().leave()
    assert Kind().method() == "not own"
    users.pop().leave()
    assert vars(Kind)["method"] is own
    user = PatchedMethod(Kind, "method", lambda own: None)
    Kind.method = theirs = lambda self: "theirs"  # type: ignore[method-assign]
    user.leave()
    assert vars(Kind)["method"] is theirs


class Probe:
    """What calls the native coroutine by hand, within a request."""

    def __init__(self) -> None:
        self.found: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            await self.run(send)
        except Exception as error:
            self.found.append(error)
        await send({"type": "http.response.body"})

    async def run(self, send: Any) -> None:
        raise NotImplementedError


def run_probe(probe: Probe) -> list[Any]:
    with LiveServer(probe) as live:
        answer(live.port, request("GET", "/"))
    return probe.found


async def by_messages(response: Any, send: Any) -> None:
    """What the native coroutine stands for."""
    async for chunk in response.body_iterator:
        await send({"type": "http.response.body", "body": chunk.encode(response.charset), "more_body": True})


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_it_is_a_coroutine_like_the_one_that_it_stands_for() -> None:
    class Stepping(Probe):
        def __init__(self, send_pieces: Any) -> None:
            super().__init__()
            self.steps: list[Any] = []
            self._send_pieces = send_pieces

        def tried(self, call: Any, *arguments: Any) -> None:
            try:
                self.found.append(call(*arguments))
            except BaseException as error:
                self.found.append((type(error), str(error)))

        async def run(self, send: Any) -> None:
            def stream(pieces: Any) -> Any:
                return self._send_pieces(StreamingResponse(pieces), send)

            async def waiting() -> Any:
                try:
                    await asyncio.sleep(0)
                    yield "piece"
                    await asyncio.sleep(0)
                except BaseException as error:
                    self.found.append((type(error), str(error)))
                    if isinstance(error, LookupError):
                        yield "another"
                    else:
                        raise

            for error in (ArithmeticError("a"), LookupError("b"), StopAsyncIteration("c"), GeneratorExit()):
                for steps in range(3):
                    begun = stream(waiting())
                    for _ in range(steps):
                        self.tried(begun.send, None)
                    self.tried(begun.throw, error)
                    self.tried(begun.send, None)
                    self.tried(begun.close)
            for steps in range(4):
                begun = stream(waiting())
                for _ in range(steps):
                    self.tried(begun.send, None)
                self.tried(begun.close)
                self.tried(begun.close)
                self.tried(begun.send, None)

            async def itself() -> Any:
                for call in (again.close, lambda: again.send(None), lambda: again.throw(ArithmeticError())):
                    self.tried(call)
                yield "once"

            again = stream(itself())
            await again
            self.found.append(asyncio.iscoroutine(stream(waiting())))
            self.steps = list(self.found)  # generators that the loop ends later say so, too

    probes = [Stepping(send_pieces) for send_pieces in (by_messages, _core.send_pieces)]
    for probe in probes:
        run_probe(probe)
    assert probes[1].steps == probes[0].steps
    assert len(probes[0].steps) > 70
    with pytest.raises(TypeError, match="server's own"):
        _core.send_pieces(object(), print)


def test_nothing_is_left() -> None:
    class Counting(Probe):
        async def run(self, send: Any) -> None:
            piece = b"x" * 100
            error = ArithmeticError()

            async def give(fails: bool) -> Any:
                for _ in range(10):
                    yield piece
                if fails:
                    raise error

            class Response:
                charset = "utf-8"
                body_iterator: Any = None

            response = Response()
            for count in range(300):
                if count == 100:
                    gc.collect()
                    before = sys.getrefcount(piece), sys.getrefcount(send), len(gc.get_objects())
                response.body_iterator = give(count % 2 == 1)
                try:
                    await _core.send_pieces(response, send)
                except ArithmeticError:
                    error.__traceback__ = None
            response.body_iterator = None
            gc.collect()
            after = sys.getrefcount(piece), sys.getrefcount(send), len(gc.get_objects())
            self.found.append((before[:2], after[:2], after[2] - before[2] < 50))

    ((before, after, is_flat),) = run_probe(Counting())
    assert after == before
    assert is_flat


def test_a_circle_through_it_is_collected() -> None:
    class Circle(Probe):
        async def run(self, send: Any) -> None:
            class Response:
                charset = "utf-8"

            response: Any = Response()
            response.stream = _core.send_pieces(response, send)
            gone = weakref.ref(response)
            del response
            gc.collect()
            self.found.append(gone() is None)

    assert run_probe(Circle()) == [True]
