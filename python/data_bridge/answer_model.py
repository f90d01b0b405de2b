"""``read=`` of a resource: the model of its answers, and what clients may therefore ask for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from fastapi.exceptions import ResponseValidationError
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from .list_fields import ListField, is_remark, plain_annotation
from .resource_options import plain_type
from .stored_items import validator_by_names

__all__ = ["AnswerModel", "acts", "answered_names", "parts", "readable_fields"]


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
            same = same and all(part in parts(declared) for part in parts(info) if acts(part))
        shown = info.serialization_alias or name
        for field in stored if same else ():
            if field.field == name:
                within = field.name.partition(".")[2] if field.members else ""
                found.append(replace(field, name=f"{shown}.{within}" if within else shown))
    return found


def parts(info: FieldInfo) -> list[Any]:
    """What stands beside the type of a field and says something of its values."""
    return [part for part in (*info.metadata, *plain_annotation(info.annotation)[1]) if not is_remark(part)]


def acts(part: Any) -> bool:
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
