"""An application whose parameters and bodies are of every type that FastAPI converts."""

import datetime
import decimal
import enum
import uuid
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, FastAPI, Header, HTTPException, Path, Query, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field, field_validator


class Colour(enum.StrEnum):
    red = "red"
    blue = "blue"


class Number(enum.IntEnum):
    one = 1
    two = 2


class Inner(BaseModel):
    a: int = 1
    b: list[str] = []
    c: float | None = None


class Everything(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=10)
    number: int = Field(ge=0, lt=1000)
    real: float = 0.5
    flag: bool = False
    when: datetime.datetime | None = None
    uid: uuid.UUID | None = None
    inner: Inner = Inner()
    tags: list[str] = []
    colour: Colour = Colour.red
    literal: Literal["x", "y", 3] = "x"
    counts: dict[str, int] = {}
    either: int | str | None = None
    amount: decimal.Decimal | None = None


class Aliased(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    first_name: str = Field(alias="firstName")
    age: int = Field(default=3, alias="theAge")


class Even(BaseModel):
    x: int

    @field_validator("x")
    @classmethod
    def is_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("odd é")
        return value


class Page(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: int = Field(100, gt=0, le=100)
    tags: list[str] = []
    order: Literal["created", "updated"] = "created"


def make_app() -> FastAPI:
    app = FastAPI()

    @app.get("/numbers/{x}")
    async def numbers(x: int, q: int = 5, r: float | None = None, s: bool = False) -> Any:
        return {"x": x, "q": q, "r": r, "s": s}

    @app.get("/reals/{x}")
    async def reals(
        x: float,
        many: Annotated[list[int], Query()] = [1],  # noqa: B006
        text: Annotated[str | None, Query(min_length=2, max_length=5, pattern="^a")] = None,
    ) -> Any:
        return [x, many, text]

    @app.get("/times/{x}")
    async def times(
        x: uuid.UUID,
        at: datetime.datetime,
        day: datetime.date | None = None,
        time: datetime.time | None = None,
        span: datetime.timedelta | None = None,
    ) -> Any:
        return {"x": x, "at": at, "day": day, "time": time, "span": span}

    @app.get("/choices/{colour}/{number}")
    async def choices(colour: Colour, number: Number, order: Literal["p", "q"] = "p") -> Any:
        return {"colour": colour, "number": number, "order": order}

    @app.get("/bounds/{x}")
    async def bounds(
        x: Annotated[str, Path(min_length=2, max_length=6)],
        y: Annotated[int, Query(gt=3, le=10, alias="why")],
        amount: decimal.Decimal = decimal.Decimal("1.5"),
    ) -> Any:
        return {"x": x, "y": y, "amount": amount}

    @app.get("/rest/{rest:path}")
    async def rest(rest: str, raw: bytes = b"q", many: Annotated[set[str], Query()] = set()) -> Any:  # noqa: B006
        return {"rest": rest, "raw": raw, "many": sorted(many)}

    @app.get("/page")
    async def page(page: Annotated[Page, Query()]) -> Any:
        return page

    @app.get("/headers")
    async def headers(x_token: Annotated[str, Header()], number: Annotated[int, Header()] = 1) -> Any:
        return [x_token, number]

    @app.get("/sync/{x}")
    def sync(x: int, q: Annotated[list[str] | None, Query()] = None) -> Any:
        return {"x": x, "q": q}

    @app.delete("/items/{x}", status_code=204)
    async def delete(x: int) -> None:
        return None

    @app.get("/changed")
    async def changed(response: Response, q: int = 1) -> Any:
        response.headers["x-q"] = str(q)
        response.status_code = 203
        return {"q": q}

    add_outcomes(app)
    add_bodies(app)
    router = APIRouter(prefix="/router/{a}")

    @router.get("/x/{b}")
    async def inner(a: int, b: str, q: Annotated[float, Query(ge=0, allow_inf_nan=False)] = 1) -> Any:
        return {"a": a, "b": b, "q": q}

    app.include_router(router)
    return app


OUTCOMES: list[Any] = [
    HTTPException(418, detail={"a": [1, "é"]}, headers={"x-y": "z"}),
    RuntimeError("on purpose"),
    Response(content=b"raw", media_type="text/x", headers={"a": "b"}),
    JSONResponse({"a": None}, status_code=202),
    PlainTextResponse("hé"),
    float("nan"),
    object(),
    None,
    {
        "big": 10**30,
        "real": 1e300,
        "tuple": (1, 2),
        "set": {3},
        "at": datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
    },
    "text",
    b"bytes",
    b"\xff",
    [True, 1.0, -0.0, 1e-7],
]


def add_outcomes(app: FastAPI) -> None:
    @app.get("/outcomes/{number}")
    async def outcome(number: int) -> Any:
        found = OUTCOMES[number]
        if isinstance(found, Exception):
            raise found
        return found


def add_bodies(app: FastAPI) -> None:
    @app.post("/everything", response_model=Everything)
    async def everything(item: Everything) -> Any:
        return item

    @app.post("/everything/set", response_model=Everything, response_model_exclude_unset=True, status_code=201)
    async def what_is_set(item: Everything, q: int = 1) -> Any:
        return item

    @app.put("/everything/{key}")
    async def put(key: int, item: Everything, z: str | None = None) -> Any:
        return {"key": key, "item": item, "z": z}

    @app.post("/aliased", response_model=Aliased, response_model_by_alias=False)
    async def by_name(item: Aliased) -> Any:
        return item

    @app.post("/aliased/out")
    async def by_alias(item: Aliased) -> Aliased:
        return item

    @app.post("/even")
    async def even(item: Even) -> Any:
        return item

    @app.post("/list")
    async def list_of(items: list[Inner]) -> Any:
        return items

    @app.post("/dict")
    async def dict_of(items: dict[str, Inner]) -> Any:
        return items

    @app.post("/any")
    async def anything(item: Any = Body(...)) -> Any:
        return item

    @app.post("/optional")
    async def optional(item: Everything | None = None) -> Any:
        return item

    @app.post("/embedded")
    async def embedded(item: Annotated[Everything, Body(embed=True)]) -> Any:
        return item

    @app.post("/two")
    async def two(item: Everything, inner: Inner) -> Any:
        return {"item": item, "inner": inner}
