"""Whether functions and classes of FastAPI and Starlette are still their own.

Monitoring tools replace internals of the frameworks in place. A compiled route would go around
such a replacement, so an application in a patched process is served by FastAPI's own code instead.
Names tell nothing (``functools.wraps`` copies them); what tells is where a function's code and
globals come from.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import CodeType, FunctionType, ModuleType
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
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {name: cell.cell_contents for name, cell in cells}
