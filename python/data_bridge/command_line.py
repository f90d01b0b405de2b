"""The options of the ``data-bridge`` command: uvicorn's by uvicorn's names, and those that it has not."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from importlib import metadata
from typing import Any

from .limits import add_limit_options
from .options import ServerOptions
from .replacement import VARIABLE

LOOPS = ("auto", "asyncio", "uvloop", "zuvloop")
HTTP = ("auto", "h11", "httptools", "zttp")
#: Of variables that say options.
PREFIXES = ("DATA_BRIDGE_",)

_EPILOG = """\
examples:
  data-bridge run main:app                                    serve on http://127.0.0.1:8000
  data-bridge run main:app --host 0.0.0.0 --port 80 --workers 4
  data-bridge run main:create_app --factory --uds /run/app.sock
  data-bridge dev                                             find the application, reload it when it changes
  data-bridge exec prefect server start                       a program that starts uvicorn itself
  data-bridge routes main:app                                 which routes are native, compiled or bridged, and why
  data-bridge store backup main:app --to shop.backup          a copy of the database, while others write to it
  data-bridge store plan main:app                             what the tables lack for the models, as SQL
"""


def _version() -> str:
    try:
        return metadata.version("data-bridge")
    except metadata.PackageNotFoundError:
        return "(not installed: run from its source tree)"


def make_parser() -> argparse.ArgumentParser:
    """The parser of the whole command, with defaults from the environment."""
    parser = argparse.ArgumentParser(
        prog="data-bridge",
        description="Serve a FastAPI application, or any ASGI application, on a native runtime.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"data-bridge {_version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    for name, purpose in (
        ("run", "serve an application"),
        ("dev", "serve an application and reload it when it changes"),
    ):
        _add_run(
            commands.add_parser(name, help=purpose, formatter_class=argparse.ArgumentDefaultsHelpFormatter),
            reload=name == "dev",
        )

    program = commands.add_parser(
        "exec", help="run a program that starts uvicorn itself, with data_bridge in uvicorn's place"
    )
    program.add_argument(
        "program", metavar="PROGRAM", help="a file of Python, a command of the environment, or -m MODULE"
    )
    program.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGS")
    program.add_argument("-m", dest="as_module", action="store_true", help="PROGRAM is a module")

    routes = commands.add_parser("routes", help="list how each route is served: native, compiled or bridged, and why")
    _add_app(routes)
    what = routes.add_mutually_exclusive_group()
    what.add_argument("--explain", action="store_true", help="each compiled route with its program")
    what.add_argument("--reasons", action="store_true", help="how many routes are bridged, by reason")

    store = commands.add_parser("store", help="copy, check or migrate the databases of an application")
    actions = store.add_subparsers(dest="action", required=True, metavar="ACTION")
    copy = actions.add_parser("backup", help="copy each as it is at this moment into a new file")
    check = actions.add_parser("check", help="look for damage; the exit status is 1 where there is some")
    for action in (copy, check):
        _add_app(action, "the application, for example main:app, or the URL of a store (sqlite:///shop.db)")
    copy.add_argument("--to", metavar="FILE", help="the new file; unset: NAME.backup, in the working directory")
    _add_migration(
        actions.add_parser(
            "plan", help="print what differs between models and tables as SQL, and change nothing", epilog=_MIGRATION
        )
    )
    _add_migration(
        actions.add_parser(
            "apply", help="do what plan prints, in one transaction: all of it or nothing", epilog=_MIGRATION
        )
    )
    return parser


_MIGRATION = """\
Exit status: 0 where models and tables agree (of apply: now), 4 where something differs (of apply: still), 1 where a
store fails or a value cannot be converted. Make a copy first: data-bridge store backup.
"""


def _add_migration(action: argparse.ArgumentParser) -> None:
    _add_app(action, "the application, for example main:app")
    for name, what in (
        ("--drop", "a column that no model has, by TABLE.COLUMN, or an index that is not needed, by its name"),
        ("--convert", "a column whose type changes, or that holds values of another one, by TABLE.COLUMN"),
    ):
        action.add_argument(name, action="append", default=[], metavar="NAME", help=f"{what}; may be given again")


def _add_run(run: argparse.ArgumentParser, *, reload: bool) -> None:
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
    add_unsupported(run)
    again = run.add_argument_group("reloading", "needs the package watchfiles: pip install 'data-bridge[reload]'")
    again.add_argument("--reload", action="store_true", default=reload, help="serve anew when files change")
    for name, what in (
        ("dir", "watch this directory instead of the current one; several times for several"),
        ("include", "pattern of files that count, beside *.py"),
        ("exclude", "pattern of files, or a directory, that do not count"),
    ):
        again.add_argument(f"--reload-{name}", dest=f"reload_{name}s", action="append", metavar="PATH", help=what)
    again.add_argument("--reload-delay", type=float, default=0.25, metavar="S", help="changes of so long come together")
    how = run.add_argument_group("how many")
    how.add_argument(
        "--workers",
        type=int,
        default=int(os.environ.get("WEB_CONCURRENCY", "1")),
        help="processes, started again when they die; $WEB_CONCURRENCY",
    )
    how.add_argument(
        "--limit-concurrency",
        type=int,
        metavar="N",
        help="503 while there are so many connections, or requests at work",
    )
    how.add_argument("--limit-max-requests", type=int, metavar="N", help="the process ends behind so many answers")
    how.add_argument(
        "--limit-max-requests-jitter", type=int, default=0, metavar="N", help="or up to so many more, by chance"
    )
    _add_io_threads(how)
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
        choices=["trace", "debug", "info", "warning", "error", "critical"],
        help="least level of log lines; unset: info, or what --log-config says",
    )
    log.add_argument("--log-config", metavar="FILE", help="logging configuration: .ini, .json, .yaml")
    log.add_argument(
        "--use-colors",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="colours, or none; unset: on a terminal",
    )
    log.add_argument(
        "--access-log", action=argparse.BooleanOptionalAction, default=True, help="a line for each request"
    )
    rest = run.add_argument_group("protocol")
    rest.add_argument(
        "--interface",
        default=defaults.interface,
        choices=["auto", "asgi3", "asgi2"],
        help="how the application is called",
    )
    rest.add_argument("--lifespan", default="auto", choices=["auto", "on", "off"], help="the ASGI lifespan protocol")
    rest.add_argument(
        "--proxy-headers",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="X-Forwarded-For and -Proto are believed, of --forwarded-allow-ips",
    )
    rest.add_argument(
        "--header",
        dest="headers",
        action="append",
        type=_header,
        default=[],
        metavar="NAME:VALUE",
        help="a field of every answer; several times for several",
    )
    rest.add_argument(
        "--h11-max-incomplete-event-size",
        dest="max_head_size",
        type=int,
        metavar="BYTES",
        default=argparse.SUPPRESS,
        help="uvicorn's name of --max-head-size",
    )
    rest.add_argument("--loop", default="auto", choices=LOOPS, help="uvicorn's names: all mean data_bridge's own")
    rest.add_argument("--http", default="auto", choices=HTTP, help="uvicorn's names: all mean data_bridge's own")
    rest.add_argument(
        "--forwarded-allow-ips",
        default=defaults.forwarded_allow_ips,
        metavar="LIST",
        help="peers whose X-Forwarded-For and -Proto are believed: addresses, networks, or *",
    )
    rest.add_argument("--server-header", action=argparse.BooleanOptionalAction, default=True, help="the Server field")
    rest.add_argument("--date-header", action=argparse.BooleanOptionalAction, default=True, help="the Date field")
    rest.add_argument(
        "--timeout-graceful-shutdown",
        type=float,
        default=defaults.timeout_graceful_shutdown,
        metavar="S",
        help="seconds a stop may take: running requests and the lifespan's end, together; unset: as long as they take",
    )
    _add_websocket_options(run.add_argument_group("WebSockets"), defaults)
    add_limit_options(run.add_argument_group("limits of what clients may do"))
    apply_environment(run, PREFIXES if os.environ.get(VARIABLE) != "1" else (*PREFIXES, "UVICORN_"))


def _add_io_threads(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    parser.add_argument(
        "--io-threads",
        type=int,
        help="threads that serve connections without Python, so that CRUD answers while a handler computes "
        "(default: 1 where the application has native resources, else 0)",
    )


def further_options() -> dict[str, Any]:
    """What the environment says of options that uvicorn has none for, I/O threads and limits: those of a program that
    starts uvicorn itself. Exits with 2 for what is none.
    """
    parser = argparse.ArgumentParser(prog="data_bridge", usage=argparse.SUPPRESS)
    _add_io_threads(parser)
    add_limit_options(parser)
    apply_environment(parser, PREFIXES)
    return vars(parser.parse_args([]))


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


def _add_app(
    parser: argparse.ArgumentParser,
    what: str = "the application, for example main:app, or its file; unset: found as by fastapi run",
) -> None:
    parser.add_argument(
        "app",
        nargs="?",
        default=os.environ.get("DATA_BRIDGE_APP"),
        metavar="MODULE:APP",
        help=what,
    )
    parser.add_argument("--factory", action="store_true", help="APP is a function that makes the application")
    parser.add_argument("--app-dir", default="", metavar="DIR", help="where MODULE is looked for first, if not here")
    parser.add_argument("--env-file", metavar="FILE", help="environment for the application (needs python-dotenv)")


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME:VALUE")
    return name, value


class _Unsupported(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option: str | None = None) -> None:
        parser.error(f"{option}: {self.const}")


def add_unsupported(parser: argparse.ArgumentParser) -> None:
    """Options of uvicorn's that are refused, each with its reason."""
    tls = "data_bridge does not speak TLS: put a proxy that does in front (nginx, Caddy, a load balancer)"
    for name in ("keyfile", "certfile", "keyfile-password", "version", "cert-reqs", "ca-certs", "ciphers"):
        parser.add_argument(f"--ssl-{name}", action=_Unsupported, nargs=1, const=tls, help=argparse.SUPPRESS)
    http2 = "data_bridge does not speak HTTP/2: put a proxy that does in front"
    parser.add_argument("--http2", action=_Unsupported, nargs=0, const=http2, help=argparse.SUPPRESS)
    contexts = "a request has a context of its own already, a copy of that in which the server was started"
    parser.add_argument("--reset-contextvars", action=_Unsupported, nargs=0, const=contexts, help=argparse.SUPPRESS)


def apply_environment(parser: argparse.ArgumentParser, prefixes: Sequence[str]) -> None:
    """Give options the defaults that variables as DATA_BRIDGE_PORT say; of several prefixes the first counts."""
    for action in parser._actions:
        names = [name for name in action.option_strings if name.startswith("--") and not name.startswith("--no-")]
        if not names or isinstance(action, (argparse._HelpAction, _Unsupported)):
            continue
        own = names[0][2:].replace("-", "_").upper()
        variable = next((prefix + own for prefix in prefixes if prefix + own in os.environ), None)
        if variable is None:
            continue
        text = os.environ[variable]
        try:
            if action.nargs == 0:
                action.default = _boolean(text)
            elif isinstance(action, argparse._AppendAction):
                action.default = [_converted(action, word) for word in text.split()]
            else:
                action.default = _converted(action, text)
        except (ValueError, argparse.ArgumentTypeError) as error:
            parser.error(f"${variable}: {error}")


def _converted(action: argparse.Action, text: str) -> Any:
    if action.choices is not None and text not in action.choices:
        raise ValueError(f"{text!r} is none of {', '.join(action.choices)}")
    return text if action.type is None else action.type(text)  # type: ignore[operator]
