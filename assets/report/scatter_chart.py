"""Scatter charts as SVG text: one mark a clip, with the clip's id as its tooltip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from assets.report.band_chart import NUM_COLOURS, mark
from assets.report.formatting import format_number
from assets.report.svg_charts import LEFT, RIGHT, TOP, Axes, short_number, svg, ticks

WIDTH, HEIGHT = 320, 300
BOTTOM_ROOM = 34


@dataclass(frozen=True, kw_only=True)
class Dot:
    """One clip."""

    clip_id: str
    x: float
    y: float


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """The clips of one method; ``style`` is the number of its colour and mark."""

    name: str
    style: int
    dots: Sequence[Dot]


def against_chart(
    title: str, dots: Sequence[Dot], *, x_name: str, y_name: str, lower_is_better: bool
) -> tuple[str, str]:
    """One method against another on the same scale, with the diagonal on which both are equal.

    Returns:
        An ``<svg>`` element, and on how many clips the method of the y axis is better, in words.

    Raises:
        ValueError: there is no clip.
    """
    if not dots:
        raise ValueError(f"{title}: no clip to draw")
    marks = ticks(min(min(d.x, d.y) for d in dots), max(max(d.x, d.y) for d in dots))
    axes = Axes(marks, marks, width=WIDTH, height=HEIGHT)
    ends = [(marks[0], marks[0]), (marks[-1], marks[-1])]
    body = f'{axes.grid()}<polyline class="chance" points="{axes.path(ends)}"/>'
    body += "".join(_dot(axes, dot, 0, x_name, y_name) for dot in dots) + _names(x_name, y_name)
    won = sum((dot.y < dot.x) if lower_is_better else (dot.y > dot.x) for dot in dots)
    text = f"{y_name} is better than {x_name} on {won} of {len(dots)} clips"
    return svg(title, text, body, WIDTH, HEIGHT), text


def cloud_chart(title: str, clouds: Sequence[Cloud], *, x_name: str, y_name: str) -> tuple[str, str]:
    """Two metrics of the same clips, a cloud a method.

    Returns:
        An ``<svg>`` element, and the rank correlation of each cloud in words.

    Raises:
        ValueError: there is no clip.
    """
    dots = [dot for cloud in clouds for dot in cloud.dots]
    if not dots:
        raise ValueError(f"{title}: no clip to draw")
    x_ticks = ticks(min(dot.x for dot in dots), max(dot.x for dot in dots))
    y_ticks = ticks(min(dot.y for dot in dots), max(dot.y for dot in dots))
    axes = Axes(x_ticks, y_ticks, width=WIDTH, height=HEIGHT)
    body = axes.grid() + "".join(
        _dot(axes, dot, cloud.style, x_name, y_name) for cloud in clouds for dot in cloud.dots
    )
    body += _names(x_name, y_name)
    parts = []
    for cloud in clouds:
        correlation = rank_correlation([dot.x for dot in cloud.dots], [dot.y for dot in cloud.dots])
        shown = format_number(correlation, 2) if correlation is not None else "not defined"
        parts.append(f"{cloud.name} {shown} ({len(cloud.dots)} clips)")
    text = f"Rank correlation: {', '.join(parts)}"
    return svg(title, text, body, WIDTH, HEIGHT), text


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's coefficient, equal values sharing their middle rank; None with fewer than 3 pairs or no spread."""
    if len(first) < 3 or len(set(first)) < 2 or len(set(second)) < 2:
        return None
    return float(np.corrcoef(_ranks(first), _ranks(second))[0, 1])


def _ranks(values: Sequence[float]) -> list[float]:
    ordered = np.sort(values)
    left, right = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    return [float(rank) for rank in (left + right) / 2]


def _dot(axes: Axes, dot: Dot, style: int, x_name: str, y_name: str) -> str:
    text = f"{dot.clip_id}: {x_name} {short_number(dot.x)}, {y_name} {short_number(dot.y)}"
    place = mark(axes.x(dot.x), axes.y(dot.y), style, f"clip s{style % NUM_COLOURS}")
    return f"<g><title>{escape(text)}</title>{place}</g>"


def _names(x_name: str, y_name: str) -> str:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM_ROOM
    return (
        f'<text class="name start" x="{LEFT + 8}" y="{TOP + 12}">{escape(y_name)} \N{UPWARDS ARROW}</text>'
        f'<text class="name end" x="{right}" y="{bottom}">{escape(x_name)} \N{RIGHTWARDS ARROW}</text>'
    )
