"""LPIPS and FID of the page: there where weights were given, and not a word of them where none were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assets.project.home import Home
from assets.report.comparisons import perceptual_evaluators, perceptual_table
from assets.report.page import render_report
from assets.report.rows import Row, Rows
from assets.report.settings import ReportSettings
from assets.store.table_parts import write_part
from assets.store.warehouse import connect, publish, query
from tests.support import warehouse_rows as made

LPIPS, FID = "lpips_alex/alexnet.pth/0123456789ab", "inception_v3/inception.pth/ba9876543210"
SETTINGS = ReportSettings(num_example_clips=0, num_extreme_clips=0)


def lpips_rows(clips: list[str], method: str) -> list[Row]:
    """LPIPS with the clip's own sound alone."""
    row = {
        "dataset": made.DATASET,
        "method": method,
        "audio": "own",
        "protocol": "primary",
        "metric": "lpips",
    }
    return [
        {**row, "clip_id": clip, "value": 0.1 + 0.01 * place, "evaluator": LPIPS, "detail": None}
        for place, clip in enumerate(clips)
    ]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    clips = made.fill(home)
    rows = made.score_rows(clips, "cals") + lpips_rows(clips, "cals")
    write_part(home, "clip_metrics", rows, dataset=made.DATASET, method="cals")
    for method, value in (("cals", 12.3456), ("wav2lip", None)):
        row = {
            "dataset": made.DATASET, "method": method, "audio": "own", "metric": "fid", "value": value,
            "num_frames": 900, "num_true_frames": 900, "num_clips": 12, "evaluator": FID,
            "detail": None if value else "FID needs 2 frames or more in both sets",
        }  # fmt: skip
        write_part(home, "set_metrics", [row], dataset=made.DATASET, method=method)
    publish(home)
    return home


def test_each_method_that_was_asked_for_has_its_figures_or_says_why(home: Home) -> None:
    with connect(home.database) as connection:
        table = perceptual_table(Rows(connection), made.DATASET)
        assert perceptual_evaluators(Rows(connection), made.DATASET) == [FID, LPIPS]
    wav2lip, cals = table
    assert (wav2lip.label, cals.label) == ("Wav2Lip", "CALS")
    mean = np.mean([0.1 + 0.01 * place for place in range(14)])
    low, high = map(float, cals.cells[0].interval.split(" to "))
    assert cals.cells[0].text == f"{mean:.3f}" and low < mean < high
    assert cals.cells[2].text == "12.35" and cals.cells[2].interval == ""
    assert [cell.why for cell in (cals.cells[1], cals.cells[3])] == ["not measured", "not measured"]
    assert wav2lip.cells[2].why == "FID needs 2 frames or more in both sets"
    summary = query(home.database, "from metric_summary where metric = 'lpips'")
    assert (summary["better"] == "lower").all() and summary["num_clips"].tolist() == [14]


def test_the_page_shows_them_only_where_they_are(home: Home) -> None:
    page = render_report(home, made.DATASET, SETTINGS, made.METHODS).path.read_text(encoding="utf-8")
    assert f"LPIPS and FID, evaluators {FID}; {LPIPS}" in page and "12.35" in page
    made.fill_scores(home, [made.clip_id(number) for number in range(30, 44)])
    for method in ("cals", "wav2lip"):
        write_part(home, "set_metrics", [], dataset=made.DATASET, method=method)
    publish(home)
    page = render_report(home, made.DATASET, SETTINGS, made.METHODS).path.read_text(encoding="utf-8")
    assert "LPIPS" not in page and "FID" not in page
