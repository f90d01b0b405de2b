"""Whether what an application sends by a ``send`` reaches the server as it is."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from types import BuiltinFunctionType, CodeType, FunctionType
from typing import Any

from starlette._exception_handler import wrap_app_handling_exceptions
from starlette.middleware.errors import ServerErrorMiddleware

from .. import _core
from . import finish
from .pristine import is_own_function
from .source_fingerprint import fingerprint

#: Functions that put one of their own in the place of ``send``, which lets every message pass as it is.
_PASSING: list[tuple[Any, set[str]]] = [
    (wrap_app_handling_exceptions, {"e353c194aa7d", "092e69bb1199", "e8e6a02d5e9b"}),
    (ServerErrorMiddleware.__call__, {"a84d5e9ec464", "5132285e09e1"}),
]


def _nested(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _nested(constant)


@functools.cache
def _passing_codes() -> frozenset[CodeType]:
    """Of functions in the place of a ``send`` that they have in their closure."""
    owners = [function for function, known in _PASSING if fingerprint(function) in known]
    owners = [function for function in owners if is_own_function(function, ("starlette",))]
    owners.append(finish.NativeFinish.__call__)
    codes = (code for function in owners for code in _nested(function.__code__))
    return frozenset(
        code for code in codes if "send" in code.co_freevars and code.co_varnames[: code.co_argcount] == ("message",)
    )


def straight_send(send: Any) -> Any:
    """The server's own ``send`` behind ``send``, if all between the two lets messages pass as they are; else None.

    What is between may look at the messages that begin an answer.
    """
    passing = _passing_codes()
    while isinstance(send, FunctionType) and send.__code__ in passing and send.__closure__ is not None:
        send = send.__closure__[send.__code__.co_freevars.index("send")].cell_contents
    return send if type(send) is BuiltinFunctionType and _core.is_asgi_send(send) else None
