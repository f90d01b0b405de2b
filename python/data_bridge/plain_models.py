"""Models of bodies and answers that do with values what the stored model does, so that the native core can do it."""

from __future__ import annotations

import copy
import typing
from collections.abc import Collection, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import annotated_types
from pydantic import BaseModel, EmailStr, PydanticUserError, Strict, TypeAdapter, ValidationError, create_model
from pydantic.fields import FieldInfo

from .answer_model import acts, parts
from .list_fields import TEXT_MODULES, plain_annotation
from .marked_fields import MarkedFields, without_demand
from .plain_values import URL_TYPES
from .resource_options import derived_model, plain_type
from .schema import Exported, export_item
from .stored_items import names_of

__all__ = ["plain_answer", "plain_body", "plain_patch"]

# Settings of a model by which no value that it has taken is another one, or written otherwise.
_SETTINGS_OF_NO_VALUE = {
    "title", "model_title_generator", "field_title_generator", "alias_generator", "populate_by_name",
    "validate_by_name", "validate_by_alias", "serialize_by_alias", "loc_by_alias", "extra", "frozen",
    "from_attributes", "arbitrary_types_allowed", "validate_assignment", "validate_default", "protected_namespaces",
    "json_schema_extra", "json_schema_serialization_defaults_required", "json_schema_mode_override",
    "use_attribute_docstrings", "hide_input_in_errors", "defer_build", "cache_strings",
    "table", "registry", "read_from_attributes", "read_with_orm_mode",
}  # fmt: skip

# Of their types a value is made of a value of theirs without another one coming out.
_STEADY_MODULES = ("datetime", "decimal", "uuid", *TEXT_MODULES)


def plain_answer(read: type[BaseModel], model: type[BaseModel], key: str) -> list[tuple[str, str]] | None:
    """The fields of `model` that answers in the shape of `read` consist of, and what each is called there; None where
    they may be other values than the stored ones, or none that are stored.
    """
    exported = export_item(read)
    is_like = _has_settings_of(model, read) and read.model_config.get("extra") != "allow"
    if exported.outputs or not is_like or any(not field for field, _ in exported.inputs):
        return None
    for_python = {field.partition(".")[0] for field, _ in exported.inputs}
    found = []
    for name, info in read.model_fields.items():
        if info.exclude:
            continue
        if (
            name in for_python
            and getattr(plain_annotation(info.annotation)[0], "__module__", "") not in _STEADY_MODULES
        ):
            return None
        if not _is_as_stored(name, info, model.model_fields.get(name), key):
            return None
        found.append((name, info.serialization_alias or name))
    return found


def _is_as_stored(name: str, info: FieldInfo, stored: FieldInfo | None, key: str) -> bool:
    """Whether what `stored` has taken `info` takes as well, and shows as it is."""
    if stored is None:
        return name == key and info.annotation is int and not info.metadata
    shown, declared = info.annotation, stored.annotation
    if name == key:  # an item that is stored has one
        shown, declared = plain_annotation(shown)[0], plain_annotation(declared)[0]
    return (
        shown == declared
        and info.discriminator == stored.discriminator
        and not any(map(acts, parts(info)))
        and not _further_parts(info, stored)
    )


def _further_parts(info: FieldInfo, other: FieldInfo) -> list[Any]:
    """What stands beside the type of `info`, and not beside that of `other`."""
    return [part for part in parts(info) if not any(_is_same_part(part, each) for each in parts(other))]


def _is_same_part(left: Any, right: Any) -> bool:
    same: bool = left == right or (
        type(left) is type(right) and getattr(left, "__dict__", 0) == getattr(right, "__dict__", 1)
    )
    return same


def plain_body(create: type[BaseModel], model: type[BaseModel], key: str, answered: Collection[str]) -> Exported | None:
    """`model` with what `create` says of its fields, where validating a body by that is what validating it by the one
    and then by the other is; None where it may not be, or where Python has to do it. `answered`: the names of answers,
    which bodies may have.
    """
    fields, stored = create.model_fields, model.model_fields
    in_order = [name for name in stored if name in fields] == list(fields)
    is_like = _has_settings_of(model, create) and _takes_names_of(model, create, may_forbid=True)
    is_assigned = key in fields and plain_type(fields[key].annotation) is int
    others = [info for name, info in stored.items() if name not in fields and name != key]
    marked = MarkedFields(model).read_only
    if (
        not in_order
        or not is_like
        or is_assigned
        or any(info.is_required() for info in others)
        or not fields.keys().isdisjoint(marked)
        or export_item(create, may_doubt=True).inputs
        or (create.model_config.get("extra") == "forbid" and not _ignores(create, model, key, answered))
    ):
        return None
    changes: dict[str, Any] = {}
    for name, info in fields.items():
        if not _is_taken_as_stored(info, stored[name]) or (changed := _with_defaults(info, stored[name])) is None:
            return None
        changes[name] = (info.annotation, changed)
    extra = create.model_config.get("extra", "ignore")
    body = create_model(
        create.__name__, __base__=model, __module__=model.__module__, __cls_kwargs__={"extra": extra}, **changes
    )
    return _without_inputs(body)


