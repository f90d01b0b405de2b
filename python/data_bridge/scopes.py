"""Scopes of a resource: conditions, or dependencies that give one, that confine operations to some of the items."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import Depends
from pydantic_core import to_json

from ._core import CrudScope
from .list_fields import ListField
from .resource_options import GROUPS, OPERATIONS, by_operation

__all__ = ["Scopes"]

Compile = Callable[[str], CrudScope]


class Scopes:
    """The scope of each operation, as the options have it. Raises TypeError, ValueError."""

    def __init__(self, options: str, scope: Any, fields: Sequence[ListField]) -> None:
        self._names = {field.field: field.name for field in fields if not field.members}
        self._lists = {field.field for field in fields if field.is_list}
        self._by_operation = by_operation(options, "scope", scope) if _is_by_operation(scope) else None
        self._one = scope
        self._compile: Compile | None = None
        for operation_scope in self._by_operation.values() if self._by_operation else [scope]:
            if operation_scope is not None and not callable(operation_scope):
                self._text(operation_scope)

    def compile_with(self, compile_scope: Compile) -> None:
        """Join the native half."""
        self._compile = compile_scope

    def _of(self, operation: str) -> Any:
        return self._one if self._by_operation is None else self._by_operation[operation]  # type: ignore[index]

    def fixed(self, operation: str) -> CrudScope | None:
        """The scope of an operation that needs no dependency. Raises ValueError."""
        scope = self._of(operation)
        return None if scope is None or callable(scope) else self.native(scope)

    def confines(self, operation: str) -> bool:
        """Whether an operation has a scope."""
        return self._of(operation) is not None

    def parameters(self, operation: str) -> dict[str, Any]:
        """What an endpoint declares to get the scope of its request."""
        scope = self._of(operation)
        return {"scope": Depends(scope)} if callable(scope) else {}

    def reason(self, operation: str) -> str:
        """Why an operation goes through Python; "": it does not for its scope."""
        scope = self._of(operation)
        return f"the scope {getattr(scope, '__qualname__', scope)}" if callable(scope) else ""

    def condition(self, operation: str, solved: Mapping[str, Any]) -> Any:
        """The condition of a request, with what an endpoint got for its parameters(); None: everything."""
        scope = self._of(operation)
        return solved["scope"] if callable(scope) else scope

    def native(self, condition: Any) -> CrudScope | None:
        """For the native half. Raises TypeError, ValueError: a scope that is none must not let anything through."""
        assert self._compile is not None
        return None if condition is None else self._compile(self._text(condition))

    def values(self, condition: Any) -> dict[str, Any]:
        """What every item inside has in a field, by the names of fields."""
        if not isinstance(condition, Mapping):
            return {}
        named = {
            name.removesuffix("__eq") if name not in self._names else name: value for name, value in condition.items()
        }
        return {name: value for name, value in named.items() if name in self._names and name not in self._lists}

    def may_give(self, operation: str, field: str) -> bool:
        """Whether new items may get a field from the scope of an operation."""
        scope = self._of(operation)
        return callable(scope) or field in self.values(scope)

    def _text(self, condition: Any) -> str:
        return to_json(self._on_the_wire(condition)).decode()

    def _on_the_wire(self, condition: Any) -> Any:
        """A condition by the names that clients use."""
        if isinstance(condition, list | tuple):
            return [self._on_the_wire(part) for part in condition]
        if not isinstance(condition, Mapping):
            raise TypeError(f"a scope must be a condition, a dict or a list, or None, and not {condition!r}")
        named = {}
        for name, value in condition.items():
            if name in ("or", "not"):
                named[name] = self._on_the_wire(value)
                continue
            field, separator, word = (name, "", "") if name in self._names else str(name).rpartition("__")
            wire: str = self._names.get(field, field)
            named[wire + separator + word] = value
        return named


def _is_by_operation(scope: Any) -> bool:
    """Whether it is a dict by operation: its values are scopes, where those of a condition are of fields."""
    return (
        isinstance(scope, Mapping)
        and bool(scope)
        and all(name in (*OPERATIONS, *GROUPS) for name in scope)
        and all(part is None or callable(part) or isinstance(part, Mapping | list) for part in scope.values())
    )
