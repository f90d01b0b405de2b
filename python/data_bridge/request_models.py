"""``create=`` and ``update=`` of a resource: models of the bodies of POST and PUT, and of PATCH.

What a client sends is validated by them first, as FastAPI does it, and then called as the stored model calls it, which
validates it once more and is what the native half knows.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from .stored_items import StoredItems, names_of, partial_validator

__all__ = ["RequestModels", "SentItem", "SentPatch", "hook_parameter"]


@dataclass(frozen=True)
class SentItem:
    """A body that its model has accepted: `instance`. `translated`: as the stored model reads it; `defaults`: of fields
    that the client has not named, by the names of the stored model's fields."""

    body: Any
    instance: BaseModel
    translated: dict[str, Any]
    defaults: dict[str, Any]


@dataclass(frozen=True)
class SentPatch:
    """A merge patch that its model has accepted. `patch`: as the stored model calls its members; `values`: those that
    are not merged but replaced, by fields; `further`: what the stored model has no fields for."""

    patch: dict[str, Any]
    values: dict[str, Any]
    further: dict[str, Any]


class RequestModels:
    """What a resource with `create` or `update` does to bodies. `answers`: the names of an answer's members."""

    def __init__(
        self,
        items: StoredItems,
        key: str,
        create: type[BaseModel] | None,
        update: type[BaseModel] | None,
        answers: Collection[str],
    ) -> None:
        self.create = create
        self.update = update
        #: The operations whose before hook makes the stored item of what was sent.
        self.makers: set[str] = set()
        self._items = items
        self._key_names = items.names_of(key)
        self._answers = answers
        self._create = create.__pydantic_validator__ if create is not None else None
        self._update = partial_validator(update) if update is not None else None

    # --- POST and PUT ---------------------------------------------------------------------------------

    def read(
        self, body: Any, *, is_new: bool, int_key: bool, values: Mapping[str, Any]
    ) -> tuple[SentItem | None, list[Any]]:
        """A body, or what is wrong with it. `int_key`: a new item's is not the client's to say. `values`: of fields
        that it does not name."""
        assert self.create is not None
        assert self._create is not None
        value = self._without_answers(self.create, body, self._key_names if is_new and int_key else ())
        if values and isinstance(value, Mapping):
            own = {name: names_of(self.create, name) for name in values if name in self.create.model_fields}
            value = {**value, **{min(own[name]): values[name] for name in own if own[name].isdisjoint(value)}}
        try:
            instance: BaseModel = self._create.validate_python(value, from_attributes=True)
        except ValidationError as error:
            return None, _as_sent(error.errors(include_url=False), value, body)
        named = instance.model_fields_set
        given, defaults = {}, {}
        for name in self.create.model_fields:
            if self._takes(name):
                value = getattr(instance, name)
                if name in named:
                    given[name] = value
                elif value is not None or self._requires(name):
                    defaults[name] = value
        if self._takes_all:
            given |= instance.__pydantic_extra__ or {}
        translated = self._items.writable(self._items.changed({}, given))
        if not is_new and isinstance(body, Mapping):  # it must be the one in the path
            translated |= {name: body[name] for name in self._key_names if name in body and name not in translated}
        return SentItem(body, instance, translated, defaults), []

    def with_defaults(self, sent: SentItem) -> dict[str, Any]:
        """What was sent, and what the model of it says of the rest."""
        return {**self._items.changed({}, sent.defaults), **sent.translated}

    def body_of(self, sent: SentItem, item: BaseModel) -> bytes:
        """What a client would have sent to make `item`, which a hook has made of what it did send."""
        document = json.loads(self._items.document(item))
        names = self._items.outputs
        given = {(name if self._items.by_name else names.get(name, name)): each for name, each in document.items()}
        named = {name: each for name, each in given.items() if name in item.model_fields_set}
        body = self._items.without(self._items.changed({}, named), ())
        body = {name: each for name, each in body.items() if name not in self._key_names}
        return written({**body, **{name: each for name, each in sent.translated.items() if name in self._key_names}})

    def told(self, errors: Sequence[Any], sent: SentItem | SentPatch) -> list[Any]:
        """Errors that the stored model has, in the client's words."""
        model = self.create if isinstance(sent, SentItem) else self.update
        assert model is not None
        told = []
        for error in errors:
            place = error["loc"]
            if place and isinstance(place[0], str):
                place = (self._client_name(model, place[0]), *place[1:])
            told.append({**error, "loc": place})
        return _as_sent(told, sent.translated, sent.body) if isinstance(sent, SentItem) else told

    # --- PATCH ----------------------------------------------------------------------------------------

    def read_patch(self, patch: Any) -> tuple[SentPatch | None, list[Any]]:
        """A merge patch, or what is wrong with it."""
        assert self.update is not None
        assert self._update is not None
        value = self._without_answers(self.update, patch, ())
        try:
            instance: BaseModel = self._update.validate_python(value, from_attributes=True)
        except ValidationError as error:
            return None, _as_sent(error.errors(include_url=False), value, patch)
        members: dict[str, Any] = {}
        values, further = {}, {}
        for name in instance.model_fields_set & self.update.model_fields.keys():
            each = getattr(instance, name)
            if not self._takes(name):
                further[name] = each
                continue
            sent = [patch[key] for key in names_of(self.update, name) if key in patch] or [each]
            members[name] = sent[0]
            is_removed = sent[0] is None and each is None
            if not is_removed and not isinstance(sent[0], dict):  # objects are merged
                values[name] = each
        if self._takes_all:
            members |= {name: patch.get(name) for name in instance.__pydantic_extra__ or ()}
        named = self._items.writable(self._items.changed({}, members))
        named |= {name: patch[name] for name in self._key_names if name in patch and name not in named}
        return SentPatch(named, values, further), []

    # --- what the models have to do with each other ---------------------------------------------------

    @property
    def _takes_all(self) -> bool:
        return self._items.model.model_config.get("extra") == "allow"

    def _takes(self, field: str) -> bool:
        return field in self._items.model.model_fields or self._takes_all

    def _requires(self, field: str) -> bool:
        info = self._items.model.model_fields.get(field)
        return info is None or info.is_required()

    def _without_answers(self, model: type[BaseModel], body: Any, key_names: Collection[str]) -> Any:
        """`body` without what clients read and do not write: they may send back what they got."""
        if not isinstance(body, dict):
            return body
        known = set().union(*(names_of(model, name) | self._first_names(model, name) for name in model.model_fields))
        ignored = {*key_names, *(name for name in (*self._answers, *self._key_names) if name not in known)}
        return body if ignored.isdisjoint(body) else {name: each for name, each in body.items() if name not in ignored}

    @staticmethod
    def _first_names(model: type[BaseModel], field: str) -> set[str]:
        """Where the paths of a field begin."""
        alias: Any = model.model_fields[field].validation_alias
        choices = getattr(alias, "choices", [alias])
        return {each.path[0] for each in choices if hasattr(each, "path")}

    def _client_name(self, model: type[BaseModel], name: str) -> str:
        for field in self._items.model.model_fields:
            if name == field or name in self._items.names_of(field):
                names = names_of(model, field) if field in model.model_fields else self._items.names_of(field)
                return name if name in names else min(names)
        return name


def written(body: Mapping[str, Any]) -> bytes:
    """A body for the native half, which looks at what is there and what its key is."""
    try:
        return to_json(body, by_alias=True, bytes_mode="base64", serialize_unknown=True)
    except ValueError:  # a lone surrogate
        return json.dumps(dict.fromkeys(body)).encode()


def _as_sent(errors: Sequence[Any], value: Any, body: Any) -> list[Any]:
    """Errors of `value` as those of `body`, which it was made of."""
    return [{**each, "input": body} if each["input"] is value else each for each in errors]


def hook_parameter(method: Callable[..., Any]) -> Any:
    """The annotation of what a hook is called with; None where it says nothing, or nothing that can be looked up."""
    function = getattr(method, "__func__", method)
    code = getattr(function, "__code__", None)
    if code is None:
        return None
    names = code.co_varnames[: code.co_argcount]
    try:
        hints = typing.get_type_hints(function)
    except Exception:  # a name of TYPE_CHECKING alone
        hints = getattr(function, "__annotations__", {})
    taken = names[1:] if hasattr(method, "__func__") else names
    return hints.get(taken[0]) if taken else None
