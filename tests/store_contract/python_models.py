"""Models whose resources go through Python, beside those that do not."""

from __future__ import annotations

from typing import Any, TypeVar

import pytest
from pydantic import BaseModel, create_model, field_validator

Model = TypeVar("Model", bound=BaseModel)


def checked(model: type[Model], field: str) -> type[Model]:
    """`model` with a validator that strips a field of text: bodies are read in Python, the rest is native."""

    def strip(value: str | None) -> str | None:
        return value and value.strip()

    validators: dict[str, Any] = {"strip": field_validator(field)(strip)}
    return create_model("Checked", __base__=model, __module__=model.__module__, __validators__=validators)


def one_of(*models: type[BaseModel]) -> Any:
    """A fixture that is each of the models in turn."""

    @pytest.fixture(params=models, ids=lambda model: model.__name__)
    def model(request: pytest.FixtureRequest) -> type[BaseModel]:
        found: type[BaseModel] = request.param
        return found

    return model
