"""Metrics that no other table of the page has: every further row of ``metric_definitions`` that was measured."""

from __future__ import annotations

from dataclasses import dataclass

from assets.mos.scales import SCALE_NAMES
from assets.report.audio_comparison import MOUTH_METRICS, own_and_other_rows
from assets.report.definitions import MetricDefinition, method_definitions, metric_definitions
from assets.report.headline_table import HEADLINE_METRICS
from assets.report.measured_scores import SHOWN_PROTOCOLS, measured_scores
from assets.report.table_cells import MethodRow
from assets.report.warehouse_reader import WarehouseReader

IN_OTHER_TABLES = {*HEADLINE_METRICS, *MOUTH_METRICS, *SCALE_NAMES}


@dataclass(frozen=True, kw_only=True)
class FurtherMetrics:
    """What the section shows.

    Args:
        columns: the metrics, two columns each: the clip's own and another clip's audio.
        rows: one a method; empty where none of the metrics was measured.
        evaluators: networks and weights that the scores depend on.
    """

    columns: list[MetricDefinition]
    rows: list[MethodRow]
    evaluators: list[str]


def further_metrics(warehouse: WarehouseReader, dataset: str) -> FurtherMetrics:
    """Openings, LPIPS and FID, and whatever else ``metric_definitions`` names, as far as it was measured."""
    found = warehouse.rows(
        "select method, audio, metric, value, detail from set_metrics where dataset = ?", [dataset]
    )
    of_sets = {(row["method"], row["audio"], row["metric"]): row for row in found}
    measured = measured_scores(warehouse, dataset)
    scored = {metric for _, _, metric in (*measured, *of_sets)} - IN_OTHER_TABLES
    columns = [metric for name, metric in metric_definitions(warehouse).items() if name in scored]
    return FurtherMetrics(
        columns=columns,
        rows=own_and_other_rows(measured, of_sets, method_definitions(warehouse), columns),
        evaluators=_evaluators(warehouse, dataset, [metric.name for metric in columns]),
    )


def _evaluators(warehouse: WarehouseReader, dataset: str, names: list[str]) -> list[str]:
    found = warehouse.rows(
        "select evaluator from clip_metrics where dataset = $1 and list_contains($2, metric) "
        "and list_contains($3, protocol) and evaluator is not null union "
        "select evaluator from set_metrics where dataset = $1 order by evaluator",
        [dataset, names, list(SHOWN_PROTOCOLS)],
    )
    return [row["evaluator"] for row in found]
