"""The routes of a resource: FastAPI's own, which an application takes over from a router as any others."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

import fastapi.routing
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel

from .naming import plural, words
from .resource import Resource
from .resource_options import Operation
from .resource_shapes import Detail, describe
from .stores import Stores, stores_of

__all__ = ["add_routes", "include_all"]

_METHODS: Mapping[Operation, str] = {
    "list": "GET",
    "get": "GET",
    "create": "POST",
    "replace": "PUT",
    "update": "PATCH",
    "delete": "DELETE",
}


def add_routes(
    router: APIRouter,
    resource: Resource,
    operation: Operation,
    *,
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
    for each in (method, "HEAD") if method == "GET" else (method,):
        router.add_api_route(
            path,
            _endpoint(resource, operation, title),
            methods=[each],
            status_code={"create": 201, "delete": 204}.get(operation, 200),
            response_model=resource.shapes.response(operation),
            dependencies=dependencies,
            tags=tags,
            summary=f"{operation.capitalize()} {title}",
            description=_DESCRIPTIONS[operation],
            include_in_schema=include_in_schema and each != "HEAD",
            responses={**_responses(operation, resource), **(responses or {})},
            route_class_override=_route_class(router.route_class),
        )
        route = router.routes[-1]
        assert isinstance(route, APIRoute)
        added.append(route)
    return added


def include_all(app: Any) -> None:
    """Have all resources of an application in its stores: since FastAPI 0.137 routes are included when asked for."""
    for _ in getattr(fastapi.routing, "iter_route_contexts", iter)(getattr(app, "routes", ())):
        pass


class ResourceRoute(APIRoute):
    """A route of a resource. When FastAPI makes its handler, for each application and each prefix that it is included
    with anew, it gets the operation of that application, and its documentation."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """FastAPI's own, for an endpoint that knows the application."""
        route: Any = self
        # Since 0.137 an included route is described by a context.
        including = getattr(fastapi.routing, "_effective_route_context_var", None)
        context = including.get() if including is not None else None
        if context is not None and context.original_route is self:
            route = context
        # As FastAPI has made them; some releases of it ask for a handler more than once.
        if "_solved" not in vars(route):
            route._solved = (route.dependant, route.body_field)
        route.dependant, route.body_field = route._solved
        resource, operation = self.endpoint.__data_bridge_resource__  # type: ignore[attr-defined]
        app = route.dependency_overrides_provider
        if isinstance(app, FastAPI):
            stores = stores_of(app)
            foreign = frozenset(_query_names(route.dependant))
            route.dependant.call = resource.served_by(stores, foreign).endpoint(operation)
            _name_operation(app, stores, route, self.endpoint.__name__)
        handler = super().get_route_handler()
        if route.include_in_schema:
            # FastAPI's handler keeps what it was built from; OpenAPI looks at the route.
            described = describe(route, operation, resource.shapes, resource.parameters(operation))
            route.dependant, route.body_field = described
        return handler


def _route_class(route_class: type[APIRoute]) -> type[APIRoute]:
    """Of a router whose routes are of `route_class`."""
    return ResourceRoute if route_class is APIRoute else type("ResourceRoute", (ResourceRoute, route_class), {})


def _name_operation(app: FastAPI, stores: Stores, route: Any, name: str) -> None:
    """Its name is short where it is the first of the name; FastAPI's own names hold the path."""
    if not route.include_in_schema:
        return
    place = (route.path, *sorted(route.methods))
    stores.documented.update((route.path, method) for method in route.methods)
    taken = {getattr(each, "operation_id", None) for each in app.router.routes if each is not route}
    if name not in taken and stores.operation_ids.setdefault(name, place) == place:
        route.operation_id = route.unique_id = name


_DESCRIPTIONS: Mapping[Operation, str] = {
    "list": "A page of the items. `next` is the `cursor` of the page after it, null on the last one.",
    "get": "One item. Its `ETag` is for `If-None-Match` here and for `If-Match` of a write.",
    "create": "Store a new item, or all items of a list or none of them. A key is assigned where it is an integer or a "
    "UUID and absent.",
    "replace": "Replace an item as a whole; make it where there is none and clients choose the keys.",
    "update": "Change parts of an item by JSON Merge Patch (RFC 7396); also as `application/merge-patch+json`.",
    "delete": "Remove an item.",
}


def _responses(operation: Operation, resource: Resource) -> dict[int | str, dict[str, Any]]:
    described: dict[int | str, dict[str, Any]] = {}
    if operation == "replace" and resource.python.may_create:
        described[201] = {"model": resource.shapes.response("get"), "description": "There was no such item before"}
    if operation in ("create", "replace", "update"):
        described[400] = {"model": Detail, "description": "The body is not in Unicode, or nests too deeply"}
    if resource.requires_match and operation in ("replace", "update", "delete"):
        described[428] = {"model": Detail, "description": "A write needs `If-Match`"}
    if resource.scopes.confines(operation) and operation in ("create", "replace", "update"):
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
    if operation == "create":
        described[409]["description"] += ", or a request with the same `Idempotency-Key` is in progress"
    if operation == "update":
        described[415] = {"model": Detail, "description": "The body is neither JSON nor a JSON merge patch"}
    if operation == "list":
        described[504] = {"model": Detail, "description": "Finding the items takes too long"}
    described[503] = {"model": Detail, "description": "The store is not available; try again"}
    return described


def _endpoint(resource: Resource, operation: Operation, title: str) -> Callable[..., Any]:
    """What a route is declared with. It answers itself only where no application has taken the route over."""

    async def endpoint(request: Request, **solved: Any) -> Response:
        served = resource.served_by(stores_of(request.app), frozenset())
        return await served.respond(operation, request, solved)

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
    endpoint.__data_bridge_resource__ = (resource, operation)  # type: ignore[attr-defined]
    endpoint.__data_bridge_reason__ = resource.reasons(operation)  # type: ignore[attr-defined]
    return endpoint


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
