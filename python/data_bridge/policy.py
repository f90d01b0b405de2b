"""An event loop policy, in a module of its own: Python 3.14 warns of policies as soon as one is named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .loop import PyLoop

__all__ = ["EventLoopPolicy"]


class EventLoopPolicy(asyncio.DefaultEventLoopPolicy):
    """asyncio's default policy, but its loops are PyLoops. Policies go away with Python 3.16: prefer run()."""

    _loop_factory: Callable[[], asyncio.AbstractEventLoop] = PyLoop
