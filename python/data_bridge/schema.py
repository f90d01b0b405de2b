"""Export of a Pydantic model to the neutral text that the native validators are compiled from.

The text is JSON::

    {"version": 1,
     "dialect": {"trailing_comma_message": bool, "max_depth": int,    # how this Python reads JSON
                 "floats": "pydantic" | "plain-exponents" | "repr",   # how they are written
                 "null_is_missing": bool,                             # how this FastAPI takes a body of null
                 "untyped_is_json": bool,                             # and one without a Content-Type
                 "digit_zeros": [int],                                # where digits begin in this Python's Unicode
                 "unprintable": [[int, int]]},                        # ranges of what its repr() escapes
     "definitions": {"0": NODE, ...},                                  # shared and recursive schemas
     "schema": NODE}

A NODE is ``{"type": ...}`` with the constraints of Pydantic's core schema, the model's configuration
already folded in: ``int float str bool none any datetime date time timedelta decimal bytes uuid literal enum nullable
list tuple tuple-of set frozenset dict union tagged-union ref model``.
Only what the native core does exactly like Pydantic is exported as such; everything else becomes ``opaque``,
which has the kind of a column and no validation, and is a reason for operations to go through Python. Some of it has a
``plain`` form, and dates a ``now``: values by which it is certain what Pydantic makes of them. A request with another
value goes through Python.
"""

from __future__ import annotations

import contextlib
import decimal
import json
import operator
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, SchemaSerializer, SchemaValidator, ValidationError

from data_bridge._core import check_pattern
from data_bridge.default_factories import is_of_constants, native_factory
from data_bridge.dialect import NULL_IS_ABSENT, UNTYPED_IS_JSON
from data_bridge.plain_values import (
    is_of_emails,
    is_of_urls,
    length_limit,
    plain_addresses,
    plain_emails,
    plain_paths,
    plain_urls,
)
from data_bridge.schema_dialect import (
    bound_in_words,
    decimal_digits_are_exact,
    dict_ends_early,
    digit_zeros,
    extra_is_set,
    float_style,
    is_known,
    literals_are_equal,
    unions_are_known,
    unix_times_are_mirrored,
    unix_times_have_exponents,
    unprintable_ranges,
    uuid_words,
    words_of_tags,
)

__all__ = [
    "NO_SCHEMA",
    "Exported",
    "Reasons",
    "Unsupported",
    "export_item",
    "export_model",
    "is_pydantics_own",
    "is_secret",
    "keys_of",
    "parts_of",
]

_Schema = Mapping[str, Any]
_Node = dict[str, Any]

# Nested containers that json.loads reads below FastAPI before RecursionError (measured; they depend a
# little on the depth of the calling stack).
_MAX_DEPTH = {(3, 11): 962, (3, 12): 1492}
_MAX_DEPTH_LATER = 9993

# Keys that do not change how a value out of JSON is validated or written.
_NEUTRAL = {"type", "ref", "metadata"}

# Settings without effect here: on instances and attributes, on the text of exceptions, on speed; those of bytes are
# looked at where there are bytes. `serialize_by_alias`: FastAPI always passes by_alias=True.
_NEUTRAL_CONFIG = {
    "title",
    "typed_dict_total",
    "from_attributes",
    "revalidate_instances",
    "ser_json_bytes",
    "val_json_bytes",
    "hide_input_in_errors",
    "validation_error_cause",
    "cache_strings",
    "serialize_by_alias",
    "polymorphic_serialization",
    "url_preserve_empty_path",
}
_KNOWN_CONFIG = {
    "strict",
    "extra_fields_behavior",
    "loc_by_alias",
    "str_max_length",
    "str_min_length",
    "str_strip_whitespace",
    "str_to_lower",
    "str_to_upper",
    "allow_inf_nan",
    "validate_by_alias",
    "validate_by_name",
}
# Settings that are understood only at their default.
_DEFAULT_CONFIG: dict[str, Any] = {
    "validate_default": False,
    "ser_json_timedelta": "iso8601",
    "ser_json_temporal": "iso8601",
    "ser_json_inf_nan": "null",
    "coerce_numbers_to_str": False,
    "regex_engine": "rust-regex",
}


_BOUNDS = {"le", "lt", "ge", "gt"}
# What JSON mode always writes as a string.
_WRITTEN_AS_TEXT = {"decimal", "date", "time", "timedelta", "bytes", "url", "multi-host-url"}
_SCALARS = {
    "int",
    "float",
    "str",
    "bool",
    "datetime",
    "date",
    "time",
    "timedelta",
    "decimal",
    "bytes",
    "uuid",
    "literal",
    "enum",
}
# What the keys of a dict may be: where values are equal, they are written alike.
_KEYS = {"str", "any", "int", "date", "uuid", "literal", "enum"}
# What sets may hold: the hashes are others in each process, so that no order of a set is the right one; and where
# values are equal, they are written alike.
_SET_ITEMS = {"str", "bytes", "date", "literal", "enum"}
_NEVER_NONE = {"dict", "tuple", "set", "frozenset", "typed-dict", "dataclass", "generator", "list"}
_FIELDS = {"model-field", "typed-dict-field", "dataclass-field"}


# Stands for a type in which Python has to validate something.
_ANYTHING: _Node = {"type": "opaque", "kind": "json", "nullable": True}

# What the values of a plain form are.
_PLAIN_TYPES = {"email": "an address", "url": "a URL", "address": "an IP address", "path": "a path"}

# kMaxDivisorDigits of the core.
_MAX_DIVISOR_DIGITS = 18


def _has_default_decimal_context() -> bool:
    """Pydantic divides in the context of its thread."""
    context, default = decimal.getcontext(), decimal.Context(prec=28, rounding=decimal.ROUND_HALF_EVEN)
    return all(getattr(context, name) == getattr(default, name) for name in ("prec", "rounding", "Emin", "Emax"))


def _name_of(function: Any) -> str:
    return str(getattr(function, "__qualname__", repr(function)))


