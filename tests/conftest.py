"""What tests of a running server share: an application served by a process of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from server_process import SANITIZED, ServeApp, ServerProcess

from data_bridge.testing import LiveServer

# httpx waits five seconds where a call does not say otherwise; a busy machine takes longer.
PATIENCE = httpx.Timeout(60.0)
for call in (httpx.Client.__init__, httpx.AsyncClient.__init__, httpx.get, httpx.post, httpx.request):
    call.__kwdefaults__["timeout"] = PATIENCE

#: Parameters of tests and of their fixtures that choose how many I/O threads a server has.
LAYOUT_PARAMETERS = {"io_threads", "port", "ports", "server"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--io-threads",
        type=int,
        metavar="N",
        help="every server has N I/O threads, whatever a test asks for; a test of several layouts runs once",
    )


def pytest_configure(config: pytest.Config) -> None:
    # A shell's background job ignores Ctrl-C, and so would every server that is started here.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "unsanitized(reason): a sanitizer changes what the test measures")
    threads: int | None = config.getoption("io_threads")
    if threads is not None:
        os.environ["DATA_BRIDGE_TEST_IO_THREADS"] = str(threads)  # for ServerProcess
        start = LiveServer.__init__

        def start_with_threads(self: LiveServer, app: Any, **options: Any) -> None:
            start(self, app, **{**options, "io_threads": threads})

        LiveServer.__init__ = start_with_threads  # type: ignore[method-assign]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if SANITIZED:
        for item in items:
            for marker in item.iter_markers("unsanitized"):
                item.add_marker(pytest.mark.skip(reason=marker.args[0]))
    if config.getoption("io_threads") is not None:
        last = {without_layout(item): item for item in items}
        config.hook.pytest_deselected(items=[item for item in items if last[without_layout(item)] is not item])
        items[:] = [item for item in items if last[without_layout(item)] is item]


def without_layout(item: pytest.Item) -> tuple[object, ...]:
    """The same for the variants of a test that differ in nothing but the number of I/O threads."""
    if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
        return (item.nodeid,)
    rest = {name: value for name, value in item.callspec.indices.items() if name not in LAYOUT_PARAMETERS}
    return (item.path, item.cls, item.originalname, *sorted(rest.items()))


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[ServeApp]:
    """Starts `data-bridge run` in a process of its own; ends it after the test.

    `serve("chaos_app:app", "--io-threads", "2")`: the module is looked for beside the test; it is run in `tmp_path`,
    where its store is. A second call serves the same directory again.
    """
    running: list[ServerProcess] = []

    def start(application: str, *arguments: str, search: Path | None = None) -> ServerProcess:
        server = ServerProcess(application, tmp_path, arguments, search=search or Path(__file__).parent / "chaos")
        running.append(server)
        server.wait_until_it_answers()
        return server

    yield start
    for server in running:
        server.stop()
