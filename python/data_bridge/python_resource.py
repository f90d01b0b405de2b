"""A resource for Python code: ``await app.resource(Item).get(1)``, with items as instances of the model.

The native half does the work, without the GIL, and neither scopes nor hooks, which are of requests, take part.
"""

from __future__ import annotations

import builtins
import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast, overload
from urllib.parse import urlencode

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ValidationError
from pydantic_core import to_jsonable_python

from ._core import CrudRepeat, CrudRequest, CrudScope, StoredItem
from .list_fields import sort_terms
from .resource import AttachedResource, Resource
from .resource_options import OPERATIONS
from .resource_routes import include_all
from .store_calls import Answer, merge_stored, read
from .stored_items import StoredItems, keep_drifted
from .stores import Stores, stores_of
from .table_models import as_plain, as_table, is_table, without_table
from .threadpool import run_in_threadpool

__all__ = ["ModelResource", "Page", "resource_of"]

ModelT = TypeVar("ModelT", bound=BaseModel)

# As PythonHalf's: each time somebody else has got on.
_MAX_MERGES = 1000


@dataclass(frozen=True)
class Page(Generic[ModelT]):
    """Some of the items of a list; `next` is the cursor of the page behind them, None on the last one."""

    items: list[ModelT]
    next: str | None


