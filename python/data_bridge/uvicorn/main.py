"""``run()``, as uvicorn.main; ``main()`` is the command ``data-bridge run``."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

from ..process import STARTUP_FAILURE
from .config import Config
from .server import Server
from .supervisors import ChangeReload, Multiprocess

logger = logging.getLogger("uvicorn.error")


def run(app: Any, *, app_dir: str | None = None, **options: Any) -> None:
    """Serve ``app``, an application or its import string, until SIGINT or SIGTERM.

    ``options`` are :class:`Config`'s. With ``workers`` or ``reload``, which need an import string, other processes
    serve. SystemExit(3) where nothing could start; why was logged.
    """
    if app_dir is not None:
        sys.path.insert(0, app_dir)
    config = Config(app, **options)
    config.refuse_unsupported()
    if config.use_subprocess:
        if not isinstance(app, str):
            logger.warning("You must pass the application as an import string to enable 'reload' or 'workers'.")
            sys.exit(STARTUP_FAILURE)
    else:
        config.load_app()
    server = Server(config=config)
    try:
        if config.should_reload:
            ChangeReload(config, target=server.run, sockets=[config.bind_socket()]).run()
        elif config.workers > 1:
            Multiprocess(config, sockets=[config.bind_socket()]).run()
        else:
            server.run()
    except KeyboardInterrupt:
        pass
    finally:
        if config.uds and os.path.exists(config.uds):
            os.remove(config.uds)
    if not server.started and not config.use_subprocess:
        sys.exit(STARTUP_FAILURE)


def main() -> None:
    """``python -m data_bridge.uvicorn``: the command, with uvicorn's options."""
    from ..cli import main as command

    sys.exit(command(["run", *sys.argv[1:]]))
