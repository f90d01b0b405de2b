"""Instances made natively are what the frameworks' own constructors make, as long as these are their own."""

from __future__ import annotations

import collections
import contextlib
import gc
import itertools
import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import BackgroundTasks, Response
from starlette.requests import Request

from data_bridge import _core
from data_bridge.compile import framework
from data_bridge.compile.prototypes import prototype

SCOPE = {"type": "http"}
OWN = ("starlette", "fastapi", "contextlib", __name__.partition(".")[0])


async def receive() -> Any: ...


async def send(message: Any) -> None: ...


MADE: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "Request": (Request, (SCOPE, receive, send)),
    "injected Response": (framework._make_response, ()),
    "BackgroundTasks": (BackgroundTasks, ()),
    "AsyncExitStack": (contextlib.AsyncExitStack, ()),
}


def told(made: Any) -> Any:
    """What an instance has, in terms that compare."""
    if type(made).__module__.partition(".")[0] in OWN:
        return type(made), {name: told(value) for name, value in vars(made).items()}
    return type(made), made


@pytest.mark.parametrize("name", MADE)
def test_as_the_constructor_makes_it(name: str) -> None:
    make, arguments = MADE[name]
    native = prototype(make, OWN, *arguments)
    assert type(native).__name__ == "Prototype"
    one, other, theirs = native(*arguments), native(*arguments), make(*arguments)
    assert told(one) == told(other) == told(theirs)
    assert list(vars(one)) == list(vars(theirs))
    shared = [name for name, value in vars(one).items() if value is vars(other)[name]]
    assert shared == [name for name, value in vars(theirs).items() if value is vars(make(*arguments))[name]]


def test_a_response_and_its_headers_share_their_list() -> None:
    response = prototype(framework._make_response, OWN)()
    response.headers["x-one"] = "1"
    response.set_cookie("a", "b")
    assert [name for name, _ in response.raw_headers] == [b"x-one", b"set-cookie"]
    assert prototype(framework._make_response, OWN)().raw_headers == []


class Plain:
    """One whose constructor can be told by what it makes."""

    def __init__(self, given: Any, other: Any = None) -> None:
        self.given = given
        self.waiting: collections.deque[int] = collections.deque()
        self.other = other


def test_given_by_their_place() -> None:
    native = prototype(Plain, OWN, object(), object())
    made = native(1, 2)
    assert (made.given, made.other) == (1, 2)
    assert vars(native(1)) == {"given": 1, "waiting": collections.deque(), "other": None}  # by the constructor
    assert native(1, other=3).other == 3
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        native()


def test_a_class_that_is_changed_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    native = prototype(Plain, OWN, object())
    assert not hasattr(native(1), "seen")
    own = Plain.__init__

    def patched(self: Any, given: Any) -> None:
        own(self, given)
        self.seen = True

    monkeypatch.setattr(Plain, "__init__", patched)
    assert native(1).seen


def test_a_base_that_is_changed_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    class Derived(Plain): ...

    native = prototype(Derived, OWN, object())
    monkeypatch.setattr(Plain, "__init__", lambda self, given: setattr(self, "given", [given]))
    assert native(1).given == [1]


class Counted:
    numbers = itertools.count()

    def __init__(self) -> None:
        self.number = next(self.numbers)


class Filled:
    def __init__(self) -> None:
        self.values = ["one"]


class Slotted:
    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 1


class Watched:
    def __init__(self) -> None:
        self.value = 1

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)


class Made:
    def __new__(cls) -> Made:
        return super().__new__(cls)


class Single:
    one: Any = None

    def __new__(cls) -> Any:
        cls.one = cls.one or object.__new__(cls)
        return cls.one


@pytest.mark.parametrize("kind", [Response, Counted, Filled, Slotted, Watched, Made, Single])
def test_what_cannot_be_told_is_called(kind: type) -> None:
    assert prototype(kind, OWN) is kind


def test_a_wrapped_method_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """As monitoring tools do it, before a server begins."""
    own = Response.init_headers
    monkeypatch.setattr(Response, "init_headers", lambda self, headers=None: own(self, headers))
    assert prototype(framework._make_response, OWN) is framework._make_response


def test_nothing_is_kept() -> None:
    class Mine(Request): ...

    scope = dict(SCOPE)
    native = prototype(Mine, OWN, SCOPE, receive, send)
    assert native is not Mine
    native(scope, receive, send)
    gc.collect()
    before = sys.getrefcount(scope), sys.getrefcount(Mine)
    for _ in range(1000):
        native(scope, receive, send)
    gc.collect()
    assert (sys.getrefcount(scope), sys.getrefcount(Mine)) == before


def test_a_class_goes_with_its_prototype() -> None:
    class Local(Plain): ...

    gone = weakref.ref(Local)
    native = prototype(Local, OWN, object())
    assert native is not Local
    Local.again = native  # type: ignore[attr-defined]
    del Local, native
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize(
    "nodes",
    [
        [],
        [("shared", 1)] * 17,
        [("given", 1)],
        [("instance", int)],
        [("instance", Plain, (("given", 0),))],
        [("other", 1)],
        [("new", 1)],
        ["new"],
        [("instance", Plain, ((1, 0),))],
    ],
)
def test_nodes_that_make_nothing_are_refused(nodes: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        _core.prototype(Plain, nodes, 1)
