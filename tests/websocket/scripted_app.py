"""An ASGI application that does what a test has written down, and notes what it sees."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

Step = tuple[Any, ...]


class Failed(Exception):
    """What an application raises in these tests."""


@dataclass
class Script:
    """Steps: ("receive",), ("send", message), ("send rest",): echoes until the end, ("sleep", seconds),
    ("block", seconds), ("raise",), ("return", value), ("scope", *keys)."""

    steps: list[Step]
    notes: list[Any] = field(default_factory=list)
    ended: bool = False


class ScriptedApp:
    """Runs the script whose number is the query string."""

    def __init__(self) -> None:
        self.scripts: dict[str, Script] = {}
        self._numbers = itertools.count()

    def add(self, steps: list[Step]) -> str:
        """A script to be run once; its query string."""
        number = str(next(self._numbers))
        self.scripts[number] = Script(list(steps))
        return number

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> Any:
        if scope["type"] == "lifespan":
            return await _lifespan(receive, send)
        if scope["type"] != "websocket":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
            await send({"type": "http.response.body", "body": scope["type"].encode()})
            return None
        script = self.scripts[scope["query_string"].decode()]
        try:
            return await self._run(script, scope, receive, send)
        except asyncio.CancelledError:
            script.notes.append("cancelled")
            raise
        finally:
            script.ended = True

    async def _run(self, script: Script, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        note = script.notes.append
        for step in script.steps:
            match step:
                case ("scope", *keys):
                    note({key: scope[key] for key in keys} if keys else list(scope))
                case ("receive",):
                    note(plain(await receive()))
                case ("receive within", seconds):
                    try:
                        note(plain(await asyncio.wait_for(receive(), seconds)))
                    except TimeoutError:
                        note("nothing")
                case ("send", message):
                    note(await _outcome(send(message)))
                case ("echo",):
                    while (event := await receive())["type"] == "websocket.receive":
                        note(plain(event))
                        await send({**event, "type": "websocket.send"})
                    note(plain(event))
                case ("sleep", seconds):
                    await asyncio.sleep(seconds)
                case ("block", seconds):
                    time.sleep(seconds)
                case ("raise",):
                    raise Failed("on purpose")
                case ("return", value):
                    return value
                case _:
                    raise AssertionError(step)
        return None


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        event = await receive()
        await send({"type": event["type"] + ".complete"})
        if event["type"] == "lifespan.shutdown":
            return


async def _outcome(sending: Awaitable[None]) -> Any:
    try:
        return await sending
    except OSError as error:
        return ("OSError", str(error))
    except UnicodeError:
        return "UnicodeError"
    except Exception as error:
        # The package websockets has exceptions of its own for what it does not send.
        kind = "RuntimeError" if type(error).__name__ == "ProtocolError" else type(error).__name__
        return (kind, str(error) if kind == "RuntimeError" else "")


def plain(event: dict[str, Any]) -> dict[str, Any]:
    """The event with its code as a plain int."""
    return {key: int(value) if key == "code" else value for key, value in event.items()}
