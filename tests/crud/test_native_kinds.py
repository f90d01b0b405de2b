"""Types that the native core validates, stores and compares, through both doors: what the wire shows of each."""

from __future__ import annotations

import uuid
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from doors import Open
from pydantic import BaseModel, Field, StringConstraints

from data_bridge import App
from data_bridge.schema import export_model


class Inner(BaseModel):
    x: int
    y: str = "d"


class Book(BaseModel):
    id: int | None = None
    scores: dict[str, float] = {}
    parts: dict[int, Inner] = {}
    words: dict[Annotated[str, StringConstraints(to_upper=True, pattern="^[a-z]")], int | None] = {}


def test_a_patch_of_a_dict_is_merged_by_its_keys(app: App, open_client: Open) -> None:
    export_model(Book)  # raises where a part of it needs Python
    app.crud(Book, path="/books")
    with open_client(app) as client:
        body = '{"scores":{"a":1,"b":Infinity},"parts":{"1":{"x":1,"y":"z"},"02":{"x":2}},"words":{"ab":1,"c":null}}'
        posted = client.post("/books", content=body, headers={"content-type": "application/json"})
        assert posted.json() == {
            "id": 1,
            "scores": {"a": 1.0, "b": None},
            "parts": {"1": {"x": 1, "y": "z"}, "2": {"x": 2, "y": "d"}},
            "words": {"AB": 1, "C": None},
        }
        # What the patch does not name is taken as it is stored, though nobody could send it like that.
        patched = client.patch("/books/1", json={"scores": {"c": "2"}, "parts": {"1": {"x": 5}}, "words": {"d": 3}})
        assert patched.status_code == 200, patched.text
        assert patched.json() == {
            "id": 1,
            "scores": {"a": 1.0, "b": None, "c": 2.0},
            "parts": {"1": {"x": 5, "y": "z"}, "2": {"x": 2, "y": "d"}},
            "words": {"AB": 1, "C": None, "D": 3},
        }
        removed = client.patch("/books/1", json={"scores": {"a": None, "q": None}, "parts": None})
        assert removed.json()["scores"] == {"b": None, "c": 2.0}
        assert removed.json()["parts"] == {}
        wrong: Any = client.patch("/books/1", json={"parts": {"1": {"x": "q"}, "z": {}}}).json()
        assert [(each["type"], each["loc"]) for each in wrong["detail"]] == [
            ("int_parsing", ["body", "parts", "1", "x"]),
            ("int_parsing", ["body", "parts", "z", "[key]"]),
            ("missing", ["body", "parts", "z", "x"]),
        ]
        assert client.get("/books/1").json() == removed.json()


class Shift(BaseModel):
    id: int | None = None
    day: date
    at: time
    tag: bytes = b""
    spare: date = 'no "date"'  # type: ignore[assignment] - which Pydantic does not look at
    code: uuid.UUID = 'no\n"UUID"'  # type: ignore[assignment]


def test_dates_and_times_are_compared_as_such(app: App, open_client: Open) -> None:
    export_model(Shift)
    app.crud(Shift, path="/shifts")
    with open_client(app) as client:
        for day, at in [("2024-03-01", "10:00+02:00"), (86400, "09:00Z"), ("2024-02-29T00:00", "08:30"), (0, 86399)]:
            posted = client.post("/shifts", json={"day": day, "at": at, "tag": "é"})
            assert posted.status_code == 201, posted.text
            assert posted.json()["spare"] == 'no "date"'
            assert posted.json()["code"] == 'no\n"UUID"'
            assert client.get(posted.headers["location"]).content == posted.content

        def found(query: str) -> list[int]:
            answer = client.get(f"/shifts?{query}")
            assert answer.status_code == 200, answer.text
            return [item["id"] for item in answer.json()["items"]]

        assert found("sort=day") == [4, 2, 3, 1]
        assert found("sort=-at") == [4, 2, 3, 1]  # 23:59:59Z, 09:00Z, 08:30, 08:00Z
        assert found("day__gt=1970-01-02&sort=-day") == [1, 3]
        assert found("day=2024-02-29 00:00") == [3]
        assert found("at__le=08:30:00Z") == [1, 3]
        assert found("tag__startswith=%C3%A9&limit=1") == [1]
        refused = client.get("/shifts?day__lt=soon").json()["detail"][0]
        assert (refused["type"], refused["loc"]) == ("date_from_datetime_parsing", ["query", "day__lt"])
        assert client.patch("/shifts/1", json={"day": "1999-12-31", "tag": ""}).json()["day"] == "1999-12-31"
        assert client.get("/shifts/1").json()["at"] == "10:00:00+02:00"


class Price(BaseModel):
    id: int | None = None
    amount: Annotated[Decimal, Field(max_digits=40, decimal_places=20)]
    rest: Decimal | None = None


