"""``X-Forwarded-For`` and ``X-Forwarded-Proto`` of a trusted proxy, with uvicorn's rules."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import MutableMapping
from typing import Any


class TrustedProxies:
    """The peers whose forwarded headers are believed.

    ``allowed``: comma-separated addresses, networks (``10.0.0.0/8``) or literals, or ``*`` for every peer.
    """

    def __init__(self, allowed: str) -> None:
        names = [name.strip() for name in allowed.split(",") if name.strip()]
        self.everyone = "*" in names
        self._networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        self._literals: set[str] = set()
        for name in names:
            try:
                self._networks.append(ipaddress.ip_network(name, strict=True))
            except ValueError:
                self._literals.add(name)
        self._trusts = functools.lru_cache(maxsize=4096)(self._find)

    def trusts(self, host: str | None) -> bool:
        """True where ``host``, an address or None for a Unix socket's peer, may speak for its clients."""
        if self.everyone:
            return True
        return bool(host) and len(host or "") <= 253 and self._trusts(host or "")

    def _find(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return host in self._literals
        return any(address in network for network in self._networks)

    def client_of(self, forwarded_for: str) -> tuple[str, int]:
        """The client: the last address that no trusted proxy has, or the first of all."""
        hops = [_host_and_port(hop.strip()) for hop in forwarded_for.split(",")]
        if not self.everyone:
            for hop in reversed(hops):
                if not self.trusts(hop[0]):
                    return hop
        return hops[0]

    def apply(self, scope: MutableMapping[str, Any]) -> None:
        """Put the forwarded scheme and client address into an ASGI scope."""
        client = scope["client"]
        if not self.trusts(client[0] if client else None):
            return
        forwarded_for = []
        for name, value in scope["headers"]:
            if name == b"x-forwarded-proto":
                scheme = value.decode("latin-1").strip()
                if scheme in {"http", "https", "ws", "wss"}:
                    scope["scheme"] = scheme.replace("http", "ws") if scope["type"] == "websocket" else scheme
            elif name == b"x-forwarded-for":
                forwarded_for.append(value.decode("latin-1"))
        if forwarded_for:
            host, port = self.client_of(", ".join(forwarded_for))
            if host:
                scope["client"] = (host, port)


def _host_and_port(value: str) -> tuple[str, int]:
    """``host``, ``host:port``, ``[v6]`` or ``[v6]:port``; what cannot be read is left as it is, with port 0."""
    if value.startswith("["):
        host, bracket, rest = value[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            return value, 0
        port = _number(rest[1:])
        return host, 0 if port is None else port
    if value.count(":") != 1:
        return value, 0
    host, _, text = value.partition(":")
    port = _number(text)
    return (value, 0) if port is None else (host, port)


def _number(text: str) -> int | None:
    # int() and no check of digits before it, as in uvicorn: it refuses more than 4,300 of them, too.
    try:
        return int(text)
    except ValueError:
        return None
