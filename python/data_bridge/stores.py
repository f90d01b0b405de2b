"""The databases of an application: which, when they open, when they close."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from data_bridge._core import CrudFaults, CrudStore

if TYPE_CHECKING:
    from data_bridge._core import CrudResource
    from data_bridge.python_resource import ModelResource
    from data_bridge.resource import AttachedResource, Resource

logger = logging.getLogger("data_bridge.crud")

__all__ = ["DEFAULT_STORE", "ModelError", "StoreError", "StoreLimits", "Stores", "stores_of"]

DEFAULT_STORE = "sqlite:///data_bridge.db"


def check_timeout(options: str, timeout: float) -> float:
    """`timeout`. Raises ValueError."""
    if not isinstance(timeout, int | float) or isinstance(timeout, bool) or not 0 <= timeout <= 1e9:
        raise ValueError(f"{options}: timeout={timeout!r} must be a number of seconds from 0 on; 0: no limit")
    return timeout


class StoreError(RuntimeError):
    """A store cannot be opened, or its tables do not fit the models. The message says what to do about it."""


class ModelError(StoreError, ValueError):
    """The models of a resource do not fit each other. The message says which field, and what to do about it."""


@dataclass(frozen=True)
class StoreLimits:
    """What the stores of an application take before they say no. 0: no limit, but for a page."""

    #: Writes that wait in one store, those of the running transaction among them; beyond: 503 at once.
    max_waiting_writes: int = 4096
    #: What these hold in memory; beyond: 503 at once. One that is alone may be larger.
    max_waiting_bytes: int = 64 * 1024 * 1024
    #: A page ends with the item that fills it, and has a `next`.
    max_page_bytes: int = 4 * 1024 * 1024
    #: Seconds that a list or a number of items may take; then 504. Of resources that have no `timeout` of their own.
    timeout: float = 10.0

    def __post_init__(self) -> None:
        check_timeout("StoreLimits", self.timeout)
        for name, least in (("max_waiting_writes", 0), ("max_waiting_bytes", 0), ("max_page_bytes", 1)):
            value = getattr(self, name)
            if type(value) is not int or not least <= value < 2**63:
                raise ValueError(f"{name}={value!r} must be an int from {least} on")


class Stores:
    """The stores of one application; several resources share one by its URL.

    Opened when the application starts, or at the first request of a server without a start; closed with it.
    The environment's ``DATA_BRIDGE_STORE`` wins over `url`, which is the default of resources that name none.
    """

    def __init__(self, url: str | None = None, limits: StoreLimits | None = None) -> None:
        self._url = url
        self.limits = limits or StoreLimits()
        self._resources: list[AttachedResource] = []
        self._for_python: dict[Resource, ModelResource[Any]] = {}
        self._opened: dict[str, CrudStore] = {}
        self._users = 0
        self._is_open = False
        self._lock = threading.RLock()
        #: The places of the operations that the application's documentation calls by these short names.
        self.operation_ids: dict[str, tuple[str, ...]] = {}
        #: The operations that the documentation has, as (path, method).
        self.documented: set[tuple[str, str]] = set()
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
    def urls(self) -> list[str]:
        """The URLs of all stores that resources use, each once."""
        return list(dict.fromkeys(map(self._url_of, self._resources)))

    @property
    def native_by_url(self) -> dict[str, list[CrudResource]]:
        """The native halves of all resources, by the URLs of their stores."""
        found: dict[str, list[CrudResource]] = {}
        with self._lock:
            for resource in self._resources:
                found.setdefault(self._url_of(resource), []).append(resource.native)
        return found

    @property
    def is_open(self) -> bool:
        """True between open() and close()."""
        return self._is_open

    def add(self, resource: AttachedResource) -> None:
        """Take a resource in; its table is made at the next opening."""
        with self._lock:
            self._resources.append(resource)
            self._is_open = False  # the next use brings the new one's table up to date

    @property
    def resources(self) -> list[Resource]:
        """What is served out of these stores."""
        with self._lock:
            return list(dict.fromkeys(each.resource for each in self._resources))

    def for_python(self, resource: Resource, make: Callable[[], ModelResource[Any]]) -> ModelResource[Any]:
        """The one that is for Python code; made at the first call."""
        with self._lock:
            if resource not in self._for_python:
                self._for_python[resource] = make()
                self.add(self._for_python[resource])
            return self._for_python[resource]

    def remove(self, resource: AttachedResource) -> None:
        """Forget a resource that add() has taken in."""
        with self._lock:
            self._resources.remove(resource)

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

    def _url_of(self, resource: AttachedResource) -> str:
        return resource.resource.store_url or self.url

    def _attach(self, resource: AttachedResource) -> None:
        url = self._url_of(resource)
        resource.resource.check_start()
        try:
            if url not in self._opened:
                self._opened[url] = CrudStore(
                    url,
                    shared_with_processes=self.shared_with_processes,
                    max_waiting_writes=self.limits.max_waiting_writes,
                    max_waiting_bytes=self.limits.max_waiting_bytes,
                )
            resource.attach(self._opened[url])
        except (OSError, ValueError) as error:
            declared = resource.resource
            raise StoreError(f"{declared.model.__qualname__} at {declared.path} in {url}: {error}") from error

    def close(self) -> None:
        """Finish every write and close, once nobody is left who has called open()."""
        with self._lock:
            self._users = max(0, self._users - 1)
            if self._users == 0:
                self._close_all()

    @property
    def refused_writes(self) -> int:
        """How many writes the open stores have refused, because too many waited already."""
        with self._lock:
            return sum(store.refused_writes for store in self._opened.values())

    # --- forks: see _before_fork() ------------------------------------------------------------------

    def _suspend(self) -> None:
        self._lock.acquire()  # nobody opens or closes meanwhile
        for store in self._opened.values():
            store.suspend()

    def _resume(self) -> None:
        for store in self._opened.values():
            store.resume()
        self._lock.release()

    def _forget_in_child(self) -> None:
        for store in self._opened.values():
            store.forget_in_child()
        for resource in self._resources:
            resource.detach()
        self._opened.clear()
        self.faults.forget_in_child()
        self._fault_log = None
        self._users = 0
        self._is_open = False
        self.shared_with_processes = True  # with the parent
        self._lock = threading.RLock()

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


# A process that forks takes its databases out of use for that moment: a child that inherits an open SQLite connection
# may neither use nor close it, and one that opens the same file beside it would believe to hold locks that are its
# parent's. So a child inherits nothing, opens its own where it uses a resource, and ends without waiting for threads
# that only its parent has. `subprocess` forks without Python's hooks, and needs none: it executes another program.
_fork_lock = threading.RLock()
_suspended: list[Stores] = []


def _before_fork() -> None:
    _fork_lock.acquire()
    for stores in list(_all_stores):
        stores._suspend()
        _suspended.append(stores)


def _after_fork_in_parent() -> None:
    while _suspended:
        _suspended.pop()._resume()
    _fork_lock.release()


def _after_fork_in_child() -> None:
    global _fork_lock
    while _suspended:
        _suspended.pop()._forget_in_child()
    _fork_lock = threading.RLock()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)


def stores_of(app: Any) -> Stores:
    """The stores of an application; made at the first call for one that is not a `data_bridge.App`."""
    stores = getattr(app, "data_bridge_stores", None)
    if not isinstance(stores, Stores):
        stores = Stores()
        # An ASGI application that takes no attributes is no FastAPI, and has no resources.
        with contextlib.suppress(AttributeError):
            app.data_bridge_stores = stores
    return stores