def test_decimals_come_back_to_the_last_digit_and_are_compared_as_numbers(app: App, open_client: Open) -> None:
    export_model(Price)
    app.crud(Price, path="/prices")
    amounts = ["10.00", "9.99", "1e1", "-0.00", "12345678901234567890.12345678901234567890", "0.00000000000000000001"]
    with open_client(app) as client:
        for amount in amounts:
            posted = client.post("/prices", json={"amount": amount, "rest": amount})
            assert posted.status_code == 201, posted.text
            assert posted.json()["amount"] == posted.json()["rest"] == str(Decimal(amount))
            assert client.get(posted.headers["location"]).content == posted.content
        number = client.post("/prices", content=b'{"amount":1.10}', headers={"content-type": "application/json"})
        assert number.json() == {"id": 7, "amount": "1.1", "rest": None}

        def found(query: str) -> list[int]:
            answer = client.get(f"/prices?{query}")
            assert answer.status_code == 200, answer.text
            return [item["id"] for item in answer.json()["items"]]

        assert found("sort=amount") == [4, 6, 7, 2, 1, 3, 5]
        assert found("amount=10") == [1, 3]
        assert found("amount__gt=9.990&sort=-amount") == [5, 3, 1]
        assert found("rest__in=1.000e1,0,9.99") == [1, 2, 3, 4]
        patched = client.patch("/prices/1", json={"amount": "10.0000"})
        assert patched.json() == {"id": 1, "amount": "10.0000", "rest": "10.00"}
        wrong = client.patch("/prices/1", json={"amount": "1." + "1" * 21}).json()["detail"][0]
        assert (wrong["type"], wrong["ctx"]) == ("decimal_max_places", {"decimal_places": 20})


class Span(BaseModel):
    id: int | None = None
    length: timedelta
    pause: Annotated[timedelta, Field(lt=timedelta(hours=1))] = timedelta(minutes=5)


def test_timedeltas_are_compared_by_their_length(app: App, open_client: Open) -> None:
    export_model(Span)
    app.crud(Span, path="/spans")
    with open_client(app) as client:
        for length in ["P1D", 86400, "-PT0.5S", "10:00", "P400D"]:
            posted = client.post("/spans", json={"length": length})
            assert posted.status_code == 201, posted.text
            assert client.get(posted.headers["location"]).content == posted.content

        def found(query: str) -> list[int]:
            return [item["id"] for item in client.get(f"/spans?{query}").json()["items"]]

        assert client.get("/spans/5").json() == {"id": 5, "length": "P1Y35D", "pause": "PT5M"}
        assert found("sort=length") == [3, 4, 1, 2, 5]
        assert found("length=PT24H") == [1, 2]
        assert found("length__lt=1 day&sort=-length") == [4, 3]
        wrong = client.patch("/spans/1", json={"pause": "PT3600S"}).json()["detail"]
        assert wrong == [
            {
                "type": "less_than",
                "loc": ["body", "pause"],
                "msg": "Input should be less than 1 hour",
                "input": 3600.0,
                "ctx": {"lt": "1 hour"},
            }
        ]
        assert client.patch("/spans/1", json={"length": "PT1S"}).json() == {"id": 1, "length": "PT1S", "pause": "PT5M"}


class Tagged(BaseModel):
    id: int | None = None
    tags: set[str] = set()
    days: frozenset[date] = frozenset()
    grades: set[Literal["a", "b"]] = {"a"}
    place: tuple[float, float] = (0, 0)
    path: tuple[int, ...] = ()


def test_sets_and_tuples(app: App, open_client: Open) -> None:
    export_model(Tagged)
    app.crud(Tagged, path="/tagged")
    with open_client(app) as client:
        body = {"tags": ["x", "y", "x"], "days": ["2024-01-01", "1704067200"], "place": ["1.5", 2], "path": ["1", 2]}
        posted = client.post("/tagged", json=body)
        assert posted.json() == {
            "id": 1,
            "tags": ["x", "y"],
            "days": ["2024-01-01"],
            "grades": ["a"],
            "place": [1.5, 2.0],
            "path": [1, 2],
        }
        assert client.get("/tagged/1").content == posted.content
        assert client.patch("/tagged/1", json={"tags": ["z"], "path": []}).json() == {
            **posted.json(),
            "tags": ["z"],
            "path": [],
        }
        assert [item["id"] for item in client.get("/tagged?tags__contains=z").json()["items"]] == [1]
        assert client.get("/tagged?days__contains=2024-01-02").json()["items"] == []
        wrong = client.post("/tagged", json={"place": ["x"], "grades": ["c"], "tags": {}}).json()["detail"]
        assert [(each["type"], each["loc"]) for each in wrong] == [
            ("set_type", ["body", "tags"]),
            ("literal_error", ["body", "grades", 0]),
            ("float_parsing", ["body", "place", 0]),
            ("missing", ["body", "place", 1]),
        ]
