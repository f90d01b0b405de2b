"""The factories of defaults whose values the native core knows: what they make each time, or always the same."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from pydantic import BaseModel

__all__ = ["is_of_constants", "native_factory"]

_CONSTANTS = (list, dict, set, frozenset, tuple, str, int, float, bool, bytes)

# By the type of the field; of a name the native core makes the values.
_BY_TYPE: Mapping[str, Mapping[str, Callable[[], Any] | None]] = {
    "uuid": {"uuid4": uuid.uuid4, "uuid7": getattr(uuid, "uuid7", None)},  # since Python 3.14
    "datetime": {"local-now": datetime.now, "naive-utc": datetime.utcnow},
    "date": {"today": date.today},
}


def is_of_constants(factory: Any) -> bool:
    """Whether it makes the same value each time, and does nothing else."""
    if any(factory is each for each in _CONSTANTS):
        return True
    return isinstance(factory, type) and issubclass(factory, BaseModel) and _is_plain(factory)


def _is_plain(model: type[BaseModel]) -> bool:
    """Whether an instance without arguments has no more than defaults that are always the same."""
    decorators = model.__pydantic_decorators__
    return (
        model.__init__ is BaseModel.__init__
        and model.__new__ is BaseModel.__new__
        and model.model_post_init is BaseModel.model_post_init
        and not (decorators.validators or decorators.field_validators or decorators.model_validators)
        and not decorators.root_validators
        and not model.model_config.get("validate_default")
        and all(
            not info.is_required()
            and not info.validate_default
            and (info.default_factory is None or is_of_constants(info.default_factory))
            for info in model.model_fields.values()
        )
    )


def native_factory(factory: Any, type_name: str) -> str | None:
    """What the native core calls a factory of values of a type that is another one each time; None: it knows none."""
    if type_name == "datetime" and _is_utc_now(factory):
        return "utc-now"
    # Methods of classes are other objects each time, and equal.
    return next((name for name, known in _BY_TYPE.get(type_name, {}).items() if known and known == factory), None)


def _is_utc_now(factory: Any) -> bool:
    if not isinstance(factory, functools.partial) or factory.func != datetime.now:
        return False
    zones = [*factory.args, *factory.keywords.values()]
    return len(zones) == 1 and zones[0] is UTC and factory.keywords.keys() <= {"tz"}
