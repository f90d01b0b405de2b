"""SQLModel's tables as resources: the Pydantic model that each of them is but for its table.

A table's own class validates nothing, so that SQLAlchemy can make instances of what a database has. SQLModel itself
need not be installed: its classes are known by what they say of themselves. What they say of the key, of unique fields
and of indexes is the resource's.
"""

from __future__ import annotations

import functools
import types
from copy import copy
from typing import Any, TypeVar

from pydantic import BaseModel

from .stored_items import validator_by_names

__all__ = ["TableOptions", "as_plain", "as_table", "is_table", "without_table"]

ItemT = TypeVar("ItemT", bound=BaseModel)

_SETTINGS_OF_TABLES = {"table", "registry", "read_from_attributes", "read_with_orm_mode"}


def is_table(model: Any) -> bool:
    """Whether it is a model of SQLModel's with ``table=True``."""
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return False
    return model.model_config.get("table") is True and hasattr(model, "__sqlmodel_relationships__")


def without_table(model: Any) -> Any:
    """A model with the same fields, validators and methods, and no table; anything else as it is.

    Relationships are no fields: they are neither in bodies nor in answers, as in FastAPI's.
    """
    return _without_table(model) if is_table(model) else model


@functools.cache  # SQLAlchemy's registry keeps tables for good
def _without_table(model: type[BaseModel]) -> type[BaseModel]:
    config = {name: value for name, value in model.model_config.items() if name not in _SETTINGS_OF_TABLES}
    namespace: dict[str, Any] = {
        "__module__": model.__module__,
        "__qualname__": model.__qualname__,
        "__doc__": model.__doc__,
        "__annotations__": {name: info.annotation for name, info in model.model_fields.items()},
        "__data_bridge_table__": model,
        "model_config": config,
        **model.__private_attributes__,
        **{name: copy(info) for name, info in model.model_fields.items()},
    }
    bases = (_members(model), *(without_table(base) for base in model.__bases__))
    metaclass: Any = type(model)
    made: type[BaseModel] = metaclass(model.__name__, bases, namespace)
    return made


def _members(model: type[BaseModel]) -> type:
    """What the class says beside its fields, with Pydantic's decorators, for another one to inherit: in its own
    namespace nothing may stand without a type."""
    relationships: Any = vars(model).get("__sqlmodel_relationships__", ())
    others = {"model_config", *model.model_fields, *relationships}
    members = {
        name: member
        for name, member in vars(model).items()
        if name not in others and not name.startswith(("__", "_sa_", "_abc_"))
    }
    place = types.CellType()
    members = {name: _moved(member, place) for name, member in members.items()}
    made = type(model.__name__, (), {**members, "__pydantic_decorators__": model.__pydantic_decorators__})
    place.cell_contents = made
    return made


def _moved(member: Any, place: types.CellType) -> Any:
    """`member` with another class for what `super()` is above."""
    if isinstance(member, classmethod | staticmethod):
        return type(member)(_moved(member.__func__, place))
    if isinstance(member, property):
        getter, setter, deleter = (_moved(each, place) for each in (member.fget, member.fset, member.fdel))
        return property(getter, setter, deleter, member.__doc__)
    if not isinstance(member, types.FunctionType) or "__class__" not in member.__code__.co_freevars:
        return member
    names = member.__code__.co_freevars
    cells = tuple(
        place if name == "__class__" else cell for name, cell in zip(names, member.__closure__ or (), strict=True)
    )
    moved = types.FunctionType(member.__code__, member.__globals__, member.__name__, member.__defaults__, cells)
    moved.__kwdefaults__ = member.__kwdefaults__
    return functools.update_wrapper(moved, member)


def as_table(item: Any) -> Any:
    """What is an item of a model without_table(), as an instance of the table; anything else as it is."""
    table = getattr(type(item), "__data_bridge_table__", None)
    if table is None:
        return item
    made = table(**{name: getattr(item, name) for name in table.model_fields})
    made.__pydantic_fields_set__.clear()
    made.__pydantic_fields_set__.update(item.model_fields_set)
    return made


def as_plain(item: Any, model: type[ItemT], *, is_valid: bool) -> ItemT:
    """An instance of a table as one of a `model` without it. `is_valid`: it was one, so that validators have seen it.

    Raises ValidationError where it is not.
    """
    values = {name: getattr(item, name) for name in model.model_fields if hasattr(item, name)}
    named = set(item.model_fields_set)
    if is_valid:
        return model.model_construct(named, **values)
    made: ItemT = validator_by_names(model).validate_python(values)
    made.__pydantic_fields_set__.clear()
    made.__pydantic_fields_set__.update(named)
    return made


class TableOptions:
    """What a table model declares of its columns, by the names of its fields; nothing of another model."""

    def __init__(self, model: Any) -> None:
        #: Its primary key, where that is one field.
        self.key: str | None = None
        self._unique: list[list[str]] = []
        self._indexes: list[list[str]] = []
        if not is_table(model):
            return
        fields = model.model_fields
        table = model.__table__
        keys = [column.name for column in table.primary_key.columns]
        if len(keys) == 1 and keys[0] in fields:
            self.key = keys[0]
        unique = [each for each in table.constraints if type(each).__name__ == "UniqueConstraint"]
        for group, found in (
            (self._unique, [*unique, *(index for index in table.indexes if index.unique)]),
            (self._indexes, [index for index in table.indexes if not index.unique]),
        ):
            names = ([column.name for column in each.columns] for each in found)
            group += sorted(each for each in names if each and all(name in fields for name in each))

    def with_unique(self, groups: list[list[str]], key: str) -> list[list[str]]:
        """`groups`, and what the table has besides."""
        return _with(groups, self._unique, key)

    def with_indexes(self, groups: list[list[str]], key: str) -> list[list[str]]:
        """`groups`, and what the table has besides."""
        return _with(groups, self._indexes, key)


def _with(groups: list[list[str]], declared: list[list[str]], key: str) -> list[list[str]]:
    return [*groups, *(group for group in declared if group not in groups and group != [key])]