class ModelResource(AttachedResource, Generic[ModelT]):
    """The items of one resource. What the resource would refuse is raised as the HTTPException that it would answer,
    404 where there is no item; what the model does not accept is Pydantic's ValidationError."""

    def __init__(self, resource: Resource, stores: Stores) -> None:
        # Whoever calls has decided what may be done.
        native = resource.make_native(
            stores.limits, stores.faults, frozenset(), require_match=False, **resource.unconfined
        )
        super().__init__(resource, stores, native)
        self._operations = {name: self._native.operation(name, None) for name in OPERATIONS}
        by_name = resource.python.items.by_name
        self._items = StoredItems(resource.shapes.stored, by_name=by_name)
        self._writer = resource.python.items
        self._key = resource.key

    # --- reads --------------------------------------------------------------------------------------

    async def get(self, key: Any) -> ModelT:
        """The item of this key."""
        await self.ensure_open()
        return self._restored(_body(await read(self._operations["get"], _request(key=key))))

    async def etag(self, key: Any) -> str:
        """What `if_match` of a write takes: it is refused, 412, where the item is another by then."""
        await self.ensure_open()
        answer = await read(self._operations["get"], _request(key=key))
        _body(answer)
        return dict(answer[3])[b"etag"].decode()

    async def list(
        self,
        where: Mapping[str, Any] | Sequence[Any] | None = None,
        *,
        sort: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[ModelT]:
        """A page of the items for which `where` holds, a condition by the fields' Python names, as `sort` is."""
        found = await self._list(where, sort=self._sort(sort), limit=limit, cursor=cursor)
        return Page([self._restored(each) for each in found["items"]], found["next"])

    async def count(self, where: Mapping[str, Any] | Sequence[Any] | None = None) -> int:
        """How many items `where` holds for."""
        total: int = (await self._list(where, limit=0, total="true"))["total"]
        return total

    # --- writes -------------------------------------------------------------------------------------

    @overload
    async def create(self, item: ModelT) -> ModelT: ...

    @overload
    async def create(self, item: Sequence[ModelT]) -> builtins.list[ModelT]: ...

    async def create(self, item: Any) -> Any:
        """Store a new item, or all items of a list or none of them; as they are stored, with their keys."""
        is_one = isinstance(item, BaseModel)
        items = [self._plain(each) for each in ([item] if is_one else item)]
        documents = [self._document(each, self._new_key(each)) for each in items]
        if is_one:
            body = await self._write(self._operations["create"].write_validated, documents[0], documents[0])
            return self._restored(body)
        listed = b"[" + b",".join(documents) + b"]"
        body = await self._write(self._operations["create"].write_all_validated, listed, documents)
        return [self._restored(each) for each in body]

    async def replace(self, key: Any, item: ModelT, *, if_match: str | None = None) -> ModelT:
        """Replace an item as a whole; make it where there is none and clients choose the keys."""
        item = self._plain(item)
        own = getattr(item, self._key, None)
        if own is not None and _text(own) != _text(key):
            raise ValueError(f"the key of the item is {own!r}, and not {key!r}")
        document = self._document(item, key)
        sent = json.dumps(self._sent(item, json.loads(document))).encode()
        replace = self._operations["replace"].write_validated
        return self._restored(await self._write(replace, sent, document, key=key, if_match=if_match))

    async def update(self, key: Any, changes: Mapping[str, Any], *, if_match: str | None = None) -> ModelT:
        """Change fields of an item, by their Python names; the item is validated as a whole."""
        fields = self._writer.model.model_fields
        unknown = [name for name in changes if name not in fields or name == self._key]
        if unknown:
            raise ValueError(f"{self._writer.model.__name__} has no field {unknown[0]!r} to change")
        if times := [name for name in changes if name in self._writer.marked.times]:
            raise ValueError(f"{self._writer.model.__name__}.{times[0]} is set by the store")
        await self.ensure_open()
        operation = self._operations["update"]
        request = _request(body=b"{}", key=key, if_match=if_match)
        for _ in range(_MAX_MERGES):
            merged = await merge_stored(operation, request)
            if not isinstance(merged, StoredItem):
                _body(merged)
                raise AssertionError("an answer instead of an item is a refusal")
            value = json.loads(merged.merged)
            if self._key not in fields:
                value.pop(self._key, None)
            item = self._writer.validate_merged(
                self._writer.merged(self._writer.changed(self._writer.touched(value), changes), {})
            )
            if drifted := self._writer.drifted(item, value, changes.keys()):
                with contextlib.suppress(ValidationError):  # it may be older than the model
                    unchanged = self._writer.validate_merged(self._writer.merged(self._writer.touched(value), {}))
                    keep_drifted(item, unchanged, drifted)
            answer = await run_in_threadpool(operation.write_merged, merged, self._writer.document(item))
            if answer is not None:
                return self._restored(_body(answer))
        raise HTTPException(503)

    async def delete(self, key: Any, *, if_match: str | None = None) -> None:
        """Remove an item."""
        await self._write(self._operations["delete"].perform, b"", key=key, if_match=if_match)

    # --- between Python and the native half ---------------------------------------------------------

    async def _list(self, where: Any, **parameters: Any) -> Any:
        await self.ensure_open()
        query = urlencode({name: value for name, value in parameters.items() if value is not None})
        request = _request(query=query, scope=self.resource.scopes.native(where))
        return _body(await read(self._operations["list"], request))

    async def _write(
        self, write: Callable[..., Answer | CrudRepeat], body: bytes, *documents: Any, **asked: Any
    ) -> Any:
        await self.ensure_open()
        answer = await run_in_threadpool(write, _request(body=body, **asked), *documents)
        assert not isinstance(answer, CrudRepeat)  # only requests of clients have a key
        return _body(answer)

    def _sort(self, sort: str | None) -> str | None:
        terms = sort_terms("list()", self._writer.model, self.resource.stored_fields, sort)
        return ",".join(terms) or None

    def _new_key(self, item: BaseModel) -> Any:
        """The key that a new item comes with; integers are the store's to assign."""
        return None if self.resource.shapes.key_type is int else getattr(item, self._key, None)

    def _document(self, item: BaseModel, key: Any) -> bytes:
        """`item` as it is stored, with another key, and without the times that the store sets."""
        if self._writer.marked.times:
            item = item.model_copy(update=dict.fromkeys(self._writer.marked.times))
        if self._key in self._writer.model.model_fields and getattr(item, self._key) != key:
            item = item.model_copy(update={self._key: key})
        return self._writer.document(item)

    def _sent(self, item: BaseModel, document: Mapping[str, Any]) -> dict[str, Any]:
        """What a client would have sent: what is set, as the model reads it."""
        names = self._writer.outputs
        given = {names.get(name, name): value for name, value in document.items()}
        named = item.model_fields_set.difference(self._writer.marked.times)
        return self._writer.changed({}, {name: given[name] for name in given if name in named})

    def _restored(self, stored: Mapping[str, Any]) -> ModelT:
        return cast(ModelT, as_table(self._items.restore(stored)))

    def _plain(self, item: ModelT) -> ModelT:
        """`item` as what is stored. Raises ValidationError where it is of a table, which accepts anything."""
        if not is_table(type(item)):
            return item
        plain = without_table(self.resource.model)
        return cast(ModelT, as_plain(item, plain, is_valid=False))


def resource_of(app: FastAPI, model: type[ModelT], path: str | None = None) -> ModelResource[ModelT]:
    """The resource of `model` in an application. `path`: which one, as it was declared, where tables or stores differ.

    Raises LookupError where there is none, or more than one.
    """
    stores = stores_of(app)
    include_all(app)
    found = [each for each in stores.resources if each.model is model and path in (None, each.path)]
    if len({each.place for each in found}) != 1:
        several = ": " + ", ".join(sorted(each.path for each in found)) if found else ""
        raise LookupError(f"{model.__qualname__} is {'more than one' if found else 'no'} resource here{several}")
    made: ModelResource[ModelT] = stores.for_python(found[0], lambda: ModelResource(found[0], stores))
    return made


def _request(
    *,
    query: str = "",
    body: bytes = b"",
    key: Any = "",
    if_match: str | None = None,
    scope: CrudScope | None = None,
) -> CrudRequest:
    return CrudRequest(
        "/",
        query=query,
        content_type="application/json",
        body=body,
        key=_text(key),
        if_match=if_match or "",
        scope=scope,
    )


def _text(key: Any) -> str:
    """A key as it is stored: of an Enum its value."""
    return str(to_jsonable_python(key))


def _body(answer: Answer) -> Any:
    """What a success says. Raises HTTPException for everything else."""
    status, _, body, _ = answer
    if status in (200, 201, 204):
        return json.loads(body) if body else None
    try:
        detail = json.loads(body)["detail"]
    except (ValueError, KeyError, TypeError):
        detail = None
    raise HTTPException(status, detail)
