"""Table 1 of the page against means and differences computed by hand; rows that are missing say why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assets.project.home import Home
from assets.report.headline_table import HEADLINE_METRICS
from assets.report.table_1 import steps_table, table_1
from assets.report.warehouse_reader import Row, WarehouseReader
from assets.store.table_parts import write_part
from assets.store.warehouse import connect, publish

STEPS = ("wav2lip", "a2l", "a2l_dav", "cals")
METHODS = ("ground_truth", *STEPS)
LEVELS = {"wav2lip": 0.0, "a2l": 1.0, "a2l_dav": 1.5, "cals": 1.2}
NUM_CLIPS = 12


def value(method: str, metric: str, clip: int) -> float:
    """Every step is a level; LMD and LSE-D fall where the others rise. Clip 0 of a2l has no LMD."""
    sign = -1 if metric in ("lmd", "lse_d") else 1
    return 10 + sign * LEVELS[method] + 0.1 * clip + 0.01 * ((clip * 7) % 5) * LEVELS[method]


def scores(method: str) -> list[Row]:
    return [
        {
            "dataset": "d", "method": method, "clip_id": f"d/test/{clip}", "audio": "own", "metric": metric,
            "protocol": "lse_crop" if metric.startswith("lse") else "primary", "evaluator": "e",
            "value": None if (method, metric, clip) == ("a2l", "lmd", 0) else value(method, metric, clip),
            "detail": "no face found" if (method, metric, clip) == ("a2l", "lmd", 0) else None,
        }
        for metric in HEADLINE_METRICS
        for clip in range(NUM_CLIPS)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> WarehouseReader:
    home = Home(tmp_path_factory.mktemp("home"))
    for method in STEPS:
        write_part(home, "clip_metrics", scores(method), dataset="d", method=method)
    return WarehouseReader(connect(publish(home)))


def test_means_are_beside_the_papers_and_the_best_of_each_group_is_marked(warehouse: WarehouseReader) -> None:
    ours, theirs = table_1(warehouse, "d", METHODS)
    labels = ["baseline (Wav2Lip)", "+ A2L", "+ d_av", "+ d_vv (CALS)"]
    assert [row.label for row in ours.rows] == [row.label for row in theirs.rows] == labels
    for row in ours.rows:
        for metric, cell in zip(HEADLINE_METRICS, row.cells, strict=True):
            clips = range(1 if (row.method, metric) == ("a2l", "lmd") else 0, NUM_CLIPS)
            mean = np.mean([value(row.method, metric, clip) for clip in clips])
            assert float(cell.text) == pytest.approx(mean, abs=0.00501 if metric == "psnr" else 0.000501)
            low, high = map(float, cell.interval.split(" to "))
            assert low < mean < high
            assert cell.is_best == (row.method == "a2l_dav")
    assert ours.rows[1].cells[2].why == "1 clip missing"
    assert [cell.text for cell in theirs.rows[3].cells] == ["32.603", "0.876", "1.056", "5.337", "9.225"]
    best = [[cell.is_best for cell in row.cells] for row in theirs.rows]
    assert best == [
        [False] * 5,
        [False] * 5,
        [False, False, False, True, True],
        [True, True, True, False, False],
    ]


def test_each_step_is_paired_with_the_one_before_and_the_last_with_the_first(
    warehouse: WarehouseReader,
) -> None:
    pairs = [("a2l", "wav2lip"), ("a2l_dav", "a2l"), ("cals", "a2l_dav"), ("cals", "wav2lip")]
    verdicts = []
    for (later, earlier), row in zip(pairs, steps_table(warehouse, "d"), strict=True):
        for metric, cell in zip(HEADLINE_METRICS, row.cells, strict=True):
            clips = range(1 if metric == "lmd" and "a2l" in (later, earlier) else 0, NUM_CLIPS)
            mean = np.mean([value(later, metric, clip) - value(earlier, metric, clip) for clip in clips])
            shown = float(cell.text.replace("\N{MINUS SIGN}", "-"))
            assert shown == pytest.approx(mean, abs=0.006 if metric == "psnr" else 0.0006)
            text = cell.p_value
            p_value = 0.0005 if text == "p < 0.001" else float(text.removeprefix("p = "))
            assert p_value == pytest.approx(2 / 2 ** len(clips), abs=0.002)
        verdicts.append({cell.verdict for cell in row.cells})
    assert verdicts == [{"better"}, {"better"}, {"worse"}, {"better"}]
    first = steps_table(warehouse, "d")[0]
    assert [cell.published for cell in first.cells] == [
        "+1.237", "+0.029", "\N{MINUS SIGN}0.208", "\N{MINUS SIGN}0.272", "+0.349"
    ]  # fmt: skip


def test_a_method_without_scores_says_why(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write_part(home, "clip_metrics", scores("wav2lip"), dataset="d", method="wav2lip")
    model = {"dataset": "d", "asset": "generator", "method": "cals"}
    write_part(home, "models", [model], dataset="d", method="cals")
    with connect(publish(home)) as connection:
        warehouse = WarehouseReader(connection)
        ours, _ = table_1(warehouse, "d", ("wav2lip", "a2l_dav", "cals"))
        steps = steps_table(warehouse, "d")
    assert [row.why for row in ours.rows] == [
        "",
        "method a2l is not among the dataset's methods",
        "not trained yet: run the stage generator",
        "not rendered yet: run the stage renders",
    ]
    assert not any(cell.is_best for row in ours.rows for cell in row.cells)
    assert [row.why for row in steps] == [
        "needs a2l",
        "needs a2l_dav and a2l",
        "needs cals and a2l_dav",
        "needs cals",
    ]
    assert all(cell.published for row in steps for cell in row.cells)
