"""The models that a resource has besides the stored one, and what has to come from elsewhere because of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, RootModel

from .hooks import Hooks
from .marked_fields import MarkedFields
from .request_models import hook_parameter
from .resource_options import Operation, is_assigned
from .scopes import Scopes
from .table_models import without_table

__all__ = ["ResourceModels"]

Model = type[BaseModel]


@dataclass(frozen=True)
class ResourceModels:
    """Of requests and answers of `stored`; None where that is meant itself."""

    stored: Model
    key: str
    create: Model | None = None
    update: Model | None = None
    read: Model | None = None

    @classmethod
    def of(cls, options: str, stored: Model, key: str, **models: Any) -> ResourceModels:
        """As the options have them. Raises TypeError."""
        models = {name: without_table(model) for name, model in models.items()}
        for name, model in models.items():
            if model is not None and not (isinstance(model, type) and issubclass(model, BaseModel)):
                raise TypeError(f"{options}: {name}={model!r} is not a Pydantic model")
            if model is not None and issubclass(model, RootModel):
                raise TypeError(f"{options}: {name}={model.__qualname__}: a RootModel has no fields")
            if model is not None and not model.__pydantic_complete__:
                model.model_rebuild()
        return cls(stored, key, **{name: None if model is stored else model for name, model in models.items()})

    @property
    def read_fields(self) -> set[str]:
        """The fields that clients see."""
        shown = self.read or self.stored
        return {name for name, info in shown.model_fields.items() if not info.exclude}

    @property
    def unseen(self) -> list[str]:
        """The fields that a write keeps which does not name them: clients cannot read or cannot write them."""
        if self.read is None and self.create is None:
            return [name for name, info in self.stored.model_fields.items() if info.exclude]
        seen = self.read_fields & (self.create or self.stored).model_fields.keys()
        return [name for name in self.stored.model_fields if name not in seen and name != self.key]

    def reasons(self, operation: str, *, reads_plainly: bool, takes_plainly: bool) -> list[tuple[str, str]]:
        """Why an operation needs Python, as (field, reason). `reads_plainly`: what answers show is what is stored;
        `takes_plainly`: what the model of the operation's body takes the stored model takes as it is."""
        body = {"create": self.create, "replace": self.create, "update": self.update}.get(operation)
        reasons = [("", f"the body is {body.__name__}")] if body is not None and not takes_plainly else []
        if self.read is not None and not reads_plainly and operation != "delete":
            reasons.append(("", f"the answer is {self.read.__name__}"))
        return reasons

    def conflict_names(self) -> list[tuple[str, str]]:
        """How the errors of the store call the fields of the stored model; "": not at all."""
        if self.read is None:
            return []
        shown = self.read.model_fields
        return [
            (name, (shown[name].serialization_alias or name) if name in self.read_fields else "")
            for name in self.stored.model_fields
        ]

    # --- checks -------------------------------------------------------------------------------------

    def makers(self, hooks: Hooks) -> set[str]:
        """The operations whose hook takes the model of the body and gives the stored item."""
        if self.create is None:
            return set()
        found = set()
        for operation in ("create", "replace"):
            method = hooks.method(f"before_{operation}")
            if method is not None and without_table(hook_parameter(method)) is self.create:
                found.add(operation)
        return found

    def complaint(
        self, options: str, operations: Sequence[Operation], hooks: Hooks, scopes: Scopes, *, may_create: bool
    ) -> str:
        """Which field only one of the models has that comes from nowhere, to stop the start; "": none."""
        complaints = (
            *self._of_create(operations, hooks, scopes, may_create),
            *self._of_update(operations, hooks),
            *self._of_read(),
        )
        return f"{options}: {complaints[0]}" if complaints else ""

    def _of_create(
        self, operations: Sequence[Operation], hooks: Hooks, scopes: Scopes, may_create: bool
    ) -> Iterator[str]:
        if self.create is None:
            return
        stored, body = self.stored.__name__, self.create.__name__
        needed = [each for each in ("create", "replace") if each in operations]
        if "replace" in operations and may_create and "create" not in needed:
            needed.append("create")
        made = self.makers(hooks)
        for operation in (each for each in needed if each not in made):
            hook = f"write a hook before_{operation}(item: {body}) that returns the {stored}"
            for name in self._foreign(self.create):
                yield f"{stored} has no field {name!r}, which create={body} has: {hook}"
            for name in self._required() if operation == "create" else ():
                if not scopes.may_give("create", name):
                    yield (
                        f"create={body} has no field {name!r}, which {stored} requires: give it a default or a scope "
                        f"that says what it is, or {hook}"
                    )

    def _required(self) -> Iterator[str]:
        """The fields that a new item needs and its body has not, but for those that no body ever has."""
        assert self.create is not None
        marked = MarkedFields(self.stored).read_only
        for name, info in self.stored.model_fields.items():
            is_given = name in self.create.model_fields or name in marked
            if (
                not is_given
                and not (name == self.key and is_assigned(info))
                and (info.is_required() or name == self.key)
            ):
                yield name

    def _foreign(self, model: Model) -> Iterator[str]:
        """The fields of the model of a body that the stored one has not."""
        if self.stored.model_config.get("extra") != "allow":
            yield from (name for name in model.model_fields if name not in (*self.stored.model_fields, self.key))

    def _of_update(self, operations: Sequence[Operation], hooks: Hooks) -> Iterator[str]:
        if self.update is None or "update" not in operations or hooks.has("before_update"):
            return
        for name in self._foreign(self.update):
            yield (
                f"{self.stored.__name__} has no field {name!r}, which update={self.update.__name__} has: write a hook "
                "before_update(changes) that makes something of it"
            )

    def _of_read(self) -> Iterator[str]:
        if self.read is None:
            return
        stored = self.stored.__name__
        for name in self._foreign(self.read):
            if self.read.model_fields[name].is_required() and not hasattr(self.stored, name):
                yield (
                    f"{stored} has no field {name!r}, which read={self.read.__name__} has: give it a default there, or "
                    f"{stored} a property of this name"
                )
