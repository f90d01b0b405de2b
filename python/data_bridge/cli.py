"""The ``data-bridge`` command."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields

from .command_line import make_parser
from .discover import named_application
from .execute import execute
from .importer import ImportFailed, import_app
from .interface import FactoryFailed, made_by_factory
from .log_config import configure_logging, default_log_config
from .options import ServerOptions
from .process import STARTUP_FAILURE, supervisor_line
from .reload import ReloadPaths, WatcherMissing, reload_command
from .routes import CompiledApp, RouteCompiler, describe, route_program
from .runner import log_started, run_server
from .server import Server
from .store_commands import run_store_command
from .supervisor import supervise_command, worker_command

logger = logging.getLogger("uvicorn.error")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = make_parser()
    parsed = parser.parse_args(arguments)
    try:
        if parsed.command == "exec":
            return execute(parsed.program, parsed.arguments, as_module=parsed.as_module)
        _load_environment(parsed.env_file)
        if parsed.command == "store":
            return run_store_command(parsed)
        return _routes(parsed) if parsed.command == "routes" else _run(parser, parsed, arguments)
    except (ImportFailed, FactoryFailed, WatcherMissing, OSError) as error:
        print(f"data-bridge: {error}", file=sys.stderr)
        return STARTUP_FAILURE


def _load_environment(file: str | None) -> None:
    if file is None:
        return
    if not os.path.exists(file):
        raise ImportFailed(f"--env-file: there is no {file!r}")
    try:
        load_dotenv = importlib.import_module("dotenv").load_dotenv
    except ImportError:
        raise ImportFailed("--env-file needs the package python-dotenv") from None
    load_dotenv(dotenv_path=file)


def _run(parser: argparse.ArgumentParser, parsed: argparse.Namespace, arguments: list[str]) -> int:
    configure_logging(
        default_log_config() if parsed.log_config is None else parsed.log_config,
        log_level=parsed.log_level,
        access_log=parsed.access_log,
        use_colors=parsed.use_colors,
    )
    try:
        given = {option.name: getattr(parsed, option.name) for option in fields(ServerOptions)}
        options = ServerOptions(**given)
        if parsed.workers < 1:
            raise ValueError(f"workers must be at least 1, not {parsed.workers}")
    except ValueError as error:
        parser.error(str(error))
    line = supervisor_line()
    if line is None and parsed.reload:
        return run_reloading(parsed, arguments, options)
    application = named_application(parsed.app, parsed.app_dir)
    if parsed.workers > 1 and line is None:
        return supervise_command(worker_command(arguments), options, parsed.workers)
    # As under uvicorn: a single process imports before the loop runs, a worker in it; factories are called in it.
    found = None if line is not None else import_app(application, app_dir=parsed.app_dir)

    def make_server() -> Server:
        app = import_app(application, app_dir=parsed.app_dir) if line is not None else found
        app = made_by_factory(app, factory=parsed.factory)
        return Server(app, options, listeners=None if line is None else line.listeners)

    return run_server(make_server, log_started, line=line, owns_process=True)


def run_reloading(parsed: argparse.Namespace, arguments: list[str], options: ServerOptions) -> int:
    """Serve in another process, and in a new one whenever files change, until SIGINT or SIGTERM."""
    if parsed.workers > 1:
        logger.warning('"workers" flag is ignored when reloading is enabled.')
    paths = ReloadPaths.find(parsed.reload_dirs, parsed.reload_includes, parsed.reload_excludes)
    logger.info("Will watch for changes in these directories: %s", sorted(map(str, paths.directories)))
    return reload_command(worker_command(arguments), options, paths, parsed.reload_delay)


def _routes(parsed: argparse.Namespace) -> int:
    found = import_app(named_application(parsed.app, parsed.app_dir), app_dir=parsed.app_dir)

    async def compile_routes() -> CompiledApp:
        # In a loop, as the server does: the application's middleware is made there, and may ask for it.
        return RouteCompiler(made_by_factory(found, factory=parsed.factory)).compile()

    compiled = asyncio.run(compile_routes())
    if compiled.reason and compiled.mounted:
        print(f"Compiled routes run within code that is not FastAPI's: {compiled.reason}.")
    elif compiled.reason:
        print(f"All requests go through ASGI: {compiled.reason}.")
    elif compiled.inside_reason:
        print(f"Compiled routes run within the application's middleware: {compiled.inside_reason}.")
    if parsed.reasons:
        _print_reasons(compiled)
        return 0
    rows = [("METHODS", "PATH", "SERVED", "WHY")]
    programs: list[list[str]] = [[]]
    for path, route in describe(compiled):
        rows.append((",".join(route.methods) or "any", path, route.kind, route.reason))
        programs.append(route_program(route) if parsed.explain else [])
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row, program in zip(rows, programs, strict=True):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, (*widths, 0), strict=True)).rstrip())
        for line in program:
            print(f"    {line}")
    return 0


def _print_reasons(compiled: CompiledApp) -> None:
    reasons = Counter(
        f"bridged: {route.reason}" if route.kind == "bridged" else route.kind for _, route in describe(compiled)
    )
    total = max(1, sum(reasons.values()))
    for reason, count in reasons.most_common():
        print(f"{count:6} {100 * count / total:5.1f} %  {reason}")
