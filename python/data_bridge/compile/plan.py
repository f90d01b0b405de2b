"""From the facts of a route to its program: the contract with the native side (core/bridge/compiled/plan.hpp)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from ..routes import Watch
from .facts import CallFacts, CredentialFacts, FieldFacts, LooseFacts, ResponseFacts, RouteFacts
from .sessions import OpenSession, Sessions

Op = Literal[
    "parameter", "location", "body", "form", "make", "reuse", "call", "thread", "enter", "stream", "application"
]

#: Slots of what is made at its first use; others follow.
_INJECTED = {"request": 0, "response": 1, "background_tasks": 2}
_FIRST_SLOT = 3


@dataclass(slots=True)
class Step:
    """One step of a program; see ``Op`` in plan.hpp for what each does."""

    op: Op
    slot: int | None = None
    node: int = 0
    parent: int | None = None
    parameter: FieldFacts | None = None
    credential: CredentialFacts | None = None
    function: Callable[..., Any] | None = None
    generator: Callable[..., Any] | None = None
    names: tuple[str, ...] = ()
    arguments: list[int] = field(default_factory=list)
    outputs: list[tuple[str, int]] = field(default_factory=list)
    fields: list[FieldFacts] = field(default_factory=list)
    cache: int | None = None
    use_cache: bool = False
    function_scope: bool = False
    jump: int = 0


@dataclass(slots=True)
class Services:
    """What programs of one application call. ``finish_native``, ``begin``: of one without middleware of its own;
    ``finish_inside``, ``begin_inside``: of one whose middleware calls them.

    ``begin`` gives the open session, which ``session`` knows what to do with; None where there are none.
    """

    begin: Callable[[Any], OpenSession | None] | None
    begin_inside: Callable[[Any], OpenSession | None] | None
    session: Sessions | None
    make_stack: Callable[[], Any]
    request_stack_key: str | None
    function_stack_key: str | None
    files_key: str | None
    cleanup_key: str | None
    exit_manager: Callable[[Any], Any] | None
    exit_function: Callable[..., Any] | None
    end_again: Callable[[Any], Any]
    generators_outside_scopes: bool
    request_class: Callable[..., Any]
    reads_as_usual: Callable[[type], bool]
    make_request: Callable[[Any, Any, Any], Any]
    make_headers: Callable[[list[tuple[bytes, bytes]]], Any]
    make_response: Callable[[], Any]
    make_tasks: Callable[[], Any]
    run_in_thread: Callable[..., Any]
    parse_cookies: Callable[[list[str]], dict[str, str]]
    parse_json: Callable[[bytes], Any]
    json_watch: Watch  # FastAPI's own parser, in whose place ``parse_json`` is
    undefined: Any
    validation_error: type[BaseException]
    #: (tasks or None) -> what is left of a response whose answer has been sent before the request's stack exits.
    answered: Callable[[Any], Any]
    answers_before_exits: bool
    finish: Callable[..., Any]
    finish_native: Callable[..., Any] | None
    finish_inside: Callable[..., Any] | None
    response_class: type
    only_bytes: Callable[[type], bool]


@dataclass(slots=True)
class RoutePlan:
    """All that the native side needs to answer the requests of one route: its facts, and the program made of them."""

    steps: list[Step]
    endpoint: Step
    slots: int
    nodes: int
    caches: int
    reads_body: bool
    inside_only: bool  # needs the application's own layers around it
    facts: RouteFacts
    services: Services


def make_plan(facts: RouteFacts, services: Services, *, given_request: bool = False) -> RoutePlan:
    """The program of a route; ``given_request``: of its handler, for a Request that somebody else has made."""
    program = _Program()
    body = facts.body
    if body is not None and body.form is not None and not given_request:
        program.steps.append(Step("form", function=body.form.read))
    endpoint = program.call_step(facts.endpoint, 0)
    return RoutePlan(
        steps=program.steps,
        endpoint=endpoint,
        slots=program.slots,
        nodes=program.nodes,
        caches=len(program.caches),
        reads_body=body is not None and (given_request or body.form is None),
        inside_only=endpoint.op == "application"
        or (body is not None and body.form is not None and body.form.native is None),
        facts=facts,
        services=services,
    )


class _Program:
    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.slots = _FIRST_SLOT
        self.nodes = 1
        self.caches: dict[Hashable, int] = {}

    def call_step(self, call: CallFacts, node: int) -> Step:
        """Append what solves the arguments of ``call``; the step that calls it."""
        arguments: dict[str, int] = {}
        for dependency in call.dependencies:
            self._dependency(dependency, node, arguments)
        for parameter in call.fields:
            if isinstance(parameter, FieldFacts):
                arguments[parameter.name] = slot = self._slot()
                self.steps.append(Step("parameter", slot, node, parameter=parameter))
            else:
                self._loose(parameter, node, arguments)
        for kind, name in call.injected:
            arguments[name] = _INJECTED[kind]
        for name, make in call.made:
            arguments[name] = slot = self._slot()
            self.steps.append(Step("make", slot, node, function=make))
        op: Op = "call" if call.kind == "async" else call.kind
        function = {"enter": call.enter, "stream": call.stream}.get(call.kind, call.call)
        positions = [_INJECTED["request"]] if call.takes_request else []
        slots = [*positions, *arguments.values()]
        return Step(op, node=node, function=function, generator=call.generator, names=tuple(arguments), arguments=slots)

    def _dependency(self, call: CallFacts, parent: int, arguments: dict[str, int]) -> None:
        node = self.nodes
        self.nodes += 1
        slot = None if call.name is None else self._slot()
        reuse = None
        if call.use_cache and call.key in self.caches and _repeats_nothing(call):
            reuse = Step("reuse", slot, cache=self.caches[call.key])
            self.steps.append(reuse)
        step = self.call_step(call, node)
        step.slot, step.parent, step.credential = slot, parent, call.credential
        step.cache = self.caches.setdefault(call.key, len(self.caches))
        step.use_cache, step.function_scope = call.use_cache, call.function_scope
        self.steps.append(step)
        if reuse is not None:
            reuse.jump = len(self.steps)
        if call.name is not None and slot is not None:
            arguments[call.name] = slot

    def _loose(self, loose: LooseFacts, node: int, arguments: dict[str, int]) -> None:
        outputs = [(name, self._slot()) for name in loose.names]
        arguments.update(outputs)
        op: Op = "body" if loose.location == "body" else "location"
        self.steps.append(Step(op, node=node, function=loose.read, outputs=outputs, fields=loose.fields))

    def _slot(self) -> int:
        self.slots += 1
        return self.slots - 1


def _repeats_nothing(call: CallFacts) -> bool:
    """Whether solving ``call`` again, with its result at hand, would run no code of the application's."""
    fields = all(isinstance(parameter, FieldFacts) and parameter.pure for parameter in call.fields)
    return fields and all(child.use_cache and _repeats_nothing(child) for child in call.dependencies)


