"""``@app.crud``: a Pydantic model as a REST resource, made of ordinary FastAPI routes.

Each route's endpoint hands its request to the native operation that data_bridge's own server calls without Python, so
that a resource behaves the same under any ASGI server and in Starlette's ``TestClient``.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from enum import Enum
from typing import Any

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, RootModel

from .answer_model import readable_fields
from .column_markers import column_names
from .hooks import Hooks
from .list_fields import ListField, export_filters, index_names, list_fields, sort_terms
from .list_parameters import page_query, warn_of_hidden_fields
from .marked_fields import MarkedFields, frozen_fields, with_times, without_required
from .python_operations import PythonHalf
from .resource import Resource
from .resource_models import ResourceModels
from .resource_options import (
    OPERATIONS,
    Migrate,
    Operation,
    by_operation,
    check_migrate,
    check_operations,
    check_page_sizes,
    check_path,
    check_table,
    derived_model,
    groups,
    kebab_plural,
    key_version,
    with_assignable_key,
)
from .resource_routes import add_routes, include_all
from .resource_shapes import Shapes
from .schema import Exported, export_item, export_model
from .scopes import Scopes
from .stores import StoreError, Stores, check_timeout, stores_of
from .table_models import TableOptions, without_table
from .threadpool import run_in_threadpool

__all__ = [
    "OPERATIONS",
    "Resource",
    "StoreError",
    "Stores",
    "open_and_close_with",
    "register_crud",
    "stores_of",
    "withdraw_crud",
]


def register_crud(
    target: FastAPI | APIRouter,
    model: type[BaseModel],
    *,
    path: str | None = None,
    key: str | None = None,
    operations: Sequence[Operation] | None = None,
    create: type[BaseModel] | None = None,
    update: type[BaseModel] | None = None,
    read: type[BaseModel] | None = None,
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
    migrate: Migrate = "add",
    timeout: float | None = None,
    hooks: type | None = None,
    scope: Any = None,
) -> Resource:
    """Add the resource of `model` to an application, or to a router that applications include.

    `path`: where it is mounted, by default the plural of the model's name in kebab-case. `key`: the field that names an
    item, an int or a UUID (assigned where absent) or a str (given by the client), by default ``"id"``; a model without
    such a field gets an int in its output. `operations`: what exists, by default all of `OPERATIONS`. `create`,
    `update`, `read`: models of the bodies of POST and PUT, of PATCH, and of every answer, by default `model`. `unique`,
    `indexes`: names of fields, or tuples of them. `sort`: the order of lists that ask for none, like
    ``"-price,name"``; it gets an index.
    `require_match`: writes to an item need an If-Match, else 428. `table`: by default the path's last part. `store`: a
    URL, by default the app's. `migrate`: "add" what a table lacks at the start; with "never" the table is somebody
    else's, and only checked. `timeout`: seconds that a list may take, by default
    the app's (`StoreLimits.timeout`). `summary` is what the documentation calls an item. `dependencies`: as FastAPI's.
    `scope`: a condition, or a dependency that returns one or None, that confines the resource to some of the items.
    Each of both is one for all operations, or a dict by operation, where ``"read"`` stands for list and get and
    ``"write"`` for the others. `hooks`: a class whose methods run around writes, as ``@app.crud(Model, ...)`` above it
    says. The rest is FastAPI's.

    Of an SQLModel with ``table=True`` the fields count, which its class would not validate, its primary key, unique and
    indexed fields; neither its table nor its relationships.

    What of the model needs Python (validators, computed fields, types without a native form) takes the operations that
    it concerns through Python; `Resource.reasons()` and ``data-bridge routes`` tell which and why.

    Raises TypeError or ValueError for options that cannot be.
    """
    router = target.router if isinstance(target, FastAPI) else target
    options = f"{'app' if router is not target else 'router'}.crud({getattr(model, '__qualname__', model)!s})"
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise TypeError(f"{options}: not a Pydantic model")
    declared, of_table = model, TableOptions(model)
    model, create, update, read = map(without_table, (model, create, update, read))
    if key is None:
        key = of_table.key or "id"
    if issubclass(model, RootModel):
        raise TypeError(f"{options}: a RootModel has no fields to store")
    path = check_path(options, "/" + kebab_plural(model.__name__) if path is None else path)
    table = check_table(options, path.rsplit("/", 1)[1] if table is None else table)
    chosen = check_operations(options, OPERATIONS if operations is None else operations)
    check_page_sizes(options, page_size, max_page_size)
    if not (isinstance(key, str) and key.isidentifier() and not key.startswith("_")):
        raise ValueError(f"{options}: key={key!r} is not the name of a field")
    marked = MarkedFields.checked(options, model, key)
    native_model = with_times(with_assignable_key(options, model, key))
    depended = by_operation(options, "dependencies", dependencies)

    models = ResourceModels.of(options, model, key, create=create, update=update, read=read)
    stored_fields = list_fields(native_model, key)
    fields = readable_fields(models.read, model, key, stored_fields) if models.read is not None else stored_fields
    warn_of_hidden_fields(options, fields)
    shapes = Shapes(model, native_model, key, page_size, max_page_size, fields, models)
    exported = export_item(native_model, may_doubt=True)
    python = PythonHalf(native_model, key, shapes.key_type, exported, models, shapes.stored)
    python.may_create = "create" in chosen and key in model.model_fields and shapes.key_type is not int

    def asked_by(found: Sequence[ListField]) -> dict[str, Any]:
        """What lists can be asked by, if that is `found`."""
        return {
            "filters": export_filters(native_model, found),
            "fields": [field.native for field in found],
            "sort": sort_terms(options, model, found, sort),
        }

    replacement = without_required(native_model, models.unseen)
    native: dict[str, Any] = {
        "item": exported.text,
        "key_model": export_model(derived_model("Key", {key: (shapes.key_type, ...)})),
        "page": export_model(page_query(page_size, max_page_size)),
        **asked_by(fields),
        "table": table,
        "key": key,
        "uuid_version": key_version(model.model_fields.get(key)),
        "unique": of_table.with_unique(groups(options, "unique", unique), key),
        "indexes": index_names(options, model, fields, of_table.with_indexes(groups(options, "indexes", indexes), key)),
        "frozen": frozen_fields(native_model, key, models.unseen),
        **python.answers.native_options,
        "unseen": [name for name in models.unseen if name != key],
        "read_only": marked.read_only,
        "replacement": None if replacement is native_model else export_item(replacement, may_doubt=True).text,
        **_bodies(python.plain_body, python.plain_patch, models),
        "page_size": page_size,
        "max_page_size": max_page_size,
        "migrate": check_migrate(options, migrate) == "add",
        "require_match": require_match,
        "creates": "create" in chosen,
        "conflict_names": models.conflict_names(),
        "columns": column_names(options, model),
    }
    chosen_hooks, scopes = Hooks(hooks), Scopes(options, scope, stored_fields)
    python.made_by(models.makers(chosen_hooks))
    resource = Resource(
        declared,
        path=path,
        shapes=shapes,
        operations=chosen,
        native=native,
        python=python,
        hooks=chosen_hooks,
        scopes=scopes,
        unconfined={
            "frozen": frozen_fields(native_model, key),
            "conflict_names": [],
            "answer": None,
            "answers_extra": True,
            "unseen": [],
            **_bodies(None, None, models),
            **(asked_by(stored_fields) if models.read is not None else {}),
        },
        stored_fields=stored_fields,
        complaint=models.complaint(options, chosen, chosen_hooks, scopes, may_create=python.may_create),
        store_url=store,
        timeout=None if timeout is None else check_timeout(options, timeout),
    )
    if isinstance(target, FastAPI):
        open_and_close_with(router, stores_of(target))
    for operation in chosen:
        resource.routes += add_routes(
            router,
            resource,
            operation,
            summary=summary,
            dependencies=depended[operation],
            tags=tags,
            include_in_schema=include_in_schema,
            responses=responses,
        )
    return resource


def _bodies(body: Exported | None, patch: Exported | None, models: ResourceModels) -> dict[str, Any]:
    """What the native half does with bodies of POST and PUT, and of PATCH, that have models of their own: `body` and
    `patch`, where it can."""
    said = models.create.model_fields if body is not None and models.create is not None else models.stored.model_fields
    return {
        "body": None if body is None else body.text,
        "ignored": [name for name in models.stored.model_fields if name not in said],
        "patch": None if patch is None else patch.text,
    }


def withdraw_crud(target: FastAPI | APIRouter, resource: Resource) -> None:
    """Undo register_crud(), of a resource that nothing has used yet."""
    router = target.router if isinstance(target, FastAPI) else target
    added = {id(route) for route in resource.routes}
    router.routes[:] = [route for route in router.routes if id(route) not in added]
    resource.withdraw()


def open_and_close_with(router: APIRouter, stores: Stores | None = None) -> None:
    """Wrap a lifespan, once, so that its own start-up finds the resources served already.

    Without `stores`: those of the application that the lifespan is run for.
    """
    if getattr(router.lifespan_context, "__data_bridge_stores__", None) is (stores or router):
        return
    inner = router.lifespan_context

    @contextlib.asynccontextmanager
    async def lifespan(started: Any) -> AsyncIterator[Any]:
        opened = stores
        if opened is None:
            opened = stores_of(started)
            include_all(started)  # a table that does not fit its model stops the start
        await run_in_threadpool(opened.open)
        try:
            async with inner(started) as state:
                yield state
        finally:
            await run_in_threadpool(opened.close)

    lifespan.__data_bridge_stores__ = stores or router  # type: ignore[attr-defined]
    router.lifespan_context = lifespan
