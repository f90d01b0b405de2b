"""PATCH by every name that Pydantic lets a member have, and what it leaves as it was stored."""

from __future__ import annotations

import math
from typing import Any

import pytest
from doors import Open
from pydantic import AliasChoices, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from data_bridge import App

NAMED = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Leaf(BaseModel):
    model_config = NAMED
    first_name: str = "f"
    last_name: str | None = "l"


class Loose(BaseModel):
    model_config = NAMED | ConfigDict(extra="allow")
    first_name: str = "f"


class Strict(BaseModel):
    model_config = NAMED | ConfigDict(extra="forbid", serialize_by_alias=True)
    first_name: str = "f"


class ByName(BaseModel):
    model_config = ConfigDict(validate_by_name=True, validate_by_alias=False)
    first_name: str = Field(default="f", alias="firstName")


class Middle(BaseModel):
    model_config = NAMED
    the_leaf: Leaf = Leaf()
    one_leaf: Leaf | None = None
    leaf_list: list[Leaf] = []


class Person(BaseModel):
    model_config = NAMED
    id: int | None = None
    nick_name: str = Field("n", validation_alias=AliasChoices("nickName", "nick"), serialization_alias="nickName")
    the_leaf: Leaf = Leaf()
    the_middle: Middle = Middle()
    loose: Loose = Loose()
    strict: Strict = Strict()
    by_name: ByName = ByName()


@pytest.mark.parametrize(
    ("patch", "changed"),
    [
        ({"nick_name": "x"}, {"nickName": "x"}),
        ({"nickName": "x"}, {"nickName": "x"}),
        ({"nick": "x"}, {"nickName": "x"}),
        ({"theLeaf": {"firstName": "x"}}, {"theLeaf": {"firstName": "x", "lastName": "l"}}),
        ({"theLeaf": {"first_name": "x"}}, {"theLeaf": {"firstName": "x", "lastName": "l"}}),
        ({"the_leaf": {"last_name": None}}, {"theLeaf": {"firstName": "A", "lastName": None}}),
        ({"the_leaf": {"first_name": None}}, {"theLeaf": {"firstName": "f", "lastName": "l"}}),
        ({"loose": {"first_name": "x"}}, {"loose": {"firstName": "x", "more": 1}}),
        ({"loose": {"more": None, "other": 2}}, {"loose": {"firstName": "f", "other": 2}}),
        ({"strict": {"first_name": "x"}}, {"strict": {"firstName": "x"}}),
        ({"by_name": {"first_name": "x"}}, {"byName": {"firstName": "x"}}),
    ],
)
def test_a_patch_changes_what_it_names(app: App, open_client: Open, patch: Any, changed: dict[str, Any]) -> None:
    app.crud(Person)
    with open_client(app) as client:
        made = client.post("/people", json={"the_leaf": {"first_name": "A"}, "loose": {"more": 1}})
        assert made.status_code == 201
        patched = client.patch("/people/1", json=patch)
        assert (patched.status_code, patched.json()) == (200, made.json() | changed)
        assert client.get("/people/1").json() == patched.json()


def test_deep_members_and_lists(app: App, open_client: Open) -> None:
    app.crud(Person)
    with open_client(app) as client:
        client.post("/people", json={"theMiddle": {"leaf_list": [{"first_name": "A"}]}})

        def patched(middle: Any) -> Any:
            answer = client.patch("/people/1", json={"the_middle": middle})
            assert answer.status_code == 200
            return answer.json()["theMiddle"]

        assert patched({"the_leaf": {"first_name": "B"}})["theLeaf"] == {"firstName": "B", "lastName": "l"}
        assert patched({"one_leaf": {"last_name": "C"}})["oneLeaf"] == {"firstName": "f", "lastName": "C"}
        assert patched({"oneLeaf": {"first_name": "D"}})["oneLeaf"] == {"firstName": "D", "lastName": "C"}
        assert patched({"one_leaf": None})["oneLeaf"] is None
        assert patched({"leafList": [{"first_name": "E"}, {"firstName": "F"}]}) == {
            "theLeaf": {"firstName": "B", "lastName": "l"},
            "oneLeaf": None,
            "leafList": [{"firstName": "E", "lastName": "l"}, {"firstName": "F", "lastName": "l"}],
        }
        put = client.put("/people/1", json={"the_middle": {"the_leaf": {"first_name": "G"}}})
        assert put.json()["theMiddle"]["theLeaf"]["firstName"] == "G"


