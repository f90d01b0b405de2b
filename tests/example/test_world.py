"""The example application as the README shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from server_process import ServerProcess

WORLD = Path(__file__).parents[2] / "examples" / "world"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the application runs and keeps its store; loaded by the first test that starts it."""
    return tmp_path_factory.mktemp("world")


@pytest.fixture(scope="module")
def world(directory: Path) -> Iterator[httpx.Client]:
    server = ServerProcess("app:app", directory, search=WORLD)
    server.wait_until_it_answers()
    with httpx.Client(base_url=server.url) as client:
        yield client
    server.stop()


def walk(client: httpx.Client, path: str) -> list[dict[str, object]]:
    """All items, by following `next`."""
    items: list[dict[str, object]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = client.get(path, params={"limit": 100} | ({"cursor": cursor} if cursor else {}))
        assert page.status_code == 200, page.text
        items += page.json()["items"]
        cursor = page.json()["next"]
    return items


def test_the_whole_standard_is_there_and_loaded_once(directory: Path) -> None:
    first = ServerProcess("app:app", directory, search=WORLD)
    try:
        first.wait_until_it_answers()
        with httpx.Client(base_url=first.url) as client:
            countries = walk(client, "/countries")
            subdivisions = walk(client, "/subdivisions")
            assert client.delete("/countries/BV").status_code == 204
    finally:
        assert first.stop() == 0
    assert "loading ISO 3166 5,376/5,376" in first.log
    assert len({country["alpha_2"] for country in countries}) == len(countries) == 249
    assert len({subdivision["code"] for subdivision in subdivisions}) == len(subdivisions) == 5127
    assert {subdivision["country"] for subdivision in subdivisions} <= {country["alpha_2"] for country in countries}


def test_the_second_start_loads_nothing(world: httpx.Client) -> None:
    assert world.get("/countries/BV").status_code == 404
    assert world.get("/countries/SE").json()["name"] == "Sweden"


def test_resources(world: httpx.Client) -> None:
    norway = world.get("/countries/NO")
    assert norway.json()["official_name"] == "Kingdom of Norway"
    page = world.get("/countries", params={"limit": 1})
    assert [item["alpha_2"] for item in page.json()["items"]] == ["AD"]
    assert page.links["next"]["url"].startswith("/countries?limit=1&cursor=")

    item = {"code": "NO-99", "country": "NO", "name": "Utopia", "type": "County"}
    created = world.post("/subdivisions", json=item)
    assert (created.status_code, created.headers["location"]) == (201, "/subdivisions/NO-99")
    assert created.json() == {**item, "parent": None}
    assert world.post("/subdivisions", json=item).status_code == 409
    assert world.patch("/subdivisions/NO-99", json={"name": "Arcadia"}).json()["name"] == "Arcadia"
    wrong = world.patch("/subdivisions/NO-99", json={"country": "no"})
    assert wrong.status_code == 422
    assert wrong.json()["detail"][0]["loc"] == ["body", "country"]
    replaced = world.put("/subdivisions/NO-99", json={**item, "parent": "NO-03"})
    assert (replaced.status_code, replaced.json()["parent"]) == (200, "NO-03")
    assert world.delete("/subdivisions/NO-99").status_code == 204
    assert world.get("/subdivisions/NO-99").json() == {"detail": "Not Found"}


def test_ordinary_routes(world: httpx.Client) -> None:
    assert world.get("/").json() == {"message": "Hello, world"}
    distance = world.get("/tools/distance/59.91/10.75?to_latitude=60.39&to_longitude=5.32&unit=km")
    assert distance.json() == {"value": 305.135, "unit": "km"}
    assert world.get("/tools/distance/59.91/10.75?to_latitude=91&to_longitude=5").status_code == 422
    assert world.get("/tools/flag/no").json() == {"alpha_2": "NO", "flag": "🇳🇴"}
    missing = world.get("/tools/flag/n1")
    assert (missing.status_code, missing.json()) == (404, {"detail": "'n1' are not two letters"})
    assert world.get("/tools/alphabet?offset=3&limit=4").json() == ["D", "E", "F", "G"]
    journey = {"title": "Baltic", "starts_at": "2026-06-01T08:30:00Z", "stops": [{"subdivision": "SE-AB"}]}
    assert world.post("/tools/journey", json=journey).json() == {
        **journey,
        "stops": [{"subdivision": "SE-AB", "nights": 1}],
        "budget": None,
    }
    assert world.post("/tools/journey", json={**journey, "stops": []}).status_code == 422
    assert world.get("/tools/journey").headers["allow"] == "POST"
    assert world.get("/nowhere").json() == {"detail": "Not Found"}


def test_the_documentation_needs_no_network(world: httpx.Client) -> None:
    for page in ("/docs", "/redoc"):
        html = world.get(page)
        assert html.status_code == 200
        sources = re.findall(r'(?:src|href)="([^"]+)"', html.text)
        assert len(sources) >= 2
        for source in sources:
            assert source.startswith("/"), f"{page} loads {source}"
            asset = world.get(source)
            assert asset.status_code == 200
            assert len(asset.content) > 1000
    openapi = world.get("/openapi.json").json()
    assert set(openapi["paths"]["/countries/{alpha_2}"]) >= {"get", "put", "patch", "delete"}
    assert set(openapi["paths"]["/countries"]) >= {"get", "post"}
