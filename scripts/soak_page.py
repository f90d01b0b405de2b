"""One HTML page of what server_soak.py has measured: plots as SVG, figures, what was judged."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

COLOURS = ("#1f6feb", "#d1642d", "#59636e")
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 560, 190, 62, 22, 10
#: More points than pixels show nothing more.
MOST_POINTS = 240

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1180px; padding: 0 1rem; color: #1f2328; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin: 1.6rem 0 .4rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(500px, 1fr)); gap: 1rem 1.5rem; }
figure { margin: 0; } figcaption { font-weight: 600; font-size: .9rem; }
svg { width: 100%; height: auto; } svg text { font: 11px system-ui, sans-serif; fill: #59636e; }
table { border-collapse: collapse; font-size: .9rem; } td, th { padding: .15rem .9rem .15rem 0; text-align: left; }
td.number { text-align: right; font-variant-numeric: tabular-nums; } .bad { color: #b3261e; font-weight: 600; }
"""


@dataclass
class Plot:
    """One quantity over time; a line for each server. None: not measured then."""

    title: str
    unit: str
    lines: Mapping[str, Sequence[float | None]]


@dataclass
class Page:
    """All that the page says."""

    title: str
    facts: Sequence[tuple[str, str]]
    minutes: Sequence[float]
    #: The names of the plots' lines, in their order.
    lines: Sequence[str]
    plots: Sequence[Plot]
    #: What, value, bound, whether it holds.
    judged: Sequence[tuple[str, str, str, bool]]
    counts: Mapping[str, Mapping[str, int]]
    wrong: Sequence[str]
    #: Marks below the plots, in minutes: from, to, what.
    marks: Sequence[tuple[float, float, str]] = field(default_factory=list)

    def write(self) -> str:
        """The page."""
        servers = list(self.counts)
        names = sorted({name for counts in self.counts.values() for name in counts})
        counted = "".join(
            f"<tr><td>{html.escape(name)}</td>"
            + "".join(f"<td class=number>{self.counts[server].get(name, 0):,}</td>" for server in servers)
            + "</tr>"
            for name in names
        )
        judged = "".join(
            f"<tr><td>{html.escape(what)}</td><td class=number>{html.escape(value)}</td>"
            f"<td class=number>{html.escape(bound)}</td>"
            + ("<td>flat</td></tr>" if holds else "<td class=bad>NOT FLAT</td></tr>")
            for what, value, bound, holds in self.judged
        )
        wrong = "".join(f"<li>{html.escape(text)}</li>" for text in self.wrong)
        legend = " ".join(
            f'<span style="color:{colour}">&#9632;</span> {html.escape(line)}'
            for line, colour in zip(self.lines, COLOURS, strict=False)
        )
        facts = "<br>".join(f"{html.escape(name)}: {html.escape(value)}" for name, value in self.facts)
        plots = "".join(self._figure(plot) for plot in self.plots)
        kinds = ", ".join(sorted({what for _, _, what in self.marks}))
        return (
            f"<!doctype html><html lang=en><meta charset=utf-8><title>{html.escape(self.title)}</title>"
            f"<style>{STYLE}</style><h1>{html.escape(self.title)}</h1><p>{facts}</p>"
            f"<p>{legend}{f' &middot; grey: {html.escape(kinds)}' if kinds else ''}</p><div class=plots>{plots}</div>"
            f"<h2>Judged</h2><table><tr><th>what<th>value<th>bound<th></tr>{judged}</table>"
            f"<h2>Counted</h2><table><tr><th>{''.join(f'<th>{html.escape(server)}' for server in servers)}</tr>"
            f"{counted}</table>" + (f"<h2>Wrong</h2><ul class=bad>{wrong}</ul>" if wrong else "") + "</html>\n"
        )

    def _figure(self, plot: Plot) -> str:
        end = max([*self.minutes, 1e-9])
        values = [value for line in plot.lines.values() for value in line if value is not None]
        top = nice_ceiling(max([*values, 1e-9]))

        def x(minute: float) -> float:
            return LEFT + (WIDTH - LEFT - 8) * minute / end

        def y(value: float) -> float:
            return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top)

        parts = [
            f'<rect x="{x(begin):.1f}" y="{TOP}" width="{max(1.0, x(until) - x(begin)):.1f}" '
            f'height="{HEIGHT - TOP - BOTTOM}" fill="#8c959f" fill-opacity=".18"/>'
            for begin, until, _ in self.marks
        ]
        for fraction in (0, 0.25, 0.5, 0.75, 1):
            level = y(top * fraction)
            parts.append(f'<path d="M{LEFT} {level:.1f}H{WIDTH - 8}" stroke="#d1d9e0"/>')
            parts.append(f'<text x="{LEFT - 6}" y="{level + 4:.1f}" text-anchor="end">{top * fraction:,.4g}</text>')
            parts.append(
                f'<text x="{x(end * fraction):.1f}" y="{HEIGHT - 6}" text-anchor="middle">{end * fraction:.3g}</text>'
            )
        for line, colour in zip(plot.lines.values(), COLOURS, strict=False):
            points = [
                f"{x(minute):.1f} {y(value):.1f}"
                for minute, value in thinned(list(zip(self.minutes, line, strict=True)))
                if value is not None
            ]
            if points:
                parts.append(f'<path d="M{"L".join(points)}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        return (
            f"<figure><figcaption>{html.escape(plot.title)}, {html.escape(plot.unit)}</figcaption>"
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(plot.title)}">'
            f"{''.join(parts)}</svg></figure>"
        )


def thinned(points: Sequence[tuple[float, float | None]]) -> list[tuple[float, float | None]]:
    """The highest of each so many, that no peak is lost."""
    size = -(-len(points) // MOST_POINTS)
    groups = (points[at : at + size] for at in range(0, len(points), size)) if points else ()
    return [max(group, key=lambda point: -1.0 if point[1] is None else point[1]) for group in groups]


def nice_ceiling(value: float) -> float:
    """1, 2, 2.5 or 5 times a power of ten, not below `value`."""
    power = 1.0
    while power * 10 <= value:
        power *= 10
    while power > value:
        power /= 10
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value)