def test_a_name_that_is_none_is_refused_where_extra_is_forbidden(app: App, open_client: Open) -> None:
    app.crud(Person)
    with open_client(app) as client:
        client.post("/people", json={})
        refused = client.patch("/people/1", json={"strict": {"firstname": "x"}})
        assert [(e["type"], e["loc"]) for e in refused.json()["detail"]] == [
            ("extra_forbidden", ["body", "strict", "firstname"])
        ]
        wrong = client.patch("/people/1", json={"the_leaf": {"first_name": 1}})
        assert wrong.json()["detail"][0]["loc"] == ["body", "the_leaf", "first_name"]


class Inner(BaseModel):
    limit: float = math.inf
    low: float = Field(default=-math.inf, lt=0)


class Odd(BaseModel):
    """Defaults that JSON or the field's own validation would not take."""

    id: int | None = None
    name: str = "x"
    limit: float = math.inf
    low: float = -math.inf
    nan: float = math.nan
    maybe: float | None = math.inf
    minus_zero: float = -0.0
    floats: list[float] = [math.inf, math.nan, 1.0]
    inner: Inner = Inner()
    inners: list[Inner] = [Inner()]
    missing: str = None  # type: ignore[assignment]
    huge: int = 2**70
    text: int = "many"  # type: ignore[assignment]
    anything: Any = {"bytes": b"a", "set": {1}}
    empty: list[int] = Field(default_factory=list)


def test_an_item_made_of_odd_defaults_can_be_patched(app: App, open_client: Open) -> None:
    app.crud(Odd, path="/odds")
    with open_client(app) as client:
        made = client.post("/odds", json={})
        assert made.status_code == 201
        expected = made.json()
        assert (expected["limit"], expected["floats"], expected["inner"]) == (
            None, [None, None, 1.0], {"limit": None, "low": None},
        )  # fmt: skip
        assert expected["huge"] == 2**70
        assert math.copysign(1, expected["minus_zero"]) == -1
        for patch, changed in (
            ({"name": "y"}, {"name": "y"}),
            ({"inner": {"limit": 3}}, {"inner": {"limit": 3.0, "low": None}}),
            ({"limit": 5, "maybe": None}, {"limit": 5.0}),
            ({"limit": None}, {"limit": None}),
            ({"missing": "here"}, {"missing": "here"}),
            ({"missing": None, "text": 4}, {"missing": None, "text": 4}),
        ):
            expected |= changed
            patched = client.patch("/odds/1", json=patch)
            assert (patched.status_code, patched.json()) == (200, expected)
        assert client.get("/odds/1").json() == expected


def test_old_items_get_the_default_that_json_cannot_say(store: str, open_client: Open) -> None:
    class First(BaseModel):
        id: int | None = None
        name: str

    first = App(store=store)
    first.crud(First, path="/odds")
    with open_client(first) as client:
        client.post("/odds", json={"name": "old"})
    second = App(store=store)
    second.crud(Odd, path="/odds")
    with open_client(second) as client:
        old = client.get("/odds/1").json()
        assert (old["limit"], old["low"], old["inner"]["limit"], old["huge"]) == (None, None, None, 2**70)
        assert client.patch("/odds/1", json={"name": "new"}).json() == old | {"name": "new"}
        # The infinity itself is there, and not the null that it is answered as.
        made = client.post("/odds", json={"name": "new"})
        assert client.patch(made.headers["location"], json={"limit": 1}).json()["limit"] == 1.0
