"""Hooks of a resource: methods of an application's class that run around its writes.

What a method takes besides the item is resolved by FastAPI, as the parameters of a dependency are: a stand-in with
these parameters is one, and gives their values to whoever calls the method.
"""

from __future__ import annotations

import difflib
import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from fastapi import Depends
from pydantic import BaseModel

from .table_models import as_plain, as_table, is_table, without_table
from .threadpool import run_in_threadpool

__all__ = ["NO_CALLS", "Calls", "Hooks"]

ModelT = TypeVar("ModelT", bound=BaseModel)

_OPERATIONS = ("create", "replace", "update", "delete")
_NAMES = tuple(f"{when}_{operation}" for operation in _OPERATIONS for when in ("before", "after"))


class Hooks:
    """The hooks that `owner` has; none for None. Makes one instance of it. Raises TypeError, ValueError."""

    def __init__(self, owner: type | None = None) -> None:
        self._methods: dict[str, Callable[..., Any]] = {}
        self._stand_ins: dict[str, Callable[..., Any]] = {}
        if owner is None:
            return
        instance = owner()
        for name in dir(instance):
            if not name.startswith(("before_", "after_")):
                continue
            where = f"{owner.__qualname__}.{name}"
            if name not in _NAMES:
                meant = difflib.get_close_matches(name, _NAMES, 1)
                raise ValueError(f"{where} is no hook" + (f"; {meant[0]} is one" if meant else ""))
            method = getattr(instance, name)
            self._methods[name] = method
            if further := _further_parameters(where, method):
                self._stand_ins[name] = _stand_in(method, further)
        if not self._methods:
            raise ValueError(f"{owner.__qualname__} has no hooks; there are {', '.join(_NAMES)}")

    def has(self, name: str) -> bool:
        """Whether there is this one."""
        return name in self._methods

    def names(self, operation: str, *, creates: bool) -> list[str]:
        """The hooks of an operation; `creates`: a PUT may make an item."""
        operations = ("create", "replace") if operation == "replace" and creates else (operation,)
        return [name for name in self._methods if name.partition("_")[2] in operations]

    def method(self, name: str) -> Callable[..., Any] | None:
        """A hook; None where there is no such."""
        return self._methods.get(name)

    def parameters(self, names: Sequence[str]) -> dict[str, Any]:
        """What an endpoint declares to get what these hooks need: Depends() under their names."""
        return {name: Depends(self._stand_ins[name]) for name in names if name in self._stand_ins}

    def calls(self, solved: Mapping[str, Mapping[str, Any]]) -> Calls:
        """The hooks with what an endpoint got for its parameters()."""
        return Calls(self._methods, solved)


class Calls:
    """The hooks of one request."""

    def __init__(self, methods: Mapping[str, Callable[..., Any]], solved: Mapping[str, Mapping[str, Any]]) -> None:
        self._methods = methods
        self._solved = solved

    def has(self, *operations: str) -> bool:
        """Whether there is one around any of these operations."""
        return any(name.partition("_")[2] in operations for name in self._methods)

    def has_before(self, operation: str) -> bool:
        """Whether one may change what is to be written."""
        return f"before_{operation}" in self._methods

    def has_after(self, operation: str) -> bool:
        """Whether one wants to hear of what is durable."""
        return f"after_{operation}" in self._methods

    async def before(self, operation: str, value: Any) -> Any:
        """What is to be written instead of `value`, or `value` itself, which may have been changed."""
        given = as_table(value)
        result = await self._call(f"before_{operation}", given)
        if operation == "delete" or (result is None and given is value):
            return value
        if result is None:
            result = given
        if not isinstance(result, type(given)):
            raise TypeError(
                f"before_{operation} has returned {type(result).__name__}, which is no {type(given).__name__}"
            )
        return result if given is value else as_plain(result, type(value), is_valid=result is given)

    async def made(self, operation: str, value: BaseModel, model: type[ModelT]) -> ModelT:
        """The item of `model` that is made of what a client has sent."""
        result = await self._call(f"before_{operation}", as_table(value))
        if is_table(type(result)) and without_table(type(result)) is model:
            result = as_plain(result, model, is_valid=False)
        if not isinstance(result, model):
            raise TypeError(f"before_{operation} has returned {type(result).__name__}, which is no {model.__name__}")
        return result

    async def after(self, operation: str, value: Any) -> None:
        """Tells of what is durable."""
        await self._call(f"after_{operation}", as_table(value))

    async def _call(self, name: str, value: Any) -> Any:
        method = self._methods.get(name)
        if method is None:
            return None
        further = self._solved.get(name, {})
        if inspect.iscoroutinefunction(method):
            return await method(value, **further)
        return await run_in_threadpool(method, value, **further)


def _further_parameters(where: str, method: Callable[..., Any]) -> list[inspect.Parameter]:
    """Those behind the item."""
    parameters = [*inspect.signature(method).parameters.values()]
    by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if not parameters or parameters[0].kind not in by_place:
        raise TypeError(f"{where} must take what it is called with: an item, changes or a key")
    for parameter in parameters[1:]:
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(f"{where}: FastAPI cannot resolve the parameter {parameter}")
    return parameters[1:]


def _stand_in(method: Any, parameters: Sequence[inspect.Parameter]) -> Callable[..., Any]:
    """A dependency that has these parameters and gives their values, by name."""

    async def values(**solved: Any) -> dict[str, Any]:
        return solved

    # FastAPI looks up annotations that are text where the function says that it comes from.
    function = inspect.unwrap(getattr(method, "__func__", method))
    made = types.FunctionType(values.__code__, getattr(function, "__globals__", {}), function.__name__)
    made.__module__ = function.__module__
    made.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    )
    return made


NO_CALLS = Calls({}, {})
