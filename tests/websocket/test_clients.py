"""The clients that applications have: websockets, aiohttp, Starlette's TestClient's peers; and FastAPI's routes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import aiohttp
import httpx
import pytest
import websockets
from fastapi import APIRouter, Cookie, Depends, FastAPI, Header, HTTPException, Query, WebSocket, WebSocketDisconnect
from fastapi.exceptions import WebSocketException
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from starlette.websockets import WebSocketState

from data_bridge.testing import LiveServer

MIB = 1024 * 1024


async def token_of(token: Annotated[str | None, Query()] = None) -> str:
    if token is None:
        raise WebSocketException(code=1008, reason="no token")
    return token


async def resource(websocket: WebSocket) -> AsyncIterator[str]:
    closed = websocket.app.state.closed
    closed.append("opened")
    try:
        yield "resource"
    finally:
        closed.append("closed")


def make_app() -> FastAPI:
    app = FastAPI()
    app.add_middleware(CORSMiddleware, allow_origins=["http://here"])
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1"])
    app.state.closed = []

    @app.get("/")
    async def index() -> dict[str, str]:
        return {"over": "http"}

    @app.websocket("/echo")
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            while True:
                event = await websocket.receive()
                if event["type"] == "websocket.disconnect":
                    return
                await websocket.send({**event, "type": "websocket.send"})
        except WebSocketDisconnect:
            app.state.closed.append("left")

    @app.websocket("/items/{item}")
    async def item(
        websocket: WebSocket,
        item: int,
        token: Annotated[str, Depends(token_of)],
        thing: Annotated[str, Depends(resource)],
        session: Annotated[str | None, Cookie()] = None,
        agent: Annotated[str, Header(alias="x-agent")] = "none",
    ) -> None:
        await websocket.accept(subprotocol="chat")
        await websocket.send_json({"item": item, "token": token, "thing": thing, "session": session, "agent": agent})
        await websocket.close(code=4001, reason="enough")

    @app.websocket("/denied")
    async def denied(websocket: WebSocket) -> None:
        raise HTTPException(status_code=401, detail="who?", headers={"WWW-Authenticate": "Basic"})

    router = APIRouter(prefix="/router")

    @router.websocket("/iterate")
    async def iterate(websocket: WebSocket) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text.upper())
        assert websocket.client_state is WebSocketState.DISCONNECTED
        app.state.closed.append("iterated")

    app.include_router(router)
    return app


@pytest.fixture(scope="module", params=[0, 2])
def live(request: pytest.FixtureRequest) -> Iterator[LiveServer]:
    with LiveServer(make_app(), io_threads=request.param) as server:
        yield server


def url(live: LiveServer, path: str) -> str:
    return f"ws://127.0.0.1:{live.port}{path}"


def state(live: LiveServer) -> Any:
    return live.server.app.state


@pytest.mark.parametrize("compression", ["deflate", None])
def test_websockets(live: LiveServer, compression: str | None) -> None:
    async def talk() -> None:
        async with websockets.connect(url(live, "/echo"), compression=compression, max_size=None) as client:
            for message in ("text \u20ac", b"bytes", "", b"", os.urandom(MIB), "x" * MIB, "short"):
                await client.send(message)
                assert await client.recv() == message
            await client.send(["frag", "ments", ""])
            assert await client.recv() == "fragments"
            latency = await (await client.ping(b"x"))
            assert latency >= 0
        assert client.close_code == 1000

    asyncio.run(talk())


def test_many_at_once(live: LiveServer) -> None:
    async def one(number: int) -> None:
        async with websockets.connect(url(live, "/echo")) as client:
            for i in range(30):
                await client.send(f"{number} {i}")
                assert await client.recv() == f"{number} {i}"

    async def all_of_them() -> None:
        await asyncio.gather(*(one(number) for number in range(50)))

    asyncio.run(all_of_them())


@pytest.mark.parametrize("compress", [0, 15])
def test_aiohttp(live: LiveServer, compress: int) -> None:
    async def talk() -> None:
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(url(live, "/echo"), compress=compress, max_msg_size=0) as client:
                for size in (0, 1, 1000, MIB):
                    await client.send_bytes(os.urandom(size))
                    assert len(await client.receive_bytes()) == size
                    await client.send_str("x" * size)
                    assert await client.receive_str() == "x" * size
                await client.ping(b"p")
                await client.close(code=4000, message=b"bye")
            assert client.close_code == 4000
            answer = await session.get(f"http://127.0.0.1:{live.port}/", headers={"Origin": "http://here"})
            assert await answer.json() == {"over": "http"}
            assert answer.headers["access-control-allow-origin"] == "http://here"

    asyncio.run(talk())


def test_parameters_and_dependencies(live: LiveServer) -> None:
    async def talk() -> tuple[str | bytes, Any]:
        headers = {"Cookie": "session=s", "X-Agent": "a"}
        async with websockets.connect(
            url(live, "/items/7?token=t"), subprotocols=["chat"], additional_headers=headers
        ) as client:
            assert client.subprotocol == "chat"
            message = await client.recv()
            with pytest.raises(websockets.ConnectionClosed):
                await client.recv()
            return message, (client.close_code, client.close_reason)

    state(live).closed.clear()
    message, end = asyncio.run(talk())
    assert message == '{"item":7,"token":"t","thing":"resource","session":"s","agent":"a"}'
    assert end == (4001, "enough")
    assert live.wait_idle(5)
    assert state(live).closed == ["opened", "closed"]


@pytest.mark.parametrize(
    ("path", "status"), [("/items/x?token=t", 403), ("/items/7", 403), ("/nowhere", 403), ("/", 403), ("/denied", 401)]
)
def test_refusals(live: LiveServer, path: str, status: int) -> None:
    async def talk() -> None:
        with pytest.raises(websockets.InvalidStatus) as caught:
            await websockets.connect(url(live, path))
        assert caught.value.response.status_code == status
        if status == 401:
            assert caught.value.response.headers["WWW-Authenticate"] == "Basic"
            assert caught.value.response.body == b'{"detail":"who?"}'

    asyncio.run(talk())


def test_middleware_sees_handshakes(live: LiveServer) -> None:
    """TrustedHost of Starlette, which is native for requests, is the application's own for WebSockets."""

    async def talk() -> None:
        with pytest.raises(websockets.InvalidStatus) as caught:
            await websockets.connect(url(live, "/echo"), additional_headers={"Host": "elsewhere"})
        assert caught.value.response.status_code == 400
        async with websockets.connect(url(live, "/echo"), origin=websockets.Origin("http://elsewhere")) as client:
            await client.send("CORS is for requests")
            await client.recv()

    asyncio.run(talk())


