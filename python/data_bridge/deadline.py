"""How long the answer of one route may take."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

_NAME = "__data_bridge_timeout__"


def timeout(seconds: float) -> Callable[[Endpoint], Endpoint]:
    """A decorator of endpoints: their requests are answered with 504 where that takes longer.

    It stands below the route's own decorator, ``@app.get(...)``. As ``ServerOptions.timeout_request``, which it goes
    before: an async endpoint is cancelled, of one without ``async`` nobody waits for the result, an answer that has
    begun breaks off. Other servers do not look at it. Raises ValueError for what is no time.
    """
    if not 0 < seconds < math.inf:
        raise ValueError(f"a timeout is a number of seconds above 0, not {seconds!r}")

    def mark(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _NAME, float(seconds))
        return endpoint

    return mark


def timeout_of(endpoint: Any) -> float:
    """Seconds; 0.0: the server's."""
    found = getattr(endpoint, _NAME, 0.0)
    return found if isinstance(found, float) else 0.0
