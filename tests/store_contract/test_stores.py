"""Which stores the contract has been asked of, and what holds for each as a whole: restarts, ends, refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
from store_kinds import STORE_KINDS, StoreKind


@pytest.mark.parametrize("kind", STORE_KINDS, ids=lambda kind: kind.name)
def test_a_store_is_asked(kind: StoreKind, tmp_path: Path) -> None:
    """Skipped where it is not: the tests of this directory say nothing of it then."""
    if kind.missing:
        pytest.skip(kind.missing)
    assert kind.store(tmp_path).url
