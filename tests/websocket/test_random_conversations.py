"""Random conversations go as under uvicorn; DATA_BRIDGE_RANDOM_SEED and _CONVERSATIONS choose others."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from .both import Both, Heard, both_servers, talk
from .conversations import FRAME, HEAD, OPEN, send_bytes, send_close, send_text
from .raw_websocket import BINARY, CONTINUATION, PING, PONG, TEXT, Frame, close_frame, frame
from .scripted_app import Step

SEED = int(os.environ.get("DATA_BRIDGE_RANDOM_SEED", "20261129"))
COUNT = int(os.environ.get("DATA_BRIDGE_RANDOM_CONVERSATIONS", "60"))


@pytest.fixture(scope="module", params=[0, 2])
def servers(request: pytest.FixtureRequest) -> Iterator[Both]:
    with both_servers(request.param, ws_max_size=2000) as both:
        yield both


def payload(dice: random.Random, most: int = 300) -> bytes:
    size = dice.choice([0, 1, 5, 125, 126, dice.randrange(most)])
    if dice.random() < 0.5:
        return "".join(dice.choice("abc \u00e9\u20ac\U0001f600") for _ in range(size // 4)).encode()
    return b"".join(dice.choice([b"x", b"y", b"same "]) for _ in range(size // 2))


def message(dice: random.Random) -> list[bytes]:
    """A good message in one frame or several, with control frames between them."""
    data = payload(dice)
    opcode = dice.choice([TEXT, BINARY])
    cuts = sorted(dice.randrange(len(data) + 1) for _ in range(dice.choice([0, 0, 0, 1, 2])))
    parts = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    frames = []
    for i, part in enumerate(parts):
        frames.append(frame(opcode if i == 0 else CONTINUATION, part, fin=i == len(parts) - 1, mask=dice.randbytes(4)))
        if i < len(parts) - 1 and dice.random() < 0.3:
            frames.append(frame(PONG, payload(dice, 100)[:125]))
    return frames


def bad(dice: random.Random) -> bytes:
    return dice.choice(
        [
            frame(dice.randrange(3, 8), b"x"),
            frame(TEXT, b"x", rsv=dice.randrange(1, 8)),
            frame(TEXT, b"x", mask=None),
            frame(PING, bytes(126)),
            frame(CONTINUATION, b"x"),
            frame(BINARY, bytes(2001)),
            frame(TEXT, b"\xff\xfe"),
            close_frame(dice.choice([0, 1005, 2000, 5000])),
        ]
    )


def conversation(dice: random.Random) -> tuple[list[Step], list[Step], str]:
    """Steps of both sides, each of which waits for what the other has said before it goes on."""
    server: list[Step] = [*OPEN]
    client: list[Step] = [HEAD]
    for _ in range(dice.randrange(6)):
        match dice.randrange(5):
            case 0:
                server.append(send_text(payload(dice).decode("utf-8", "replace")))
                client.append(FRAME)
            case 1:
                server.append(send_bytes(payload(dice)))
                client.append(FRAME)
            case 2:
                # The message says that the application must not have ended before.
                client += [("send", frame(PING, payload(dice, 100)[:125]) + frame(TEXT, "and")), FRAME, FRAME]
                server += [("receive",), send_text("got it")]
            case _:
                frames = message(dice)
                client.append(("send", b"".join(frames)) if dice.random() < 0.5 else ("send", *frames))
                server += [("receive",), send_text("got it")]
                client.append(FRAME)
    match dice.randrange(6):
        case 0:
            server.append(send_close(code=dice.choice([1000, 3000, 4999]), reason=dice.choice(["", "bye"])))
            client += [FRAME, ("send", close_frame(1000))]
        case 1:
            server.append(("receive",))
            client.append(("send", bad(dice)))
        case 2:
            server.append(("receive",))
            client.append((dice.choice(["leave", "shut"]),))
        case 3:
            server.append(("raise",))
        case _:
            server += [("receive",), dice.choice([send_text("late"), send_close(), ("receive within", 0.1)])]
            client.append(("send", close_frame(dice.choice([None, 1000, 1001, 4000]))))
    extensions = dice.choice(["", "", "permessage-deflate", "permessage-deflate; client_max_window_bits"])
    return server, client, extensions


@pytest.mark.parametrize("number", range(COUNT))
def test_goes_as_under_uvicorn(servers: Both, number: int) -> None:
    server, client, extensions = conversation(random.Random(SEED + number))
    uvicorn, ours = (talk(servers.app, port, server, client, extensions) for port in servers.ports)
    if (uvicorn.ended, len(uvicorn.notes)) != (ours.ended, len(ours.notes)):
        # A busy machine may have been silent for longer than one waits tens of thousands of times.
        uvicorn, ours = (talk(servers.app, port, server, client, extensions, 5.0) for port in servers.ports)
    assert in_order(ours) == in_order(uvicorn)
    assert (ours.head, ours.ended, ours.notes) == (uvicorn.head, uvicorn.ended, uvicorn.notes)


def in_order(heard: Heard) -> tuple[list[Frame], list[Frame]]:
    """Pongs, and what the application has sent: which of them is first is a matter of time."""
    pongs = [found for found in heard.frames if found.opcode == PONG]
    return pongs, [found for found in heard.frames if found.opcode != PONG]
