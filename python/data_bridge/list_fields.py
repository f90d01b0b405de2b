"""What a list can be filtered and sorted by: the fields of a model, and those inside of them, by their JSON names."""

from __future__ import annotations

import collections.abc
import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import annotated_types
from pydantic import BaseModel, ConfigDict, RootModel, Strict, create_model
from pydantic.errors import PydanticUserError
from pydantic_core import SchemaError

from data_bridge._core import SchemaModel
from data_bridge.schema import Unsupported, export_item, export_model

__all__ = [
    "TEXT_MODULES",
    "ListField",
    "export_filters",
    "is_remark",
    "list_fields",
    "plain_annotation",
    "shown_type",
    "sort_terms",
    "unaliased",
]

# Models within models that are looked into; one within itself is not.
_MAX_DEPTH = 4

_LISTS = (list, set, frozenset, tuple, collections.abc.Sequence)

# Settings of a model that its fields' values are read by.
_TEXT_SETTINGS = (
    "str_strip_whitespace", "str_to_lower", "str_to_upper", "str_min_length", "str_max_length", "allow_inf_nan",
)  # fmt: skip


@dataclass(frozen=True)
class ListField:
    """``name``: on the wire, ``address.city``. ``path``: the same by Python's names. ``field``: of the model.
    ``members``: the keys inside of that.

    ``annotation``: of its values, without ``None``; of a list of its items. ``Any`` where they cannot be compared.
    ``is_text``: they have parts to ask for.
    """

    name: str
    path: str
    field: str
    members: tuple[str, ...]
    is_list: bool
    annotation: Any
    is_text: bool = False

    @property
    def is_comparable(self) -> bool:
        """Whether there is more to ask for than whether it is null."""
        return self.annotation is not Any

    @property
    def native(self) -> tuple[str, str, list[str], bool]:
        """As the native half takes it."""
        return self.name, self.field, list(self.members), self.is_list


def list_fields(model: type[BaseModel], key: str) -> list[ListField]:
    """Everything that clients can read of an item and name in a query. `key` is the key's name."""
    found = [] if key in model.model_fields else [ListField(key, key, key, (), False, int)]
    for field, name, annotation in _fields_of(model):
        found.extend(_inside(field, field, name, (), annotation, (model,)))
    if not _is_exportable(model, [field.annotation for field in found]):
        found = [_comparable(model, field) for field in found]
    kinds = [each["kind"] for each in SchemaModel(export_filters(model, found)).fields()[_FIRST_VALUE:]]
    return [
        replace(field, annotation=Any)
        if kind == "json"
        else replace(field, is_text=kind == "str" and not field.is_list)
        for field, kind in zip(found, kinds, strict=True)
    ]


def export_filters(model: type[BaseModel], fields: Sequence[ListField]) -> str:
    """The model that values of filters are validated by, as the native half takes it."""
    return export_model(_filters(model, [field.annotation for field in fields]), is_of_conditions=True)


def sort_terms(options: str, model: type[BaseModel], fields: Sequence[ListField], sort: str | None) -> list[str]:
    """The default order, which names fields as Python does, by JSON names. Raises ValueError."""
    if sort is None:
        return []
    if not isinstance(sort, str):
        raise TypeError(f"{options}: sort={sort!r} must be a text like '-price,name'")
    names = {field.field: field for field in fields if not field.members}
    terms = []
    for term in sort.split(","):
        field = names.get(term.removeprefix("-"))
        if field is None or field.is_list or not field.is_comparable:
            raise ValueError(f"{options}: sort={sort!r}: {model.__name__} has no field {term!r} to sort by")
        terms.append("-" * term.startswith("-") + field.name)
    return terms


def index_names(
    options: str, model: type[BaseModel], fields: Sequence[ListField], groups: Sequence[Sequence[str]]
) -> list[list[str]]:
    """Groups of fields as Python names them; those inside of others by JSON names. Raises ValueError."""
    inside = {field.path: field.name for field in fields if field.members and field.is_comparable and not field.is_list}
    for name in (name for group in groups for name in group):
        if "." in name and name not in inside:
            raise ValueError(f"{options}: {model.__name__} has no field {name!r} to make an index of")
    return [[inside.get(name, name) for name in group] for group in groups]


def shown_type(field: ListField) -> Any:
    """What the documentation shows of its values."""
    return field.annotation if field.is_comparable else bool


def _fields_of(model: type[BaseModel]) -> Iterator[tuple[str, str, Any]]:
    """Name, JSON name and annotation of each field that is answered."""
    for name, info in model.model_fields.items():
        if not info.exclude:
            # A URL has only texts.
            metadata = [part for part in info.metadata if not isinstance(part, Strict) and not is_remark(part)]
            annotation = Annotated[(info.annotation, *metadata)] if metadata else info.annotation
            yield name, info.serialization_alias or name, annotation


def _inside(
    path: str, field: str, name: str, members: tuple[str, ...], annotation: Any, around: tuple[type[BaseModel], ...]
) -> Iterator[ListField]:
    plain, metadata = plain_annotation(annotation)
    if isinstance(plain, type) and issubclass(plain, BaseModel) and not issubclass(plain, RootModel):
        yield ListField(name, path, field, members, False, Any)
        if plain in around or len(around) > _MAX_DEPTH:
            return
        for python_name, inner, of_inner in _fields_of(plain):
            # SQLite's paths into JSON know no escapes.
            if inner.isprintable() and not set(inner) & {'"', "\\"}:
                within = (f"{path}.{python_name}", field, f"{name}.{inner}", (*members, inner))
                yield from _inside(*within, of_inner, (*around, plain))
        return
    if typing.get_origin(plain) in _LISTS or plain in _LISTS:
        item, of_item = plain_annotation(_item(plain))
        yield ListField(name, path, field, members, True, _annotated(item, of_item) if _is_scalar(item) else Any)
        return
    yield ListField(name, path, field, members, False, _annotated(plain, metadata) if _is_scalar(plain) else Any)


