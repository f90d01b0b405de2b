"""``@app.crud``: a Pydantic model as a REST resource, made of ordinary FastAPI routes.

Each route's endpoint hands its request to the native operation that data_bridge's own server calls without Python, so
that a resource behaves the same under any ASGI server and in Starlette's ``TestClient``.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel, RootModel
from starlette.concurrency import run_in_threadpool

from data_bridge._core import CrudOperation, CrudResource, CrudStore
from data_bridge.hooks import NO_CALLS, Hooks
from data_bridge.list_fields import export_filters, list_fields, sort_terms
from data_bridge.list_parameters import page_query, warn_of_hidden_fields
from data_bridge.naming import plural, words
from data_bridge.python_operations import PythonHalf
from data_bridge.resource_options import (
    OPERATIONS,
    Operation,
    by_operation,
    check_operations,
    check_page_sizes,
    check_path,
    check_table,
    derived_model,
    frozen_fields,
    groups,
    kebab_plural,
    with_assignable_key,
)
from data_bridge.resource_shapes import Detail, Shapes, describe
from data_bridge.schema import export_item, export_model
from data_bridge.scopes import Scopes
from data_bridge.stores import StoreError, Stores, stores_of

__all__ = ["OPERATIONS", "Resource", "StoreError", "Stores", "register_crud", "stores_of", "withdraw_crud"]

_METHODS: Mapping[Operation, str] = {
    "list": "GET",
    "get": "GET",
    "create": "POST",
    "replace": "PUT",
    "update": "PATCH",
    "delete": "DELETE",
}


class Resource:
    """A registered resource: its options, and its operations once the native half is there."""

    def __init__(self, model: type[BaseModel], *, path: str, key: str, store_url: str | None, stores: Stores) -> None:
        self.model = model
        self.path = path
        self.key = key
        self.store_url = store_url
        self.stores = stores
        self.attached_to: CrudStore | None = None
        self._native: CrudResource | None = None
        self._python: PythonHalf | None = None
        self._operations: dict[str, CrudOperation] = {}
        self._through_python: set[str] = set()
        self.hooks = Hooks()
        self.scopes: Scopes
        self.hook_names: dict[str, list[str]] = {}
        self.routes: list[APIRoute] = []

    def set_native(self, native: CrudResource, operations: Sequence[str], python: PythonHalf) -> None:
        """Join the native half, and what Python does for it."""
        self._native = native
        self._python = python
        self.scopes.compile_with(native.scope)
        self._operations = {name: native.operation(name, self.scopes.fixed(name)) for name in operations}
        self._through_python = {name for name in operations if python.reasons(name) or self.hook_names[name]}

    def operation(self, name: str) -> CrudOperation:
        """The native operation, for either door."""
        return self._operations[name]

    def reasons(self, name: str) -> str:
        """Why an operation goes through Python, as text; "": it is native."""
        assert self._python is not None
        reasons = [*self._python.reasons(name), *(("", f"the hook {hook}") for hook in self.hook_names[name])]
        if scope := self.scopes.reason(name):
            reasons.append(("", scope))
        return "; ".join(f"{field}: {reason}" if field else reason for field, reason in reasons)

    def attach(self, store: CrudStore) -> None:
        """Bring the table up to date in `store` and use it. Raises OSError, ValueError."""
        assert self._native is not None
        self._native.attach(store)
        self.attached_to = store

    def detach(self) -> None:
        """Forget the store, which is about to be closed."""
        self.attached_to = None
        if self._native is not None:
            self._native.detach()

    def parameters(self, name: str) -> dict[str, Any]:
        """What the endpoint of an operation declares besides its request, to have FastAPI solve it."""
        return {**self.scopes.parameters(name), **self.hooks.parameters(self.hook_names[name])}

    async def respond(self, name: str, request: Request, solved: Mapping[str, Any]) -> Response:
        """Hand `request` to the native operation and make a response of its answer. `solved`: by parameters()."""
        if self.attached_to is None or not self.stores.is_open:
            await run_in_threadpool(self.stores.ensure_open)
        operation = self._operations[name]
        scope = self.scopes.condition(name, solved)
        arguments = (
            _sent_path(request),
            request.scope["query_string"].decode("latin-1"),
            request.headers.get("content-type", ""),
            await request.body(),
            request.path_params.get(self.key, ""),
            ", ".join(request.headers.getlist("if-match")),
            ", ".join(request.headers.getlist("if-none-match")),
            self.scopes.native(scope),
        )
        # A read takes microseconds, less than a thread; a write waits for the disk.
        assert self._python is not None
        if name in self._through_python:
            calls = self.hooks.calls(solved) if self.hook_names[name] else NO_CALLS
            answer = await self._python.perform(name, operation, arguments, calls, self.scopes.values(scope))
        elif operation.is_read:
            answer = operation.perform(*arguments)
        else:
            answer = await run_in_threadpool(operation.perform, *arguments)
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
    return raw.decode("latin-1") if raw else quote(request.scope["path"], safe="/:@!$&'()*+,;=~-._")


# --- registration -----------------------------------------------------------------------------------


def register_crud(
    app: FastAPI,
    model: type[BaseModel],
    *,
    path: str | None = None,
    key: str = "id",
    operations: Sequence[Operation] | None = None,
    unique: Sequence[str | Sequence[str]] = (),
    indexes: Sequence[str | Sequence[str]] = (),
    page_size: int = 20,
    max_page_size: int = 100,
    sort: str | None = None,
    require_match: bool = False,
    dependencies: Sequence[Any] | Mapping[str, Sequence[Any]] | None = None,
    tags: list[str | Enum] | None = None,
    summary: str | None = None,
    include_in_schema: bool = True,
    responses: dict[int | str, dict[str, Any]] | None = None,
    table: str | None = None,
    store: str | None = None,
    hooks: type | None = None,
    scope: Any = None,
) -> Resource:
    """Add the resource of `model` to `app`.

    `path`: where it is mounted, by default the plural of the model's name in kebab-case. `key`: the field that names an
    item, an int or a UUID (assigned where absent) or a str (given by the client); a model without such a field gets an
    int in its output. `operations`: what exists, by default all of `OPERATIONS`. `unique`, `indexes`: names of fields,
    or tuples of them. `sort`: the order of lists that ask for none, like ``"-price,name"``; it gets an index.
    `require_match`: writes to an item need an If-Match, else 428. `table`: by default the path's last part. `store`: a
    URL, by default the app's. `summary` is what the documentation calls an item. `dependencies`: as FastAPI's.
    `scope`: a condition, or a dependency that returns one or None, that confines the resource to some of the items.
    Each of both is one for all operations, or a dict by operation, where ``"read"`` stands for list and get and
    ``"write"`` for the others. `hooks`: a class whose methods run around writes, as ``@app.crud(Model, ...)`` above it
    says. The rest is FastAPI's.

    What of the model needs Python (validators, computed fields, types without a native form) takes the operations that
    it concerns through Python; `Resource.reasons()` and ``data-bridge routes`` tell which and why.

    Raises TypeError or ValueError for options that cannot be.
    """
    options = f"app.crud({getattr(model, '__qualname__', model)!s})"
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise TypeError(f"{options}: not a Pydantic model")
    if issubclass(model, RootModel):
        raise TypeError(f"{options}: a RootModel has no fields to store")
    path = check_path(options, "/" + kebab_plural(model.__name__) if path is None else path)
    table = check_table(options, path.rsplit("/", 1)[1] if table is None else table)
    chosen = check_operations(options, OPERATIONS if operations is None else operations)
    check_page_sizes(options, page_size, max_page_size)
    if not (isinstance(key, str) and key.isidentifier() and not key.startswith("_")):
        raise ValueError(f"{options}: key={key!r} is not the name of a field")
    native_model = with_assignable_key(options, model, key)
    depended = by_operation(options, "dependencies", dependencies)

    stores = stores_of(app)
    resource = Resource(model, path=path, key=key, store_url=store, stores=stores)
    fields = list_fields(native_model, key)
    warn_of_hidden_fields(options, fields)
    resource.hooks = Hooks(hooks)
    resource.scopes = Scopes(options, scope, fields)
    shapes = Shapes(model, native_model, key, page_size, max_page_size, fields)
    exported = export_item(native_model)
    python = PythonHalf(native_model, key, shapes.key_type, exported)
    python.may_create = "create" in chosen and key in model.model_fields and shapes.key_type is not int
    resource.hook_names = {name: resource.hooks.names(name, creates=python.may_create) for name in chosen}
    native: dict[str, Any] = {
        "item": exported.text,
        "key_model": export_model(derived_model("Key", {key: (shapes.key_type, ...)})),
        "page": export_model(page_query(page_size, max_page_size)),
        "filters": export_filters(native_model, fields),
        "fields": [field.native for field in fields],
        "sort": sort_terms(options, model, fields, sort),
        "table": table,
        "key": key,
        "unique": groups(options, "unique", unique),
        "indexes": groups(options, "indexes", indexes),
        "frozen": frozen_fields(native_model, key),
        "page_size": page_size,
        "max_page_size": max_page_size,
        "max_page_bytes": stores.limits.max_page_bytes,
        "require_match": require_match,
        "replace_creates": "create" in chosen,
        "answer_names": python.answer_names,
        "faults": stores.faults,
    }
    # An option that cannot be is found before any route is added.
    resource.set_native(CrudResource(**native, foreign_parameters=[]), chosen, python)

    routes: dict[Operation, list[APIRoute]] = {}
    for operation in chosen:
        routes[operation] = _add_routes(
            app, resource, operation, shapes, summary, depended[operation], tags, include_in_schema, responses
        )
    added = resource.routes = [route for group in routes.values() for route in group]
    foreign = sorted({name for route in added for name in _query_names(route.dependant)})
    resource.set_native(CrudResource(**native, foreign_parameters=foreign), chosen, python)
    for operation, group in routes.items():
        reasons = resource.reasons(operation)
        for route in group:
            # How data_bridge's server finds the native door, or why there is none.
            if reasons:
                route.endpoint.__data_bridge_reason__ = reasons  # type: ignore[attr-defined]
            else:
                route.endpoint.__data_bridge_operation__ = resource.operation(operation)  # type: ignore[attr-defined]
        describe(group, operation, shapes, resource.parameters(operation))
    stores.add(resource)
    _open_and_close_with(app, stores)
    return resource


def withdraw_crud(app: FastAPI, resource: Resource) -> None:
    """Undo register_crud(), of a resource that nothing has used yet."""
    added = {id(route) for route in resource.routes}
    app.router.routes[:] = [route for route in app.router.routes if id(route) not in added]
    resource.stores.remove(resource)


def _add_routes(
    app: FastAPI,
    resource: Resource,
    operation: Operation,
    shapes: Shapes,
    summary: str | None,
    dependencies: Sequence[Any] | None,
    tags: list[str | Enum] | None,
    include_in_schema: bool,
    responses: dict[int | str, dict[str, Any]] | None,
) -> list[APIRoute]:
    """One route of FastAPI's; two for what GET answers, because HEAD is no part of the documentation."""
    on_item = operation not in ("list", "create")
    path = f"{resource.path}/{{{resource.key}}}" if on_item else resource.path
    method = _METHODS[operation]
    title = summary or " ".join(words(resource.model.__name__))
    title = (
        " ".join(plural(word) if word == title.split()[-1] else word for word in title.split())
        if (operation == "list")
        else title
    )
    added = []
    taken = {getattr(route, "operation_id", None) for route in app.router.routes}
    for each in (method, "HEAD") if method == "GET" else (method,):
        endpoint = _endpoint(resource, operation, title)
        # Short where it is the first of the name; FastAPI's own names hold the path.
        operation_id = None if each == "HEAD" or endpoint.__name__ in taken else endpoint.__name__
        app.router.add_api_route(
            path,
            endpoint,
            methods=[each],
            operation_id=operation_id,
            status_code={"create": 201, "delete": 204}.get(operation, 200),
            response_model=shapes.response(operation),
            dependencies=dependencies,
            tags=tags,
            summary=f"{operation.capitalize()} {title}",
            description=_DESCRIPTIONS[operation],
            include_in_schema=include_in_schema and each != "HEAD",
            responses={**_responses(operation, resource.scopes.confines(operation)), **(responses or {})},
        )
        route = app.router.routes[-1]
        assert isinstance(route, APIRoute)
        added.append(route)
    return added


