"""Lines about requests that were refused."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus


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
            elif status == HTTPStatus.SERVICE_UNAVAILABLE:
                self._log.warning("Exceeded concurrency limit.")
            else:
                self._log.warning("HTTP request refused: %d %s.", status, HTTPStatus(status).phrase)
        self._left_out += more

    def _end_second(self) -> None:
        if self._left_out:
            self._log.warning("%d more HTTP requests were refused.", self._left_out)
        self._lines = self._left_out = 0
        self._second_runs = False
