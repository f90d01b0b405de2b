"""Models of all kinds that there are, as resources: each as the same model in a route of FastAPI's."""

from __future__ import annotations

import re
import uuid
from typing import Annotated, Any, Generic, NewType, Optional, TypeVar

import pytest
from doors import Open
from pydantic import UUID4, BaseModel, ConfigDict, Field, StringConstraints
from typing_extensions import TypeAliasType

from data_bridge import App

Kind = TypeVar("Kind")

Number = NewType("Number", int)
Name = NewType("Name", str)
Positive = TypeAliasType("Positive", Annotated[int, Field(gt=0)])
Texts = TypeAliasType("Texts", list[str])
Pair = TypeAliasType("Pair", dict[str, Kind], type_params=(Kind,))
Same = TypeAliasType("Same", Annotated[Kind, "as it is"], type_params=(Kind,))
Identifier = TypeAliasType("Identifier", UUID4)
Tangled = TypeAliasType("Tangled", "dict[str, Tangled] | list[Tangled] | str | int | None")  # type: ignore[misc]


class Piece(BaseModel):
    name: str


class Part(BaseModel, Generic[Kind]):
    items: list[Kind]
    total: int = 0


class Parts(BaseModel):
    id: int | None = None
    page: Part[Piece]
    pages: list[Part[int]] = []


class Boxed(BaseModel, Generic[Kind]):
    id: int | None = None
    content: Kind
    others: list[Kind] = []


class Tree(BaseModel):
    id: int | None = None
    name: str = "a"
    children: list[Tree] = []
    parent: Optional[Tree] = None  # noqa: UP045


class Husband(BaseModel):
    wife: Optional[Wife] = None  # noqa: UP045


class Wife(BaseModel):
    husband: Husband | None = None


class Couple(BaseModel):
    id: int | None = None
    husband: Husband


class OfPython(BaseModel):
    model_config = ConfigDict(regex_engine="python-re")

    id: int | None = None
    code: str = Field(pattern=r"^(?=a)[a-z]+$")
    other: Annotated[str, StringConstraints(pattern=re.compile(r"^a+(?!b)"))] = "a"


class Point:
    def __init__(self, x: int) -> None:
        self.x = x


class Placed(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    id: int | None = None
    name: str
    point: Point | None = None


class New(BaseModel):
    id: Number | None = None
    name: Name
    number: Number = Number(1)


class Aliased(BaseModel):
    id: Same[int] | None = None
    number: Positive
    texts: Texts = []
    same: Same[int] = 1
    pair: Pair[int] = {}


class Identified(BaseModel):
    id: Identifier = Field(default_factory=uuid.uuid4)
    number: Positive | None = None


class Knot(BaseModel):
    id: int | None = None
    value: Tangled


NATIVE: list[tuple[Any, list[Any], str]] = [
    (Parts, [{"page": {"items": [{"name": "a"}]}}, {"page": {"items": [1]}}], "page.total__lt=5"),
    (Boxed[Piece], [{"content": {"name": "a"}, "others": [{"name": "b"}]}, {"content": 1}], "content.name=a"),
    (Boxed[int], [{"content": "5"}, {"content": "x", "others": [None]}], "content__gt=4"),
    (Boxed, [{"content": 5}, {"content": "x"}, {}], ""),
    (Tree, [{"children": [{"children": [{"name": "b"}]}]}, {"children": [{"name": 1, "parent": 5}]}], "name=a"),
    (Couple, [{"husband": {"wife": {"husband": {}}}}, {"husband": {"wife": {"husband": 1}}}], ""),
    (New, [{"name": "a", "number": 2}, {"name": 1, "number": "x"}], "number__gt=1&name__contains=a"),
    (Aliased, [{"number": 2, "pair": {"a": "1"}}, {"number": 0, "texts": [1], "same": "x"}], "number=2&same__lt=2"),
    (Identified, [{"number": 3}, {"number": -1}, {"id": str(uuid.UUID(int=0, version=1))}], "number=3"),
]
THROUGH_PYTHON: list[tuple[Any, list[Any], str]] = [
    (OfPython, [{"code": "abc"}, {"code": "b", "other": "b"}], "code__startswith=a"),
    (Placed, [{"name": "a"}, {"name": "a", "point": 1}], "name=a"),
    (Knot, [{"value": {"a": [1, ["x"]]}}, {"value": {"a": 1.5}}, {"value": 1.5}], ""),
]


@pytest.mark.parametrize("is_native", [True, False], ids=["native", "through_python"])
def test_it_is_as_in_a_route(app: App, open_client: Open, is_native: bool) -> None:
    cases = NATIVE if is_native else THROUGH_PYTHON
    for place, (model, _, _) in enumerate(cases):

        def route(item: Any) -> Any:
            return item

        route.__annotations__ = {"item": model, "return": model}
        app.post(f"/route{place}", status_code=201)(route)
        app.crud(model, path=f"/resource{place}")
        resource = app.resource(model).resource
        assert (not any(map(resource.reasons, resource.operations))) == is_native, model
    with open_client(app) as client:
        for place, (model, bodies, query) in enumerate(cases):
            path = f"/resource{place}"
            for body in bodies:
                by_route, made = client.post(f"/route{place}", json=body), client.post(path, json=body)
                expected = by_route.json()
                if made.status_code == 201:
                    expected["id"] = made.json()["id"]
                assert (made.status_code, made.json()) == (by_route.status_code, expected), (model, body)
                if made.status_code == 201:
                    where = made.headers["location"]
                    assert client.get(where).json() == made.json()
                    assert client.patch(where, json={}).json() == made.json()
                    assert client.put(where, json=made.json()).json() == made.json()
                    assert made.json() in client.get(f"{path}?{query}").json()["items"]


def test_their_documentation_is_made(app: App, open_client: Open) -> None:
    shown = [model for model, _, _ in NATIVE] + [OfPython, Knot]  # FastAPI has no schema of a Point
    for place, model in enumerate(shown):
        app.crud(model, path=f"/resource{place}")
    with open_client(app) as client:
        schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert {"Boxed_Piece_Create", "Boxed_Piece_Page", "Boxed_int_Where", "Boxed_int_Update", "TreeCreate"} <= {*schemas}
    assert schemas["Boxed_int_Where"]["properties"]["or"]["items"]["anyOf"][0] == {
        "$ref": "#/components/schemas/Boxed_int_Where"
    }
    (written,) = (schemas[name] for name in ("Tree-Input", "Tree") if name in schemas)
    assert list(written["properties"]) == ["id", "name", "children", "parent"]


def test_a_generic_model_is_mounted_at_its_words(app: App, open_client: Open) -> None:
    app.crud(Boxed[Piece])
    with open_client(app) as client:
        assert client.post("/boxed-pieces", json={"content": {"name": "a"}}).status_code == 201


def test_an_alias_of_a_uuid_says_its_version(app: App, open_client: Open) -> None:
    app.crud(Identified)
    with open_client(app) as client:
        assert uuid.UUID(client.post("/identifieds", json={}).json()["id"]).version == 4
