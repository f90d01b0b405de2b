"""What `make soak` judges: growth and slowness are seen, and what a busy machine does is not taken for them."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from soak_measure import Sample, Times, judge
from soak_page import Page, Plot

CALM = Times(throughput=1000, p50=0.5, p99=2.0, p999=4.0)
FLAT = Sample(minute=0, times=CALM, resident=60, descriptors=66, threads=7, objects=2400, cpu=200)


def not_flat(samples: list[Sample], control: list[Times], *, replaced: bool = False) -> list[str]:
    watch: Any = SimpleNamespace(
        server=SimpleNamespace(name="s"), load=SimpleNamespace(replaced=replaced), samples=samples
    )
    return [what for what, _, _, holds in judge([watch], control) if not holds]


def test_what_stays_is_flat() -> None:
    assert not_flat([FLAT] * 40, [CALM] * 40) == []


@pytest.mark.parametrize(
    ("name", "most"), [("resident", 120.0), ("descriptors", 100), ("threads", 12), ("objects", 9000), ("cpu", 400.0)]
)
def test_what_grows_is_not(name: str, most: float) -> None:
    first = getattr(FLAT, name)
    samples = [replace(FLAT, **{name: first + (most - first) * number / 39}) for number in range(40)]
    assert not_flat(samples, [CALM] * 40) == [f"s: {name}"]


def slowed(times: Times, factor: float) -> Times:
    return Times(times.throughput / factor, times.p50 * factor, times.p99 * factor, times.p999 * factor)


def test_a_busy_machine_is_no_fault() -> None:
    control = [slowed(CALM, 1 + number / 5) for number in range(40)]
    assert not_flat([replace(FLAT, times=slowed(times, 1.3)) for times in control], control) == []


def test_a_server_that_becomes_slower_than_its_machine_is_one() -> None:
    samples = [replace(FLAT, times=slowed(CALM, 1 + number / 5)) for number in range(40)]
    found = not_flat(samples, [CALM] * 40)
    assert [what.partition(",")[0] for what in found] == ["s: p50", "s: p99", "s: p99.9", "s: throughput"]


def test_what_processes_that_are_replaced_do_once_is_not_compared() -> None:
    samples = [replace(FLAT, objects=100 * number, cpu=10.0 * number) for number in range(40)]
    assert not_flat(samples, [CALM] * 40, replaced=True) == []
    assert not_flat(samples, [CALM] * 40) == ["s: objects", "s: cpu"]


def test_the_page_is_whole() -> None:
    page = Page(
        title="a <title>",
        facts=[("Machine", "2 & more")],
        minutes=[0.0, 0.5, 1.0],
        lines=["one"],
        plots=[Plot("Memory", "MiB", {"one": [1.0, None, 3.0]}), Plot("Nothing", "yet", {"one": [None] * 3})],
        judged=[("one: memory", "1 → 3", "≤ 2", False)],
        counts={"one": {"answers": 12345}},
        wrong=["b'<x>'"],
        marks=[(0.5, 0.5, "locked")],
    ).write()
    assert "a &lt;title&gt;" in page
    assert "NOT FLAT" in page
    assert "12,345" in page
    assert "b&#x27;&lt;x&gt;&#x27;" in page
    plots = page.split("<svg")[1:]
    assert len(plots) == 2
    for plot in plots:
        ElementTree.fromstring("<svg" + plot.partition("</svg>")[0] + "</svg>")
