"""Means of clip metrics with their intervals, as ``metric_summary`` has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assets.report.definitions import MethodDefinitions, MetricDefinition
from assets.report.table_cells import MethodRow, value_cell
from assets.report.warehouse_reader import Row, WarehouseReader

# Of each metric's protocols, the one that the page shows; no metric is measured by both.
SHOWN_PROTOCOLS = ("primary", "lse_crop", "opening")

Scores = Mapping[tuple[str, str, str], Row]


def measured_scores(
    warehouse: WarehouseReader, dataset: str, protocols: Sequence[str] = SHOWN_PROTOCOLS
) -> dict[tuple[str, str, str], Row]:
    """``metric_summary`` by (method, audio, metric), for the protocols that the page shows or that are given."""
    found = warehouse.rows(
        "select method, audio, protocol, metric, evaluator, mean, low, high, num_clips, num_missing, why_missing "
        "from metric_summary where dataset = ? order by evaluator nulls first",
        [dataset],
    )
    shown = [row for row in found if row["protocol"] in protocols]
    return {(row["method"], row["audio"], row["metric"]): row for row in reversed(shown)}


def own_audio_row(
    method: str,
    measured: Scores,
    methods: MethodDefinitions,
    columns: Sequence[MetricDefinition],
    why: str = "not measured",
) -> MethodRow:
    """A method's means with the clips' own audio.

    Args:
        why: printed where the warehouse has no row.
    """
    found = {metric.name: measured.get((method, "own", metric.name)) for metric in columns}
    return MethodRow(
        method=method,
        label=methods.label(method),
        is_control=methods.is_control(method),
        cells=[value_cell(found[metric.name], metric, why) for metric in columns],
        values={m: row["mean"] for m, row in found.items() if row is not None and row["mean"] is not None},
    )
