"""The FastAPI applications that an ASGI application calls, whatever it is."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterator
from itertools import islice
from types import FunctionType, MethodType, ModuleType
from typing import Any

#: Objects that are looked into, and values of each.
_FURTHEST = 200


def applications_in(app: Any, kind: type) -> Iterator[tuple[str, Any]]:
    """Those of ``kind`` that ``app`` is, or keeps in attributes, closures, arguments or lists, with their paths.

    That it keeps one does not mean that it serves it; what is compiled in an application's own router is exact for
    whoever calls it, so that it does no harm either. Attributes are read from instances alone: no code runs.
    """
    waiting = deque([("", app)])
    seen: set[int] = set()
    while waiting and len(seen) < _FURTHEST:
        path, found = waiting.popleft()
        if id(found) in seen:
            continue
        seen.add(id(found))
        if issubclass(type(found), kind):  # a proxy's __class__ may run code
            yield path, found
        else:
            path += _path_of(found)
            waiting += [(path, kept) for kept in islice(filter(_may_call, _kept_by(found)), _FURTHEST)]


def _path_of(found: Any) -> str:
    """Of one of Starlette's mounts."""
    attributes = _attributes(found)
    path = attributes.get("path")
    return path if type(path) is str and "app" in attributes else ""


def _may_call(found: Any) -> bool:
    if issubclass(type(found), (type, ModuleType)):
        return False
    return callable(found) or type(found) in (list, tuple, dict)


def _kept_by(found: Any) -> list[Any]:
    if type(found) is FunctionType:
        return [_content(cell) for cell in found.__closure__ or ()]
    if type(found) is MethodType:
        return [found.__self__]
    if type(found) is functools.partial:
        return [found.func, *found.args, *found.keywords.values()]
    if type(found) in (list, tuple):
        return list(found)
    if type(found) is dict:
        return list(found.values())
    return [*_attributes(found).values(), *(_slot(found, slot) for slot in _slots(type(found)))]


def _attributes(found: Any) -> dict[str, Any]:
    try:
        attributes: dict[str, Any] = object.__getattribute__(found, "__dict__")
    except AttributeError:
        return {}
    return attributes


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # empty
        return None


def _slots(kind: type) -> list[Any]:
    return [slot for base in kind.__mro__ for slot in vars(base).values() if type(slot) is _MEMBER]


def _slot(found: Any, descriptor: Any) -> Any:
    try:
        return descriptor.__get__(found)
    except AttributeError:  # not set
        return None


class _Slotted:
    __slots__ = ("slot",)


_MEMBER = type(vars(_Slotted)["slot"])
