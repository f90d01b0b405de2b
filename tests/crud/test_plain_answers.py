"""``read=``: which models of answers show what is stored as it is, so that the native core writes them."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any

import pytest
from annotated_types import Gt
from doors import Open
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    PastDatetime,
    PrivateAttr,
    computed_field,
    field_serializer,
    field_validator,
    model_validator,
)
from python_models import declared

from data_bridge import App, ReadOnly
from data_bridge.stores import stores_of

More = Annotated[int, AfterValidator(lambda value: value + 1)]


class Color(Enum):
    RED = "r"


class Address(BaseModel):
    city: str = Field(alias="town")


class Base(BaseModel):
    name: str = Field(min_length=2, pattern="^[a-z]")
    price: Decimal = Field(default=Decimal(1), max_digits=5)


class Item(Base):
    id: int | None = None
    secret: str = "s"
    made: datetime = datetime(2024, 1, 2)
    color: Color = Color.RED
    address: Address = Address(town="Oslo")
    page: HttpUrl = HttpUrl("http://a.b/")
    host: ipaddress.IPv4Address = ipaddress.IPv4Address("127.0.0.1")
    past: PastDatetime = datetime(2024, 1, 2)
    own: More = 1
    numbers: set[int] = set()
    length: timedelta = timedelta(1)


def reading(**fields: Any) -> type[BaseModel]:
    """A model of answers with these fields."""
    return declared("Answer", **fields)


class Inherited(Base):
    id: int


class Renamed(BaseModel):
    model_config = ConfigDict(alias_generator=str.upper)

    made: datetime
    id: int


class Validated(BaseModel):
    name: str

    @field_validator("name")
    @classmethod
    def _doubled(cls, value: str) -> str:
        return value * 2


class Checked(BaseModel):
    name: str

    @model_validator(mode="after")
    def _checked(self) -> Checked:
        return self


class Serialized(BaseModel):
    name: str

    @field_serializer("name")
    def _upper(self, value: str) -> str:
        return value.upper()


class Computed(BaseModel):
    name: str

    @computed_field  # type: ignore[prop-decorator]
    @property
    def size(self) -> int:
        return len(self.name)


class Prepared(BaseModel):
    name: str
    _seen: int = PrivateAttr(0)

    def model_post_init(self, context: Any) -> None:
        self.name += "!"


class Lower(BaseModel):
    model_config = ConfigDict(str_to_lower=True)

    name: str


class InSeconds(BaseModel):
    model_config = ConfigDict(ser_json_timedelta="float")

    length: timedelta


class Documented(BaseModel):
    model_config = ConfigDict(title="Shown", from_attributes=True, extra="forbid", frozen=True)

    length: timedelta


class Unlimited(BaseModel):
    model_config = ConfigDict(extra="allow")

    name: str


PLAIN = {
    "inherited": Inherited,
    "renamed": Renamed,
    "no constraints": reading(name=str, price=Decimal),
    "the same constraints": reading(name=(str, Field(pattern="^[a-z]"))),
    "the key as it is declared": reading(id=int | None),
    "a model within": reading(address=Address),
    "types that take their own values": reading(page=HttpUrl, host=ipaddress.IPv4Address),
    "an enum": reading(color=Color),
    "one without": reading(name=str, secret=(str, Field(exclude=True))),
    "nothing": reading(),
    "settings for other things": Documented,
}
OTHER = {
    "validated": Validated,
    "checked": Checked,
    "serialized": Serialized,
    "computed": Computed,
    "prepared": Prepared,
    "another case": Lower,
    "open": Unlimited,
    "a duration in seconds": InSeconds,
    "another type": reading(price=float),
    "not null": reading(name=str | None),
    "a bound": reading(name=Annotated[str, Field(max_length=50)]),
    "a bound on a number": reading(id=Annotated[int, Gt(0)]),
    "a default": reading(name=str, more=(int, 1)),
    "a time that may have come": reading(past=PastDatetime),
    "a validator of the type": reading(own=More),
    "a set that Python orders": reading(numbers=set[int]),
}


@pytest.mark.parametrize("read", PLAIN.values(), ids=PLAIN)
def test_plain(app: App, open_client: Open, read: type[BaseModel]) -> None:
    app.crud(Item, path="/items", read=read)
    resource = stores_of(app).resources[0]
    assert [resource.reasons(name) for name in ("list", "get")] == ["", ""]
    with open_client(app) as client:
        # Its other fields are made by Python, which writes that answer with the model itself.
        made = client.post("/items", json={"name": "anna", "price": "1.50", "own": 4})
        got = client.get("/items/1")
        assert (made.status_code, got.status_code) == (201, 200)
        assert (got.content, got.headers["etag"]) == (made.content, made.headers["etag"])
        assert client.get("/items").content == b'{"items":[' + made.content + b'],"next":null}'


def test_not_plain(app: App) -> None:
    """All of them in every run: each is another rule."""
    for number, (name, read) in enumerate(OTHER.items()):
        app.crud(Item, path=f"/items-{number}", table="items", read=read)
        assert stores_of(app).resources[number].reasons("get") == f"the answer is {read.__name__}", name


class Sealed(BaseModel):
    key: str = Field(exclude=True)
    note: Annotated[str, ReadOnly] = Field("none", exclude=True)
    text: str = ""


def test_hooks_see_what_is_excluded(app: App, open_client: Open) -> None:
    """The key, too; and what the store has of what they set."""
    seen: list[Any] = []

    @app.crud(Sealed, path="/items", key="key")
    class Items:
        def before_create(self, item: Sealed) -> None:
            item.note = "set"

        def after_create(self, item: Sealed) -> None:
            seen.append((item.key, item.note, item.text))

        after_replace = after_update = after_create

    with open_client(app) as client:
        assert client.post("/items", json={"key": "a", "text": "x"}).json() == {"text": "x"}
        assert client.put("/items/a", json={"text": "y"}).json() == {"text": "y"}
        assert client.patch("/items/a", json={"text": "z"}).json() == {"text": "z"}
        assert client.post("/items", json=[{"key": "b", "text": "w"}]).json() == [{"text": "w"}]
    assert seen == [("a", "set", "x"), ("a", "set", "y"), ("a", "set", "z"), ("b", "set", "w")]


def test_hooks_see_the_whole_item(app: App, open_client: Open) -> None:
    """Writes with hooks go through Python, which needs more of an item than its answer shows."""
    seen: list[Any] = []

    @app.crud(Base, path="/items", read=reading(name=str))
    class Items:
        def after_create(self, item: Base) -> None:
            seen.append(item)

        def after_update(self, item: Base) -> None:
            seen.append(item)

    with open_client(app) as client:
        assert client.post("/items", json={"name": "anna", "price": 2}).json() == {"name": "anna"}
        assert client.patch("/items/1", json={"price": 3}).json() == {"name": "anna"}
        assert client.put("/items/1", json={"name": "eve"}).json() == {"name": "eve"}
        assert client.get("/items").json()["items"] == [{"name": "eve"}]
        assert client.get("/items/1").json() == {"name": "eve"}
    assert [(item.name, item.price) for item in seen] == [("anna", 2), ("anna", 3)]
