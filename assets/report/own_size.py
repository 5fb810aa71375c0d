"""Metrics of large crops at their own size: the tables of the paper compare crops at 128 px."""

from __future__ import annotations

from dataclasses import dataclass

from assets.report.audio_comparison import own_and_other_rows
from assets.report.definitions import MetricDefinition, method_definitions, metric_definitions
from assets.report.measured_scores import measured_scores
from assets.report.table_cells import MethodRow
from assets.report.warehouse_reader import WarehouseReader

PREFIX = "crop_"
"""Of the protocols, which end in the side of the crops in pixels."""


@dataclass(frozen=True, kw_only=True)
class OwnSize:
    """The table of one protocol.

    Args:
        protocol: such as ``crop_256``.
        crop_px: side of the crops.
        columns: the metrics, two columns each: the clip's own and another clip's audio.
        rows: one a method.
    """

    protocol: str
    crop_px: int
    columns: list[MetricDefinition]
    rows: list[MethodRow]


def own_sizes(warehouse: WarehouseReader, dataset: str) -> list[OwnSize]:
    """One table for each size of crops above 128 px that was scored; usually none, or one."""
    found = warehouse.rows(
        "select distinct protocol from metric_summary where dataset = ? and starts_with(protocol, ?) order by protocol",
        [dataset, PREFIX],
    )
    return [_table(warehouse, dataset, row["protocol"]) for row in found]


def _table(warehouse: WarehouseReader, dataset: str, protocol: str) -> OwnSize:
    measured = measured_scores(warehouse, dataset, (protocol,))
    names = {metric for _, _, metric in measured}
    columns = [metric for name, metric in metric_definitions(warehouse).items() if name in names]
    return OwnSize(
        protocol=protocol,
        crop_px=int(protocol.removeprefix(PREFIX)),
        columns=columns,
        rows=own_and_other_rows(measured, {}, method_definitions(warehouse), columns),
    )
