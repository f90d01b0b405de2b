"""``read=`` of a resource: the model of its answers, and what clients may therefore ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fastapi.exceptions import ResponseValidationError
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from .list_fields import ListField, plain_annotation
from .resource_options import plain_type
from .schema import export_item
from .stored_items import validator_by_names

__all__ = ["AnswerModel", "answered_names", "plain_answer", "readable_fields"]

# Settings of a model by which no value that it has taken is another one, or written otherwise.
_SETTINGS_OF_NO_VALUE = {
    "title", "model_title_generator", "field_title_generator", "alias_generator", "populate_by_name",
    "validate_by_name", "validate_by_alias", "serialize_by_alias", "loc_by_alias", "extra", "frozen",
    "from_attributes", "arbitrary_types_allowed", "validate_assignment", "validate_default", "protected_namespaces",
    "json_schema_extra", "json_schema_serialization_defaults_required", "json_schema_mode_override",
    "use_attribute_docstrings", "hide_input_in_errors", "defer_build", "cache_strings",
}  # fmt: skip

# Of their types a value is made of a value of theirs without another one coming out.
_STEADY_MODULES = ("datetime", "decimal", "uuid", "ipaddress", "pathlib", "pydantic.networks")


class AnswerModel:
    """Answers in the shape of `model`, of items of another."""

    def __init__(self, model: type[BaseModel]) -> None:
        self.model = model
        self._validator = validator_by_names(model)

    def written(self, item: BaseModel) -> bytes:
        """`item` as clients see it. Raises ResponseValidationError where it has no such shape, as FastAPI does."""
        try:
            shown: BaseModel = self._validator.validate_python(item, from_attributes=True)
        except ValidationError as error:
            errors = [{**each, "loc": ("response", *each["loc"])} for each in error.errors(include_url=False)]
            raise ResponseValidationError(errors) from error
        return self.model.__pydantic_serializer__.to_json(shown, by_alias=True, warnings=False)


def answered_names(model: type[BaseModel]) -> list[str]:
    """The names of the members that `model` is written with."""
    fields = [info.serialization_alias or name for name, info in model.model_fields.items() if not info.exclude]
    return [*fields, *(info.alias or name for name, info in model.model_computed_fields.items())]


def plain_answer(read: type[BaseModel], model: type[BaseModel], key: str) -> list[tuple[str, str]] | None:
    """The fields of `model` that answers in the shape of `read` consist of, and what each is called there; None where
    they may be other values than the stored ones, or none that are stored.
    """
    exported = export_item(read)
    settings: tuple[Mapping[str, Any], ...] = read.model_config, model.model_config
    by_itself = any(
        settings[0].get(name) != settings[1].get(name) for name in set().union(*settings) - _SETTINGS_OF_NO_VALUE
    )
    takes_all = settings[0].get("extra") == "allow"
    if exported.outputs or by_itself or takes_all or any(not field for field, _ in exported.inputs):
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
        and not any(map(_acts, _parts(info)))
        and all(any(_is_same_part(part, other) for other in _parts(stored)) for part in _parts(info))
    )


def _is_same_part(left: Any, right: Any) -> bool:
    same: bool = left == right or (type(left) is type(right) and getattr(left, "__dict__", 0) == vars(right))
    return same


def readable_fields(
    read: type[BaseModel], model: type[BaseModel], key: str, stored: Sequence[ListField]
) -> list[ListField]:
    """Those of the `stored` fields of `model` that answers in the shape of `read` show as they are, by its names.

    What it shows in another form could be found out by asking for it.
    """
    changed = set(_changed(read, model))
    found = []
    for name, info in read.model_fields.items():
        if info.exclude or name in changed:
            continue
        declared = model.model_fields.get(name)
        if declared is None:
            same = name == key and plain_type(info.annotation) is int
        else:
            same = plain_annotation(info.annotation)[0] == plain_annotation(declared.annotation)[0]
            same = same and all(part in _parts(declared) for part in _parts(info) if _acts(part))
        shown = info.serialization_alias or name
        for field in stored if same else ():
            if field.field == name:
                within = field.name.partition(".")[2] if field.members else ""
                found.append(replace(field, name=f"{shown}.{within}" if within else shown))
    return found


def _parts(info: FieldInfo) -> list[Any]:
    return [*info.metadata, *plain_annotation(info.annotation)[1]]


def _acts(part: Any) -> bool:
    """Whether what stands in an Annotated changes values, or how they are written."""
    module = type(part).__module__
    return module.startswith("pydantic.functional_") or hasattr(part, "__get_pydantic_core_schema__")


def _changed(read: type[BaseModel], model: type[BaseModel]) -> Iterator[str]:
    """The fields whose values `read` may show otherwise than they are stored."""
    shown, stored = read.__pydantic_decorators__, model.__pydantic_decorators__
    for kind in ("validators", "field_validators", "field_serializers"):
        known = {_function(each) for each in getattr(stored, kind).values()}
        for each in getattr(shown, kind).values():
            if _function(each) not in known:
                yield from (read.model_fields if "*" in each.info.fields else each.info.fields)
    for kind in ("root_validators", "model_validators", "model_serializers"):
        known = {_function(each) for each in getattr(stored, kind).values()}
        if any(_function(each) not in known for each in getattr(shown, kind).values()):
            yield from read.model_fields


def _function(decorator: Any) -> Any:
    return getattr(decorator.func, "__func__", decorator.func)
