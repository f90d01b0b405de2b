"""The stores that the contract is asked of: those that there are, or the one of ``DATA_BRIDGE_STORE_URL``."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import BaseModel

from data_bridge import App, _core
from data_bridge.crud import StoreError
from data_bridge.stores import stores_of


@dataclass(frozen=True)
class Store:
    """A store for one test. ``keeps``: what is written outlives the application."""

    url: str
    keeps: bool
    prefix: str

    def app(self) -> App:
        """Another application of this store, without resources."""
        return App(store=self.url)

    def table(self, name: str) -> str:
        """The same for the same name in this test, and another one in each other test."""
        return f"{self.prefix}_{name}"

    def need_to_keep(self) -> None:
        """Skip the test where there is nothing to come back to."""
        if not self.keeps:
            pytest.skip("the store is empty at every start")


def no_memory() -> str | None:
    class Probe(BaseModel):
        name: str

    app = App(store="sqlite://")
    app.crud(Probe)
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("DATA_BRIDGE_STORE", raising=False)  # it would be opened instead
        try:
            stores_of(app).open()
        except StoreError:
            return "this build has no store in memory (sqlite://)"
        stores_of(app).close()
    return None


def no_test_store() -> str | None:
    return None if getattr(_core, "has_test_store", False) else "this build has no store of the tests (later://)"


@dataclass(frozen=True)
class StoreKind:
    """How a store is called, in a directory for tests; ``missing``: why there is none."""

    name: str
    url: Callable[[Path], str]
    keeps: bool = True
    missing: str | None = None

    def store(self, directory: Path) -> Store:
        return Store(self.url(directory), self.keeps, f"contract_{secrets.token_hex(4)}")


def _kinds() -> list[StoreKind]:
    given = os.environ.get("DATA_BRIDGE_STORE_URL")
    if given is not None:
        return [StoreKind("given", lambda directory: given, keeps=given != "sqlite://")]
    return [
        StoreKind("sqlite", lambda directory: f"sqlite:///{directory / 'contract.db'}"),
        StoreKind("memory", lambda directory: "sqlite://", keeps=False, missing=no_memory()),
        # Answers from other threads, later and in another order.
        StoreKind("later", lambda directory: f"later://{secrets.token_hex(8)}", missing=no_test_store()),
    ]


STORE_KINDS = _kinds()
