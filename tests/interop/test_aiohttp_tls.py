"""aiohttp's client and server over TLS: both on PyLoop, and PyLoop on either side of asyncio's own loop."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

import data_bridge

from .services import Certificate, RunOnPyLoop

aiohttp = pytest.importorskip("aiohttp")
from aiohttp import web  # noqa: E402

LARGE = bytes(range(256)) * (16 * 1024)  # 4 MiB


def application() -> web.Application:
    async def loop_name(request: web.Request) -> web.Response:
        return web.Response(text=type(asyncio.get_running_loop()).__name__)

    async def digest(request: web.Request) -> web.Response:
        summed = hashlib.sha256()
        async for piece in request.content.iter_any():
            summed.update(piece)
        return web.Response(text=summed.hexdigest())

    async def large(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for start in range(0, len(LARGE), 100_000):
            await response.write(LARGE[start : start + 100_000])
        await response.write_eof()
        return response

    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async def vanish(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        async for message in socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                await socket.send_bytes(message.data)
            elif message.data == "close":
                await socket.close(code=4000)
            else:
                await socket.send_str(message.data)
        return socket

    app = web.Application(client_max_size=0)
    app.router.add_get("/loop", loop_name)
    app.router.add_post("/digest", digest)
    app.router.add_get("/large", large)
    app.router.add_get("/slow", slow)
    app.router.add_get("/vanish", vanish)
    app.router.add_get("/echo", echo)
    return app


@asynccontextmanager
async def served(context: ssl.SSLContext) -> AsyncIterator[str]:
    runner = web.AppRunner(application(), shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        yield f"https://localhost:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@contextmanager
def served_by_a_thread(loop_factory: Callable[[], asyncio.AbstractEventLoop], context: ssl.SSLContext) -> Iterator[str]:
    """The server on a loop of its own, in a thread of its own."""
    urls: list[str] = []
    started = threading.Event()
    ends: list[Callable[[], Any]] = []

    async def main() -> None:
        end = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with served(context) as url:
            urls.append(url)
            ends.append(lambda: loop.call_soon_threadsafe(end.set))
            started.set()
            await end.wait()

    def work() -> None:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(main())

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert started.wait(20)
        yield urls[0]
    finally:
        for end in ends:
            end()
        thread.join(20)
        assert not thread.is_alive()


async def use(url: str, context: ssl.SSLContext, server_loop: str) -> None:
    """What a client does with the server at `url`."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context, limit=20)) as session:

        async def get(path: str) -> bytes:
            async with session.get(url + path) as response:
                assert response.status == 200
                return bytes(await response.read())

        assert await asyncio.gather(*(get("/loop") for _ in range(200))) == [server_loop.encode()] * 200
        assert await asyncio.gather(*(get("/large") for _ in range(4))) == [LARGE] * 4

        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(LARGE), 50_000):
                yield LARGE[start : start + 50_000]

        async with session.post(url + "/digest", data=pieces()) as response:
            assert await response.text() == hashlib.sha256(LARGE).hexdigest()

        async with session.ws_connect(url + "/echo", max_msg_size=0) as socket:
            for number in range(300):
                await socket.send_str(str(number))
            assert [(await socket.receive_str()) for _ in range(300)] == [str(number) for number in range(300)]
            await socket.send_bytes(LARGE)
            assert await socket.receive_bytes() == LARGE
            await socket.send_str("close")
            assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
            assert socket.close_code == 4000

        with pytest.raises(TimeoutError):
            await session.get(url + "/slow", timeout=aiohttp.ClientTimeout(total=0.2))
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await session.get(url + "/vanish")
        abandoned = asyncio.create_task(get("/slow"))
        await asyncio.sleep(0.05)
        abandoned.cancel()
        with pytest.raises(asyncio.CancelledError):
            await abandoned
        assert await get("/loop") == server_loop.encode()


def test_both_sides_on_one_loop(certificate: Certificate, run: RunOnPyLoop[Any]) -> None:
    async def main() -> None:
        async with served(certificate.server) as url:
            await use(url, certificate.client, "PyLoop")

    run(main())


def test_the_client_on_pyloop(certificate: Certificate, run: RunOnPyLoop[Any]) -> None:
    with served_by_a_thread(asyncio.SelectorEventLoop, certificate.server) as url:
        selector_loop = asyncio.SelectorEventLoop.__name__
        run(use(url, certificate.client, selector_loop))


def test_the_server_on_pyloop(certificate: Certificate) -> None:
    with (
        served_by_a_thread(data_bridge.PyLoop, certificate.server) as url,
        asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner,
    ):
        runner.run(use(url, certificate.client, "PyLoop"))


def test_a_certificate_that_nobody_vouches_for(certificate: Certificate, run: RunOnPyLoop[Any]) -> None:
    async def main() -> None:
        async with served(certificate.server) as url:
            async with aiohttp.ClientSession() as session:
                with pytest.raises(aiohttp.ClientConnectorCertificateError, match=r"self-signed|unable to get"):
                    await session.get(url + "/loop")
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=certificate.client)) as session:
                with pytest.raises(aiohttp.ClientConnectorCertificateError, match="elsewhere"):
                    await session.get(url + "/loop", server_hostname="elsewhere.example")
                async with session.get(url + "/loop") as response:
                    assert response.status == 200

    run(main())
