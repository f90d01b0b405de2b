"""What the exporter refuses, and what the compiled model tells about its fields."""

import enum
import json
import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID, uuid1

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import (
    AliasPath,
    Base64Bytes,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PastDate,
    RootModel,
    computed_field,
    create_model,
    field_serializer,
    field_validator,
)

from data_bridge._core import SchemaModel, check_pattern
from data_bridge.schema import Unsupported, export_model


class Grade(enum.Enum):
    A = "a"

    @classmethod
    def _missing_(cls, value: object) -> "Grade":
        return cls.A


class Inner(BaseModel):
    amount: complex


FIELDS: list[tuple[Any, str]] = [
    (Annotated[Decimal, Field(allow_inf_nan=True)], "a Decimal that may be infinite or NaN"),
    (Annotated[Decimal, Field(multiple_of=Decimal("0.1234567890123456789"))], "a `multiple_of` that is too long"),
    (PastDate, "`now_op` of a Pydantic `date`"),
    (Annotated[time, Field(gt=time(10))], "`gt` of a Pydantic `time`"),
    (dict[float, int], "a dict with keys of a type that has no native form as a key"),
    (int | complex, "the type `complex`"),
    (Base64Bytes, "the validator function"),
    (set[int], "the order of a Python set of such items"),
    (frozenset[UUID], "the order of a Python frozenset of such items"),
    (Annotated[tuple[int, int], Field(min_length=1)], "a tuple of a fixed and of a free part, or with limits"),
    (Annotated[int, BeforeValidator(abs)], "the validator function abs"),
    (Annotated[str, Field(pattern=r"\bword")], r"the pattern '\\bword'"),
    (Annotated[str, Field(pattern=re.compile("a"))], "a pattern for Python's `re`"),
    (Annotated[datetime, Field(gt=datetime(2020, 1, 1))], "`gt` of a Pydantic `datetime`"),
    (Annotated[UUID, Field(default_factory=uuid1)], "the default_factory uuid1"),
    (Annotated[int, Field(validation_alias=AliasPath("a", 0))], "an AliasPath"),
    (Annotated[int, Field(exclude=True)], "a field that is excluded"),
    (Grade, "Grade._missing_"),
]


@pytest.mark.parametrize(("kind", "reason"), FIELDS, ids=lambda value: str(value)[:40])
def test_unsupported_field(kind: Any, reason: str) -> None:
    model = create_model("Model", good=(int, ...), bad=(kind, ...))
    with pytest.raises(Unsupported) as caught:
        export_model(model)
    assert [field for field, _ in caught.value.reasons] == ["bad"]
    assert reason in caught.value.reasons[0][1]
    assert caught.value.model is model


def test_unsupported_defaults() -> None:
    validated = create_model("Model", bad=(int, Field(1, validate_default=True)))
    unwritable = create_model("Model", bad=(Any, object()))
    for model, reason in [
        (validated, "bad: `validate_default`"),
        (unwritable, "bad: a default without a form in JSON"),
    ]:
        with pytest.raises(Unsupported, match=reason):
            export_model(model)


def test_all_reasons_at_once_with_their_places() -> None:
    class Model(BaseModel):
        ok: str
        when: PastDate
        inner: Inner
        many: list[list[complex]] = []

    with pytest.raises(Unsupported) as caught:
        export_model(Model)
    assert [field for field, _ in caught.value.reasons] == ["when", "inner.amount", "many[][]"]
    assert str(caught.value).startswith("Model cannot be validated natively: when: `now_op` of a Pydantic `date`; ")


def test_unsupported_models() -> None:
    class Validated(BaseModel):
        a: int

        @field_validator("a")
        @classmethod
        def check(cls, value: int) -> int:
            return value

    class Serialised(BaseModel):
        a: int

        @field_serializer("a")
        def write(self, value: int) -> str:
            return str(value)

    class Computed(BaseModel):
        a: int

        @computed_field
        def b(self) -> int:
            return self.a

    class Initialised(BaseModel):
        def __init__(self, **data: Any) -> None:
            super().__init__(**data)

    class Finished(BaseModel):
        def model_post_init(self, context: Any) -> None:
            self.done = True

    class Rooted(RootModel[list[int]]):
        pass

    class Seconds(BaseModel):
        model_config = ConfigDict(ser_json_temporal="seconds")
        a: datetime

    class Coerced(BaseModel):
        model_config = ConfigDict(coerce_numbers_to_str=True)
        a: str

    for model, reason in [
        (Validated, "the validator function .*check"),
        (Serialised, "a custom serialiser"),
        (Computed, "the computed fields b"),
        (Initialised, "a custom __init__"),
        (Finished, "model_post_init"),
        (Rooted, "a RootModel"),
        (Seconds, "the setting `ser_json_temporal`"),
        (Coerced, "the setting `coerce_numbers_to_str`"),
    ]:
        with pytest.raises(Unsupported, match=reason):
            export_model(model)


