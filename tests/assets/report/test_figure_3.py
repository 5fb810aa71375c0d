"""Figure 3 of the page: means by window and the effective context, beside the paper's best windows."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from assets.project.home import Home
from assets.report.figure_3 import figure_3
from assets.report.warehouse_reader import WarehouseReader
from assets.store.table_parts import write_part
from assets.store.warehouse import connect, publish

WINDOWS = (0, 1, 2, 4, 6, 8, 10, 12)
NUM_CLIPS = 10


def lmd(method: str, window: int, clip: int) -> float:
    """CALS falls by 0.8 px until 8 frames; what Wav2Lip draws does not depend on the window."""
    fall = 0.8 * max(0.0, 1 - window / 8) ** 2 if method == "cals" else 0.0
    return 1 + 0.05 * clip + fall


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    rows = [
        {
            "dataset": "d", "method": method, "clip_id": f"c{clip}", "window_frames": window,
            "lmd": lmd(method, window, clip), "detail": None,
        }
        for method in ("wav2lip", "cals")
        for clip in range(NUM_CLIPS)
        for window in WINDOWS
    ]  # fmt: skip
    rows.append({**rows[0], "clip_id": "short", "lmd": None, "detail": "the clip has 9 frames"})
    write_part(home, "context_window", rows, dataset="d")
    publish(home)
    return home


def test_effective_context_has_an_interval_or_says_why_there_is_none(home: Home) -> None:
    with connect(home.database) as connection:
        shown = figure_3(WarehouseReader(connection), "d", ("wav2lip", "cals"))
    wav2lip, cals = shown.contexts
    assert cals.cells[0].text == "8.0" and cals.cells[1].text == "0.64" and cals.cells[2].text == "+0.800"
    assert cals.cells[0].interval == "8.0 to 8.0" and cals.cells[3].text == "10"
    assert wav2lip.cells[0].why == "hearing more does not lower LMD" and wav2lip.cells[1].why == "no estimate"
    assert [(row.label, row.cells[0].text, row.cells[1].text) for row in shown.published] == [
        ("CALS (paper), LRW", "15", "1.20"),
        ("CALS (paper), LRS2", "13", "1.04"),
    ]
    assert "LMD there 1.059 px" in shown.published[1].cells[2].why
    assert shown.missing == [("the clip has 9 frames", 1)]


def test_every_window_is_compared_with_the_widest_on_the_same_clips(home: Home) -> None:
    with connect(home.database) as connection:
        shown = figure_3(WarehouseReader(connection), "d", ("wav2lip", "cals"))
    assert shown.methods == ["Wav2Lip", "CALS"] and shown.table[1].label == "1 frame, 120 ms in all"
    for window, row in zip(WINDOWS, shown.table, strict=True):
        means = [np.mean([lmd(m, window, clip) for clip in range(NUM_CLIPS)]) for m in ("wav2lip", "cals")]
        assert [row.cells[0].text, row.cells[2].text] == [f"{mean:.3f}" for mean in means]
        if window < WINDOWS[-1]:
            assert row.cells[1].verdict == "no clear difference"
            assert row.cells[3].verdict == ("worse" if window < 8 else "no clear difference")
    assert shown.table[-1].cells[3].why == "the widest window itself"


def test_means_and_intervals_are_those_of_the_view(home: Home) -> None:
    with connect(home.database) as connection:
        warehouse = WarehouseReader(connection)
        shown = figure_3(warehouse, "d", ("wav2lip", "cals"))
        points = warehouse.rows("from figure_3 where source = 'measured' order by window_frames, method desc")
    cells = [row.cells[place] for row in shown.table for place in (0, 2)]
    for cell, point in zip(cells, points, strict=True):
        mean, low, high = point["lmd"], point["low"], point["high"]
        assert (cell.text, cell.interval) == (f"{mean:.3f}", f"{low:.3f} to {high:.3f}") and low < mean < high


def test_chart_marks_the_effective_context_where_there_is_one(home: Home) -> None:
    with connect(home.database) as connection:
        shown = figure_3(WarehouseReader(connection), "d", ("wav2lip", "cals"))
    assert shown.chart is not None
    root = ElementTree.fromstring(shown.chart.svg)
    assert [r.attrib["class"] for r in root.iter("rect")] == ["span s1"]
    assert "effective context of CALS at 8, interval 8 to 8" in root.attrib["aria-label"]


def test_what_is_missing_says_why(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with connect(publish(home)) as connection:
        shown = figure_3(WarehouseReader(connection), "d", ("cals",))
    assert shown.why == "Not measured yet: run the stage context_window." and shown.chart is None
    assert len(shown.published) == 2 and shown.table == []
