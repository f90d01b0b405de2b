"""Starlette's own middleware, read into neutral descriptions of native layers.

An application whose whole user middleware is known is answered without Python's: its compiled routes, what no route
answers, and what a middleware answers itself. What is read are the very instances that the stack was built of, hence
whatever their constructors have made of their arguments. The rules of a release are those that its code shows; code
that nobody has compared with the native layers is not known, be it of a newer release.
"""

from __future__ import annotations

import functools
import random
import re
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

import starlette.middleware.cors as cors
import starlette.middleware.gzip as gzip
import starlette.middleware.httpsredirect as httpsredirect
import starlette.middleware.trustedhost as trustedhost
from starlette.datastructures import URL, MutableHeaders

from .. import _core
from . import features
from .byte_pattern import NotTranslatableError, byte_pattern
from .facts import Bridged
from .patched_method import PatchedMethod
from .pristine import is_own_function, patched_names
from .sessions import Sessions, session_middleware
from .source_fingerprint import fingerprint

__all__ = ["NativeLayers", "read_layers"]

_starlette_gzip: Any = gzip

#: What classes and functions say whose rules the native layers have.
_KNOWN = {
    "CORSMiddleware": {"5a7d9ae75492", "e22a39f0a1bc", "7b9b2034a7f7", "74355a164c91"},  # 0.38, 0.51, 1.0, 1.7
    "GZipMiddleware": {"56af60ed7834", "2add2eb3c2a5", "935f073543ba", "6795a4ab8349"},  # 0.38, 0.46, 1.4, 1.5
    "GZipResponder": {  # 0.38.0, 0.38.3, 0.46, 1.4.0, 1.4.1, 1.5
        "0eba56eb78e0",
        "28fed1b45be0",
        "ff85b794dd7a",
        "6e655c5c93e5",
        "93ff8ddeda3c",
        "124d3a8c7416",
    },
    "IdentityResponder": {  # 0.46, 0.47, 1.4, 1.5, 1.8, 1.10
        "94c9bd7f15a8",
        "4bdffd283c42",
        "a776bdd024e4",
        "6d98ef558b37",
        "98bac3a9c912",
        "13e0a8093cfa",
    },
    "TrustedHostMiddleware": {"7f0c47e802da", "410828f8a5c5", "76ff1df51b27"},  # 0.38, 1.7, 1.9
    "SessionMiddleware": {  # 0.38, 1.0, 1.7, 1.8, 1.10
        "f84e4761ed88",
        "659aff109735",
        "48ebf87c6803",
        "4d2e20f7caff",
        "534cf26b319d",
    },
    "Session": {"89d1933f3cd0", "144fa8d8afa0", "38a37567bd4c"},  # 1.0, 1.7, 1.8
    "HTTPSRedirectMiddleware": {"a62abb576c5f"},  # 1.7
    "URL.__init__": {"c4eac03c057c"},  # 1.9
    "URL.replace": {"3b7c1f9313d8"},  # 1.8
    "MutableHeaders.__setitem__": {"3e594e00d18c"},
    "MutableHeaders.__delitem__": {"ca4855f16f18"},
    "MutableHeaders.add_vary_header": {"94290875c079", "3ee7e5525e85"},  # 0.38, 1.9
}


@dataclass(slots=True)
class NativeLayers:
    """Layers from the outside, (kind, options) each, and what they were read from besides the application."""

    layers: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    attributes: list[tuple[Any, str, Any]] = field(default_factory=list)  # as Watch.attributes
    lists: list[tuple[list[Any], tuple[Any, ...]]] = field(default_factory=list)  # as Watch.lists
    sessions: Sessions | None = None


def read_layers(instances: list[Any]) -> NativeLayers:
    """The native layers of a stack's own middleware, from the outside. Raises :class:`Bridged` with the reason."""
    found = NativeLayers()
    for index, instance in enumerate(instances):
        kind = type(instance)
        read = _READERS.get(kind)
        if kind is session_middleware():
            read = functools.partial(_session, found, instances[index + 1 :])
        name = kind.__name__
        if read is None:
            raise Bridged(f"user middleware: {name}")
        # Before it is read: another thread may be changing it.
        found.attributes += [(instance, key, value) for key, value in vars(instance).items()]
        found.lists += [(value, tuple(value)) for value in vars(instance).values() if type(value) is list]
        try:
            layer = read(instance)
        except Bridged as reason:
            raise Bridged(f"user middleware: {name} ({reason})") from None
        if layer is not None:
            found.layers.append(layer)
    return found