def explain(plan: RoutePlan) -> Iterator[str]:
    """The program, a line a step."""
    for step in [*plan.steps, plan.endpoint]:
        place = "" if step.slot is None else f" -> {step.slot}"
        if step.parameter is not None:
            what = f"{step.parameter.location} {'|'.join(step.parameter.aliases)}"
        elif step.op == "reuse":
            what = f"result {step.cache}, goes on at {step.jump}"
        else:
            what = _name_of(step.function)
        if step.credential is not None:  # where it is there, and nobody has had the Request
            what += f" or {step.credential.location} {step.credential.name}"
        names = [""] * (len(step.arguments) - len(step.names)) + [f"{name}=" for name in step.names]
        arguments = ", ".join(f"{name}{slot}" for name, slot in zip(names, step.arguments, strict=True))
        outputs = ", ".join(f"{name} -> {slot}" for name, slot in step.outputs)
        yield f"{step.op:9} {what}{f'({arguments})' if arguments else ''}{outputs and ' ' + outputs}{place}"
    yield f"answer    {plan.facts.response.status} {_kind_of(plan.facts.response)}"


def _kind_of(response: ResponseFacts) -> str:
    if response.writer is not None:
        return "model, natively"
    if response.validate is not None:
        return "model"
    return "plain JSON" if response.plain_json else "rendered"


def _name_of(function: Any) -> str:
    function = getattr(function, "stands_for", function)
    if isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__qualname__", type(function).__qualname__))
