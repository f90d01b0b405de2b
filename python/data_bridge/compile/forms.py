"""Forms that are read natively: whether that is the same, and Starlette's objects for what was read.

The native readers (core/forms) take forms as clients send them; what they leave is read by Starlette, from the
beginning. So that no rule of one release counts, only that forms of the usual kind are what they have always been, the
readers that are installed are tried out with some.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import io
import logging
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import starlette.formparsers
import starlette.requests
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.requests import Request

from .. import _core
from .facts import NativeForm
from .pristine import patched_names

logger = logging.getLogger("data_bridge")

_parsers: Any = starlette.formparsers
_PIECE = 64 * 1024

#: What a form that is read natively goes around.
_SITES: list[tuple[Any, tuple[str, ...]]] = [
    (Request, ("_get_form", "form", "stream", "close")),
    (_parsers, ("_user_safe_decode",)),
    (_parsers.FormParser, ("__init__", "parse", "on_field_start", "on_field_name", "on_field_data", "on_field_end")),
    (
        _parsers.MultiPartParser,
        (
            "__init__",
            "parse",
            "on_part_begin",
            "on_part_data",
            "on_part_end",
            "on_header_field",
            "on_header_value",
            "on_header_end",
            "on_headers_finished",
        ),
    ),
    (UploadFile, ("__init__", "write", "seek", "_will_roll")),
    (FormData, ("__init__", "close")),
]


def native_form(
    limits: dict[str, Any],
    inherited: Any,
    read: Callable[[Any, Any], Awaitable[Any]],
) -> NativeForm | None:
    """How forms within ``limits``, keywords of ``request.form()``, are read; None: by ``read`` alone."""
    return None if foreign_reason() else _native_form(limits, inherited, read)


def _native_form(limits: dict[str, Any], inherited: Any, read: Any) -> NativeForm | None:
    sizes = {name: limits.get(name, default) for name, default in _default_limits().items()}
    if not all(isinstance(size, (int, float)) and size >= 0 for size in sizes.values()):
        return None
    most = {name: int(min(size, 2**62)) for name, size in sizes.items()}

    async def read_again(request: Request, stack: Any, due: list[Any], pieces: list[Any], ended: bool) -> Any:
        received = request._receive
        await write(due)
        body = _messages(pieces, ended)

        async def receive() -> Any:
            async for message in body:
                return message
            return await received()

        request._receive = receive
        try:
            return await read(request, stack)
        finally:
            request._receive = received
            await body.aclose()  # type: ignore[attr-defined]

    return NativeForm(
        **most,
        inherited=inherited,
        make_upload=make_upload,
        fill=fill,
        write=write,
        make_form=FormData,
        keep=keep,
        read_again=read_again,
    )


async def _messages(pieces: list[Any], ended: bool) -> AsyncIterator[dict[str, Any]]:
    """What was received, again; the files among it are closed."""
    uploads = [piece for piece in pieces if not isinstance(piece, bytes)]
    try:
        for piece in pieces:
            if isinstance(piece, bytes):
                yield {"type": "http.request", "body": piece, "more_body": True}
                continue
            await piece.seek(0)
            while content := await piece.read(_PIECE):
                yield {"type": "http.request", "body": content, "more_body": True}
        if ended:
            yield {"type": "http.request", "body": b"", "more_body": False}
    finally:
        for upload in uploads:
            with contextlib.suppress(OSError):
                await upload.close()


# --- Starlette's objects ---------------------------------------------------------------------------


def make_upload(filename: str, fields: list[tuple[bytes, bytes]]) -> UploadFile:
    """As ``MultiPartParser.on_headers_finished``."""
    parser = _parsers.MultiPartParser
    size = parser.spool_max_size if hasattr(parser, "spool_max_size") else parser.max_file_size  # 0.46
    file = tempfile.SpooledTemporaryFile(max_size=size)  # noqa: SIM115
    return UploadFile(file=file, size=0, filename=filename, headers=Headers(raw=fields))  # type: ignore[arg-type]


def fill(upload: UploadFile, content: bytes) -> None:
    """Make ``content``, which is not more than is kept in memory, that of an empty file: without a copy."""
    memory = upload.file._file  # type: ignore[attr-defined]
    memory.__init__(content)
    upload.size = len(content)


async def write(due: list[tuple[UploadFile, bytes | None]]) -> None:
    """As ``MultiPartParser.parse``. A file that is complete is rewound."""
    for upload, content in due:
        if content is None:
            await upload.seek(0)
        else:
            await upload.write(content)


def keep(form: FormData, scope: Any, stack: Any) -> None:
    """Have the files closed where FastAPI does it."""
    closing = scope.get("fastapi_middleware_astack") or stack
    closing.push_async_callback(form.close)


# --- whether it is the same ------------------------------------------------------------------------


@functools.cache
def _default_limits() -> dict[str, Any]:
    parameters = inspect.signature(Request.form).parameters
    defaults = {"max_files": 1000, "max_fields": 1000, "max_part_size": 1024 * 1024}
    return {name: parameters[name].default if name in parameters else value for name, value in defaults.items()}


@functools.cache
def foreign_reason() -> str:
    """Why no form of this process is read natively; empty: they are. Logged once."""
    reason = _foreign_reason()
    if reason:
        logger.info("forms are read by Starlette's parsers: %s", reason)
    return reason


def _foreign_reason() -> str:
    try:
        sites = [(owner, [name for name in names if name in vars(owner)]) for owner, names in _SITES]
        if patched := patched_names(sites, ("starlette",)):
            return f"patched by another package: {', '.join(patched[:3])}"
        for name in ("MultiPartParser", "FormParser", "FormData"):
            if vars(starlette.requests).get(name) is not getattr(_parsers, name):
                return f"starlette.requests.{name} was replaced"
        for name, own in (("UploadFile", UploadFile), ("SpooledTemporaryFile", tempfile.SpooledTemporaryFile)):
            if vars(_parsers).get(name) is not own:
                return f"starlette.formparsers.{name} was replaced"
        with make_upload("", []).file as file:
            if type(file._file) is not io.BytesIO:  # type: ignore[attr-defined]
                return "temporary files of another kind"
        return _difference()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _part(name: bytes, data: bytes, more: bytes = b"") -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="' + name + b'"' + more + b"\r\n\r\n" + data + b"\r\n"


_FILE = b'; filename="\xc3\xa9 1;a=b.txt"\r\nContent-Type: text/plain; charset="x"\r\nX-More:  1 '
_TRIED: list[tuple[bytes, list[bytes]]] = [
    (
        kind,
        [whole, *(piece for cut in range(1, 4) for piece in (whole[: cut * 40], whole[cut * 40 :]))],
    )
    for kind, whole in [
        (b"application/x-www-form-urlencoded", b"a=1&b=%C3%A9+%2B%26%3D&c&=d&e==f&a=\xe9&%ff=%f&g="),
        (b"application/x-www-form-urlencoded; charset=utf-8", b"a=1&"),
        (
            b"multipart/form-data; boundary=b",
            _part(b"a", b"1\r\n--\r\n--a") + _part(b"\xc3\xa9; x", b"\xc3\xa9") + _part(b"a", b"\xe9") + b"--b--",
        ),
        (
            b'multipart/form-data; boundary="b"',
            _part(b"f", b"\r\n\r\n-", _FILE) + _part(b"f", b"", b'; filename=""') + b"--b--\r\nmore",
        ),
    ]
]


def _difference() -> str:
    for kind, (whole, *cut) in _TRIED:
        for pieces in ([whole], *zip(cut[::2], cut[1::2], strict=True), [bytes([byte]) for byte in whole]):
            theirs, ours = read_by_starlette(kind, pieces), read_natively(kind, pieces)
            if ours != theirs:
                return f"{kind!r} {pieces!r}: {ours}, Starlette {theirs}"
    return ""


def read_natively(kind: bytes, pieces: Any, **limits: int) -> Any:
    """A form as it is read natively, described; where that is left to Starlette what it is given, or None for all."""
    read = _core.read_form(kind, list(pieces), _native_form(limits, None, None))
    if read is None:
        return None
    due, form = read
    _run(write(due))
    return _described(form.multi_items()) if isinstance(form, FormData) else _run(_joined(form))


async def _joined(pieces: list[Any]) -> bytes:
    return b"".join([message["body"] async for message in _messages(pieces, False)])


def _run(coroutine: Any) -> Any:
    """The result of what never waits; ``waits`` of what does."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    finally:
        coroutine.close()
    return "waits"


def read_by_starlette(kind: bytes, pieces: Any, **limits: int) -> Any:
    """As Starlette reads it; an exception is described by its type and message."""
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append({"type": "http.request", "body": b"", "more_body": False})
    messages.reverse()

    async def receive() -> Any:
        return messages.pop()

    async def read() -> Any:
        request = Request({"type": "http", "headers": [(b"content-type", kind)]}, receive)
        return await request.form(**limits)

    try:
        form = _run(read())
    except Exception as error:
        return type(error), str(error), getattr(error, "message", None)
    return _described(form.multi_items()) if isinstance(form, FormData) else form


def _described(items: list[tuple[str, Any]]) -> list[Any]:
    return [(name, value if isinstance(value, str) else _described_upload(value)) for name, value in items]


def _described_upload(upload: UploadFile) -> Any:
    file: Any = upload.file
    position = file.tell()
    content = file.read()
    rolled = file._rolled
    file.close()
    return upload.filename, upload.headers.raw, upload.size, upload.content_type, position, content, rolled
