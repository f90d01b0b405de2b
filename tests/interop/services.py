"""What the tests know about the services they talk to, and how those are configured."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from .programs import own

T = TypeVar("T")
RunOnPyLoop = Callable[[Coroutine[Any, Any, T]], T]


@dataclass(frozen=True)
class Certificate:
    """A certificate for localhost and 127.0.0.1, and contexts that trust it."""

    server: ssl.SSLContext
    client: ssl.SSLContext
    authority_file: Path
    chain_file: Path
    key_file: Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def copy_for_server(certificate: Certificate, folder: Path) -> tuple[Path, Path]:
    """Chain and key where an unprivileged server reads them; PostgreSQL wants the key to be its own and 0600."""
    copies = folder / "chain.pem", folder / "key.pem"
    for copy, original in zip(copies, (certificate.chain_file, certificate.key_file), strict=True):
        copy.write_bytes(original.read_bytes())
        copy.chmod(0o600)
        own(copy)
    return copies


@dataclass(frozen=True)
class PostgreSQL:
    """A running cluster: password over TCP and TLS, trust over the Unix socket."""

    folder: Path
    port: int
    user: str = "bridge"
    password: str = "a secret, with ümlaut"


@dataclass(frozen=True)
class Redis:
    """A running redis-server, without persistence."""

    port: int
    tls_port: int
    socket_file: Path