_DESCRIPTIONS: Mapping[Operation, str] = {
    "list": "A page of the items. `next` is the `cursor` of the page after it, null on the last one.",
    "get": "One item. Its `ETag` is for `If-None-Match` here and for `If-Match` of a write.",
    "create": "Store a new item, or all items of a list or none of them. A key is assigned where it is an integer or a "
    "UUID and absent.",
    "replace": "Replace an item as a whole; make it where there is none and clients choose the keys.",
    "update": "Change parts of an item by JSON Merge Patch (RFC 7396); also as `application/merge-patch+json`.",
    "delete": "Remove an item.",
}


def _responses(operation: Operation, is_confined: bool) -> dict[int | str, dict[str, Any]]:
    described: dict[int | str, dict[str, Any]] = {}
    if is_confined and operation in ("create", "replace", "update"):
        described[403] = {
            "model": Detail,
            "description": "The item would not be one of those that the client may reach",
        }
    if operation not in ("list", "create"):
        described[404] = {"model": Detail, "description": "There is no such item"}
    if operation == "get":
        described[304] = {"description": "The item is as the client has it"}
    if operation in ("replace", "update", "delete"):
        described[412] = {"model": Detail, "description": "The item has changed"}
    if operation in ("create", "replace", "update"):
        described[409] = {"model": Detail, "description": "Another item has the same key or unique fields"}
    if operation == "update":
        described[415] = {"model": Detail, "description": "The body is neither JSON nor a JSON merge patch"}
    described[503] = {"model": Detail, "description": "The store is not available; try again"}
    return described


