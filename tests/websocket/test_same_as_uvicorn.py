"""Every conversation goes as under uvicorn: the same head, the same frames, the same end, the same events."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from .both import Both, Heard, both_servers, talk
from .conversations import (
    CLOSES,
    COMPRESSED,
    DENIALS,
    ENDINGS,
    MESSAGES,
    OWN_CLOSES,
    REFUSALS,
    VIOLATIONS,
    Conversation,
)

LAYOUTS = [0, 2]


@pytest.fixture(scope="module", params=LAYOUTS)
def servers(request: pytest.FixtureRequest) -> Iterator[Both]:
    with both_servers(request.param) as both:
        yield both


@pytest.fixture(scope="module", params=LAYOUTS)
def small_servers(request: pytest.FixtureRequest) -> Iterator[Both]:
    with both_servers(request.param, ws_max_size=1000) as both:
        yield both


def heard(both: Both, conversation: Conversation) -> list[Heard]:
    found = []
    for port in both.ports:
        result = talk(both.app, port, conversation.app, conversation.client, conversation.extensions)
        # Of a refusal uvicorn sends Date even where it was told not to.
        result.head = re.sub(rb"(?mi)^date: [^\r]*\r\n", b"", result.head)
        found.append(result)
    return found


def named(conversations: list[Conversation]) -> list[object]:
    return [pytest.param(conversation, id=conversation.name.replace(" ", "_")) for conversation in conversations]


@pytest.mark.parametrize("conversation", named([*MESSAGES, *CLOSES, *OWN_CLOSES, *ENDINGS, *REFUSALS, *DENIALS]))
def test_goes_as_under_uvicorn(servers: Both, conversation: Conversation) -> None:
    uvicorn, ours = heard(servers, conversation)
    assert ours == uvicorn


@pytest.mark.parametrize("conversation", named([*VIOLATIONS, *COMPRESSED]))
def test_goes_as_under_uvicorn_with_small_messages(small_servers: Both, conversation: Conversation) -> None:
    uvicorn, ours = heard(small_servers, conversation)
    assert ours == uvicorn
