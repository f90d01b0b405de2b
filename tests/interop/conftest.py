"""Real programs: a database, a key-value store, certificates; and a loop that is looked at afterwards."""

from __future__ import annotations

import asyncio
import gc
import os
import ssl
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest

import data_bridge

from .programs import Program, find_program, private_folder, run_once
from .services import Certificate, PostgreSQL, Redis, RunOnPyLoop, copy_for_server, free_port

T = TypeVar("T")


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
def run() -> Iterator[RunOnPyLoop[Any]]:
    """`data_bridge.run()`, and nothing may be left: no reported exception, no descriptor."""
    reported: list[dict[str, Any]] = []

    async def watched(main: Coroutine[Any, Any, T]) -> T:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, data_bridge.PyLoop)
        loop.set_exception_handler(lambda _, context: reported.append(context))
        return await main

    def run_it(main: Coroutine[Any, Any, T]) -> T:
        gc.collect()
        before = open_descriptors()
        result = data_bridge.run(watched(main))
        gc.collect()
        assert reported == []
        assert open_descriptors() == before
        return result

    return run_it


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    trustme = pytest.importorskip("trustme")
    folder = tmp_path_factory.mktemp("certificate")
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    issued.configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    authority.cert_pem.write_to_path(folder / "authority.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    for part in issued.cert_chain_pems:
        part.write_to_path(folder / "chain.pem", append=True)
    return Certificate(server, client, folder / "authority.pem", folder / "chain.pem", folder / "key.pem")


@pytest.fixture(scope="session")
def postgresql(certificate: Certificate) -> Iterator[PostgreSQL]:
    initdb, server = find_program("initdb", "postgresql"), find_program("postgres", "postgresql")
    with private_folder("db-postgresql") as folder:
        chain, key = copy_for_server(certificate, folder)
        database = PostgreSQL(folder, free_port())
        password_file = folder / "password"
        password_file.write_text(database.password, encoding="utf-8")
        password_file.chmod(0o644)
        data = folder / "data"
        how = ["--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8"]
        run_once([initdb, "--pgdata", data, "--username", database.user, "--no-sync", "--no-locale", *how], folder)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(database.port),
            "unix_socket_directories": str(folder),
            "fsync": "off",
            "ssl": "on",
            "ssl_cert_file": str(chain),
            "ssl_key_file": str(key),
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        program = Program([server, "-D", data, *options], folder, unprivileged=True)
        try:
            program.wait_until(lambda: "ready to accept connections" in program.log)
            yield database
        finally:
            program.stop()


@pytest.fixture(scope="session")
def redis_server(certificate: Certificate) -> Iterator[Redis]:
    server = find_program("redis-server", "redis-server")
    with private_folder("db-redis") as folder:
        chain, key = copy_for_server(certificate, folder)
        redis = Redis(free_port(), free_port(), folder / "redis.sock")
        settings = {
            "bind": "127.0.0.1",
            "port": str(redis.port),
            "unixsocket": str(redis.socket_file),
            "save": "",
            "appendonly": "no",
            "dir": str(folder),
            "tls-port": str(redis.tls_port),
            "tls-cert-file": str(chain),
            "tls-key-file": str(key),
            "tls-auth-clients": "no",
        }
        options = [word for name, value in settings.items() for word in (f"--{name}", value)]
        program = Program([server, *options], folder, unprivileged=True)
        try:
            program.wait_until(lambda: "Ready to accept connections" in program.log)
            yield redis
        finally:
            program.stop()