class Unsupported(ValueError):
    """A model has parts that need Python.

    `reasons` lists them as (field, reason); a field of a nested model is written with dots.
    """

    def __init__(self, model: type[BaseModel], reasons: list[tuple[str, str]]) -> None:
        self.model = model
        self.reasons = reasons
        listing = "; ".join(f"{field}: {reason}" if field else reason for field, reason in reasons)
        super().__init__(f"{model.__name__} cannot be validated natively: {listing}")


Reasons = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Exported:
    """A model for the native core, and what of it needs Python, as (field, reason).

    `inputs`: why what clients send has to be validated by Python. `outputs`: why what is stored is not what is
    answered, so that answers have to be written by Python; then fields are stored under their names. `hidden`: the
    fields that answers go without, where the native core writes them. `doubts`: of which values Python has to say
    whether they are valid.
    """

    text: str
    inputs: Reasons
    outputs: Reasons
    hidden: Sequence[str] = ()
    doubts: Sequence[tuple[str, str]] = ()


def export_model(model: type[BaseModel], *, is_of_conditions: bool = False) -> str:
    """The schema of `model` as text for `data_bridge._core.SchemaModel`.

    Completes the model first, where its annotations name classes defined later. `is_of_conditions`: no FastAPI has a
    say in what its values may be, so that they are the native core's whatever the installed Pydantic does. Raises
    `Unsupported`.
    """
    _complete(model)
    exporter = _Exporter(model, any_release=is_of_conditions)
    text = exporter.export()
    if reasons := list(dict.fromkeys([*exporter.inputs, *exporter.outputs, *exporter.excluded])):
        raise Unsupported(model, reasons)
    return text


def export_item(model: type[BaseModel], *, may_doubt: bool = False) -> Exported:
    """The same for what is stored, with stand-ins for what needs Python. `may_doubt`: types of which Python has to
    validate only some values are doubts, and no reasons."""
    _complete(model)
    exporter = _Exporter(model, may_doubt=may_doubt)
    text = exporter.export()
    outputs = [*exporter.outputs, *exporter.renamed]
    if may_doubt and exporter.doubts and (exporter.inputs or outputs):  # Python validates all of it anyway
        return export_item(model)
    if outputs:
        text = _Exporter(model, by_name=True).export()
        return Exported(text, exporter.inputs, [*outputs, *exporter.excluded])
    return Exported(text, exporter.inputs, [], [name for name, _ in exporter.excluded], exporter.doubts)


def _complete(model: type[BaseModel]) -> None:
    if not model.__pydantic_complete__:
        model.model_rebuild()


# Keys of a core schema under which no schema stands; a default may be a dict that looks like one.
NO_SCHEMA = {"metadata", "default", "cls", "members", "expected", "function", "ref", "schema_ref", "serialization"}


def parts_of(schema: Any) -> Iterator[Any]:
    """What a core schema, or a list of them, is made of."""
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if key in ("fields", "choices") and isinstance(value, Mapping):  # by name, by tag
                yield from value.values()
            elif key not in NO_SCHEMA:
                yield value
    elif isinstance(schema, list | tuple):
        yield from schema


def is_pydantics_own(function: Any) -> bool:
    """Whether a validator or serialiser belongs to one of Pydantic's types, and is no user's."""
    function = getattr(function, "__func__", function)
    return str(getattr(function, "__module__", "")).split(".")[0] in ("pydantic", "pydantic_core")


def keys_of(name: str, alias: Any, config: _Schema) -> list[str] | None:
    """The keys under which a field is looked for in a dict, in order; None where it is looked for deeper.

    `config`: of its model. `populate_by_name` is what `validate_by_name` was called before Pydantic 2.11.
    """
    if alias is None or not config.get("validate_by_alias", True):
        return [name]
    if isinstance(alias, str):
        keys = [alias]
    else:
        paths = alias if alias and isinstance(alias[0], list) else [alias]
        if any(len(path) != 1 or not isinstance(path[0], str) for path in paths):
            return None
        keys = [path[0] for path in paths]
    by_name = config.get("validate_by_name") or config.get("populate_by_name")
    return [*keys, name] if by_name and name not in keys else keys


def is_secret(serialiser: Any) -> bool:
    """Whether it masks a secret: `_serialize_secret`, before Pydantic 2.10 a function in `_SecretField`."""
    return is_pydantics_own(serialiser) and "secret" in _name_of(serialiser).lower()


def _follows_strictness(schema: Any) -> bool:
    """Whether a strict union makes of its member what a strict configuration makes of it."""
    if isinstance(schema, Mapping) and (
        schema.get("type") in ("model", "definition-ref", "tagged-union") or schema.get("strict") is False
    ):
        return False
    return all(map(_follows_strictness, parts_of(schema)))


def _only_validates(model: type[BaseModel]) -> bool:
    """Whether ``__init__`` is that of `SQLModel`, which does what Pydantic's does where there is no table."""
    constructor: Any = model.__init__
    place = getattr(constructor, "__module__", ""), getattr(constructor, "__qualname__", "")
    return place == ("sqlmodel.main", "SQLModel.__init__") and model.model_config.get("table") is not True


def _settings_of(kind: str) -> _Node:
    """What the native node of a `kind` is told of the installed Pydantic."""
    settings: _Node = {"exponents": unix_times_have_exponents()} if kind in ("date", "datetime") else {}
    return {**settings, "mirrored": unix_times_are_mirrored()} if kind == "datetime" else settings


