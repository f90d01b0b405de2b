"""A Server beside other tasks in a running PyLoop."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import data_bridge
from data_bridge.server import Server


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


async def ask(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize(("begin", "end"), [("startup", "shutdown"), ("start", "close")])
def test_it_starts_answers_and_stops_within_a_program(begin: str, end: str) -> None:
    async def main() -> None:
        server = Server(app, port=0, access_log=False)
        await getattr(server, begin)()
        assert (await ask(server.addresses[0][1])).startswith(b"HTTP/1.1 204 ")
        await getattr(server, end)()
        assert server.counts()["bridged"] == 1
        with pytest.raises(ConnectionRefusedError):
            await ask(server.addresses[0][1])

    with asyncio.Runner(loop_factory=data_bridge.new_event_loop) as runner:
        runner.run(main())
