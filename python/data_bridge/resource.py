"""A resource: what it was declared with, and what serves it in an application.

A router may be included in several applications, and in one of them several times with other dependencies, so that
there may be more than one of the latter. All of them in one application share its stores.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from ._core import CrudFaults, CrudOperation, CrudRequest, CrudResource, CrudStore
from .hooks import NO_CALLS, Hooks
from .list_fields import ListField
from .python_operations import PythonHalf
from .resource_options import Operation
from .resource_shapes import Shapes
from .scopes import Scopes
from .store_calls import Answer, read
from .stores import ModelError, StoreLimits, Stores
from .threadpool import run_in_threadpool

__all__ = ["AttachedResource", "Resource", "ServedResource"]

Endpoint = Callable[..., Any]


class Resource:
    """A registered resource: its options, and what Python does for it. Raises ValueError."""

    def __init__(
        self,
        model: type[BaseModel],
        *,
        path: str,
        shapes: Shapes,
        operations: Sequence[Operation],
        native: Mapping[str, Any],
        python: PythonHalf,
        hooks: Hooks,
        scopes: Scopes,
        store_url: str | None,
        timeout: float | None,
        unconfined: Mapping[str, Any],
        stored_fields: Sequence[ListField],
        complaint: str,
    ) -> None:
        self.model = model
        #: Options of the native half that clients do not confine: of scopes and of Python code.
        self.unconfined = unconfined
        self.stored_fields = stored_fields
        #: Why it cannot be served; "": it can. Of what may be mended until the start, by hooks.
        self.complaint = complaint
        self.timeout = timeout
        self.path = path
        self.key = shapes.key
        self.shapes = shapes
        self.operations = operations
        self.python = python
        self.hooks = hooks
        self.scopes = scopes
        self.store_url = store_url
        self.hook_names: dict[str, list[str]] = {
            name: hooks.names(name, creates=python.may_create) for name in operations
        }
        self.through_python = {name for name in operations if python.reasons(name) or self.hook_names[name]}
        #: What native operations leave to Python, as text by operation.
        self.doubts: dict[str, str] = {
            name: _listing(doubts)
            for name in operations
            if name not in self.through_python and (doubts := python.doubts(name))
        }
        self.routes: list[APIRoute] = []
        self._native = native
        self._served: weakref.WeakValueDictionary[tuple[int, frozenset[str]], ServedResource] = (
            weakref.WeakValueDictionary()
        )
        self._lock = threading.Lock()
        # An option that cannot be is found before any route is added.
        scopes.compile_with(self.make_native(StoreLimits(), CrudFaults(), frozenset(), **unconfined).scope)
        for name in operations:
            scopes.fixed(name)

    def make_native(
        self, limits: StoreLimits, faults: CrudFaults, foreign_parameters: frozenset[str], **changed: Any
    ) -> CrudResource:
        """The native half. `changed`: options for it."""
        return CrudResource(
            **{**self._native, **changed},
            max_page_bytes=limits.max_page_bytes,
            timeout=limits.timeout if self.timeout is None else self.timeout,
            foreign_parameters=sorted(foreign_parameters),
            faults=faults,
        )

    def served_by(self, stores: Stores, foreign_parameters: frozenset[str]) -> ServedResource:
        """What serves it out of `stores` on routes whose dependencies read these query parameters."""
        with self._lock:
            # Who has the id of a key is alive: its stores are kept by what serves, and keep that.
            served = self._served.get((id(stores), foreign_parameters))
            if served is None:
                served = ServedResource(self, stores, foreign_parameters)
                self._served[id(stores), foreign_parameters] = served
                stores.add(served)
            return served

    @property
    def place(self) -> tuple[str | None, str]:
        """Where its items are: of one place are all resources with the same."""
        return self.store_url, self._native["table"]

    def check_start(self) -> None:
        """Raises ModelError where a new item could not get what is not the client's to say, or what models lack.

        At the start, because hooks may come later than the resource that they are of.
        """
        if self.complaint:
            raise ModelError(self.complaint)
        if "create" not in self.operations or self.hooks.has("before_create"):
            return
        for name in self.python.items.marked.required:
            if not self.scopes.may_give("create", name):
                raise ModelError(
                    f"{self.model.__qualname__} at {self.path}: {name} is ReadOnly and has no default, and neither a "
                    "scope nor a hook before_create sets it"
                )

    @property
    def requires_match(self) -> bool:
        """Whether a write to an item without a precondition is refused."""
        return bool(self._native["require_match"])

    def withdraw(self) -> None:
        """Take it out of all stores, before anything has used it."""
        for served in list(self._served.values()):
            served.stores.remove(served)
        self._served.clear()

    def reasons(self, name: str) -> str:
        """Why an operation goes through Python, as text; "": it is native."""
        reasons = [*self.python.reasons(name), *(("", f"the hook {hook}") for hook in self.hook_names[name])]
        if scope := self.scopes.reason(name):
            reasons.append(("", scope))
        return _listing(reasons)

    def parameters(self, name: str) -> dict[str, Any]:
        """What the endpoint of an operation declares besides its request, to have FastAPI solve it."""
        return {**self.scopes.parameters(name), **self.hooks.parameters(self.hook_names[name])}


def _listing(reasons: Sequence[tuple[str, str]]) -> str:
    return "; ".join(f"{field}: {reason}" if field else reason for field, reason in reasons)


class AttachedResource:
    """The native half of a resource in the stores of an application, which open and close it."""

    def __init__(self, resource: Resource, stores: Stores, native: CrudResource) -> None:
        self.resource = resource
        self.stores = stores
        self.attached_to: CrudStore | None = None
        self._native = native

    @property
    def native(self) -> CrudResource:
        """The native half: the model, its table, and what clients may ask of it."""
        return self._native

    def attach(self, store: CrudStore) -> None:
        """Bring the table up to date in `store` and use it. Raises OSError, ValueError."""
        self._native.attach(store)
        self.attached_to = store

    def detach(self) -> None:
        """Forget the store, which is about to be closed."""
        self.attached_to = None
        self._native.detach()

    async def ensure_open(self) -> None:
        """Open the stores where nobody has done so yet."""
        if self.attached_to is None or not self.stores.is_open:
            await run_in_threadpool(self.stores.ensure_open)


class ServedResource(AttachedResource):
    """A resource in an application: its operations, in the application's stores."""

    def __init__(self, resource: Resource, stores: Stores, foreign_parameters: frozenset[str]) -> None:
        super().__init__(resource, stores, resource.make_native(stores.limits, stores.faults, foreign_parameters))
        #: For what goes through Python, where that needs other answers: items as they are stored.
        self._whole: CrudResource | None = None
        if (resource.through_python or resource.doubts) and resource.python.answers.show_a_part:
            options = resource.python.answers.options
            self._whole = resource.make_native(stores.limits, stores.faults, foreign_parameters, **options)
        self._operations: dict[str, CrudOperation] = {
            name: self._half_of(name).operation(name, resource.scopes.fixed(name)) for name in resource.operations
        }
        # What Python works with where a native operation is not sure, if that is another one.
        self._doubted: dict[str, CrudOperation] = {}
        if self._whole is not None:
            self._doubted = {name: self._whole.operation(name, resource.scopes.fixed(name)) for name in resource.doubts}
        self._endpoints: dict[str, Endpoint] = {}

    def _half_of(self, name: str) -> CrudResource:
        """The native half that an operation is of."""
        return self._whole if self._whole is not None and name in self.resource.through_python else self._native

    def attach(self, store: CrudStore) -> None:
        """As AttachedResource.attach()."""
        super().attach(store)
        if self._whole is not None:
            self._whole.attach(store)

    def detach(self) -> None:
        """As AttachedResource.detach()."""
        super().detach()
        if self._whole is not None:
            self._whole.detach()

    def operation(self, name: str) -> CrudOperation:
        """The native operation, for either door."""
        return self._operations[name]

    def endpoint(self, name: str) -> Endpoint:
        """What FastAPI calls for an operation."""
        if name not in self._endpoints:

            async def endpoint(request: Request, **solved: Any) -> Response:
                return await self.respond(name, request, solved)

            if not self.resource.reasons(name):
                # How data_bridge's server finds the native door, and what has to be behind it.
                endpoint.__data_bridge_operation__ = self.operation(name)  # type: ignore[attr-defined]
                endpoint.__data_bridge_doubts__ = self.resource.doubts.get(name, "")  # type: ignore[attr-defined]
            self._endpoints[name] = endpoint
        return self._endpoints[name]

    async def respond(self, name: str, request: Request, solved: Mapping[str, Any]) -> Response:
        """Hand `request` to the native operation and make a response of its answer. `solved`: by parameters()."""
        await self.ensure_open()
        resource = self.resource
        operation = self._operations[name]
        scope = resource.scopes.condition(name, solved)
        try:
            content = await request.body()
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it, and it is no fault
        asked = CrudRequest(
            _sent_path(request),
            query=request.scope["query_string"].decode("latin-1"),
            content_type=request.headers.get("content-type", ""),
            body=content,
            key=request.path_params.get(resource.key, ""),
            if_match=", ".join(request.headers.getlist("if-match")),
            if_none_match=", ".join(request.headers.getlist("if-none-match")),
            idempotency_keys=request.headers.getlist("idempotency-key") if name == "create" else [],
            scope=resource.scopes.native(scope),
        )
        answer: Answer | None = None
        if operation.is_read and name not in resource.through_python:
            answer = await read(operation, asked)
        elif name not in resource.through_python:
            answer = await run_in_threadpool(operation.perform_if_decided, asked)
        if answer is None:
            calls = resource.hooks.calls(solved) if resource.hook_names[name] else NO_CALLS
            doubted = self._doubted.get(name, operation)
            answer = await resource.python.perform(name, doubted, asked, calls, resource.scopes.values(scope))
        status, content_type, body, headers = answer
        response = Response(status_code=status)
        response.body = b"" if request.method == "HEAD" else body
        response.raw_headers = []
        if status not in (204, 304):
            response.raw_headers.append((b"content-length", str(len(body)).encode()))
        if content_type:
            response.raw_headers.append((b"content-type", content_type))
        response.raw_headers.extend(headers)
        return response


def _sent_path(request: Request) -> str:
    """The path as the client sent it, for links; its parent's ``root_path`` is part of it by ASGI."""
    raw: bytes | None = request.scope.get("raw_path")
    # By ASGI it has no query; Starlette's TestClient, before 0.40, and others have one there.
    return raw.partition(b"?")[0].decode("latin-1") if raw else quote(request.scope["path"], safe="/:@!$&'()*+,;=~-._")
