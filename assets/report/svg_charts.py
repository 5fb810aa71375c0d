"""Charts as SVG text. Colours are CSS classes of the page, so that one chart is legible in light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

Point = tuple[float, float]
Legend = Sequence[tuple[str, int]]  # name and style (number of its colour and mark) of each series
WIDTH, HEIGHT = 320, 190
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 10, 26
ROW_HEIGHT = 30


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart with its caption.

    Args:
        svg: an ``<svg>`` element.
        note: what it shows in words, where that is worth saying.
        legend: of its series, where it has several.
    """

    title: str
    svg: str
    note: str = ""
    legend: Legend = ()


@dataclass(frozen=True, kw_only=True)
class Line:
    """One training curve.

    Args:
        name: in the chart's words.
        split: ``train`` or ``val``, also its CSS class.
        points: in order of x.
    """

    name: str
    split: str
    points: Sequence[Point]


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A mean with its 95 % interval, one row of an interval chart."""

    label: str
    mean: float
    low: float
    high: float


def short_number(value: float) -> str:
    """A number as an axis or a caption prints it: three significant digits, thousands as k."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "n/a"
    if abs(value) >= 10_000:
        return f"{value / 1000:.3g}k"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round values that cover [low, high]: multiples of 1, 2, 2.5 or 5 times a power of ten."""
    if high <= low:
        pad = abs(low) * 0.1 or 1.0
        low, high = low - pad, high + pad
    raw = (high - low) / max(count - 1, 1)
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """At most ``most`` points: means over blocks of equal length, where there are more."""
    if len(points) <= most:
        return list(points)
    block = math.ceil(len(points) / most)
    groups = [points[i : i + block] for i in range(0, len(points), block)]
    return [(sum(x for x, _ in g) / len(g), sum(y for _, y in g) / len(g)) for g in groups]


@dataclass(frozen=True)
class Axes:
    """Maps values to a chart's coordinates; draws grid and tick labels."""

    x_ticks: list[float]
    y_ticks: list[float]
    width: int = WIDTH
    height: int = HEIGHT

    def x(self, value: float) -> float:
        low, high = self.x_ticks[0], self.x_ticks[-1]
        return LEFT + (value - low) / (high - low) * (self.width - LEFT - RIGHT)

    def y(self, value: float) -> float:
        low, high = self.y_ticks[0], self.y_ticks[-1]
        return self.height - BOTTOM - (value - low) / (high - low) * (self.height - TOP - BOTTOM)

    def grid(self) -> str:
        parts = []
        for tick in self.y_ticks:
            y = self.y(tick)
            parts.append(
                f'<line class="grid" x1="{LEFT}" x2="{self.width - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            )
            label = short_number(tick)
            parts.append(f'<text class="tick end" x="{LEFT - 6}" y="{y + 3.5:.1f}">{label}</text>')
        for i, tick in enumerate(self.x_ticks):
            css_class = "tick end" if i == len(self.x_ticks) - 1 else "tick" if i else "tick start"
            x = self.x(tick) if i < len(self.x_ticks) - 1 else self.width - 2
            label = short_number(tick)
            parts.append(f'<text class="{css_class}" x="{x:.1f}" y="{self.height - 9}">{label}</text>')
        return "".join(parts)

    def path(self, points: Sequence[Point]) -> str:
        return " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)


def svg(title: str, text: str, body: str, width: int = WIDTH, height: int = HEIGHT) -> str:
    """A chart whose label is the title and a text for those who do not see it."""
    return (
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(title)}. {escape(text)}">{body}</svg>'
    )


def line_chart(title: str, lines: Sequence[Line], *, chance: float | None = None) -> str:
    """Curves over training steps; ``chance`` is drawn as a dashed line.

    Returns:
        An ``<svg>`` element whose label gives the first and the last value of each curve.

    Raises:
        ValueError: no line has a point.
    """
    drawn = [line for line in lines if line.points]
    if not drawn:
        raise ValueError(f"{title}: no points to draw")
    ys = [y for line in drawn for _, y in line.points] + ([chance] if chance is not None else [])
    xs = [x for line in drawn for x, _ in line.points]
    axes = Axes([0, max(xs) / 2, max(xs)], ticks(min(ys), max(ys)))
    body = axes.grid()
    if chance is not None:
        y = axes.y(chance)
        body += f'<line class="chance" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        body += f'<text class="tick end" x="{WIDTH - RIGHT}" y="{y - 4:.1f}">chance</text>'
    for line in drawn:
        body += f'<polyline class="curve {line.split}" points="{axes.path(line.points)}"/>'
        if line.split == "val" or len(line.points) == 1:
            body += "".join(
                f'<circle class="dot {line.split}" cx="{axes.x(x):.1f}" cy="{axes.y(y):.1f}" r="2.2"/>'
                for x, y in line.points
            )
    ends = [
        f"{line.name} from {short_number(line.points[0][1])} to {short_number(line.points[-1][1])}"
        for line in drawn
    ]
    return svg(title, f"{'; '.join(ends)}, over {short_number(max(xs))} steps", body)


def interval_chart(title: str, rows: Sequence[Interval], unit: str) -> str:
    """Means with their intervals, one row each, beside a line at 0.

    Raises:
        ValueError: there is no row.
    """
    if not rows:
        raise ValueError(f"{title}: no rows to draw")
    label_width, width = 118, 380
    height = TOP + ROW_HEIGHT * len(rows) + BOTTOM
    marks = ticks(min(0.0, *(r.low for r in rows)), max(0.0, *(r.high for r in rows)), 4)
    scale = (width - label_width - 24) / (marks[-1] - marks[0])

    def x(value: float) -> float:
        return label_width + (value - marks[0]) * scale

    body = ""
    for mark in marks:
        css_class = "zero" if mark == 0 else "grid"
        body += f'<line class="{css_class}" x1="{x(mark):.1f}" x2="{x(mark):.1f}" y1="{TOP}" y2="{height - BOTTOM}"/>'
        body += f'<text class="tick" x="{x(mark):.1f}" y="{height - 9}">{short_number(mark)}</text>'
    for i, row in enumerate(rows):
        y = TOP + ROW_HEIGHT * (i + 0.5)
        css_class = "holds-zero" if row.low <= 0 <= row.high else "clear"
        body += f'<text class="name end" x="{label_width - 12}" y="{y + 4:.1f}">{escape(row.label)}</text>'
        body += f'<line class="range {css_class}" x1="{x(row.low):.1f}" x2="{x(row.high):.1f}" y1="{y}" y2="{y}"/>'
        body += f'<circle class="mean {css_class}" cx="{x(row.mean):.1f}" cy="{y}" r="5"/>'
    text = "; ".join(
        f"{r.label} {short_number(r.mean)} {unit}, interval {short_number(r.low)} to {short_number(r.high)}"
        for r in rows
    )
    return svg(title, text, body, width, height)
