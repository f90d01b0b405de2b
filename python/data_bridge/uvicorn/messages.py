"""Lines of a server's life, with uvicorn's texts, arguments and colours."""

from __future__ import annotations

import logging
import os
import socket
from typing import Any

from ..log_formatters import BOLD, CYAN, style

logger = logging.getLogger("uvicorn.error")


def log_process(text: str) -> None:
    """``Started server process [1234]``, of this process."""
    logger.info(f"{text} [%d]", os.getpid(), extra={"color_message": f"{text} [{style('%d', CYAN)}]"})


def log_listening(config: Any, listener: socket.socket) -> None:
    """Say where a server listens, as its configuration names it."""
    arguments: tuple[Any, ...]
    if config.fd is not None:
        what, place, arguments = "socket ", "%s", (listener.getsockname(),)
    elif config.uds is not None:
        what, place, arguments = "unix socket ", "%s", (config.uds,)
    else:
        host = "0.0.0.0" if config.host is None else config.host
        place = "%s://[%s]:%d" if ":" in host else "%s://%s:%d"
        what, arguments = "", ("http", host, config.port or listener.getsockname()[1])
    text = "Uvicorn running on {} (Press CTRL+C to quit)"
    logger.info(text.format(what + place), *arguments, extra={"color_message": text.format(what + style(place, BOLD))})
