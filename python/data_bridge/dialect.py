"""What differs between the installed releases of FastAPI and matters to resources and to compiled routes alike: one
expression over what is there, never over its version.
"""

from __future__ import annotations

import inspect

import fastapi
import fastapi.dependencies.utils
import fastapi.routing

__all__ = ["NULL_IS_ABSENT", "UNTYPED_IS_JSON", "WRITES_BY_PYDANTIC"]

_body = inspect.signature(fastapi.dependencies.utils.solve_dependencies).parameters.get("body")

#: A body of ``null`` is the same as none, and not validated (before 0.151). Since, what is absent is Undefined.
NULL_IS_ABSENT = _body is not None and _body.default is None

#: A body without a Content-Type is taken for JSON (before 0.132; since, where an application asks for it).
UNTYPED_IS_JSON = "strict_content_type" not in inspect.signature(fastapi.FastAPI.__init__).parameters

#: What has a response model is written by Pydantic itself (since 0.130), and not by json.dumps().
WRITES_BY_PYDANTIC = "dump_json" in inspect.signature(fastapi.routing.serialize_response).parameters
