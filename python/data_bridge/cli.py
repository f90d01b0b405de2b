"""The ``data-bridge`` command."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from importlib import metadata
from typing import Any

from .importer import ImportFailed, import_app
from .interface import FactoryFailed, made_by_factory
from .limits import add_limit_options
from .log_config import configure_logging, default_log_config
from .options import ServerOptions
from .process import STARTUP_FAILURE, supervisor_line
from .routes import CompiledApp, RouteCompiler, describe, route_program
from .runner import log_started, run_server
from .server import Server
from .supervisor import supervise_command, worker_command

_EPILOG = """\
examples:
  data-bridge run main:app                                    serve on http://127.0.0.1:8000
  data-bridge run main:app --host 0.0.0.0 --port 80 --workers 4
  data-bridge run main:create_app --factory --uds /run/app.sock
  data-bridge routes main:app                                 which routes are native, compiled or bridged, and why
"""


def _version() -> str:
    try:
        return metadata.version("data-bridge")
    except metadata.PackageNotFoundError:
        return "(not installed: run from its source tree)"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="data-bridge",
        description="Serve a FastAPI application, or any ASGI application, on a native runtime.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"data-bridge {_version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    run = commands.add_parser(
        "run", help="serve an application", formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    _add_app(run)
    defaults = ServerOptions()
    where = run.add_argument_group("where")
    where.add_argument("--host", default=defaults.host, help="address to listen on")
    where.add_argument("--port", type=int, default=defaults.port, help="TCP port; 0 picks a free one")
    where.add_argument("--uds", metavar="PATH", help="Unix-domain socket to listen on, instead of host and port")
    where.add_argument("--fd", type=int, help="inherited listening socket, instead of host and port")
    where.add_argument("--backlog", type=int, default=defaults.backlog, help="connections that may wait to be accepted")
    where.add_argument(
        "--reuse-port", action="store_true", help="other processes that say so too may listen on the same port"
    )
    where.add_argument("--root-path", default="", help="prefix that a proxy in front takes off the path")
    how = run.add_argument_group("how many")
    how.add_argument("--workers", type=int, default=1, help="processes, started again when they die")
    how.add_argument(
        "--io-threads",
        type=int,
        help="threads that serve connections without Python, so that CRUD answers while a handler computes "
        "(default: 1 where the application has native resources, else 0)",
    )
    how.add_argument(
        "--timeout-worker-healthcheck",
        type=float,
        default=defaults.timeout_worker_healthcheck,
        metavar="S",
        help="a worker that does not answer its supervisor for so long is replaced; 0: never",
    )
    log = run.add_argument_group("what is logged")
    log.add_argument(
        "--log-level",
        default="info",
        choices=["debug", "info", "warning", "error", "critical"],
        help="least level of log lines",
    )
    log.add_argument("--no-access-log", dest="access_log", action="store_false", help="no line for each request")
    rest = run.add_argument_group("protocol")
    rest.add_argument(
        "--interface",
        default=defaults.interface,
        choices=["auto", "asgi3", "asgi2"],
        help="how the application is called",
    )
    rest.add_argument("--lifespan", default="auto", choices=["auto", "on", "off"], help="the ASGI lifespan protocol")
    rest.add_argument(
        "--forwarded-allow-ips",
        default=defaults.forwarded_allow_ips,
        metavar="LIST",
        help="peers whose X-Forwarded-For and -Proto are believed: addresses, networks, or *",
    )
    rest.add_argument("--no-server-header", dest="server_header", action="store_false", help="no Server field")
    rest.add_argument("--no-date-header", dest="date_header", action="store_false", help="no Date field")
    rest.add_argument(
        "--timeout-graceful-shutdown",
        type=float,
        default=defaults.timeout_graceful_shutdown,
        metavar="S",
        help="seconds a stop may take: running requests and the lifespan's end, together; unset: as long as they take",
    )
    _add_websocket_options(run.add_argument_group("WebSockets"), defaults)
    add_limit_options(run.add_argument_group("limits of what clients may do"))

    routes = commands.add_parser("routes", help="list how each route is served: native, compiled or bridged, and why")
    _add_app(routes)
    what = routes.add_mutually_exclusive_group()
    what.add_argument("--explain", action="store_true", help="each compiled route with its program")
    what.add_argument("--reasons", action="store_true", help="how many routes are bridged, by reason")
    return parser


def _add_websocket_options(group: argparse._ArgumentGroup, defaults: ServerOptions) -> None:
    group.add_argument(
        "--ws",
        default=defaults.ws,
        choices=["auto", "none", "websockets", "websockets-sansio", "wsproto"],
        help="none: handshakes are requests as any other; all others, uvicorn's names, are the same",
    )
    group.add_argument(
        "--ws-max-size",
        type=int,
        default=defaults.ws_max_size,
        metavar="BYTES",
        help="clients that send larger messages get 1009",
    )
    group.add_argument(
        "--ws-max-queue",
        type=int,
        default=defaults.ws_max_queue,
        metavar="N",
        help="received messages that wait for the application; then reading pauses",
    )
    group.add_argument(
        "--ws-ping-interval",
        type=float,
        default=defaults.ws_ping_interval,
        metavar="S",
        help="seconds between pings; 0: none",
    )
    group.add_argument(
        "--ws-ping-timeout",
        type=float,
        default=defaults.ws_ping_timeout,
        metavar="S",
        help="seconds for the pong, then the connection closes with 1011; 0: for ever",
    )
    group.add_argument(
        "--ws-per-message-deflate",
        type=_boolean,
        default=defaults.ws_per_message_deflate,
        metavar="BOOLEAN",
        help="compression is agreed on with clients that offer it",
    )


def _boolean(text: str) -> bool:
    """Read a truth value in any of click's spellings, as uvicorn does."""
    word = text.strip().lower()
    if word in {"1", "true", "t", "yes", "y", "on"}:
        return True
    if word in {"0", "false", "f", "no", "n", "off"}:
        return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")


