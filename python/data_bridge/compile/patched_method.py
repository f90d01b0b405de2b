"""A method of Starlette's that is another function while applications are served."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, ClassVar


class PatchedMethod:
    """One server's use of it; :meth:`leave` puts Starlette's own back, with the last server."""

    _lock = threading.Lock()  # servers begin and end on threads of their own
    #: By class and name: how many use it, Starlette's own, and what stands in its place.
    _used: ClassVar[dict[tuple[type, str], tuple[int, Any, Any]]] = {}

    def __init__(self, kind: type, name: str, make: Callable[[Any], Any]) -> None:
        """``make``: from Starlette's own to what stands in its place."""
        self._place = kind, name
        with self._lock:
            users, own, ours = self._used.get(self._place, (0, None, None))
            if users == 0:
                own = vars(kind)[name]
                ours = make(own)
                setattr(kind, name, ours)
            self._used[self._place] = users + 1, own, ours

    @classmethod
    def own(cls, kind: type, name: str) -> Any:
        """The method of that name without what stands in its place here; None: there is none."""
        found = vars(kind).get(name)
        with cls._lock:
            _, own, ours = cls._used.get((kind, name), (0, None, None))
        return own if ours is not None and found is ours else found

    def leave(self) -> None:
        """Once."""
        kind, name = self._place
        with self._lock:
            users, own, ours = self._used.pop(self._place)
            if users > 1:
                self._used[self._place] = users - 1, own, ours
            elif vars(kind)[name] is ours:  # somebody may have put a function around it since
                setattr(kind, name, own)
