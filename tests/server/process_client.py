"""What the tests of processes share: requests that are still being answered when something happens."""

from __future__ import annotations

import threading
from collections.abc import Callable

import httpx
from server_process import ServerProcess

#: ServerProcess bounds every stop; here it is about stops that are not bounded.
UNBOUNDED = ("--timeout-graceful-shutdown", "3600")

Start = Callable[..., ServerProcess]


class Asking:
    """A request in a thread; its status, or None where the connection was cut."""

    def __init__(self, server: ServerProcess, path: str) -> None:
        self._url = server.url + path
        self._status: int | None = None
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def _ask(self) -> None:
        try:
            self._status = httpx.get(self._url, timeout=120).status_code
        except httpx.HTTPError:
            self._status = None

    def status(self) -> int | None:
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self._status


def hold(server: ServerProcess, path: str = "/held") -> Asking:
    asking = Asking(server, path)
    server.wait_for_log("held")
    return asking


def release(server: ServerProcess) -> None:
    (server.log_file.parent / "release").touch()
