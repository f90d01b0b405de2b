"""Models whose resources go through Python, beside those that do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from pydantic import BaseModel, create_model, field_validator

Model = TypeVar("Model", bound=BaseModel)


def strip(value: str | None) -> str | None:
    """What is stored has no blanks around it."""
    return value and value.strip()


def same(value: Any) -> Any:
    """Nothing changes, but that Python looks at it."""
    return value


def checked(model: type[Model], field: str, function: Callable[[Any], Any] = strip) -> type[Model]:
    """`model` with a validator of a field, by default one of text: bodies are read in Python, the rest is native."""
    validators: dict[str, Any] = {"check": field_validator(field)(function)}
    return create_model("Checked", __base__=model, __module__=model.__module__, __validators__=validators)


def declared(name: str, /, **fields: Any) -> type[BaseModel]:
    """A model of fields that are an annotation, or one with a default."""
    return create_model(name, **{key: each if isinstance(each, tuple) else (each, ...) for key, each in fields.items()})


def one_of(*models: type[BaseModel]) -> Any:
    """A fixture that is each of the models in turn."""

    @pytest.fixture(params=models, ids=lambda model: model.__name__)
    def model(request: pytest.FixtureRequest) -> type[BaseModel]:
        found: type[BaseModel] = request.param
        return found

    return model
