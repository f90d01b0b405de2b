"""Starlette's ``FileResponse`` (and with it ``StaticFiles``) over ``http.response.pathsend``: sendfile(2), ranges too.

The code stays Starlette's own, of whatever release. Where a response's ``send`` leads straight to the server, a file
that it opens is only described, what it reads of that are slices, and what it sends of them is one message, which the
connection's thread answers. Anywhere else, behind middleware that may look at bodies, the extension is not announced,
and bytes are read and sent as under uvicorn.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import anyio
import starlette.responses
from starlette.responses import FileResponse

from .. import _core
from . import threads
from .patched_method import PatchedMethod
from .pristine import is_own_function, with_globals
from .source_fingerprint import fingerprint
from .straight_send import straight_send

_EXTENSION = "http.response.pathsend"

#: How files are opened, read and sent.
_KNOWN = {
    "__call__": {
        "c99daa437a80",  # Starlette 0.38
        "c21d4f3b757f",  # 0.46
        "24699c79649c",  # 0.48
        "1d1f9375b1b1",  # 1.3
        "02cab1a9515b",  # 1.9
        "77970fa0acb2",  # 1.10
    },
    "_handle_simple": {"b77266894afa", "cdfd371c240b", "1e9db996e819"},
    "_handle_single_range": {"8b275665b3cc", "e0f1f6f61d7e", "bed94e6148b4"},
    "_handle_multiple_ranges": {"38f81a3c0c89", "ef214423c63c"},
}

#: Several ranges before Starlette 1.0, which are more than their Content-Length says: an answer that breaks off, piece
#: by piece. Nobody need be faster at that.
_MISCOUNTED = {"_handle_multiple_ranges": "a2a79624332a"}

#: More than a file has: who reads so much reads all of it.
_ALL = 1 << 62


class _Slice:
    """Bytes of a file that are where they are; ``size`` is None for all that follows."""

    def __init__(self, offset: int, size: int | None) -> None:
        self.offset = offset
        self.size = size

    def __len__(self) -> int:
        return self.size or 0  # of all that follows: less than was asked for, so that nobody asks again


class _DescribedFile:
    """What ``anyio.open_file()`` gives, of a file that the connection's thread opens."""

    def __init__(self) -> None:
        self._position = 0

    async def __aenter__(self) -> _DescribedFile:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def seek(self, position: int) -> None:
        """As a file's."""
        self._position = position

    async def read(self, size: int) -> _Slice:
        """As a file's, whose end is not reached."""
        offset = self._position
        self._position += size
        return _Slice(offset, None if size == _ALL else size)


async def _open_described(*_: object, **__: object) -> _DescribedFile:
    return _DescribedFile()


class _SlicesToPath:
    """A ``send`` that makes one message of the pieces of a body that are slices."""

    def __init__(self, send: Any, path: Any) -> None:
        self.straight = send
        self._path = path
        self._parts: list[tuple[bytes, int, int]] = []
        self._text = b""
        self._all = False

    async def send(self, message: Any) -> None:
        """As ``send``."""
        if message["type"] != "http.response.body":
            await self.straight(message)
            return
        body = message["body"]
        if type(body) is not _Slice:
            self._text += body
        elif body.size is None:
            self._all = True
        else:
            self._parts.append((self._text, body.offset, body.size))
            self._text = b""
        if message.get("more_body", False):
            return
        if self._all:
            await self.straight({"type": _EXTENSION, "path": self._path})
        elif self._parts:
            ranges = {"data_bridge.parts": self._parts, "data_bridge.after": self._text}
            await self.straight({"type": _EXTENSION, "path": self._path, **ranges})
        else:
            await self.straight(message)


def _served(own: Any) -> Any:
    """``FileResponse.__call__`` while applications are served."""
    direct = _direct_class(own)
    announced = _core.pathsend_extension()

    # A response may be an application itself: whoever asks whether it is one of ASGI 3 asks for a coroutine function.
    async def __call__(self: Any, scope: Any, receive: Any, send: Any) -> None:
        extensions = scope.get("extensions")
        # Other servers of the process, and tests, have an extension of their own.
        if not extensions or extensions.get(_EXTENSION) is not announced:
            await own(self, scope, receive, send)
            return
        if (
            direct is not None
            and type(self) is FileResponse
            and isinstance(self.path, str | os.PathLike)
            and straight_send(send) is not None
        ):
            await direct.__call__(_alike(direct, self), scope, receive, _SlicesToPath(send, self.path).send)
            return
        others = {name: value for name, value in extensions.items() if name != _EXTENSION}
        await own(self, {**scope, "extensions": others}, receive, send)

    return __call__


def _alike(kind: Any, response: Any) -> Any:
    """The same response, as one of another class."""
    same = object.__new__(kind)
    same.__dict__ = response.__dict__
    return same


def _by_pieces(own: Any) -> Any:
    def handle(self: Any, send: Any, *rest: Any) -> Any:
        return own(_alike(FileResponse, self), send.__self__.straight, *rest)

    return handle


def _direct_class(own: Any) -> Any:
    """FileResponse as it is, but for what it takes for files; None where it is not one that is known."""
    found = {**vars(FileResponse), "__call__": own}
    functions: dict[str, Any] = {name: found[name] for name in _KNOWN if name in found}
    names = SimpleNamespace(**{name: getattr(anyio, name) for name in ("create_task_group", "CancelScope")})
    names.open_file = _open_described
    names.to_thread = SimpleNamespace(run_sync=threads.run_in_threadpool)
    members: dict[str, Any] = {}
    for name, function in functions.items():
        if not is_own_function(function, ("starlette",)):
            return None
        if fingerprint(function) in _KNOWN[name]:
            members[name] = with_globals(function, starlette.responses, {"anyio": names})
        elif fingerprint(function) == _MISCOUNTED.get(name):
            members[name] = _by_pieces(function)
        else:
            return None

    @contextlib.asynccontextmanager
    async def _open_file(_self: Any) -> AsyncIterator[_DescribedFile]:
        yield _DescribedFile()

    return type("FileResponse", (FileResponse,), {**members, "_open_file": _open_file, "chunk_size": _ALL})


def answer_natively() -> PatchedMethod:
    """Until :meth:`~PatchedMethod.leave`."""
    return PatchedMethod(FileResponse, "__call__", _served)
