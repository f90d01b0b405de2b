"""The models that the documentation of a resource shows: ``Item``, ``ItemCreate``, ``ItemUpdate``, ``ItemPage`` ..."""

from __future__ import annotations

import re
import types
import typing
import weakref
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AliasPath, BaseModel, ConfigDict, Field, GetJsonSchemaHandler, create_model
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema

from .list_fields import ListField
from .marked_fields import MarkedFields
from .resource_models import ResourceModels
from .resource_options import bare_type, derived_model, model_of_some, plain_type

__all__ = ["ShownModels"]

#: Operators of values that can be compared, beside those whose value is another thing than one of the field's.
_COMPARISONS = ("ne", "lt", "le", "gt", "ge")
_OF_TEXTS = ("contains", "icontains", "startswith", "endswith")


@dataclass(frozen=True)
class _Marks:
    """Of a model in an annotation: which members only answers have, which only requests, which are in columns of
    64-bit integers, and which are in no request."""

    read_only: tuple[str, ...] = ()
    write_only: tuple[str, ...] = ()
    integers: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        shown = handler(schema)
        try:
            resolved = handler.resolve_ref_schema(shown)
        except LookupError:  # of a model within itself, which is written later
            return shown
        properties = resolved.get("properties", {})
        for name in set(self.absent) & set(properties):
            del properties[name]
        if required := [name for name in resolved.get("required", ()) if name not in self.absent]:
            resolved["required"] = required
        else:
            resolved.pop("required", None)
        for names, mark in ((self.read_only, "readOnly"), (self.write_only, "writeOnly")):
            for name in set(names) & set(properties):
                properties[name] = {**properties[name], mark: True}
        for name in set(self.integers) & set(properties):
            properties[name] = _bounded(properties[name])
        return shown


def _bounded(shown: dict[str, Any]) -> dict[str, Any]:
    if "anyOf" in shown:
        return {**shown, "anyOf": [_bounded(each) for each in shown["anyOf"]]}
    # Not as bounds: FastAPI writes these as floats, and 2**63 - 1 is none.
    return {**shown, "format": "int64"} if shown.get("type") == "integer" else shown


@dataclass(frozen=True)
class _JsonOf:
    """Of a text in an annotation: it is the JSON of a value of this type."""

    content: Any

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        # Of what the handler gives only the name: the rest is of the text that holds the condition.
        content = {"$ref": handler(self.content.__pydantic_core_schema__)["$ref"]}
        either = {"anyOf": [content, {"type": "array", "items": content}]}
        return {**handler(schema), "contentMediaType": "application/json", "contentSchema": either}


class ShownModels:
    """One for each model and name of its key, so that several mounts of it show the same schemas.

    ``stored``: what is answered. ``create``, ``replace``, ``update``: the bodies. All but ``stored`` are annotations.
    """

    # By the id of a model that the value keeps: a value is there as long as a resource shows it.
    _made: typing.ClassVar[weakref.WeakValueDictionary[tuple[Any, ...], ShownModels]] = weakref.WeakValueDictionary()

    @classmethod
    def of(
        cls,
        model: type[BaseModel],
        native_model: type[BaseModel],
        key: str,
        fields: Sequence[ListField],
        models: ResourceModels,
    ) -> ShownModels:
        """Those of `model`; `native_model`: with a key that need not be sent; `models`: that are shown instead."""
        place = (id(model), key, id(models.create), id(models.update), id(models.read))
        made = cls._made.get(place)
        if made is None:
            made = cls._made[place] = cls(model, native_model, key, fields, models.read)
            made._use(models)
        return made

    def __init__(
        self,
        model: type[BaseModel],
        native_model: type[BaseModel],
        key: str,
        fields: Sequence[ListField],
        read: type[BaseModel] | None,
    ) -> None:
        self.model = model
        name, declared = schema_name(model), model.model_fields
        key_type = plain_type(declared[key].annotation) if key in declared else int
        assigned = _wire_names(key, declared.get(key)) if key_type is int else ()
        hidden = [each for field, info in declared.items() if info.exclude for each in _wire_names(field, info)]
        integers = [
            each
            for field, info in declared.items()
            if bare_type(info.annotation) is int
            for each in _wire_names(field, info)
        ]
        read_only = MarkedFields(model).read_only
        unsaid = {each for field in read_only for each in _wire_names(field, declared[field])}
        said = {each for field, info in declared.items() if field not in read_only for each in _wire_names(field, info)}
        marks = _Marks((*assigned, *sorted(unsaid - said)), tuple(hidden), tuple(integers))
        written = _Marks(tuple(assigned), tuple(hidden), tuple(integers), absent=tuple(sorted(unsaid - said)))
        #: Not of the documentation alone: what Python reads of the store.
        self.stored: type[BaseModel] = model if key in declared else derived_model(name, {key: (int, ...)}, model)
        self.answer: Any = Annotated[self.stored, marks] if read is None else read
        listed = name if read is None else schema_name(read)
        page = {
            "items": (types.GenericAlias(list, (self.answer,)), ...),
            "next": (str | None, Field(description="The `cursor` of the page after it; null on the last one")),
            "total": (int, Field(default=0, description="Only where it was asked for")),
        }
        self.page = derived_model(f"{listed}Page", page)
        create = derived_model(f"{name}Create", {}, native_model)
        self.create: Any = Annotated[create, written]
        kept = {
            field: (info.annotation, _absent(info))
            for field, info in native_model.model_fields.items()
            if info.is_required() and info.exclude and not isinstance(info.validation_alias, AliasPath)
        }
        self.replace: Any = (
            Annotated[derived_model(f"{name}Replace", kept, native_model), written] if kept else self.create
        )
        changes = {
            field: (info.annotation if info.is_required() else _or_none(info.annotation), _absent(info))
            for field, info in declared.items()
            if field != key and not info.frozen and field not in read_only
        }
        self.update: Any = Annotated[model_of_some(f"{name}Update", changes, model), marks]
        #: A text that is a condition.
        self.where: Any = Annotated[str, _JsonOf(_where(listed, fields))]

    def _use(self, models: ResourceModels) -> None:
        """Show the models that bodies have of their own. One that is of answers, too, gets another name there."""
        self._models = models  # by whose ids this is found
        create, update = models.create, models.update
        if create is not None:
            is_shared = create is models.read
            self.create = derived_model(f"{schema_name(create)}Create", {}, create) if is_shared else create
            self.replace = self.create
        if update is not None:
            is_shared = update is models.read
            self.update = derived_model(f"{schema_name(update)}Update", {}, update) if is_shared else update


