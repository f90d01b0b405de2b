"""From ``module:attribute`` to an application object."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any


class ImportFailed(Exception):
    """The application could not be imported; the message says what to do."""


def import_app(spec: str, *, app_dir: str = "") -> Any:
    """Import what ``spec`` names (``package.module:attribute``), from ``app_dir`` too, else the current directory.

    An application, or a factory of one.
    """
    directory = os.path.abspath(app_dir)
    if directory not in sys.path:
        sys.path.insert(0, directory)
    return import_from_string(spec, where=f"in {directory} or ")


def import_from_string(spec: str, *, where: str = "") -> Any:
    """Import what ``spec`` names from where Python looks; something that can be called.

    ``where``: what a message about a missing module says before "among the installed packages".
    """
    module_name, _, attribute = spec.partition(":")
    if not module_name or not attribute:
        raise ImportFailed(f"{spec!r} does not name an application: write MODULE:ATTRIBUTE, for example main:app")
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise ImportFailed(f"no module named {error.name!r} {where}among the installed packages") from None
    for name in attribute.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise ImportFailed(f"module {module_name!r} has no attribute {attribute!r}") from None
    if not callable(found):
        raise ImportFailed(f"{spec!r} is a {type(found).__name__}, not an ASGI application")
    return found
