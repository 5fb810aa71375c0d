"""Table 2 of the page: opinion scores against a hand computation; without a rating it says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from assets.mos.scales import SCALE_NAMES
from assets.mos.summary import half_width
from assets.project.home import Home
from assets.report.table_2 import opinion_scores
from assets.report.warehouse_reader import WarehouseReader
from assets.store.table_parts import write_part
from assets.store.warehouse import connect, publish

NUM_CLIPS, RATERS = 9, 4


def rating(method: str, clip: int, rater: int) -> int:
    return {"ground_truth": 4, "wav2lip": 2, "cals": 3}[method] + (clip + rater) % 2


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    rows = [
        {
            "study": "s", "rater": f"r{rater}", "dataset": "d", "method": method, "clip_id": f"c{clip}",
            "scale": scale, "rating": 1 if rater == RATERS else rating(method, clip, rater),
            "screened_out": rater == RATERS,
        }
        for method in ("cals", "wav2lip", "ground_truth")
        for rater in range(RATERS + 1)
        for clip in range(NUM_CLIPS)
        for scale in SCALE_NAMES[:2]
    ]  # fmt: skip
    write_part(home, "mos_ratings", rows, dataset="d")
    return home


def test_means_and_intervals_are_those_of_a_hand_computation_and_of_the_summary(home: Home) -> None:
    with connect(publish(home)) as connection:
        shown = opinion_scores(WarehouseReader(connection), "d", "cals")
    ours, theirs = shown.groups
    assert [row.method for row in ours.rows] == ["ground_truth", "wav2lip", "cals"]
    for row in ours.rows:
        given = [rating(row.method, clip, rater) for clip in range(NUM_CLIPS) for rater in range(RATERS)]
        half = stats.t.ppf(0.975, len(given) - 1) * np.std(given, ddof=1) / np.sqrt(len(given))
        assert half == pytest.approx(half_width(given))
        for cell in row.cells[:2]:
            assert cell.text == f"{np.mean(given):.2f}"
            assert cell.interval == f"{np.mean(given) - half:.2f} to {np.mean(given) + half:.2f}"
            assert cell.is_best == (row.method == "cals")
        assert row.cells[2].why == "no rating yet" and row.cells[3].text == "72"
    assert theirs.rows[-1].label == "CALS (paper)" and theirs.rows[-1].cells[2].text == "3.940"
    assert theirs.rows[-1].cells[2].interval == "3.859 to 4.021" and theirs.rows[-1].cells[2].is_best
    assert shown.study == "5 raters, 1 of them screened out and not counted, on 9 test clips in 1 study"


def test_pairs_are_over_clips_and_few_clips_prove_nothing(home: Home) -> None:
    with connect(publish(home)) as connection:
        truth, wav2lip = opinion_scores(WarehouseReader(connection), "d", "cals").pairs
    assert (truth.method, wav2lip.method) == ("ground_truth", "wav2lip")
    assert [cell.text for cell in wav2lip.cells[:2]] == ["+1.00", "+1.00"]
    assert {cell.verdict for cell in wav2lip.cells[:2]} == {"better"}
    p_value = float(wav2lip.cells[0].p_value.removeprefix("p = "))
    assert p_value == pytest.approx(2 / 2**NUM_CLIPS, abs=0.003)
    assert {cell.verdict for cell in truth.cells[:2]} == {"worse"} and wav2lip.cells[
        2
    ].why == "no clip has both"
    few = [
        {
            "study": "s",
            "rater": "r",
            "dataset": "d",
            "method": m,
            "clip_id": c,
            "scale": "realness",
            "rating": r,
        }
        for c in ("a", "b", "c")
        for m, r in (("cals", 4), ("wav2lip", 2))
    ]
    write_part(home, "mos_ratings", few, dataset="d")
    with connect(publish(home)) as connection:
        cell = opinion_scores(WarehouseReader(connection), "d", "cals").pairs[0].cells[2]
    assert (
        cell.text == "+2.00"
        and cell.verdict == "too few clips to tell"
        and cell.p_value.startswith("p = 0.2")
    )


def test_without_a_rating_the_table_says_so_and_shows_the_papers(tmp_path: Path) -> None:
    with connect(publish(Home(tmp_path))) as connection:
        shown = opinion_scores(WarehouseReader(connection), "d", "cals")
    assert (shown.study, shown.pairs) == ("", [])
    assert [cell.why for cell in shown.groups[0].rows[0].cells[:3]] == ["no rating yet"] * 3
    assert len(shown.groups[1].rows) == 6