def _check_code(*owners: type) -> None:
    """Raise :class:`Bridged` where code of these classes was replaced, or is not known."""
    for owner in owners:
        functions = [name for name, value in vars(owner).items() if isinstance(value, (FunctionType, staticmethod))]
        if patched := patched_names([(owner, functions)], ("starlette",)):
            raise Bridged(f"{patched[0]} was replaced")
        if fingerprint(owner) not in _KNOWN[owner.__name__]:
            raise Bridged(f"the code of {owner.__name__} is not known")


def _check_methods(owner: type, *names: str) -> None:
    for name in names:
        own = PatchedMethod.own(owner, name)
        if not is_own_function(own, ("starlette",)):
            raise Bridged(f"{owner.__name__}.{name} was replaced")
        if fingerprint(own) not in _KNOWN[f"{owner.__name__}.{name}"]:
            raise Bridged(f"the code of {owner.__name__}.{name} is not known")


def _check_headers() -> None:
    _check_methods(MutableHeaders, "__setitem__", "__delitem__", "add_vary_header")


def _check_urls() -> None:
    if not features.REDIRECTS_AS_WE_DO:
        raise Bridged("it redirects, and this Starlette makes other URLs")
    _check_methods(URL, "__init__", "replace")


def _names_in(function: Any) -> tuple[str, ...]:
    return tuple(function.__code__.co_names)


def _joins_vary() -> str:
    """What becomes of several Vary fields (1.9: all are joined)."""
    return "all" if "getlist" in _names_in(MutableHeaders.add_vary_header) else "first"


def _texts(values: Any, what: str) -> list[bytes]:
    """As bytes; what is no latin-1 is equal to nothing that a client can send."""
    if type(values) not in (list, tuple) or not all(type(value) is str for value in values):
        raise Bridged(f"{what} is no list of str")
    encoded = []
    for value in values:
        try:
            encoded.append(value.encode("latin-1"))
        except UnicodeEncodeError:
            continue
    return encoded


def _fields(values: Any) -> list[tuple[bytes, bytes]]:
    fields = []
    for name, value in values.items():
        encoded = value.encode("latin-1", "replace")
        if encoded.decode("latin-1") != value or any(byte < 0x20 or byte == 0x7F for byte in encoded):
            raise Bridged(f"{name} is no field that can be sent")
        fields.append((name.lower().encode("latin-1"), encoded))
    return fields


def _cors(instance: Any) -> tuple[str, dict[str, Any]]:
    _check_code(cors.CORSMiddleware)
    _check_headers()
    private_network = "unknown"
    if hasattr(instance, "allow_private_network"):  # 0.51
        private_network = "allowed" if instance.allow_private_network else "refused"
    repeat_origin = "with cookie"
    if hasattr(instance, "allow_credentials"):  # 1.0
        repeat_origin = "always" if instance.allow_credentials else "never"
    joins = "getlist" in _names_in(cors.CORSMiddleware.allow_explicit_origin)  # 1.7
    return "cors", {
        "allow_all_origins": bool(instance.allow_all_origins),
        "allow_origins": _texts(instance.allow_origins, "allow_origins"),
        "origin_pattern": _origin_pattern(instance.allow_origin_regex),
        "allow_methods": _texts(instance.allow_methods, "allow_methods"),
        "allow_all_headers": bool(instance.allow_all_headers),
        "allow_headers": _texts(instance.allow_headers, "allow_headers"),
        "preflight_explicit_allow_origin": bool(instance.preflight_explicit_allow_origin),
        "preflight_fields": _fields(instance.preflight_headers),
        "simple_fields": _fields(instance.simple_headers),
        "private_network": private_network,
        "repeat_origin": repeat_origin,
        "varies_always": joins,  # came with it
        "vary": "all" if joins else _joins_vary(),
    }


def _origin_pattern(pattern: Any) -> str | None:
    if pattern is None:
        return None
    if type(pattern) is not re.Pattern or not isinstance(pattern.pattern, str):
        raise Bridged("allow_origin_regex is no expression of Python's")
    try:
        return byte_pattern(pattern)
    except NotTranslatableError as error:
        raise Bridged(f"allow_origin_regex needs Python: {error}") from error