def test_iteration_ends_with_the_client(live: LiveServer) -> None:
    async def talk() -> None:
        async with websockets.connect(url(live, "/router/iterate")) as client:
            await client.send("abc")
            assert await client.recv() == "ABC"

    state(live).closed.clear()
    asyncio.run(talk())
    assert live.wait_idle(5)
    assert state(live).closed == ["iterated"]
    assert live.pop_exceptions() == []


def test_routes_behind_websocket_routes_compile() -> None:
    """A WebSocket route matches no request: what stands behind it is found without the application."""
    app = FastAPI()

    @app.websocket("/{name}")
    async def over_websocket(websocket: WebSocket, name: str) -> None:
        await websocket.accept()
        await websocket.send_text(name)
        await websocket.close()

    @app.get("/{name}")
    async def over_http(name: str) -> str:
        return name

    async def talk(port: int) -> str | bytes:
        async with websockets.connect(f"ws://127.0.0.1:{port}/a") as client:
            return await client.recv()

    with LiveServer(app) as live:
        assert httpx.get(f"{live.url}/a").json() == "a"
        assert httpx.get(f"{live.url}/a/b").status_code == 404
        assert asyncio.run(talk(live.port)) == "a"
        assert live.pop_counts() == {"compiled": 1, "unmatched": 1, "websockets": 1}


def test_counts(live: LiveServer) -> None:
    live.pop_counts()
    test_iteration_ends_with_the_client(live)
    assert live.pop_counts() == {"websockets": 1}
