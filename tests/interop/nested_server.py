"""A server whose handlers nest event loops: `python nested_server.py PACKAGE IO_THREADS`."""

from __future__ import annotations

import asyncio
import importlib
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from fastapi import BackgroundTasks, Depends, FastAPI, Request
from fastapi.responses import StreamingResponse

from data_bridge.testing import LiveServer

nest: Any = importlib.import_module(sys.argv[1])
app = FastAPI()
background: list[object] = []


@app.middleware("http")
async def apply(request: Request, call_next: Any) -> Any:
    nest.apply()
    if request.url.path == "/in-middleware":
        nested(asyncio.sleep(0.001))
    return await call_next(request)


bare = FastAPI()


def nested(awaitable: Any) -> Any:
    return asyncio.get_event_loop().run_until_complete(awaitable)


async def work(number: int) -> int:
    await asyncio.sleep(0.001)
    process = await asyncio.create_subprocess_exec("true")
    await process.wait()
    return number


for one in (app, bare):

    @one.get("/plain/{number}")
    async def plain(number: int) -> int:
        nest.apply()
        return int(nested(work(number)))

    @one.get("/run/{number}")
    async def run(number: int) -> int:
        nest.apply()
        await asyncio.sleep(0)
        return int(asyncio.run(work(number)))

    @one.post("/body")
    async def body(request: Request) -> int:
        nest.apply()
        return len(nested(request.body()))

    async def dependency(number: int) -> int:
        nest.apply()
        return int(nested(work(number)))

    @one.get("/dependency/{number}")
    async def depends(found: int = Depends(dependency)) -> int:
        return found

    @one.get("/itself/{number}")
    async def itself(number: int, request: Request) -> int:
        """The answer to the nested request is made by the loop that this handler has interrupted."""
        nest.apply()

        async def ask() -> int:
            async with httpx.AsyncClient() as client:
                answer = await client.get(f"{str(request.base_url).rstrip('/')}/plain/{number}")
                return int(answer.json())

        return int(nested(ask()))

    @one.get("/stream/{number}")
    async def stream(number: int) -> StreamingResponse:
        async def pieces() -> Any:
            for _ in range(3):
                yield f"{nested(work(number))},"

        nest.apply()
        return StreamingResponse(pieces())

    @one.get("/background/{number}")
    async def after(number: int, tasks: BackgroundTasks) -> int:
        async def later() -> None:
            background.append(nested(work(number)))

        nest.apply()
        tasks.add_task(later)
        return number

    @one.get("/in-middleware")
    async def in_middleware() -> int:
        return 1


def ask(client: httpx.Client, number: int) -> None:
    paths = ["plain", "run", "dependency", "itself", "background"]
    path = paths[number % len(paths)]
    answer = client.get(f"/{path}/{number}")
    assert (answer.status_code, answer.text) == (200, str(number)), (path, answer)
    assert client.get(f"/stream/{number}").text == f"{number}," * 3
    assert client.post("/body", content=b"x" * 300_000).text == "300000"
    assert client.get("/in-middleware").text == "1"


for application in (app, bare):
    background.clear()
    with LiveServer(application, io_threads=int(sys.argv[2])) as server:
        with httpx.Client(base_url=server.url, timeout=60) as client, ThreadPoolExecutor(12) as pool:
            list(pool.map(lambda number: ask(client, number), range(60)))
        while len(background) < 12:
            time.sleep(0.001)
        assert sorted(background) == list(range(4, 60, 5))
        assert server.wait_idle(30)
        assert server.pop_exceptions() == []
print("done")
