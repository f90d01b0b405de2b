"""SQLModel's table models (``class Hero(SQLModel, table=True)``) as models of a resource.

A table model is a row of SQLAlchemy's: it validates nothing, and its class cannot be derived from. What a resource
needs of it is a model of the same fields that is no table; and the key, the unique fields and the indexes that it
declares.
"""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Iterator
from copy import copy
from typing import Any

from pydantic import BaseModel, create_model

__all__ = ["TableOptions", "as_declared", "is_table_model", "without_table", "without_table_item"]

#: What a table's configuration says of the table.
_OF_TABLES = ("table", "registry", "read_from_attributes", "read_with_orm_mode", "from_attributes")


def is_table_model(model: Any) -> bool:
    """True for a class that SQLModel has made a table of."""
    base: Any = getattr(sys.modules.get("sqlmodel"), "SQLModel", None)
    return base is not None and isinstance(model, type) and issubclass(model, base) and hasattr(model, "__table__")


def without_table(model: Any) -> Any:
    """The model of the same fields, validators and methods that is no table; any other object as it is.

    Relationships are no fields. The same model for each call.
    """
    return _without_table(model) if is_table_model(model) else model


@functools.cache
def _without_table(model: type[BaseModel]) -> type[BaseModel]:
    fields: dict[str, Any] = {name: (info.annotation, copy(info)) for name, info in model.model_fields.items()}
    configuration = {name: value for name, value in model.model_config.items() if name not in _OF_TABLES}
    bases: Any = tuple(dict.fromkeys(without_table(base) for base in model.__bases__))
    namespace: dict[str, Any] = {"model_config": configuration, **dict(_methods(model))}
    made: type[BaseModel] = create_model(
        model.__name__,
        __base__=bases,
        __module__=model.__module__,
        __doc__=model.__doc__,
        __validators__=namespace,
        **fields,
    )
    return made


def _methods(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    """What the class itself defines besides fields: validators, serialisers, computed fields, methods, properties."""
    from pydantic._internal._decorators import PydanticDescriptorProxy

    found: Any = model.__pydantic_decorators__
    kinds = ("field_validators", "model_validators", "field_serializers", "model_serializers", "computed_fields")
    decorated = {name: each.info for kind in kinds for name, each in getattr(found, kind).items()}
    methods = (types.FunctionType, classmethod, staticmethod, property)
    for name, value in vars(model).items():
        if name in decorated:
            yield name, PydanticDescriptorProxy(value, decorated[name])
        elif isinstance(value, methods) and not name.startswith("__"):
            yield name, value


def without_table_item(item: Any) -> Any:
    """The item of a table as one of the model without it, validated, which a table has not done: Pydantic's
    ValidationError. Any other object as it is."""
    if not is_table_model(type(item)):
        return item
    return without_table(type(item)).model_validate({name: getattr(item, name) for name in item.model_fields_set})


def as_declared(item: BaseModel, declared: type[BaseModel]) -> BaseModel:
    """An item of the model that a resource has as one of the model that it was declared with."""
    if not is_table_model(declared):
        return item
    return declared(**{name: getattr(item, name) for name in item.model_fields_set})


class TableOptions:
    """What a table model declares of its columns, by the names of its fields; nothing of another model."""

    def __init__(self, model: Any) -> None:
        #: Its primary key, where that is one field.
        self.key: str | None = None
        self._unique: list[list[str]] = []
        self._indexes: list[list[str]] = []
        if not is_table_model(model):
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
