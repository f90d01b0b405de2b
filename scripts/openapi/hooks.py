"""What an OpenAPI document cannot say, for schemathesis."""

import contextlib
import json
from typing import Any

import schemathesis  # type: ignore[import-not-found]  # of the environment that run.py makes

#: Of one condition; and of all, as they lie within each other, which no schema can count.
MOST_MEMBERS = 12
MOST_CONDITIONS = 100


def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """Take out what no document can tell a right value of, and have conditions generated out of their schema."""
    for path in raw_schema["paths"].values():
        parameters = path.get("get", {}).get("parameters", [])
        # A cursor is one that was given; with `fields` items have what was asked for, and not what is required. A key
        # is another one for each request.
        for operation in (path.get("get", {}), path.get("post", {})):
            given = operation.get("parameters", [])
            given[:] = [each for each in given if each["name"] not in ("cursor", "fields", "Idempotency-Key")]
        for parameter in parameters:
            if content := parameter.get("schema", {}).get("contentSchema"):
                del parameter["schema"]
                parameter["content"] = {"application/json": {"schema": content}}
    for name, schema in raw_schema["components"]["schemas"].items():
        if name.endswith("Where"):
            schema["maxProperties"] = MOST_MEMBERS


def filter_query(context: Any, query: Any) -> bool:
    """Whether there are no more conditions than a list takes."""
    query = query or {}
    where = query.get("where", {})
    with contextlib.suppress(TypeError, ValueError):
        where = json.loads(where)
    return _conditions(where) + len(query) <= MOST_CONDITIONS


def _conditions(where: Any) -> int:
    if isinstance(where, list):
        return sum(map(_conditions, where))
    if not isinstance(where, dict):
        return 0
    return sum(_conditions(part) if name in ("or", "not") else 1 for name, part in where.items())


def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """The key in the path of a PUT is that of its body."""
    if case.method == "PUT" and isinstance(case.body, dict):
        for name in case.path_parameters:
            if isinstance(case.body.get(name), str) and case.body[name]:
                case.path_parameters[name] = case.body[name]


for hook in (before_load_schema, filter_query, before_call):
    schemathesis.hook(hook)