def _wire_names(name: str, info: FieldInfo | None) -> Iterable[str]:
    """Every name that a field may have in a schema."""
    aliases = (info.alias, info.validation_alias, info.serialization_alias) if info is not None else ()
    return {name, *(alias for alias in aliases if isinstance(alias, str))}


def schema_name(model: type[BaseModel]) -> str:
    """What FastAPI calls the schema of a model: `Page[Item]` has another name there."""
    return re.sub(r"[^a-zA-Z0-9.\-_]", "_", model.__name__)


def _absent(field: FieldInfo) -> FieldInfo:
    """The field, which need not be there; what it has then stands in no schema."""
    changed = copy(field)
    changed.default_factory = _nothing
    changed.default = FieldInfo().default
    return changed


def _nothing() -> None: ...


def _or_none(annotation: Any) -> Any:
    return typing.Optional[annotation]  # noqa: UP045 - the annotation is a value here


def _where(name: str, fields: Sequence[ListField]) -> type[BaseModel]:
    """A condition on items: every field with every operator that it has."""
    itself = f"{name}Where"
    members: dict[str, Any] = {}
    for field in fields:
        for operator, annotation in _operators(field):
            wire_name = f"{field.name}__{operator}" if operator else field.name
            members[f"member{len(members)}"] = (annotation, Field(alias=wire_name, default_factory=_nothing))
    name_in_types = re.sub(r"\W", "_", itself)  # of a generic model's, "Page[Item]Where" is no name
    condition = f"{name_in_types} | list[{name_in_types}]"
    # Field by field it is all of it.
    members["any_of"] = (f"list[{condition}]", Field(alias="or", default_factory=_nothing, description="Any of these"))
    members["opposite"] = (condition, Field(alias="not", default_factory=_nothing, description="The opposite of this"))
    made: type[BaseModel] = create_model(
        itself,
        __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=True, protected_namespaces=(), title=itself),
        __doc__="A condition: all of its members hold.",
        __module__=__name__,
        **members,
    )
    made.model_rebuild(_types_namespace={name_in_types: made})
    return made


def _operators(field: ListField) -> typing.Iterator[tuple[str, Any]]:
    """The operators that a field has in a condition, "" for none, each with what it takes."""
    if field.is_comparable and field.is_list:
        yield "contains", field.annotation
    elif field.is_comparable:
        value = _or_none(field.annotation)
        for operator in ("", "eq", *_COMPARISONS):
            yield operator, value if operator in ("", "eq", "ne") else field.annotation
        for operator in ("in", "nin"):
            yield operator, types.GenericAlias(list, (value,))
        if field.is_text:
            yield from dict.fromkeys(_OF_TEXTS, str).items()
    yield "isnull", bool