def plain_annotation(annotation: Any) -> tuple[Any, list[Any]]:
    """An annotation without `None`, and the constraints around it."""
    annotation = unaliased(annotation)
    if typing.get_origin(annotation) is Annotated:
        inner, *metadata = typing.get_args(annotation)
        plain, more = plain_annotation(inner)
        return plain, [*more, *(part for part in metadata if not isinstance(part, Strict) and not is_remark(part))]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        kept = [part for part in typing.get_args(annotation) if part is not type(None)]
        if len(kept) == 1:
            return plain_annotation(kept[0])
    return annotation, []


_SPEAKING = ("pydantic", "pydantic_core", "annotated_types", "fastapi", "data_bridge")
_HANDLERS = ("__get_pydantic_core_schema__", "__get_pydantic_json_schema__", "__prepare_pydantic_annotations__")


def is_remark(part: Any) -> bool:
    """Whether what stands in an Annotated is for others than Pydantic: a text, the column of a SQLModel."""
    kind = type(part)
    return not (
        kind.__module__.partition(".")[0] in _SPEAKING
        or isinstance(part, annotated_types.BaseMetadata | annotated_types.GroupedMetadata)
        or any(hasattr(part, name) for name in _HANDLERS)
    )


def unaliased(annotation: Any) -> Any:
    """What a `NewType`, or what the statement ``type`` has made, stands for."""
    while True:
        origin = typing.get_origin(annotation)
        if isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif hasattr(annotation, "__value__") and origin is None:
            annotation = annotation.__value__
        elif hasattr(origin, "__value__"):
            given = dict(zip(origin.__type_params__, typing.get_args(annotation), strict=False))
            parameters = getattr(origin.__value__, "__parameters__", ())
            annotation = origin.__value__
            if parameters and given.keys() >= set(parameters):
                annotation = annotation[tuple(given[each] for each in parameters)]
        else:
            return annotation


def _annotated(annotation: Any, metadata: Sequence[Any]) -> Any:
    return Annotated[(annotation, *metadata)] if metadata else annotation


def _item(annotation: Any) -> Any:
    """What a list or set holds; `Any` of a tuple whose places differ."""
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is tuple and (len(arguments) != 2 or arguments[1] is not Ellipsis):
        return Any
    return arguments[0] if arguments else Any


def _is_scalar(annotation: Any) -> bool:
    if typing.get_origin(annotation) is typing.Literal:
        return True
    if not isinstance(annotation, type) or typing.get_origin(annotation) is not None:
        return False
    return not issubclass(annotation, dict | BaseModel) and not dataclasses.is_dataclass(annotation)


def _comparable(model: type[BaseModel], field: ListField) -> ListField:
    """The field, with the constraints of its type as far as they need no Python, else as what its values are stored."""
    plain, _ = plain_annotation(field.annotation)
    fitting = (annotation for annotation in (field.annotation, plain) if _is_exportable(model, [annotation]))
    return replace(field, annotation=next(fitting, None) or _stored_type(plain))


# Of their types the values are texts that a client sees as they are stored.
TEXT_MODULES = ("pydantic.networks", "ipaddress", "pathlib")

_STORED_TYPES: Mapping[str, type] = {
    "int": int, "float": float, "bool": bool, "str": str, "uuid": UUID, "decimal": Decimal,
    "date": date, "datetime": datetime, "time": time, "duration": timedelta,
}  # fmt: skip


def _stored_type(annotation: Any) -> Any:
    """The type whose values those of a type that needs Python compare as: a `PastDate` is a date, an `EmailStr` a text.
    `Any` where that is not known."""
    try:
        exported = export_item(create_model("Value", value=(annotation, ...)))
    except (PydanticUserError, SchemaError, NotImplementedError):
        return Any
    kind = SchemaModel(exported.text).fields()[0]["kind"]
    is_other_text = kind == "str" and getattr(annotation, "__module__", "") not in TEXT_MODULES
    return Any if exported.outputs or is_other_text else _STORED_TYPES.get(kind, Any)


def _is_exportable(model: type[BaseModel], annotations: Sequence[Any]) -> bool:
    try:
        export_model(_filters(model, annotations), is_of_conditions=True)
    except (Unsupported, PydanticUserError, SchemaError, NotImplementedError):
        return False
    return True


# In front of them in the model of the filters: what `isnull` takes, and parts of texts.
_FIRST_VALUE = 2


def _filters(model: type[BaseModel], annotations: Sequence[Any]) -> type[BaseModel]:
    fields: dict[str, Any] = {"isnull": (bool, ...), "text": (str, ...)}
    fields |= {f"value{place}": (annotation, ...) for place, annotation in enumerate(annotations)}
    settings = {name: value for name, value in model.model_config.items() if name in _TEXT_SETTINGS}
    config = typing.cast(ConfigDict, settings | {"arbitrary_types_allowed": True})
    return create_model("Filters", __config__=config, **fields)
