"""What the native writer of responses (core/bridge/compiled/response_writer.hpp) is made from: a Pydantic core schema,
as far as values can be validated and written by it without a look at anybody's code.

A node that is known is written natively where the value is exactly of the type that validation would leave as it is;
each value that is not goes, with all of its response, through Pydantic's own validator and serialiser.
"""

from __future__ import annotations

import datetime
import decimal
import inspect
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from pydantic import BaseModel
from pydantic_core import SchemaSerializer, to_json

from ..schema import keys_of

__all__ = ["FieldNode", "Node", "ResponseSchema", "read_schema"]

_Schema = Mapping[str, Any]


class _Unknown(Exception):
    """A schema with a part that only Pydantic knows how to write."""


@dataclass(slots=True)
class FieldNode:
    """A field of a model."""

    name: str
    keys: list[str]  # under which it is looked for in a dict, in this order
    output_key: str
    node: int
    has_default: bool = False
    default: Any = None  # written as it is: defaults are not validated
    excluded: bool = False


@dataclass(slots=True)
class Node:
    """One node; which attributes count depends on its ``kind``, see ``Kind`` in response_writer.hpp."""

    kind: str
    #: Whether what is not validated yet can be written; else only what is part of a model's instance.
    checks: bool = True
    item: int | None = None
    members: list[int] = field(default_factory=list)  # of a union
    cls: type | None = None
    fields: list[FieldNode] = field(default_factory=list)
    forbids_extra: bool = False
    least: float | None = None  # of a number, or of a length
    most: float | None = None
    above: float | None = None
    below: float | None = None
    choices: dict[Any, str] = field(default_factory=dict)  # members of an Enum, with their JSON
    values: dict[str, str] = field(default_factory=dict)  # of a Literal; those by which members are found


@dataclass(slots=True)
class ResponseSchema:
    """The nodes, the first of which is the response's, and how FastAPI has them written."""

    nodes: list[Node]
    python_floats: bool  # as json.dumps() writes them, not as Pydantic
    exponents: bool  # whether the native writer knows how those are written that need an exponent
    exclude_unset: bool
    exclude_none: bool


def read_schema(schema: Any, keywords: Mapping[str, Any], *, python_floats: bool) -> ResponseSchema | None:
    """The schema of a response field, which FastAPI serialises with ``keywords``; None where it is Pydantic's alone."""
    if not isinstance(schema, Mapping) or keywords.keys() - {"by_alias", "exclude_unset", "exclude_none"}:
        return None
    reader = _Reader(bool(keywords.get("by_alias", True)))
    try:
        reader.read_root(schema)
    except (_Unknown, KeyError, TypeError, ValueError):  # a schema of another release may be anything
        return None
    return ResponseSchema(
        reader.nodes,
        python_floats,
        python_floats or _WRITES_EXPONENTS,
        bool(keywords.get("exclude_unset")),
        bool(keywords.get("exclude_none")),
    )


# Pydantic's own writer of floats has been another before 2.13.
_WRITES_EXPONENTS = to_json([1e22, 1e16, 1e-5, 1e-6]) == b"[1e+22,1e+16,0.00001,1e-6]"

# Keys that change neither what a value becomes nor how it is written.
_NEUTRAL = {"type", "ref", "metadata"}

# Settings that a model may have; those of validation alone make what is no instance Pydantic's.
_NEUTRAL_CONFIG = {
    "title",
    "from_attributes",
    "loc_by_alias",
    "hide_input_in_errors",
    "validation_error_cause",
    "cache_strings",
    "serialize_by_alias",
    "regex_engine",
    "allow_inf_nan",  # what is not finite is always Pydantic's, and so is a timedelta, and bytes
    "ser_json_inf_nan",
    "ser_json_timedelta",
    "ser_json_bytes",
    "coerce_numbers_to_str",
    "val_json_bytes",
    "url_preserve_empty_path",
    "extra_fields_behavior",
    "validate_by_alias",
    "validate_by_name",
    "populate_by_name",
    "frozen",
}
_CHECKING_CONFIG = {
    "strict",
    "validate_default",
    "str_max_length",
    "str_min_length",
    "str_strip_whitespace",
    "str_to_lower",
    "str_to_upper",
}
_DEFAULT_CONFIG: dict[str, Any] = {
    "revalidate_instances": "never",
    "ser_json_temporal": "iso8601",
    "polymorphic_serialization": False,
}

