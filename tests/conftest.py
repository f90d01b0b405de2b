"""What tests of a running server share: an application served by a process of its own."""

from __future__ import annotations

import os
import signal
import zlib
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
    parser.addoption(
        "--variants",
        type=int,
        metavar="N",
        help="of each test that has parameters, N variants at most with as many of their values as can be",
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
        keep(config, items, {item.nodeid for item in last.values()})
    limit: int | None = config.getoption("variants")
    if limit is not None:
        variants: dict[tuple[object, ...], list[pytest.Item]] = {}
        for item in items:
            variants.setdefault(without_parameters(item), []).append(item)
        keep(config, items, {item.nodeid for of_one in variants.values() for item in various(of_one, limit)})


def keep(config: pytest.Config, items: list[pytest.Item], names: set[str]) -> None:
    """Run those of `items` alone that have one of these node ids."""
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in names])
    items[:] = [item for item in items if item.nodeid in names]


def various(variants: list[pytest.Item], count: int) -> list[pytest.Item]:
    """`count` of the variants of a test, which have as many values of its parameters as so many can have."""
    left = sorted(variants, key=lambda item: zlib.crc32(item.nodeid.encode()))
    seen: set[tuple[str, int]] = set()
    found: list[pytest.Item] = []
    while left and len(found) < count:
        best = max(left, key=lambda item: len(values_of(item) - seen))
        seen |= values_of(best)
        found.append(best)
        left.remove(best)
    return found


def values_of(item: pytest.Item) -> set[tuple[str, int]]:
    """A variant's parameters, and which of its values each has."""
    return (
        set(item.callspec.indices.items()) if isinstance(item, pytest.Function) and hasattr(item, "callspec") else set()
    )


def without_parameters(item: pytest.Item) -> tuple[object, ...]:
    """The same for all variants of a test."""
    return (item.path, getattr(item, "cls", None), getattr(item, "originalname", item.name))


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
