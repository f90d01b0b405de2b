"""The fields of a model that writes keep: those with a marker of `data_bridge.markers`, frozen and unseen ones."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any, get_type_hints

from pydantic import AliasChoices, AliasPath, BaseModel
from pydantic.fields import FieldInfo

from .markers import Marker
from .resource_options import bare_type, derived_model

__all__ = ["MarkedFields", "frozen_fields", "latest", "with_times", "without_demand", "without_required"]


class MarkedFields:
    """The names of those of `model`."""

    def __init__(self, model: type[BaseModel]) -> None:
        found = {name: _meaning(info) for name, info in model.model_fields.items()}
        #: What clients have no say in.
        self.read_only = [name for name, meaning in found.items() if meaning]
        self.created = [name for name, meaning in found.items() if meaning == "Created"]
        self.updated = [name for name, meaning in found.items() if meaning == "Updated"]
        self.times = [*self.created, *self.updated]
        #: Those that a new item has to get from somebody.
        self.required = [name for name in self.read_only if model.model_fields[name].is_required()]

    @classmethod
    def checked(cls, options: str, model: type[BaseModel], key: str) -> MarkedFields:
        """Raises ValueError for markers where they mean nothing."""
        if not model.__pydantic_complete__:
            model.model_rebuild()
        for name, info in model.model_fields.items():
            where = f"{options}: {model.__name__}.{name}"
            markers = [part for part in info.metadata if isinstance(part, Marker)]
            if len(markers) > 1:
                raise ValueError(f"{where}: only one of {', '.join(map(repr, markers))}")
            if markers and name == key:
                raise ValueError(f"{where}: the key cannot be {markers[0]!r}")
            if markers and markers[0].meaning != "ReadOnly" and bare_type(info.annotation) is not datetime:
                raise ValueError(f"{where}: {markers[0]!r} is a datetime, and not {info.annotation!r}")
            if markers and any(isinstance(path, AliasPath) for path in _aliases(info)):
                raise ValueError(f"{where}: {markers[0]!r} cannot be read from an AliasPath")
            if inner := next(_markers_inside(info.annotation, set()), None):
                raise ValueError(
                    f"{where}: {inner!r} marks fields of the resource's own model, and nothing inside of them"
                )
        return cls(model)


def with_times(model: type[BaseModel]) -> type[BaseModel]:
    """The model, with times that need not be there: whatever is declared, the store sets them."""
    return _with_default(
        model, (name for name in MarkedFields(model).times if model.model_fields[name].default is not None)
    )


def without_required(model: type[BaseModel], unseen: Iterable[str]) -> type[BaseModel]:
    """The model of what replaces an item, which gives it what clients have no say in, and what is `unseen` by them;
    `model` itself where it asks for nothing of that.
    """
    required = (name for name in unseen if model.model_fields[name].is_required())
    return _with_default(model, dict.fromkeys([*MarkedFields(model).required, *required]))


def _with_default(model: type[BaseModel], names: Iterable[str]) -> type[BaseModel]:
    changed = {}
    for name in names:
        info = model.model_fields[name]
        changed[name] = (info.annotation, without_demand(info))
    return derived_model(model.__name__, changed, model) if changed else model


def without_demand(info: FieldInfo) -> FieldInfo:
    """The same of a field that need not be there, and is None then."""
    changed = copy(info)
    changed.default, changed.default_factory = None, None
    return changed


def latest(before: Iterable[Any] = ()) -> datetime:
    """The time of a write to an item that has the times `before`: never before one of them."""
    times = [each for each in before if isinstance(each, datetime)]
    aware = [each if each.tzinfo else each.replace(tzinfo=UTC) for each in times]
    return max([datetime.now(UTC), *aware])


# What makes two values of a type the same, where that is more than their JSON.
_SAMENESS: Mapping[Any, str] = {
    set: "set",
    frozenset: "set",
    datetime: "instant",
    time: "time",
    timedelta: "duration",
    Decimal: "decimal",
}


def frozen_fields(model: type[BaseModel], key: str, unseen: Collection[str] | None = None) -> list[tuple[str, str]]:
    """The fields that are set once, and what makes two of their values the same. The key is one anyway.

    "any" for those that may be set again, but that a PUT keeps which does not name them: clients do not see them, or
    have no say in them. "created" and "updated" for times. `unseen`: what clients do not see, by default what is
    excluded.
    """
    if unseen is None:
        unseen = [name for name, field in model.model_fields.items() if field.exclude]
    found = []
    for name, field in model.model_fields.items():
        meaning = _meaning(field)
        if name == key or not (field.frozen or name in unseen or meaning):
            continue
        if meaning in ("Created", "Updated"):
            found.append((name, meaning.lower()))
        else:
            found.append((name, _sameness(field.annotation) if field.frozen else "any"))
    return found


def _sameness(annotation: Any) -> str:
    bare = bare_type(annotation)
    return _SAMENESS.get(typing.get_origin(bare) or bare, "json")


def _meaning(info: FieldInfo) -> str:
    return next((part.meaning for part in info.metadata if isinstance(part, Marker)), "")


def _aliases(info: FieldInfo) -> Sequence[Any]:
    alias: Any = info.validation_alias
    return alias.choices if isinstance(alias, AliasChoices) else [alias]


def _markers_inside(annotation: Any, seen: set[Any]) -> Iterator[Marker]:
    """The markers in a type, or in the fields of what it is made of."""
    if isinstance(annotation, Marker):
        yield annotation
    if isinstance(annotation, type) and not typing.get_args(annotation):
        if annotation in seen:
            return
        seen.add(annotation)
        if issubclass(annotation, BaseModel):
            for info in annotation.model_fields.values():
                yield from _markers_inside(info.annotation, seen)
                yield from (part for part in info.metadata if isinstance(part, Marker))
        elif dataclasses.is_dataclass(annotation) or hasattr(annotation, "__total__"):
            for part in get_type_hints(annotation, include_extras=True).values():
                yield from _markers_inside(part, seen)
        return
    if hasattr(annotation, "__value__"):  # what the statement `type` has made
        if id(annotation) not in seen:
            seen.add(id(annotation))
            yield from _markers_inside(annotation.__value__, seen)
        return
    for part in typing.get_args(annotation):
        yield from _markers_inside(part, seen)