def test_a_model_that_names_later_classes_is_completed() -> None:
    Early = create_model("Early", later=("Later", ...))  # type: ignore[call-overload]
    assert not Early.__pydantic_complete__

    class Later(BaseModel):
        x: int

    Early.model_rebuild(_types_namespace={"Later": Later})
    assert SchemaModel(export_model(Early)).validate(b'{"later":{"x":"5"}}') == (200, b'{"later":{"x":5}}')


def test_the_text_is_the_same_in_every_process() -> None:
    class Model(BaseModel):
        a: Inner2
        b: Inner2

    spec = json.loads(export_model(Model))
    assert spec["version"] == 1
    assert list(spec["definitions"]) == ["0"]
    assert spec["schema"]["fields"][0]["schema"] == {"type": "ref", "name": "0"}


class Inner2(BaseModel):
    x: int


def test_fields() -> None:
    class Model(BaseModel):
        id: int | None = None
        name: str = Field(alias="Name")
        tags: list[str] = []
        inner: Inner2
        code: UUID | None = None
        when: datetime
        day: date
        at: time
        raw: bytes
        span: timedelta
        cost: Decimal = Decimal("1.10")
        on: bool = True
        rate: float = 1
        grade: enum.Enum = enum.Enum("G", {"A": "a"})("a")

    class Known(Model):
        grade: enum.Enum("G", {"A": "a"}) = "a"  # type: ignore[valid-type]

    fields = SchemaModel(export_model(Known)).fields()
    assert [(f["name"], f["kind"], f["nullable"], f["required"]) for f in fields] == [
        ("id", "int", True, False),
        ("name", "str", False, True),
        ("tags", "json", False, False),
        ("inner", "json", False, True),
        ("code", "uuid", True, False),
        ("when", "datetime", False, True),
        ("day", "date", False, True),
        ("at", "time", False, True),
        ("raw", "str", False, True),
        ("span", "duration", False, True),
        ("cost", "decimal", False, False),
        ("on", "bool", False, False),
        ("rate", "float", False, False),
        ("grade", "str", False, False),
    ]
    assert (fields[1]["input_key"], fields[1]["output_key"]) == ("Name", "Name")


@pytest.mark.parametrize(
    "kind",
    [
        int,
        UUID,
        str,
        Annotated[int, Field(gt=3, le=2**40)],
        float,
        bool,
        datetime,
        date,
        time,
        timedelta,
        bytes,
        Decimal,
    ],
)
def test_one_field_is_validated_as_a_path_parameter(kind: Any) -> None:
    app = FastAPI()

    async def read(key: Any) -> dict[str, Any]:
        return {"key": key}

    read.__annotations__["key"] = kind
    app.get("/{key}")(read)
    client = TestClient(app)
    native = SchemaModel(export_model(create_model("Model", key=(kind | None, None))))
    for text in [
        "5",
        "-1",
        "x",
        "1.0",
        " 7",
        "1e3",
        "true",
        "9" * 25,
        "12345678-1234-4234-8234-123456789abc",
        "é",
        "{}",
        "2024-01-01",
        "10:00",
    ]:
        expected = client.get("/" + text)
        status, body = native.validate_field("key", text, ("path", "key"))
        assert status == expected.status_code
        if status == 422:
            assert body == expected.content
        else:
            assert json.loads(body) == expected.json()["key"]


def test_native_model_refuses_other_texts() -> None:
    for text in ["", "{}", '{"version":2}', '{"version":1,"dialect":{},"definitions":{},"schema":{"type":"int"}}']:
        with pytest.raises(ValueError, match="schema"):
            SchemaModel(text)
    model = SchemaModel(export_model(Inner2))
    with pytest.raises(KeyError):
        model.validate_field("y", "1", ())
    assert model.name == "Inner2"
    assert not model.allows_extra


def test_check_pattern() -> None:
    assert check_pattern(r"^\w+$") is None
    assert "escape" in (check_pattern(r"\bx") or "")
