"""Where data_bridge does what RFC 6455 says and uvicorn does not: docs/compatibility.md lists it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from data_bridge.testing import LiveServer

from .both import talk
from .conversations import DEFLATE, OPEN, RECEIVE, send_text
from .raw_websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, RawWebSocket, close_frame, frame
from .scripted_app import ScriptedApp


@pytest.fixture(scope="module", params=[0, 2])
def live(request: pytest.FixtureRequest) -> Iterator[LiveServer]:
    with LiveServer(ScriptedApp(), io_threads=request.param, timeout_graceful_shutdown=0.5) as server:
        yield server


def app_of(live: LiveServer) -> ScriptedApp:
    app = live.server.app
    assert isinstance(app, ScriptedApp)
    return app


def test_a_close_frame_within_a_fragmented_message(live: LiveServer) -> None:
    heard = talk(
        app_of(live),
        live.port,
        [*OPEN, RECEIVE],
        [("head",), ("send", frame(TEXT, "a", fin=False) + close_frame(1000))],
    )
    assert [f.payload for f in heard.frames] == [b"\x03\xe8"]
    assert heard.notes[-1] == {"type": "websocket.disconnect", "code": 1000, "reason": ""}


@pytest.mark.parametrize("bad", [frame(TEXT, "x", wide=2), frame(BINARY, bytes(300), wide=8), frame(PING, "p", wide=2)])
def test_a_length_that_is_not_the_shortest(live: LiveServer, bad: bytes) -> None:
    heard = talk(app_of(live), live.port, [*OPEN, RECEIVE], [("head",), ("send", bad)])
    assert [f.payload for f in heard.frames] == [b"\x03\xea" + b"invalid length"]


def test_a_message_before_a_bad_frame_arrives(live: LiveServer) -> None:
    heard = talk(
        app_of(live), live.port, [*OPEN, RECEIVE, RECEIVE], [("head",), ("send", frame(TEXT, "good") + frame(3, "bad"))]
    )
    assert heard.notes[-2:] == [
        {"type": "websocket.receive", "text": "good"},
        {"type": "websocket.disconnect", "code": 1002, "reason": "invalid opcode"},
    ]


def test_a_message_before_a_bad_frame_is_answered_before_the_end(live: LiveServer) -> None:
    heard = talk(
        app_of(live),
        live.port,
        [*OPEN, RECEIVE, ("sleep", 0.1), send_text("answer"), RECEIVE],
        [("head",), ("send", frame(TEXT, "good") + frame(3, "bad"))],
    )
    assert [f.payload for f in heard.frames] == [b"answer", b"\x03\xea" + b"invalid opcode"]


def test_a_bad_frame_that_comes_later_waits_for_nobody(live: LiveServer) -> None:
    number = app_of(live).add([*OPEN, ("sleep", 1)])
    with RawWebSocket(live.port) as client:
        client.handshake(f"/?{number}")
        client.send(frame(TEXT, "unread"))
        time.sleep(0.1)
        client.send(frame(3, "bad"))
        client.socket.settimeout(0.7)
        answer = client.read_frame()
    assert answer is not None
    assert answer.payload == b"\x03\xea" + b"invalid opcode"


def test_a_bad_frame_that_comes_later_waits_for_who_was_told_of_a_message(live: LiveServer) -> None:
    """With I/O threads the message is read while another request keeps the application's thread."""
    busy, number = (
        app_of(live).add([*OPEN, RECEIVE, ("block", 0.5)]),
        app_of(live).add([*OPEN, RECEIVE, send_text("answer"), RECEIVE]),
    )
    with RawWebSocket(live.port) as other, RawWebSocket(live.port) as client:
        other.handshake(f"/?{busy}")
        client.handshake(f"/?{number}")
        other.send(frame(TEXT, "go"))
        time.sleep(0.1)
        client.send(frame(TEXT, "good"))
        time.sleep(0.1)
        client.send(frame(3, "bad"))
        answers = [client.read_frame(), client.read_frame()]
    assert [answer and answer.payload for answer in answers] == [b"answer", b"\x03\xea" + b"invalid opcode"]


def test_bad_text_is_refused_before_its_end(live: LiveServer) -> None:
    heard = talk(app_of(live), live.port, [*OPEN, RECEIVE], [("head",), ("send", frame(TEXT, b"\xff", fin=False))])
    assert heard.frames[0].opcode == CLOSE
    assert heard.frames[0].payload == b"\x03\xef"


def test_pings_are_answered_while_the_application_is_busy(live: LiveServer) -> None:
    number = app_of(live).add([*OPEN, ("sleep", 0.5)])
    with RawWebSocket(live.port) as client:
        client.handshake(f"/?{number}")
        client.send(frame(TEXT, "unread") + frame(PING, "now"))
        client.socket.settimeout(0.4)
        answer = client.read_frame()
    assert answer is not None
    assert (answer.opcode, answer.payload) == (PONG, b"now")


def test_a_compressed_message_in_many_fragments(live: LiveServer) -> None:
    import zlib

    compressor = zlib.compressobj(wbits=-12)
    data = (compressor.compress(b"words " * 1000) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]
    pieces = [data[i : i + 3] for i in range(0, len(data), 3)]
    frames = [frame(BINARY, pieces[0], rsv=4, fin=False), *(frame(CONTINUATION, p, fin=False) for p in pieces[1:])]
    heard = talk(
        app_of(live),
        live.port,
        [*OPEN, RECEIVE, RECEIVE],
        [("head",), ("send", b"".join(frames) + frame(CONTINUATION)), ("send", close_frame(1000))],
        DEFLATE,
    )
    assert heard.notes[2] == {"type": "websocket.receive", "bytes": b"words " * 1000}
