"""Metrics beyond the tables, such as LPIPS and FID: shown where they were measured, absent elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from assets.project.home import Home
from assets.report.failures import failures
from assets.report.further_metrics import further_metrics
from assets.report.page import render_report
from assets.report.settings import ReportSettings
from assets.report.warehouse_reader import Row, WarehouseReader
from assets.store.metrics import definition_rows
from assets.store.table_parts import write_part
from assets.store.warehouse import connect, publish, query
from tests.support import warehouse_rows

LPIPS, FID = "lpips_alex/alexnet.pth/0123456789ab", "inception_v3/inception.pth/ba9876543210"
SETTINGS = ReportSettings(num_example_clips=0, num_extreme_clips=0)


def lpips_rows(clips: list[str], method: str) -> list[Row]:
    """LPIPS with the clip's own audio only."""
    row = {
        "dataset": warehouse_rows.DATASET,
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
    clips = warehouse_rows.fill(home)
    rows = warehouse_rows.score_rows(clips, "cals") + lpips_rows(clips, "cals")
    write_part(home, "clip_metrics", rows, dataset=warehouse_rows.DATASET, method="cals")
    for method, value in (("cals", 12.3456), ("wav2lip", None)):
        row = {
            "dataset": warehouse_rows.DATASET, "method": method, "audio": "own", "metric": "fid", "value": value,
            "num_frames": 900, "num_true_frames": 900, "num_clips": 12, "evaluator": FID,
            "detail": None if value else "FID needs 2 frames or more in both sets",
        }  # fmt: skip
        write_part(home, "set_metrics", [row], dataset=warehouse_rows.DATASET, method=method)
    publish(home)
    return home


def test_each_requested_method_has_its_scores_or_says_why(home: Home) -> None:
    with connect(home.database) as connection:
        shown = further_metrics(WarehouseReader(connection), warehouse_rows.DATASET)
    assert shown.evaluators == [FID, LPIPS]
    wav2lip, cals = shown.rows
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
    page = render_report(home, warehouse_rows.DATASET, SETTINGS, warehouse_rows.METHODS).path.read_text(
        encoding="utf-8"
    )
    assert f"LPIPS and FID, evaluators {FID}; {LPIPS}" in page and "12.35" in page
    warehouse_rows.fill_scores(home, [warehouse_rows.clip_id(number) for number in range(30, 44)])
    for method in ("cals", "wav2lip"):
        write_part(home, "set_metrics", [], dataset=warehouse_rows.DATASET, method=method)
    publish(home)
    page = render_report(home, warehouse_rows.DATASET, SETTINGS, warehouse_rows.METHODS).path.read_text(
        encoding="utf-8"
    )
    assert "LPIPS" not in page and "FID" not in page


def test_a_newly_registered_metric_is_shown_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    niqe = {"metric": "niqe", "label": "NIQE", "unit": "1", "better": "lower", "position": 99, "decimals": 1}
    rows = [*definition_rows(), niqe | {"description": "naturalness of the frames"}]
    monkeypatch.setattr("assets.store.seeds.definition_rows", lambda: rows)
    home = Home(tmp_path)
    clips = warehouse_rows.fill(home)
    scores = [row | {"metric": "niqe", "value": 4.26} for row in lpips_rows(clips, "cals")]
    write_part(home, "clip_metrics", scores, dataset=warehouse_rows.DATASET, method="cals")
    publish(home)
    page = render_report(home, warehouse_rows.DATASET, SETTINGS, warehouse_rows.METHODS).path
    html = page.read_text(encoding="utf-8")
    assert "<b>NIQE</b>: naturalness of the frames." in html
    assert '<span class="value">4.3</span>' in html


def opening_rows(clips: list[str], method: str) -> list[Row]:
    """Openings with both kinds of audio; no clip has a silence."""
    values = {
        ("opening_audio", "own"): 0.8,
        ("opening_audio", "other"): 0.6,
        ("opening_source", "other"): 0.1,
    }
    values |= {("silence_movement", audio): None for audio in ("own", "other")}
    return [
        {
            "dataset": warehouse_rows.DATASET, "method": method, "clip_id": clip, "audio": audio, "protocol": "opening",
            "metric": metric, "value": value and value + 0.001 * place, "evaluator": "dlib",
            "detail": None if value else "no silence of 8 frames or more in the given audio",
        }
        for (metric, audio), value in values.items()
        for place, clip in enumerate(clips)
    ]  # fmt: skip


def test_openings_are_shown_beside_each_other_and_have_no_margin(tmp_path: Path) -> None:
    home = Home(tmp_path)
    clips = warehouse_rows.fill(home)
    margins = query(publish(home), "from wrong_audio_margin")
    rows = warehouse_rows.score_rows(clips, "cals") + opening_rows(clips, "cals")
    write_part(home, "clip_metrics", rows, dataset=warehouse_rows.DATASET, method="cals")
    with connect(publish(home)) as connection:
        warehouse = WarehouseReader(connection)
        shown = further_metrics(warehouse, warehouse_rows.DATASET)
        failed = failures(warehouse, warehouse_rows.DATASET, [], 0)
    assert [metric.label for metric in shown.columns] == [
        "Opening, audio",
        "Opening, source",
        "Movement in silence",
    ]
    (cals,) = shown.rows
    assert [cell.text for cell in cals.cells] == ["0.81", "0.61", "", "0.11", "", ""]
    assert cals.cells[2].why == "not measured"
    assert cals.cells[4].why == cals.cells[5].why == "no silence of 8 frames or more in the given audio"
    assert not any("silence" in failure.what for failure in failed), "audio without a silence is no failure"
    pd.testing.assert_frame_equal(query(home.database, "from wrong_audio_margin"), margins)
    better = query(
        home.database, "select metric, unit, better from metric_summary where protocol = 'opening'"
    )
    assert dict(better[["metric", "better"]].to_numpy().tolist()) == {
        "opening_audio": "higher", "opening_source": "lower", "silence_movement": "lower",
    }  # fmt: skip
    intervals = query(home.database, "select quantity from bootstrap_intervals where protocol = 'opening'")
    assert set(intervals["quantity"]) == {"mean"}
