"""The real data: Debian's iso-codes, read into the resources' models and loaded through the application's own API."""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from models import Country, Subdivision

ISO_CODES = Path("/usr/share/iso-codes/json")
CONCURRENT_WRITES = 64  # waiting writes share one commit, so loading costs a few dozen syncs of the disk, not 5,000


def read(name: str) -> list[dict[str, Any]]:
    """The entries of one standard, "3166-1" or "3166-2"."""
    file = ISO_CODES / f"iso_{name}.json"
    if not file.exists():
        raise RuntimeError(f"{file} is missing: install Debian's package iso-codes (`make setup` does)")
    entries: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))[name]
    return entries


def countries() -> Iterator[Country]:
    """ISO 3166-1."""
    for entry in read("3166-1"):
        yield Country.model_validate(entry)


def subdivisions() -> Iterator[Subdivision]:
    """ISO 3166-2. A parent is given with or without its country's letters there; here always with."""
    for entry in read("3166-2"):
        country = entry["code"].partition("-")[0]
        parent = entry.get("parent")
        if parent is not None and "-" not in parent:
            parent = f"{country}-{parent}"
        yield Subdivision.model_validate({**entry, "country": country, "parent": parent})


class Progress:
    """A bar on a terminal; a line at the beginning and at the end where there is none."""

    WIDTH = 40

    def __init__(self, title: str, total: int) -> None:
        self.title, self.total, self.done = title, total, 0
        self.terminal = sys.stderr.isatty()
        self.step(0)

    def step(self, count: int = 1) -> None:
        """Count `count` more items."""
        self.done += count
        finished = self.done == self.total
        if self.terminal:
            filled = self.WIDTH * self.done // self.total
            bar = "█" * filled + "░" * (self.WIDTH - filled)
            sys.stderr.write(f"\r{self.title} {bar} {self.done:,}/{self.total:,}" + ("\n" if finished else ""))
        elif self.done == 0 or finished:
            sys.stderr.write(f"{self.title} {self.done:,}/{self.total:,}\n")
        sys.stderr.flush()


async def load_once(app: FastAPI) -> None:
    """Fill the resources by `POST`, unless that has been done; one that was interrupted goes on where it stopped.

    The last item is written after all others, so that its presence says that everything is there.
    """
    items = [
        *(("/countries", country.alpha_2, country.model_dump()) for country in countries()),
        *(("/subdivisions", subdivision.code, subdivision.model_dump()) for subdivision in subdivisions()),
    ]
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://world") as client:
        path, key, _ = items[-1]
        if (await client.get(f"{path}/{key}")).status_code == httpx.codes.OK:
            return
        progress = Progress("loading ISO 3166", len(items))
        waiting = iter(items[:-1])

        async def create(path: str, item: dict[str, Any]) -> None:
            response = await client.post(path, json=item)
            if response.status_code not in (httpx.codes.CREATED, httpx.codes.CONFLICT):
                raise RuntimeError(f"POST {path} {item}: {response.status_code} {response.text}")
            progress.step()

        async def writer() -> None:
            for path, _, item in waiting:
                await create(path, item)

        await asyncio.gather(*(writer() for _ in range(CONCURRENT_WRITES)))
        path, _, item = items[-1]
        await create(path, item)
