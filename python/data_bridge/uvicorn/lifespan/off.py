"""No lifespan protocol."""

from __future__ import annotations

from typing import Any


class LifespanOff:
    """Does nothing."""

    def __init__(self, config: Any) -> None:
        self.should_exit = False
        self.state: dict[str, Any] = {}

    async def startup(self) -> None:
        """Do nothing."""

    async def shutdown(self) -> None:
        """Do nothing."""
