"""What an item of a resource has to have whose model needs Python: its key, its times, what clients have no say in."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from ._core import CrudRequest, StoredItem
from .hooks import Calls
from .marked_fields import latest
from .stored_items import StoredItems

__all__ = ["ItemRules"]

_NO_VALUES: Mapping[str, Any] = {}


class ItemRules:
    """The rules of one resource. `frozen`: the fields that only a new item gets from a client."""

    def __init__(self, items: StoredItems, key: str, key_type: type, frozen: list[str]) -> None:
        self.items = items
        #: The field of the key, where the model has one.
        self.key = key if key in items.model.model_fields else None
        self.key_name = key
        self.key_type = key_type
        self.key_names = items.names_of(key)
        self.frozen = frozen

    def set_key(self, item: BaseModel, key: str) -> None:
        """Give an item the key of a path."""
        if self.key is not None:
            item.__dict__[self.key] = self.typed_key(key)

    def validated(
        self,
        value: Any,
        *,
        is_new: bool,
        values: Mapping[str, Any] = _NO_VALUES,
        kept: Mapping[str, Any] = _NO_VALUES,
    ) -> tuple[BaseModel | None, list[Any]]:
        """The item that a body is, or what is wrong with it. `values`: of fields that it does not have. `kept`: what is
        taken as it is.
        """
        body = self.items.writable(self.without_key(value, is_new=is_new))
        if values and isinstance(body, dict):
            absent = {name: each for name, each in values.items() if self.items.names_of(name).isdisjoint(body)}
            body = self.items.changed(body, absent)
        if kept and isinstance(body, dict):
            body = self.items.changed(body, kept)
        try:
            return (self.items.validate_keeping(body, kept) if kept else self.items.validate(body)), []
        except ValidationError as error:
            return None, self._told(error, body, value, kept)  # what a client has sent as it was

    def merged(
        self, value: Any, patch: Any, changes: Mapping[str, Any] = _NO_VALUES
    ) -> tuple[BaseModel | None, list[Any]]:
        """The item that a patch has been merged into, or what is wrong with it. `changes`: what a hook has made of it.

        What clients do not see and neither of them names is taken as it is.
        """
        absent = [name for name in self.items.absent_unseen(patch) if name not in changes]
        kept = self.items.kept(absent, value) if isinstance(value, Mapping) else {}
        whole = self.items.changed(value, {**kept, **changes}) if kept or changes else value
        given = self.items.merged(whole, patch)
        try:
            return self.items.validate_merged(given, kept), []
        except ValidationError as error:
            told = self._told(error, given, self.items.seen(value, kept), kept)
            return None, [self._as_sent(each, patch) for each in told]

    def _as_sent(self, error: Any, patch: Any) -> Any:
        """An error of a merged item: of a field that clients do not see it shows what the patch has there, or all that
        the patch says of the field where the place is not in it, but in what was stored."""
        place = error["loc"] if error["type"] != "missing" else error["loc"][:-1]
        name = self.items.hidden_name(place[0]) if place and isinstance(patch, Mapping) else None
        if name is None:
            return error
        whole = next((patch[each] for each in self.items.names_of(name) if each in patch), None)
        found = whole
        for part in place[1:]:
            inside = found if isinstance(found, dict) else dict(enumerate(found)) if isinstance(found, list) else {}
            if part not in inside:
                return {**error, "input": whole}
            found = inside[part]
        return {**error, "input": found}

    def _told(self, error: ValidationError, value: Any, shown: Any, kept: Mapping[str, Any]) -> list[Any]:
        """The errors of `value`, as which `shown` stands in them: never what a client may not see."""
        return [
            {**each, "input": shown} if each["input"] is value or self._shows(each["input"], kept) else each
            for each in error.errors(include_url=False)
        ]

    def times(self, before: Mapping[str, Any] = _NO_VALUES) -> dict[str, Any]:
        """The times of a write to an item with those of `before`, or to a new one."""
        names = self.items.marked.updated if before else self.items.marked.times
        if not names:
            return {}
        return dict.fromkeys(names, latest(before.get(name) for name in self.items.marked.updated))

    def times_of(self, stored: Any) -> dict[str, Any]:
        """The times of a write to what is stored, or to what is not."""
        if not isinstance(stored, StoredItem) or not self.items.marked.updated:
            return self.times()
        return self.times(self.items.kept(self.items.marked.updated, json.loads(stored.merged)))

    def kept_of_new(self, calls: Calls, values: Mapping[str, Any]) -> dict[str, Any]:
        """What a new item has whatever it is validated by: its times, and None where a hook is to say what."""
        required = self.items.marked.required if calls.has_before("create") else []
        return {**self.times(), **{name: None for name in required if name not in values}}

    def stamped(self, item: BaseModel, times: Mapping[str, Any]) -> BaseModel:
        """What a hook has made of an item, with the times that it had."""
        item.__dict__.update({name: times[name] for name in self.items.marked.times if name in times})
        return item

    def still_missing(self, item: BaseModel, body: Any) -> list[Any]:
        """The errors of a new item for which no hook has said what clients have no say in."""
        fields = self.items.model.model_fields
        return [
            {"type": "missing", "loc": (min(self.items.names_of(name)),), "msg": "Field required", "input": body}
            for name in self.items.marked.required
            if getattr(item, name, None) is None and not _takes_none(fields[name].annotation)
        ]

    def naming(self, request: CrudRequest, item: BaseModel, before: Mapping[str, Any]) -> CrudRequest:
        """The request of an item in which a hook has changed fields that clients have no say in: it asks for that."""
        changed = {
            name: to_jsonable_python(item.__dict__.get(name), fallback=str)
            for name in self.items.marked.read_only
            if name not in self.items.marked.times and item.__dict__.get(name) != before[name]
        }
        if not changed:
            return request
        body = self.items.changed(json.loads(request.body), changed)
        return request.changed(body=json.dumps(body).encode())

    def _shows(self, value: Any, kept: Mapping[str, Any]) -> bool:
        """Whether it has one of the values of `kept`: a copy of the body that a validator has made."""
        return isinstance(value, Mapping) and any(
            value.get(key, self) is each for name, each in kept.items() for key in (name, *self.items.names_of(name))
        )

    def may_name_another(self, body: Any, item: BaseModel, key: str) -> bool:
        """Whether a body's key has to be compared with the one of the path."""
        if not isinstance(body, dict) or self.key_names.isdisjoint(body):
            return False
        return self.key is None or getattr(item, self.key) != self.typed_key(key)

    def typed_key(self, key: Any) -> Any:
        """The key that is stored, or in a path, as this."""
        if self.key is not None and self.key_type is str:
            return self.items.typed({self.key: key})[self.key]
        return TypeAdapter(self.key_type).validate_python(key)

    def keep_frozen(self, item: BaseModel, stored: StoredItem) -> None:
        """What a PUT leaves out of the frozen fields, for hooks to see."""
        absent = [
            name
            for name in self.frozen
            if name not in self.items.marked.updated
            and (name not in item.model_fields_set or name in self.items.marked.read_only)
        ]
        if absent:
            with contextlib.suppress(ValidationError):  # it may be older than the model
                before = self.items.validate_merged(
                    self.items.merged(self.without_key(json.loads(stored.merged), is_new=False), {})
                )
                item.__dict__.update({name: getattr(before, name) for name in absent})

    def as_stored(self, item: BaseModel, stored: dict[str, Any]) -> BaseModel:
        """`item` with what the store has given it. `stored` is it as the native half answers."""
        names = {field: name for name, field in self.items.outputs.items()}
        for field in self.items.marked.read_only:
            name = field if self.items.by_name else names[field]
            if name in stored:
                item.__dict__.update(self.items.typed({field: stored[name]}))
        if self.key is not None:
            info = self.items.model.model_fields[self.key]
            name = self.key if self.items.by_name else info.serialization_alias or self.key
            item.__dict__[self.key] = self.typed_key(stored[name])
        return item

    def without_key(self, value: Any, *, is_new: bool) -> Any:
        """A body without a key that is not the client's to choose, or that the model has no field for."""
        is_items = self.key is not None and not (is_new and self.key_type is int)
        if is_items or not isinstance(value, dict) or self.key_names.isdisjoint(value):
            return value
        return {name: member for name, member in value.items() if name not in self.key_names}

    def document(self, item: BaseModel) -> bytes | None:
        """The item as it is stored; None where it cannot be written."""
        try:
            return self.items.document(item)
        except (PydanticSerializationError, ValueError):
            return None


def _takes_none(annotation: Any) -> bool:
    return annotation is Any or type(None) in get_args(annotation)
