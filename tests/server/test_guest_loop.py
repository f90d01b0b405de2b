"""A server in a running loop that is no PyLoop, in one thread with it: what applications see is as under uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import uvicorn
import uvloop
import websockets.sync.client

import data_bridge.uvicorn
from data_bridge.guest import GuestLoop

#: Seconds in which what must happen does, also on a busy machine.
PATIENCE = 30.0
MEGABYTE = 1_000_000
#: Clients at once.
TOGETHER = 16

seen: list[Any] = []


async def read_all(receive: Any) -> int:
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    return size


async def start(send: Any, **headers: str) -> None:
    fields = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 200, "headers": fields})


async def stream(send: Any, pieces: int, size: int) -> None:
    await start(send)
    for number in range(pieces):
        await send({"type": "http.response.body", "body": bytes([65 + number % 26]) * size, "more_body": True})
    await send({"type": "http.response.body"})


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        return
    if scope["type"] == "websocket":
        await chat(receive, send)
        return
    match scope["path"]:
        case "/upload":
            body = str(await read_all(receive)).encode()
        case "/stream":
            await stream(send, 200, 50_000)
            return
        case "/tasks":  # what is sent in a task of its own, and received in two at once
            await read_all(receive)
            waiters = [asyncio.create_task(receive()) for _ in range(2)]
            await asyncio.sleep(0)
            await asyncio.create_task(start(send))
            await asyncio.create_task(send({"type": "http.response.body", "body": b"in tasks"}))
            seen.append([(await waiter)["type"] for waiter in waiters])
            return
        case "/impatient":  # cancels a receive(), and receives again
            await read_all(receive)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(receive(), 0.05)
            body = b"gave up"
        case "/meet":
            seen.append("here")
            while seen.count("here") < TOGETHER:
                await asyncio.sleep(0.01)
            body = b"all there"
        case "/waits":
            try:
                await read_all(receive)
                seen.append("began")
                await asyncio.sleep(PATIENCE)
            except asyncio.CancelledError:
                await asyncio.sleep(0.05)
                seen.append("cleaned up")
                raise
            body = b"never"
        case "/leaves":
            await read_all(receive)
            seen.append("began")
            seen.append((await receive())["type"])
            body = b"to nobody"
        case "/fails":
            raise ArithmeticError("in a request")
        case "/twice":
            await start(send)
            await start(send)
            body = b""
        case _:
            body = f"{scope['method']} {scope['path']}".encode()
    await start(send, kind="a")
    await send({"type": "http.response.body", "body": body})


async def chat(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"].upper()})
    seen.append(message["code"])


class Program:
    """A program with a loop of its own kind in a thread, and a server in it."""

    def __init__(self, module: Any, new_loop: Callable[[], asyncio.AbstractEventLoop], **options: Any) -> None:
        seen.clear()
        self.server = module.Server(module.Config(app, port=0, log_level="critical", **options))
        self._new_loop = new_loop
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=self._new_loop) as runner:
            runner.run(self.server.serve())

    def __enter__(self) -> Program:
        self.thread.start()
        deadline = time.monotonic() + PATIENCE
        while not self.server.started:
            assert self.thread.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        self.port: int = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, seen
        time.sleep(0.01)


@pytest.fixture(params=[asyncio.SelectorEventLoop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def new_loop(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    made: Callable[[], asyncio.AbstractEventLoop] = request.param
    return made


@pytest.fixture(params=["0", "2"])
def io_threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_BRIDGE_IO_THREADS", request.param)


def ask_everything(client: httpx.Client) -> list[Any]:
    answers: list[Any] = []

    def add(method: str, path: str, **arguments: Any) -> None:
        answer = client.request(method, path, **arguments)
        fields = [each for each in answer.headers.raw if each[0].lower() not in (b"date", b"server")]
        answers.append((path, answer.status_code, fields, answer.content))

    def pieces() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 10_000

    for _ in range(2):
        add("GET", "/")
        add("POST", "/upload", content=b"0123456789")
        add("POST", "/upload", content=b"x" * MEGABYTE)
        add("POST", "/upload", content=pieces())
        add("GET", "/stream")
        add("GET", "/impatient")
        add("GET", "/tasks")
        add("GET", "/fails")
        add("HEAD", "/head")
    return answers


def exchange(module: Any, new_loop: Callable[[], asyncio.AbstractEventLoop]) -> tuple[Any, ...]:
    with Program(module, new_loop) as program:
        began = time.monotonic()
        with httpx.Client(base_url=program.url) as client:
            answers = ask_everything(client)
        url = f"ws://127.0.0.1:{program.port}/"
        with websockets.sync.client.connect(url) as first, websockets.sync.client.connect(url) as second:
            for each in (first, second, first):
                each.send("a" * 70_000)
                answers.append(len(each.recv()))
            first.close(3001, "enough")
        with contextlib.suppress(httpx.ReadTimeout):
            httpx.get(f"{program.url}/leaves", timeout=0.3)
        eventually(lambda: len(seen) == 6)
        return answers, list(seen), time.monotonic() - began


@pytest.mark.usefixtures("io_threads")
def test_answers_and_what_the_application_sees_are_uvicorns(new_loop: Any) -> None:
    expected, their_events, their_seconds = exchange(uvicorn, new_loop)
    answers, events, seconds = exchange(data_bridge.uvicorn, new_loop)
    assert answers == expected
    assert events == their_events
    assert seconds < 3 * their_seconds + 3


@pytest.mark.usefixtures("io_threads")
def test_a_client_that_reads_slowly_holds_its_sender_back(new_loop: Any) -> None:
    with (
        Program(data_bridge.uvicorn, new_loop) as program,
        httpx.Client(base_url=program.url) as client,
        client.stream("GET", "/stream") as answer,
    ):
        assert httpx.get(program.url).status_code == 200
        time.sleep(0.3)
        size = 0
        for piece in answer.iter_raw():
            size += len(piece)
        assert size == 200 * 50_000


@pytest.mark.usefixtures("io_threads")
def test_what_runs_beyond_the_grace_period_is_cancelled_and_cleans_up(new_loop: Any) -> None:
    with Program(data_bridge.uvicorn, new_loop, timeout_graceful_shutdown=1) as program:

        def ask() -> None:
            with contextlib.suppress(httpx.HTTPError):
                httpx.get(f"{program.url}/waits", timeout=PATIENCE)

        asking = threading.Thread(target=ask)
        asking.start()
        eventually(lambda: seen == ["began"])
    asking.join(PATIENCE)
    assert seen == ["began", "cleaned up"]


def test_it_needs_no_thread_and_rests_while_nothing_comes(new_loop: Any) -> None:
    threads = threading.active_count()
    with Program(data_bridge.uvicorn, new_loop, timeout_keep_alive=1) as program:
        assert threading.active_count() == threads + 1
        with httpx.Client(base_url=program.url) as client:
            client.get("/")
            clock = time.pthread_getcpuclockid(program.thread.ident or 0)
            began = time.clock_gettime_ns(clock)
            time.sleep(0.5)
            assert time.clock_gettime_ns(clock) - began < 100_000_000
            eventually(lambda: program.server.server_state.connections == range(0))  # the idle timeout


@pytest.mark.usefixtures("io_threads")
def test_requests_at_once_are_worked_on_at_once(new_loop: Any, caplog: pytest.LogCaptureFixture) -> None:
    def ask(port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        for _ in range(300):
            connection.request("GET", "/here")
            assert connection.getresponse().read() == b"GET /here"
        connection.close()

    def meet(port: int) -> None:
        assert httpx.get(f"http://127.0.0.1:{port}/meet", timeout=PATIENCE).text == "all there"

    with Program(data_bridge.uvicorn, new_loop) as program, ThreadPoolExecutor(TOGETHER) as pool:
        list(pool.map(meet, [program.port] * TOGETHER))
        list(pool.map(ask, [program.port] * TOGETHER))
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


def test_what_is_due_in_a_moment_runs(new_loop: Any) -> None:
    """uvloop has no timers for less than a millisecond: call_at() gives a plain Handle."""

    async def main() -> None:
        guest = GuestLoop()
        guest.begin()
        ran: list[float] = []
        for seconds in (0.3, 0.0003, 0.0002, 0.0001, 0.0):
            with guest.running():
                guest.loop.call_later(seconds, ran.append, seconds)
        while len(ran) < 5:
            await asyncio.sleep(0.01)
        assert sorted(ran) == [0.0, 0.0001, 0.0002, 0.0003, 0.3]
        assert ran[-1] == 0.3
        threading.Thread(target=guest.loop.call_soon_threadsafe, args=(ran.append, 1.0)).start()
        while len(ran) < 6:
            await asyncio.sleep(0.01)
        guest.end()
        assert guest.loop.is_closed()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(asyncio.wait_for(main(), PATIENCE))


def test_what_is_awaited_across_ends_as_it_ends_there(new_loop: Any) -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise ArithmeticError("there")

    async def wait(seconds: float) -> str:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return "slept"

    async def main() -> None:
        guest = GuestLoop()
        guest.begin()
        assert await guest.on_guest(wait(0.01)) == "slept"
        with pytest.raises(ArithmeticError, match="there"):
            await guest.on_guest(fail())
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(guest.on_guest(wait(PATIENCE)), 0.05)
        assert await guest.on_guest(guest.on_host(asyncio.create_task(wait(0.01)))) == "slept"
        with pytest.raises(ArithmeticError, match="there"):
            await guest.on_guest(guest.on_host(asyncio.create_task(fail())))
        task = asyncio.create_task(wait(PATIENCE))
        waiting = guest.on_guest(guest.on_host(task))
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        with pytest.raises(asyncio.CancelledError):
            await task
        guest.end()

    ended: list[str] = []
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
    assert ended == ["cancelled", "cancelled"]
