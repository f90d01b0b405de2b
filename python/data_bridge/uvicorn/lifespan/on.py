"""The lifespan protocol; a failure is said by should_exit."""

from __future__ import annotations

import logging
from typing import Any

from ...lifespan import Lifespan

logger = logging.getLogger("uvicorn.error")


class LifespanOn:
    """Runs the start-up and the shutdown of ``config.loaded_app``."""

    def __init__(self, config: Any) -> None:
        if not config.loaded:
            config.load()
        self.config = config
        self.should_exit = False
        self._lifespan = Lifespan(config.loaded_app, "on" if config.lifespan == "on" else "auto")

    @property
    def state(self) -> dict[str, Any]:
        """What the application has put into its state."""
        return self._lifespan.state

    @property
    def error_occurred(self) -> bool:
        """True once an exception has left the application."""
        return self._lifespan.error is not None

    async def startup(self) -> None:
        """Wait for the start-up; ``should_exit`` where it has failed."""
        try:
            await self._lifespan.startup()
        except BaseException as error:
            if error is not self._lifespan.error:
                raise
            logger.error("Application startup failed. Exiting.")
            self.should_exit = True

    async def shutdown(self) -> None:
        """Wait for the shutdown; ``should_exit`` where it has failed."""
        try:
            await self._lifespan.shutdown()
        except BaseException as error:
            if error is not self._lifespan.error:
                raise
            self.should_exit = True
