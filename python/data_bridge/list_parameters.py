"""The query parameters of a list: what reads those that are no filters, and what the documentation shows of all."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, create_model

from data_bridge.list_fields import ListField, shown_type

__all__ = ["list_parameters", "page_query", "warn_of_hidden_fields"]

MAX_OFFSET = 10_000

_TEXTS = {
    "cursor": "`next` of the page before",
    "sort": "Fields in the order in which they decide, `-` for a descending one: `-price,name`; null comes first",
    "fields": "Only these members of the items, separated by commas",
    "where": 'A condition as JSON: `{"price__lt": 5, "name__icontains": "red"}` is all of it, `"or": [...]` any of it, '
    '`"not": {...}` the opposite. Operators: `eq` (which may be left out), `ne`, `lt`, `le`, `gt`, `ge`, `in`, `nin`, '
    "`contains`, `icontains`, `startswith`, `endswith`, `isnull`",
}

_NAMES = {"limit", "offset", "total", *_TEXTS}


def page_query(page_size: int, max_page_size: int) -> type[BaseModel]:
    """Those that are no filters, as a model; those that are texts are taken apart by the native half."""
    parameters: dict[str, Any] = {
        "limit": (int, Field(default=page_size, ge=0, le=max_page_size)),
        "offset": (int, Field(default=0, ge=0, le=MAX_OFFSET)),
        "total": (bool, False),
    }
    parameters |= dict.fromkeys(_TEXTS, (str | None, None))
    return create_model("Page", __config__=ConfigDict(extra="forbid"), **parameters)


def list_parameters(
    page_size: int, max_page_size: int, fields: Sequence[ListField], where: Any, answered: Sequence[str] = ()
) -> list[inspect.Parameter]:
    """What a function would declare that reads all of them by FastAPI's means. `where`: the type of that parameter.
    `answered`: the names of an answer's members, by default those of `fields`."""
    sortable = [field.name for field in fields if field.is_comparable and not field.is_list]
    top = [field.name for field in fields if not field.members]
    readable = list(answered) or top
    shown: dict[str, Any] = {
        "cursor": Query(description=_TEXTS["cursor"]),
        "sort": Query(
            description=_TEXTS["sort"],
            pattern=_listed(sortable, "-?", "{0,7}"),
            examples=[f"-{name}" for name in sortable[:1]],
        ),
        "fields": Query(description=_TEXTS["fields"], pattern=_listed(readable), examples=[",".join(readable[:2])]),
        "where": Query(description=_TEXTS["where"], examples=[f'{{"{name}__isnull": false}}' for name in top[:1]]),
    }
    limit = Query(ge=0, le=max_page_size, description="Items on a page; 0 for the total alone")
    offset = Query(ge=0, le=MAX_OFFSET, description="Items to skip, instead of a cursor")
    total = Query(description="Tell how many items there are on all pages")
    parameters = [
        _parameter("limit", Annotated[int, limit], page_size),
        *(_parameter(name, Annotated[where if name == "where" else str, query], None) for name, query in shown.items()),
        _parameter("offset", Annotated[int, offset], 0),
        _parameter("total", Annotated[bool, total], False),
    ]
    for place, field in enumerate(fields):
        name = _shown_name(field)
        description = f"`{field.name}__contains` and `__isnull`" if field.is_list else f"`{field.name}__isnull`"
        if field.is_comparable and not field.is_list:
            description = f"Also with an operator: `{field.name}__ge`"
        described = Query(alias=name, description=description)
        parameters.append(_parameter(f"filter{place}", Annotated[shown_type(field), described], None))
    return parameters


def _listed(names: Sequence[str], sign: str = "", most: str = "*") -> str:
    """What matches one or several of `names`, separated by commas."""
    # Not re.escape(): to JavaScript, whose expressions these are by JSON Schema, some of its escapes are errors.
    escaped = (re.sub(r"[\^$\\.*+?()\[\]{}|]", r"\\\g<0>", name) for name in names)
    one = f"{sign}({'|'.join(escaped)})"
    return f"^{one}(,{one}){most}$"


def warn_of_hidden_fields(options: str, fields: Sequence[ListField]) -> None:
    """Say which fields are called like a parameter, which then wins."""
    for field in fields:
        if field.name in _NAMES or field.name == "_":
            logging.getLogger("data_bridge").warning(
                "%s: %r in the query of a list is a parameter; of the field ask by '%s__eq'",
                options, field.name, field.name,
            )  # fmt: skip


def _shown_name(field: ListField) -> str:
    if not field.is_comparable:
        return f"{field.name}__isnull"
    if field.is_list:
        return f"{field.name}__contains"
    return f"{field.name}__eq" if field.name in _NAMES else field.name


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
