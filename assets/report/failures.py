"""Failures of the evaluation: clips that were not rendered, scored or shown, counted with their reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from assets.report.definitions import method_definitions, metric_definitions
from assets.report.formatting import format_count
from assets.report.warehouse_reader import Row, WarehouseReader

AUDIO = {"own": "the clip's own audio", "other": "another clip's audio"}
MEASUREMENTS = {"masked_audio": "Figure 2, masked audio", "context_window": "Figure 3, audio windows"}


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One kind of failure of one method.

    Args:
        what: the work that failed.
        method: its label.
        num_failed: times that it failed.
        num_all: times that it was tried.
        why: the most frequent reason.
    """

    what: str
    method: str
    num_failed: int
    num_all: int
    why: str


def failures(
    warehouse: WarehouseReader, dataset: str, shown_problems: Sequence[str], num_shown: int
) -> list[Failure]:
    """All failures of a dataset's evaluation, in order of the stages; rejected clips are counted with the data.

    Args:
        shown_problems: why a chosen clip is not on the page.
        num_shown: clips that were chosen.
    """
    methods = method_definitions(warehouse)
    found = [*_renders(warehouse, dataset), *_scores(warehouse, dataset), *_partial_audio(warehouse, dataset)]
    order = methods.in_order(failure.method for failure in found)
    found.sort(key=lambda failure: order.index(failure.method))
    named = [replace(failure, method=methods.label(failure.method)) for failure in found]
    if shown_problems:
        named.append(
            Failure(
                what="Video on this page",
                method="all",
                num_failed=len(shown_problems),
                num_all=num_shown,
                why=shown_problems[0],
            )
        )
    return named


def _failure(what: str, row: Row) -> Failure:
    """From a row with the columns method, num_failed, num_all and why."""
    return Failure(
        what=what,
        method=row["method"],
        num_failed=row["num_failed"],
        num_all=row["num_all"],
        why=row["why"] or "no reason on record",
    )


def _renders(warehouse: WarehouseReader, dataset: str) -> list[Failure]:
    found = warehouse.rows(
        "select method, audio, count(*) as num_all, count(*) filter (where status <> 'ok') as num_failed, "
        "mode(reason || ': ' || detail) filter (where status <> 'ok') as why "
        "from render_clips where dataset = ? group by method, audio having num_failed > 0 order by audio desc",
        [dataset],
    )
    return [_failure(f"Rendering with {AUDIO[row['audio']]}", row) for row in found]


def _scores(warehouse: WarehouseReader, dataset: str) -> list[Failure]:
    """Missing values, except the ground truth's decibels, which are infinite by definition, and movement in silence: audio
    without any is no failure.
    """
    metrics = metric_definitions(warehouse)
    found = warehouse.rows(
        "select method, audio, protocol, metric, num_clips + num_missing as num_all, "
        "num_missing as num_failed, why_missing as why "
        "from metric_summary where dataset = ? and num_missing > 0 "
        "and not (method = 'ground_truth' and unit = 'dB') and metric <> 'silence_movement' order by audio desc, metric",
        [dataset],
    )
    return [
        _failure(f"{metrics[row['metric']].label} ({row['protocol']}) with {AUDIO[row['audio']]}", row)
        for row in found
    ]


def _partial_audio(warehouse: WarehouseReader, dataset: str) -> list[Failure]:
    found = warehouse.rows(
        "select 'masked_audio' as stage, method, count(*) as num_all, "
        "count(*) filter (where lmd_masked is null) as num_failed, mode(detail) as why "
        "from masked_audio where dataset = $1 group by method having num_failed > 0 union all "
        "select 'context_window', method, count(*), count(*) filter (where lmd is null) as num_failed, mode(detail) "
        "from context_window where dataset = $1 group by method having num_failed > 0",
        [dataset],
    )
    return [_failure(MEASUREMENTS[row["stage"]], row) for row in found]


def checked(warehouse: WarehouseReader, dataset: str) -> str:
    """Number of renders and scores, in words; empty where nothing was rendered or scored."""
    renders = warehouse.row("select count(*) as num from render_clips where dataset = ?", [dataset])["num"]
    scores = warehouse.row(
        "select count(*) as num, count(distinct clip_id) as clips from clip_metrics where dataset = ?",
        [dataset],
    )
    if not renders and not scores["num"]:
        return ""
    num_scores, num_clips = format_count(scores["num"], "score"), format_count(scores["clips"], "test clip")
    return f"{format_count(renders, 'render')} and {num_scores} of {num_clips}"
