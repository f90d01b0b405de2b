"""``data-bridge store``: what is done to the databases of an application beside serving it, while it serves."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from data_bridge._core import StoreBackup, check_store

from .discover import named_application
from .importer import import_app
from .interface import made_by_factory
from .stores import stores_of

__all__ = ["run_store_command"]


def run_store_command(parsed: argparse.Namespace) -> int:
    """Run ``data-bridge store backup`` or ``check``; the exit status: 1 where a database is damaged, or not copied."""
    urls = _urls(parsed)
    if not urls:
        print("data-bridge: the application has no resource, and so no store", file=sys.stderr)
        return 1
    if parsed.action == "check":
        return max(_check(url) for url in urls)
    if parsed.to is not None and len(urls) > 1:
        print(f"data-bridge: the application has {len(urls)} stores: name one by its URL", file=sys.stderr)
        return 1
    return max(_back_up(url, parsed.to) for url in urls)


def _urls(parsed: argparse.Namespace) -> list[str]:
    if parsed.app is not None and "://" in parsed.app:
        return [parsed.app]
    found = import_app(named_application(parsed.app, parsed.app_dir), app_dir=parsed.app_dir)

    async def urls() -> list[str]:
        return stores_of(made_by_factory(found, factory=parsed.factory)).urls

    return asyncio.run(urls())


def _check(url: str) -> int:
    try:
        damage = check_store(url)
    except (OSError, ValueError) as error:
        damage = [str(error)]
    for line in damage or ["is whole"]:
        print(f"{url}: {line}", file=sys.stderr if damage else sys.stdout)
    return 1 if damage else 0


def _back_up(url: str, target: str | None) -> int:
    target = target or _free_name(url)
    try:
        backup = StoreBackup(url, target)
        while not backup.step():
            if sys.stderr.isatty():
                print(f"\r{100 * backup.copied // backup.total} % of {url}", end="", file=sys.stderr, flush=True)
    except (OSError, ValueError) as error:
        print(f"data-bridge: {url}: {error}", file=sys.stderr)
        return 1
    print(f"\r{url} -> {target} ({Path(target).stat().st_size} bytes)")
    return 0


def _free_name(url: str) -> str:
    """Beside the working directory's other copies: shop.backup, shop.1.backup, ..."""
    stem = Path(url.rpartition("/")[2]).stem or "store"
    number = 0
    while (name := Path(f"{stem}.{number}.backup" if number else f"{stem}.backup")).exists():
        number += 1
    return str(name)
