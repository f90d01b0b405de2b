"""FastAPI's own telemetry (0.142) sees what it sees under uvicorn; where it looks away, routes are compiled."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, HTTPException

from data_bridge.testing import LiveServer

from .pair import both_servers

if "telemetry" not in inspect.signature(FastAPI).parameters:
    pytest.skip("this FastAPI has no telemetry", allow_module_level=True)

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext

PATHS = ("/items/3?q=x", "/items/x", "/items/0", "/nowhere", "/quiet")


class Tracer(trace.Tracer):
    """Notes the spans that begin."""

    def __init__(self, seen: list[Any]) -> None:
        self._seen = seen

    def start_span(self, name: str, *_: Any, attributes: Any = None, **__: Any) -> Any:
        # What is of the one server or the other is left out.
        self._seen.append([name, {key: value for key, value in (attributes or {}).items() if key != "server.port"}])
        return NonRecordingSpan(SpanContext(trace_id=1, span_id=1, is_remote=False))

    @contextmanager
    def start_as_current_span(self, name: str, *_: Any, attributes: Any = None, **__: Any) -> Iterator[Any]:  # type: ignore[override]
        yield self.start_span(name, attributes=attributes)


class TracerProvider(trace.TracerProvider):
    def __init__(self) -> None:
        self.seen: list[Any] = []

    def get_tracer(self, *_: Any, **__: Any) -> Tracer:
        return Tracer(self.seen)


class OpenTelemetryMiddleware:
    """For FastAPI that of opentelemetry-instrumentation-asgi, beside which it is silent itself."""

    __module__ = "opentelemetry.instrumentation.asgi"

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


def make_app() -> FastAPI:
    provider = TracerProvider()
    app = FastAPI(
        telemetry={"tracer_provider": provider, "exclude": lambda scope: scope["path"] in ("/seen", "/quiet")}
    )

    async def number(q: str = "") -> int:
        return len(q)

    @app.get("/items/{item_id}")
    async def item(item_id: int, length: Annotated[int, Depends(number)]) -> list[int]:
        if item_id == 0:
            raise HTTPException(404, "none")
        return [item_id, length]

    @app.get("/quiet")
    async def quiet() -> str:
        return "quiet"

    @app.get("/seen")
    async def seen() -> list[Any]:
        return provider.seen

    return app


def make_instrumented() -> FastAPI:
    app = make_app()
    app.add_middleware(OpenTelemetryMiddleware)
    return app


@pytest.mark.parametrize("io_threads", [0, 1])
@pytest.mark.parametrize("make", [make_app, make_instrumented])
def test_spans_are_those_under_uvicorn(make: Any, io_threads: int) -> None:
    with both_servers(make, io_threads) as ports:
        for path in (*PATHS, "/seen"):
            theirs, ours = (httpx.get(f"http://127.0.0.1:{port}{path}") for port in ports)
            assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content)
        assert bool(ours.json()) == (make is make_app)


def test_what_it_watches_is_not_compiled_and_the_rest_is() -> None:
    with LiveServer(make_app()) as live:
        httpx.get(live.url + "/items/3")
        assert live.pop_counts() == {"bridged": 1}
        httpx.get(live.url + "/quiet")
        assert live.pop_counts() == {"compiled": 1}
    with LiveServer(make_instrumented()) as live:
        httpx.get(live.url + "/items/3")
        assert live.pop_counts() == {"compiled": 1}
