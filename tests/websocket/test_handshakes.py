"""Handshakes that are good, and those that are none: answered as under uvicorn; the scope of those that are good."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from data_bridge.testing import LiveServer

from .both import Both, both_servers, talk
from .conversations import CONNECT, OPEN, send_text
from .raw_websocket import KEY, TEXT, RawWebSocket, frame
from .scripted_app import ScriptedApp

UPGRADE = ["Upgrade: websocket", "Connection: Upgrade"]
REST = [f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13"]


@pytest.fixture(scope="module", params=[0, 2])
def servers(request: pytest.FixtureRequest) -> Iterator[Both]:
    with both_servers(request.param) as both:
        yield both


def without_date(answer: bytes) -> bytes:
    return re.sub(rb"(?mi)^date: [^\r]*\r\n", b"", answer)


def answers(both: Both, lines: list[str], method: str = "GET") -> list[bytes]:
    found = []
    for port in both.ports:
        number = both.app.add([*OPEN, send_text("open")])
        with RawWebSocket(port) as client:
            client.send("\r\n".join([f"{method} /?{number} HTTP/1.1", "Host: h", *lines, "", ""]).encode("latin-1"))
            found.append(without_date(client.read_all(0.2)))
    return found


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([*UPGRADE, *REST], id="good"),
        pytest.param(["upgrade: WebSocket", "connection: keep-alive, upgrade", *REST], id="case"),
        pytest.param([*UPGRADE, *REST, "Origin: http://x"], id="origin"),
        pytest.param([*UPGRADE, REST[1]], id="no key"),
        pytest.param([*UPGRADE, REST[0]], id="no version"),
        pytest.param([*UPGRADE, REST[0], *REST], id="two keys"),
        pytest.param([*UPGRADE, *REST, REST[1]], id="two versions"),
        pytest.param([*UPGRADE, "Sec-WebSocket-Key: ", REST[1]], id="empty key"),
        pytest.param([*UPGRADE, *REST, "Origin: a", "Origin: b"], id="two origins"),
        pytest.param([*UPGRADE, *REST, "Sec-WebSocket-Extensions: a b"], id="extensions that cannot be read"),
        pytest.param([*UPGRADE, *REST, "Sec-WebSocket-Extensions: a; b="], id="an extension without its value"),
        pytest.param(["Upgrade: h2c", "Connection: Upgrade", *REST], id="another protocol"),
        pytest.param(["Upgrade: websocket", *REST], id="no connection field"),
        pytest.param(["Connection: Upgrade", *REST], id="no upgrade field"),
    ],
)
def test_is_answered_as_under_uvicorn(servers: Both, lines: list[str]) -> None:
    uvicorn, ours = answers(servers, lines)
    assert ours == uvicorn


def test_only_get_upgrades(servers: Both) -> None:
    uvicorn, ours = answers(servers, [*UPGRADE, *REST], "POST")
    assert ours.startswith(b"HTTP/1.1 405 ")
    assert b"\r\nAllow: GET\r\n" in ours
    assert uvicorn.partition(b"\r\n")[0] == ours.partition(b"\r\n")[0]
    assert uvicorn.partition(b"\r\n\r\n")[2] == ours.partition(b"\r\n\r\n")[2]


def test_another_version_is_told_which(servers: Both) -> None:
    _, ours = answers(servers, [*UPGRADE, REST[0], "Sec-WebSocket-Version: 8"])
    assert ours.startswith(b"HTTP/1.1 426 ")
    assert b"\r\nSec-WebSocket-Version: 13\r\n" in ours


def test_a_list_of_protocols_and_two_connection_fields_are_understood(servers: Both) -> None:
    for lines in (
        ["Upgrade: h2c, websocket", "Connection: Upgrade", *REST],
        ["Upgrade: websocket", "Connection: Upgrade", "Connection: keep-alive", *REST],
    ):
        assert answers(servers, lines)[1].startswith(b"HTTP/1.1 101 ")


def test_a_body_is_refused(servers: Both) -> None:
    with RawWebSocket(servers.ports[1]) as client:
        client.ask("/?0", "Content-Length: 3")
        assert client.read_head().startswith(b"HTTP/1.1 400 ")
        assert client.wait_ended(10)


def test_behind_other_requests_on_the_connection(servers: Both) -> None:
    number = servers.app.add([*OPEN, send_text("open")])
    with RawWebSocket(servers.ports[1]) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert client.read_head().startswith(b"HTTP/1.1 200 ")
        client.pending = client.pending.removeprefix(b"http")
        assert client.handshake(f"/?{number}").startswith(b"HTTP/1.1 101 ")
        first = client.read_frame()
        assert first is not None
        assert first.payload == b"open"


def test_a_large_handshake(servers: Both) -> None:
    number = servers.app.add([*OPEN, send_text("open")])
    with RawWebSocket(servers.ports[1]) as client:
        assert client.handshake(f"/?{number}", "Cookie: " + "c" * 100_000).startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize(
    "accept",
    [
        {},
        {"subprotocol": "chat"},
        {"subprotocol": "never offered"},
        {"subprotocol": ""},
        {"subprotocol": None},
        {"headers": [(b"X-Upper", b"Value"), (b"x-twice", b"1"), (b"x-twice", b"2"), (b"set-cookie", b"a=\xe9")]},
        {"headers": [(b"x", b"1")], "subprotocol": "chat"},
        {"headers": []},
    ],
    ids=str,
)
@pytest.mark.parametrize("extensions", ["", "permessage-deflate; client_max_window_bits"])
def test_what_101_says(servers: Both, accept: dict[str, Any], extensions: str) -> None:
    heads = []
    for port in servers.ports:
        number = servers.app.add([CONNECT, ("send", {"type": "websocket.accept", **accept})])
        with RawWebSocket(port) as client:
            heads.append(
                client.handshake(f"/?{number}", "Sec-WebSocket-Protocol: superchat, chat", extensions=extensions)
            )
    assert heads[1] == heads[0]
    assert heads[0].startswith(b"HTTP/1.1 101 ")


def test_date_and_server_stand_behind_the_handshake_fields() -> None:
    app = ScriptedApp()
    number = app.add([CONNECT, ("send", {"type": "websocket.accept", "headers": [(b"x-a", b"1")], "subprotocol": "p"})])
    with LiveServer(app) as live, RawWebSocket(live.port) as client:
        names = [line.partition(b":")[0] for line in client.handshake(f"/?{number}").split(b"\r\n")[1:-2]]
    assert names == [
        b"Upgrade",
        b"Connection",
        b"Sec-WebSocket-Accept",
        b"date",
        b"server",
        b"x-a",
        b"Sec-WebSocket-Protocol",
    ]


@pytest.mark.parametrize(
    ("target", "fields"),
    [
        ("/a%20b/%C3%A9?{}", []),
        (
            "/?{}",
            [
                "Sec-WebSocket-Protocol: a, b ,c",
                "Sec-WebSocket-Protocol: d",
                "X-Case: \xe9 ",
                "x-twice: 1",
                "X-Twice: 2",
            ],
        ),
        ("/?{}", ["Sec-WebSocket-Protocol: a,,b"]),
        ("/?{}", ["X-Forwarded-Proto: https", "X-Forwarded-For: 1.2.3.4, 127.0.0.1"]),
        ("/?{}", ["X-Forwarded-Proto: wss"]),
    ],
    ids=str,
)
def test_scope(servers: Both, target: str, fields: list[str]) -> None:
    keys = [
        "type",
        "asgi",
        "http_version",
        "scheme",
        "root_path",
        "path",
        "raw_path",
        "subprotocols",
        "state",
        "extensions",
    ]
    found = []
    for port in servers.ports:
        number = servers.app.add([("scope",), ("scope", *keys, "headers", "client", "server"), *OPEN])
        with RawWebSocket(port) as client:
            client.handshake(target.format(number), *fields)
            mine = client.socket.getsockname()
        names, values = servers.app.scripts[number].notes[:2]
        assert values.pop("server") == ("127.0.0.1", port)
        if values["client"] == mine:
            values["client"] = "mine"
        found.append((names, values))
    assert found[1] == found[0]


def test_root_path() -> None:
    app = ScriptedApp()
    number = app.add([("scope", "root_path", "path", "raw_path"), *OPEN])
    with LiveServer(app, root_path="/api") as live, RawWebSocket(live.port) as client:
        client.handshake(f"/x%20y?{number}")
    assert app.scripts[number].notes[0] == {"root_path": "/api", "path": "/api/x y", "raw_path": b"/api/x%20y"}


def test_without_websockets_a_handshake_is_a_request() -> None:
    app = ScriptedApp()
    with LiveServer(app, ws="none", server_header=False, date_header=False) as live, RawWebSocket(live.port) as client:
        assert client.handshake("/?0") == b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"


def test_without_compression() -> None:
    app = ScriptedApp()
    with LiveServer(app, ws_per_message_deflate=False) as live:
        heard = talk(app, live.port, [*OPEN], [("head",)], "permessage-deflate")
    assert b"xtensions" not in heard.head


def test_a_message_behind_the_handshake_in_one_write(servers: Both) -> None:
    """Under uvicorn with httptools it is lost."""
    number = servers.app.add([*OPEN, ("echo",)])
    with RawWebSocket(servers.ports[1]) as client:
        lines = [f"GET /?{number} HTTP/1.1", "Host: h", *UPGRADE, *REST, "", ""]
        client.send("\r\n".join(lines).encode() + frame(TEXT, "early"))
        assert client.read_head().startswith(b"HTTP/1.1 101 ")
        answer = client.read_frame()
    assert answer is not None
    assert answer.payload == b"early"
