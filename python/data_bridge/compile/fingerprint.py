"""What FastAPI and Starlette are made of where compiled routes go around them: a digest of the byte code as installed.

Where others have put something in place at run time the original counts (:mod:`.pristine` sees to the rest); what was
patched on disk is another release. Docstrings, annotations and line numbers do not count.
``scripts/fingerprints.py`` makes the table of what is known, one a Python minor: byte code is another in each.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

#: By module: functions, and methods of classes. What a release lacks is part of the digest too.
CORE = {
    "fastapi.routing": (
        "request_response",
        "get_request_handler",
        "serialize_response",
        "run_endpoint_function",
        "_build_response_args",
        "_extract_endpoint_context",
        "_get_fastapi_scope",
        "_update_scope",
        "_route_selected",
        "APIRoute.matches",
        "APIRoute.handle",
        "APIRoute.get_route_handler",
        "APIRouter.app",
        "APIRouter.matches",
        "APIRouter.handle",
        "_EffectiveRouteContext.matches",
        "_IncludedRouter.matches",
        "_IncludedRouter.handle",
        "_IncludedRouter._match",
        "_IncludedRouter._handle_selected",
        "_IncludedRouter.effective_candidates",
        "_iter_routes_with_context",
        "iter_route_contexts",
    ),
    "fastapi.applications": ("FastAPI.__call__", "FastAPI.build_middleware_stack"),
    "fastapi.middleware.asyncexitstack": ("AsyncExitStackMiddleware.__call__",),
    "fastapi._body_limit": ("AppBodyLimitMiddleware.__call__", "get_body_limit_error"),
    "fastapi.encoders": ("jsonable_encoder",),
    "fastapi.concurrency": ("contextmanager_in_threadpool",),
}

PARAMETERS = {
    "fastapi.dependencies.utils": (
        "solve_dependencies",
        "solve_generator",
        "_solve_generator",
        "request_params_to_args",
        "_request_param_model_to_args",
        "request_body_to_args",
        "_validate_value_with_model_field",
        "_get_multidict_value",
        "_get_multidict_extras",
        "_is_json_field",
        "_get_param_aliases",
        "_get_param_model",
        "get_validation_alias",
        "_extract_form_body",
        "_extract_form_items",
        "_should_embed_body_fields",
        "is_gen_callable",
        "is_async_gen_callable",
        "is_coroutine_callable",
    ),
    "fastapi.dependencies.models": (
        "_get_cache_key",
        "_get_oauth_scopes",
        "_is_gen_callable",
        "_is_async_gen_callable",
        "_is_coroutine_callable",
        "Dependant.cache_key",
        "Dependant.oauth_scopes",
        "Dependant.is_gen_callable",
        "Dependant.is_async_gen_callable",
        "Dependant.is_coroutine_callable",
    ),
    "fastapi._compat.v2": ("ModelField.validate", "ModelField.serialize", "get_missing_field_error"),
}

STARLETTE = {
    "starlette.routing": (
        "request_response",
        "compile_path",
        "Route.matches",
        "Route.handle",
        "Router.__call__",
        "Router.app",
        "Router.not_found",
    ),
    "starlette._utils": ("get_route_path",),
    "starlette._exception_handler": ("wrap_app_handling_exceptions",),
    "starlette.responses": ("Response.__init__", "Response.__call__", "Response.init_headers", "JSONResponse.render"),
    "starlette.applications": ("Starlette.__call__", "Starlette.build_middleware_stack"),
    "starlette.middleware.exceptions": ("ExceptionMiddleware.__call__",),
    "starlette.middleware.errors": ("ServerErrorMiddleware.__call__",),
}

SETS = {"core": CORE, "parameters": PARAMETERS, "starlette": STARLETTE}

#: (name of a module, qualified name in it) -> its code, or None where there is no such function.
Find = Callable[[str, str], CodeType | None]


def fingerprints(find: Find) -> dict[str, str]:
    """The digest of each set."""
    return {name: _digest(modules, find) for name, modules in SETS.items()}


def _digest(modules: dict[str, tuple[str, ...]], find: Find) -> str:
    digest = hashlib.sha256()
    for module, names in modules.items():
        for name in names:
            found = find(module, name)
            digest.update(f"{name}: {None if found is None else _described(found)}\n".encode())
    return digest.hexdigest()[:16]


def nested(code: CodeType, path: str) -> CodeType | None:
    """A function in the code of a module; the last of that name, since overloads come first."""
    for name in path.split("."):
        found = [const for const in code.co_consts if isinstance(const, CodeType) and const.co_name == name]
        if not found:
            return None
        code = found[-1]
    return code


_HAS_DOCSTRING = 0x4000000  # of co_flags, from Python 3.14 on; before, a function's first constant was its docstring


def _described(code: CodeType) -> tuple[object, ...]:
    constants = list(code.co_consts)
    if constants and isinstance(constants[0], str) and (sys.version_info < (3, 14) or code.co_flags & _HAS_DOCSTRING):
        constants[0] = None  # the docstring
    return (
        code.co_name,
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_flags & ~_HAS_DOCSTRING,
        code.co_code.hex(),
        code.co_exceptiontable.hex(),
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        *map(_constant, constants),
    )


def _constant(value: object) -> object:
    if isinstance(value, CodeType):
        return _described(value)
    return sorted(map(repr, value)) if isinstance(value, frozenset) else repr(value)


def installed(module: str, name: str) -> CodeType | None:
    """The code of a function as it is on disk. Raises LookupError where it cannot be told."""
    if sys.flags.optimize:
        raise LookupError("python -O leaves out what is compared")
    return _loaded(module, name) or _on_disk(module, name)


def _loaded(module: str, name: str) -> CodeType | None:
    """Of the function that is in memory, if it is the module's own: reading files may mean to compile them."""
    found: Any = sys.modules.get(module)
    file = getattr(found, "__file__", None)
    for part in name.split("."):
        found = vars(found).get(part) if hasattr(found, "__dict__") else None
    for attribute in ("fget", "func", "__wrapped__"):  # of property, cached_property, contextmanager
        found = getattr(found, attribute, found)
    code = getattr(found, "__code__", None)
    own = isinstance(code, CodeType) and code.co_filename == file and code.co_qualname == name
    return code if own else None


@functools.cache
def _module_code(module: str) -> CodeType | None:
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return None
    if spec is None:
        return None
    get_code = getattr(spec.loader, "get_code", None)
    code = None if get_code is None else get_code(module)
    if not isinstance(code, CodeType):
        raise LookupError(f"{module} has no byte code")
    return code


def _on_disk(module: str, name: str) -> CodeType | None:
    loaded = sys.modules.get(module)
    for part in name.split(".") if loaded is not None else ():
        if part not in getattr(loaded, "__dict__", {}):
            return None  # others put things in place of what there is; they delete nothing
        loaded = vars(loaded)[part]
    code = _module_code(module)
    return None if code is None else nested(code, name)


def module_names() -> Iterator[str]:
    """All that is read."""
    for modules in SETS.values():
        yield from modules
