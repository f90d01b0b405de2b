"""Operations of a resource whose model needs Python: as a FastAPI route with that model as body and response answers.

The native half reads requests, keeps keys and writes; what Python does is to validate items and, where answers are not
what is stored, to write them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError
from starlette.concurrency import run_in_threadpool

from ._core import CrudOperation, StoredItem, is_json_content_type
from .dialect import NULL_IS_ABSENT
from .resource_options import frozen_fields
from .schema import Exported, Reasons
from .stored_items import StoredItems

__all__ = ["PythonHalf"]

Answer = tuple[int, bytes, bytes, list[tuple[bytes, bytes]]]  # as CrudOperation.perform()
Arguments = tuple[str, str, str, bytes, str, str, str]

_VALIDATING = ("create", "replace", "update")
_READING = ("list", "get")

# How often a patch is merged again because somebody else was faster. Each time one of them has got on, so that only a
# crowd that never ends gets here.
_MAX_MERGES = 1000

_FAILED: Answer = (500, b"text/plain; charset=utf-8", b"Internal Server Error", [])
_BUSY: Answer = (503, b"application/json", b'{"detail":"Service Unavailable"}', [(b"retry-after", b"1")])


class PythonHalf:
    """What Python does for the operations of one resource."""

    def __init__(self, model: type[BaseModel], key: str, key_type: type, exported: Exported) -> None:
        self._items = StoredItems(model, by_name=bool(exported.outputs))
        self._key = key if key in model.model_fields else None
        self._key_name = key
        self._key_type = key_type
        self._key_names = self._items.names_of(key)
        self._exported = exported
        self._has_frozen = bool(frozen_fields(model, key))

    def reasons(self, operation: str) -> Reasons:
        """Why an operation goes through here, as (field, reason); empty: it is native."""
        inputs = self._exported.inputs if operation in _VALIDATING else []
        outputs = self._exported.outputs if operation in (*_VALIDATING, *_READING) else []
        return list(dict.fromkeys([*inputs, *outputs]))

    @property
    def answer_names(self) -> list[str]:
        """The names of an answer's members, where it is written here; else empty."""
        if not self._exported.outputs:
            return []
        model = self._items.model
        fields = [field.serialization_alias or name for name, field in model.model_fields.items() if not field.exclude]
        computed = [field.alias or name for name, field in model.model_computed_fields.items()]
        return [*([] if self._key is not None else [self._key_name]), *fields, *computed]

    async def perform(self, name: str, operation: CrudOperation, arguments: Arguments) -> Answer:
        """What `operation.perform(*arguments)` is for others. Raises what the model's own code raises."""
        if name in _READING:
            return self._rewritten(name, operation.perform(*arguments), query=arguments[1])
        entries = operation.examine(*arguments)
        if isinstance(entries, tuple):
            return entries
        if name == "update":
            return await self._update(operation, arguments, entries)
        if not arguments[3]:
            return _unprocessable(entries)
        body: Any = arguments[3]
        if is_json_content_type(arguments[2].encode("latin-1")):
            body = json.loads(body)
            if body is None and NULL_IS_ABSENT:
                return _unprocessable(entries)
        if name == "create" and isinstance(body, list):
            return await self._create_all(operation, arguments, body, entries)
        item, errors = self._validated(body, is_new=name == "create")
        if item is None or entries:
            return _refused(entries, _placed(errors, "body"))
        document = self._document(item)
        if document is None:
            return _FAILED
        answer = await run_in_threadpool(operation.write_validated, *arguments, document)
        # What a PUT leaves out of the frozen fields is as it was stored.
        return self._rewritten(name, answer, [item] if name == "create" or not self._has_frozen else [])

    async def _create_all(
        self, operation: CrudOperation, arguments: Arguments, body: list[Any], entries: bytes
    ) -> Answer:
        items, documents, errors = [], [], []
        for index, value in enumerate(body):
            item, found = self._validated(value, is_new=True)
            errors.extend(_placed(found, "body", index))
            if item is not None:
                items.append(item)
        if errors or entries:
            return _refused(entries, errors)
        for item in items:
            document = self._document(item)
            if document is None:
                return _FAILED
            documents.append(document)
        answer = await run_in_threadpool(operation.write_all_validated, *arguments, documents)
        return self._rewritten("create", answer, items)

    async def _update(self, operation: CrudOperation, arguments: Arguments, entries: bytes) -> Answer:
        if entries:
            return _unprocessable(entries)  # without the item there is nothing to validate
        patch = json.loads(arguments[3])
        for _ in range(_MAX_MERGES):
            merged = operation.merge_stored(*arguments)
            if not isinstance(merged, StoredItem):
                return merged
            try:
                item = self._items.validate_merged(self._without_key(json.loads(merged.merged), is_new=False), patch)
            except ValidationError as error:
                return _refused(b"", _placed(error.errors(include_url=False), "body"))
            document = self._document(item)
            if document is None:
                return _FAILED
            answer = await run_in_threadpool(operation.write_merged, merged, document)
            if answer is not None:
                return self._rewritten("update", answer, [item])
        return _BUSY

    def _validated(self, value: Any, *, is_new: bool) -> tuple[BaseModel | None, list[Any]]:
        """The item that a body is, or what is wrong with it."""
        body = self._without_key(value, is_new=is_new)
        try:
            return self._items.validate(body), []
        except ValidationError as error:
            # What a client has sent is shown as it was.
            return None, [
                {**each, "input": value} if each["input"] is body else each for each in error.errors(include_url=False)
            ]

    def _without_key(self, value: Any, *, is_new: bool) -> Any:
        """A body without a key that is not the client's to choose, or that the model has no field for."""
        is_items = self._key is not None and not (is_new and self._key_type is int)
        if is_items or not isinstance(value, dict) or self._key_names.isdisjoint(value):
            return value
        return {name: member for name, member in value.items() if name not in self._key_names}

    def _document(self, item: BaseModel) -> bytes | None:
        try:
            return self._items.document(item)
        except (PydanticSerializationError, ValueError):
            return None

    # --- answers that are not what is stored --------------------------------------------------------

    def _rewritten(self, name: str, answer: Answer, items: Sequence[BaseModel] = (), query: str = "") -> Answer:
        status, content_type, body, headers = answer
        if not self._exported.outputs or status not in (200, 201):
            return answer
        stored = json.loads(body)
        try:
            if name == "list":
                wanted = _last_fields(query)
                page = b",".join(_only(wanted, self._written(each)) for each in stored["items"])
                stored["items"] = []
                body = json.dumps(stored, ensure_ascii=False, separators=(",", ":")).encode()
                body = body.replace(b'"items":[]', b'"items":[' + page + b"]", 1)
            elif isinstance(stored, list):
                body = b"[" + b",".join(map(self._written, stored, items)) + b"]"
            else:
                body = self._written(stored, items[0] if items else None)
        except (PydanticSerializationError, ValueError):
            return _FAILED
        return status, content_type, body, headers

    def _written(self, stored: dict[str, Any], item: BaseModel | None = None) -> bytes:
        key = stored[self._key_name] if self._key is not None else stored.pop(self._key_name)
        if item is None:
            item = self._items.restore(stored)
        elif self._key is not None:
            # The store has assigned it, or the path; whatever the model says of changes.
            item.__dict__[self._key] = self._key_type(key)
        text = self._items.answer(item)
        if self._key is None and text.startswith(b"{"):
            text = json.dumps({self._key_name: key}, separators=(",", ":")).encode()[:-1] + (
                b"}" if text == b"{}" else b"," + text[1:]
            )
        return text


def _last_fields(query: str) -> set[str] | None:
    """The `fields` that a list is asked for; None: all."""
    given = [value for name, value in parse_qsl(query, keep_blank_values=True) if name == "fields"]
    return set(given[-1].split(",")) if given else None


def _only(names: set[str] | None, item: bytes) -> bytes:
    if names is None or not item.startswith(b"{"):
        return item
    members = {name: value for name, value in json.loads(item).items() if name in names}
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()


def _placed(errors: Sequence[Any], *place: str | int) -> list[Any]:
    return [{**each, "loc": (*place, *each["loc"])} for each in errors]


def _refused(entries: bytes, errors: Sequence[Any]) -> Answer:
    """The 422 for `errors`, behind those that are written already."""
    try:
        text = json.dumps(jsonable_encoder(errors), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:  # NaN, an infinity or a lone surrogate in an input: FastAPI fails, too
        return _FAILED
    return _unprocessable(entries + (b"," if entries and errors else b"") + text[1:-1])


def _unprocessable(entries: bytes) -> Answer:
    return 422, b"application/json", b'{"detail":[' + entries + b"]}", []
