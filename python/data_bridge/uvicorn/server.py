"""One server's life, as uvicorn.server: what programs call, override, read and set is there."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import random
import signal
import socket
import sys
import threading
import time
from collections.abc import Generator, Iterator
from email.utils import formatdate
from types import FrameType
from typing import Any

from ..collector import ServerCollector
from ..process import STARTUP_FAILURE, SupervisorLine
from .config import Config
from .messages import log_listening, log_process
from .standing import ListeningServer, Standing

HANDLED_SIGNALS = (signal.SIGINT, signal.SIGTERM)

logger = logging.getLogger("uvicorn.error")


class ServerState:
    """What is counted, before the server has started; then see :class:`.standing.Requests`."""

    def __init__(self) -> None:
        self.total_requests = 0
        self.connections: set[Any] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.default_headers: list[tuple[bytes, bytes]] = []


class Server:
    """uvicorn.Server, on data_bridge's front. In a running loop that is no PyLoop, on a guest of that loop."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.server_state: Any = ServerState()
        self.started = False
        self.should_exit = False
        self.force_exit = False
        self.last_notified = 0.0
        self.servers: list[ListeningServer] = []
        self.lifespan: Any = None
        self.line: SupervisorLine | None = None
        self._standing: Standing | None = None
        self._collector: ServerCollector | None = None
        self._captured_signals: list[int] = []

    @functools.cached_property
    def limit_max_requests(self) -> int | None:
        """After so many requests the server ends, with its share of the jitter."""
        if self.config.limit_max_requests is None:
            return None
        return self.config.limit_max_requests + random.randint(0, self.config.limit_max_requests_jitter)

    # --- life ------------------------------------------------------------------------------------

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve on a new loop until the end."""
        with self.tuning_collector(), asyncio.Runner(loop_factory=self.config.get_loop_factory()) as runner:
            runner.run(self.serve(sockets=sockets))

    @contextlib.contextmanager
    def tuning_collector(self) -> Iterator[None]:
        """From its start on, have the garbage collector tuned for a process whose main thread does nothing else."""
        if threading.current_thread() is threading.main_thread():
            self._collector = ServerCollector()
        try:
            yield
        finally:
            if self._collector is not None:
                self._collector.stop()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve in the running loop until the end. Signals are taken on the main thread."""
        with self.capture_signals():
            await self._serve(sockets)

    async def _serve(self, sockets: list[socket.socket] | None = None) -> None:
        config = self.config
        if not config.loaded:
            config.load()
        self.lifespan = config.lifespan_class(config)
        log_process("Started server process")
        await self.startup(sockets=sockets)
        if self.started and self._collector is not None:
            self._collector.start()
        if self.started and self.line is not None:
            self.line.say_ready()
        if not self.should_exit:
            await self.main_loop()
        if self.started:
            await self.shutdown(sockets=sockets)
            log_process("Finished server process")

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Run the lifespan's start-up and listen. SystemExit(3) where either fails; why was logged."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(STARTUP_FAILURE)
        self._standing = Standing(self, self.config.loaded_app)
        try:
            listeners = await self._standing.start(sockets)
        except OSError as error:
            logger.error(error)
            await self.lifespan.shutdown()
            sys.exit(STARTUP_FAILURE)
        if sockets is None:
            log_listening(self.config, listeners[0])
        self.started = True

    async def main_loop(self) -> None:
        """Wait for the end, with a look at :meth:`on_tick` ten times a second."""
        counter = 0
        while not await self.on_tick(counter):
            counter = (counter + 1) % 864000
            await asyncio.sleep(0.1)

    async def on_tick(self, counter: int) -> bool:
        """Do what is due; True where the server shall end."""
        if counter % 10 == 0:
            now = time.time()
            date = [(b"date", formatdate(now, usegmt=True).encode())] if self.config.date_header else []
            self.server_state.default_headers = date + self.config.encoded_headers
            if self.config.callback_notify is not None and now - self.last_notified > self.config.timeout_notify:
                self.last_notified = now
                await self.config.callback_notify()
        if self.should_exit:
            return True
        most = self.limit_max_requests
        if most is not None and self.server_state.total_requests >= most:
            logger.info("Maximum request limit of %d exceeded. Terminating process.", most)
            return True
        return False

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, finish what runs within timeout_graceful_shutdown, run the lifespan's end unless forced."""
        logger.info("Shutting down")
        for listener in sockets or []:
            listener.close()
        if self._standing is not None:
            await self._standing.stop()
        if not self.force_exit:
            await self.lifespan.shutdown()

    # --- signals ---------------------------------------------------------------------------------

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Have SIGINT and SIGTERM taken by :meth:`handle_exit`; raised again afterwards, for whoever had them."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = {number: signal.signal(number, self.handle_exit) for number in HANDLED_SIGNALS}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for captured in reversed(self._captured_signals):
            signal.raise_signal(captured)

    def install_signal_handlers(self) -> None:
        """Do nothing, as uvicorn since 0.29: programs still call it, or override it."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ask for the end; a SIGINT after that forces it."""
        self._captured_signals.append(sig)
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        else:
            self.should_exit = True
