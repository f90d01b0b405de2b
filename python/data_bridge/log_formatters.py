"""Formatters of log lines with uvicorn's names, fields and colours, for any logging configuration."""

from __future__ import annotations

import copy
import functools
import logging
import sys
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, ClassVar, Literal

#: uvicorn's level below DEBUG.
TRACE_LOG_LEVEL = 5

_BLUE, CYAN, _GREEN, _YELLOW, _RED, _BRIGHT_RED, _BRIGHT_WHITE = 34, 36, 32, 33, 31, 91, 97
_LEVELS = {
    TRACE_LOG_LEVEL: _BLUE,
    logging.DEBUG: CYAN,
    logging.INFO: _GREEN,
    logging.WARNING: _YELLOW,
    logging.ERROR: _RED,
    logging.CRITICAL: _BRIGHT_RED,
}
_STATUSES = {1: _BRIGHT_WHITE, 2: _GREEN, 3: _YELLOW, 4: _RED, 5: _BRIGHT_RED}
BOLD = 1


def style(text: str, *codes: int) -> str:
    """``text`` in ANSI's colours, or bold (1)."""
    return "".join(f"\033[{code}m" for code in codes) + text + "\033[0m"


def _coloured(colour: int, text: str) -> str:
    return style(str(text), colour)


class ColourizedFormatter(logging.Formatter):
    """Adds ``%(levelprefix)s``, coloured on a terminal or with ``use_colors``; prefers a record's ``color_message``."""

    level_name_colors: ClassVar[dict[int, Callable[[str], str]]] = {
        level: functools.partial(_coloured, colour) for level, colour in _LEVELS.items()
    }

    def __init__(
        self,
        fmt: str | None = None,
        datefmt: str | None = None,
        style: Literal["%", "{", "$"] = "%",
        use_colors: bool | None = None,
    ) -> None:
        self.use_colors = use_colors if use_colors in (True, False) else sys.stdout.isatty()
        super().__init__(fmt=fmt, datefmt=datefmt, style=style)

    def color_level_name(self, level_name: str, level_no: int) -> str:
        """The level's name in its colour."""
        colour = self.level_name_colors.get(level_no)
        return str(level_name) if colour is None else colour(level_name)

    def should_use_colors(self) -> bool:
        """For subclasses; uvicorn does not ask either."""
        return True

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Format a copy: the record is other handlers' too."""
        changed = copy.copy(record)
        level = changed.levelname
        blanks = " " * (8 - len(level))
        if self.use_colors:
            level = self.color_level_name(level, changed.levelno)
            if "color_message" in changed.__dict__:
                changed.msg = changed.__dict__["color_message"]
                changed.__dict__["message"] = changed.getMessage()
        changed.__dict__["levelprefix"] = f"{level}:{blanks}"
        return super().formatMessage(changed)


class DefaultFormatter(ColourizedFormatter):
    """For all lines but those of the access log."""

    def should_use_colors(self) -> bool:
        """True on a terminal."""
        return sys.stderr.isatty()


class AccessFormatter(ColourizedFormatter):
    """For ``uvicorn.access``: adds client_addr, request_line and status_code, of the record's five arguments."""

    def get_status_code(self, status_code: int) -> str:
        """``404 Not Found``, coloured."""
        try:
            phrase = HTTPStatus(status_code).phrase
        except ValueError:
            phrase = ""
        text = f"{status_code} {phrase}"
        colour = _STATUSES.get(status_code // 100)
        return text if not self.use_colors or colour is None else style(text, colour)

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Format a copy, whose arguments are what the access log gives."""
        changed = copy.copy(record)
        arguments: Any = changed.args
        client_addr, method, full_path, http_version, status_code = arguments
        request_line = f"{method} {full_path} HTTP/{http_version}"
        if self.use_colors:
            request_line = style(request_line, BOLD)
        changed.__dict__.update(
            client_addr=client_addr,
            request_line=request_line,
            status_code=self.get_status_code(int(status_code)),
        )
        return super().formatMessage(changed)


__all__ = ["BOLD", "CYAN", "TRACE_LOG_LEVEL", "AccessFormatter", "ColourizedFormatter", "DefaultFormatter", "style"]
