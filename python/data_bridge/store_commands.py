"""``data-bridge store``: what is done to the databases of an application beside serving it."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from data_bridge._core import StoreBackup, check_store, migrate_store, plan_store

from .discover import named_application
from .importer import import_app
from .interface import made_by_factory
from .stores import Stores, stores_of

__all__ = ["run_store_command"]


#: The exit status where models and tables differ; 2 and 3 are a wrong command line and a failed start.
DIFFERENT = 4


def run_store_command(parsed: argparse.Namespace) -> int:
    """Run ``data-bridge store ACTION``; the exit status: 1 where a database is damaged, not copied, not migrated."""
    if parsed.action in ("plan", "apply"):
        return _migrate(parsed)
    urls = [parsed.app] if parsed.app is not None and "://" in parsed.app else _stores(parsed).urls
    if not urls:
        return _no_store()
    if parsed.action == "check":
        return max(_check(url) for url in urls)
    if parsed.to is not None and len(urls) > 1:
        print(f"data-bridge: the application has {len(urls)} stores: name one by its URL", file=sys.stderr)
        return 1
    return max(_back_up(url, parsed.to) for url in urls)


def _no_store() -> int:
    print("data-bridge: the application has no resource, and so no store", file=sys.stderr)
    return 1


def _stores(parsed: argparse.Namespace) -> Stores:
    found = import_app(named_application(parsed.app, parsed.app_dir), app_dir=parsed.app_dir)

    async def stores() -> Stores:
        app = made_by_factory(found, factory=parsed.factory)
        from .resource_routes import include_all  # needs FastAPI, which other applications do without

        include_all(app)
        return stores_of(app)

    return asyncio.run(stores())


def _migrate(parsed: argparse.Namespace) -> int:
    stores = _stores(parsed).native_by_url
    if not stores:
        return _no_store()
    status = 0
    for url, resources in stores.items():
        try:
            run = migrate_store if parsed.action == "apply" else plan_store
            plans = run(url, resources, drop=parsed.drop, convert=parsed.convert)
        except (OSError, ValueError) as error:
            print(f"data-bridge: {url}: {error}", file=sys.stderr)
            return 1
        print(f"-- {url}")
        left = False
        for table, only_checked, statements, remaining in plans:
            if only_checked and statements:
                print(f"-- {table}: migrate='never', so it is for somebody else to do this:")
            for statement in statements:
                print(f"{statement};")
            for each in dict.fromkeys(remaining):
                print(f"-- {table}: {each}")
            left = left or bool(remaining) or bool(statements and (only_checked or parsed.action == "plan"))
        if not any(statements or remaining for _, _, statements, remaining in plans):
            print("-- nothing to do")
        status = max(status, DIFFERENT if left else 0)
    return status


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
