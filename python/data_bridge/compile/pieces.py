"""Starlette's ``StreamingResponse``: its pieces go to the connection without a message for each.

Where a response's ``send`` leads straight to the server, ``async for`` and ``await send(...)`` are one coroutine.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import StreamingResponse

from .. import _core
from .patched_method import PatchedMethod
from .pristine import is_own_function
from .source_fingerprint import fingerprint
from .straight_send import straight_send

#: ``stream_response`` that does what is done here.
_KNOWN = {"1c5a1b3b5e0a", "700db9ea3c5c"}  # Starlette 0.38, 0.50


def _served(own: Any) -> Any:
    """``StreamingResponse.stream_response`` while applications are served."""
    if not is_own_function(own, ("starlette",)) or fingerprint(own) not in _KNOWN:
        return own

    async def stream_response(self: Any, send: Any) -> None:
        straight = straight_send(send)
        if straight is None:
            await own(self, send)
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await _core.send_pieces(self, straight)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return stream_response


def send_natively() -> PatchedMethod:
    """Until :meth:`~PatchedMethod.leave`."""
    return PatchedMethod(StreamingResponse, "stream_response", _served)
