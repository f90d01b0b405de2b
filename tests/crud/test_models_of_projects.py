"""Models as projects write them: generic, recursive, with patterns of Python's, and with validators that are not to run
twice over one value."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

import pytest
from doors import Open
from fastapi.testclient import TestClient
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    ValidationInfo,
    computed_field,
    field_validator,
    model_validator,
)
from pydantic_core import core_schema

from data_bridge import App

Content = TypeVar("Content")


class Line(BaseModel):
    sku: str
    count: int = 1


class Envelope(BaseModel, Generic[Content]):
    content: list[Content]
    label: str = "x"


class Foreign:
    """A type that Pydantic knows nothing of."""


class Odd(BaseModel):
    model_config = ConfigDict(regex_engine="python-re", arbitrary_types_allowed=True)

    code: Annotated[str, Field(pattern=r"^(?=a)\w+$")]
    plain: Annotated[str, {"not": "hashable"}] = ""
    foreign: Foreign | None = None


@pytest.mark.parametrize("kind", [Line, int])
def test_generic_models(app: App, kind: Any, open_client: Open) -> None:
    app.crud(Envelope[kind])
    path = f"/envelope-{kind.__name__.lower()}s"
    sent = [{"sku": "a"}] if kind is Line else [1, "2"]
    with open_client(app) as client:
        made = client.post(path, json={"content": sent})
        stored = [{"sku": "a", "count": 1}] if kind is Line else [1, 2]
        assert (made.status_code, made.json()) == (201, {"id": 1, "content": stored, "label": "x"})
        wrong = client.post(path, json={"content": ["x"]}).json()["detail"]
        assert wrong[0]["loc"] == ["body", "content", 0]
        assert client.get(path, params={"where": '{"or": [{"label": "x"}]}'}).json()["items"] == [made.json()]
        schemas = client.get("/openapi.json").json()["components"]["schemas"]
        assert f"Envelope_{kind.__name__}_Create" in schemas


def test_patterns_of_pythons_and_types_that_pydantic_does_not_know(app: App, open_client: Open) -> None:
    app.crud(Odd)
    with open_client(app) as client:
        made = client.post("/odds", json={"code": "abc", "plain": "p"})
        assert (made.status_code, made.json()) == (201, {"id": 1, "code": "abc", "plain": "p", "foreign": None})
        assert client.post("/odds", json={"code": "bc"}).json()["detail"][0]["type"] == "string_pattern_mismatch"
        assert client.patch("/odds/1", json={"foreign": {}}).json()["detail"][0]["type"] == "is_instance_of"
        assert client.get("/odds", params={"code": "abc", "plain__ne": "x"}).json()["items"] == [made.json()]


class Account(BaseModel):
    name: str
    password: str
    total: int = Field(default=0, validate_default=True)
    first: str = "a"
    full: str = ""

    @field_validator("password")
    @classmethod
    def hashed(cls, password: str) -> str:
        if password == "weak":
            raise ValueError("too weak")
        return f"#{password}"

    @field_validator("total")
    @classmethod
    def of_name(cls, _: int, info: ValidationInfo) -> int:
        return len(info.data.get("name", ""))

    @model_validator(mode="after")
    def named(self) -> Account:
        self.full = f"{self.first} {self.name}"
        return self


def test_a_patch_changes_what_it_names_and_what_that_says(app: App, open_client: Open) -> None:
    """A validator has made a stored value once; what follows from the fields of the patch follows still."""
    app.crud(Account)
    with open_client(app) as client:
        made = client.post("/accounts", json={"name": "ann", "password": "p"}).json()
        assert made == {"id": 1, "name": "ann", "password": "#p", "total": 3, "first": "a", "full": "a ann"}
        assert client.patch("/accounts/1", json={}).json() == made
        made |= {"name": "robert", "total": 6, "full": "a robert"}
        assert client.patch("/accounts/1", json={"name": "robert"}).json() == made
        assert client.get("/accounts/1").json() == made
        made |= {"password": "#q"}
        assert client.patch("/accounts/1", json={"password": "q"}).json() == made
        assert client.patch("/accounts/1", json={"password": "weak"}).status_code == 422
        assert client.get("/accounts/1").json() == made


def test_the_same_for_python_code(app: App) -> None:
    app.crud(Account)

    async def use() -> None:
        accounts = app.resource(Account)
        await accounts.create(Account(name="ann", password="p"))
        changed = await accounts.update(1, {"name": "robert"})
        assert (changed.password, changed.total, changed.full) == ("#p", 6, "a robert")
        assert (await accounts.update(1, {"password": "q"})).password == "#q"

    with TestClient(app) as client:
        assert client.portal is not None
        client.portal.call(use)


class Moment:
    """An instant that is a number outside, as types of packages have them."""

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, __: Any) -> Any:
        return core_schema.no_info_after_validator_function(
            lambda seconds: datetime.fromtimestamp(seconds, UTC),
            core_schema.float_schema(),
            serialization=core_schema.plain_serializer_function_ser_schema(datetime.timestamp),
        )


class Logged(BaseModel):
    at: Moment
    marked: Annotated[int, AfterValidator(abs), PlainSerializer(lambda value: f"<{value}>")] = 1
    text: str = ""


def test_what_a_type_reads_is_stored(app: App, open_client: Open) -> None:
    """And not what only its serialiser can write, nor what another serialiser makes of a value."""
    app.crud(Logged)
    with open_client(app) as client:
        made = client.post("/loggeds", json={"at": 1700000000.5, "marked": -2})
        expected = {"id": 1, "at": 1700000000.5, "marked": "<2>", "text": ""}
        assert (made.status_code, made.json()) == (201, expected)
        assert client.get("/loggeds/1").json() == expected
        assert client.patch("/loggeds/1", json={"text": "x"}).json() == {**expected, "text": "x"}
        assert client.get("/loggeds").json()["items"] == [{**expected, "text": "x"}]


class Guarded(BaseModel):
    secret: SecretStr
    odd: Annotated[object, PlainSerializer(lambda _: "odd")] = object()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def length(self) -> int:
        return len(self.secret.get_secret_value())


def test_no_mask_of_a_secret_is_stored(app: App, open_client: Open) -> None:
    """Where only the model's own serialisers can write it, nor where nothing can."""
    app.crud(Guarded)
    with open_client(app) as client:
        made = client.post("/guardeds", json={"secret": "abc"})
        assert (made.status_code, made.json()) == (201, {"id": 1, "secret": "*" * 10, "odd": "odd", "length": 3})
        assert client.get("/guardeds/1").json() == made.json()
        lost = client.post("/guardeds", content=b'{"secret":"\\ud800"}', headers={"content-type": "application/json"})
        assert lost.status_code == 500
        assert len(client.get("/guardeds").json()["items"]) == 1
