"""Which suites are run, where they come from, and which of their tests use a loop."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Suite:
    """A package's own tests, as far as they test loops."""

    name: str
    # Arguments of pytest, from the root of the source: options, then files or folders.
    arguments: tuple[str, ...]
    # Those of `--quick`: the ones that meet the most of a loop in little time.
    quick: tuple[str, ...]
    # Fewer tests than this mean that something else went wrong.
    at_least: int
    # The package inside the source, removed where the installed one is to be tested: it would hide that.
    remove: tuple[str, ...] = ()
    # Debian's source package, where the distribution on PyPI comes without the tests: (suite, package, version).
    debian: tuple[str, str, str] | None = None
    # Expected differences: the end of a test's name, and why it has to be so.
    different: tuple[tuple[str, str], ...] = ()


# Other frameworks' and other loops' versions of a test.
NO_OTHERS = "not trio and not uvloop"
OPTIONS = ("-p", "timeout", "--timeout=60", "-k", NO_OTHERS)

AIOHTTP_FILES = (
    *("base_protocol", "client_connection", "client_functional", "client_proto", "client_session", "client_ws"),
    *("client_ws_functional", "connector", "flowcontrol_streams", "loop", "proxy", "proxy_functional", "resolver"),
    *("run_app", "test_utils", "web_functional", "web_protocol", "web_request_handler", "web_runner", "web_sendfile"),
    *("web_sendfile_functional", "web_server", "web_websocket_functional", "worker"),
)
AIOHTTP_OPTIONS = (*OPTIONS, "-p", "pytest_mock", "-m", "not dev_mode and not autobahn and not internal")

SUITES = [
    Suite(
        "anyio",
        (*OPTIONS, "-p", "anyio", "-p", "pytest_mock", "tests"),
        tuple(f"tests/{name}.py" for name in ("test_sockets", "test_subprocesses", "test_signals")),
        at_least=1000,
        remove=("src",),
    ),
    Suite(
        "aiohttp",
        (*AIOHTTP_OPTIONS, *(f"tests/test_{name}.py" for name in AIOHTTP_FILES)),
        tuple(f"tests/test_{name}.py" for name in ("loop", "web_sendfile_functional", "web_server")),
        at_least=1400,
        remove=("aiohttp",),
    ),
    Suite(
        "httpx",
        (*OPTIONS, "-p", "anyio", "tests"),
        ("tests/client/test_async_client.py", "tests/test_asgi.py", "tests/test_timeouts.py"),
        at_least=1000,
        remove=("httpx",),
    ),
    Suite(
        "uvicorn",
        (*OPTIONS, "-p", "anyio", "-p", "pytest_mock", "--ignore=tests/benchmarks", "tests"),
        ("tests/test_server.py", "tests/test_ssl.py", "tests/test_lifespan.py", "tests/test_main.py"),
        at_least=900,
        remove=("uvicorn",),
    ),
    Suite(
        "websockets",
        (*OPTIONS, "tests/asyncio", "tests/legacy"),
        ("tests/asyncio/test_client.py",),
        at_least=900,
        debian=("trixie", "python-websockets", "15.0.1"),
    ),
]
