"""What failed on the way to the figures: clips that were not rendered, scored or shown, counted with their reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from assets.report.cells import in_order, label_of, method_labels, metrics
from assets.report.rows import Row, Rows
from assets.report.wording import counted

SOUNDS = {"own": "the clip's own sound", "other": "another clip's sound"}
FIGURES = {"masked_audio": "Figure 2, masked sound", "context_window": "Figure 3, windows of sound"}


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One kind of failure of one method.

    Args:
        what: the work that failed.
        method: whose.
        num_failed: how often.
        num_all: of how many.
        why: the most frequent reason.
    """

    what: str
    method: str
    num_failed: int
    num_all: int
    why: str


def failures(rows: Rows, dataset: str, shown_problems: Sequence[str], num_shown: int) -> list[Failure]:
    """All failures of a dataset's evaluation, in order of the stages; rejected clips are counted with the data.

    Args:
        shown_problems: why a chosen clip is not on the page.
        num_shown: clips that were chosen.
    """
    labels = method_labels(rows)
    found = [*_renders(rows, dataset), *_scores(rows, dataset), *_partial_hearing(rows, dataset)]
    order = in_order((failure.method for failure in found), labels)
    found.sort(key=lambda failure: order.index(failure.method))
    named = [replace(failure, method=label_of(labels, failure.method)) for failure in found]
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
    """Of a row with the columns method, num_failed, num_all and why."""
    return Failure(
        what=what,
        method=row["method"],
        num_failed=row["num_failed"],
        num_all=row["num_all"],
        why=row["why"] or "no reason on record",
    )


def _renders(rows: Rows, dataset: str) -> list[Failure]:
    found = rows.ask(
        "select method, audio, count(*) as num_all, count(*) filter (where status <> 'ok') as num_failed, "
        "mode(reason || ': ' || detail) filter (where status <> 'ok') as why "
        "from render_clips where dataset = ? group by method, audio having num_failed > 0 order by audio desc",
        [dataset],
    )
    return [_failure(f"Rendering with {SOUNDS[row['audio']]}", row) for row in found]


def _scores(rows: Rows, dataset: str) -> list[Failure]:
    """Values that are missing; the ground truth has no PSNR by definition."""
    definitions = metrics(rows)
    found = rows.ask(
        "select method, audio, protocol, metric, num_clips + num_missing as num_all, "
        "num_missing as num_failed, why_missing as why "
        "from metric_summary where dataset = ? and num_missing > 0 "
        "and not (method = 'ground_truth' and metric in ('psnr', 'psnr_mouth')) order by audio desc, metric",
        [dataset],
    )
    return [
        _failure(f"{definitions[row['metric']].label} ({row['protocol']}) with {SOUNDS[row['audio']]}", row)
        for row in found
    ]


def _partial_hearing(rows: Rows, dataset: str) -> list[Failure]:
    found = rows.ask(
        "select 'masked_audio' as figure, method, count(*) as num_all, "
        "count(*) filter (where lmd_masked is null) as num_failed, mode(detail) as why "
        "from masked_audio where dataset = $1 group by method having num_failed > 0 union all "
        "select 'context_window', method, count(*), count(*) filter (where lmd is null) as num_failed, mode(detail) "
        "from context_window where dataset = $1 group by method having num_failed > 0",
        [dataset],
    )
    return [_failure(FIGURES[row["figure"]], row) for row in found]


def checked(rows: Rows, dataset: str) -> str:
    """How much there was that could fail, in words; empty where nothing was rendered or scored."""
    renders = rows.one("select count(*) as num from render_clips where dataset = ?", [dataset])["num"]
    figures = rows.one(
        "select count(*) as num, count(distinct clip_id) as clips from clip_metrics where dataset = ?",
        [dataset],
    )
    if not renders and not figures["num"]:
        return ""
    return f"{counted(renders, 'render')} and {counted(figures['num'], 'figure')} of {counted(figures['clips'], 'test clip')}"
