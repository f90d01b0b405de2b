"""``gunicorn -k data_bridge.gunicorn.Worker main:app``: gunicorn's processes, data_bridge's server in each."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker as BaseWorker

from .uvicorn import Config, Server


class Worker(BaseWorker):  # type: ignore[misc]
    """As uvicorn's worker class: gunicorn's settings that concern a worker count, and its loggers get the lines.

    A subclass may give uvicorn's options in ``CONFIG_KWARGS``.
    """

    CONFIG_KWARGS: dict[str, Any] = {}  # noqa: RUF012 (subclasses replace it)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for name, log in (("uvicorn.error", self.log.error_log), ("uvicorn.access", self.log.access_log)):
            logger = logging.getLogger(name)
            logger.handlers = log.handlers
            logger.setLevel(log.level)
            logger.propagate = False
        settings: dict[str, Any] = {
            "log_config": None,
            "timeout_keep_alive": self.cfg.keepalive,
            "timeout_notify": self.timeout,
            "callback_notify": self.callback_notify,
            "limit_max_requests": self.max_requests,
            "forwarded_allow_ips": self.cfg.forwarded_allow_ips,
        }
        if self.cfg.is_ssl:
            settings.update(ssl_certfile=self.cfg.certfile, ssl_keyfile=self.cfg.keyfile)
        if self.cfg.settings["backlog"].value:
            settings["backlog"] = self.cfg.settings["backlog"].value
        self.config = Config(None, **{**settings, **self.CONFIG_KWARGS})

    def init_signals(self) -> None:
        """Leave SIGINT and SIGTERM to the server; SIGUSR1 opens logs anew."""
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGUSR1, self.handle_usr1)
        signal.siginterrupt(signal.SIGUSR1, False)

    def run(self) -> None:
        """Serve until gunicorn wants its end."""
        with asyncio.Runner(loop_factory=self.config.get_loop_factory()) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self.config.app = self.wsgi
        server = Server(config=self.config)
        asyncio.get_running_loop().add_signal_handler(signal.SIGQUIT, self.handle_exit, signal.SIGQUIT, None)
        with server.tuning_collector():
            await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)

    async def callback_notify(self) -> None:
        """Tell gunicorn that this worker lives."""
        self.notify()


__all__ = ["Worker"]
