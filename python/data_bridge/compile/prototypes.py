"""Instances that are made for every request: copies of what the frameworks' own constructors have made once.

What a constructor does is not known here, but found out: it is called twice, and where both instances have the same
constants, empty containers and arguments in the same places, a native function makes the next ones. It is called again
as soon as one of the classes is changed.
"""

from __future__ import annotations

import collections
from collections.abc import Callable
from types import FunctionType
from typing import Any

from .. import _core
from .pristine import is_own_function

#: Shared by all instances.
_CONSTANTS = (type(None), bool, int, float, str, bytes)
#: Modules of classes that others are derived from, and that do nothing of their own.
_ABSTRACT = ("abc", "builtins", "collections.abc", "typing")
_CONTAINERS = (list, dict, set, collections.deque)


class _Unknown(Exception):
    """An instance cannot be told by what it has."""


def prototype(make: Callable[..., Any], packages: tuple[str, ...], *samples: Any) -> Callable[..., Any]:
    """What makes the same as ``make`` of as many positional arguments as ``samples``; ``make`` itself where it must.

    ``packages``: whose classes the instances may be of.
    """
    try:
        first, second = make(*samples), make(*samples)
        nodes = _Nodes(packages, samples)
        nodes.add(first, second)
        return _core.prototype(make, nodes.nodes, len(samples))
    except (_Unknown, TypeError, ValueError):
        return make


class _Nodes:
    def __init__(self, packages: tuple[str, ...], samples: tuple[Any, ...]) -> None:
        self.nodes: list[tuple[Any, ...]] = []
        self._packages = packages
        self._samples = {id(sample): index for index, sample in enumerate(samples)}
        self._made: dict[tuple[int, int], int] = {}

    def add(self, one: Any, other: Any) -> int:
        """The index of a node that makes another such object."""
        key = id(one), id(other)
        if key not in self._made:
            node = self._node(one, other)
            self._made[key] = len(self.nodes)
            self.nodes.append(node)
        return self._made[key]

    def _node(self, one: Any, other: Any) -> tuple[Any, ...]:
        kind = type(one)
        if one is other and id(one) in self._samples:
            return "given", self._samples[id(one)]
        if kind is not type(other):
            raise _Unknown
        if kind in _CONSTANTS and one == other:
            return "shared", one
        if kind in _CONTAINERS and one is not other and not one and not other:
            return "new", kind
        if one is other or not self._is_own(kind) or vars(one).keys() != vars(other).keys():
            raise _Unknown
        return "instance", kind, tuple((name, self.add(vars(one)[name], vars(other)[name])) for name in vars(one))

    def _is_own(self, kind: Any) -> bool:
        """Whether nobody has put anything of his own into the class, or stands between it and its attributes."""
        if kind.__new__ is not object.__new__ or kind.__setattr__ is not object.__setattr__:
            return False
        bases = [base for base in kind.__mro__ if base.__module__ not in _ABSTRACT]
        found = [value for base in bases for value in vars(base).values()]
        functions = [value.fget if isinstance(value, property) else value for value in found]
        return all(is_own_function(value, self._packages) for value in functions if type(value) is FunctionType)
