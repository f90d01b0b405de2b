from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from process_client import Start
from server_process import Launch, Program, ServerProcess

HERE = Path(__file__).parent


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """`launch(command, port, VARIABLE="value")`: a program in `tmp_path`; nothing of it outlives the test."""
    launched: list[Program] = []

    def make(command: list[str], port: int, **environment: str) -> Program:
        launched.append(Program(command, tmp_path, port, **environment))
        return launched[-1]

    yield make
    for program in launched:
        program.kill_group()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """`start("wish wish", "--option")`: process_app as it is wished; nothing of it outlives the test."""
    started: list[ServerProcess] = []

    def make(
        wishes: str = "",
        *arguments: str,
        answers: bool = True,
        application: str = "process_app:app",
        descriptors: tuple[int, ...] = (),
    ) -> ServerProcess:
        environment = {"PROCESS_APP": wishes}
        server = ServerProcess(
            application, tmp_path, arguments, search=HERE, environment=environment, descriptors=descriptors
        )
        started.append(server)
        if answers:
            server.wait_until_it_answers()
        return server

    yield make
    for server in started:
        server.kill_group()
