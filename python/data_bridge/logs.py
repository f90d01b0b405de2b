"""Log lines of the command: level, colon, message, as people know them from uvicorn."""

from __future__ import annotations

import logging
import sys

_COLOURS = {"DEBUG": 36, "INFO": 32, "WARNING": 33, "ERROR": 31, "CRITICAL": 91}


class _Formatter(logging.Formatter):
    def __init__(self, colour: bool) -> None:
        super().__init__("%(prefix)s %(message)s")
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        level = record.levelname
        shown = f"\033[{_COLOURS.get(level, 0)}m{level}\033[0m:" if self._colour else f"{level}:"
        record.prefix = shown + " " * max(0, 8 - len(level))
        return super().format(record)


def configure_logging(level: str) -> None:
    """Send the log of data_bridge and of asyncio to stderr. ``level``: debug, info, warning, error or critical."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(sys.stderr.isatty()))
    for name in ("data_bridge", "asyncio"):
        log = logging.getLogger(name)
        log.handlers[:] = [handler]
        log.setLevel(level.upper())
        log.propagate = False
