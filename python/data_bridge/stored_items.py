"""Items of a model between Python and the store, where operations need Python.

What is stored is Pydantic's JSON mode without what only answers have: computed fields, custom serialisers and masks of
secrets. Where answers are written by Python, fields are stored under their names, so that an item can be read again
whatever its aliases are.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import inspect
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from pydantic import AliasChoices, AliasPath, BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticSerializationError, SchemaSerializer, SchemaValidator, to_jsonable_python

from .marked_fields import MarkedFields, latest
from .schema import NO_SCHEMA, is_pydantics_own, is_secret, parts_of

__all__ = ["ItemsByName", "StoredItems", "keep_drifted", "names_of", "partial_validator", "validator_by_names"]

# In front of an extra member's name.
_APART = "\x1f"
# What the item that is validated right now keeps, by fields.
_NOTHING_KEPT: Mapping[str, Any] = {}
_kept: contextvars.ContextVar[Mapping[str, Any]] = contextvars.ContextVar("kept", default=_NOTHING_KEPT)
_NOTHING = object()
_FIELDS = {"model-field", "typed-dict-field", "dataclass-field"}


class StoredItems:
    """Writes and reads what the store has of `model`. `by_name`: see `data_bridge.schema.Exported.outputs`."""

    def __init__(self, model: type[BaseModel], *, by_name: bool, unseen: Collection[str] | None = None) -> None:
        self.model = model
        self.by_name = by_name
        self.marked = MarkedFields(model)
        self._hidden = (
            {name for name, field in model.model_fields.items() if field.exclude} if unseen is None else set(unseen)
        )
        #: The fields that a PUT keeps which does not name them: by default those that are excluded from answers, and
        #: always those that clients have no say in.
        self.unseen = self._hidden.union(self.marked.read_only) - set(self.marked.updated)
        schema: Any = model.__pydantic_core_schema__
        self._serializer = _make(SchemaSerializer, _rewrite(schema, _plainly_written))
        self._schema_of_merged = _rewrite(schema, _merged if by_name else _merged_by_alias)
        self._merged_validator = _make(SchemaValidator, self._schema_of_merged)
        self._keys = {
            name: {name, *(path.path[0] if isinstance(path, AliasPath) else path for path in _choices(field))}
            for name, field in model.model_fields.items()
        }
        # Of these a name may be that of another field.
        self._read_names = set().union(*(self.names_of(name) for name in model.model_fields))
        #: The names of fields by those that answers have.
        self.outputs = {field.serialization_alias or name: name for name, field in model.model_fields.items()}
        self._paths = {
            name: self._keys[name] - {name}
            for name, field in model.model_fields.items()
            if any(isinstance(path, AliasPath) for path in _choices(field))
        }

    def names_of(self, field: str) -> set[str]:
        """By what names a body may call a field, or what is none."""
        return names_of(self.model, field)

    def changes(self, item: BaseModel, patch: Mapping[str, Any]) -> dict[str, Any]:
        """What `patch` says, by the names of fields, with the values that it has in `item`."""
        extra = item.__pydantic_extra__ or {}
        changes = {name: extra[name] for name in patch if name in extra}
        for name in self.model.model_fields:
            if not self.names_of(name).isdisjoint(patch):
                changes[name] = getattr(item, name)
        return changes

    def without(self, patch: Mapping[str, Any], fields: Collection[str]) -> dict[str, Any]:
        """`patch` without what it says of `fields`."""
        names = set().union(*(self.names_of(name) for name in fields))
        if self.by_name:  # by which it is stored; elsewhere it may be that of a member that is no field
            names |= set(fields) - self._read_names
        return {name: value for name, value in patch.items() if name not in names}

    def writable(self, body: Any) -> Any:
        """`body` without what clients have no say in."""
        names = set().union(*map(self.names_of, self.marked.read_only))
        if not isinstance(body, Mapping) or names.isdisjoint(body):
            return body
        return {name: value for name, value in body.items() if name not in names}

    def touched(self, stored: Any) -> Any:
        """An item as it is stored, or what a patch has made of one, with the time of the write that changes it."""
        if not self.marked.updated or not isinstance(stored, Mapping):
            return stored
        time = to_jsonable_python(latest(self.kept(self.marked.updated, stored).values()))
        return self.changed(stored, dict.fromkeys(self.marked.updated, time))

    def changed(self, value: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
        """An item that is to be validated, with the values that `changes` has for fields."""
        named = self.without(value, changes.keys())
        for name, each in changes.items():
            names = self.names_of(name)
            named[name if name in names else min(names)] = each
        return named

    def validate(self, value: Any) -> BaseModel:
        """A body, as FastAPI validates one. Raises ValidationError, and what the model's own code raises."""
        validated: BaseModel = self.model.__pydantic_validator__.validate_python(value, from_attributes=True)
        return validated

    def absent_unseen(self, body: Any) -> list[str]:
        """The fields that a body does not have, because clients do not see them or have no say in them."""
        if not isinstance(body, Mapping):
            return []
        return [
            name
            for name in self.model.model_fields
            if name in self.unseen and name not in self._paths and self.names_of(name).isdisjoint(body)
        ]

    def hidden_name(self, place: Any) -> str | None:
        """The field that clients do not see and a place in an error begins with; None: it is another's."""
        return next((name for name in self._hidden if place in self.names_of(name)), None)

    def seen(self, value: Any, fields: Collection[str]) -> Any:
        """A merged item without what it has for those of `fields` that clients do not see."""
        value = self._together(value) if isinstance(value, dict) else value
        names = set().union(*(self.names_of(name) for name in self._hidden.intersection(fields)))
        if not isinstance(value, Mapping) or names.isdisjoint(value):
            return value
        return {name: each for name, each in value.items() if name not in names}

    def kept(self, names: Collection[str], stored: Mapping[str, Any]) -> dict[str, Any]:
        """What fields are in `stored`, which has them by some name that they are read by."""
        found = {name: [value for key, value in stored.items() if key in self._keys[name]] for name in names}
        return {name: self._value(name, values[0]) for name, values in found.items() if values}

    def drifted(self, item: BaseModel, stored: Any, named: Collection[str]) -> dict[str, Any]:
        """What fields have in `stored` that a change of those that are `named` is not about, where validation has made
        something else of it in `item`."""
        if not isinstance(stored, Mapping):
            return {}
        others = {
            name: stored[output if not self.by_name else name]
            for output, name in self.outputs.items()
            if name not in named and name not in self.marked.times and (output if not self.by_name else name) in stored
        }
        return {name: each for name, each in self.typed(others).items() if not _same(each, getattr(item, name))}

    def typed(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        """The values of fields that are in `stored` by their names."""
        return {name: self._value(name, value) for name, value in stored.items()}

    def validate_keeping(self, value: Any, kept: Mapping[str, Any]) -> BaseModel:
        """As validate(), but the values of `kept`, by fields, are taken as they are."""
        return self._keeping(self._keeping_validator, value, kept)

    @staticmethod
    def _keeping(validator: Any, value: Any, kept: Mapping[str, Any]) -> BaseModel:
        token = _kept.set(kept)
        try:
            validated: BaseModel = validator.validate_python(value, from_attributes=True)
        finally:
            _kept.reset(token)
        return validated

    @functools.cached_property
    def _keeping_validator(self) -> Any:
        return _make(SchemaValidator, _rewrite(self._schema_of_bodies, self._take_kept))

    @functools.cached_property
    def _merged_keeping_validator(self) -> Any:
        return _make(SchemaValidator, _rewrite(self._schema_of_merged, self._take_kept))

    def _take_kept(self, node: dict[str, Any]) -> dict[str, Any]:
        """Values are taken as they are that are those of `_kept`."""
        if node.get("type") == "model" and node["cls"] is self.model:
            inner = node["schema"]
            while inner["type"] != "model-fields":
                inner = inner["schema"]
            for name, field in inner["fields"].items():
                if name in self.unseen or name in self.marked.updated:
                    field["schema"] = _or_kept(name, field["schema"])
        return node

    @property
    def _schema_of_bodies(self) -> Any:
        """By which bodies are read."""
        return self.model.__pydantic_core_schema__

    def merged(self, value: Any, patch: Any) -> Any:
        """An item with `patch` merged into it, for validate_merged(): a copy, in which fields that are read from a path
        have their names, and those that have their default of None are absent."""
        if isinstance(value, dict) and isinstance(patch, dict):
            value = self._together(value)
            for name, keys in self._keys.items():
                if name in self._paths and not self._paths[name].isdisjoint(patch):
                    value.pop(name, None)  # what the client has sent wins over what is stored
                elif any(value.get(key) is not None for key in keys):
                    continue  # a member that is no field may have the name of one
                elif self.model.model_fields[name].default is None and keys.isdisjoint(patch):
                    for key in keys:  # a default is not validated, nor is it here
                        if value.get(key, ...) is None:
                            del value[key]
        return value

    def validate_merged(self, value: Any, kept: Mapping[str, Any] = _NOTHING_KEPT) -> BaseModel:
        """What merged() has made. `kept`: as for validate_keeping()."""
        return self._keeping(self._merged_keeping_validator if kept else self._merged_validator, value, kept)

    def document(self, item: BaseModel) -> bytes:
        """`item` as it is stored: JSON with NaN and infinities. Raises PydanticSerializationError."""
        try:
            # A round trip leaves Json as it was sent, to be read again.
            written: bytes = self._serializer.to_json(
                self._apart(item), by_alias=not self.by_name, round_trip=self.by_name, warnings=False
            )
        except PydanticSerializationError:
            # A type that only the model's own serialisers can write; neither a secret's mask nor a computed field.
            written = self._own_serializer.to_json(self._apart(item), by_alias=not self.by_name, warnings=False)
        return written

    @functools.cached_property
    def _own_serializer(self) -> Any:
        own = functools.partial(_plainly_written, keeps_own=True)
        return _make(SchemaSerializer, _rewrite(self.model.__pydantic_core_schema__, own))

    def _apart(self, item: BaseModel) -> BaseModel:
        """`item` with members that are no fields but have the name of one under another."""
        extra = item.__pydantic_extra__
        taken = self.model.model_fields.keys() if self.by_name else self.outputs.keys()
        if not extra or taken.isdisjoint(extra):
            return item
        copied = item.model_copy()
        if self.by_name:
            renamed = {_APART + name if name in taken else name: value for name, value in extra.items()}
        else:  # the answer would have one name twice
            renamed = {name: value for name, value in extra.items() if name not in taken}
        copied.__pydantic_extra__ = renamed
        return copied

    def _together(self, members: Mapping[str, Any]) -> dict[str, Any]:
        """Undoes _apart() on extra members, or on an item to be validated."""
        if not self.by_name or not any(name.startswith(_APART) for name in members):
            return dict(members)
        fields = self.model.model_fields
        return {
            name.removeprefix(_APART) if name.removeprefix(_APART) in fields else name: value
            for name, value in members.items()
            if not name.startswith(_APART) or name.removeprefix(_APART) not in members
        }

    def restore(self, stored: Mapping[str, Any]) -> BaseModel:
        """The item that document() wrote. One that its model does not accept any more is made as it is."""
        if not self.by_name:
            return self._restore_by_alias(stored)
        fields = {name: value for name, value in stored.items() if self._is_of_model(name)}
        try:
            restored: BaseModel = self._by_name_validator.validate_python(fields)
        except Exception:  # validators may raise anything of a value that they never had, as a default is
            restored = self.model.model_construct(**{name: self._value(name, fields[name]) for name in fields})
        if restored.__pydantic_extra__:
            restored.__pydantic_extra__ = self._together(restored.__pydantic_extra__)
        return restored

    def _restore_by_alias(self, stored: Mapping[str, Any]) -> BaseModel:
        fields = {self.outputs.get(name, name): value for name, value in stored.items()}
        try:
            restored: BaseModel = self._by_alias_validator.validate_json(json.dumps(self.changed({}, fields)))
        except Exception:
            restored = self.model.model_construct(**{name: self._value(name, fields[name]) for name in fields})
        return restored

    @functools.cached_property
    def _by_name_validator(self) -> Any:
        return _make(SchemaValidator, _rewrite(self.model.__pydantic_core_schema__, _read_by_name))

    @functools.cached_property
    def _by_alias_validator(self) -> Any:
        return _make(SchemaValidator, _rewrite(self.model.__pydantic_core_schema__, _read_by_alias))

    def _value(self, name: str, stored: Any) -> Any:
        validator = self._field_validators.get(name)
        if validator is not None:
            with contextlib.suppress(Exception):
                return validator.validate_python(stored)
        return stored

    @functools.cached_property
    def _field_validators(self) -> dict[str, Any]:
        """A validator for each field on its own."""
        schema: Any = _rewrite(self.model.__pydantic_core_schema__, _read_by_name)
        definitions = []
        if schema["type"] == "definitions":
            definitions, schema = schema["definitions"], schema["schema"]
        by_reference = {definition["ref"]: definition for definition in definitions}
        while schema["type"] != "model-fields":
            schema = by_reference[schema["schema_ref"]] if schema["type"] == "definition-ref" else schema["schema"]
        # Without it a pattern may be none.
        config = {key: value for key, value in self.model.model_config.items() if key == "regex_engine"}

        def alone(field: Any) -> Any:
            whole = {"type": "definitions", "schema": field["schema"], "definitions": definitions}
            return _make(SchemaValidator, whole, config)

        return {name: alone(field) for name, field in schema["fields"].items()}

    def _is_of_model(self, name: str) -> bool:
        return name in self.model.model_fields or self.model.model_config.get("extra") == "allow"

    @staticmethod
    def answer(item: BaseModel) -> bytes:
        """`item` as clients see it."""
        return item.__pydantic_serializer__.to_json(item, by_alias=True, warnings=False)


def names_of(model: type[BaseModel], field: str) -> set[str]:
    """By what names a body may call a field of `model`, or what is none."""
    info = model.model_fields.get(field)
    if info is None:
        return {field}
    config = model.model_config
    by_name = config.get("validate_by_name") or config.get("populate_by_name")
    aliases = {path for path in _choices(info) if isinstance(path, str)}
    return aliases | {field} if by_name or not aliases else aliases


def validator_by_names(model: type[BaseModel]) -> Any:
    """A validator of `model` for what has the names of fields, as objects have, or else aliases."""
    return _make(SchemaValidator, _rewrite(model.__pydantic_core_schema__, _names_first))


class ItemsByName(StoredItems):
    """Items that are made of other models' values: their fields are read by their names, too."""

    def validate(self, value: Any) -> BaseModel:
        """As StoredItems.validate()."""
        validated: BaseModel = self._by_names.validate_python(value, from_attributes=True)
        return validated

    @functools.cached_property
    def _by_names(self) -> Any:
        return _make(SchemaValidator, self._schema_of_bodies)

    @property
    def _schema_of_bodies(self) -> Any:
        return _rewrite(self.model.__pydantic_core_schema__, _names_first)


def _names_first(node: dict[str, Any]) -> dict[str, Any]:
    fields = node.get("fields")
    for name, field in fields.items() if isinstance(fields, dict) else ():
        if alias := field.get("validation_alias"):
            choices = [[alias]] if isinstance(alias, str) else alias if isinstance(alias[0], list) else [alias]
            field["validation_alias"] = [[name], *choices]
    return node


def partial_validator(model: type[BaseModel]) -> Any:
    """A validator of `model` that asks for no field, nor within the models that fields of it are."""
    schema: Any = model.__pydantic_core_schema__
    if schema["type"] == "definitions" and schema["schema"]["type"] == "definition-ref":  # it is within itself
        own = next(each for each in schema["definitions"] if each["ref"] == schema["schema"]["schema_ref"])
        schema = {**schema, "schema": {name: part for name, part in own.items() if name != "ref"}}
    return _make(SchemaValidator, _partial(schema))


def _partial(schema: Any) -> Any:
    if schema["type"] == "model-fields":
        fields = {name: {**field, "schema": _absent_or(field["schema"])} for name, field in schema["fields"].items()}
        return {**schema, "fields": fields}
    inner = schema.get("schema")
    is_around_a_model = schema["type"] in ("model", "default", "nullable", "definitions") or _is_function(schema)
    return {**schema, "schema": _partial(inner)} if is_around_a_model and isinstance(inner, dict) else schema


def _is_function(schema: Any) -> bool:
    return schema["type"] in ("function-before", "function-after", "function-wrap")


def _absent_or(schema: Any) -> Any:
    partial = _partial(schema)
    return partial if partial["type"] == "default" else {"type": "default", "schema": partial, "default": None}


def keep_drifted(item: BaseModel, unchanged: BaseModel, drifted: Mapping[str, Any]) -> None:
    """Give `item` the values of `drifted` where it has what validation makes of the item without any change as well:
    a password that is hashed by a validator must not be hashed again because somebody changes the name."""
    for name, value in drifted.items():
        made = getattr(item, name)
        if type(value) is type(made) and _same(getattr(unchanged, name), made):
            item.__dict__[name] = value


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _or_kept(name: str, schema: Any) -> Any:
    if schema["type"] == "default":  # an absent one has it still
        return {**schema, "schema": _or_kept(name, schema["schema"])}

    def take(value: Any, handler: Callable[[Any], Any]) -> Any:
        return value if value is _kept.get().get(name, _NOTHING) else handler(value)

    return {"type": "function-wrap", "function": {"type": "no-info", "function": take}, "schema": schema}


def _choices(field: FieldInfo) -> list[Any]:
    """What a field is read by, if it is not its name."""
    alias: Any = field.validation_alias
    if alias is None:
        return []
    return list(alias.choices) if isinstance(alias, AliasChoices) else [alias]


def _make(kind: Any, schema: Any, config: Any = None) -> Any:
    """A validator or serialiser that does what `schema` says of nested models, too, and not what they have ready."""
    if "_use_prebuilt" in inspect.signature(kind).parameters:  # Pydantic 2.13
        return kind(schema, config, _use_prebuilt=False)
    # Before, only of a class that is not complete what it has ready was not taken.
    classes = [each for each in set(_classes(schema)) if vars(each).get("__pydantic_complete__")]
    for each in classes:
        each.__pydantic_complete__ = False
    try:
        return kind(schema, config)
    finally:
        for each in classes:
            each.__pydantic_complete__ = True


def _classes(schema: Any) -> Iterator[Any]:
    if isinstance(schema, Mapping) and schema.get("type") in ("model", "dataclass"):
        yield schema["cls"]
    for part in parts_of(schema):
        yield from _classes(part)


def _rewrite(schema: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """A copy of a core schema with `change` applied to each of its nodes."""
    if isinstance(schema, dict):
        changed = dict(schema)
        for key, value in schema.items():
            if key in ("fields", "choices") and isinstance(value, dict):  # by name, by tag
                changed[key] = {name: _rewrite(part, change) for name, part in value.items()}
            elif key not in NO_SCHEMA:
                changed[key] = _rewrite(value, change)
        return change(changed)
    if isinstance(schema, list | tuple):
        return type(schema)(_rewrite(part, change) for part in schema)
    return schema


def _plainly_written(node: dict[str, Any], *, keeps_own: bool = False) -> dict[str, Any]:
    """For a serialiser of what is stored. `keeps_own`: with the model's own serialisers."""
    if isinstance(serialization := node.get("serialization"), dict):
        function = serialization.get("function")
        if is_secret(function):
            node["serialization"] = {"type": "function-plain", "function": _reveal, "when_used": "unless-none"}
        elif function is not None and not keeps_own and not is_pydantics_own(function):
            node.update(serialization=_plain_or_own(node))
            if node["serialization"] is None:
                del node["serialization"]
    if node.get("computed_fields"):
        node["computed_fields"] = []
    if node.get("type") in _FIELDS:
        node.pop("serialization_exclude", None)
        node.pop("serialization_exclude_if", None)
    if node.get("type") == "model":
        config = dict(node.get("config") or {})
        config.pop("ser_json_timedelta", None)
        config.pop("ser_json_temporal", None)
        # At the top NaN and the infinities are values of a column; "strings" can be read again anywhere.
        default = config.get("ser_json_inf_nan", "null") == "null"
        config["ser_json_inf_nan"] = "constants" if default else "strings"
        node["config"] = config
    return node


def _plain_or_own(node: dict[str, Any]) -> dict[str, Any] | None:
    """What writes values as if there were no serialiser, or by it where the type would not read that: an instant that
    is read from a number only. None where nothing but the first can be."""
    inner = node
    while str(inner.get("type")).startswith("function-") and "schema" in inner:
        inner = inner["schema"]
    if inner is node or _is_decorated(node) or any(_references(node)):
        return None
    own = functools.cache(lambda: SchemaSerializer(node_with_own))
    accepting = functools.cache(lambda: SchemaValidator(inner))
    node_with_own: Any = dict(node)

    def write(value: Any, handler: Callable[[Any], Any]) -> Any:
        plain = handler(value)
        return plain if accepting().isinstance_python(plain) else own().to_python(value, mode="json")

    return {"type": "function-wrap", "function": write}


def _references(schema: Any) -> Iterator[Any]:
    if isinstance(schema, Mapping) and schema.get("type") == "definition-ref":
        yield schema
    for part in parts_of(schema):
        yield from _references(part)


def _reveal(secret: Any) -> Any:
    return secret.get_secret_value()


def _read_by_name(node: dict[str, Any]) -> dict[str, Any]:
    """For what is stored: its fields have their names, and not every value would be accepted again."""
    if _is_decorated(node):
        inner = node["schema"]
        if inner["type"] in ("model", "model-fields"):
            return dict(inner)
        # It has seen the value; only what is of no type without it needs it once more.
        return {"type": "union", "mode": "left_to_right", "choices": [inner, node]}
    if node.get("type") == "union":
        node.pop("mode", None)  # a stored value is of the type that it was given: the exact one is meant
    if node.get("type") in _FIELDS:
        node.pop("validation_alias", None)
        schema = node["schema"]
        if schema["type"] == "default":  # which is not validated, nor is what stands for it in the store
            node["schema"] = {**schema, "schema": _or_as_it_is(schema["schema"])}
        else:
            node["schema"] = _or_as_it_is(schema)
    return node


def _read_by_alias(node: dict[str, Any]) -> dict[str, Any]:
    """The same of what is stored under aliases; where these are paths it is stored under names."""
    alias = node.get("validation_alias")
    changed = _read_by_name(node)
    if alias is not None:
        changed["validation_alias"] = alias
    _add_names(changed, _is_path)
    return changed


def _is_decorated(node: dict[str, Any]) -> bool:
    """Whether it is a `field_validator`, or a `model_validator` that is no "after": a method of a model's class."""
    if node.get("type") not in ("function-before", "function-after", "function-wrap"):
        return False
    owner = getattr(node["function"]["function"], "__self__", None)
    return isinstance(owner, type) and issubclass(owner, BaseModel) and not is_pydantics_own(owner)


def _or_as_it_is(schema: Any) -> Any:
    choices = [schema, {"type": "any"}]
    if _may_be_json(schema):
        choices.insert(1, {"type": "json"})
    return {"type": "union", "mode": "left_to_right", "choices": choices}


def _may_be_json(schema: Any) -> bool:
    if schema["type"] == "union":
        return any(_may_be_json(choice[0] if isinstance(choice, tuple) else choice) for choice in schema["choices"])
    return _may_be_json(schema["schema"]) if schema["type"] == "nullable" else schema["type"] == "json"


def _is_path(alias: Any) -> bool:
    """Whether a validation alias leads into members."""
    if not isinstance(alias, list) or not alias:
        return False
    paths = alias if isinstance(alias[0], list) else [alias]
    return any(len(path) > 1 for path in paths)


def _merged(node: dict[str, Any]) -> dict[str, Any]:
    """For what is merged: of it the client has sent some, and the rest is as it is stored, under names."""
    return _merged_nodes(node, lambda alias: True)


def _merged_by_alias(node: dict[str, Any]) -> dict[str, Any]:
    """The same for what is stored under aliases, but for those that are paths."""
    return _merged_nodes(node, _is_path)


def _add_names(node: dict[str, Any], has_its_name: Callable[[Any], bool]) -> None:
    """Let fields be read by their names, too, where `has_its_name` says so of their aliases."""
    fields = node.get("fields")
    for name, field in fields.items() if isinstance(fields, dict) else ():
        if (alias := field.get("validation_alias")) and has_its_name(alias):
            choices = [[alias]] if isinstance(alias, str) else alias if isinstance(alias[0], list) else [alias]
            field["validation_alias"] = [*choices, [name]]


def _merged_nodes(node: dict[str, Any], has_its_name: Callable[[Any], bool]) -> dict[str, Any]:
    _add_names(node, has_its_name)
    if node.get("type") == "json":
        inner = (node.get("schema") or {"type": "any"})["type"]
        function = _as_json_or_text if inner in ("any", "str") else _as_json
        return {"type": "function-before", "function": {"type": "no-info", "function": function}, "schema": node}
    return node


def _as_json(value: Any) -> Any:
    """A value of Json[...] as it is sent, out of how it is stored and answered."""
    return value if isinstance(value, str) else json.dumps(value)


def _as_json_or_text(value: Any) -> Any:
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            json.loads(value)
            return value
    return json.dumps(value)
