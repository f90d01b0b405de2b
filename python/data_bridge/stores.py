"""The databases of an application: which, when they open, when they close."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any

from data_bridge._core import CrudFaults, CrudStore

if TYPE_CHECKING:
    from data_bridge.crud import Resource

logger = logging.getLogger("data_bridge.crud")

__all__ = ["DEFAULT_STORE", "StoreError", "Stores", "stores_of"]

DEFAULT_STORE = "sqlite:///data_bridge.db"


class StoreError(RuntimeError):
    """A store cannot be opened, or its tables do not fit the models. The message says what to do about it."""


class Stores:
    """The stores of one application; several resources share one by its URL.

    Opened when the application starts, or at the first request of a server without a start; closed with it.
    The environment's ``DATA_BRIDGE_STORE`` wins over `url`, which is the default of resources that name none.
    """

    def __init__(self, url: str | None = None) -> None:
        self._url = url
        self._resources: list[Resource] = []
        self._opened: dict[str, CrudStore] = {}
        self._users = 0
        self._is_open = False
        self._lock = threading.RLock()
        #: Where the native half says what has gone wrong in a store.
        self.faults = CrudFaults()
        self._fault_log: threading.Thread | None = None
        # Its thread would wait for ever where an application is dropped without a close. At exit _close_at_exit() has
        # more to say before.
        weakref.finalize(self, self.faults.close).atexit = False
        #: True where other processes serve the same databases (``--workers``). Set it before open().
        self.shared_with_processes = False
        _all_stores.add(self)

    @property
    def url(self) -> str:
        """The URL of resources that name no store of their own."""
        return os.environ.get("DATA_BRIDGE_STORE") or self._url or DEFAULT_STORE

    @property
    def is_open(self) -> bool:
        """True between open() and close()."""
        return self._is_open

    def add(self, resource: Resource) -> None:
        """Take a resource in; its table is made at the next opening."""
        with self._lock:
            self._resources.append(resource)
            self._is_open = False  # the next use brings the new one's table up to date

    def open(self) -> None:
        """Open what is not open yet, and bring the tables up to date. Each open() needs its close().

        Raises `StoreError`.
        """
        with self._lock:
            self._users += 1
            try:
                self.ensure_open()
            except BaseException:
                self.close()
                raise

    def ensure_open(self) -> None:
        """As open(), for use without a start: closed by the last close(), or when the process ends."""
        if self._is_open:
            return
        with self._lock:
            if self._fault_log is None and self._resources:
                # Of its own, because the threads that find a fault must not wait for the interpreter.
                self._fault_log = threading.Thread(
                    target=_log_faults, args=(self.faults,), name="data_bridge-faults", daemon=True
                )
                self._fault_log.start()
            for resource in self._resources:
                if resource.attached_to is None:
                    self._attach(resource)
            self._is_open = True

    def _attach(self, resource: Resource) -> None:
        url = resource.store_url or self.url
        try:
            if url not in self._opened:
                self._opened[url] = CrudStore(url, shared_with_processes=self.shared_with_processes)
            resource.attach(self._opened[url])
        except (OSError, ValueError) as error:
            raise StoreError(f"{resource.model.__qualname__} at {resource.path} in {url}: {error}") from error

    def close(self) -> None:
        """Finish every write and close, once nobody is left who has called open()."""
        with self._lock:
            self._users = max(0, self._users - 1)
            if self._users == 0:
                self._close_all()

    def _end_log(self) -> None:
        self.faults.close()
        if self._fault_log is not None:
            self._fault_log.join()

    def _close_all(self) -> None:
        """Close the stores; the log goes on, for the next opening."""
        with self._lock:
            self._is_open = False
            for resource in self._resources:
                resource.detach()
            while self._opened:
                self._opened.popitem()[1].close()


def _log_faults(faults: CrudFaults) -> None:
    while texts := faults.wait():
        for text, times in texts:
            logger.error("%s%s", text, f" ({times} times)" if times > 1 else "")


_all_stores: weakref.WeakSet[Stores] = weakref.WeakSet()


@atexit.register
def _close_at_exit() -> None:
    for stores in list(_all_stores):
        stores._close_all()
        stores._end_log()


def stores_of(app: Any) -> Stores:
    """The stores of an application; made at the first call for one that is not a `data_bridge.App`."""
    stores = getattr(app, "data_bridge_stores", None)
    if not isinstance(stores, Stores):
        stores = Stores()
        # An ASGI application that takes no attributes is no FastAPI, and has no resources.
        with contextlib.suppress(AttributeError):
            app.data_bridge_stores = stores
    return stores
