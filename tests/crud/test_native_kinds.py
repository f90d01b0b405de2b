"""Types that the native core validates, stores and compares, through both doors: what the wire shows of each."""

from __future__ import annotations

from typing import Annotated, Any

from doors import Open
from pydantic import BaseModel, StringConstraints

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
