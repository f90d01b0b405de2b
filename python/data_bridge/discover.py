"""Finds an application that nobody has named, by the rules of ``fastapi run``."""

from __future__ import annotations

import importlib
import os
import sys
import tomllib
from pathlib import Path
from typing import Any

from .importer import ImportFailed

_FILES = ("main.py", "app.py", "api.py", "app/main.py", "app/app.py", "app/api.py")
_NAMES = ("app", "api")


def named_application(given: str | None, directory: str) -> str:
    """``given`` where it is ``module:attribute``; else the import string of the application in the file it names, or in
    ``pyproject.toml``'s ``[tool.fastapi] entrypoint``, or in the first of main.py, app.py, api.py, also within app/.

    The directory that the module is imported from comes into ``sys.path``.
    """
    if given is not None and not given.endswith(".py"):
        return given
    here = Path(directory or ".")
    if given is None and (entry := _entrypoint(here)) is not None:
        return entry
    file = _default_file(here) if given is None else here / given
    if not file.is_file():
        raise ImportFailed(f"there is no file {str(file)!r}")
    module, root = _module_of(file.resolve())
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    return f"{module}:{_application_in(importlib.import_module(module), file)}"


def _entrypoint(here: Path) -> str | None:
    try:
        project = tomllib.loads((here / "pyproject.toml").read_text())
    except (OSError, tomllib.TOMLDecodeError):
        return None
    entry = project.get("tool", {}).get("fastapi", {}).get("entrypoint")
    return entry if isinstance(entry, str) else None


def _default_file(here: Path) -> Path:
    for name in _FILES:
        if (here / name).is_file():
            return here / name
    raise ImportFailed(
        f"no application is named, and there is none of {', '.join(_FILES)} in {here.resolve()}: "
        "write MODULE:ATTRIBUTE, for example main:app"
    )


def _module_of(file: Path) -> tuple[str, Path]:
    """Its name, and the directory of the outermost package, or of itself."""
    parts = [file.stem] if file.stem != "__init__" else []
    root = file.parent
    while (root / "__init__.py").is_file():
        parts.insert(0, root.name)
        root = root.parent
    return ".".join(parts), root


def _application_in(module: Any, file: Path) -> str:
    fastapi: Any = importlib.import_module("fastapi")
    found: list[str] = [name for name, value in vars(module).items() if isinstance(value, fastapi.FastAPI)]
    for name in (*_NAMES, *found):
        if name in found:
            return name
    raise ImportFailed(f"there is no FastAPI application in {os.fspath(file)!r}")
