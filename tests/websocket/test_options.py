"""Options of WebSocket connections, with uvicorn's names and defaults."""

from __future__ import annotations

import inspect

import pytest
import uvicorn

from data_bridge.command_line import make_parser
from data_bridge.options import ServerOptions

NAMES = ["ws_max_size", "ws_max_queue", "ws_ping_interval", "ws_ping_timeout", "ws_per_message_deflate", "ws"]


@pytest.mark.parametrize("name", NAMES)
def test_defaults_are_uvicorns(name: str) -> None:
    default = inspect.signature(uvicorn.Config).parameters[name].default
    assert getattr(ServerOptions(), name) == default
    assert getattr(make_parser().parse_args(["run", "m:a"]), name) == default


def test_command_line() -> None:
    arguments = ["--ws", "none", "--ws-max-size", "5", "--ws-max-queue", "6", "--ws-ping-interval", "0.5"]
    arguments += ["--ws-ping-timeout", "7", "--ws-per-message-deflate", "False"]
    parsed = make_parser().parse_args(["run", "m:a", *arguments])
    options = ServerOptions(**{name: getattr(parsed, name) for name in NAMES})
    limits = options.native_limits()
    assert (limits.ws, limits.ws_max_size, limits.ws_max_queue) == (False, 5, 6)
    assert (limits.ws_ping_interval, limits.ws_ping_timeout, limits.ws_per_message_deflate) == (0.5, 7.0, False)


@pytest.mark.parametrize("word", ["maybe", ""])
def test_a_truth_value_is_one(word: str) -> None:
    with pytest.raises(SystemExit):
        make_parser().parse_args(["run", "m:a", "--ws-per-message-deflate", word])


def test_none_is_no_ping() -> None:
    limits = ServerOptions(ws_ping_interval=None, ws_ping_timeout=None).native_limits()
    assert (limits.ws_ping_interval, limits.ws_ping_timeout) == (0.0, 0.0)


@pytest.mark.parametrize(
    "bad", [{"ws_max_size": -1}, {"ws_max_queue": -1}, {"ws_ping_interval": -1.0}, {"ws_ping_timeout": float("nan")}]
)
def test_what_is_no_limit_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        ServerOptions(**bad)  # type: ignore[arg-type]
