"""The garbage collector of a process that is a server and nothing else.

Python looks for garbage whenever 700 objects more were made than freed. In a server with 64 requests under way that is
several times a turn of its loop, and every time objects are promoted which are gone a moment later, until all that the
application consists of is looked through as well: half of the time of an application with middleware. So what there is
when the server has started is not looked at again, and the collector comes when 20,000 objects have gathered.
"""

from __future__ import annotations

import gc

#: Of the interpreters that there are: what an application has set by itself it has set for a reason.
_DEFAULTS = {(700, 10, 10), (2000, 10, 10), (2000, 10, 0)}

_OBJECTS = 20_000


class ServerCollector:
    """Tunes the collector while a server runs; does nothing where the application has done so."""

    def __init__(self) -> None:
        self._thresholds: tuple[int, int, int] | None = None

    def start(self) -> None:
        """To be called when the application has started."""
        thresholds = gc.get_threshold()
        if not gc.isenabled() or thresholds not in _DEFAULTS or gc.get_freeze_count():
            return
        gc.collect()
        gc.freeze()
        gc.set_threshold(_OBJECTS, *thresholds[1:])
        self._thresholds = thresholds

    def stop(self) -> None:
        """Leave everything as it was, so that finalizers run at the end of the process."""
        if self._thresholds is not None:
            gc.unfreeze()
            gc.set_threshold(*self._thresholds)
            self._thresholds = None
