"""Names of the schemas in the documentation of resources: `Item`, and never `Item-Input`, `Item-Output` or
`module__Item__1`.

Those are Pydantic's names of models that are called the same, or that are written otherwise than they are read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

__all__ = ["name_schemas"]

_PLACE = "#/components/schemas/"
_MARKED = re.compile(r"(?:\w+__)?(?P<name>.+?)(?P<mode>-Input|-Output)?(?:__\d+)?")


def name_schemas(document: dict[str, Any], resources: Collection[tuple[str, str]]) -> None:
    """Give the schemas that only operations of resources have, as (path, method), names of their own in `document`."""
    schemas: dict[str, Any] = document.get("components", {}).get("schemas", {})
    odd = {name for name in schemas if re.search(r"-(In|Out)put(__\d+)?$|__\d+$", name)}
    if not odd:
        return
    operations = [
        (operation, (path, method.upper()) in resources)
        for path, methods in document.get("paths", {}).items()
        for method, operation in methods.items()
    ]
    others: set[str] = set()
    for operation, is_resources in operations:
        if not is_resources:
            others |= _reached(operation, schemas)
    ours = [operation for operation, is_resources in operations if is_resources]
    answers = _referenced([operation.get("responses") for operation in ours])
    bodies = _referenced([operation.get("requestBody") for operation in ours])
    renamed: dict[str, str] = {}
    made: dict[str, str] = {}  # the names by what they stand for
    taken = schemas.keys() - (odd - others)

    def order(name: str) -> tuple[Any, ...]:
        return name not in answers, name not in bodies, "-Input" in name, name

    for name in sorted(odd - others, key=order):
        found = _MARKED.fullmatch(name)
        assert found is not None
        plain = re.sub(r"\W", "_", schemas[name].get("title") or found["name"])
        apart = "Input" if found["mode"] == "-Input" else "Inner"
        content = json.dumps(schemas[name], sort_keys=True).replace(f'"{_PLACE}{name}"', '"itself"')
        if content not in made:
            made[content] = next(each for each in _choices(plain, apart) if each not in taken)
            taken = taken | {made[content]}
        renamed[name] = made[content]
    places = {_PLACE + name: _PLACE + new for name, new in renamed.items()}
    _each_text(document, lambda text: places.get(text, text))
    document["components"]["schemas"] = dict(sorted((renamed.get(name, name), each) for name, each in schemas.items()))


def _choices(name: str, apart: str) -> Iterator[str]:
    yield name
    yield name + apart
    number = 2
    while True:
        yield f"{name}{apart}{number}"
        number += 1


def _referenced(part: Any) -> set[str]:
    """The schemas that a part of the document names."""
    found: set[str] = set()

    def see(text: str) -> str:
        if text.startswith(_PLACE):
            found.add(text.removeprefix(_PLACE))
        return text

    _each_text(part, see)
    return found


def _reached(part: Any, schemas: Mapping[str, Any]) -> set[str]:
    """The same, and what those name."""
    found: set[str] = set()
    open_ = _referenced(part)
    while open_:
        name = open_.pop()
        if name not in found and name in schemas:
            found.add(name)
            open_ |= _referenced(schemas[name])
    return found


def _each_text(part: Any, change: Callable[[str], str]) -> None:
    """Replace each text in dicts and lists by what `change` makes of it."""
    items = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for place, each in list(items):
        if isinstance(each, str):
            part[place] = change(each)
        else:
            _each_text(each, change)
