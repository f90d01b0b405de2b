"""Items of a model between Python and the store, where operations need Python.

What is stored is Pydantic's JSON mode without what only answers have: computed fields, custom serialisers and masks of
secrets. Where answers are written by Python, fields are stored under their names, so that an item can be read again
whatever its aliases are.
"""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import AliasChoices, AliasPath, BaseModel
from pydantic_core import PydanticSerializationError, SchemaSerializer, SchemaValidator

from .schema import NO_SCHEMA, is_pydantics_own, parts_of

__all__ = ["StoredItems"]

_FIELDS = {"model-field", "typed-dict-field", "dataclass-field"}


class StoredItems:
    """Writes and reads what the store has of `model`. `by_name`: see `data_bridge.schema.Exported.outputs`."""

    def __init__(self, model: type[BaseModel], *, by_name: bool) -> None:
        self.model = model
        self.by_name = by_name
        schema: Any = model.__pydantic_core_schema__
        self._serializer = _make(SchemaSerializer, _rewrite(schema, _plainly_written))
        self._by_name_validator = _make(SchemaValidator, _rewrite(schema, _read_by_name)) if by_name else None
        validator: Any = model.__pydantic_validator__
        if by_name or _has_paths(schema):
            validator = _make(SchemaValidator, _rewrite(schema, _read_by_name_too))
        self._merged_validator = validator
        self._paths = {
            name: {path.path[0] if isinstance(path, AliasPath) else path for path in _choices(field.validation_alias)}
            for name, field in model.model_fields.items()
            if any(isinstance(path, AliasPath) for path in _choices(field.validation_alias))
        }

    def validate(self, value: Any) -> BaseModel:
        """A body, as FastAPI validates one. Raises ValidationError, and what the model's own code raises."""
        validated: BaseModel = self.model.__pydantic_validator__.validate_python(value, from_attributes=True)
        return validated

    def validate_merged(self, value: Any) -> BaseModel:
        """An item with a patch merged into it: fields that are read from a path have their names."""
        if isinstance(value, dict):
            # What the client has sent wins over what is stored.
            value = {name: each for name, each in value.items() if self._paths.get(name, set()).isdisjoint(value)}
        validated: BaseModel = self._merged_validator.validate_python(value, from_attributes=True)
        return validated

    def document(self, item: BaseModel) -> bytes:
        """`item` as it is stored: JSON with NaN and infinities. Raises PydanticSerializationError."""
        try:
            written: bytes = self._serializer.to_json(item, by_alias=not self.by_name, warnings=False)
        except PydanticSerializationError:
            # A type that only the model's own serialisers can write.
            written = item.__pydantic_serializer__.to_json(item, by_alias=not self.by_name, warnings=False)
        return written

    def restore(self, stored: Mapping[str, Any]) -> BaseModel:
        """The item that document() wrote. One that its model does not accept any more is made as it is."""
        fields = {name: value for name, value in stored.items() if self._is_of_model(name)}
        assert self._by_name_validator is not None
        try:
            restored: BaseModel = self._by_name_validator.validate_json(json.dumps(fields))
        except ValueError:
            return self.model.model_construct(**{name: self._value(name, fields[name]) for name in fields})
        return restored

    def _value(self, name: str, stored: Any) -> Any:
        if (validator := self._field_validators.get(name)) is None:
            return stored
        try:
            return validator.validate_json(json.dumps(stored))
        except ValueError:
            is_number = self.model.model_fields[name].annotation is float
            return float("nan") if stored is None and is_number else stored

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
        return {
            name: _make(SchemaValidator, {"type": "definitions", "schema": field["schema"], "definitions": definitions})
            for name, field in schema["fields"].items()
        }

    def _is_of_model(self, name: str) -> bool:
        return name in self.model.model_fields or self.model.model_config.get("extra") == "allow"

    @staticmethod
    def answer(item: BaseModel) -> bytes:
        """`item` as clients see it."""
        return item.__pydantic_serializer__.to_json(item, by_alias=True, warnings=False)


def _choices(alias: Any) -> list[Any]:
    return alias.choices if isinstance(alias, AliasChoices) else [alias]


def _make(kind: Any, schema: Any) -> Any:
    # Else the validators and serialisers that nested models have are taken instead of what their schemas say.
    if "_use_prebuilt" in (inspect.signature(kind).parameters or ()):
        return kind(schema, _use_prebuilt=False)
    return kind(schema)


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


def _plainly_written(node: dict[str, Any]) -> dict[str, Any]:
    """For a serialiser of what is stored."""
    if isinstance(serialization := node.get("serialization"), dict):
        function = serialization.get("function")
        if "secret" in getattr(function, "__qualname__", "") and is_pydantics_own(function):
            node["serialization"] = {"type": "function-plain", "function": _reveal, "when_used": "unless-none"}
        elif function is not None and not is_pydantics_own(function):
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


def _reveal(secret: Any) -> Any:
    return secret.get_secret_value()


def _read_by_name(node: dict[str, Any]) -> dict[str, Any]:
    if node.get("type") in _FIELDS:
        node.pop("validation_alias", None)
    return node


def _is_path(alias: Any) -> bool:
    """Whether a validation alias leads into members."""
    if not isinstance(alias, list) or not alias:
        return False
    paths = alias if isinstance(alias[0], list) else [alias]
    return any(len(path) > 1 for path in paths)


def _has_paths(schema: Any) -> bool:
    if isinstance(schema, dict) and _is_path(schema.get("validation_alias")):
        return True
    return any(_has_paths(part) for part in parts_of(schema))


def _read_by_name_too(node: dict[str, Any]) -> dict[str, Any]:
    """For what is merged: of it the client has sent some, and the rest is as it is stored."""
    fields = node.get("fields")
    for name, field in fields.items() if isinstance(fields, dict) else ():
        if alias := field.get("validation_alias"):
            choices = [[alias]] if isinstance(alias, str) else alias if isinstance(alias[0], list) else [alias]
            field["validation_alias"] = [*choices, [name]]
    return node
