"""What tests of a running server share: an application served by a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from server_process import ServeApp, ServerProcess

# httpx waits five seconds where a call does not say otherwise; a busy machine takes longer.
PATIENCE = httpx.Timeout(60.0)
for call in (httpx.Client.__init__, httpx.AsyncClient.__init__, httpx.get, httpx.post, httpx.request):
    call.__kwdefaults__["timeout"] = PATIENCE


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
