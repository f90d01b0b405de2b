"""Whether functions and classes of FastAPI and Starlette are still their own.

Monitoring tools replace internals of the frameworks in place. A compiled route would go around
such a replacement, so an application in a patched process is served by FastAPI's own code instead.
Names tell nothing (``functools.wraps`` copies them); what tells is where a function's code and
globals come from.
"""

from __future__ import annotations

import contextlib
import functools
import operator
import sys
from collections.abc import Callable, Iterable, Iterator
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any


def is_own_function(function: Any, packages: tuple[str, ...]) -> bool:
    """True where ``function`` is a plain function written in one of ``packages``, not a wrapper put there."""
    if type(function) is not FunctionType or "__wrapped__" in function.__dict__:
        return False
    module = sys.modules.get(function.__module__)
    if module is None or function.__module__.partition(".")[0] not in packages:
        return False
    qualified = getattr(function.__code__, "co_qualname", function.__qualname__)
    return function.__globals__ is vars(module) and qualified == function.__qualname__ and "<locals>" not in qualified


def overrides(owner: Any, base: type, names: Iterable[str]) -> list[str]:
    """Those of ``names`` that ``owner``, an instance or a class, does not have from ``base``."""
    kind = owner if isinstance(owner, type) else type(owner)
    own = () if isinstance(owner, type) else getattr(owner, "__dict__", ())
    return [name for name in names if name in own or getattr(kind, name, None) is not getattr(base, name, None)]


def subclass_with_call(kind: type, call: Callable[..., Any]) -> type:
    """A class like ``kind`` in all respects but ``__call__``."""
    return type(kind.__name__, (kind,), {"__call__": call, "__module__": kind.__module__, "__doc__": kind.__doc__})


def patched_names(sites: Iterable[tuple[ModuleType | type, Iterable[str]]], packages: tuple[str, ...]) -> list[str]:
    """The dotted names among ``sites`` (a module or class, and names in it) that no longer are the packages' own."""
    patched = []
    for owner, names in sites:
        for name in names:
            found = vars(owner).get(name)
            if isinstance(found, (classmethod, staticmethod)):
                found = found.__func__
            if not is_own_function(found, packages):
                patched.append(f"{owner.__name__}.{name}")
    return patched


def own_function(module: ModuleType, name: str) -> Callable[..., Any]:
    """The module's own function of that name, behind whatever was put in its place; else LookupError."""
    waiting = [vars(module).get(name)]
    seen: set[int] = set()
    while waiting:
        found = waiting.pop()
        if id(found) in seen or len(seen) > _FURTHEST:
            continue
        seen.add(id(found))
        if isinstance(found, functools.partial):
            waiting += [found.func, *found.args]
        elif isinstance(found, FunctionType):
            if found.__globals__ is vars(module) and found.__code__.co_name == name:
                return found
            waiting += [getattr(found, "__wrapped__", None), *closure_of(found).values()]
        else:
            waiting.append(getattr(found, "__wrapped__", None))
    raise LookupError(f"{module.__name__}.{name} was replaced")


#: Functions that are looked into.
_FURTHEST = 100


def rebuilt(function: Any, replacements: dict[int, Any], depth: int = 6) -> Any:
    """A copy of ``function`` that has ``replacements`` (by id) in its closure, or in one of a function there.

    Everything else is shared with the original, variables of the closure too. ``function`` itself where it has none.
    """
    if id(function) in replacements:
        return replacements[id(function)]
    if isinstance(function, functools.partial):
        arguments = [rebuilt(argument, replacements, depth - 1) for argument in function.args]
        called = rebuilt(function.func, replacements, depth - 1)
        if called is function.func and all(map(operator.is_, arguments, function.args)):
            return function
        return functools.partial(called, *arguments, **function.keywords)
    if type(function) is not FunctionType or depth == 0 or not function.__closure__:
        return function
    cells = [_rebuilt_cell(cell, replacements, depth - 1) for cell in function.__closure__]
    if all(map(operator.is_, cells, function.__closure__)):
        return function
    copy = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__, tuple(cells))
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__dict__.update(function.__dict__)
    copy.__qualname__, copy.__module__, copy.__doc__ = function.__qualname__, function.__module__, function.__doc__
    copy.__annotations__ = function.__annotations__
    return copy


def with_globals(
    function: FunctionType, module: ModuleType, replaced: dict[str, Any], closure: tuple[CellType, ...] | None = None
) -> FunctionType:
    """A copy of ``function``, of ``module``, for whose code, and functions in it, some names mean something else.

    All other names are looked up in the module when they are used, as they are for the original.
    """
    closure = closure or function.__closure__
    names = _Globals(module, replaced)
    copy = FunctionType(function.__code__, names, function.__name__, function.__defaults__, closure)
    copy.__kwdefaults__, copy.__qualname__, copy.__doc__ = (
        function.__kwdefaults__,
        function.__qualname__,
        function.__doc__,
    )
    return copy


class _Globals(dict[str, Any]):
    def __init__(self, module: ModuleType, replaced: dict[str, Any]) -> None:
        super().__init__(replaced, __name__=module.__name__)  # what functions that are made there look for
        self._module = module

    def __missing__(self, name: str) -> Any:
        return vars(self._module)[name]


def _rebuilt_cell(cell: CellType, replacements: dict[int, Any], depth: int) -> CellType:
    try:
        content = cell.cell_contents
    except ValueError:  # empty
        return cell
    changed = rebuilt(content, replacements, depth)
    return cell if changed is content else CellType(changed)


def functions_inside(function: Any, depth: int = 6) -> Iterator[FunctionType]:
    """``function`` and those in its closure, as far as :func:`rebuilt` reaches."""
    if isinstance(function, functools.partial):
        for argument in (function.func, *function.args):
            yield from functions_inside(argument, depth - 1)
    elif type(function) is FunctionType and depth > 0:
        yield function
        for content in closure_of(function).values():
            yield from functions_inside(content, depth - 1)


def nested_code(function: Callable[..., Any], *names: str) -> CodeType:
    """The code object of a function that is defined inside ``function``, by its path of names; else LookupError."""
    if not isinstance(function, FunctionType):
        raise LookupError(f"{function!r} is no plain function")
    code: CodeType = function.__code__
    for name in names:
        found = [const for const in code.co_consts if isinstance(const, CodeType) and const.co_name == name]
        if not found:
            raise LookupError(f"no function {name!r} inside {function.__qualname__}")
        code = found[0]
    return code


def closure_of(function: Any) -> dict[str, Any]:
    """The free variables of a function with their current values."""
    found: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # it has none yet
            found[name] = cell.cell_contents
    return found
