"""Curves over lengths of audio with their 95 % bands, as SVG text; colours, dashes and marks are CSS classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from assets.report.svg_charts import short_number, svg, ticks

WIDTH, HEIGHT = 440, 280
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 12, 42
NUM_COLOURS = 6
MARKS = "\N{BLACK CIRCLE}\N{BLACK UP-POINTING TRIANGLE}\N{BLACK SQUARE}\N{BLACK DIAMOND}"


@dataclass(frozen=True, kw_only=True)
class BandPoint:
    """One mean of a curve, with its interval where there is one."""

    x: float
    y: float
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class BandLine:
    """One curve.

    Args:
        name: in the chart's words and its legend.
        style: 0, 1, 2, ...: picks colour and mark.
        is_dashed: drawn dashed, without a band.
        points: in order of x.
    """

    name: str
    style: int
    is_dashed: bool = False
    points: Sequence[BandPoint]


@dataclass(frozen=True, kw_only=True)
class Span:
    """A value on the x axis with its interval, drawn from top to bottom."""

    name: str
    style: int
    x: float
    low: float
    high: float


def band_chart(
    title: str, lines: Sequence[BandLine], *, x_name: str, y_name: str, spans: Sequence[Span] = ()
) -> str:
    """Curves with bands over the same x axis.

    Returns:
        An ``<svg>`` element whose label gives the ends of each curve and every span.

    Raises:
        ValueError: no line has a point.
    """
    points = [point for line in lines for point in line.points]
    if not points:
        raise ValueError(f"{title}: no points to draw")
    ends = [end for p in points for end in (p.y, p.low, p.high) if end is not None]
    axes = _Axes(sorted({p.x for p in points}), ticks(min(ends), max(ends), 5))
    body = axes.grid(x_name, y_name)
    body += "".join(_span(axes, span) for span in spans)
    body += "".join(_band(axes, line) for line in lines if not line.is_dashed)
    body += "".join(_curve(axes, line) for line in lines if line.points)
    texts = [
        f"{line.name} from {short_number(line.points[0].y)} to {short_number(line.points[-1].y)}"
        for line in lines
        if line.points
    ]
    texts += [
        f"{s.name} at {short_number(s.x)}, interval {short_number(s.low)} to {short_number(s.high)}"
        for s in spans
    ]
    xs = axes.xs
    text = f"{y_name} over {x_name}, {short_number(xs[0])} to {short_number(xs[-1])}: {'; '.join(texts)}"
    return svg(title, text, body, WIDTH, HEIGHT)


@dataclass(frozen=True)
class _Axes:
    xs: list[float]
    y_ticks: list[float]

    def x(self, value: float) -> float:
        low, high = self.xs[0], self.xs[-1]
        share = (min(max(value, low), high) - low) / (high - low) if high > low else 0.5
        return LEFT + 8 + share * (WIDTH - LEFT - RIGHT - 16)

    def y(self, value: float) -> float:
        low, high = self.y_ticks[0], self.y_ticks[-1]
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def grid(self, x_name: str, y_name: str) -> str:
        parts = []
        for tick in self.y_ticks:
            y = self.y(tick)
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(
                f'<text class="tick end" x="{LEFT - 6}" y="{y + 3.5:.1f}">{short_number(tick)}</text>'
            )
        last = None
        for value in self.xs:
            x = self.x(value)
            if last is None or x - last >= 20:
                parts.append(f'<text class="tick" x="{x:.1f}" y="{HEIGHT - BOTTOM + 15}">{value:g}</text>')
                last = x
        middle = (LEFT + WIDTH - RIGHT) / 2
        parts.append(f'<text class="tick" x="{middle:.0f}" y="{HEIGHT - 8}">{escape(x_name)}</text>')
        turned = f"rotate(-90 10 {(HEIGHT - BOTTOM + TOP) / 2:.0f})"
        parts.append(
            f'<text class="tick" x="10" y="{(HEIGHT - BOTTOM + TOP) / 2:.0f}" transform="{turned}">{escape(y_name)}</text>'
        )
        return "".join(parts)


def _span(axes: _Axes, span: Span) -> str:
    left, right, x = axes.x(span.low), axes.x(span.high), axes.x(span.x)
    bottom = HEIGHT - BOTTOM
    return (
        f'<rect class="span s{span.style % NUM_COLOURS}" x="{left:.1f}" y="{TOP}" width="{right - left:.1f}" height="{bottom - TOP}"/>'
        f'<line class="reach s{span.style % NUM_COLOURS}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>'
    )


def _band(axes: _Axes, line: BandLine) -> str:
    """The intervals as one area; a lone point has a bar."""
    known = [(p.x, p.low, p.high) for p in line.points if p.low is not None and p.high is not None]
    if len(known) == 1:
        x, low, high = known[0]
        return f'<line class="bar s{line.style % NUM_COLOURS}" x1="{axes.x(x):.1f}" x2="{axes.x(x):.1f}" y1="{axes.y(low):.1f}" y2="{axes.y(high):.1f}"/>'
    upper = [f"{axes.x(x):.1f},{axes.y(high):.1f}" for x, _, high in known]
    lower = [f"{axes.x(x):.1f},{axes.y(low):.1f}" for x, low, _ in reversed(known)]
    return (
        f'<polygon class="band s{line.style % NUM_COLOURS}" points="{" ".join(upper + lower)}"/>'
        if known
        else ""
    )


def _curve(axes: _Axes, line: BandLine) -> str:
    places = [(axes.x(p.x), axes.y(p.y)) for p in line.points]
    css_class = f"s{line.style % NUM_COLOURS}{' dashed' if line.is_dashed else ''}"
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return f'<polyline class="curve {css_class}" points="{path}"/>' + "".join(
        mark(x, y, line.style, css_class) for x, y in places
    )


def mark(x: float, y: float, style: int, css_class: str) -> str:
    """One point of a series: each has its own shape, for readers who do not see the colours."""
    if style % len(MARKS) == 0:
        return f'<circle class="mark {css_class}" cx="{x:.1f}" cy="{y:.1f}" r="3.4"/>'
    corners = {
        1: ((0, -4.4), (4.2, 3.2), (-4.2, 3.2)),
        2: ((-3.2, -3.2), (3.2, -3.2), (3.2, 3.2), (-3.2, 3.2)),
        3: ((0, -4.6), (4.6, 0), (0, 4.6), (-4.6, 0)),
    }[style % len(MARKS)]
    path = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)
    return f'<polygon class="mark {css_class}" points="{path}"/>'