class _Exporter:
    def __init__(
        self, model: type[BaseModel], *, by_name: bool = False, any_release: bool = False, may_doubt: bool = False
    ) -> None:
        self._root = model
        self._may_doubt = may_doubt
        #: Types of which only some values need Python, which then says what is valid.
        self.doubts: Reasons = []
        self._by_name = by_name
        self._any_release = any_release
        self.inputs: Reasons = []
        self.outputs: Reasons = []
        #: Fields of the model itself that are not answered. What a write has of them is Python's to keep.
        self.excluded: Reasons = []
        # A nested item is stored as it is answered, and must be readable again when it is patched.
        self.renamed: Reasons = []
        self._is_recursive = False  # the model occurs within itself
        self._has_decimals = False
        self._has_tags = False
        self._definitions: list[_Schema] = []
        # The references of a core schema hold addresses; numbers make the text the same in every process.
        self._names: dict[str, str] = {}

    def export(self) -> str:
        schema: _Schema = self._root.__pydantic_core_schema__
        if schema["type"] == "definitions":
            self._definitions = schema["definitions"]
            self._names = {definition["ref"]: str(i) for i, definition in enumerate(self._definitions)}
            schema = schema["schema"]
        self._is_recursive = schema["type"] == "definition-ref"
        with self._without_doubts():  # a union may refer to them
            definitions = {
                self._names[definition["ref"]]: self._node(definition, {}, self._title(definition))
                for definition in self._definitions
            }
        root = self._node(schema, {}, "")
        version = sys.version_info[:2]
        spec = {
            "version": 1,
            "dialect": {
                "trailing_comma_message": version >= (3, 13),
                "max_depth": _MAX_DEPTH.get(version, _MAX_DEPTH_LATER),
                "null_is_missing": NULL_IS_ABSENT,
                "untyped_is_json": UNTYPED_IS_JSON,
                "floats": float_style(),
                **({"digit_zeros": digit_zeros()} if self._has_decimals else {}),
                **({"unprintable": unprintable_ranges()} if self._has_tags else {}),
            },
            "definitions": definitions,
            "schema": root,
        }
        return json.dumps(spec, ensure_ascii=False, separators=(",", ":"))

    def _title(self, definition: _Schema) -> str:
        while definition["type"].startswith("function-") and "schema" in definition:
            definition = definition["schema"]
        cls = definition.get("cls")
        return "" if cls is self._root or cls is None else cls.__qualname__

    # --- reasons ------------------------------------------------------------------------------------

    def _refuse(self, where: str, reason: str, kind: str = "json", nullable: bool | None = None) -> _Node:
        """A stand-in for what Python has to validate. `nullable`: it may be None for all that is known."""
        if (where, reason) not in self.inputs:
            self.inputs.append((where, reason))
        return {"type": "opaque", "kind": kind, "nullable": kind == "json" if nullable is None else nullable}

    def _refuse_output(self, where: str, reason: str) -> None:
        if (where, reason) not in self.outputs:
            self.outputs.append((where, reason))

    def _refuse_others(self, schema: _Schema, known: set[str], where: str) -> bool:
        """What a node says beyond `known` is not guessed at. True where there is nothing."""
        refused = False
        for key in schema.keys() - known - _NEUTRAL:
            if key == "serialization":
                refused = self._serialization(schema[key], where) or refused
            else:
                self._refuse(where, f"`{key}` of a Pydantic `{schema['type']}`")
                refused = True
        return not refused

    def _serialization(self, serialization: _Schema, where: str) -> bool:
        """True where what is written is another thing than the value."""
        function = serialization.get("function")
        if function is not None and is_pydantics_own(function) and not is_secret(function):
            return False  # how a type of Pydantic's is written, which is how it is stored
        if function is None and serialization["type"] in (
            "to-string",
            "include-exclude-sequence",
            "include-exclude-dict",
        ):
            return False
        self._refuse_output(where, "a secret" if is_secret(function) else "a custom serialiser")
        return True

    # --- nodes --------------------------------------------------------------------------------------

    def _node(self, schema: _Schema, config: _Schema, where: str) -> _Node:
        kind: str = schema["type"]
        export = _EXPORTERS.get(kind)
        if export is not None:
            return export(self, schema, config, where)
        if (enumeration := self._enumeration(schema)) is not None:
            return self._node(enumeration, config, where)
        if kind.startswith("function-"):
            if "serialization" in schema:
                self._serialization(schema["serialization"], where)
            if (plain := self._plain_form(schema, config)) is not None:
                return self._doubted(schema, config, where, plain)
            node = self._refuse(where, f"the validator function {_name_of(schema['function']['function'])}")
            if "schema" in schema and "serialization" not in schema:
                node["inner"] = self._node(schema["schema"], config, where)
                node["nullable"] = kind != "function-after"  # what is before may turn null into something
            return node
        if kind in ("default", "model-fields"):  # below a function: what is outermost is read with the field
            node = self._refuse(where, f"the type `{kind}`")
            if kind == "default":
                node["inner"] = self._node(schema["schema"], config, where)
            return node
        self._look_into(schema, where)
        if kind == "lax-or-strict" and (plain := self._plain_form(schema, config)) is not None:
            return self._doubted(schema, config, where, plain)
        if kind in _WRITTEN_AS_TEXT and config.get("ser_json_" + kind, "iso8601") == config.get(
            "ser_json_temporal", "iso8601"
        ):
            return self._refuse(where, f"the type `{kind}`", "text")
        return {**self._refuse(where, f"the type `{kind}`"), "nullable": kind not in _NEVER_NONE}

    def _enumeration(self, schema: _Schema) -> _Schema | None:
        """What takes the members whose values the setting `use_enum_values` puts in their place: as such they are
        written anyway."""
        if schema["type"] != "function-after":
            return None
        inner, function = schema["schema"], schema["function"]["function"]
        if inner["type"] == "definition-ref":
            inner = next(each for each in self._definitions if each["ref"] == inner["schema_ref"])
        if inner["type"] == "enum" and isinstance(function, operator.attrgetter):
            return inner if function.__reduce__()[1] == ("value",) else None
        is_of_literal = _name_of(function).startswith("GenerateSchema._literal_schema.") and is_pydantics_own(function)
        return inner if inner["type"] == "literal" and is_of_literal else None

    def _doubt(self, where: str, reason: str) -> None:
        if (where, reason) not in self.doubts:
            self.doubts.append((where, reason))

    @contextlib.contextmanager
    def _without_doubts(self) -> Iterator[None]:
        """Where more than whether a value is valid depends on it: which member of a union takes it."""
        before, self._may_doubt = self._may_doubt, False
        try:
            yield
        finally:
            self._may_doubt = before

    def _plain_form(self, schema: _Schema, config: _Schema) -> _Node | None:
        """What the native core knows of the values of a type that is Python's; None where that is nothing."""
        if not self._may_doubt:
            return None
        if schema["type"] in ("lax-or-strict", "function-plain"):
            if self._strict(schema, config):
                return None
            return plain_addresses(schema) or plain_paths(schema)
        function = schema["function"]["function"]
        if (limit := length_limit(function)) and schema["schema"]["type"].startswith("function-"):
            inner = self._plain_form(schema["schema"], config)
            return inner if inner is None or not limit.keys().isdisjoint(inner) else {**inner, **limit}
        if schema["type"] == "function-after" and is_of_emails(function):
            return plain_emails()
        if schema["type"] == "function-wrap" and is_of_urls(function):
            return plain_urls(schema, config)
        return None

    def _doubted(self, schema: _Schema, config: _Schema, where: str, plain: _Node) -> _Node:
        """The same as a type that is a reason, where that has such a form."""
        self._doubt(where, f"{_PLAIN_TYPES[plain['type']]} that is not plain")
        is_url = "serialization" in schema
        node: _Node = {"type": "opaque", "kind": "json", "nullable": is_url, "plain": plain}
        if is_url:
            return node
        if length_limit(schema["function"]["function"]):
            inner = self._doubted(schema["schema"], config, where, plain)
            del inner["plain"]
        else:
            inner = self._node(schema["schema"], config, where)
        return {**node, "inner": inner}

    def _now(self, schema: _Schema, where: str) -> _Node:
        """That a date has to be past or to come. The native core knows where that is certain."""
        if "now_op" not in schema:
            return {}
        if not self._may_doubt:
            self._refuse(where, f"`now_op` of a Pydantic `{schema['type']}`")
            return {}
        self._doubt(where, f"a {schema['type']} that is not certainly in the {schema['now_op']}")
        return {"now": schema["now_op"]}

    def _look_into(self, schema: Any, where: str) -> None:
        """Find what is answered otherwise than it is stored inside of a type that has no node."""
        if isinstance(schema, Mapping):
            if "serialization" in schema:
                self._serialization(schema["serialization"], where)
            if schema.get("computed_fields"):
                self._refuse_output(where, "computed fields")
            if schema.get("type") == "model":
                for setting, value in schema.get("config", {}).items():
                    if setting.startswith("ser_json_") and value != _DEFAULT_CONFIG.get(setting, value):
                        self._refuse_output(where, f"the setting `{setting}`")
            if schema.get("type") in _FIELDS:
                if schema.get("serialization_exclude") or schema.get("serialization_exclude_if"):
                    self._refuse_output(where, "a field that is excluded")
                if schema.get("serialization_alias") != schema.get("validation_alias"):
                    self.renamed.append((where, "read under another name than it is written under"))
        for part in parts_of(schema):
            self._look_into(part, where)

    @staticmethod
    def _strict(schema: _Schema, config: _Schema) -> bool:
        return bool(schema.get("strict", config.get("strict", False)))

    def _int(self, schema: _Schema, config: _Schema, where: str) -> _Node:
        bounds = {"multiple_of", "le", "lt", "ge", "gt"}
        self._refuse_others(schema, bounds | {"strict"}, where)
        node: _Node = {"type": "int", "strict": self._strict(schema, config)}
        for key in bounds & schema.keys():
            if type(schema[key]) is not int:
                return self._refuse(where, f"`{key}` is not an int")
            node[key] = schema[key]
        if not 0 < node.get("multiple_of", 1) < 2**63:
            return self._refuse(where, "`multiple_of` outside 1 .. 2**63-1")
        return node

    def _float(self, schema: _Schema, config: _Schema, where: str) -> _Node:
        bounds = {"multiple_of", "le", "lt", "ge", "gt"}
        self._refuse_others(schema, bounds | {"strict", "allow_inf_nan"}, where)
        if config.get("ser_json_inf_nan", "null") != "null":
            return self._refuse(where, "the setting `ser_json_inf_nan`")
        allow_inf_nan = schema.get("allow_inf_nan", config.get("allow_inf_nan", True))
        node: _Node = {"type": "float", "strict": self._strict(schema, config), "allow_inf_nan": bool(allow_inf_nan)}
        for key in bounds & schema.keys():
            node[key] = float(schema[key])
        if node.get("multiple_of", 1.0) <= 0:
            return self._refuse(where, "`multiple_of` that is not positive")
        return node

    def _str(self, schema: _Schema, config: _Schema, where: str) -> _Node:
        settings = ("min_length", "max_length", "strip_whitespace", "to_lower", "to_upper")
        self._refuse_others(schema, {*settings, "strict", "pattern", "regex_engine", "coerce_numbers_to_str"}, where)
        if schema.get("coerce_numbers_to_str"):
            return self._refuse(where, "`coerce_numbers_to_str`", "text")
        node: _Node = {"type": "str"}
        for key in settings:
            value = schema.get(key, config.get("str_" + key))
            if value is not None:
                node[key] = value
        pattern = schema.get("pattern")
        if pattern is not None:
            if not isinstance(pattern, str) or schema.get("regex_engine", "rust-regex") != "rust-regex":
                return self._refuse(where, "a pattern for Python's `re`", "text")
            if refusal := check_pattern(pattern):
                return self._refuse(where, f"the pattern {pattern!r}: {refusal}", "text")
            node["pattern"] = pattern
        return node

    def _bool(self, schema: _Schema, config: _Schema, where: str) -> _Node:
        self._refuse_others(schema, {"strict"}, where)
        return {"type": "bool", "strict": self._strict(schema, config)}

    def _none(self, schema: _Schema, config: _Schema, where: str) -> _Node:
        self._refuse_others(schema, set(), where)
        return {"type": "none"}

    def _any(self, schema: _Schema, config: _Schema, where: str) -> _Node:
        self._refuse_others(schema, set(), where)
        return {"type": "any"}

    def _datetime(self, schema: _Schema, config: _Schema, where: str) -> _Node:
        self._refuse_others(schema, {"strict", "microseconds_precision", "now_op", "tz_constraint"}, where)
        offset = schema.get("tz_constraint")
        if offset not in (None, "aware", "naive"):
            self._refuse(where, "`tz_constraint` of a Pydantic `datetime`")
        if config.get("ser_json_temporal", "iso8601") != "iso8601":
            return self._refuse(where, "the setting `ser_json_temporal`")
        if schema.get("microseconds_precision", "truncate") != "truncate":
            self._refuse(where, "`microseconds_precision` of a Pydantic `datetime`")
            return self._opaque_text("datetime", config)
        self._other_release("datetime", where)
        rules = self._now(schema, where)
        if offset in ("aware", "naive") and not self._any_release:  # a condition compares instants
            rules["offset"] = offset
        return {"type": "datetime", "strict": self._strict(schema, config), **_settings_of("datetime"), **rules}

    def _date(self, schema: _Schema, config: _Schema, where: str) -> _Node:
        self._refuse_others(schema, {"strict", "now_op", *_BOUNDS}, where)
        now = self._now(schema, where)
        if self._other_release("date", where) or self._other_temporal_text("date", config, where):
            return self._opaque_text("date", config)
        node = {"type": "date", "strict": self._strict(schema, config), **_settings_of("date")}
        return {**node, **self._bounds(schema), **now}

    def _time(self, schema: _Schema, config: _Schema, where: str) -> _Node:
        self._refuse_others(schema, {"strict", "microseconds_precision"}, where)
        if schema.get("microseconds_precision", "truncate") != "truncate":
            self._refuse(where, "`microseconds_precision` of a Pydantic `time`")
        if self._other_release("time", where) or self._other_temporal_text("time", config, where):
            return self._opaque_text("time", config)
        return {"type": "time", "strict": self._strict(schema, config)}

    def _timedelta(self, schema: _Schema, config: _Schema, where: str) -> _Node:
        self._refuse_others(schema, {"strict", "microseconds_precision", *_BOUNDS}, where)
        if schema.get("microseconds_precision", "truncate") != "truncate":
            self._refuse(where, "`microseconds_precision` of a Pydantic `timedelta`")
        if self._other_release("timedelta", where) or self._other_temporal_text("timedelta", config, where):
            return self._opaque_text("timedelta", config)
        return {"type": "timedelta", "strict": self._strict(schema, config), **self._bounds(schema)}

    def _bytes(self, schema: _Schema, config: _Schema, where: str) -> _Node:
        lengths = {"min_length", "max_length"}
        self._refuse_others(schema, {"strict", *lengths}, where)
        for setting in ("val_json_bytes", "ser_json_bytes"):
            if config.get(setting, "utf8") != "utf8":
                return self._refuse(where, f"the setting `{setting}`", "text")
        if self._other_release("bytes", where):
            return self._opaque_text("bytes", config)
        given = {key: schema[key] for key in lengths & schema.keys() if schema[key] is not None}
        return {"type": "bytes", "strict": self._strict(schema, config), **given}

    def _other_release(self, kind: str, where: str) -> bool:
        """Whether the installed Pydantic does otherwise than the native core knows; then that is a reason."""
        if self._any_release or is_known(kind):
            return False
        self._refuse(where, f"`{kind}` of this release of Pydantic")
        return True

    def _other_temporal_text(self, kind: str, config: _Schema, where: str) -> bool:
        other = self._writes_otherwise(kind, config)
        if other:
            self._refuse(where, "the setting `ser_json_temporal`")
        return other

    @staticmethod
    def _writes_otherwise(kind: str, config: _Schema) -> bool:
        return bool(config.get("ser_json_" + kind, config.get("ser_json_temporal", "iso8601")) != "iso8601")

    def _opaque_text(self, kind: str, config: _Schema) -> _Node:
        """What _refuse() gives, without a reason of its own. Its column is that of a `kind` that the core knows: what
        Python validates compares as what it is, too."""
        is_text = not self._writes_otherwise(kind, config)
        node: _Node = {"type": "opaque", "kind": "text" if is_text else "json", "nullable": not is_text}
        if is_text and kind != "bytes":
            node["inner"] = {"type": kind, "strict": False, **_settings_of(kind)}
            self._has_decimals = self._has_decimals or kind == "decimal"
        return node

    @staticmethod
    def _bounds(schema: _Schema) -> _Node:
        """Bounds of values that are no numbers of JSON, in Pydantic's words."""
        made: _Node = {}
        for key in _BOUNDS & schema.keys():
            display, context = bound_in_words(schema["type"], schema[key])
            value = SchemaSerializer({"type": schema["type"]}).to_python(schema[key], mode="json", warnings=False)
            made[key] = {"value": str(value), "display": display, "context": jsonable_encoder(context)}
        return made

    def _decimal(self, schema: _Schema, config: _Schema, where: str) -> _Node:
        counts = {"max_digits", "decimal_places"}
        self._refuse_others(schema, {"strict", "allow_inf_nan", "multiple_of", *counts, *_BOUNDS}, where)
        if schema.get("allow_inf_nan", config.get("allow_inf_nan", False)):
            return self._refuse(where, "a Decimal that may be infinite or NaN", "text")
        if self._other_release("decimal", where):
            return self._opaque_text("decimal", config)
        given = {key: schema[key] for key in counts & schema.keys() if schema[key] is not None}
        if (given or "multiple_of" in schema) and not (self._any_release or decimal_digits_are_exact()):
            self._refuse(where, "the digits of a Decimal in this release of Pydantic")
            return self._opaque_text("decimal", config)
        node = {"type": "decimal", "strict": self._strict(schema, config), **given, **self._bounds(schema)}
        if any(not decimal.Decimal(node[key]["value"]).is_finite() for key in _BOUNDS & node.keys()):
            self._refuse(where, "a bound that is infinite or NaN")
            return self._opaque_text("decimal", config)
        if "multiple_of" in schema:
            divisor = self._bounds({"type": "decimal", "lt": schema["multiple_of"]})["lt"]
            digits = decimal.Decimal(divisor["value"]).as_tuple().digits
            if not any(digits) or len(digits) > _MAX_DIVISOR_DIGITS or not _has_default_decimal_context():
                self._refuse(where, "a `multiple_of` that is too long, or in another decimal context")
                return self._opaque_text("decimal", config)
            node["multiple_of"] = divisor
        self._has_decimals = True
        return node

    def _uuid(self, schema: _Schema, config: _Schema, where: str) -> _Node:
        self._refuse_others(schema, {"strict", "version"}, where)
        words = uuid_words()
        if words is None:
            self._refuse(where, "how this release of Pydantic says what is no UUID")
            words = "current"
        node: _Node = {"type": "uuid", "strict": self._strict(schema, config), "words": words}
        if "version" in schema:
            node["version"] = schema["version"]
        return node

    def _literal(self, schema: _Schema, config: _Schema, where: str) -> _Node:
        self._refuse_others(schema, {"expected"}, where)
        values = [value for value in schema["expected"] if value is not None]
        if any(isinstance(value, Enum) for value in values):
            values = self._texts_of_members(schema, values)
        if not values or not self._are_simple(values):
            return self._refuse(where, "a Literal of other values than str, int, bool, None and members that are texts")
        if not literals_are_equal() and any(type(value) is not str for value in values):
            self._refuse(where, "how this release of Pydantic compares the values of a Literal")
        node: _Node = {"type": "literal", "values": values, "expected": self._expected(schema)}
        return {"type": "nullable", "schema": node} if None in schema["expected"] else node

    @staticmethod
    def _texts_of_members(schema: _Schema, values: list[Any]) -> list[Any]:
        """A Literal's values as what is sent, where some are members of an Enum; none where it does not take that."""
        sent = [value.value if isinstance(value, Enum) else value for value in values]
        validator = SchemaValidator({"type": "literal", "expected": schema["expected"]})
        are_taken = all(type(each) is str and validator.isinstance_python(each) for each in sent)
        return list(dict.fromkeys(sent)) if are_taken else []

    def _enum(self, schema: _Schema, config: _Schema, where: str) -> _Node:
        self._refuse_others(schema, {"cls", "members", "sub_type", "strict"}, where)
        cls: type[Enum] = schema["cls"]
        values = [member.value for member in schema["members"]]
        base = schema.get("sub_type", "plain")
        if base == "float" or not self._are_simple(values):
            return self._refuse(where, "an Enum of other values than str, int and bool")
        if getattr(cls._missing_, "__func__", None) is not Enum._missing_.__func__:  # type: ignore[attr-defined]
            return self._refuse(where, f"{cls.__qualname__}._missing_", self._kind_of(values))
        node: _Node = {"type": "enum", "values": values, "base": base, "expected": ""}
        if self._strict(schema, config):
            return {**node, "strict_class": cls.__name__}
        return {**node, "expected": self._expected(schema)}

    @staticmethod
    def _kind_of(values: list[Any]) -> str:
        return "text" if all(type(value) is str for value in values) else "json"

    @staticmethod
    def _are_simple(values: list[Any]) -> bool:
        return all(type(v) in (str, bool) or (type(v) is int and -(2**63) <= v < 2**63) for v in values)

    @staticmethod
    def _have_one_type(values: list[Any]) -> bool:
        """No two of them are equal and yet written in two ways, as 1 and True are."""
        return len({type(value) for value in values}) <= 1 and bool not in map(type, values)

    @staticmethod
    def _expected(schema: _Schema) -> str:
        """The choices as Pydantic itself words them."""
        try:
            SchemaValidator(schema).validate_python(object())
        except ValidationError as error:
            return str(error.errors()[0]["ctx"]["expected"])
        raise AssertionError("a bare object is no choice")

    def _nullable(self, schema: _Schema, config: _Schema, where: str) -> _Node:
        self._refuse_others(schema, {"schema", "strict"}, where)
        return {"type": "nullable", "schema": self._node(schema["schema"], config, where)}

    def _list(self, schema: _Schema, config: _Schema, where: str) -> _Node:
        limits = {"min_length", "max_length", "fail_fast"}
        self._refuse_others(schema, limits | {"items_schema", "strict"}, where)
        items = schema.get("items_schema", {"type": "any"})
        node: _Node = {"type": "list", "items": self._node(items, config, where + "[]")}
        node.update({key: schema[key] for key in limits & schema.keys() if schema[key] is not None})
        return node

    def _tuple(self, schema: _Schema, config: _Schema, where: str) -> _Node:
        limits = {"min_length", "max_length", "fail_fast"}
        self._refuse_others(schema, limits | {"items_schema", "variadic_item_index", "strict"}, where)
        items = [self._node(item, config, f"{where}[{place}]") for place, item in enumerate(schema["items_schema"])]
        given = {key: schema[key] for key in limits & schema.keys() if schema[key] is not None}
        strict = self._strict(schema, config)
        if "variadic_item_index" not in schema and not given:
            return {"type": "tuple", "strict": strict, "items": items}
        if schema.get("variadic_item_index") == 0 and len(items) == 1:
            return {"type": "tuple-of", "strict": strict, "items": items[0], **given}
        return self._refuse(where, "a tuple of a fixed and of a free part, or with limits", nullable=False)

    def _set(self, schema: _Schema, config: _Schema, where: str) -> _Node:
        limits = {"min_length", "max_length", "fail_fast"}
        self._refuse_others(schema, limits | {"items_schema", "strict"}, where)
        items = self._node(schema.get("items_schema", {"type": "any"}), config, where + "[]")
        if items["type"] not in _SET_ITEMS or any(type(value) is not str for value in items.get("values", [])):
            return self._refuse(where, f"the order of a Python {schema['type']} of such items", nullable=False)
        given = {key: schema[key] for key in limits & schema.keys() if schema[key] is not None}
        return {"type": schema["type"], "strict": self._strict(schema, config), "items": items, **given}

    def _dict(self, schema: _Schema, config: _Schema, where: str) -> _Node:
        limits = {"min_length", "max_length", "fail_fast"}
        self._refuse_others(schema, limits | {"keys_schema", "values_schema", "strict"}, where)
        keys = self._node(schema.get("keys_schema", {"type": "any"}), config, where + "[key]")
        values = self._node(schema.get("values_schema", {"type": "any"}), config, where + "[]")
        if keys["type"] not in _KEYS or not self._have_one_type(keys.get("values", [])):
            return self._refuse(where, "a dict with keys of a type that has no native form as a key", nullable=False)
        node: _Node = {"type": "dict", "keys": keys, "values": values, "ends_early": dict_ends_early()}
        node.update({key: schema[key] for key in limits & schema.keys() if schema[key] is not None})
        return node

    def _union(self, schema: _Schema, config: _Schema, where: str) -> _Node:
        known = {"choices", "mode", "auto_collapse", "strict"}
        choices = [choice[0] if isinstance(choice, tuple) else choice for choice in schema["choices"]]
        members = self._members(schema, known, config, where, choices)
        if members is None:
            return dict(_ANYTHING)
        if not unions_are_known():
            return self._refuse(where, "unions of this release of Pydantic")
        if self._is_within_itself(schema):  # what its members are called depends on which of them is asked first
            return self._refuse(where, "a union within itself")
        labels = self._labels(schema, choices, config)
        return {
            "type": "union",
            "mode": schema.get("mode", "smart"),
            "members": [{"label": label, "schema": member} for label, member in zip(labels, members, strict=True)],
        }

    def _tagged_union(self, schema: _Schema, config: _Schema, where: str) -> _Node:
        known = {"choices", "discriminator", "from_attributes", "strict"}
        choices: Mapping[Any, Any] = schema["choices"]
        members = self._members(schema, known, config, where, list(choices.values()))
        keys = keys_of("", schema["discriminator"], {}) if not callable(schema["discriminator"]) else None
        if members is None:
            return dict(_ANYTHING)
        if keys is None or any(type(tag) is not str for tag in choices):
            return self._refuse(where, "a discriminator that is no field of text")
        self._has_tags = True
        return {
            "type": "tagged-union",
            "keys": keys,
            **words_of_tags(schema["discriminator"], list(choices), keys[0]),
            "members": [{"label": tag, "schema": member} for tag, member in zip(choices, members, strict=True)],
        }

    def _members(
        self, schema: _Schema, known: set[str], config: _Schema, where: str, choices: list[Any]
    ) -> list[_Node] | None:
        """The types of a union; None where one of them, or the union itself, needs Python."""
        reasons = len(self.inputs)
        self._refuse_others(schema, known, where)
        if self._strict(schema, config):
            config = {**config, "strict": True}
            if not all(map(_follows_strictness, choices)):
                self._refuse(where, f"a strict `{schema['type']}` of models")
        if not all(isinstance(choice, Mapping) for choice in choices):
            self._refuse(where, f"a `{schema['type']}` of references to others of its members")
            return None
        with self._without_doubts():
            members = [self._node(choice, config, where) for choice in choices]
        return members if len(self.inputs) == reasons else None

    def _is_within_itself(self, schema: _Schema) -> bool:
        """Whether it is part of its members, but for models, which have names of their own."""
        seen: set[str] = set()

        def is_in(part: Any) -> bool:
            if not isinstance(part, Mapping):
                return any(map(is_in, parts_of(part)))
            if part.get("type") == "definition-ref":
                if part["schema_ref"] in seen:
                    return False
                seen.add(part["schema_ref"])
                return is_in(next(each for each in self._definitions if each["ref"] == part["schema_ref"]))
            return part is schema or (part.get("type") != "model" and any(map(is_in, parts_of(part))))

        return any(map(is_in, parts_of(schema)))

    def _labels(self, schema: _Schema, choices: list[_Schema], config: _Schema) -> list[str]:
        """What stands for each member in the locations of errors."""

        def labels_of(members: list[Any]) -> list[str]:
            whole: Any = {"type": "union", "choices": members, "mode": "left_to_right"}
            definitions: Any = {"type": "definitions", "schema": whole, "definitions": list(self._definitions)}
            try:
                SchemaValidator(definitions, config).validate_python(object())  # type: ignore[arg-type]
            except ValidationError as error:
                return [str(each["loc"][0]) for each in error.errors(include_url=False, include_input=False)]
            return []  # no error will ever be told

        labels = labels_of(schema["choices"])
        if len(labels) == len(choices):
            return labels
        return [next(iter(labels_of([choice, {"type": "none"}])), "") for choice in schema["choices"]]

    def _definition_ref(self, schema: _Schema, config: _Schema, where: str) -> _Node:
        self._refuse_others(schema, {"schema_ref"}, where)
        target = next(each for each in self._definitions if each["ref"] == schema["schema_ref"])
        if target["type"] in _SCALARS:  # shared, but by the settings of the model that refers to it
            return self._node(target, config, where)
        return {"type": "ref", "name": self._names[schema["schema_ref"]]}

    # --- models -------------------------------------------------------------------------------------

    def _model_node_config(self, schema: _Schema, where: str) -> _Schema:
        config: _Schema = schema.get("config", {})
        for key, value in config.items():
            if key in _DEFAULT_CONFIG:
                if value != _DEFAULT_CONFIG[key]:
                    self._refuse(where, f"the setting `{key}`")
                    if key.startswith("ser_json_"):
                        self._refuse_output(where, f"the setting `{key}`")
            elif key not in _KNOWN_CONFIG and key not in _NEUTRAL_CONFIG:
                self._refuse(where, f"the unknown setting `{key}`")
        return config

    def _model(self, schema: _Schema, config: _Schema, where: str) -> _Node:
        known = {"cls", "schema", "config", "generic_origin", "frozen", "revalidate_instances"}
        self._refuse_others(
            schema, known | {"custom_init", "root_model", "post_init", "strict", "extra_behavior"}, where
        )
        if schema.get("custom_init") and not _only_validates(schema["cls"]):
            self._refuse(where, "a custom __init__")
        if schema.get("root_model"):
            return self._root_model(schema, where)
        if schema.get("post_init"):
            self._refuse(where, "model_post_init")
        if schema.get("strict"):
            self._refuse(where, "a strict reference to a model")
        own = self._model_node_config(schema, where)
        fields_schema: _Schema = schema["schema"]
        while fields_schema["type"].startswith("function-"):  # a model's validators within it
            self._refuse(where, f"the validator function {_name_of(fields_schema['function']['function'])}")
            fields_schema = fields_schema["schema"]
        if fields_schema["type"] != "model-fields":
            self._look_into(fields_schema, where)
            return self._refuse(where, f"the type `{fields_schema['type']}`")
        return self._model_fields(fields_schema, schema, own, where)

    def _root_model(self, schema: _Schema, where: str) -> _Node:
        self._look_into(schema["schema"], where)
        return self._refuse(where, "a RootModel")

    def _model_fields(self, schema: _Schema, model: _Schema, config: _Schema, where: str) -> _Node:
        known = {"fields", "model_name", "computed_fields", "from_attributes", "extra_behavior"}
        self._refuse_others(schema, known, where)
        if schema.get("computed_fields"):
            names = ", ".join(field["property_name"] for field in schema["computed_fields"])
            self._refuse_output(where, f"the computed fields {names}")
        extra = schema.get("extra_behavior", model.get("extra_behavior", config.get("extra_fields_behavior")))
        fields = [
            self._field(name, field, config, f"{where}.{name}" if where else name)
            for name, field in schema["fields"].items()
        ]
        if extra == "allow":
            # A member that is no field may have the name of one that has an alias: Pydantic does not write it either.
            renamed = {field["name"] for field in fields if {field["name"]} != {field["output_key"], *field["keys"]}}
            self.outputs += [reason for reason in self.excluded if reason[0] in renamed]
            self.excluded = [reason for reason in self.excluded if reason[0] not in renamed]
        node = {"type": "model", "name": model["cls"].__name__, "extra": extra or "ignore", "fields": fields}
        return {**node, "counts_extra": True} if extra == "allow" and extra_is_set() else node

    def _field(self, name: str, field: _Schema, config: _Schema, where: str) -> _Node:
        excluded = {"serialization_exclude", "serialization_exclude_if"}
        self._refuse_others(field, {"schema", "validation_alias", "serialization_alias", "frozen", *excluded}, where)
        if any(field.get(key) for key in excluded):
            is_own = where == name and not self._is_recursive and not field.get("serialization_exclude_if")
            (self.excluded if is_own else self.outputs).append((where, "a field that is excluded"))
        node: _Node = {
            "name": name,
            "keys": self._keys(name, field, config, where),
            "output_key": name if self._by_name else field.get("serialization_alias") or name,
        }
        if "." in where and field.get("validation_alias", name) != field.get("serialization_alias", name):
            self.renamed.append((where, "read under another name than it is written under"))
        if not config.get("loc_by_alias", True):
            node["location"] = name
        schema: _Schema = field["schema"]
        if schema["type"] == "default":
            self._default(node, schema, config, where)
            schema = schema["schema"]
        node["schema"] = self._node(schema, config, where)
        return node

    def _keys(self, name: str, field: _Schema, config: _Schema, where: str) -> list[str]:
        keys = keys_of(name, field.get("validation_alias"), config)
        if keys is None:
            self._refuse(where, "an AliasPath")
        return keys or [name]

    def _default(self, node: _Node, schema: _Schema, config: _Schema, where: str) -> None:
        known = {"schema", "default", "default_factory", "default_factory_takes_data", "copy_default", "strict"}
        self._refuse_others(schema, known | {"on_error", "validate_default"}, where)
        if schema.get("on_error", "raise") != "raise":
            self._refuse(where, "`on_error`")
        if schema.get("validate_default", config.get("validate_default")):
            self._refuse(where, "`validate_default`")
        if "default_factory" in schema:
            factory = schema["default_factory"]
            if not is_of_constants(factory):
                node["default"] = None  # what is made is no default of a column
                inner = schema["schema"]
                kind = inner["schema"]["type"] if inner["type"] == "nullable" else inner["type"]
                if name := native_factory(factory, kind):
                    node["factory"] = name
                else:
                    self._refuse(where, f"the default_factory {_name_of(factory)}")
                return
            default: Any = factory()
        else:
            default = schema["default"]
        if default is None:
            node["default"] = None
            return
        serializer = {"type": "definitions", "schema": schema["schema"], "definitions": list(self._definitions)}
        native = SchemaSerializer(serializer, config)  # type: ignore[arg-type]
        try:
            native.to_json(default, by_alias=True, warnings=False)  # refuses what has no form in UTF-8, too
            # Not the text: it has null for the infinities and NaN, which are the values of such a float all the same.
            node["default"] = native.to_python(default, mode="json", by_alias=not self._by_name, warnings=False)
        except (PydanticSerializationError, UnicodeError):
            self._refuse(where, f"a default without a form in JSON: {default!r}")
            node["default"] = None


_EXPORTERS: dict[str, Callable[[_Exporter, _Schema, _Schema, str], _Node]] = {
    "int": _Exporter._int,
    "float": _Exporter._float,
    "str": _Exporter._str,
    "bool": _Exporter._bool,
    "none": _Exporter._none,
    "any": _Exporter._any,
    "datetime": _Exporter._datetime,
    "date": _Exporter._date,
    "time": _Exporter._time,
    "timedelta": _Exporter._timedelta,
    "decimal": _Exporter._decimal,
    "bytes": _Exporter._bytes,
    "uuid": _Exporter._uuid,
    "literal": _Exporter._literal,
    "enum": _Exporter._enum,
    "nullable": _Exporter._nullable,
    "list": _Exporter._list,
    "tuple": _Exporter._tuple,
    "set": _Exporter._set,
    "frozenset": _Exporter._set,
    "dict": _Exporter._dict,
    "union": _Exporter._union,
    "tagged-union": _Exporter._tagged_union,
    "definition-ref": _Exporter._definition_ref,
    "model": _Exporter._model,
}
