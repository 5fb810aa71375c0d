"""Charts of clips and of lengths: every mark in its place, and a text for those who do not see it."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
from scipy import stats

from assets.report.band_chart import BandLine, BandPoint, Span, band_chart
from assets.report.scatter_chart import Cloud, Dot, against_chart, cloud_chart, rank_correlation

NAME = '<b>"a" & b</b>'


def dots(*pairs: tuple[float, float]) -> list[Dot]:
    return [Dot(clip_id=f"{NAME}{i}", x=x, y=y) for i, (x, y) in enumerate(pairs)]


def test_scatter_says_on_how_many_clips_which_is_better_and_names_every_clip() -> None:
    points = dots((1.0, 0.5), (1.0, 2.0), (2.0, 1.0))
    svg, lower = against_chart("LMD", points, x_name="Wav2Lip", y_name="CALS", lower_is_better=True)
    _, higher = against_chart("PSNR", points, x_name="Wav2Lip", y_name="CALS", lower_is_better=False)
    assert lower == "CALS is better than Wav2Lip on 2 of 3 clips" and "on 1 of 3 clips" in higher
    root = ElementTree.fromstring(svg)
    titles = [title.text for title in root.iter("title")]
    assert titles[0] == f"{NAME}0: Wav2Lip 1, CALS 0.5" and len(titles) == 3
    places = [(float(c.attrib["cx"]), float(c.attrib["cy"])) for c in root.iter("circle")]
    assert places[0][0] == places[1][0] < places[2][0] and places[1][1] < places[2][1] < places[0][1]


def test_clouds_have_their_own_marks_and_their_rank_correlation() -> None:
    rising, falling = dots((1, 1), (2, 4), (3, 9)), dots((1, 3), (2, 2), (3, 1))
    clouds = [Cloud(name=NAME, style=0, dots=rising), Cloud(name="b", style=1, dots=falling)]
    svg, text = cloud_chart(NAME, clouds, x_name=NAME, y_name="LSE-D")
    root = ElementTree.fromstring(svg)
    assert text == f"Rank correlation: {NAME} 1.00 (3 clips), b \N{MINUS SIGN}1.00 (3 clips)"
    assert len(list(root.iter("circle"))) == len(list(root.iter("polygon"))) == 3
    assert text in root.attrib["aria-label"]


def test_rank_correlation_is_spearmans() -> None:
    rng = np.random.default_rng(3)
    first = rng.integers(0, 6, 40).astype(float).tolist()
    second = (np.array(first) + rng.normal(0, 2, 40)).round().tolist()
    assert rank_correlation(first, second) == pytest.approx(stats.spearmanr(first, second).statistic)
    assert rank_correlation([1, 2], [1, 2]) is None and rank_correlation([1, 1, 1], [1, 2, 3]) is None


def test_bands_span_low_to_high_and_spans_are_at_their_x() -> None:
    points = [BandPoint(x=x, y=2 - x / 10, low=1.5 - x / 10, high=2.5 - x / 10) for x in (0, 5, 10)]
    line = BandLine(name=NAME, style=7, points=points)
    span = Span(name="reach", style=7, x=5, low=4, high=20)
    svg = band_chart(NAME, [line], x_name="frames", y_name=NAME, spans=[span])
    root = ElementTree.fromstring(svg)
    curve = root.find("polyline")
    assert curve is not None and curve.attrib["class"] == "curve s1"
    xs, ys = zip(*(map(float, p.split(",")) for p in curve.attrib["points"].split()), strict=True)
    band = next(p for p in root.iter("polygon") if p.attrib["class"] == "band s1")
    corners = [tuple(map(float, p.split(","))) for p in band.attrib["points"].split()]
    assert [x for x, _ in corners] == [*xs, *reversed(xs)]
    upper, lower = corners[:3], corners[:2:-1]
    for (_, high), y, (_, low) in zip(upper, ys, lower, strict=True):
        assert high < y < low and y - high == pytest.approx(low - y, abs=0.11)
    rect, reach = root.find("rect"), next(x for x in root.iter("line") if "reach" in x.attrib["class"])
    assert rect is not None and float(reach.attrib["x1"]) == xs[1]
    right = float(rect.attrib["x"]) + float(rect.attrib["width"])
    assert right == pytest.approx(xs[2], abs=0.11), "an end beyond the axis is drawn at its end"


def test_a_lone_point_has_a_bar_and_nothing_to_draw_is_an_error() -> None:
    lone = BandLine(name="a", style=0, points=[BandPoint(x=2, y=1, low=0.5, high=1.5)])
    assert 'class="bar s0"' in band_chart("t", [lone], x_name="x", y_name="y")
    with pytest.raises(ValueError, match="no points"):
        band_chart("t", [BandLine(name="a", style=0, points=[])], x_name="x", y_name="y")
    with pytest.raises(ValueError, match="no clip"):
        against_chart("t", [], x_name="a", y_name="b", lower_is_better=True)
    with pytest.raises(ValueError, match="no clip"):
        cloud_chart("t", [], x_name="a", y_name="b")
