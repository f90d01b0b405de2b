"""Values compare as what they are, also where their type has no native form in the installed Pydantic."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

import pytest
from doors import Open
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, NaiveDatetime, PastDate, PastDatetime

from data_bridge import App

Doubled = Annotated[Decimal, AfterValidator(lambda value: value * 2)]


class Stay(BaseModel):
    left: PastDate
    woken: list[AwareDatetime] = []


class Guest(BaseModel):
    id: int | None = None
    born: PastDate
    seen: AwareDatetime
    local: NaiveDatetime
    past: PastDatetime
    day: date
    time: datetime
    length: timedelta
    price: Decimal = Field(max_digits=6, decimal_places=2)
    rate: Doubled
    stay: Stay


def guest(number: int) -> dict[str, Any]:
    """Texts whose order by letters is another one than that of their values."""
    return {
        "born": f"200{number}-01-0{9 - number}",
        "seen": f"2020-01-0{number + 1}T0{9 - number}:00:00{('Z', '+05:00', '-05:00')[number]}",
        "local": f"2020-01-0{number + 1}T00:00:00" + ".5" * (number == 0),
        "past": f"2020-01-0{number + 1}T00:00:00Z",
        "day": f"202{number}-01-01",
        "time": f"2020-01-0{number + 1}T00:00:00+0{number}:00",
        "length": ("PT50S", "PT2M", "P1D")[number],
        "price": ("9.5", "10.25", "100")[number],
        "rate": ("4.5", "5", "50")[number],
        "stay": {"left": f"202{number}-02-01", "woken": [f"2020-01-0{number + 1}T0{number}:00:00+0{number}:00"]},
    }


BOUNDS = {
    "born": "2001-06-01",
    "seen": "2020-01-02T03:00:00Z",
    "local": "2020-01-02T00:00:00",
    "past": "2020-01-02T01:00:00+01:00",
    "day": "2021-01-01",
    "time": "2020-01-01T23:00:00Z",
    "length": "PT120S",
    "price": "10.250",
    "rate": "10",
    "stay.left": "2021-02-01",
}


@pytest.mark.parametrize("name", BOUNDS)
def test_filters_and_orders(app: App, open_client: Open, name: str) -> None:
    app.crud(Guest, indexes=[name])
    with open_client(app) as client:
        for number in (2, 0, 1):
            assert client.post("/guests", json=guest(number)).status_code == 201

        def found(**query: str) -> list[int]:
            answer = client.get("/guests", params={"sort": name, **query})
            assert answer.status_code == 200, answer.text
            return [item["id"] for item in answer.json()["items"]]

        assert found() == [2, 3, 1]
        assert found(sort=f"-{name}") == [1, 3, 2]
        bound = BOUNDS[name]
        less = [2, 3] if name == "born" else [2]
        assert found(**{f"{name}__lt": bound}) == less
        assert found(**{f"{name}__gt": bound}) == [1]
        assert found(**{name: bound}) == ([] if name == "born" else [3])
        page = client.get("/guests", params={"sort": name, "limit": 1}).json()
        after = client.get("/guests", params={"sort": name, "limit": 5, "cursor": page["next"]}).json()
        assert [item["id"] for item in (*page["items"], *after["items"])] == [2, 3, 1]
        refused = client.get("/guests", params={name: "no"})
        assert refused.status_code == 422
        assert refused.json()["detail"][0]["loc"] == ["query", name]


def test_what_is_in_a_list(app: App, open_client: Open) -> None:
    app.crud(Guest)
    with open_client(app) as client:
        client.post("/guests", json=guest(1))
        for text, count in (("2020-01-02T00:00:00Z", 1), ("2020-01-02T02:00:00+02:00", 1), ("2020-01-02T01:00:00Z", 0)):
            items = client.get("/guests", params={"stay.woken__contains": text}).json()["items"]
            assert len(items) == count, text
