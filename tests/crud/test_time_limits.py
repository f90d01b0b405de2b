"""Lists that take too long: 504 by their limit, and in nobody's way until then, by both doors."""

from __future__ import annotations

import asyncio
import threading
import time

import httpx
import pytest
from doors import Open, inline, natively, through_python
from fastapi import HTTPException
from pydantic import BaseModel, computed_field

from data_bridge import App
from data_bridge.stores import StoreLimits, stores_of

#: Seconds that a client waits: under a sanitizer a query takes many times what it does else.
PATIENCE = 60


class Item(BaseModel):
    id: int | None = None
    text: str


class Shown(Item):
    @computed_field  # type: ignore[prop-decorator]
    @property
    def length(self) -> int:
        return len(self.text)


@pytest.fixture(params=[through_python, natively, inline], ids=["python", "native", "inline"])
def open_client(request: pytest.FixtureRequest) -> Open:
    opened: Open = request.param
    return opened


def fill(client: httpx.Client, items: int) -> None:
    for _ in range(items // 1000):
        assert client.post("/items", json=[{"text": "ab" * 500}] * 1000, timeout=PATIENCE).status_code == 201


def expensive(tests: int) -> str:
    """A condition that no item fulfils, and each is looked at `tests` times for."""
    parts = ",".join(f'{{"text__icontains":"x{number}"}}' for number in range(tests))
    return f"[{parts}]"


def ask(client: httpx.Client, tests: int, **more: str) -> httpx.Response:
    return client.get("/items", params={"where": expensive(tests), **more}, timeout=PATIENCE)


@pytest.mark.parametrize("model", [Item, Shown])
def test_a_list_that_takes_too_long_is_504(store: str, open_client: Open, model: type[BaseModel]) -> None:
    app = App(store=store, store_limits=StoreLimits(timeout=60))
    app.crud(model, path="/items", timeout=0.2)
    app.crud(model, path="/patient", table="items")
    with open_client(app) as client:
        fill(client, 20_000)
        for more in ({}, {"sort": "-text"}, {"limit": "0", "total": "true"}):
            begun = time.monotonic()
            late = ask(client, 45, **more)
            assert (late.status_code, late.json()) == (504, {"detail": "Gateway Timeout"})
            assert time.monotonic() - begun > 0.15
        # What takes long, and less than the limit, is answered as any other.
        found = client.get("/patient", params={"where": expensive(1), "total": "true"}, timeout=PATIENCE)
        assert found.json() == {"items": [], "next": None, "total": 0}
        assert client.get("/items?limit=1").json()["items"][0]["id"] == 1


@pytest.mark.parametrize("model", [Item, Shown])
def test_others_are_answered_meanwhile(store: str, open_client: Open, model: type[BaseModel]) -> None:
    app = App(store=store, store_limits=StoreLimits(timeout=3))
    app.crud(model, path="/items")
    with open_client(app) as client:
        fill(client, 30_000)
        late: list[int] = []
        askers = [threading.Thread(target=lambda: late.append(ask(client, 45).status_code)) for _ in range(2)]
        for asker in askers:
            asker.start()
        answered = 0
        while any(asker.is_alive() for asker in askers):
            assert client.get("/items/1").status_code == 200
            assert client.get("/items?limit=2").status_code == 200
            assert client.post("/items", json={"text": ""}).status_code == 201
            answered += 1
        assert late == [504, 504]
        assert answered > 5


def test_who_leaves_and_a_stop_wait_for_no_list(store: str, open_client: Open) -> None:
    app = App(store=store, store_limits=StoreLimits(timeout=0))
    app.crud(Item)
    with natively(app) as client:
        fill(client, 20_000)
        for _ in range(10):  # more than are worked on at a time
            with pytest.raises(httpx.ReadTimeout):
                client.get("/items", params={"where": expensive(45)}, timeout=0.05)
        assert client.get("/items/1").status_code == 200
        begun = time.monotonic()
        stores_of(app).close()
        assert time.monotonic() - begun < 5


def test_for_python_too(store: str) -> None:
    app = App(store=store)
    app.crud(Item, timeout=0.001)
    items = app.resource(Item)

    async def ask_for_much() -> None:
        await items.create([Item(text="ab" * 500) for _ in range(5000)])
        await items.list([{"text__icontains": f"x{number}"} for number in range(45)])

    with pytest.raises(HTTPException) as raised:
        asyncio.run(ask_for_much())
    assert raised.value.status_code == 504
    stores_of(app).close()


def test_what_is_no_limit(app: App) -> None:
    for wrong in (-1, "1", True, float("nan"), 1e10):
        with pytest.raises(ValueError, match="timeout"):
            app.crud(Item, timeout=wrong)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="timeout"):
            StoreLimits(timeout=wrong)  # type: ignore[arg-type]
