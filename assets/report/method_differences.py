"""The headline method minus each other one on the same clips, as ``method_differences`` has it."""

from __future__ import annotations

from collections.abc import Sequence

from assets.report.definitions import method_definitions, metric_definitions
from assets.report.measured_scores import OF_LOWER_HALF, SHOWN_PROTOCOLS
from assets.report.table_cells import Cell, MethodRow, difference_cell
from assets.report.warehouse_reader import Row, WarehouseReader


def differences(warehouse: WarehouseReader, dataset: str, headline: str) -> dict[tuple[str, str], Row]:
    """``method_differences`` of the headline method by (other method, metric)."""
    found = warehouse.rows(
        "select other_method, metric, protocol, mean_difference, low, high, p_value, num_clips, is_better "
        "from method_differences where dataset = ? and method = ?",
        [dataset, headline],
    )
    return {(row["other_method"], row["metric"]): row for row in found if row["protocol"] in SHOWN_PROTOCOLS}


def difference_table(
    warehouse: WarehouseReader, dataset: str, headline: str, columns: Sequence[str]
) -> list[MethodRow]:
    """Headline method minus each other one on the same clips; the ground truth is left out.

    Args:
        columns: names of metrics.
    """
    metrics, methods = metric_definitions(warehouse), method_definitions(warehouse)
    found = differences(warehouse, dataset, headline)
    others = [name for name in methods.in_order(other for other, _ in found) if name != "ground_truth"]

    def cell(other: str, name: str) -> Cell:
        apart = methods.draws_whole_crop(other) != methods.draws_whole_crop(headline)
        if apart and name in OF_LOWER_HALF and not methods.is_control(other):
            return Cell(why="one of the two drew the whole crop: compare the lower half")
        return difference_cell(found.get((other, name)), metrics[name])

    return [
        MethodRow(
            method=other,
            label=methods.label(other),
            is_control=methods.is_control(other),
            cells=[cell(other, name) for name in columns],
        )
        for other in others
    ]
