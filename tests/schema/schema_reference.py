"""What FastAPI itself answers to a body: the other half of every comparison here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

from fastapi import FastAPI, Response
from pydantic import BaseModel

from data_bridge._core import SchemaModel
from data_bridge.dialect import WRITES_BY_PYDANTIC
from data_bridge.schema import export_model

Answer = tuple[int, bytes]

_loop = asyncio.new_event_loop()


class Reference:
    """One FastAPI route whose body is `model` and whose answer is the model in JSON mode."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._app = FastAPI(openapi_url=None)

        async def echo(item: Any) -> Response:
            text = item.model_dump_json(by_alias=True)
            if not WRITES_BY_PYDANTIC:
                text = json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
            return Response(text, media_type="application/json")

        echo.__annotations__["item"] = model
        self._app.post("/")(echo)

    def post(self, body: bytes, content_type: str | None = "application/json") -> Answer:
        """Status and body, by ASGI without a client in between."""
        headers = [] if content_type is None else [(b"content-type", content_type.encode("latin-1"))]
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/",
            "raw_path": b"/",
            "root_path": "",
            "query_string": b"",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
        }
        status = 0
        parts: list[bytes] = []

        async def receive() -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            status = message.get("status", status)
            parts.append(message.get("body", b""))

        try:
            _loop.run_until_complete(self._app(scope, receive, send))
        except Exception:
            # ServerErrorMiddleware raises again after it has answered, for the server to log.
            assert status == 500
        return status, b"".join(parts)


class Pair:
    """A model in FastAPI and in the native core."""

    def __init__(self, model: type[BaseModel]) -> None:
        self.reference = Reference(model)
        self.native = SchemaModel(export_model(model))

    def check(self, body: bytes) -> Answer:
        """Asserts that both answer alike; returns the answer."""
        expected = self.reference.post(body)
        assert self.native.validate(body) == expected, body
        return expected
