"""The ``data-bridge`` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import metadata

from .importer import ImportFailed, import_app
from .lifespan import StartupFailed
from .logs import configure_logging
from .options import ServerOptions
from .routes import RouteCompiler, describe
from .server import Server, log_started, run_server
from .supervisor import supervise, worker_command

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
    where.add_argument("--root-path", default="", help="prefix that a proxy in front takes off the path")
    how = run.add_argument_group("how many")
    how.add_argument("--workers", type=int, default=1, help="processes, started again when they die")
    how.add_argument(
        "--io-threads",
        type=int,
        help="threads that serve connections without Python, so that CRUD answers while a handler computes "
        "(default: 1 where the application has native resources, else 0)",
    )
    log = run.add_argument_group("what is logged")
    log.add_argument(
        "--log-level",
        default="info",
        choices=["debug", "info", "warning", "error", "critical"],
        help="least level of log lines",
    )
    log.add_argument("--no-access-log", dest="access_log", action="store_false", help="no line for each request")
    rest = run.add_argument_group("protocol and limits")
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
        "--timeout-keep-alive",
        type=float,
        default=defaults.timeout_keep_alive,
        metavar="S",
        help="seconds an idle connection is kept",
    )
    rest.add_argument(
        "--timeout-graceful-shutdown",
        type=float,
        default=defaults.timeout_graceful_shutdown,
        metavar="S",
        help="seconds running requests may take after a stop",
    )
    rest.add_argument(
        "--max-body-size",
        type=int,
        default=defaults.max_body_size,
        metavar="BYTES",
        help="larger request bodies get 413; 0: no limit",
    )
    rest.add_argument(
        "--max-connections",
        type=int,
        default=defaults.max_connections,
        metavar="N",
        help="connections at a time; 0: no limit",
    )

    routes = commands.add_parser("routes", help="list how each route is served: native, compiled or bridged, and why")
    _add_app(routes)
    return parser


def _add_app(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("app", metavar="MODULE:APP", help="the application, for example main:app")
    parser.add_argument("--factory", action="store_true", help="APP is a function that makes the application")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parsed = _parser().parse_args(arguments)
    try:
        return _run(parsed, arguments) if parsed.command == "run" else _routes(parsed)
    except ImportFailed as error:
        print(f"data-bridge: {error}", file=sys.stderr)
        return 2
    except (StartupFailed, OSError) as error:
        print(f"data-bridge: {error}", file=sys.stderr)
        return 3


def _run(parsed: argparse.Namespace, arguments: list[str]) -> int:
    configure_logging(parsed.log_level)
    names: tuple[str, ...] = (
        "host",
        "port",
        "uds",
        "fd",
        "backlog",
        "io_threads",
        "root_path",
        "lifespan",
        "access_log",
    )
    names += ("server_header", "date_header", "forwarded_allow_ips", "timeout_keep_alive")
    names += ("timeout_graceful_shutdown", "max_body_size", "max_connections")
    options = ServerOptions(**{name: getattr(parsed, name) for name in names})
    if parsed.workers > 1 and options.fd is None:
        return supervise(worker_command(arguments), options, parsed.workers)
    server = Server(import_app(parsed.app, factory=parsed.factory), options)
    run_server(server, lambda: log_started(server))
    return 0


def _routes(parsed: argparse.Namespace) -> int:
    compiled = RouteCompiler(import_app(parsed.app, factory=parsed.factory)).compile()
    if compiled.reason:
        print(f"All requests go through ASGI: {compiled.reason}.")
    rows = [("METHODS", "PATH", "SERVED", "WHY"), *describe(compiled)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, (*widths, 0), strict=True)).rstrip())
    return 0
