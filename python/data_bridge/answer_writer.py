"""Answers of a resource that are not what is stored: the native half's, written again by a model."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from .answer_model import AnswerModel, answered_names
from .item_rules import ItemRules
from .plain_models import plain_answer
from .schema import Exported
from .store_calls import FAILED, Answer
from .stored_items import StoredItems

__all__ = ["AnswerWriter"]


class AnswerWriter:
    """Writes the answers of one resource. `read`: the model that they have instead of the item's; `stored`: the item's
    with its key; `exported`: the item's as the native half has it.
    """

    def __init__(
        self, rules: ItemRules, read: type[BaseModel] | None, stored: type[BaseModel], exported: Exported
    ) -> None:
        self._rules = rules
        self._answer = AnswerModel(read) if read is not None else None
        self._stored_model = stored
        #: Whether the answers of what goes through Python are written here, because the native half cannot write them,
        #: or because hooks see more of an item than they show.
        self.is_needed = bool(exported.outputs) or self._answer is not None or bool(exported.hidden)
        self._hidden = exported.hidden
        self._plain = (
            None if read is None or exported.outputs else plain_answer(read, rules.items.model, rules.key_name)
        )

    @property
    def are_plain(self) -> bool:
        """Whether answers have a model of their own that shows what is stored as it is, as the native half can."""
        return self._plain is not None

    @property
    def show_a_part(self) -> bool:
        """Whether the native half's own answers are not whole items."""
        return self.are_plain or bool(self._hidden)

    @property
    def native_options(self) -> dict[str, Any]:
        """What the native half answers by itself, as options for it."""
        if self._plain is not None:
            return {"answer": self._plain, "answers_extra": False, "answer_names": []}
        if self._hidden:
            return {"answer": self._without_hidden, "answers_extra": True, "answer_names": []}
        return self.options

    @property
    def options(self) -> dict[str, Any]:
        """What it answers in operations that go through Python: whole items."""
        return {"answer": None, "answers_extra": True, "answer_names": self.names if self.is_needed else []}

    @property
    def _without_hidden(self) -> list[tuple[str, str]]:
        """The fields of an answer, but for those that it goes without."""
        names = [(field, name) for name, field in self._rules.items.outputs.items() if field not in self._hidden]
        return names if self._rules.key is not None else [(self._rules.key_name, self._rules.key_name), *names]

    @functools.cached_property
    def _keyed_items(self) -> StoredItems:
        """With the key, which the stored model may not have."""
        return StoredItems(self._stored_model, by_name=self._rules.items.by_name)

    @property
    def names(self) -> list[str]:
        """The names of an answer's members."""
        if self._answer is not None:
            return answered_names(self._answer.model)
        return [
            *([] if self._rules.key is not None else [self._rules.key_name]),
            *answered_names(self._rules.items.model),
        ]

    def rewritten(self, name: str, answer: Answer, items: Sequence[BaseModel] = (), query: str = "") -> Answer:
        """`answer` to the operation `name` as the model writes it, of `items` where they are known."""
        status, content_type, body, headers = answer
        if not self.is_needed or status not in (200, 201):
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
                written = map(self._written, stored, items) if items else map(self._written, stored)
                body = b"[" + b",".join(written) + b"]"
            else:
                body = self._written(stored, items[0] if items else None)
        except (PydanticSerializationError, ValueError):
            return FAILED
        return status, content_type, body, headers

    def _shown(self, stored: dict[str, Any], item: BaseModel | None) -> bytes:
        """`stored` in the shape of the model of answers."""
        assert self._answer is not None
        if self._rules.key is None or item is None:
            return self._answer.written(self._keyed_items.restore(stored))
        return self._answer.written(self._rules.as_stored(item, stored))

    def _written(self, stored: dict[str, Any], item: BaseModel | None = None) -> bytes:
        if self._answer is not None:
            return self._shown(stored, item)
        key = stored[self._rules.key_name] if self._rules.key is not None else stored.pop(self._rules.key_name)
        if item is None:
            item = self._rules.items.restore(stored)
        elif self._rules.key is not None:
            # The store has assigned it, or the path; whatever the model says of changes.
            item.__dict__[self._rules.key] = self._rules.typed_key(key)
        text = self._rules.items.answer(item)
        if self._rules.key is None and text.startswith(b"{"):
            text = json.dumps({self._rules.key_name: key}, separators=(",", ":")).encode()[:-1] + (
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
