"""uvicorn and Hypercorn serve an application on PyLoop: HTTP, websockets, lifespan, TLS, a graceful end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .asgi_app import LARGE
from .programs import Program, python_program
from .services import Certificate, RunOnPyLoop, free_port

httpx = pytest.importorskip("httpx")
websockets = pytest.importorskip("websockets.asyncio.client")

HERE = Path(__file__).parent
ON_PYLOOP = b"data_bridge.loop.PyLoop"


class Served:
    """A server on a port of the loopback, and clients' arguments for it."""

    def __init__(self, program: Program, port: int, context: ssl.SSLContext | None) -> None:
        self.program = program
        self.port = port
        self.context = context
        program.wait_until(self.listens)

    def listens(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), 1):
            return True

    def url(self, scheme: str = "http") -> str:
        return f"{scheme}{'s' if self.context else ''}://localhost:{self.port}"

    def client(self) -> Any:
        return httpx.AsyncClient(base_url=self.url(), verify=self.context or True, timeout=20)

    def websocket(self) -> Any:
        return websockets.connect(self.url("ws") + "/ws", ssl=self.context, max_size=None)

    def said(self, text: str) -> None:
        """Wait until the program's output has `text`."""
        self.program.wait_until(lambda: text in self.program.log, 30)


Serve = Callable[..., Served]


def uvicorn(port: int, tls: Certificate | None, *arguments: str) -> list[str | Path]:
    pytest.importorskip("uvicorn")
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "uvicorn",
        "asgi_app:app",
        "--loop",
        "data_bridge:new_event_loop",
    ]
    command += ["--port", str(port), "--no-use-colors", *arguments]
    return [*command, "--ssl-certfile", tls.chain_file, "--ssl-keyfile", tls.key_file] if tls else command


def hypercorn(port: int, tls: Certificate | None) -> list[str | Path]:
    pytest.importorskip("hypercorn")
    files = [str(tls.chain_file), str(tls.key_file)] if tls else []
    return python_program(HERE / "hypercorn_on_pyloop.py", str(port), *files)


SERVERS: dict[str, Callable[[int, Certificate | None], list[str | Path]]] = {
    "uvicorn-httptools": lambda port, tls: uvicorn(port, tls, "--http", "httptools"),
    "uvicorn-h11": lambda port, tls: uvicorn(port, tls, "--http", "h11"),
    "hypercorn": hypercorn,
}


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[list[str | Path], int, ssl.SSLContext | None], Served]]:
    running: list[Program] = []

    def start(command: list[str | Path], port: int, context: ssl.SSLContext | None = None) -> Served:
        paths = [str(HERE), os.environ.get("PYTHONPATH", "")]
        program = Program(
            command, tmp_path, environment={"PYTHONPATH": os.pathsep.join(path for path in paths if path)}
        )
        running.append(program)
        return Served(program, port, context)

    yield start
    for program in running:
        program.stop()


@pytest.fixture(params=[(name, tls) for name in SERVERS for tls in (False, True)], ids=lambda p: p[0] + "-tls" * p[1])
def server(request: pytest.FixtureRequest, started: Any, certificate: Certificate) -> Served:
    name, tls = request.param
    port = free_port()
    served: Served = started(
        SERVERS[name](port, certificate if tls else None), port, certificate.client if tls else None
    )
    return served


def test_http(server: Served, run: RunOnPyLoop[Any]) -> None:
    async def main() -> None:
        async with server.client() as client:
            answers = await asyncio.gather(*(client.get("/loop") for _ in range(60)))
            assert {answer.content for answer in answers} == {ON_PYLOOP}
            body = os.urandom(1_000_000)
            assert (await client.post("/echo", content=body)).content == body

            async def pieces() -> Any:
                for start in range(0, len(body), 30_000):
                    yield body[start : start + 30_000]

            assert (await client.post("/echo", content=pieces())).content == body
            assert (await client.get("/stream")).content == LARGE
            assert (await client.get("/nowhere")).status_code == 404
            with pytest.raises(httpx.ReadTimeout):
                await client.get("/until-gone", timeout=0.2)
        server.said("until-gone: gone")

    run(main())


def test_keep_alive(server: Served, run: RunOnPyLoop[Any]) -> None:
    async def main() -> None:
        reader, writer = await asyncio.open_connection("localhost", server.port, ssl=server.context)
        for number in range(100):
            writer.write(b"POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 5\r\n\r\n%05d" % number)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            assert await reader.readexactly(5) == b"%05d" % number
        writer.close()
        await writer.wait_closed()

    run(main())


def test_websocket(server: Served, run: RunOnPyLoop[Any]) -> None:
    async def main() -> None:
        async with server.websocket() as connection:
            for number in range(200):
                await connection.send(str(number))
            assert [await connection.recv() for _ in range(200)] == [str(number) for number in range(200)]
            await connection.send(LARGE)
            assert await connection.recv() == LARGE
            pong = await connection.ping()
            assert await asyncio.wait_for(pong, 10) >= 0
            await connection.send("close")
            await asyncio.wait_for(connection.wait_closed(), 30)
            assert connection.close_code == 4001

        async def talk(number: int) -> None:
            async with server.websocket() as connection:
                for step in range(20):
                    await connection.send(f"{number}:{step}")
                    assert await connection.recv() == f"{number}:{step}"

        await asyncio.gather(*(talk(number) for number in range(20)))
        # Hypercorn says 1006 whatever the client said; on asyncio's own loop too.
        code = "websocket: 1006" if "hypercorn" in str(server.program.process.args) else "websocket: 1000"
        server.program.wait_until(lambda: server.program.log.count(code) == 20, 30)

    run(main())


def test_sigterm_lets_a_request_end(server: Served, run: RunOnPyLoop[Any]) -> None:
    async def main() -> None:
        async with server.client() as client:
            slow = asyncio.create_task(client.get("/slow"))
            await asyncio.to_thread(server.said, "slow: started")
            server.program.process.send_signal(signal.SIGTERM)
            answer = await slow
            assert answer.content == b"slow"

    run(main())
    status = server.program.process.wait(10)
    assert "lifespan: started" in server.program.log
    assert "lifespan: stopped" in server.program.log
    assert "Traceback" not in server.program.log
    # uvicorn raises the signal again when it has ended gracefully
    assert status in (0, -signal.SIGTERM)


def test_uvicorn_with_workers(started: Any, run: RunOnPyLoop[Any]) -> None:
    port = free_port()
    server: Served = started(uvicorn(port, None, "--workers", "2"), port)

    async def main() -> None:
        async with server.client() as client:
            for _ in range(20):
                assert (await client.get("/loop", headers={"connection": "close"})).content == ON_PYLOOP

    server.said("lifespan: started")
    run(main())
    server.program.stop()
    assert server.program.log.count("lifespan: stopped") == 2


def test_uvicorn_on_a_unix_socket(started: Any, tmp_path: Path, run: RunOnPyLoop[Any]) -> None:
    path = tmp_path / "socket"
    program = Program(
        uvicorn(0, None, "--uds", str(path)),
        tmp_path,
        environment={"PYTHONPATH": f"{HERE}:{os.environ.get('PYTHONPATH', '')}"},
    )
    try:
        program.wait_until(path.exists)

        async def main() -> None:
            async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(path))) as client:
                assert (await client.get("http://t/loop")).content == ON_PYLOOP

        run(main())
    finally:
        program.stop()
