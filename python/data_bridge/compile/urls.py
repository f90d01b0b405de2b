"""Starlette's ``URL(scope=...)``, which is what ``request.url`` is: made natively where the scope is plain.

Its own code builds the text of the URL, to read it again with ``urlsplit()``.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult

from starlette.datastructures import URL

from .. import _core
from .patched_method import PatchedMethod
from .pristine import is_own_function
from .source_fingerprint import fingerprint

#: ``URL.__init__`` that says of plain scopes what is done here.
_KNOWN = {
    "0988c1b61467",  # Starlette 0.37.2
    "11925a462dea",  # 1.0.1
    "f3ecf819c653",  # 1.3.0
    "7084aeaf6b96",  # 1.7.0
    "c4eac03c057c",  # 1.9.0
}
_KNOWN_COMPONENTS = {"8647baded890"}


def _made(own: Any) -> Any:
    """``URL.__init__`` while applications are served."""
    components = vars(URL).get("components")
    if (
        not is_own_function(own, ("starlette",))
        or fingerprint(own) not in _KNOWN
        or fingerprint(getattr(components, "fget", None)) not in _KNOWN_COMPONENTS
    ):
        return own

    def __init__(self: Any, url: str = "", scope: Any = None, **components: Any) -> None:
        if scope is None or url or components or not _core.fill_url(self, scope, SplitResult):
            own(self, url, scope, **components)

    return __init__


def make_natively() -> PatchedMethod:
    """Until :meth:`~PatchedMethod.leave`."""
    return PatchedMethod(URL, "__init__", _made)
