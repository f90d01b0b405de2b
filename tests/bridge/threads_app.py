"""An application of sync handlers and dependencies, which look at the threads that they run in."""

import asyncio
import contextvars
import inspect
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import anyio
import anyio.from_thread
import anyio.to_thread
from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel

#: FastAPI 0.121 has scopes of dependencies.
BEFORE_THE_ANSWER: Any = {"scope": "function"} if "scope" in inspect.signature(Depends).parameters else {}

variable = contextvars.ContextVar("variable", default="unset")


class Item(BaseModel):
    name: str
    price: float = 1.5


class Gate:
    """Holds everybody up until it is opened, and knows how many were within at most."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._is_open = False
        self.now = 0
        self.most = 0

    def shut(self) -> None:
        with self._changed:
            self._is_open, self.most = False, 0

    def open(self) -> None:
        with self._changed:
            self._is_open = True
            self._changed.notify_all()

    def pass_through(self) -> None:
        with self._changed:
            self.now += 1
            self.most = max(self.most, self.now)
            assert self._changed.wait_for(lambda: self._is_open, 300)
            self.now -= 1


def make_app() -> FastAPI:
    app = FastAPI()
    gate = Gate()
    has_entered = asyncio.Event()
    may_leave = asyncio.Event()

    @app.get("/")
    async def hello() -> str:
        return "hello"

    @app.get("/thread")
    def thread() -> dict[str, Any]:
        try:
            asyncio.get_running_loop()
        except RuntimeError as error:
            loop = str(error)
        current = threading.current_thread()
        return {"loop": loop, "name": current.name, "main": current is threading.main_thread()}

    @app.get("/block")
    def block() -> None:
        gate.pass_through()

    @app.get("/within")
    async def within() -> list[int]:
        return [gate.now, gate.most]

    @app.get("/open")
    async def open_gate() -> None:
        gate.open()

    def first() -> str:
        variable.set("first")
        return variable.get()

    def second(first: Annotated[str, Depends(first)]) -> list[str]:
        return [first, variable.get()]

    @app.get("/dependencies")
    def dependencies(second: Annotated[list[str], Depends(second)], third: Annotated[str, Depends(first)]) -> Any:
        return [*second, third, variable.get()]

    @app.get("/item")
    def item(name: str = "n") -> Item:
        return {"name": name}  # type: ignore[return-value]

    @app.get("/wrong")
    def wrong() -> Item:
        return {"price": "x"}  # type: ignore[return-value]

    @app.get("/large")
    def large(letter: str = "x") -> str:
        return letter * 1_000_000

    @app.get("/refused")
    def refused() -> None:
        raise HTTPException(418, "refused")

    @app.get("/stop")
    def stop() -> None:
        raise StopIteration

    async def on_the_loop(value: int) -> list[Any]:
        await asyncio.sleep(0)
        return [value, threading.current_thread().name == "AnyIO worker thread"]

    @app.get("/back")
    def back() -> Any:
        anyio.from_thread.check_cancelled()
        return [anyio.from_thread.run(on_the_loop, 1), anyio.from_thread.run_sync(abs, -2)]

    @app.get("/nested")
    def nested() -> Any:
        async def call() -> str:
            return await anyio.to_thread.run_sync(lambda: threading.current_thread().name)

        return anyio.from_thread.run(call)

    @app.get("/tokens")
    def tokens() -> list[Any]:
        def look() -> list[Any]:
            statistics = anyio.to_thread.current_default_thread_limiter().statistics()
            return [statistics.borrowed_tokens, statistics.total_tokens, statistics.tasks_waiting]

        return anyio.from_thread.run_sync(look)

    left: list[Any] = []

    def leaves(swallow: bool = False) -> Iterator[str]:
        variable.set("entered")
        outcome = "returned"
        try:
            yield threading.current_thread().name
        except Exception as error:
            outcome = type(error).__name__
            if not swallow:
                raise
        finally:
            anyio.from_thread.check_cancelled()
            borrowed = anyio.from_thread.run_sync(limiter().statistics)
            name = threading.current_thread().name
            left.append(
                [outcome, name, variable.get(), borrowed.borrowed_tokens, anyio.from_thread.run(on_the_loop, 2)]
            )

    def limiter() -> anyio.CapacityLimiter:
        return anyio.from_thread.run_sync(anyio.to_thread.current_default_thread_limiter)

    failures = {
        "refused": HTTPException(409, "refused"),
        "broken": ZeroDivisionError("broken"),
        "stopped": StopIteration("stopped"),
    }

    @app.get("/leave")
    def leave(entered: Annotated[str, Depends(leaves)], fail: str = "") -> list[str]:
        if fail:
            raise failures[fail]
        return [entered, variable.get()]

    @app.get("/leave-soon")
    async def leave_soon(entered: Annotated[str, Depends(leaves, **BEFORE_THE_ANSWER)], fail: str = "") -> str:
        if fail:
            raise failures[fail]
        return entered

    async def around() -> AsyncIterator[None]:
        with anyio.CancelScope():
            yield

    @app.get("/leave-within", dependencies=[Depends(around)])
    async def leave_within(entered: Annotated[str, Depends(leaves)]) -> str:
        return entered

    @app.get("/leave-when-open")
    async def leave_when_open(entered: Annotated[str, Depends(leaves)]) -> str:
        has_entered.set()
        await may_leave.wait()
        return entered

    @app.get("/has-entered")
    async def entered() -> None:
        await has_entered.wait()

    @app.get("/let-leave")
    async def let_leave() -> None:
        may_leave.set()

    @app.get("/left")
    async def left_so_far() -> Any:
        found = list(left)
        left.clear()
        return found

    @app.get("/limit")
    async def limit(tokens: int) -> float:
        anyio.to_thread.current_default_thread_limiter().total_tokens = tokens
        gate.shut()
        return anyio.to_thread.current_default_thread_limiter().total_tokens

    return app
