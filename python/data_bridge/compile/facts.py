"""What a route does, in neutral terms: :mod:`.framework` reads it from FastAPI's objects, :mod:`.plan` makes a program.

Nothing here, nor in :mod:`.plan`, knows how a release of FastAPI keeps it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Literal

from .._core import ResponseWriter

Location = Literal["path", "query", "header", "cookie", "body", "form"]
CallKind = Literal["async", "thread", "enter", "stream", "application"]

#: Objects that FastAPI injects by annotation.
Injected = Literal["request", "response", "background_tasks"]


class Bridged(Exception):
    """Raised with the reason why a route, or an application, is left to FastAPI's own code."""


@dataclass(slots=True)
class FieldFacts:
    """One parameter with a name of its own.

    ``errors(index of the alias, ValidationError or None)`` lists what was wrong; None: it is missing.
    """

    name: str
    location: Location
    aliases: list[str]
    errors: Callable[[int, Any], list[Any]]
    validate: Callable[..., Any] | None = None  # None: any str is valid as it is
    many: bool = False
    required: bool = True
    default: Any = None  # immutable
    make_default: Callable[[], Any] | None = None
    validate_default: bool = False
    null_is_absent: bool = False
    path_index: int = 0
    pure: bool = True  # its validation runs no code of the application's


@dataclass(slots=True)
class CredentialFacts:
    """What a security scheme returns where it has nothing to refuse: the text of a parameter.

    ``bearer``: what follows on "Bearer" in it. ``make(scheme=, credentials=)``: what is returned of that, if not a str.
    """

    location: Location
    name: str
    kind: type  # of the scheme; as long as nobody changes the class
    bearer: bool = False
    make: Callable[..., Any] | None = None


@dataclass(slots=True)
class LooseFacts:
    """Parameters that FastAPI's own function reads, all of one location: ``read(request)`` or ``await read(body)``.

    It gives (values by name, errors). ``fields``: the same one by one, for forms that leave nothing open.
    """

    location: Location
    names: list[str]
    read: Callable[[Any], Any]
    fields: list[FieldFacts] = field(default_factory=list)


@dataclass(slots=True)
class CallFacts:
    """A dependency, or the endpoint: what is called, with what."""

    call: Callable[..., Any]
    kind: CallKind
    name: str | None = None  # the argument that its result becomes; None: nobody's
    use_cache: bool = True
    key: Hashable = None  # dependencies of one key share a result
    function_scope: bool = False  # exits when the endpoint is done, not when the response was sent
    dependencies: list[CallFacts] = field(default_factory=list)
    fields: list[FieldFacts | LooseFacts] = field(default_factory=list)  # in FastAPI's order
    injected: list[tuple[Injected, str]] = field(default_factory=list)
    credential: CredentialFacts | None = None  # what may be done in place of calling it
    takes_request: bool = False  # as its only argument, by position
    made: list[tuple[str, Callable[[], Any]]] = field(default_factory=list)  # fresh objects, by name
    #: Kind "enter": (stack, arguments, request) -> awaitable of the value.
    enter: Callable[[Any, dict[str, Any], Any], Awaitable[Any]] | None = None
    #: The same, where it is enough that this is called and its generator is exited.
    generator: Callable[..., Any] | None = None
    #: Kind "stream": (request, arguments, injected response, tasks or None) -> awaitable of the response.
    stream: Callable[[Any, dict[str, Any], Any, Any], Awaitable[Any]] | None = None


@dataclass(slots=True)
class NativeForm:
    """What the native readers of forms make Starlette's objects with; see ``FormPlan`` in plan.hpp."""

    max_files: int
    max_fields: int
    max_part_size: int
    inherited: Any
    make_upload: Callable[[str, list[tuple[bytes, bytes]]], Any]
    fill: Callable[[Any, bytes], None]
    write: Callable[[list[tuple[Any, bytes | None]]], Awaitable[None]]
    make_form: Callable[[list[tuple[str, Any]]], Any]
    keep: Callable[[Any, Any, Any], None]
    read_again: Callable[[Any, Any, list[Any], list[Any], bool], Awaitable[Any]]


@dataclass(slots=True)
class FormFacts:
    """How a body becomes a form. ``read``: (request, the request's stack of exits) -> form."""

    read: Callable[[Any, Any], Awaitable[Any]]
    native: NativeForm | None  # None: by ``read`` alone


@dataclass(slots=True)
class BodyFacts:
    """How the request's body becomes what :class:`FieldFacts` of location "body" are read from."""

    strict_content_type: bool
    decode: Callable[[bytes, Any], Any]  # (bytes, scope) where the fast parser refuses
    unreadable: Callable[[Any, Any], BaseException]  # (exception or None for a client that left, scope)
    read: Callable[[Any], Awaitable[Any]]  # (request) -> value, of a Request that somebody else has made
    form: FormFacts | None = None  # None: a JSON body


@dataclass(slots=True)
class ResponseFacts:
    """What becomes of the endpoint's result. ``render``, ``wrap``: (content, injected response, tasks) -> Response."""

    status: int
    render: Callable[[Any, Any, Any], Any]
    wrap: Callable[[Any, Any, Any], Any]
    validate: Callable[..., Any] | None = None
    to_json: Callable[..., bytes] | None = None
    to_json_keywords: dict[str, Any] = field(default_factory=dict)
    invalid: Callable[[Any, Any, Any], BaseException] | None = None  # (content, ValidationError, scope)
    encode: Callable[[Any], Any] | None = None
    plain_json: bool = False
    #: Does what ``validate`` and ``to_json`` do, where they would run nobody's code.
    writer: ResponseWriter | None = None


@dataclass(slots=True)
class ScopeFacts:
    """What routing leaves in the scope."""

    path_names: list[str]
    path_converts: list[Callable[[str], Any] | None]
    router: Any
    endpoint: Any
    route: Any
    fastapi: dict[str, Any] | None


@dataclass(slots=True)
class RouteFacts:
    """One route."""

    endpoint: CallFacts
    body: BodyFacts | None
    response: ResponseFacts
    scope: ScopeFacts
    overrides: Any  # the object whose dependency_overrides must be empty; None: there is none
    invalid_request: Callable[[list[Any], Any, Any], BaseException] | None  # (errors, body, scope)
    has_stacks: bool = True  # FastAPI's exit stacks are in the scope
