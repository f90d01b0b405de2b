"""The access log: uvicorn's records where anybody has configured anything, native lines of the same text elsewhere."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, unquote

from . import _core, standard_output
from .log_config import LOGGING_CONFIG
from .log_formatters import AccessFormatter
from .proxy import TrustedProxies

access_logger = logging.getLogger("uvicorn.access")
error_logger = logging.getLogger("uvicorn.error")

_MESSAGE = '%s - "%s %s HTTP/%s" %d'
_FORMAT = LOGGING_CONFIG["formatters"]["access"]["fmt"]

#: What of Logger people replace to intercept records.
_METHODS = ("info", "log", "_log", "handle", "callHandlers", "isEnabledFor")

#: How often a running server looks whether its loggers were configured anew, seconds.
_LOOKS = 1.0


def get_client_addr(scope: Mapping[str, Any]) -> str:
    """``host:port`` of the client; "" of a Unix socket's."""
    client = scope.get("client")
    return f"{client[0]}:{client[1]:d}" if client else ""


def get_path_with_query_string(scope: Mapping[str, Any]) -> str:
    """The path as a URL has it, and its query."""
    path = quote(scope["path"])
    return f"{path}?{scope['query_string'].decode('ascii')}" if scope["query_string"] else path


def log_access(scope: Mapping[str, Any], status: int) -> None:
    """The record of an answer, with uvicorn's arguments, in the context of whoever answers."""
    with standard_output.own_lines:
        access_logger.info(
            _MESSAGE,
            get_client_addr(scope),
            scope["method"],
            get_path_with_query_string(scope),
            scope["http_version"],
            status,
        )


def log_websocket(scope: Mapping[str, Any] | None, status: int) -> None:
    """The lines of a handshake's answer: uvicorn's, where the application has given it, and that of the package
    websockets."""
    if scope is not None:
        answer = "[accepted]" if status == HTTPStatus.SWITCHING_PROTOCOLS else str(status)
        error_logger.info('%s - "WebSocket %s" ' + answer, get_client_addr(scope), get_path_with_query_string(scope))
    if status == HTTPStatus.SWITCHING_PROTOCOLS:
        error_logger.info("connection open")
    else:
        error_logger.info("connection rejected (%d %s)", status, _phrase(status))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def is_configured() -> bool:
    """True where a record may end elsewhere than as a plain line on standard output, or look different there."""
    handlers = access_logger.handlers
    if len(handlers) != 1 or access_logger.propagate or access_logger.filters:
        return True
    handler = handlers[0]
    if type(handler) is not logging.StreamHandler or handler.filters or handler.level > logging.INFO:
        return True
    formatter: Any = handler.formatter
    if not _is_access_formatter(formatter) or formatter.use_colors or formatter._fmt != _FORMAT:
        return True
    return handler.stream is not sys.__stdout__ or not _is_plain_stdout() or _is_patched()


def _is_access_formatter(formatter: Any) -> bool:
    kind = type(formatter)
    return kind is AccessFormatter or (kind.__module__, kind.__qualname__) == ("uvicorn.logging", "AccessFormatter")


def _is_plain_stdout() -> bool:
    try:
        return sys.stdout is sys.__stdout__ and sys.__stdout__ is not None and sys.__stdout__.fileno() == 1
    except (OSError, ValueError):
        return False


def _is_patched() -> bool:
    if logging.getLogRecordFactory() is not logging.LogRecord:
        return True
    kind = type(access_logger)
    return kind is not logging.Logger or any(getattr(kind, name).__module__ != "logging" for name in _METHODS)


class AccessLog:
    """Who writes the lines of one server, as its loggers stand; on its loop."""

    def __init__(self, core: _core.Server) -> None:
        self._core = core
        self._timer: asyncio.TimerHandle | None = None
        self._is_native = False

    def watch(self) -> None:
        """Look now, and from time to time until :meth:`stop`."""
        on = access_logger.isEnabledFor(logging.INFO) and access_logger.hasHandlers()
        by_python = on and is_configured()
        if on and not by_python:
            standard_output.listen(self._on_output)
            by_python = standard_output.was_used()
        else:
            standard_output.leave(self._on_output)
        self._is_native = on and not by_python
        self._core.set_access_log(on=on, by_python=by_python)
        self._timer = asyncio.get_running_loop().call_later(_LOOKS, self.watch)

    def _on_output(self) -> None:
        """What the application writes comes behind the lines of the answers before it, and in front of the next."""
        if self._is_native:
            self._is_native = False
            self._core.set_access_log(on=True, by_python=True)

    def stop(self) -> None:
        """Let the server go."""
        standard_output.leave(self._on_output)
        if self._timer is not None:
            self._timer.cancel()


class AnswerLog:
    """Records of answers that were given without Python: lines that the native half has collected."""

    def __init__(self, proxies: TrustedProxies, root_path: str) -> None:
        self._proxies = proxies
        self._root_path = root_path

    def __call__(self, lines: list[tuple[str, int, str, str, str, int, str]], dropped: int) -> None:
        """Log them. ``dropped``: how many more there were."""
        for host, port, method, target, version, status, forwarded_for in lines:
            client: tuple[str, int] | None = (host, port) if host else None
            if forwarded_for and self._proxies.trusts(host or None):
                named, number = self._proxies.client_of(forwarded_for)
                client = (named, number) if named else client
            path, mark, query = target.partition("?")
            full = quote(self._root_path + unquote(path)) + mark + query if path.startswith("/") else target
            name = f"{client[0]}:{client[1]:d}" if client else ""
            with standard_output.own_lines:
                access_logger.info(_MESSAGE, name, method, full, version, status)
        if dropped:
            error_logger.warning("%d lines of the access log were dropped: it is too slow.", dropped)
