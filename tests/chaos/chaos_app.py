"""What the chaos tests serve."""

import asyncio
import ctypes
from collections.abc import AsyncIterator

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import StreamingResponse

from data_bridge import App

app = App(store="sqlite:///chaos.db")

# PyDLL, unlike CDLL, keeps the GIL during the call.
holding = ctypes.PyDLL(None)


@app.crud
class Item(BaseModel):
    id: int | None = None
    name: str = Field(min_length=1, max_length=80)
    price: float = Field(gt=0)
    tags: list[str] = []


class Echo(BaseModel):
    text: str
    times: int = Field(ge=0)


@app.get("/")
async def hello() -> dict[str, str]:
    return {"message": "Hello, world"}


@app.get("/slow/{milliseconds}")
async def slow(milliseconds: int) -> dict[str, int]:
    await asyncio.sleep(milliseconds / 1000)
    return {"slept": milliseconds}


@app.get("/sync/{number}")
def sync(number: int) -> dict[str, int]:
    return {"number": number}


@app.post("/echo")
async def echo(body: Echo) -> Echo:
    return body


@app.post("/add-route")
async def add_route() -> dict[str, int]:
    async def added() -> int:
        return 1

    app.add_api_route(f"/added-{len(app.router.routes)}", added)
    return {"routes": len(app.router.routes)}


@app.get("/hold-gil")
async def hold_gil() -> dict[str, bool]:
    holding.usleep(4_000_000)
    return {"held": True}


@app.get("/stream/{megabytes}")
async def stream(megabytes: int) -> StreamingResponse:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(megabytes * 16):
            yield b"x" * 65536

    return StreamingResponse(pieces(), media_type="application/octet-stream")


@app.post("/upload")
async def upload(request: Request) -> dict[str, int]:
    size = 0
    async for piece in request.stream():
        size += len(piece)
    return {"size": size}


@app.websocket("/ws")
async def echo_messages(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        while True:
            await websocket.send_bytes(await websocket.receive_bytes())
    except WebSocketDisconnect:
        pass


@app.get("/tasks")
async def tasks() -> int:
    return len(asyncio.all_tasks())


@app.get("/fail")
async def fail() -> None:
    raise RuntimeError("meant to")


plain = FastAPI()
app.mount("/mounted", plain)


@plain.get("/x")
async def mounted() -> dict[str, str]:
    return {"from": "the mounted application"}