def _add_app(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("app", metavar="MODULE:APP", help="the application, for example main:app")
    parser.add_argument("--factory", action="store_true", help="APP is a function that makes the application")
    parser.add_argument("--app-dir", default="", metavar="DIR", help="where MODULE is looked for first, if not here")
    parser.add_argument("--env-file", metavar="FILE", help="environment for the application (needs python-dotenv)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    parsed = parser.parse_args(arguments)
    try:
        _load_environment(parsed.env_file)
        return _run(parser, parsed, arguments) if parsed.command == "run" else _routes(parsed)
    except (ImportFailed, FactoryFailed, OSError) as error:
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
    configure_logging(default_log_config(), log_level=parsed.log_level)
    try:
        given = {option.name: getattr(parsed, option.name) for option in fields(ServerOptions)}
        options = ServerOptions(**given)
        if parsed.workers < 1:
            raise ValueError(f"workers must be at least 1, not {parsed.workers}")
    except ValueError as error:
        parser.error(str(error))
    line = supervisor_line()
    if parsed.workers > 1 and line is None:
        return supervise_command(worker_command(arguments), options, parsed.workers)
    # As under uvicorn: a single process imports before the loop runs, a worker in it; factories are called in it.
    found = None if line is not None else import_app(parsed.app, app_dir=parsed.app_dir)

    def make_server() -> Server:
        app = import_app(parsed.app, app_dir=parsed.app_dir) if line is not None else found
        app = made_by_factory(app, factory=parsed.factory)
        return Server(app, options, listeners=None if line is None else line.listeners)

    return run_server(make_server, log_started, line=line, owns_process=True)


def _routes(parsed: argparse.Namespace) -> int:
    found = import_app(parsed.app, app_dir=parsed.app_dir)

    async def make_app() -> Any:
        return made_by_factory(found, factory=parsed.factory)

    compiled = RouteCompiler(asyncio.run(make_app())).compile()
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
