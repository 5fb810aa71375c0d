"""Table 2: mean opinion scores with intervals, and how far they can be trusted.

The interval of a mean is ``t(0.975, n - 1) s / sqrt(n)`` over the n ratings that count, as tables of mean opinion
scores have it; ratings of one rater resemble each other, so it holds for these raters. The second interval is over the
raters' own means (n raters); it holds for raters at large and is usually wider.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from assets.mos.agreement import krippendorff_alpha
from assets.mos.part import rating_rows
from assets.mos.ratings import Journal, Rater
from assets.mos.scales import SCALE_NAMES, SCALES
from assets.mos.screening import screen_raters
from assets.mos.study import DEFAULT_NAME, Study, StudyError, find_studies, load_study
from assets.project.home import Home

INTERVAL = (
    "mean +- t(0.975, n - 1) s / sqrt(n); half_width over ratings, half_width_raters over the raters' means"
)


@dataclass(frozen=True, kw_only=True)
class Score:
    """One cell of Table 2, from 1 (worst) to 5 (best).

    Args:
        half_width: half of the 95 % interval over ratings; None with fewer than two.
        half_width_raters: half of the 95 % interval over raters' means; None with fewer than two raters.
    """

    method: str
    scale: str
    mean: float
    half_width: float | None
    half_width_raters: float | None
    num_ratings: int
    num_raters: int


@dataclass(frozen=True, kw_only=True)
class RaterRow:
    """What a rater did; ``screened_out`` says why the ratings do not count, empty if they do."""

    rater: str
    num_videos: int
    finished: bool
    screened_out: str


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Table 2 of one study.

    Args:
        scores: a row a method and scale that has ratings, in the study's order.
        alphas: scale -> Krippendorff's alpha (ordinal) of the raters who count over the videos; None where undefined.
    """

    dataset: str
    study: str
    num_clips: int
    raters: tuple[RaterRow, ...]
    scores: tuple[Score, ...]
    alphas: dict[str, float | None]

    def as_json(self) -> dict[str, Any]:
        return {"format": 1, "interval": INTERVAL, **asdict(self)}


def half_width(values: Sequence[float]) -> float | None:
    """Half of the 95 % t interval of a mean; None with fewer than two values."""
    from scipy import stats

    if len(values) < 2:
        return None
    spread = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return float(stats.t.ppf(0.975, len(values) - 1)) * spread


def find_study(home: Home, dataset: str, name: str | None) -> Study:
    """The study of that name; without one the only study, or the default one.

    Raises:
        StudyError: there is none.
    """
    studies = find_studies(home, dataset)
    if name is None and len(studies) == 1:
        return studies[0]
    return load_study(home, dataset, name or DEFAULT_NAME)


def summarise(study: Study, raters: Sequence[Rater]) -> Summary:
    """Table 2 of the answers so far.

    Raises:
        StudyError: nobody has answered yet.
    """
    rows = rating_rows(study, raters)
    if not rows:
        raise StudyError(f"{study.answers_path}: no answer yet; raters answer at the page of cals mos serve")
    counted = [row for row in rows if not row["screened_out"]]
    screened = screen_raters(study, raters)
    return Summary(
        dataset=study.dataset,
        study=study.name,
        num_clips=len(study.clip_ids),
        raters=tuple(
            RaterRow(
                rater=rater.name,
                num_videos=len(rater.answers),
                finished=len(rater.answers) == len(study.videos),
                screened_out=screened.get(rater.name, ""),
            )
            for rater in raters
        ),
        scores=tuple(_scores(study, counted)),
        alphas={scale: _alpha(counted, scale) for scale in SCALE_NAMES},
    )


def summarise_study(home: Home, dataset: str, name: str | None = None) -> Summary:
    """Table 2 of a study in the home."""
    study = find_study(home, dataset, name)
    return summarise(study, Journal(study).raters())


def _scores(study: Study, rows: list[dict[str, Any]]) -> list[Score]:
    by_cell: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        by_cell[row["method"], row["scale"]][row["rater"]].append(row["rating"])
    scores = []
    for method in study.methods:
        for scale in SCALE_NAMES:
            by_rater = by_cell.get((method, scale))
            if by_rater:
                ratings = [rating for some in by_rater.values() for rating in some]
                means = [float(np.mean(some)) for some in by_rater.values()]
                scores.append(
                    Score(
                        method=method,
                        scale=scale,
                        mean=float(np.mean(ratings)),
                        half_width=half_width(ratings),
                        half_width_raters=half_width(means),
                        num_ratings=len(ratings),
                        num_raters=len(means),
                    )
                )
    return scores


def _alpha(rows: list[dict[str, Any]], scale: str) -> float | None:
    units: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in rows:
        if row["scale"] == scale:
            units[row["method"], row["clip_id"]].append(row["rating"])
    return krippendorff_alpha(units.values())


def summary_text(summary: Summary) -> str:
    """The summary as lines for a terminal."""
    screened = [rater for rater in summary.raters if rater.screened_out]
    begun = [rater for rater in summary.raters if rater.num_videos]
    lines = [
        f"Table 2, {summary.dataset}, study {summary.study}: {len(begun)} raters "
        f"({sum(rater.finished for rater in begun)} finished, {len(screened)} screened out), {summary.num_clips} clips",
        "",
        f"{'method':<16}" + "".join(f"{scale.label:<26}" for scale in SCALES) + "ratings",
    ]
    cells = {(score.method, score.scale): score for score in summary.scores}
    for method in dict.fromkeys(score.method for score in summary.scores):
        row = [cells[method, scale] for scale in SCALE_NAMES]
        lines.append(
            f"{method:<16}" + "".join(f"{_cell(score):<26}" for score in row) + str(row[0].num_ratings)
        )
    agreed = ", ".join(f"{scale.label} {_number(summary.alphas[scale.name])}" for scale in SCALES)
    lines += [
        "",
        "scores from 1 (worst) to 5 (best); 95 % intervals (t) over ratings, in brackets over raters' means",
        f"agreement (Krippendorff's alpha, ordinal; 1 full, 0 chance): {agreed}",
    ]
    lines += [f"screened out: {rater.rater}: {rater.screened_out}" for rater in screened]
    return "\n".join(lines)


def _cell(score: Score) -> str:
    return f"{score.mean:.2f} ± {_number(score.half_width)} (± {_number(score.half_width_raters)})"


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.2f}"
