"""What code says, whatever its comments, its layout and its annotations are: to know it again in another release."""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import textwrap
from typing import Any

_SAYS_NOTHING = {"ctx", "annotation", "returns", "kind", "type_comment", "type_params", "type_ignores"}


@functools.cache
def fingerprint(subject: Any) -> str:
    """Of a class or function; "" where its source is not there."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(subject)))
    except (OSError, TypeError, SyntaxError):
        return ""
    return hashlib.sha256(_canonical(tree).encode()).hexdigest()[:12]


def _canonical(node: Any) -> str:
    """The same in all releases of Python, which ast.dump() is not."""
    if isinstance(node, list):
        return f"[{','.join(map(_canonical, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    parts = []
    for name, value in ast.iter_fields(node):
        if name == "body" and isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            value = value[1:] if ast.get_docstring(node, clean=False) is not None else value
        if name not in _SAYS_NOTHING and value is not None and value != []:
            parts.append(f"{name}={_canonical(value)}")
    return f"{type(node).__name__}({','.join(parts)})"
