"""What the native core knows of types that Pydantic validates in Python: the values whose outcome is certain.

Of which those are is said in the native core (`PlainEmail`, `PlainUrl`); that the installed packages do so is asked of
them. Everything else, and all of it beside packages that answer otherwise, is for Pydantic.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path, PosixPath, PurePath, PurePosixPath
from typing import Any

import pydantic
from pydantic import AnyHttpUrl, AnyUrl, EmailStr, HttpUrl, IPvAnyAddress, TypeAdapter, ValidationError

__all__ = [
    "URL_TYPES",
    "is_of_emails",
    "is_of_urls",
    "length_limit",
    "plain_addresses",
    "plain_emails",
    "plain_paths",
    "plain_urls",
]

_Schema = Mapping[str, Any]

# Of a release that keeps them elsewhere nothing is known.
_validators: Any = getattr(getattr(pydantic, "_internal", None), "_validators", None)

# What each becomes. One for each rule that the native core goes by.
_EMAILS: Mapping[str, str] = {
    "a@b.co": "a@b.co",
    "Ann.O'Neill+tag@Mail.Example.COM": "Ann.O'Neill+tag@mail.example.com",
    "!#$%&'*+-/=?^_`{|}~@a-1.b2.org": "!#$%&'*+-/=?^_`{|}~@a-1.b2.org",
    "a" * 64 + "@" + "b" * 63 + ".co": "a" * 64 + "@" + "b" * 63 + ".co",
    "info@b.co": "info@b.co",
    "Somebody@b.co": "Somebody@b.co",
}
_URLS: Sequence[str] = (
    "http://example.com/",
    "https://a-1.b.example/x/Y_1.html?q=a%20b&c=d/e?",
    "http://a.bc/x?",
    "https://example.com/@x/~y;z,w:v!$&'()*+=",
    "https://example.com/?-._~!$&()*+,;=:@/?%",
    "https://" + "a" * 63 + ".b.co/" + "c" * 1900,
)
#: Of which plain values are known.
URL_TYPES = (AnyUrl, AnyHttpUrl, HttpUrl)
_SCHEMES = ("http", "https")


def is_of_emails(function: Any) -> bool:
    """Whether it is what validates an `EmailStr`."""
    own = getattr(EmailStr, "_validate", None)
    return own is not None and getattr(function, "__func__", None) is own.__func__ and function.__self__ is EmailStr


def is_of_urls(function: Any) -> bool:
    """Whether it is what makes a URL of what `pydantic_core` has read."""
    return (
        getattr(function, "__module__", "") == "pydantic.networks"
        and getattr(function, "__qualname__", "") == "_BaseUrl.__get_pydantic_core_schema__.<locals>.wrap_val"
    )


def length_limit(function: Any) -> dict[str, int]:
    """The limit that Pydantic's own function puts on what another one has made: `min_length` or `max_length`; {} for
    any other function."""
    if not isinstance(function, functools.partial) or function.args or len(function.keywords) != 1:
        return {}
    (name,) = function.keywords
    is_own = function.func is getattr(_validators, f"{name}_validator", None) and name in ("min_length", "max_length")
    return dict(function.keywords) if is_own else {}


def plain_emails() -> dict[str, Any] | None:
    """The plain form of addresses; None where email-validator does otherwise than the native core knows."""
    try:
        import email_validator
        from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES as mailboxes

        reserved = list(email_validator.SPECIAL_USE_DOMAIN_NAMES)  # which programs change
    except (ImportError, AttributeError):
        return None
    return {"type": "email", "reserved": reserved, "mailboxes": sorted(mailboxes)} if _emails_are_known() else None


@functools.cache
def _emails_are_known() -> bool:
    return _takes(TypeAdapter(EmailStr), _EMAILS)


def plain_urls(schema: _Schema, config: _Schema) -> dict[str, Any] | None:
    """The plain form of the URLs of a `function-wrap` that is_of_urls(); None where there is none."""
    inner = schema["schema"]
    owner = getattr(schema.get("serialization", {}).get("function"), "__self__", None)
    if (
        owner not in URL_TYPES
        or inner["type"] != "url"
        or not inner.keys() <= {"type", "allowed_schemes", "max_length"}
        or inner.get("max_length", _LEAST_LENGTH) < _LEAST_LENGTH
        or any("url" in setting for setting in config)
    ):
        return None
    schemes = [each for each in _SCHEMES if each in inner.get("allowed_schemes", _SCHEMES)]
    root = _root_of(owner)
    return {"type": "url", "schemes": schemes, "root": root} if schemes and root is not None else None


_ADDRESSES: Mapping[int, tuple[str, ...]] = {
    4: ("0.0.0.0", "192.0.2.1", "255.255.255.255"),
    6: ("::", "::1", "fe80::1", "2001:db8::1:0:0:1", "2001:db8:0:1:1:1:1:1", "1:2:3:4:5:6:7:8"),
}
_PATHS: Sequence[str] = ("/", "a", "/a/b.txt", "../a", "a/..", "~", "a b\\")
_PATH_TYPES = (Path, PurePath, PosixPath, PurePosixPath)


def plain_addresses(schema: _Schema) -> dict[str, Any] | None:
    """The plain form of the addresses that a schema is of; None where it is of others."""
    if schema["type"] == "lax-or-strict":
        function = schema["lax_schema"].get("function", {}).get("function")
        for version, kind in ((4, IPv4Address), (6, IPv6Address)):
            if function is not None and function is getattr(_validators, f"ip_v{version}_address_validator", None):
                return _address_form(kind, (version,))
    elif schema["type"] == "function-plain":
        own = getattr(IPvAnyAddress, "_validate", None)
        function = schema["function"]["function"]
        if own is not None and getattr(function, "__func__", None) is own.__func__:
            return _address_form(IPvAnyAddress, (4, 6))
    return None


@functools.cache
def _address_form(kind: Any, versions: tuple[int, ...]) -> dict[str, Any] | None:
    known = {text: text for version in versions for text in _ADDRESSES[version]}
    if not _takes(TypeAdapter(kind), known):
        return None
    return {"type": "address", "v4": 4 in versions, "v6": 6 in versions}


def plain_paths(schema: _Schema) -> dict[str, Any] | None:
    """The same of paths."""
    if schema["type"] != "lax-or-strict":
        return None
    strict = schema["strict_schema"]
    kind = strict.get("python_schema", {}).get("cls")
    function = strict.get("json_schema", {}).get("function", {}).get("function")
    is_own = getattr(function, "__qualname__", "") == "GenerateSchema._path_schema.<locals>.path_validator"
    return {"type": "path"} if is_own and kind in _PATH_TYPES and _paths_are_known(kind) else None


@functools.cache
def _paths_are_known(kind: Any) -> bool:
    return _takes(TypeAdapter(kind), {path: path for path in _PATHS})


# kLongestUrl of the core.
_LEAST_LENGTH = 2000


@functools.cache
def _root_of(kind: type) -> str | None:
    """What a URL without a path gets; None where URLs of this type are others than the native core knows."""
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    bare = "https://example.com"
    if not _takes(adapter, {url: url for url in _URLS}):
        return None
    return next((each for each in ("/", "") if _takes(adapter, {bare: bare + each})), None)


def _takes(adapter: TypeAdapter[Any], expected: Mapping[str, str]) -> bool:
    try:
        return all(
            adapter.dump_python(adapter.validate_python(value), mode="json") == result
            for value, result in expected.items()
        )
    except ValidationError:
        return False
