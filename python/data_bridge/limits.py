"""Every bound and deadline of a server: as options, on the command line, and as the core takes them."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, field, fields
from typing import Any

from . import _core

# What 64 bits hold as a signed number: larger is a mistake, and no limit is said by 0.
_MOST = 2**63 - 1


def _seconds(default: float, help: str) -> Any:
    return field(default=default, metadata={"metavar": "S", "help": help})


def _size(default: int, help: str, metavar: str = "BYTES") -> Any:
    return field(default=default, metadata={"metavar": metavar, "help": help})


@dataclass(slots=True, kw_only=True)
class Limits:
    """What a server takes from its clients, and how long it waits for them. Defaults are uvicorn's where it has one."""

    timeout_keep_alive: float = _seconds(
        5.0, "seconds an idle connection is kept; 0: it closes behind an answer, as under uvicorn"
    )
    timeout_head: float = _seconds(
        60.0, "seconds for the head of a request, and for the first byte of a new connection; 0: no limit"
    )
    timeout_body: float = _seconds(
        300.0, "seconds that the body of a request may pause or be behind --min-body-rate; 0: no limit"
    )
    min_body_rate: int = _size(512, "bytes a second that a body must keep up in the long run; 0: any progress will do")
    timeout_request: float = _seconds(
        0.0, "seconds after which a request that Python has not answered is cancelled, with 503; 0: never"
    )
    timeout_send: float = _seconds(300.0, "seconds after which a client that takes nothing is cut off; 0: never")
    timeout_linger: float = _seconds(5.0, "seconds to read on after an early last answer, so that it is not lost")
    timeout_drain: float = _seconds(1.0, "seconds a stop waits for the next request of a client that was just served")
    max_body_size: int = _size(0, "larger request bodies get 413; 0: no limit")
    max_unread_body: int = _size(
        0, "what is dropped of a body that the application does not read; with more the connection closes; 0: no limit"
    )
    max_head_size: int = _size(1024 * 1024, "larger heads of requests get 431; 0: no limit")
    max_target_size: int = _size(65_535, "longer URLs get 414; 0: no limit")
    max_fields: int = _size(10_000, "requests with more header fields get 431; 0: 65,535", "N")
    max_read_ahead: int = _size(64 * 1024, "what a client sends ahead of its answers; then reading stops")
    max_unsent: int = _size(64 * 1024, "what a client leaves unread; then nothing more is begun for it")
    max_connections: int = _size(0, "connections at a time; more wait to be accepted; 0: no limit", "N")
    max_requests_per_connection: int = _size(0, "requests after which a connection closes; 0: no limit", "N")
    max_waiting_requests: int = _size(
        2048, "requests of I/O threads that wait for Python; more get 503; 0: no limit", "N"
    )
    max_waiting_bytes: int = _size(256 * 1024 * 1024, "the same in bytes; 0: no limit")

    def check_limits(self) -> None:
        """Refuse what is no limit, with a ValueError that names it."""
        for option in fields(Limits):
            value = getattr(self, option.name)
            if option.metadata["metavar"] == "S":
                if not isinstance(value, (int, float)) or not math.isfinite(value) or not 0 <= value <= 1e9:
                    raise ValueError(f"{option.name} must be a number of seconds from 0 to 1e9, not {value!r}")
            else:
                least, most = _range(option.name)
                if not isinstance(value, int) or not least <= value <= most:
                    raise ValueError(f"{option.name} must be a whole number from {least} to {most}, not {value!r}")

    def native_limits(self) -> _core.Limits:
        """These limits for the core."""
        self.check_limits()
        limits = _core.Limits()
        for option in fields(Limits):
            setattr(limits, option.name, getattr(self, option.name))
        return limits


def _range(name: str) -> tuple[int, int]:
    # The core counts fields in 16 bits, and places within a head, and requests, in 32. Something has to fit a buffer.
    return {
        "max_fields": (0, 2**16 - 1),
        "max_head_size": (0, 2**32 - 1),
        "max_target_size": (0, 2**32 - 1),
        "max_requests_per_connection": (0, 2**32 - 1),
        "max_read_ahead": (1, _MOST),
        "max_unsent": (1, _MOST),
    }.get(name, (0, _MOST))


def add_limit_options(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add an option of the command line for every limit."""
    for option in fields(Limits):
        parser.add_argument(
            f"--{option.name.replace('_', '-')}",
            type=float if option.metadata["metavar"] == "S" else int,
            default=option.default,
            metavar=option.metadata["metavar"],
            help=option.metadata["help"],
        )
