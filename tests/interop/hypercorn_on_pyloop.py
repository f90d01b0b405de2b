"""Hypercorn on PyLoop: its command chooses among loops by name, so it is run as a library.

usage: hypercorn_on_pyloop.py PORT [CERTIFICATE KEY]
"""

from __future__ import annotations

import asyncio
import signal
import sys

from asgi_app import app
from hypercorn.asyncio import serve
from hypercorn.config import Config

import data_bridge


async def main() -> None:
    config = Config()
    config.bind = [f"127.0.0.1:{sys.argv[1]}"]
    config.graceful_timeout = 10
    if len(sys.argv) > 2:
        config.certfile, config.keyfile = sys.argv[2:]
    end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    await serve(app, config, shutdown_trigger=end.wait)  # type: ignore[arg-type]


data_bridge.run(main())
