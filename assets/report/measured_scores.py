"""Means of clip metrics with their intervals, as ``metric_summary`` has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from assets.report.definitions import MethodDefinitions, MetricDefinition
from assets.report.formatting import format_number
from assets.report.table_cells import Cell, MethodRow, value_cell
from assets.report.warehouse_reader import Row, WarehouseReader

# Of each metric's protocols, the one that the page shows; no metric is measured by both.
SHOWN_PROTOCOLS = ("primary", "lse_crop", "opening")

OF_LOWER_HALF = {"psnr": "psnr_mouth", "ssim": "ssim_mouth"}
"""Metric of the whole crop -> the same of its lower half, which every method generates."""
WHOLE_CROP = "drew the whole crop"

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

    PSNR and SSIM of a method that draws the whole crop are no values to compare: a word says so beside them.

    Args:
        why: printed where the warehouse has no row.
    """
    found = {metric.name: measured.get((method, "own", metric.name)) for metric in columns}
    cells = [value_cell(found[metric.name], metric, why) for metric in columns]
    apart = set(OF_LOWER_HALF) if methods.draws_whole_crop(method) else set()
    for place, metric in enumerate(columns):
        if metric.name in apart and cells[place].text:
            lower = measured.get((method, "own", OF_LOWER_HALF[metric.name]))
            cells[place] = _of_whole_crop(cells[place], lower, metric)
    return MethodRow(
        method=method,
        label=methods.label(method),
        is_control=methods.is_control(method),
        cells=cells,
        values={
            name: row["mean"]
            for name, row in found.items()
            if row is not None and row["mean"] is not None and name not in apart
        },
        note=methods.note(method),
    )


def _of_whole_crop(cell: Cell, lower: Row | None, metric: MetricDefinition) -> Cell:
    """The cell with the word that it is of a crop that was drawn as a whole, and the value of its lower half."""
    value = lower["mean"] if lower is not None else None
    beside = "" if value is None else f"; lower half {format_number(value, metric.decimals)}"
    return replace(cell, why="; ".join(part for part in (f"{WHOLE_CROP}{beside}", cell.why) if part))
