"""What a resource is declared with: the operations there are, and the checks of the options."""

from __future__ import annotations

import re
import types
import typing
import uuid
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, PydanticUserError, create_model
from pydantic.fields import FieldInfo
from pydantic.types import UuidVersion
from pydantic_core import SchemaError

from ._core import SchemaModel
from .list_fields import unaliased
from .naming import plural, words
from .schema import export_item

Operation = Literal["list", "get", "create", "replace", "update", "delete"]
OPERATIONS: tuple[Operation, ...] = typing.get_args(Operation)

#: What a start does to tables.
Migrate = Literal["add", "never"]

GROUPS: Mapping[str, tuple[Operation, ...]] = {
    "read": ("list", "get"),
    "write": ("create", "replace", "update", "delete"),
}


# can_make_uuid() of the core.
_ASSIGNED_VERSIONS = (1, 4, 6, 7, 8)

# By which of a model there is a type at all.
_SETTINGS_OF_TYPES = ("arbitrary_types_allowed", "regex_engine")


def derived_model(name: str, fields: dict[str, Any], base: type[BaseModel] | None = None) -> type[BaseModel]:
    """A model of these fields."""
    # Of the module of its base: Pydantic before 2.10 evaluates the annotations of that again, by names of this one.
    return create_model(name, __base__=base or BaseModel, __module__=base.__module__ if base else __name__, **fields)


def model_of_some(name: str, fields: dict[str, Any], model: type[BaseModel]) -> type[BaseModel]:
    """A model of fields of `model`, which does not derive from it."""
    settings = {name: value for name, value in model.model_config.items() if name in _SETTINGS_OF_TYPES}
    return create_model(name, __config__=typing.cast(ConfigDict, settings), __module__=__name__, **fields)


def plain_type(annotation: Any) -> type:
    """int, UUID or str of a key's annotation, str for all that is stored as a text; the annotation itself of anything
    else, for the error."""
    bare = bare_type(annotation)
    for plain in (int, uuid.UUID, str):
        if isinstance(bare, type) and issubclass(bare, plain) and bare is not bool:
            return plain
    return str if _is_stored_as_text(bare) else typing.cast(type, bare)


def _is_stored_as_text(annotation: Any) -> bool:
    try:
        exported = export_item(derived_model("Key", {"key": (annotation, ...)}))
    except (PydanticUserError, SchemaError):
        return False
    kinds: list[Any] = [field["kind"] for field in SchemaModel(exported.text).fields()]
    return kinds == ["str"] and not exported.outputs


def key_version(info: FieldInfo | None) -> int:
    """The version that UUIDs of a key have."""
    asked = [] if info is None else [*_uuid_versions(Annotated[info.annotation, *info.metadata, None])]
    return asked[-1] if asked else 7


def is_assigned(info: FieldInfo) -> bool:
    """Whether a key that is absent is given by the store: a text and a UUID that is made of a name are not."""
    kind = plain_type(info.annotation)
    return kind is int or (kind is uuid.UUID and key_version(info) in _ASSIGNED_VERSIONS)


def bare_type(annotation: Any) -> Any:
    """What a field is besides None, without what Annotated says of it."""
    annotation = unaliased(annotation)
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        kept = [part for part in typing.get_args(annotation) if part is not type(None)]
        return bare_type(kept[0]) if len(kept) == 1 else annotation
    if typing.get_origin(annotation) is Annotated:
        return bare_type(typing.get_args(annotation)[0])
    return annotation


def _uuid_versions(annotation: Any) -> Iterator[Any]:
    """The versions that an annotation asks of a UUID."""
    for part in typing.get_args(unaliased(annotation)):
        if isinstance(part, UuidVersion):
            yield part.uuid_version
        yield from _uuid_versions(part)


def kebab_plural(name: str) -> str:
    """Where a resource of a model of this name is mounted."""
    *first, last = words(name)
    return "-".join([*first, plural(last)])


