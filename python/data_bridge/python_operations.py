"""Operations of a resource whose model needs Python: as a FastAPI route with that model as body and response answers.

The native half reads requests, keeps keys and writes; what Python does is to validate items and, where answers are not
what is stored, to write them.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel

from ._core import CrudOperation, CrudRepeat, CrudRequest, StoredItem, is_json_content_type
from .answer_writer import AnswerWriter
from .dialect import NULL_IS_ABSENT, UNTYPED_IS_JSON
from .hooks import NO_CALLS, Calls
from .item_rules import ItemRules
from .marked_fields import frozen_fields
from .plain_models import plain_body, plain_patch
from .request_models import RequestModels, SentItem, SentPatch, written
from .resource_models import ResourceModels
from .schema import Exported, Reasons
from .store_calls import FAILED, Answer, begin_keyed, merge_stored, read
from .stored_items import ItemsByName, StoredItems, keep_drifted
from .threadpool import run_in_threadpool

__all__ = ["PythonHalf", "read"]


_VALIDATING = ("create", "replace", "update")
_READING = ("list", "get")

# How often a patch is merged again because somebody else was faster. Each time one of them has got on, so that only a
# crowd that never ends gets here.
_MAX_MERGES = 1000

_CHANGED: Answer = (412, b"application/json", b'{"detail":"Precondition Failed"}', [])
_NO_VALUES: Mapping[str, Any] = {}
_BUSY: Answer = (503, b"application/json", b'{"detail":"Service Unavailable"}', [(b"retry-after", b"1")])


class PythonHalf:
    """What Python does for the operations of one resource."""

    def __init__(
        self,
        model: type[BaseModel],
        key: str,
        key_type: type,
        exported: Exported,
        models: ResourceModels,
        stored: type[BaseModel],
    ) -> None:
        by_name = bool(exported.outputs)
        has_bodies = models.create is not None or models.update is not None
        self.items = (ItemsByName if has_bodies else StoredItems)(model, by_name=by_name, unseen=models.unseen)
        self.models = models
        frozen = [name for name, _ in frozen_fields(model, key, models.unseen)]
        self._rules = ItemRules(self.items, key, key_type, frozen)
        #: What answers are.
        self.answers = AnswerWriter(self._rules, models.read, stored, exported)
        self._exported = exported
        #: By what the native half validates bodies of POST and PUT, and of PATCH, that have own models, if it can.
        self.plain_body: Exported | None = None
        self.plain_patch: Exported | None = None
        if models.create is not None and not exported.inputs:
            self.plain_body = plain_body(models.create, model, key, self.answers.names)
        if models.update is not None and not exported.inputs:
            self.plain_patch = plain_patch(models.update, model, key)
        #: Whether a PUT may make an item.
        self.may_create = False
        self._marked = self.items.marked
        self._bodies = (
            RequestModels(self.items, key, models.create, models.update, self.answers.names) if has_bodies else None
        )

    def reasons(self, operation: str) -> Reasons:
        """Why an operation goes through here, as (field, reason); empty: it is native."""
        inputs = self._exported.inputs if operation in _VALIDATING else []
        outputs = self._exported.outputs if operation in (*_VALIDATING, *_READING) else []
        plain = self.plain_patch if operation == "update" else self.plain_body
        of_models = self.models.reasons(
            operation, reads_plainly=self.answers.are_plain, takes_plainly=plain is not None
        )
        return list(dict.fromkeys([*of_models, *inputs, *outputs]))

    def doubts(self, operation: str) -> Reasons:
        """Of which values a native operation leaves requests to this, as (field, reason)."""
        if operation not in _VALIDATING:
            return []
        body = self.plain_patch if operation == "update" else self.plain_body
        return list(dict.fromkeys([*(body.doubts if body is not None else ()), *self._exported.doubts]))

    def made_by(self, operations: set[str]) -> None:
        """Of these operations the before hook makes the stored item of what was sent."""
        if self._bodies is not None:
            self._bodies.makers = operations

    async def perform(
        self,
        name: str,
        operation: CrudOperation,
        request: CrudRequest,
        calls: Calls = NO_CALLS,
        values: Mapping[str, Any] = _NO_VALUES,
    ) -> Answer:
        """What `operation.perform(request)` is for others. Raises what the model's own code and the hooks raise.

        `values`: what fields of a new item are that the client does not name.
        """
        if name in _READING:
            return self.answers.rewritten(name, await read(operation, request), query=request.query)
        if name == "delete":
            return await self._delete(operation, request, calls)
        entries = operation.examine(request)
        if isinstance(entries, tuple):
            return entries
        if name == "update":
            return await self._update(operation, request, entries, calls)
        if not request.body:
            return _unprocessable(entries)
        body: Any = request.body
        typed = request.content_type
        is_json = is_json_content_type(typed.encode("latin-1")) if typed else UNTYPED_IS_JSON
        if is_json:
            body = json.loads(body)
            if body is None and NULL_IS_ABSENT:
                return _unprocessable(entries)
        if name == "create":
            create = self._create_all if isinstance(body, list) else self._create
            made = functools.partial(create, operation, request, body, entries, calls, values)
            return await (made() if entries else self._once(operation, request, made))
        sent = None
        if self._reads_bodies:
            sent, errors = self._read(body, is_new=False)
            if sent is None:
                return _refused(entries, _placed(errors, "body"))
            if not entries and self._makes("create", "replace"):
                return await self._replace_with_hooks(operation, request, None, calls, sent)
            request, body = request.changed(body=written(sent.translated)), sent.translated
        own = self.items.writable(body)
        if own is not body:
            request = request.changed(body=written(own))
        unseen = self.items.absent_unseen(own)
        if sent is not None:
            defaults = {name: value for name, value in sent.defaults.items() if name not in unseen}
            body = {**self.items.changed({}, defaults), **body}
        if unseen and not entries:
            kept = await self._stored(operation, request)
            if isinstance(kept, tuple):
                if kept[0] != 404:
                    return kept
                whole = body if sent is None else self._bodies_of.with_defaults(sent)
                given = {name: each for name, each in values.items() if name in self._marked.read_only}
                new = self._rules.kept_of_new(calls, given) if self.may_create else self._rules.times()
                item, errors = self._rules.validated(whole, is_new=False, values=given, kept=new)
                # Of an item that nobody has looked for: what is wrong with it whether it is there or not.
                wrong = [error for error in errors if not _is_missing(error, self.items, unseen)]
                if not wrong and not self.may_create:
                    return kept
                if not wrong and request.if_match:
                    return _CHANGED
                errors = wrong or errors
            else:
                before = self.items.kept([*unseen, *self._marked.updated], kept)
                item, errors = self._rules.validated(body, is_new=False, kept={**before, **self._rules.times(before)})
        else:
            item, errors = self._rules.validated(body, is_new=False, kept=self._rules.times())
            # Of an item that nobody has looked for.
            errors = [each for each in errors if not _is_missing(each, self.items, [*self._marked.required, *unseen])]
        if item is None or entries:
            return _refused(entries, _placed(self._told(errors, sent), "body"))
        if calls.has("create", "replace"):
            if self._rules.may_name_another(body, item, request.key):
                refuse = functools.partial(operation.refuse_validated, request)  # what a hook sees has the path's key
                if refused := self._refusal(refuse, item, sent):
                    return refused
            return await self._replace_with_hooks(operation, request, item, calls, sent)
        return self._retold(await self._write(name, operation, request, item, calls), sent)

    async def _once(
        self, operation: CrudOperation, request: CrudRequest, create: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """`create()`, or where the request has been answered before that answer, without validators and hooks."""
        if not request.idempotency_keys:
            return await create()
        try:
            remembered = await begin_keyed(operation, request)
            return await create() if remembered is None else self.answers.rewritten("create", remembered)
        finally:
            operation.end_keyed(request)

    async def _create(
        self,
        operation: CrudOperation,
        request: CrudRequest,
        body: Any,
        entries: bytes,
        calls: Calls,
        values: Mapping[str, Any],
    ) -> Answer:
        kept = self._rules.kept_of_new(calls, values)
        item, sent, errors = self._new(body, values, kept)
        if errors or entries:
            return _refused(entries, _placed(errors, "body"))
        item, made_of = await self._made(item, sent, calls, kept)
        if missing := self._rules.still_missing(item, body):
            return _refused(b"", _placed(missing, "body"))
        if sent is not None:
            request = request.changed(body=made_of)
        return self._retold(await self._write("create", operation, request, item, calls), sent)

    async def _write(
        self, name: str, operation: CrudOperation, request: CrudRequest, item: BaseModel, calls: Calls
    ) -> Answer:
        document = self._rules.document(item)
        if document is None:
            return FAILED
        answer = await run_in_threadpool(operation.write_validated, request, document)
        if isinstance(answer, CrudRepeat):
            return self.answers.rewritten("create", answer.answer)
        # What a PUT leaves out of the frozen fields is as it was stored.
        rewritten = self.answers.rewritten(name, answer, [item] if name == "create" or not self._rules.frozen else [])
        if answer[0] in (200, 201):
            done = "create" if answer[0] == 201 else "replace"
            if calls.has_after(done):
                await calls.after(done, self._rules.as_stored(item, json.loads(answer[2])))
        return rewritten

    async def _replace_with_hooks(
        self,
        operation: CrudOperation,
        request: CrudRequest,
        item: BaseModel | None,
        calls: Calls,
        sent: SentItem | None = None,
    ) -> Answer:
        """A PUT makes an item or replaces one, by different hooks, and must then do what they were told."""
        for _ in range(_MAX_MERGES):
            stored = await merge_stored(operation, request)
            is_there = isinstance(stored, StoredItem)
            if not isinstance(stored, StoredItem) and (stored[0] != 404 or not self.may_create):
                return stored
            if request.if_match and not is_there:
                return _CHANGED
            if is_there:
                given = request.changed(if_match=request.if_match or "*")
            else:
                given = request.changed(if_none_match="*")
            kind = "replace" if is_there else "create"
            if sent is not None and self._makes(kind):
                made = await calls.made(kind, sent.instance, self.models.stored)
                self._rules.set_key(made, request.key)
                self._rules.stamped(made, self._rules.times_of(stored))
                given = given.changed(body=self._bodies_of.body_of(sent, made))
            else:
                named = self._whole(sent, stored) if item is None and sent is not None else item
                if isinstance(named, list):
                    return _refused(b"", _placed(named, "body"))
                assert named is not None
                named = named.model_copy(deep=True)
                self._rules.set_key(named, request.key)
                if isinstance(stored, StoredItem):
                    self._rules.keep_frozen(named, stored)
                before = {name: deepcopy(named.__dict__.get(name)) for name in self._marked.read_only}
                made = await calls.before(kind, named)
                self._rules.stamped(
                    made, {name: before[name] for name in self._marked.updated} if is_there else self._rules.times()
                )
                if item is None and sent is not None:
                    given = given.changed(body=written(sent.translated))
                given = self._rules.naming(given, made, before)
            if not is_there and (missing := self._rules.still_missing(made, json.loads(request.body))):
                return _refused(b"", _placed(missing, "body"))
            answer = self._retold(await self._write("replace", operation, given, made, calls), sent)
            if answer[0] != 412 or (request.if_match if is_there else request.if_none_match):
                return answer  # else somebody has made or removed it meanwhile
        return _BUSY

    async def _delete(self, operation: CrudOperation, request: CrudRequest, calls: Calls) -> Answer:
        found = await merge_stored(operation, request)
        if not isinstance(found, StoredItem):
            return found
        key = self._rules.typed_key(request.key)
        await calls.before("delete", key)
        answer: Answer = await run_in_threadpool(operation.perform, request)
        if answer[0] == 204:
            await calls.after("delete", key)
        return answer

    async def _create_all(
        self,
        operation: CrudOperation,
        request: CrudRequest,
        body: list[Any],
        entries: bytes,
        calls: Calls,
        values: Mapping[str, Any],
    ) -> Answer:
        found, documents, errors = [], [], []
        kept = self._rules.kept_of_new(calls, values)
        for index, value in enumerate(body):
            item, sent, wrong = self._new(value, values, kept)
            errors.extend(_placed(wrong, "body", index))
            found.append((item, sent))
        if errors or entries:
            return _refused(entries, errors)
        made = [await self._made(item, sent, calls, kept) for item, sent in found]
        items = [item for item, _ in made]
        for index, (item, value) in enumerate(zip(items, body, strict=True)):
            errors.extend(_placed(self._rules.still_missing(item, value), "body", index))
        if errors:
            return _refused(b"", errors)
        if self._reads_bodies:
            request = request.changed(body=b"[" + b",".join(each for _, each in made) + b"]")
        for item in items:
            document = self._rules.document(item)
            if document is None:
                return FAILED
            documents.append(document)
        answer = await run_in_threadpool(operation.write_all_validated, request, documents)
        if isinstance(answer, CrudRepeat):
            return self.answers.rewritten("create", answer.answer)
        rewritten = self.answers.rewritten("create", answer, items)
        if answer[0] == 201 and calls.has_after("create"):
            for item, stored in zip(items, json.loads(answer[2]), strict=True):
                await calls.after("create", self._rules.as_stored(item, stored))
        return rewritten

    async def _update(self, operation: CrudOperation, request: CrudRequest, entries: bytes, calls: Calls) -> Answer:
        if entries:
            return _unprocessable(entries)  # without the item there is nothing to validate
        patch = json.loads(request.body)
        sent = None
        if self._bodies is not None and self._bodies.update is not None:
            found = await merge_stored(operation, request.changed(body=b"{}"))
            if not isinstance(found, StoredItem):
                return found
            sent, errors = self._bodies.read_patch(patch)
            if sent is None:
                return _refused(b"", _placed(errors, "body"))
            patch, request = sent.patch, request.changed(body=written(sent.patch))
        own = self.items.writable(patch)
        if own is not patch:
            patch, request = own, request.changed(body=written(own))
        changed: dict[str, Any] | None = None  # what a hook has made of the patch, by fields
        for _ in range(_MAX_MERGES):
            merged = await merge_stored(operation, request)
            if not isinstance(merged, StoredItem):
                return merged
            value = self.items.touched(self._rules.without_key(json.loads(merged.merged), is_new=False))
            if sent is not None:
                values = {
                    name: each for name, each in sent.values.items() if not self.items.names_of(name).isdisjoint(patch)
                }
                value = self.items.changed(value, values)
            item, errors = self._rules.merged(value, patch)
            if item is not None and calls.has("update") and changed is None and isinstance(patch, dict):
                if self._rules.may_name_another(patch, item, request.key):
                    refuse = functools.partial(operation.refuse_merged, merged)
                    if refused := self._refusal(refuse, item, sent):
                        return refused
                changes = self.items.changes(item, patch)
                further = sent.further if sent is not None else {}
                result = await calls.before("update", deepcopy({**changes, **further}))
                result = {name: each for name, each in result.items() if name not in further}
                patch = self.items.without(patch, changes.keys() - result.keys())
                changed = {
                    name: each
                    for name, each in result.items()
                    if name not in self._marked.times and (name not in changes or each != changes[name])
                }
                request = request.changed(body=json.dumps(patch).encode())
                continue
            if item is not None and changed:
                item, errors = self._rules.merged(value, patch, changed)
            if item is None:
                return _refused(b"", _placed(self._told(errors, sent), "body"))
            if isinstance(patch, dict):
                await self._keep_drifted(operation, request, item, value, patch, changed or {})
            document = self._rules.document(item)
            if document is None:
                return FAILED
            answer = await run_in_threadpool(operation.write_merged, merged, document)
            if answer is not None:
                answer = self._retold(answer, sent)
                rewritten = self.answers.rewritten("update", answer, [item])
                if answer[0] == 200:
                    await calls.after("update", item)
                return rewritten
        return _BUSY

    async def _keep_drifted(
        self,
        operation: CrudOperation,
        request: CrudRequest,
        item: BaseModel,
        merged: Any,
        patch: Mapping[str, Any],
        changed: Mapping[str, Any],
    ) -> None:
        """Leave fields as they are stored that neither the patch nor a hook has changed, nor what they say."""
        named = {name for name in self.items.model.model_fields if not self.items.names_of(name).isdisjoint(patch)}
        drifted = self.items.drifted(item, merged, named.union(changed))
        if not drifted:
            return
        found = await merge_stored(operation, request.changed(body=b"{}"))
        if isinstance(found, StoredItem):
            stored = self.items.touched(self._rules.without_key(json.loads(found.merged), is_new=False))
            unchanged, _ = self._rules.merged(stored, {})
            if unchanged is not None:
                keep_drifted(item, unchanged, drifted)

    # --- models of requests --------------------------------------------------------------------------

    @property
    def _reads_bodies(self) -> bool:
        """Whether bodies of POST and PUT have a model of their own."""
        return self._bodies is not None and self._bodies.create is not None

    @property
    def _bodies_of(self) -> RequestModels:
        assert self._bodies is not None
        return self._bodies

    def _makes(self, *operations: str) -> bool:
        """Whether a hook makes the stored item of what was sent, in one of `operations` that there may be."""
        return self._bodies is not None and any(
            each in self._bodies.makers and (each != "create" or self.may_create or len(operations) == 1)
            for each in operations
        )

    def _read(
        self, body: Any, *, is_new: bool, values: Mapping[str, Any] = _NO_VALUES
    ) -> tuple[SentItem | None, list[Any]]:
        return self._bodies_of.read(body, is_new=is_new, int_key=self._rules.key_type is int, values=values)

    def _new(
        self, body: Any, values: Mapping[str, Any], kept: Mapping[str, Any]
    ) -> tuple[BaseModel | None, SentItem | None, list[Any]]:
        """The item that one body of a POST is, what was sent where that has a model, and what is wrong with it."""
        if not self._reads_bodies:
            item, errors = self._rules.validated(body, is_new=True, values=values, kept=kept)
            return item, None, errors
        sent, errors = self._read(body, is_new=True, values=values)
        if sent is None or self._makes("create"):
            return None, sent, errors
        item, errors = self._rules.validated(
            sent.translated, is_new=True, values={**sent.defaults, **values}, kept=kept
        )
        return item, sent, self._told(errors, sent)

    async def _made(
        self, item: BaseModel | None, sent: SentItem | None, calls: Calls, times: Mapping[str, Any]
    ) -> tuple[BaseModel, bytes]:
        """What the hook of create makes of an item, or of what was sent; and the body that it came by."""
        if sent is not None and self._makes("create"):
            made = await calls.made("create", sent.instance, self.models.stored)
            return self._rules.stamped(made, times), self._bodies_of.body_of(sent, made)
        assert item is not None
        made = self._rules.stamped(await calls.before("create", item), times)
        return made, b"" if sent is None else written(sent.translated)

    def _whole(self, sent: SentItem, stored: Any) -> BaseModel | list[Any]:
        """The item that a PUT is where a hook makes it in the other case; or what is wrong with it."""
        unseen = self.items.absent_unseen(sent.translated)
        kept: Mapping[str, Any] = _NO_VALUES
        if isinstance(stored, StoredItem):
            kept = self.items.kept(unseen, json.loads(stored.merged))
        kept = {**kept, **self._rules.times_of(stored)}
        defaults = {name: value for name, value in sent.defaults.items() if name not in kept}
        body = {**self.items.changed({}, defaults), **sent.translated}
        item, errors = self._rules.validated(body, is_new=False, values=_NO_VALUES, kept=kept)
        return self._told(errors, sent) if item is None else item

    def _told(self, errors: Sequence[Any], sent: SentItem | SentPatch | None) -> list[Any]:
        """Errors of the stored model in the client's words."""
        return list(errors) if sent is None else self._bodies_of.told(errors, sent)

    def _retold(self, answer: Answer, sent: SentItem | SentPatch | None) -> Answer:
        """The same of an answer of the native half."""
        if sent is None or answer[0] != 422:
            return answer
        errors = [{**each, "loc": each["loc"][1:]} for each in json.loads(answer[2])["detail"]]
        return _refused(b"", _placed(self._told(errors, sent), "body"))

    def _refusal(
        self, refuse: Callable[[bytes], Answer | None], item: BaseModel, sent: SentItem | SentPatch | None
    ) -> Answer | None:
        """The 422 that the native half has for an item which names another, before any hook hears of it."""
        document = self._rules.document(item)
        refused = refuse(document) if document is not None else None
        return self._retold(refused, sent) if refused is not None and refused[0] == 422 else None

    @staticmethod
    async def _stored(operation: CrudOperation, request: CrudRequest) -> Answer | dict[str, Any]:
        """The item that a PUT is to replace, whatever its preconditions are, or an answer."""
        found = await merge_stored(operation, request.changed(if_match="*", if_none_match=""))
        if not isinstance(found, StoredItem):
            return found
        stored: dict[str, Any] = json.loads(found.merged)
        return stored


def _placed(errors: Sequence[Any], *place: str | int) -> list[Any]:
    return [{**each, "loc": (*place, *each["loc"])} for each in errors]


def _is_missing(error: Mapping[str, Any], items: StoredItems, fields: Sequence[str]) -> bool:
    """Whether it says no more than that one of `fields` is not there."""
    return error["type"] == "missing" and any(error["loc"][0] in items.names_of(name) for name in fields)


def _refused(entries: bytes, errors: Sequence[Any]) -> Answer:
    """The 422 for `errors`, behind those that are written already."""
    try:
        text = json.dumps(jsonable_encoder(errors), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:  # NaN, an infinity or a lone surrogate in an input: FastAPI fails, too
        return FAILED
    return _unprocessable(entries + (b"," if entries and errors else b"") + text[1:-1])


def _unprocessable(entries: bytes) -> Answer:
    return 422, b"application/json", b'{"detail":[' + entries + b"]}", []
