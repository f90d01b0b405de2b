"""Tells who listens that the application writes to ``sys.stdout``: ``print()``, handlers of its own loggers.

What it writes there waits in Python's buffer, and lines of the native access log would overtake it. As long as nobody
writes nothing is different; where somebody does, Python writes the access log, too, and each line of that flushes the
buffer, as under uvicorn.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from typing import Any

__all__ = ["leave", "listen", "own_lines", "was_used"]

#: So long after the last text nobody is taken to write any more, seconds.
_QUIET = 60.0

_listeners: list[Callable[[], None]] = []
_stream: Any = None
_last = -_QUIET
_writes_own = False


def was_used() -> bool:
    """True where somebody has written in the last minute."""
    return time.monotonic() - _last < _QUIET


def listen(callback: Callable[[], None]) -> None:
    """Have ``callback`` called, on whatever thread, before each text that is written from now on."""
    global _stream
    if callback not in _listeners:
        _listeners.append(callback)
    if _stream is sys.stdout:
        return
    _restore()
    stream: Any = sys.stdout
    write = stream.write

    def noticed(text: str, /) -> Any:
        global _last
        if not _writes_own:
            _last = time.monotonic()
            for each in _listeners:
                each()
        return write(text)

    with contextlib.suppress(OSError, ValueError):
        stream.flush()  # of what was written before nobody has told
    with contextlib.suppress(AttributeError):  # a stream without a dict of its own
        stream.write = noticed
        _stream = stream


def leave(callback: Callable[[], None]) -> None:
    """Undo listen()."""
    with contextlib.suppress(ValueError):
        _listeners.remove(callback)
    if not _listeners:
        _restore()


class _OwnLines:
    def __enter__(self) -> None:
        global _writes_own
        _writes_own = True

    def __exit__(self, *_: object) -> None:
        global _writes_own
        _writes_own = False


#: What is written within is nobody's but the access log's.
own_lines = _OwnLines()


def _restore() -> None:
    global _stream
    if _stream is not None:
        vars(_stream).pop("write", None)
        _stream = None
