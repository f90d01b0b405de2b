"""What differs between the installed releases of Pydantic and matters to native validators: found by asking it, never
by its version.
"""

from __future__ import annotations

import functools
from typing import Any

from pydantic_core import SchemaValidator, ValidationError

__all__ = ["dict_ends_early"]


def _errors(schema: Any, value: Any) -> list[Any]:
    try:
        SchemaValidator(schema).validate_python(value)
    except ValidationError as error:
        return error.errors(include_url=False)
    return []


@functools.cache
def dict_ends_early() -> bool:
    """A dict with too many members is not validated to its end (since 2.14), and says nothing of what else is wrong."""
    schema = {"type": "dict", "keys_schema": {"type": "str"}, "values_schema": {"type": "int"}, "max_length": 0}
    return [error["type"] for error in _errors(schema, {"a": 1, "b": "x"})] == ["too_long"]
