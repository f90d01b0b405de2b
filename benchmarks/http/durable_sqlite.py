"""sqlite3 of those who write resources by hand: one connection a thread, and a 201 as durable as data_bridge's."""

import sqlite3
import threading
from collections.abc import Callable


def connections_of(database: str) -> Callable[[], sqlite3.Connection]:
    """What gives the calling thread its connection, in autocommit mode, with WAL and synchronous=FULL."""
    local = threading.local()

    def connection() -> sqlite3.Connection:
        if not hasattr(local, "connection"):
            local.connection = sqlite3.connect(database, timeout=30, isolation_level=None)
            local.connection.row_factory = sqlite3.Row
            local.connection.execute("PRAGMA journal_mode=WAL")
            local.connection.execute("PRAGMA synchronous=FULL")
        opened: sqlite3.Connection = local.connection
        return opened

    return connection