def _gzip(instance: Any) -> tuple[str, dict[str, Any]]:
    responders = ("GZipMiddleware", "GZipResponder", "IdentityResponder")
    _check_code(*(vars(gzip)[name] for name in responders if hasattr(gzip, name)))
    _check_headers()
    level, minimum_size = instance.compresslevel, instance.minimum_size
    if type(minimum_size) is not int or minimum_size < 1:
        raise Bridged("minimum_size is below 1")
    if type(level) is not int or not 1 <= level <= 9:
        raise Bridged("compresslevel is none of 1 to 9")
    if not _same_zlib(level):
        raise Bridged("Python's zlib is another one")
    responder = _starlette_gzip.GZipResponder
    compress = getattr(responder, "_compress_body", None)  # 1.4
    in_threads = getattr(instance, "thread_minimum_size", sys.maxsize)  # 1.4
    if type(in_threads) is not int or in_threads < 1:
        raise Bridged("thread_minimum_size is below 1")
    types = getattr(instance, "exclude_content_types", None)  # 1.5
    prefixes = getattr(gzip, "DEFAULT_EXCLUDED_CONTENT_TYPES", ()) if types is None else ()  # 0.46
    identity = getattr(gzip, "IdentityResponder", None)  # 0.46
    reads = identity.send_with_compression.__code__ if identity is not None else None
    return "gzip", {
        "minimum_size": minimum_size,
        "level": level,
        "largest_inline": min(in_threads, sys.maxsize) - 1,
        "format": "file" if compress is None else "zlib",
        "flushes_pieces": compress is not None and "Z_SYNC_FLUSH" in _names_in(compress),
        "varies_without": identity is not None,
        "vary": _joins_vary(),
        "excludes_partial": reads is not None and "partial_response" in reads.co_names,
        "excluded_types": _texts(types or (), "exclude_content_types"),
        "excluded_prefixes": _texts(prefixes, "DEFAULT_EXCLUDED_CONTENT_TYPES"),
        "grpc_suffixes": reads is not None and "application/grpc+" in reads.co_consts,
    }


@functools.cache
def _same_zlib(level: int) -> bool:
    """Whether the native side's zlib makes the very bytes that Python's does."""
    if _core.zlib_version() != zlib.ZLIB_RUNTIME_VERSION:
        return False
    numbers = random.Random(level)
    samples = [
        b"a",
        b" ".join(b"%d" % numbers.randrange(1000) for _ in range(20_000)),
        numbers.randbytes(70_000),
        b'{"name": "hammer", "price": 3.5}, ' * 3_000,
    ]
    return all(_compressed(sample, level) == _core.gzip(sample, level) for sample in samples)


def _compressed(body: bytes, level: int) -> bytes:
    compressor = zlib.compressobj(level, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return compressor.compress(body) + compressor.flush()


def _trusted_host(instance: Any) -> tuple[str, dict[str, Any]] | None:
    _check_code(trustedhost.TrustedHostMiddleware)
    if instance.allow_any:
        return None
    hosts = _texts(instance.allowed_hosts, "allowed_hosts")
    www_redirect = bool(instance.www_redirect) and any(host.startswith(b"www.") for host in hosts)
    if www_redirect:
        _check_urls()
    names = _names_in(trustedhost.TrustedHostMiddleware.__call__)
    reading = "before colon"
    if "parse_host_header" in names:  # 1.7
        reading = "lower case" if "lower" in names else "parsed"  # 1.9
    return "trusted_host", {"allowed_hosts": hosts, "www_redirect": www_redirect, "reading": reading}


def _https_redirect(_instance: Any) -> tuple[str, dict[str, Any]]:
    _check_code(httpsredirect.HTTPSRedirectMiddleware)
    _check_urls()
    return "https_redirect", {}


def _session(found: NativeLayers, further_in: list[Any], instance: Any) -> tuple[str, dict[str, Any]]:
    owner = type(instance)
    session = getattr(sys.modules[owner.__module__], "Session", None)  # 1.0
    _check_code(owner, *(() if session is None else (session,)))
    if found.sessions is not None:
        raise Bridged("one around another")
    edited = any(type(layer) in (cors.CORSMiddleware, gzip.GZipMiddleware) for layer in further_in)
    found.sessions = Sessions(instance, edited_further_in=edited)
    return "session", {"cookie": found.sessions.cookie}


_READERS: dict[type, Callable[[Any], tuple[str, dict[str, Any]] | None]] = {
    cors.CORSMiddleware: _cors,
    gzip.GZipMiddleware: _gzip,
    trustedhost.TrustedHostMiddleware: _trusted_host,
    httpsredirect.HTTPSRedirectMiddleware: _https_redirect,
}
