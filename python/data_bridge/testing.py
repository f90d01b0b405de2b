"""A live server in a thread of the test process.

::

    with LiveServer(app) as server:
        httpx.get(server.url + "/items")
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from .loop import new_event_loop
from .options import ServerOptions
from .server import Server


class LiveServer:
    """Serves ``app`` on a free TCP port of 127.0.0.1, or on the Unix socket ``uds``, in a thread of its own.

    ``options`` are the fields of :class:`~data_bridge.options.ServerOptions`. Signals are left alone; nothing is logged
    about single requests. Start-up errors are raised by :meth:`start` (and on entering the context), shutdown errors
    by :meth:`stop`.
    """

    def __init__(
        self, app: Any, *, uds: str | None = None, host: str = "127.0.0.1", port: int = 0, **options: Any
    ) -> None:
        options.setdefault("access_log", False)
        options.setdefault("timeout_graceful_shutdown", 5.0)
        self.uds = uds
        self.host = host
        self.port = port
        self._options = ServerOptions(host=host, port=port, uds=uds, **options)
        self._app = app
        self._server: Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = threading.Event()
        self._error: BaseException | None = None
        self._exceptions: list[BaseException] = []
        self._counted: dict[str, int] = {}
        self._thread = threading.Thread(target=self._run, name="data_bridge-live", daemon=True)

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``; for a Unix socket ``http://localhost``, for a client's uds transport."""
        return "http://localhost" if self.uds is not None else f"http://{self.host}:{self.port}"

    @property
    def lifespan_state(self) -> Mapping[str, Any]:
        """What the application's lifespan put into its state."""
        return self._server.lifespan.state if self._server is not None else {}

    @property
    def server(self) -> Server:
        """The server itself, for its counters and compiled routes."""
        assert self._server is not None, "the server was not started"
        return self._server

    def start(self) -> LiveServer:
        """Return when requests can come. Raises what the application's start-up raised."""
        self._thread.start()
        self._started.wait()
        if self._error is not None:
            self._thread.join()
            raise self._error
        return self

    def stop(self) -> None:
        """Stop in good order and run the lifespan's end. Raises what that raised."""
        if self._loop is not None and self._server is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._server.stop)
        self._thread.join()
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def wait_idle(self, timeout: float) -> bool:
        """Wait, at most ``timeout`` seconds, until Python works on no request, background tasks included."""
        deadline = time.monotonic() + timeout
        while self.server.in_flight > 0:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.0005)
        return True

    def pop_exceptions(self) -> list[BaseException]:
        """The exceptions that the application let through since the last call."""
        found, self._exceptions = self._exceptions, []
        return found

    def pop_counts(self) -> dict[str, int]:
        """How requests were answered since the last call: compiled, bridged."""
        counts = self.server.counts()
        fresh = {name: count - self._counted.get(name, 0) for name, count in counts.items()}
        self._counted = counts
        return {name: count for name, count in fresh.items() if count}

    def __enter__(self) -> LiveServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                self._loop = runner.get_loop()
                runner.run(self._serve())
        except BaseException as error:
            self._error = error
        finally:
            if self._server is not None:
                self._server.release()
            self._started.set()

    async def _serve(self) -> None:
        self._server = server = Server(self._app, self._options, on_exception=lambda e: self._exceptions.append(e))
        await server.serve(self._on_started)

    def _on_started(self) -> None:
        server = self.server
        if server.addresses:
            self.port = server.addresses[0][1]
        self._started.set()


def start(app: Any, *, lifespan: bool, root_path: str = "", uds: str | None = None) -> LiveServer:
    """Serve ``app`` for a TestClient-like harness that runs a test-suite against a real server.

    X-Forwarded-Proto is believed, since the harness speaks for ``https://`` base URLs; Server and Date are not sent.
    """
    return LiveServer(
        app,
        uds=uds,
        root_path=root_path,
        lifespan="on" if lifespan else "off",
        forwarded_allow_ips="*",
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=1.0,
    ).start()
