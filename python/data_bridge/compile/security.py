"""FastAPI's security schemes: what those read that do nothing but read where nothing is to be refused.

What a scheme says to a request that lacks its credentials is left to the scheme.
"""

from __future__ import annotations

import functools
from typing import Any

from fastapi.security import (
    APIKeyCookie,
    APIKeyHeader,
    APIKeyQuery,
    HTTPBearer,
    OAuth2AuthorizationCodeBearer,
    OAuth2PasswordBearer,
    OpenIdConnect,
    api_key,
    http,
    oauth2,
)
from fastapi.security.http import HTTPAuthorizationCredentials

from .facts import CredentialFacts, Location
from .pristine import is_own_function
from .source_fingerprint import fingerprint

#: What ``__call__`` says in the releases that were read: FastAPI 0.115, 0.115.8, 0.122.
_KNOWN: dict[type, set[str]] = {
    OAuth2PasswordBearer: {"80449629075a", "abfeaf50875e"},
    OAuth2AuthorizationCodeBearer: {"80449629075a", "abfeaf50875e"},
    HTTPBearer: {"c1ef39490077", "6999926a7b33"},
    OpenIdConnect: {"5dff24d37768", "3927f977e559"},
    APIKeyHeader: {"6d528e6f0f89", "967c759f8d7a", "f8e61f9daed8"},
    APIKeyQuery: {"1145449f5308", "b33e192fe2db", "775999d6b8ea"},
    APIKeyCookie: {"298250267030", "36004010eb62", "cc8e6c95141c"},
}
_LOCATIONS: dict[type, Location] = {APIKeyHeader: "header", APIKeyQuery: "query", APIKeyCookie: "cookie"}
#: What they call in turn.
_KNOWN_SPLIT = {"af6507775f01", "5b06c4e14c9d"}
_KNOWN_CHECK = {"38db39b5bc93", "833f2f1fc7a5"}


def credential(call: Any) -> CredentialFacts | None:
    """What ``call``, a dependency, reads where it is such a scheme; None: it is to be called."""
    kind: Any = type(call)
    if kind not in _KNOWN or not _is_own(kind):
        return None
    if kind not in _LOCATIONS:
        make = HTTPAuthorizationCredentials if kind is HTTPBearer else None
        return CredentialFacts("header", "authorization", kind, bearer=kind is not OpenIdConnect, make=make)
    location, name = _LOCATIONS[kind], call.model.name
    if not isinstance(name, str) or not name.isascii():
        return None
    return CredentialFacts(location, name.lower() if location == "header" else name, kind)


@functools.cache
def _is_own(kind: Any) -> bool:
    if not _says(kind, "__call__", _KNOWN[kind]):
        return False
    if kind in _LOCATIONS:
        return not hasattr(kind, "check_api_key") or _says(api_key.APIKeyBase, "check_api_key", _KNOWN_CHECK)
    if kind is OpenIdConnect:
        return True
    module = http if kind is HTTPBearer else oauth2
    return _says(module, "get_authorization_scheme_param", _KNOWN_SPLIT)


def _says(owner: Any, name: str, known: set[str]) -> bool:
    found = vars(owner).get(name)
    if isinstance(found, staticmethod):
        found = found.__func__
    return is_own_function(found, ("fastapi",)) and fingerprint(found) in known
