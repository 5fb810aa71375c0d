"""Table 2 of the page: mean opinion scores of human raters, measured beside the paper's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assets.report.cells import (
    Cell,
    Group,
    MethodRow,
    difference_cell,
    in_order,
    label_of,
    method_labels,
    metrics,
    with_best_marked,
)
from assets.report.paired import difference
from assets.report.rows import Row, Rows
from assets.report.wording import counted, interval, number

SCALES = ("visual_quality", "lip_sync_quality", "realness")
NO_RATING = "no rating yet"


@dataclass(frozen=True, kw_only=True)
class Opinions:
    """What the section shows.

    Args:
        groups: measured (empty without a rating), then published.
        pairs: the headline method minus each other one, on the same clips.
        study: who rated what, in words; empty without a rating.
    """

    groups: list[Group]
    pairs: list[MethodRow]
    study: str


def opinions(rows: Rows, dataset: str, headline: str) -> Opinions:
    """Table 2 of a dataset, over all of its studies; ratings of raters who were screened out do not count."""
    measured, published = _means(rows, "measured", dataset), _means(rows, "published", None)
    return Opinions(
        groups=[
            _group(rows, measured or [_nobody(rows, headline)], f"Measured here on {dataset}", dataset),
            _group(rows, published, "Published", ""),
        ],
        pairs=_pairs(rows, dataset, headline),
        study=_study(rows, dataset) if measured else "",
    )


def _means(rows: Rows, source: str, dataset: str | None) -> list[Row]:
    return rows.ask(
        "select method, label, num_ratings, visual_quality, visual_quality_half_width, lip_sync_quality, "
        "lip_sync_quality_half_width, realness, realness_half_width from table_2 "
        "where source = ? and dataset is not distinct from ?",
        [source, dataset],
    )


def _nobody(rows: Rows, headline: str) -> Row:
    label = label_of(method_labels(rows), headline)
    empty = dict.fromkeys(name for scale in SCALES for name in (scale, f"{scale}_half_width"))
    return {"method": headline, "label": label, "num_ratings": 0, **empty}


def _group(rows: Rows, found: list[Row], title: str, corpus: str) -> Group:
    better = {name: metric.better for name, metric in metrics(rows).items()}
    controls = {name for name, row in method_labels(rows).items() if row["is_control"]}
    table = [
        MethodRow(
            method=row["method"],
            label="CALS (paper)" if row["method"] == "cals" and not corpus else row["label"],
            is_control=row["method"] in controls,
            cells=[*(_score(row, scale, is_measured=bool(corpus)) for scale in SCALES), _answers(row)],
            values={scale: row[scale] for scale in SCALES if row[scale] is not None},
        )
        for row in found
    ]
    source = "measured" if corpus else "published"
    return Group(title=title, source=source, corpus=corpus, rows=with_best_marked(table, SCALES, better))


def _score(row: Row, scale: str, *, is_measured: bool) -> Cell:
    mean, half = row[scale], row[f"{scale}_half_width"]
    if mean is None:
        return Cell(why=NO_RATING)
    decimals = 2 if is_measured else 3
    shown = interval(mean - half, mean + half, decimals) if half is not None else ""
    return Cell(text=number(mean, decimals), interval=shown, why="" if shown else "one rating: no interval")


def _answers(row: Row) -> Cell:
    return Cell(why="not at hand") if row["num_ratings"] is None else Cell(text=f"{row['num_ratings']:,}")


def _pairs(rows: Rows, dataset: str, headline: str) -> list[MethodRow]:
    """A clip's value is the mean of its raters' answers, so that each clip counts once."""
    found = rows.ask(
        "select method, scale, clip_id, avg(rating) as rating from mos_ratings "
        "where dataset = ? and rating is not null and not coalesce(screened_out, false) "
        "group by method, scale, clip_id",
        [dataset],
    )
    by_series: dict[tuple[str, str], dict[str, float]] = {}
    for row in found:
        by_series.setdefault((row["method"], row["scale"]), {})[row["clip_id"]] = row["rating"]
    labels = method_labels(rows)
    others = [m for m in in_order((method for method, _ in by_series), labels) if m != headline]
    if headline not in {method for method, _ in by_series}:
        return []
    return [_pair_row(by_series, labels, headline, other) for other in others]


def _pair_row(
    by_series: Mapping[tuple[str, str], Mapping[str, float]],
    labels: Mapping[str, Row],
    headline: str,
    other: str,
) -> MethodRow:
    return MethodRow(
        method=other,
        label=label_of(labels, other),
        is_control=other in labels and labels[other]["is_control"],
        cells=[
            difference_cell(
                difference(
                    by_series.get((headline, scale), {}), by_series.get((other, scale), {}), better="higher"
                ),
                scale,
            )
            for scale in SCALES
        ],
    )


def _study(rows: Rows, dataset: str) -> str:
    counts = rows.one(
        "select count(distinct study) as studies, count(distinct (study, rater)) as raters, "
        "count(distinct (study, rater)) filter (where screened_out) as screened, "
        "count(distinct clip_id) as clips from mos_ratings where dataset = ?",
        [dataset],
    )
    return (
        f"{counted(counts['raters'], 'rater')}, {counts['screened']} of them screened out and not counted, "
        f"on {counted(counts['clips'], 'test clip')} in {counted(counts['studies'], 'study', 'studies')}"
    )
