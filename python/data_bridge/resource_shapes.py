"""The shapes that requests and answers of a resource have, as the documentation shows them."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Annotated, Any

from fastapi import Header, Path
from fastapi._compat import ModelField
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field, PydanticInvalidForJsonSchema
from pydantic.fields import FieldInfo

from .list_fields import ListField
from .list_parameters import list_parameters
from .resource_options import Operation, derived_model, plain_type

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
        examples=["8e03978e-40d5-43e8-bc93-6894a57f9324"],
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
    ) -> None:
        self.model = model
        # What clients send, where that may lack the key although an item has it, or is not what they get.
        field = model.model_fields.get(key)
        lacks_key = field is not None and native_model is not model and field.is_required()
        self.body = (
            derived_model(f"{model.__name__}Create", {}, native_model)
            if lacks_key or _differs_when_answered(model)
            else model
        )
        self.key = key
        self.fields = fields
        self.page_size = page_size
        self.max_page_size = max_page_size
        self.key_type: type = int if field is None else plain_type(field.annotation)
        self.stored: type[BaseModel] = model
        if field is None:
            self.stored = derived_model(f"Stored{model.__name__}", {key: (int, ...)}, model)
        page = {
            "items": (types.GenericAlias(list, (self.stored,)), ...),
            "next": (str | None, ...),
            "total": (int, Field(default=0, description="Only where it was asked for")),
        }
        self.page = derived_model(f"{model.__name__}Page", page)
        changes = {
            name: _optional(info) for name, info in model.model_fields.items() if name != key and not info.frozen
        }
        self.changes = derived_model(f"{model.__name__}Update", changes)

    def response(self, operation: Operation) -> Any:
        """The body of a success."""
        if operation == "delete":
            return None
        if operation == "create":
            return _or_list(self.stored)
        return self.page if operation == "list" else self.stored

    def parameters(self, operation: Operation) -> list[inspect.Parameter]:
        """What a function would declare that takes the request apart by FastAPI's means."""
        if operation == "list":
            return list_parameters(self.page_size, self.max_page_size, self.fields)
        parameters = []
        if operation != "create":
            parameters.append(_parameter(self.key, Annotated[self.key_type, Path()]))
        if operation == "create":
            parameters.append(_parameter("item", _or_list(self.body)))
        elif operation == "replace":
            parameters.append(_parameter("item", self.body))
        elif operation == "update":
            parameters.append(_parameter("changes", self.changes))
        if operation == "create":
            parameters.append(_parameter("idempotency_key", _IDEMPOTENCY_KEY, None))
        if operation in ("replace", "update", "delete"):
            parameters.append(_parameter("if_match", _IF_MATCH, None))
        if operation in ("get", "replace"):
            parameters.append(_parameter("if_none_match", _IF_NONE_MATCH, None))
        return parameters


def _differs_when_answered(model: type[BaseModel]) -> bool:
    """Whether the documentation of what is sent is another than that of what is answered."""
    try:
        return model.model_json_schema(mode="validation") != model.model_json_schema(mode="serialization")
    except PydanticInvalidForJsonSchema:
        return False  # FastAPI says so, where somebody asks for the documentation


def _or_list(model: type[BaseModel]) -> Any:
    return typing.Union[model, types.GenericAlias(list, (model,))]  # noqa: UP007 - the annotation is a value here


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _optional(field: FieldInfo) -> tuple[Any, FieldInfo]:
    changed = copy(field)
    changed.default = None
    changed.default_factory = None
    return typing.Optional[field.annotation], changed  # noqa: UP045 - the annotation is a value here


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
