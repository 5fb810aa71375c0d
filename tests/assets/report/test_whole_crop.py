"""A method that draws the whole crop: its PSNR and SSIM are printed with a word, and never ranked with the others'."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assets.project.home import Home
from assets.report.audio_comparison import own_and_other_rows
from assets.report.definitions import method_definitions, metric_definitions
from assets.report.headline_table import HEADLINE_METRICS
from assets.report.measured_scores import measured_scores
from assets.report.method_differences import difference_table
from assets.report.missing_values import why_not_measured, without_units
from assets.report.page import page_template
from assets.report.table_1 import table_1
from assets.report.table_3 import table_3
from assets.report.warehouse_reader import Row, WarehouseReader
from assets.store.table_parts import write_part
from assets.store.warehouse import connect, publish
from tests.support.toy_method import with_toy

LEVELS = {"copy_reference": 20.0, "wav2lip": 30.0, "cals": 31.0, "toy": 40.0}


def scores(method: str) -> list[Row]:
    return [
        {
            "dataset": "d", "method": method, "clip_id": f"d/test/{clip}", "audio": "own", "metric": metric,
            "protocol": "lse_crop" if metric.startswith("lse") else "primary", "evaluator": "e",
            "value": LEVELS[method] + 0.1 * clip - (9.0 if metric.endswith("_mouth") else 0.0),
        }
        for metric in (*HEADLINE_METRICS, "psnr_mouth", "ssim_mouth")
        for clip in range(8)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarehouseReader]:
    home = Home(tmp_path_factory.mktemp("home"))
    with with_toy():
        for method in LEVELS:
            write_part(home, "clip_metrics", scores(method), dataset="d", method=method)
        yield WarehouseReader(connect(publish(home)))


def test_a_word_and_the_lower_half_stand_beside_values_of_the_whole_crop(warehouse: WarehouseReader) -> None:
    rows = {row.method: row for row in table_3(warehouse, "d")[0].rows}
    assert list(rows) == ["copy_reference", "wav2lip", "cals", "toy"]
    psnr, ssim, lmd, *_ = rows["toy"].cells
    assert (psnr.text, psnr.why) == ("40.35", "drew the whole crop; lower half 31.35")
    assert (ssim.text, ssim.why) == ("40.350", "drew the whole crop; lower half 31.350")
    assert lmd.why == rows["cals"].cells[0].why == ""
    assert rows["toy"].note == "it is a toy" and rows["cals"].note == ""


def test_they_are_not_ranked(warehouse: WarehouseReader) -> None:
    rows = {row.method: row for row in table_3(warehouse, "d")[0].rows}
    best = {method: [cell.is_best for cell in row.cells] for method, row in rows.items()}
    assert best == {
        "copy_reference": [False] * 5,
        "wav2lip": [False, False, True, True, False],  # LMD and LSE-D: lower is better
        "cals": [True, True, False, False, False],
        "toy": [False, False, False, False, True],
    }


def test_a_method_that_was_opted_into_stands_below_the_steps_of_table_1(warehouse: WarehouseReader) -> None:
    ours, theirs = table_1(warehouse, "d", ("wav2lip", "cals", "toy"))
    assert [row.method for row in ours.rows] == ["wav2lip", "a2l", "a2l_dav", "cals", "toy"]
    assert "toy" not in [row.method for row in theirs.rows]
    found = warehouse.rows("select method, draws, differs from table_1 where corpus = 'd' order by method")
    assert [tuple(row.values()) for row in found] == [
        ("cals", "lower_half", None), ("toy", "whole_crop", "it is a toy"), ("wav2lip", "lower_half", None),
    ]  # fmt: skip


def test_paired_differences_leave_them_out(warehouse: WarehouseReader) -> None:
    rows = {row.method: row for row in difference_table(warehouse, "d", "cals", HEADLINE_METRICS)}
    assert [bool(cell.text) for cell in rows["toy"].cells] == [False, False, True, True, True]
    assert rows["toy"].cells[0].why == "one of the two drew the whole crop: compare the lower half"
    assert all(cell.text for cell in rows["wav2lip"].cells)


def test_so_it_does_in_tables_of_other_protocols(warehouse: WarehouseReader) -> None:
    metrics, methods = metric_definitions(warehouse), method_definitions(warehouse)
    measured = measured_scores(warehouse, "d")
    rows = own_and_other_rows(measured, {}, methods, [metrics["psnr"], metrics["lmd"]])
    words = {row.method: [cell.why for cell in row.cells] for row in rows}
    assert words["toy"] == ["drew the whole crop", "not measured", "", "not measured"]
    assert words["cals"] == ["", "not measured", "", "not measured"]


def test_charts_of_single_frames_say_whom_they_leave_out(warehouse: WarehouseReader) -> None:
    assert without_units(("ground_truth", "cals")) == ""
    text = "Not measured: Toy generates whole clips, and no single frames from a part of the audio."
    assert without_units(("ground_truth", "cals", "toy")) == text
    assert why_not_measured(warehouse, "d", "masked_audio", ("ground_truth", "toy")) == text
    assert why_not_measured(warehouse, "d", "masked_audio", ("cals", "toy")) == (
        "Not measured yet: run the stage masked_audio."
    )


def test_the_page_prints_what_differs(warehouse: WarehouseReader) -> None:
    text = '{% from "macros.html.j2" import group_rows with context %}{{ group_rows(group, 5, "cals") }}'
    template = page_template("macros.html.j2").environment.from_string(text)
    html = template.render(group=table_3(warehouse, "d")[0], headline="cals")
    assert '<th scope="row">Toy<span class="row-note">it is a toy</span></th>' in html
    assert '<th scope="row">CALS</th>' in html
    assert html.count("drew the whole crop") == 2