def check_path(options: str, path: str) -> str:
    """`path`. Raises ValueError."""
    if not isinstance(path, str) or not re.fullmatch(r"(/[A-Za-z0-9._~!$&'()*+,;=:@-]+)+", path):
        raise ValueError(
            f"{options}: path={path!r} must be like '/products': begin with '/', not end with it, without parameters"
        )
    return path


def check_table(options: str, table: str) -> str:
    """`table`. Raises ValueError."""
    if not isinstance(table, str) or not table or "\0" in table:
        raise ValueError(f"{options}: table={table!r} is not a name")
    return table


def check_migrate(options: str, migrate: Migrate) -> Migrate:
    """`migrate`. Raises ValueError."""
    if migrate not in typing.get_args(Migrate):
        raise ValueError(f"{options}: migrate={migrate!r}; there are 'add' and 'never'")
    return migrate


def check_operations(options: str, operations: Sequence[Operation]) -> tuple[Operation, ...]:
    """`operations` in their own order. Raises TypeError, ValueError."""
    if isinstance(operations, str):
        raise TypeError(f"{options}: operations must be a list of names, not one string")
    unknown = [name for name in operations if name not in OPERATIONS]
    if unknown or not operations:
        raise ValueError(f"{options}: operations={list(operations)!r}; there are {', '.join(OPERATIONS)}")
    return tuple(name for name in OPERATIONS if name in operations)


def by_operation(options: str, name: str, value: Any) -> dict[Operation, Any]:
    """An option that is one for all operations, or a dict by operation. Raises ValueError."""
    if not isinstance(value, Mapping):
        return dict.fromkeys(OPERATIONS, value)
    found: dict[Operation, Any] = dict.fromkeys(OPERATIONS)
    for key, part in value.items():
        if key not in OPERATIONS and key not in GROUPS:
            raise ValueError(f"{options}: {name}={{{key!r}: ...}}; there are {', '.join([*OPERATIONS, *GROUPS])}")
        for operation in GROUPS.get(key, (key,)):
            if key in GROUPS and operation in value:
                continue  # an operation's own is meant instead of its group's
            found[operation] = part
    return found


def check_page_sizes(options: str, page_size: int, max_page_size: int) -> None:
    """Raises ValueError."""
    if not (isinstance(page_size, int) and isinstance(max_page_size, int) and 1 <= page_size <= max_page_size):
        raise ValueError(f"{options}: page_size={page_size!r} must be from 1 to max_page_size={max_page_size!r}")
    if max_page_size > 1_000_000:
        raise ValueError(f"{options}: max_page_size={max_page_size!r}: a page is held in memory; at most 1,000,000")


def groups(options: str, name: str, groups: Sequence[str | Sequence[str]]) -> list[list[str]]:
    """Each of `groups` as a list. Raises TypeError, ValueError."""
    if isinstance(groups, str):
        raise TypeError(f"{options}: {name} must be a list of fields or tuples of fields, not one string")
    result = [[group] if isinstance(group, str) else list(group) for group in groups]
    if any(not group or not all(isinstance(field, str) for field in group) for group in result):
        raise ValueError(f"{options}: {name}={groups!r}: names of fields, or tuples of names")
    return result


def with_assignable_key(options: str, model: type[BaseModel], key: str) -> type[BaseModel]:
    """The model, with a key that may be absent where the store assigns one, whatever its declaration says."""
    field = model.model_fields.get(key)
    if field is None:
        return model
    kind = plain_type(field.annotation)
    if kind not in (int, uuid.UUID, str):
        raise TypeError(f"{options}: the key {key!r} must be an int, a UUID or a text, not {field.annotation!r}")
    if not is_assigned(field) or (field.default_factory is None and not field.is_required()):
        return model
    changed = copy(field)
    changed.default, changed.default_factory = None, None
    annotation: Any = kind
    if asked := [*_uuid_versions(Annotated[field.annotation, *field.metadata, None])]:  # of a UUID | None nothing is
        changed.metadata = [part for part in field.metadata if not isinstance(part, UuidVersion)]
        annotation = Annotated[kind, UuidVersion(asked[-1])]
    return derived_model(model.__name__, {key: (annotation | None, changed)}, model)
