"""Charts: right places, round ticks, and a text for those who do not see them."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from assets.report.svg_charts import (
    Interval,
    Line,
    interval_chart,
    line_chart,
    short_number,
    thinned,
    ticks,
)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.5, 1]),
        (1.21, 1.73, [1.2, 1.4, 1.6, 1.8]),
        (-3, 8, [-5, 0, 5, 10]),
        (5, 5, [4.5, 5, 5.5]),
    ],
)
def test_ticks_are_round_and_cover_the_values(low: float, high: float, expected: list[float]) -> None:
    found = ticks(low, high)
    assert found == pytest.approx(expected)
    assert found[0] <= low and found[-1] >= high


def test_a_curve_runs_through_its_points() -> None:
    svg = line_chart("loss", [Line(name="training", split="train", points=[(0, 2.0), (50, 1.0), (100, 0.0)])])
    points = re.search(r'<polyline class="curve train" points="([^"]+)"', svg)
    assert points is not None
    xs, ys = zip(*(map(float, pair.split(",")) for pair in points[1].split()), strict=True)
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1]) and ys[0] < ys[1] < ys[2]
    assert 'aria-label="loss. training from 2 to 0, over 100 steps"' in svg


def test_charts_are_valid_xml_even_with_markup_in_names() -> None:
    name = '<b>"a" & b</b>'
    line = Line(name=name, split="val", points=[(1, 1.0)])
    for svg in (
        line_chart(name, [line], chance=0.5),
        interval_chart(name, [Interval(label=name, mean=1, low=0.5, high=2)], "px"),
    ):
        root = ElementTree.fromstring(svg)
        assert root.attrib["role"] == "img" and name in root.attrib["aria-label"]


def test_intervals_that_contain_zero_are_drawn_differently() -> None:
    rows = [Interval(label="a", mean=1, low=0.5, high=2), Interval(label="b", mean=0.1, low=-0.5, high=1)]
    svg = interval_chart("gain", rows, "px")
    assert svg.count('class="mean clear"') == svg.count('class="mean holds-zero"') == 1


def test_long_curves_are_averaged_not_cut() -> None:
    points = [(float(i), float(i % 2)) for i in range(1000)]
    few = thinned(points, 100)
    assert len(few) == 100 and {y for _, y in few} == {0.5}
    assert thinned(points, 1000) == points


def test_nothing_to_draw_is_an_error() -> None:
    with pytest.raises(ValueError, match="no points"):
        line_chart("loss", [Line(name="training", split="train", points=[])])
    with pytest.raises(ValueError, match="no rows"):
        interval_chart("gain", [], "px")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (1234.0, "1234"), (0.12345, "0.123"), (200_000, "200k"), (float("inf"), "n/a")],
)
def test_short_numbers(value: float, text: str) -> None:
    assert short_number(value) == text
