"""Times that the store sets, and fields that are not the client's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import pytest
from doors import Open
from pydantic import BaseModel
from python_models import checked
from store_kinds import Store

from data_bridge import Created, ReadOnly, Updated


class Entry(BaseModel):
    id: str
    text: str = ""
    owner: Annotated[str, ReadOnly]
    created_at: Created = None
    updated_at: Updated = None


Checked = checked(Entry, "text")


@pytest.mark.parametrize("model", [Entry, Checked])
def test_the_store_sets_times_and_keeps_owners(store: Store, open_client: Open, model: type[BaseModel]) -> None:
    app = store.app()
    table = store.table("entries")
    app.crud(model, path="/entries", table=table, scope={"owner": "ann"}, sort="-created_at")
    app.crud(model, path="/all", table=table, operations=["get", "replace", "update"])
    with open_client(app) as client:
        before = datetime.now(UTC)
        sent = {"owner": "eve", "created_at": None, "updated_at": "never"}
        first = client.post("/entries", json={"id": "a", **sent}).json()
        others = client.post("/entries", json=[{"id": "b", **sent}, {"id": "c"}]).json()
        last = client.put("/entries/d", json={"id": "d", **sent})
        assert last.status_code == 201
        made = [first, *others, last.json()]
        for item in made:
            assert item["owner"] == "ann"
            assert item["created_at"] == item["updated_at"]
            # A store may keep less than microseconds.
            assert -0.001 < (datetime.fromisoformat(item["created_at"]) - before).total_seconds() < 60
        found = client.get("/entries").json()["items"]
        assert [item["id"] for item in (found[0], found[-1])] == ["d", "a"]
        assert sorted(found, key=lambda item: str(item["id"])) == made
        assert client.get("/entries", params={"created_at": first["created_at"]}).json()["items"][-1] == first

        for path in ("/entries/a", "/all/a"):
            item = client.get(path)
            for method, body in (("PUT", {"id": "a", "text": "b", **sent}), ("PATCH", sent), ("PATCH", {})):
                answer = client.request(method, path, json=body, headers={"if-match": item.headers["etag"]})
                assert answer.status_code == 200, answer.text
                assert (answer.json()["owner"], answer.json()["created_at"]) == ("ann", first["created_at"])
                assert answer.json()["updated_at"] >= item.json()["updated_at"]
                assert client.get(path).json() == answer.json()
                item = client.get(path)
        assert item.json()["updated_at"] > first["updated_at"]
        assert client.put("/all/none", json={"id": "none"}).status_code == 404