def _endpoint(resource: Resource, operation: Operation, title: str) -> Callable[[Request], Any]:
    async def endpoint(request: Request, **solved: Any) -> Response:
        return await resource.respond(operation, request, solved)

    endpoint.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Request),
            *(
                inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=depends)
                for name, depends in resource.parameters(operation).items()
            ),
        ]
    )
    endpoint.__name__ = f"{operation}_{title.replace(' ', '_')}"
    endpoint.__qualname__ = endpoint.__name__
    endpoint.__doc__ = _DESCRIPTIONS[operation]
    return endpoint


def _open_and_close_with(app: FastAPI, stores: Stores) -> None:
    """Wrap the app's lifespan, once, so that its own start-up finds the resources served already."""
    if getattr(app.router.lifespan_context, "__data_bridge_stores__", None) is stores:
        return
    inner = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def lifespan(started: Any) -> AsyncIterator[Any]:
        await run_in_threadpool(stores.open)
        try:
            async with inner(started) as state:
                yield state
        finally:
            await run_in_threadpool(stores.close)

    lifespan.__data_bridge_stores__ = stores  # type: ignore[attr-defined]
    app.router.lifespan_context = lifespan


def _query_names(dependant: Dependant) -> Iterator[str]:
    """The query parameters that a route's dependencies read."""
    for field in dependant.query_params:
        yield field.alias
        annotation = field.field_info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):  # a model of parameters
            for name, info in annotation.model_fields.items():
                yield info.alias or name
    scheme = getattr(dependant.call, "model", None)
    if getattr(getattr(scheme, "in_", None), "value", None) == "query":  # fastapi.security.APIKeyQuery
        yield scheme.name  # type: ignore[union-attr]
    for inner in dependant.dependencies:
        yield from _query_names(inner)
