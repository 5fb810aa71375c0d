"""Table 2 of the page: mean opinion scores of human raters, measured beside the paper's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assets.mos.scales import SCALE_NAMES
from assets.report.definitions import (
    MethodDefinitions,
    MetricDefinition,
    method_definitions,
    metric_definitions,
)
from assets.report.formatting import format_count, format_interval, format_number
from assets.report.paired_difference import difference
from assets.report.table_cells import Cell, Group, MethodRow, difference_cell, with_best_marked
from assets.report.warehouse_reader import Row, WarehouseReader

NO_RATING = "no rating yet"
PUBLISHED_DECIMALS = 3
Ratings = Mapping[tuple[str, str], Mapping[str, float]]


@dataclass(frozen=True, kw_only=True)
class OpinionScores:
    """What the section shows.

    Args:
        groups: measured (empty without a rating), then published.
        pairs: the headline method minus each other one, on the same clips.
        study: who rated what, in words; empty without a rating.
    """

    groups: list[Group]
    pairs: list[MethodRow]
    study: str


def opinion_scores(warehouse: WarehouseReader, dataset: str, headline: str) -> OpinionScores:
    """Table 2 of a dataset, over all of its studies; ratings of raters who were screened out do not count."""
    measured, published = _means(warehouse, "measured", dataset), _means(warehouse, "published", None)
    title = f"Measured here on {dataset}"
    return OpinionScores(
        groups=[
            _group(warehouse, measured or [_unrated(headline)], title, dataset),
            _group(warehouse, published, "Published", ""),
        ],
        pairs=_pairs(warehouse, dataset, headline),
        study=_study(warehouse, dataset) if measured else "",
    )


def _means(warehouse: WarehouseReader, source: str, dataset: str | None) -> list[Row]:
    return warehouse.rows(
        "select method, num_ratings, visual_quality, visual_quality_half_width, lip_sync_quality, "
        "lip_sync_quality_half_width, realness, realness_half_width from table_2 "
        "where source = ? and dataset is not distinct from ?",
        [source, dataset],
    )


def _unrated(method: str) -> Row:
    empty = dict.fromkeys(name for scale in SCALE_NAMES for name in (scale, f"{scale}_half_width"))
    return {"method": method, "num_ratings": 0, **empty}


def _group(warehouse: WarehouseReader, found: list[Row], title: str, dataset: str) -> Group:
    """A group of measured rows, or of the paper's where ``dataset`` is empty."""
    metrics, methods = metric_definitions(warehouse), method_definitions(warehouse)
    table = []
    for row in found:
        method = row["method"]
        scores = [_score(row, metrics[scale], is_measured=bool(dataset)) for scale in SCALE_NAMES]
        table.append(
            MethodRow(
                method=method,
                label=methods.label(method) if dataset else methods.published_label(method),
                is_control=methods.is_control(method),
                cells=[*scores, _num_ratings(row)],
                values={scale: row[scale] for scale in SCALE_NAMES if row[scale] is not None},
            )
        )
    marked = with_best_marked(table, SCALE_NAMES, {name: metric.better for name, metric in metrics.items()})
    return Group(title=title, source="measured" if dataset else "published", corpus=dataset, rows=marked)


def _score(row: Row, scale: MetricDefinition, *, is_measured: bool) -> Cell:
    mean, half = row[scale.name], row[f"{scale.name}_half_width"]
    if mean is None:
        return Cell(why=NO_RATING)
    decimals = scale.decimals if is_measured else PUBLISHED_DECIMALS
    shown = format_interval(mean - half, mean + half, decimals) if half is not None else ""
    why = "" if shown else "one rating: no interval"
    return Cell(text=format_number(mean, decimals), interval=shown, why=why)


def _num_ratings(row: Row) -> Cell:
    return Cell(why="not published") if row["num_ratings"] is None else Cell(text=f"{row['num_ratings']:,}")


def _pairs(warehouse: WarehouseReader, dataset: str, headline: str) -> list[MethodRow]:
    """A clip's value is the mean of its raters' answers, so that each clip counts once."""
    found = warehouse.rows(
        "select method, scale, clip_id, avg(rating) as rating from mos_ratings "
        "where dataset = ? and rating is not null and not coalesce(screened_out, false) "
        "group by method, scale, clip_id",
        [dataset],
    )
    ratings: dict[tuple[str, str], dict[str, float]] = {}
    for row in found:
        ratings.setdefault((row["method"], row["scale"]), {})[row["clip_id"]] = row["rating"]
    metrics, methods = metric_definitions(warehouse), method_definitions(warehouse)
    rated = methods.in_order(method for method, _ in ratings)
    if headline not in rated:
        return []
    scales = [metrics[name] for name in SCALE_NAMES]
    return [_pair_row(ratings, methods, scales, headline, other) for other in rated if other != headline]


def _pair_row(
    ratings: Ratings, methods: MethodDefinitions, scales: list[MetricDefinition], headline: str, other: str
) -> MethodRow:
    cells = []
    for scale in scales:
        ours, theirs = ratings.get((headline, scale.name), {}), ratings.get((other, scale.name), {})
        cells.append(difference_cell(difference(ours, theirs, better=scale.better), scale))
    return MethodRow(
        method=other, label=methods.label(other), is_control=methods.is_control(other), cells=cells
    )


def _study(warehouse: WarehouseReader, dataset: str) -> str:
    counts = warehouse.row(
        "select count(distinct study) as studies, count(distinct (study, rater)) as raters, "
        "count(distinct (study, rater)) filter (where screened_out) as screened, "
        "count(distinct clip_id) as clips from mos_ratings where dataset = ?",
        [dataset],
    )
    return (
        f"{format_count(counts['raters'], 'rater')}, {counts['screened']} of them screened out and not counted, "
        f"on {format_count(counts['clips'], 'test clip')} in {format_count(counts['studies'], 'study', 'studies')}"
    )