_BOUNDS = {"ge": "least", "le": "most", "gt": "above", "lt": "below"}
_LARGEST_EXACT = 2**53  # integers up to here are the same as doubles


class _Reader:
    def __init__(self, by_alias: bool) -> None:
        self.nodes: list[Node] = []
        self._by_alias = by_alias
        self._definitions: dict[str, _Schema] = {}
        self._known: dict[str, int] = {}  # nodes by reference

    def read_root(self, schema: _Schema) -> None:
        if schema["type"] == "definitions":
            self._definitions = {definition["ref"]: definition for definition in schema["definitions"]}
            schema = schema["schema"]
        self._node(schema, True)

    def _node(self, schema: _Schema, checks: bool) -> int:
        """The index of the node; ``checks``: the settings around it are no rules of their own."""
        kind = schema["type"]
        if kind == "definition-ref":
            return self._by_reference(schema["schema_ref"], checks)
        read = _READERS.get(kind)
        if read is None:
            raise _Unknown(kind)
        index = len(self.nodes)
        node = Node(kind, checks=checks)
        self.nodes.append(node)
        read(self, node, schema)
        return index

    def _by_reference(self, reference: str, checks: bool) -> int:
        name = f"{reference} {checks}"
        if name not in self._known:
            self._known[name] = len(self.nodes)
            if self._node(self._definitions[reference], checks) != self._known[name]:
                raise _Unknown("a reference to a reference")
        return self._known[name]

    @staticmethod
    def _only(schema: _Schema, *known: str) -> None:
        """What a node says beyond ``known`` is not guessed at."""
        for key, value in schema.items():
            if key not in known and key not in _NEUTRAL and value is not None:
                raise _Unknown(key)

    @staticmethod
    def _strict(node: Node, schema: _Schema) -> None:
        if schema.get("strict"):
            node.checks = False

    # --- scalars ---

    def _plain(self, node: Node, schema: _Schema) -> None:
        self._only(schema, "strict")
        self._strict(node, schema)

    def _number(self, node: Node, schema: _Schema) -> None:
        self._only(schema, "strict", "allow_inf_nan", "multiple_of", *_BOUNDS)
        self._strict(node, schema)
        if schema.get("multiple_of") is not None:
            node.checks = False
        for key, attribute in _BOUNDS.items():
            bound = schema.get(key)
            if bound is None:
                continue
            if type(bound) not in (int, float) or abs(bound) > _LARGEST_EXACT:
                node.checks = False
            else:
                setattr(node, attribute, float(bound))

    def _str(self, node: Node, schema: _Schema) -> None:
        rules = ("pattern", "strip_whitespace", "to_lower", "to_upper")
        self._only(schema, "strict", "min_length", "max_length", "regex_engine", "coerce_numbers_to_str", *rules)
        if any(schema.get(rule) for rule in rules):
            node.checks = False
        self._lengths(node, schema)

    @staticmethod
    def _lengths(node: Node, schema: _Schema) -> None:
        node.least, node.most = schema.get("min_length"), schema.get("max_length")

    def _object(self, node: Node, schema: _Schema) -> None:
        """A datetime, a date, a UUID, a Decimal: with any rule of its own it is written of instances alone."""
        node.cls = {
            "datetime": datetime.datetime,
            "date": datetime.date,
            "uuid": uuid.UUID,
            "decimal": decimal.Decimal,
        }[node.kind]
        if "serialization" in schema:
            raise _Unknown("serialization")
        defaults = {"microseconds_precision": "truncate", "allow_inf_nan": False, "strict": False}
        for key, value in schema.items():
            if key not in _NEUTRAL and value is not None and value != defaults.get(key):
                node.checks = False

    def _literal(self, node: Node, schema: _Schema) -> None:
        self._only(schema, "expected")
        for value in schema["expected"]:
            if type(value) is not str:
                raise _Unknown("a Literal of others than str")
            node.values[value] = _json_of(schema, value)

    def _enum(self, node: Node, schema: _Schema) -> None:
        self._only(schema, "cls", "members", "sub_type", "strict", "missing")
        cls: type[Enum] = schema["cls"]
        node.cls = cls
        self._strict(node, schema)
        for member in schema["members"]:
            if type(member) is not cls or type(member.value) not in (str, int):
                raise _Unknown("an Enum of others than str and int")
            node.choices[member] = _json_of(schema, member)
            if type(member.value) is str:
                node.values[member.value] = node.choices[member]

    # --- containers ---

    def _nullable(self, node: Node, schema: _Schema) -> None:
        self._only(schema, "schema", "strict")
        node.item = self._node(schema["schema"], node.checks)

    def _list(self, node: Node, schema: _Schema) -> None:
        self._only(schema, "items_schema", "min_length", "max_length", "fail_fast", "strict")
        self._lengths(node, schema)
        node.item = self._node(schema.get("items_schema") or {"type": "any"}, node.checks)

    def _set(self, node: Node, schema: _Schema) -> None:
        """Of an instance alone: validation makes another set, whose order may be another."""
        self._only(schema, "items_schema", "min_length", "max_length", "fail_fast", "strict")
        node.checks = False
        node.item = self._node(schema.get("items_schema") or {"type": "any"}, False)

    def _union(self, node: Node, schema: _Schema) -> None:
        """Of types that a value has exactly or not at all, so that it does not matter which is tried first."""
        self._only(schema, "choices", "mode", "strict", "auto_collapse", "custom_error_type")
        if schema.get("mode", "smart") != "smart" or schema.get("strict"):
            node.checks = False
        for choice in schema["choices"]:
            if not isinstance(choice, Mapping) or choice["type"] not in _CHOICES:
                raise _Unknown("a union of others")
            node.members.append(self._node(choice, node.checks))

    def _dict(self, node: Node, schema: _Schema) -> None:
        self._only(schema, "keys_schema", "values_schema", "min_length", "max_length", "strict")
        keys = schema.get("keys_schema") or {"type": "any"}
        if keys["type"] not in ("str", "any"):
            raise _Unknown("keys that are no str")
        self._only(keys)
        self._lengths(node, schema)
        node.item = self._node(schema.get("values_schema") or {"type": "any"}, node.checks)

    def _function(self, node: Node, schema: _Schema) -> None:
        """A validator: what it makes of a value is its own, but of a model's instance it is not asked again."""
        self._only(schema, "function", "schema", "field_name", "json_schema_input_schema")
        node.checks = False
        node.item = self._node(schema["schema"], False)

    # --- models ---

    def _model(self, node: Node, schema: _Schema) -> None:
        self._only(
            schema, "cls", "schema", "config", "generic_origin", "frozen", "custom_init", "root_model", "post_init",
            "strict", "revalidate_instances", "extra_behavior",
        )  # fmt: skip
        cls: type[BaseModel] = schema["cls"]
        if schema.get("root_model") or schema.get("revalidate_instances") not in (None, "never"):
            raise _Unknown("a RootModel, or instances that are validated again")
        own = inspect.getattr_static(cls, "__pydantic_fields_set__", None)
        if own is not BaseModel.__dict__["__pydantic_fields_set__"]:
            raise _Unknown("a class that keeps its fields elsewhere")
        node.cls = cls
        config: _Schema = schema.get("config") or {}
        plain = self._read_config(config)
        if schema.get("custom_init") or schema.get("post_init") or schema.get("strict") or not plain:
            node.checks = False
        self._model_fields(node, schema, config, plain)

    def _model_fields(self, node: Node, model: _Schema, config: _Schema, plain: bool) -> None:
        schema: _Schema = model["schema"]
        while schema["type"] in _FUNCTIONS:  # validators of what is no instance yet
            self._only(schema, "function", "schema", "field_name", "json_schema_input_schema")
            node.checks = False
            schema = schema["schema"]
        if schema["type"] != "model-fields" or schema.get("computed_fields"):
            raise _Unknown("computed fields")
        self._only(schema, "fields", "model_name", "computed_fields", "from_attributes", "extra_behavior")
        extra = (
            schema.get("extra_behavior")
            or model.get("extra_behavior")
            or config.get("extra_fields_behavior")
            or "ignore"
        )
        if extra == "allow":
            raise _Unknown("members that are no fields")
        node.forbids_extra = extra == "forbid"
        node.fields = [self._field(node, name, part, config, plain) for name, part in schema["fields"].items()]

    @staticmethod
    def _read_config(config: _Schema) -> bool:
        """Whether the settings have no rules of their own."""
        for key, value in config.items():
            if key in _DEFAULT_CONFIG:
                if value not in (None, _DEFAULT_CONFIG[key]):
                    raise _Unknown(key)
            elif key not in _NEUTRAL_CONFIG and key not in _CHECKING_CONFIG:
                raise _Unknown(key)
        return not any(config.get(key) for key in _CHECKING_CONFIG)

    def _field(self, model: Node, name: str, schema: _Schema, config: _Schema, plain: bool) -> FieldNode:
        self._only(schema, "schema", "validation_alias", "serialization_alias", "serialization_exclude", "frozen")
        keys = keys_of(name, schema.get("validation_alias"), config)
        if keys is None:
            model.checks = False
        output = (schema.get("serialization_alias") or name) if self._by_alias else name
        inner: _Schema = schema["schema"]
        made = FieldNode(name, keys or [], output, 0, excluded=bool(schema.get("serialization_exclude")))
        if inner["type"] == "default":
            self._default(model, made, inner)
            inner = inner["schema"]
        made.node = self._node(inner, plain)
        return made

    def _default(self, model: Node, made: FieldNode, schema: _Schema) -> None:
        self._only(
            schema, "schema", "default", "default_factory", "default_factory_takes_data", "copy_default", "on_error",
            "validate_default", "strict",
        )  # fmt: skip
        if schema.get("on_error", "raise") != "raise" or schema.get("validate_default"):
            model.checks = False
        factory = schema.get("default_factory")
        if factory is None:
            made.has_default, made.default = True, schema["default"]
        elif factory in (list, dict):
            made.has_default, made.default = True, factory()
        else:
            model.checks = False  # its code is the application's


def _json_of(schema: _Schema, value: Any) -> str:
    plain = {key: part for key, part in schema.items() if key != "ref"}
    return SchemaSerializer(plain).to_json(value).decode()


_CHOICES = {
    "none", "bool", "int", "float", "str", "datetime", "uuid", "decimal", "literal", "enum", "list", "dict", "model",
    "nullable", "definition-ref",
}  # fmt: skip
_FUNCTIONS = ("function-before", "function-after", "function-wrap")
_READERS: dict[str, Callable[[_Reader, Node, _Schema], None]] = {
    **dict.fromkeys(("bool", "none", "any"), _Reader._plain),
    **dict.fromkeys(("int", "float"), _Reader._number),
    **dict.fromkeys(("datetime", "date", "uuid", "decimal"), _Reader._object),
    **dict.fromkeys(_FUNCTIONS, _Reader._function),
    "str": _Reader._str,
    "literal": _Reader._literal,
    "enum": _Reader._enum,
    "nullable": _Reader._nullable,
    "list": _Reader._list,
    "set": _Reader._set,
    "union": _Reader._union,
    "dict": _Reader._dict,
    "model": _Reader._model,
}
