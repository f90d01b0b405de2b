"""Log lines of the command: level, colon, message, as people know them from uvicorn."""

from __future__ import annotations

import asyncio
import logging
import sys
from http import HTTPStatus

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


class RefusalLog:
    """Logs requests that were refused before the application saw them; a flood of them cannot fill a disk.

    At most ``LINES`` a second, and then how many were left out.
    """

    LINES = 10

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._lines = 0
        self._left_out = 0
        self._second_runs = False

    def __call__(self, statuses: list[int], more: int) -> None:
        """Log the requests that were answered with ``statuses``, and ``more`` of them. On the loop."""
        if not self._second_runs:
            self._second_runs = True
            asyncio.get_running_loop().call_later(1.0, self._end_second)
        for status in statuses:
            if self._lines == self.LINES:
                self._left_out += 1
                continue
            self._lines += 1
            if status == HTTPStatus.BAD_REQUEST:
                self._log.warning("Invalid HTTP request received.")
            else:
                self._log.warning("HTTP request refused: %d %s.", status, HTTPStatus(status).phrase)
        self._left_out += more

    def _end_second(self) -> None:
        if self._left_out:
            self._log.warning("%d more HTTP requests were refused.", self._left_out)
        self._lines = self._left_out = 0
        self._second_runs = False
