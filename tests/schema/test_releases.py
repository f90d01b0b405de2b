"""What differs between the releases of Pydantic and FastAPI: done natively as the installed ones do, or not at all.

`make test-eras` runs this beside each of them.
"""

import json
import random
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import UUID4, BaseModel, ConfigDict, Field, create_model
from schema_reference import Pair

from data_bridge.schema import export_item

TEXTS = ["", "a", "x", "é", "İ", "a😀", "12\n", "1" * 50, "{}", "urn:uuid:x", "-0.25", ".5", "5.", "1.7e9"]
TEXTS += ["12345678-1234-4234-8234-123456789abc", "{12345678-1234-4234-8234-123456789ABC}", "1-2-3-4-5", "1-2"]
TEXTS += ["12345678-123-4234-8234-123456789abc", "12345678-1234-4234-8234-123456789abcd", "{12345678-1234-4234}"]
TEXTS += ["2024-02-29T12:34:56.789Z", "0000-01-01", "2024-13-01"]
NUMBERS = [0, 1, -1, True, -0.25, -1.25, -1e-9, -0.9999996, -2.0000004, 30000000000.5, -62135596800.5, -62135596800000]
NUMBERS += [1e16, 1e22, -1.5e300, 1e-4, 1e-5, 1e-7, 123456789012345680.0, 10**25, 0.1]


class Cat(BaseModel):
    f0: Literal["a", "ab"]
    f1: int = 0


class Dog(BaseModel):
    f0: Literal["", "x"]
    f2: float = 0


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    f1: float


KINDS: list[Any] = [
    UUID,
    UUID4,
    float,
    datetime,
    Literal["a", 1, True],
    dict[str, float],
    Any,
    int | float | str,
    UUID | datetime | bool,
    Cat | Dog | Open | None,
    list[Open | Cat | dict[str, int | Cat]],
    Annotated[Cat | Dog, Field(discriminator="f0")],
    Annotated[float | int | Cat, Field(union_mode="left_to_right")],
]


def _value(rng: random.Random, depth: int) -> Any:
    if depth and rng.random() < 0.6:
        if rng.random() < 0.3:
            return [_value(rng, depth - 1) for _ in range(rng.randrange(3))]
        return {key: _value(rng, depth - 1) for key in rng.sample(["f0", "f1", "f2", "x"], rng.randrange(5))}
    return rng.choice([*TEXTS, *NUMBERS, None])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind)[:60])
def test_as_the_installed_releases(kind: Any) -> None:
    model = create_model("Model", f=(kind, ...))
    if reasons := export_item(model).inputs:
        assert all("release of Pydantic" in reason for _, reason in reasons)
        return
    pair = Pair(model)
    rng = random.Random(str(kind))
    statuses = {pair.check(json.dumps({"f": value}).encode())[0] for value in [*TEXTS, *NUMBERS]}
    statuses |= {pair.check(json.dumps({"f": _value(rng, 3)}).encode())[0] for _ in range(400)}
    assert statuses == ({200} if kind is Any else {200, 422})