def _ignores(create: type[BaseModel], model: type[BaseModel], key: str, answered: Collection[str]) -> bool:
    """Whether the members of a body that the native core drops, of fields that `create` has not, are those that may
    stand in it because answers have them."""
    known = set().union(*(names_of(create, name) for name in create.model_fields))
    dropped = set().union(*(names_of(model, name) for name in model.model_fields if name not in create.model_fields))
    key_names = names_of(model, key)
    return (dropped | key_names) - known == {*answered, *key_names} - known


def plain_patch(update: type[BaseModel], model: type[BaseModel], key: str) -> Exported | None:
    """`update` with no field that has to be there, where what it takes of a merge patch `model` takes as it is, or says
    itself what is wrong; None where it may not, or where Python has to validate it.

    Only of fields whose values a patch replaces as a whole: those with members are merged.
    """
    fields, stored = update.model_fields, model.model_fields
    others = [*MarkedFields(model).read_only, key]
    if (
        not fields.keys() <= stored.keys()
        or not fields.keys().isdisjoint(others)
        or not _has_settings_of(model, update)
        or not _takes_names_of(model, update)
    ):
        return None
    changes: dict[str, Any] = {}
    for name, info in fields.items():
        if not _is_checked_as_stored(info, stored[name]):
            return None
        changes[name] = (info.annotation, without_demand(info))
    patch = derived_model(update.__name__, changes, update)
    return _without_inputs(patch)


def _without_inputs(model: type[BaseModel]) -> Exported | None:
    exported = export_item(model, may_doubt=True)
    return None if exported.inputs else exported


_WHOLE = (bool, int, float, str, bytes, Decimal, date, datetime, time, timedelta, UUID, Enum, EmailStr, *URL_TYPES)


def _is_checked_as_stored(info: FieldInfo, stored: FieldInfo) -> bool:
    """Whether what `info` has taken is to `stored` what was sent, and both have the same names."""
    plain, declared = plain_annotation(info.annotation)[0], plain_annotation(stored.annotation)[0]
    is_whole = typing.get_origin(plain) is Literal or (isinstance(plain, type) and issubclass(plain, _WHOLE))
    named = (info.alias, info.validation_alias) == (stored.alias, stored.validation_alias)
    strict = [sum(isinstance(part, Strict) for part in each.metadata) for each in (info, stored)]
    return (
        is_whole
        and named
        and plain == declared
        and strict[0] == strict[1]
        and not info.validate_default
        and not any(map(acts, parts(info)))
        and all(map(_only_refuses, _further_parts(info, stored)))
    )


def _has_settings_of(model: type[BaseModel], other: type[BaseModel]) -> bool:
    """Whether the settings of both do the same with values."""
    settings: tuple[Mapping[str, Any], ...] = model.model_config, other.model_config
    names = set().union(*settings) - _SETTINGS_OF_NO_VALUE
    return all(settings[0].get(name) == settings[1].get(name) for name in names)


def _takes_names_of(model: type[BaseModel], body: type[BaseModel], *, may_forbid: bool = False) -> bool:
    """Whether both call fields the same that have the same aliases, and ignore others, or refuse them: `may_forbid`."""
    extras = ("ignore", "forbid") if may_forbid else ("ignore",)
    settings = [
        [each.model_config.get(name) for name in ("populate_by_name", "validate_by_name", "validate_by_alias")]
        + [each.model_config.get("loc_by_alias", True)]
        for each in (model, body)
    ]
    return settings[0] == settings[1] and all(
        each.model_config.get("extra", "ignore") in extras and not each.model_config.get("validate_default")
        for each in (model, body)
    )


def _is_taken_as_stored(info: FieldInfo, stored: FieldInfo) -> bool:
    """Whether `stored` takes what `info` has taken, as it is, and both have the same names."""
    same_names = (info.alias, info.validation_alias, info.validate_default, info.discriminator) == (
        stored.alias,
        stored.validation_alias,
        stored.validate_default,
        stored.discriminator,
    )
    return (
        same_names
        and info.annotation == stored.annotation
        and not any(map(acts, parts(info)))
        and not _further_parts(stored, info)
        and all(map(_only_refuses, _further_parts(info, stored)))
    )


def _only_refuses(part: Any) -> bool:
    """Whether what stands beside a type makes no other value of one that it takes."""
    if isinstance(part, annotated_types.GroupedMetadata) or not isinstance(part, annotated_types.BaseMetadata):
        return False
    return type(part).__module__ == "annotated_types" or vars(part).keys() <= {
        "pattern",
        "max_digits",
        "decimal_places",
    }


def _with_defaults(info: FieldInfo, stored: FieldInfo) -> FieldInfo | None:
    """`info` with the default that an item has where a body does not name it; None where that is not one of the field's
    values, which the stored model would say."""
    changed = copy.copy(info)
    if info.is_required() or info.default_factory is not None:
        return changed
    if info.default is None and not stored.is_required():
        changed.default, changed.default_factory = stored.default, stored.default_factory
        return changed
    annotation: Any = Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation
    try:
        is_taken = TypeAdapter(annotation).validate_python(info.default) == info.default
    except (ValidationError, PydanticUserError):
        return None
    return changed if is_taken else None
