"""The shapes that requests and answers of a resource have, as the documentation shows them."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import Header, Path
from fastapi._compat import ModelField
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from .answer_model import answered_names
from .list_fields import ListField
from .list_parameters import list_parameters
from .resource_models import ResourceModels
from .resource_options import Operation, plain_type
from .shown_models import ShownModels

__all__ = ["Detail", "Shapes", "describe"]


class Detail(BaseModel):
    """What went wrong."""

    detail: str = Field(examples=["Not Found"])


_IF_MATCH = Annotated[str | None, Header(description="The `ETag` that the item must still have; `*`: any")]
_IF_NONE_MATCH = Annotated[str | None, Header(description="The `ETag` that the client has; `*` with PUT: only create")]

_IDEMPOTENCY_KEY = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="A name that the client makes up for this request, a UUID for example. Sent again within 24 hours "
        "the request is not done again, but answered as it was the first time",
    ),
]


class Shapes:
    """The models that the documentation shows, and those that validate keys and pages."""

    def __init__(
        self,
        model: type[BaseModel],
        native_model: type[BaseModel],
        key: str,
        page_size: int,
        max_page_size: int,
        fields: Sequence[ListField],
        models: ResourceModels,
    ) -> None:
        self.key = key
        self.fields = fields
        self.page_size = page_size
        self.max_page_size = max_page_size
        field = model.model_fields.get(key)
        self.key_type: type = int if field is None else plain_type(field.annotation)
        self._answered = answered_names(models.read) if models.read is not None else ()
        self._shown = ShownModels.of(model, native_model, key, fields, models)
        #: What Python reads of the store.
        self.stored = self._shown.stored

    def response(self, operation: Operation) -> Any:
        """The body of a success."""
        if operation == "delete":
            return None
        answer = self._shown.answer
        if operation == "create":
            return _or_list(answer)
        return self._shown.page if operation == "list" else answer

    def parameters(self, operation: Operation) -> list[inspect.Parameter]:
        """What a function would declare that takes the request apart by FastAPI's means."""
        if operation == "list":
            return list_parameters(self.page_size, self.max_page_size, self.fields, self._shown.where, self._answered)
        parameters = []
        if operation != "create":
            parameters.append(_parameter(self.key, Annotated[self.key_type, Path()]))
        if operation == "create":
            parameters.append(_parameter("item", _or_list(self._shown.create)))
        elif operation == "replace":
            parameters.append(_parameter("item", self._shown.replace))
        elif operation == "update":
            parameters.append(_parameter("changes", self._shown.update))
        if operation == "create":
            parameters.append(_parameter("idempotency_key", _IDEMPOTENCY_KEY, None))
        if operation in ("replace", "update", "delete"):
            parameters.append(_parameter("if_match", _IF_MATCH, None))
        if operation in ("get", "replace"):
            parameters.append(_parameter("if_none_match", _IF_NONE_MATCH, None))
        return parameters


def _or_list(model: Any) -> Any:
    return typing.Union[model, types.GenericAlias(list, (model,))]  # noqa: UP007 - the annotation is a value here


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def describe(
    route: Any, operation: Operation, shapes: Shapes, hooks: Mapping[str, Any]
) -> tuple[Dependant, ModelField | None]:
    """The dependant and the body by which the documentation of `route` shows the parameters and the body that its
    endpoint reads from the request itself: those of a function that declares everything, what `hooks` ask for as well.
    """

    def declared() -> None: ...

    declared.__signature__ = inspect.Signature(shapes.parameters(operation))  # type: ignore[attr-defined]
    model = APIRoute(route.path, declared, methods=["POST"], dependencies=[*route.dependencies, *hooks.values()])
    return model.dependant, model.body_field
