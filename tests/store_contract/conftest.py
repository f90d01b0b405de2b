"""The contract of `@app.crud` against any store: which stores there are, and a client for each door.

``DATA_BRIDGE_STORE_URL=... pytest tests/store_contract`` asks that one alone. Its tables are called ``contract_...``
and are left there; no test needs an empty database, or is in the way of another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from doors import Open, inline, threaded, through_python
from store_kinds import STORE_KINDS, Store, StoreKind

from data_bridge import App

DOORS = {"python": through_python, "inline": inline, "threaded": threaded}


@pytest.fixture(scope="session", autouse=True)
def no_other_store() -> Iterator[None]:
    """The environment's store would win over the one of the tests."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("DATA_BRIDGE_STORE", raising=False)
        yield


@pytest.fixture(scope="session", params=[kind for kind in STORE_KINDS if not kind.missing], ids=lambda kind: kind.name)
def store_kind(request: pytest.FixtureRequest) -> StoreKind:
    kind: StoreKind = request.param
    return kind


@pytest.fixture(scope="session", params=DOORS.values(), ids=DOORS.keys())
def open_client(request: pytest.FixtureRequest) -> Open:
    """Through Python, natively on the thread that runs Python, and natively on threads of its own."""
    opened: Open = request.param
    return opened


@pytest.fixture
def store(store_kind: StoreKind, tmp_path: Path) -> Store:
    return store_kind.store(tmp_path)


@pytest.fixture
def app(store: Store) -> App:
    return store.app()


@pytest.fixture(scope="module")
def shared_store(store_kind: StoreKind, open_client: Open, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """One for all tests of a file, and a door, that only read."""
    return store_kind.store(tmp_path_factory.mktemp("store"))
