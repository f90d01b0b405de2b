"""X-Forwarded-For and X-Forwarded-Proto as middleware, for an application that puts it into its own stack."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from ...proxy import TrustedProxies


class ProxyHeadersMiddleware:
    """As uvicorn.middleware.proxy_headers.ProxyHeadersMiddleware."""

    def __init__(self, app: Any, trusted_hosts: list[str] | str = "127.0.0.1") -> None:
        self.app = app
        self._proxies = TrustedProxies(trusted_hosts if isinstance(trusted_hosts, str) else ",".join(trusted_hosts))

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> Any:
        """Call the application with what the proxies say."""
        if scope["type"] != "lifespan":
            self._proxies.apply(scope)
        return await self.app(scope, receive, send)
