"""Table 2, agreement and screening against values worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from assets.mos.agreement import krippendorff_alpha
from assets.mos.ratings import Journal
from assets.mos.screening import screen_raters
from assets.mos.study import Study, StudyError, StudyVideo
from assets.mos.summary import half_width, summarise, summarise_study, summary_text
from assets.project.home import Home
from tests.assets.mos.mos_studies import DATASET, Rule, answer_all, make_study

PAIR = ("ground_truth", "cals")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def by_method(ground_truth: int, cals: int) -> Rule:
    return lambda video, scale: ground_truth if video.method == "ground_truth" else cals


def test_means_and_intervals_equal_a_hand_computation(home: Home) -> None:
    study = make_study(home, num_clips=2, methods=PAIR)
    journal = Journal(study)
    for rule in (by_method(5, 3), by_method(5, 4), by_method(4, 2)):
        answer_all(journal, rule)
    summary = summarise(study, journal.raters())
    scores = {(score.method, score.scale): score for score in summary.scores}
    cals = scores["cals", "realness"]
    # ratings 3 3 4 4 2 2: mean 3, squared deviations 0 0 1 1 1 1, so s^2 = 4 / 5; t(0.975, 5) = 2.570582
    assert cals.mean == pytest.approx(3.0) and (cals.num_ratings, cals.num_raters) == (6, 3)
    assert cals.half_width == pytest.approx(2.570582 * math.sqrt(0.8 / 6), rel=1e-6)
    # raters' means 3 4 2: s = 1; t(0.975, 2) = 4.302653
    assert cals.half_width_raters == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)
    truth = scores["ground_truth", "lip_sync_quality"]
    # ratings 5 5 5 5 4 4: mean 14 / 3, s^2 = (4 / 9 + 8 / 9) / 5
    assert truth.mean == pytest.approx(14 / 3)
    assert truth.half_width == pytest.approx(2.570582 * math.sqrt(12 / 9 / 5 / 6), rel=1e-6)
    assert summary_text(summary).splitlines()[4].split()[:5] == ["cals", "3.00", "±", "0.94", "(±"]
    assert summary.as_json()["scores"][0]["method"] == "ground_truth"


def test_half_width_needs_two_values() -> None:
    assert half_width([4.0]) is None
    assert half_width([4.0, 4.0]) == 0


def test_alpha_equals_krippendorffs_own_example() -> None:
    """Four observers, twelve units: Krippendorff (2011), example C to E; ordinal 0.815."""
    observers = (
        (1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None),
        (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3),
        (None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None),
        (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None),
    )
    units = [[value for value in unit if value is not None] for unit in zip(*observers, strict=True)]
    assert krippendorff_alpha(units) == pytest.approx(0.815, abs=5e-4)


def test_alpha_by_hand() -> None:
    # values 1 1 | 1 2: n_1 = 3, n_2 = 1, delta = ((3 + 1) / 2)^2 = 4; observed 2 * 4 / 1, expected 2 * 3 * 4 / 3
    assert krippendorff_alpha([[1, 1], [1, 2]]) == pytest.approx(1 - 8 / 8)
    assert krippendorff_alpha([[1, 1], [5, 5], [3]]) == 1
    assert krippendorff_alpha([[4, 4], [4, 4]]) is None
    assert krippendorff_alpha([[1], [2]]) is None


def varied(video: StudyVideo, scale: str) -> int:
    return {"ground_truth": 5, "copy_reference": 1, "wav2lip": 3, "cals": 4}[video.method]


def screened(study: Study, journal: Journal) -> dict[str, str]:
    return screen_raters(study, journal.raters())


def test_hasty_flat_and_contrary_raters_do_not_count(home: Home) -> None:
    study = make_study(home)
    journal = Journal(study)
    for _ in range(3):
        answer_all(journal, varied)
    answer_all(journal, varied, seconds=0.3)  # the videos last 0.4 s
    answer_all(journal, lambda video, scale: 3)
    answer_all(journal, lambda video, scale: 6 - varied(video, scale))
    answer_all(journal, varied, seconds=None)  # the server was started again meanwhile: nothing is known
    found = screened(study, journal)
    assert {name: reason.split(":")[0] for name, reason in found.items()} == {
        "rater_004": "hasty",
        "rater_005": "flat",
        "rater_006": "contrary",
    }
    assert "correlation -1.00" in found["rater_006"]
    summary = summarise(study, journal.raters())
    assert [(score.mean, score.num_ratings) for score in summary.scores if score.scale == "realness"] == [
        (5, 12),
        (1, 12),
        (3, 12),
        (4, 12),
    ]
    assert summary.alphas == {"visual_quality": 1, "lip_sync_quality": 1, "realness": 1}
    assert "screened out: rater_005: flat" in summary_text(summary)


def test_few_answers_and_too_few_others_are_not_judged(home: Home) -> None:
    study = make_study(home)
    journal = Journal(study)
    answer_all(journal, lambda video, scale: 3, most=5)
    answer_all(journal, varied)
    answer_all(journal, lambda video, scale: 6 - varied(video, scale))
    assert screened(study, journal) == {}


def test_without_answers_there_is_no_table(home: Home) -> None:
    study = make_study(home)
    Journal(study).add_rater()
    with pytest.raises(StudyError, match="no answer yet"):
        summarise_study(home, DATASET)
