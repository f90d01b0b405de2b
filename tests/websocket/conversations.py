"""What clients and applications say to each other in test_same_as_uvicorn.py."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

from .raw_websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_frame, frame
from .scripted_app import Step

CONNECT: Step = ("receive",)
RECEIVE: Step = ("receive",)
ACCEPT: Step = ("send", {"type": "websocket.accept"})
OPEN: list[Step] = [CONNECT, ACCEPT]
HEAD: Step = ("head",)
FRAME: Step = ("frame",)


def send_text(text: Any) -> Step:
    return ("send", {"type": "websocket.send", "text": text})


def send_bytes(data: Any) -> Step:
    return ("send", {"type": "websocket.send", "bytes": data})


def send_close(**fields: Any) -> Step:
    return ("send", {"type": "websocket.close", **fields})


def say(*pieces: bytes) -> Step:
    return ("send", *pieces)


@dataclass
class Conversation:
    """A name for the test, the steps of both sides, and what a client offers."""

    name: str
    app: list[Step]
    client: list[Step]
    extensions: str = ""


def deflated(data: bytes, *, bits: int = 12) -> bytes:
    """The payload of a compressed message."""
    compressor = zlib.compressobj(wbits=-bits)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def _closes(name: str, *pieces: bytes) -> Conversation:
    """The client sends what ends the connection; the application hears how."""
    return Conversation(
        name, [*OPEN, RECEIVE, send_text("late"), send_close(), ("receive within", 0.2)], [HEAD, say(*pieces)]
    )


DEFLATE = "permessage-deflate; client_max_window_bits"
LONG_TEXT = "".join(chr(0x20 + i % 0x5F) for i in range(70_000))

MESSAGES = [
    Conversation("echo text", [*OPEN, ("echo",)], [HEAD, say(frame(TEXT, "hi")), FRAME, say(close_frame(1000))]),
    Conversation(
        "echo unicode",
        [*OPEN, ("echo",)],
        [HEAD, say(frame(TEXT, "h\u00e9 \U0001f600 \u20ac")), FRAME, say(close_frame(1000))],
    ),
    Conversation(
        "echo bytes", [*OPEN, ("echo",)], [HEAD, say(frame(BINARY, bytes(range(256)))), FRAME, say(close_frame(1000))]
    ),
    Conversation("echo empty text", [*OPEN, ("echo",)], [HEAD, say(frame(TEXT)), FRAME, say(close_frame(1000))]),
    Conversation("echo empty bytes", [*OPEN, ("echo",)], [HEAD, say(frame(BINARY)), FRAME, say(close_frame(1000))]),
    *(
        Conversation(
            f"echo {size}", [*OPEN, ("echo",)], [HEAD, say(frame(BINARY, bytes(size))), FRAME, say(close_frame(1000))]
        )
        for size in (1, 125, 126, 127, 65_535, 65_536, 200_000)
    ),
    Conversation(
        "a zero mask", [*OPEN, ("echo",)], [HEAD, say(frame(TEXT, "x", mask=bytes(4))), FRAME, say(close_frame(1000))]
    ),
    Conversation(
        "byte by byte",
        [*OPEN, ("echo",)],
        [HEAD, say(*(bytes([b]) for b in frame(TEXT, "slow \u00e9"))), FRAME, say(close_frame(1000))],
    ),
    Conversation(
        "three messages in one write",
        [*OPEN, ("echo",)],
        [
            HEAD,
            say(frame(TEXT, "1") + frame(BINARY, b"2") + frame(TEXT, "3")),
            FRAME,
            FRAME,
            FRAME,
            say(close_frame(1000)),
        ],
    ),
    Conversation(
        "fragments",
        [*OPEN, ("echo",)],
        [
            HEAD,
            say(frame(TEXT, "a", fin=False), frame(CONTINUATION, "b", fin=False), frame(CONTINUATION, "c")),
            FRAME,
            say(close_frame(1000)),
        ],
    ),
    Conversation(
        "fragments cut within a character",
        [*OPEN, ("echo",)],
        [HEAD, say(frame(TEXT, b"\xe2\x82", fin=False) + frame(CONTINUATION, b"\xac")), FRAME, say(close_frame(1000))],
    ),
    Conversation(
        "empty fragments",
        [*OPEN, ("echo",)],
        [
            HEAD,
            say(frame(BINARY, fin=False) + frame(CONTINUATION, fin=False) + frame(CONTINUATION, b"x", fin=False)),
            say(frame(CONTINUATION)),
            FRAME,
            say(close_frame(1000)),
        ],
    ),
    Conversation(
        "a ping between fragments",
        [*OPEN, ("echo",)],
        [
            HEAD,
            say(frame(TEXT, "a", fin=False) + frame(PING, "p") + frame(CONTINUATION, "b")),
            FRAME,
            FRAME,
            say(close_frame(1000)),
        ],
    ),
    Conversation("ping", [*OPEN, ("echo",)], [HEAD, say(frame(PING, "ping")), FRAME, say(close_frame(1000))]),
    Conversation("an empty ping", [*OPEN, ("echo",)], [HEAD, say(frame(PING)), FRAME, say(close_frame(1000))]),
    Conversation(
        "the longest ping", [*OPEN, ("echo",)], [HEAD, say(frame(PING, bytes(125))), FRAME, say(close_frame(1000))]
    ),
    Conversation("an unasked pong", [*OPEN, ("echo",)], [HEAD, say(frame(PONG, "pong")), say(close_frame(1000))]),
    Conversation(
        "the application speaks first",
        [*OPEN, send_text("1"), send_bytes(b"2"), send_text(""), send_bytes(b""), RECEIVE],
        [FRAME, FRAME, FRAME, FRAME, say(close_frame(1000))],
    ),
    Conversation(
        "bytes win over text",
        [*OPEN, ("send", {"type": "websocket.send", "text": "t", "bytes": b"b"}), RECEIVE],
        [FRAME, say(close_frame())],
    ),
    Conversation(
        "neither text nor bytes",
        [*OPEN, ("send", {"type": "websocket.send"}), send_text(None), send_bytes(None), send_text("x"), RECEIVE],
        [FRAME, say(close_frame())],
    ),
    Conversation(
        "bytearray and memoryview",
        [*OPEN, send_bytes(bytearray(b"ab")), send_bytes(memoryview(b"cd")), RECEIVE],
        [FRAME, FRAME, say(close_frame())],
    ),
    Conversation(
        "a lone surrogate", [*OPEN, send_text("\ud800"), send_text("good"), RECEIVE], [FRAME, say(close_frame())]
    ),
    Conversation(
        "a str as bytes", [*OPEN, send_bytes("text"), send_text("good"), RECEIVE], [FRAME, say(close_frame())]
    ),
    Conversation("no type", [*OPEN, ("send", {"text": "x"}), send_text("good"), RECEIVE], [FRAME, say(close_frame())]),
]

CLOSES = [
    _closes("close 1000", close_frame(1000, "bye")),
    _closes("close without a code", close_frame()),
    _closes("close with a long reason", close_frame(4999, "r" * 123)),
    *(
        _closes(f"close {code}", close_frame(code))
        for code in (1001, 1002, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)
    ),
    *(
        _closes(f"close {code} is none", close_frame(code))
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    ),
    _closes("close with half a code", frame(CLOSE, b"\x03")),
    _closes("close with a bad reason", close_frame(1000, b"\xff")),
    _closes("close with a cut reason", close_frame(1000, b"ab\xe2\x82")),
    _closes("close with a bad continuation", close_frame(1000, b"a\xe2\x28\xa1")),
    _closes("close with a surrogate", close_frame(1000, b"\xed\xa0\x80")),
    Conversation(
        "bytes behind a close",
        [*OPEN, RECEIVE, ("receive within", 0.2)],
        [HEAD, say(close_frame(1000) + frame(TEXT, "late"))],
    ),
    Conversation(
        "the client leaves", [*OPEN, RECEIVE, send_text("x"), send_close(), ("receive within", 0.2)], [HEAD, ("leave",)]
    ),
    Conversation(
        "half-close", [*OPEN, RECEIVE, send_text("x"), send_close(), ("receive within", 0.2)], [HEAD, ("shut",)]
    ),
    Conversation("half a frame, then the end", [*OPEN, RECEIVE], [HEAD, say(frame(TEXT, "abc")[:4]), ("leave",)]),
    Conversation(
        "half a message, then the end", [*OPEN, RECEIVE], [HEAD, say(frame(TEXT, "abc", fin=False)), ("leave",)]
    ),
    Conversation(
        "close() behind the client's close", [*OPEN, RECEIVE, send_close(code=1000)], [HEAD, say(close_frame(1000))]
    ),
    Conversation(
        "send() behind the client's close",
        [*OPEN, RECEIVE, send_text("x"), send_text("y")],
        [HEAD, say(close_frame(1000))],
    ),
    Conversation(
        "close() some time behind the client's close",
        [*OPEN, RECEIVE, ("sleep", 0.05), send_close()],
        [HEAD, say(close_frame(1000))],
    ),
    Conversation(
        "close() behind a message that the client's close follows",
        [*OPEN, RECEIVE, send_close(code=1003), RECEIVE, send_close()],
        [HEAD, say(frame(TEXT, "x") + close_frame(1000))],
    ),
    Conversation(
        "close() some time behind such a message",
        [*OPEN, RECEIVE, ("sleep", 0.05), send_close(code=1003)],
        [HEAD, say(frame(TEXT, "x") + close_frame(1000))],
    ),
    Conversation(
        "send() behind such a message",
        [*OPEN, RECEIVE, send_text("y"), send_close()],
        [HEAD, say(frame(TEXT, "x") + close_frame(1000))],
    ),
    Conversation(
        "close() behind such a message that nobody waited for",
        [*OPEN, ("sleep", 0.1), RECEIVE, send_close(code=1003), RECEIVE, send_close()],
        [HEAD, say(frame(TEXT, "x") + close_frame(1000))],
    ),
    Conversation(
        "close() behind a close that nobody waited for",
        [*OPEN, ("sleep", 0.1), RECEIVE, send_close(code=1003)],
        [HEAD, say(close_frame(1000))],
    ),
    Conversation(
        "send() without having heard of the close",
        [*OPEN, ("sleep", 0.1), send_text("x"), send_close(), RECEIVE, ("receive within", 0.2)],
        [HEAD, say(close_frame(1000))],
    ),
    Conversation(
        "send() without having heard of the end",
        [*OPEN, ("sleep", 0.1), send_text("x"), RECEIVE, ("receive within", 0.2)],
        [HEAD, ("leave",)],
    ),
    Conversation(
        "nothing behind the client's close",
        [*OPEN, RECEIVE, ("send", {"type": "websocket.send"}), ("send", {"type": "nonsense"})],
        [HEAD, say(close_frame(1000))],
    ),
]

OWN_CLOSES = [
    Conversation(
        "close() and the client answers",
        [*OPEN, send_close(), ("receive within", 0.2)],
        [FRAME, say(close_frame(1000))],
    ),
    Conversation(
        "close() with code and reason",
        [*OPEN, send_close(code=3001, reason="th\u00e9"), RECEIVE, ("receive within", 0.2)],
        [FRAME, say(close_frame(3001))],
    ),
    Conversation(
        "close() with reason None",
        [*OPEN, send_close(code=1001, reason=None), RECEIVE],
        [FRAME, say(close_frame(1001))],
    ),
    Conversation(
        "close() and the client answers otherwise",
        [*OPEN, send_close(code=4000), RECEIVE, ("receive within", 0.2)],
        [FRAME, say(close_frame(4001, "no"))],
    ),
    Conversation(
        "close() and the client leaves",
        [*OPEN, send_close(code=4000), RECEIVE, ("receive within", 0.2)],
        [FRAME, ("leave",)],
    ),
    Conversation(
        "close() and the client goes on",
        [*OPEN, send_close(code=4000), RECEIVE],
        [FRAME, say(frame(TEXT, "x") + frame(PING, "p")), ("sleep", 0.05), say(close_frame(1000))],
    ),
    Conversation(
        "close() and the client breaks the rules",
        [*OPEN, send_close(code=4000), RECEIVE],
        [FRAME, say(frame(0x3, "x"))],
    ),
    Conversation(
        "send() behind close()",
        [*OPEN, send_close(), send_text("x"), send_close(), RECEIVE],
        [FRAME, say(close_frame(1000))],
    ),
    Conversation(
        "an unread message comes before the own close",
        [*OPEN, ("sleep", 0.1), send_close(), RECEIVE, RECEIVE],
        [HEAD, say(frame(TEXT, "1")), FRAME, say(close_frame(1000))],
    ),
    *(
        Conversation(
            f"close({code}) is none",
            [*OPEN, send_close(code=code), send_text("goes on")],
            [FRAME],
        )
        for code in (999, 1004, 1005, 1006, 1015, 1016, 2999, 5000)
    ),
    Conversation(
        "close() with a reason that is too long",
        [*OPEN, send_close(code=1000, reason="r" * 124), send_text("goes on")],
        [FRAME],
    ),
    Conversation(
        "close() with the longest reason",
        [*OPEN, send_close(code=1000, reason="r" * 123)],
        [FRAME, say(close_frame(1000))],
    ),
]

ENDINGS = [
    Conversation("returns", [*OPEN], [HEAD]),
    Conversation("returns a value", [*OPEN, ("return", 3)], [HEAD]),
    Conversation("raises", [*OPEN, ("raise",)], [HEAD]),
    Conversation("sends and returns", [*OPEN, send_text("last")], [FRAME]),
    Conversation("sends much and returns", [*OPEN, send_text(LONG_TEXT), send_text(LONG_TEXT)], [FRAME, FRAME]),
    Conversation("sends and raises", [*OPEN, send_text("last"), ("raise",)], [FRAME]),
    Conversation("closes and raises", [*OPEN, send_close(), ("raise",)], [FRAME, say(close_frame(1000))]),
    Conversation("raises what send() raised", [*OPEN, RECEIVE, ("raise",)], [HEAD, say(close_frame(1000))]),
    Conversation("returns before accept", [CONNECT], []),
    Conversation("raises before accept", [CONNECT, ("raise",)], []),
    Conversation("raises at once", [("raise",)], []),
    Conversation(
        "accepts without receive", [ACCEPT, send_text("x"), RECEIVE, RECEIVE], [FRAME, say(close_frame(1000))]
    ),
    Conversation(
        "the client leaves before accept",
        [CONNECT, RECEIVE, ACCEPT, send_text("x"), ("receive within", 0.2)],
        [("sleep", 0.05), ("leave",)],
    ),
    Conversation("the client leaves, then close", [CONNECT, RECEIVE, send_close()], [("sleep", 0.05), ("leave",)]),
]

REFUSALS = [
    Conversation("close before accept", [CONNECT, send_close(), RECEIVE, ("receive within", 0.2)], []),
    Conversation("close before accept with a code", [CONNECT, send_close(code=4000, reason="no"), RECEIVE], []),
    Conversation("send behind a refusal", [CONNECT, send_close(), send_text("x"), ACCEPT], []),
    Conversation("send some time behind a refusal", [CONNECT, send_close(), ("sleep", 0.05), send_text("x")], []),
    Conversation("raises behind a refusal", [CONNECT, send_close(), ("raise",)], []),
    Conversation("send before accept", [CONNECT, send_text("x"), ACCEPT, send_text("y")], [FRAME]),
    Conversation("nonsense before accept", [CONNECT, ("send", {"type": "nonsense"}), ACCEPT, send_text("y")], [FRAME]),
    Conversation("accept twice", [*OPEN, ACCEPT, send_text("y")], [FRAME]),
    Conversation(
        "an HTTP answer behind accept",
        [*OPEN, ("send", {"type": "websocket.http.response.start", "status": 200}), send_text("y")],
        [FRAME],
    ),
]


def _denies(name: str, start: dict[str, Any], *bodies: dict[str, Any], then: tuple[Step, ...] = ()) -> Conversation:
    steps: list[Step] = [CONNECT, ("send", {"type": "websocket.http.response.start", **start})]
    steps += [("send", {"type": "websocket.http.response.body", **body}) for body in bodies]
    return Conversation(name, [*steps, *then], [])


DENIALS = [
    _denies(
        "denies",
        {"status": 401, "headers": [(b"WWW-Authenticate", b"Basic"), (b"X-Case", b"1")]},
        {"body": b"no"},
        then=(RECEIVE, ("receive within", 0.2)),
    ),
    _denies("denies without headers", {"status": 418}, {"body": b"teapot"}),
    _denies(
        "denies in pieces",
        {"status": 400, "headers": []},
        {"body": b"a", "more_body": True},
        {"body": b"b", "more_body": False},
    ),
    _denies("denies without a body", {"status": 403, "headers": []}, {"body": b""}),
    _denies(
        "denies with a type",
        {"status": 403, "headers": [(b"content-type", b"application/json"), (b"content-length", b"2")]},
        {"body": b"{}"},
    ),
    _denies("denies with 307", {"status": 307, "headers": [(b"location", b"https://x/")]}, {"body": b""}),
    _denies("denies with an unknown status", {"status": 499, "headers": []}, {"body": b"x"}),
    _denies("denies with 200", {"status": 200, "headers": [(b"x", b"1"), (b"x", b"2")]}, {"body": b"x"}),
    _denies("denies with 600", {"status": 600}, then=(send_close(),)),
    _denies("a denial that does not end", {"status": 400}, {"body": b"x", "more_body": True}),
    _denies("a denial that raises", {"status": 400}, {"body": b"x", "more_body": True}, then=(("raise",),)),
    _denies(
        "a denial and a message",
        {"status": 400},
        then=(send_text("x"), ACCEPT, send_close(), ("send", {"type": "websocket.http.response.body", "body": b"x"})),
    ),
]

#: With a largest message of 1,000 bytes.
VIOLATIONS = [
    *(_closes(f"reserved bits {rsv}", frame(TEXT, "x", rsv=rsv)) for rsv in (1, 2, 4, 7)),
    _closes("reserved bits on a ping", frame(PING, "x", rsv=4)),
    *(_closes(f"opcode {opcode}", frame(opcode, "x")) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
    _closes("no mask", frame(TEXT, "x", mask=None)),
    _closes("no mask on a close", frame(CLOSE, b"\x03\xe8", mask=None)),
    _closes("a long ping", frame(PING, bytes(126))),
    _closes("a long close", frame(CLOSE, b"\x03\xe8" + bytes(124))),
    _closes("a fragmented ping", frame(PING, "x", fin=False)),
    _closes("a fragmented close", frame(CLOSE, b"\x03\xe8", fin=False)),
    _closes("a continuation of nothing", frame(CONTINUATION, "x")),
    _closes("a continuation of nothing, unfinished", frame(CONTINUATION, "x", fin=False)),
    _closes("a text within a text", frame(TEXT, "x", fin=False), frame(TEXT, "y")),
    _closes("bytes within a text", frame(TEXT, "x", fin=False), frame(BINARY, "y", fin=False)),
    _closes("bad text", frame(TEXT, b"a\xff")),
    _closes("cut text", frame(TEXT, b"a\xe2\x82")),
    _closes("a surrogate in text", frame(TEXT, b"\xed\xa0\x80")),
    _closes("bad text in fragments", frame(TEXT, b"a\xe2", fin=False), frame(CONTINUATION, b"\x28\xa1")),
    _closes("too big", frame(BINARY, bytes(1001))),
    _closes("too big, only its head", frame(BINARY, b"", length=1001)),
    _closes("much too big", frame(BINARY, b"", length=1 << 40)),
    _closes("too big together", frame(BINARY, bytes(600), fin=False), frame(CONTINUATION, bytes(401))),
    _closes("too big behind an empty frame", frame(BINARY, b"", fin=False), frame(CONTINUATION, bytes(1001))),
    Conversation(
        "just not too big", [*OPEN, ("echo",)], [HEAD, say(frame(BINARY, bytes(1000))), FRAME, say(close_frame(1000))]
    ),
    Conversation(
        "just not too big together",
        [*OPEN, ("echo",)],
        [
            HEAD,
            say(frame(BINARY, bytes(600), fin=False), frame(CONTINUATION, bytes(400))),
            FRAME,
            say(close_frame(1000)),
        ],
    ),
    Conversation("large answers are free", [*OPEN, send_bytes(bytes(5000)), RECEIVE], [FRAME, say(close_frame(1000))]),
]

_BOTH = zlib.compressobj(wbits=-12)
_FIRST = (_BOTH.compress(b"the same words, again and again") + _BOTH.flush(zlib.Z_SYNC_FLUSH))[:-4]
_SECOND = (_BOTH.compress(b"the same words, again and again") + _BOTH.flush(zlib.Z_SYNC_FLUSH))[:-4]

COMPRESSED = [
    Conversation(
        "compressed echo",
        [*OPEN, ("echo",)],
        [HEAD, say(frame(TEXT, deflated(b"hello hello hello"), rsv=4)), FRAME, say(close_frame(1000))],
        DEFLATE,
    ),
    Conversation(
        "compressed echo with context",
        [*OPEN, ("echo",)],
        [HEAD, say(frame(TEXT, _FIRST, rsv=4)), FRAME, say(frame(TEXT, _SECOND, rsv=4)), FRAME, say(close_frame(1000))],
        DEFLATE,
    ),
    Conversation(
        "no context of the client's",
        [*OPEN, ("echo",)],
        [HEAD, say(frame(TEXT, _FIRST, rsv=4)), FRAME, say(frame(TEXT, _FIRST, rsv=4)), FRAME, say(close_frame(1000))],
        DEFLATE + "; client_no_context_takeover",
    ),
    Conversation(
        "no context of the server's",
        [*OPEN, ("echo",)],
        [HEAD, say(frame(TEXT, _FIRST, rsv=4)), FRAME, say(frame(TEXT, _SECOND, rsv=4)), FRAME, say(close_frame(1000))],
        DEFLATE + "; server_no_context_takeover",
    ),
    Conversation(
        "an uncompressed message",
        [*OPEN, ("echo",)],
        [HEAD, say(frame(TEXT, "plain")), FRAME, say(close_frame(1000))],
        DEFLATE,
    ),
    Conversation(
        "compressed fragments",
        [*OPEN, ("echo",)],
        [
            HEAD,
            say(frame(TEXT, _FIRST[:5], rsv=4, fin=False), frame(CONTINUATION, _FIRST[5:])),
            FRAME,
            say(close_frame(1000)),
        ],
        DEFLATE,
    ),
    Conversation(
        "an empty compressed message",
        [*OPEN, ("echo",)],
        [HEAD, say(frame(TEXT, b"\x00", rsv=4)), FRAME, say(close_frame(1000))],
        DEFLATE,
    ),
    Conversation(
        "answers of many sizes",
        [
            *OPEN,
            *(send_text("word " * size) for size in (0, 1, 10, 100, 900, 5000)),
            send_bytes(bytes(range(256)) * 40),
            RECEIVE,
        ],
        [*(FRAME,) * 7, say(close_frame(1000))],
        DEFLATE,
    ),
    Conversation("bad compressed data", [*OPEN, RECEIVE], [HEAD, say(frame(TEXT, b"\xff\xff\xff", rsv=4))], DEFLATE),
    Conversation(
        "RSV1 on a continuation",
        [*OPEN, RECEIVE],
        [HEAD, say(frame(TEXT, _FIRST[:5], rsv=4, fin=False) + frame(CONTINUATION, _FIRST[5:], rsv=4))],
        DEFLATE,
    ),
    Conversation("RSV1 on a ping", [*OPEN, RECEIVE], [HEAD, say(frame(PING, b"x", rsv=4))], DEFLATE),
    Conversation("RSV2 with compression", [*OPEN, RECEIVE], [HEAD, say(frame(TEXT, _FIRST, rsv=6))], DEFLATE),
    Conversation(
        "inflates to too much", [*OPEN, RECEIVE], [HEAD, say(frame(BINARY, deflated(bytes(1001)), rsv=4))], DEFLATE
    ),
    Conversation(
        "inflates to just not too much",
        [*OPEN, ("echo",)],
        [HEAD, say(frame(BINARY, deflated(bytes(1000)), rsv=4)), FRAME, say(close_frame(1000))],
        DEFLATE,
    ),
    Conversation("compressed bad text", [*OPEN, RECEIVE], [HEAD, say(frame(TEXT, deflated(b"a\xff"), rsv=4))], DEFLATE),
    *(
        Conversation(
            f"offer {offer!r}",
            [*OPEN, send_text("some words, some words, some words"), RECEIVE],
            [FRAME, say(close_frame(1000))],
            offer,
        )
        for offer in (
            "permessage-deflate",
            "permessage-deflate; server_max_window_bits=10",
            "permessage-deflate; server_max_window_bits=15",
            "permessage-deflate; server_max_window_bits=8",
            "permessage-deflate; server_max_window_bits=8, permessage-deflate",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=09",
            "permessage-deflate; server_max_window_bits",
            'permessage-deflate; server_max_window_bits="10"',
            "permessage-deflate; client_max_window_bits=10",
            "permessage-deflate; client_max_window_bits=15",
            "permessage-deflate; client_max_window_bits=8",
            "permessage-deflate; client_max_window_bits=7",
            "permessage-deflate; client_max_window_bits; client_max_window_bits",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; unknown",
            "x-webkit-deflate-frame, permessage-deflate",
            "other; a=b; c, permessage-deflate ; client_max_window_bits",
            ",permessage-deflate,",
            "PERMESSAGE-DEFLATE",
            "permessage-deflate, permessage-deflate",
        )
    ),
]
