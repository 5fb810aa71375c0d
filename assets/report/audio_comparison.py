"""Scores with the clip's own audio beside those with another clip's: does the mouth follow the audio?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from assets.report.definitions import (
    MethodDefinitions,
    MetricDefinition,
    method_definitions,
    metric_definitions,
)
from assets.report.formatting import format_interval, format_number, format_signed
from assets.report.measured_scores import (
    OF_LOWER_HALF,
    SHOWN_PROTOCOLS,
    WHOLE_CROP,
    Scores,
    measured_scores,
    own_audio_row,
)
from assets.report.table_cells import Cell, MethodRow, value_cell, with_best_marked
from assets.report.warehouse_reader import Row, WarehouseReader

MOUTH_METRICS = ("psnr_mouth", "ssim_mouth", "lmd")
SYNC_METRICS = ("lse_d", "lse_c")
AUDIO = ("own", "other")


def margins(warehouse: WarehouseReader, dataset: str) -> dict[tuple[str, str], Row]:
    """``wrong_audio_margin`` by (method, metric)."""
    found = warehouse.rows(
        "select method, metric, protocol, own_mean, other_mean, margin, low, high, p_value, is_better, num_clips "
        "from wrong_audio_margin where dataset = ?",
        [dataset],
    )
    return {(row["method"], row["metric"]): row for row in found if row["protocol"] in SHOWN_PROTOCOLS}


def mouth_table(warehouse: WarehouseReader, dataset: str) -> list[MethodRow]:
    """For each method and mouth metric: own audio, another clip's audio, and the gain from the right one."""
    metrics, methods = metric_definitions(warehouse), method_definitions(warehouse)
    mouth = [metrics[name] for name in MOUTH_METRICS]
    measured, gains = measured_scores(warehouse, dataset), margins(warehouse, dataset)
    table = []
    for method in methods.in_order(method for method, _, _ in measured):
        row = own_audio_row(method, measured, methods, mouth)
        cells: list[Cell] = []
        for metric, own in zip(mouth, row.cells, strict=True):
            scores = measured.get((method, "other", metric.name))
            other = value_cell(scores, metric, "not rendered with other audio")
            cells += [own, replace(other, interval=""), margin_cell(gains.get((method, metric.name)), metric)]
        table.append(replace(row, cells=cells, values={f"{m}:own": v for m, v in row.values.items()}))
    better = {f"{m.name}:{column}": m.better for m in mouth for column in (*AUDIO, "margin")}
    return with_best_marked(table, list(better), better)


def margin_cell(gain: Row | None, metric: MetricDefinition) -> Cell:
    """A row of ``wrong_audio_margin`` with its interval, and whether the gain is shown."""
    if gain is None:
        return Cell(why="needs both")
    low, high = gain["low"], gain["high"]
    verdict = "" if low is None else {True: "clear", False: "worse", None: "none"}[gain["is_better"]]
    if low == high == 0:
        return Cell(text=format_number(0, metric.decimals), why="the same frames", verdict="none")
    return Cell(
        text=format_signed(gain["margin"], metric.decimals),
        interval=format_interval(low, high, metric.decimals, with_sign=True),
        verdict=verdict,
    )


def sync_table(warehouse: WarehouseReader, dataset: str) -> list[MethodRow]:
    """LSE-D and LSE-C with the clip's own and with another clip's audio, for every method."""
    metrics, methods = metric_definitions(warehouse), method_definitions(warehouse)
    measured = measured_scores(warehouse, dataset)
    return own_and_other_rows(measured, {}, methods, [metrics[name] for name in SYNC_METRICS])


def own_and_other_rows(
    measured: Scores, of_sets: Scores, methods: MethodDefinitions, columns: Sequence[MetricDefinition]
) -> list[MethodRow]:
    """Each method that has any of the metrics; for each metric a cell with own and one with other audio.

    Args:
        measured: means over clips, by (method, audio, metric).
        of_sets: rows of ``set_metrics``, by the same key.
    """

    def cell(method: str, audio: str, metric: MetricDefinition) -> Cell:
        key = (method, audio, metric.name)
        found = _set_cell(of_sets[key], metric) if key in of_sets else value_cell(measured.get(key), metric)
        apart = metric.name in OF_LOWER_HALF and methods.draws_whole_crop(method) and found.text
        return replace(found, why=found.why or WHOLE_CROP) if apart else found

    names = {metric.name for metric in columns}
    scored = {method for method, _, name in (*measured, *of_sets) if name in names}
    return [
        MethodRow(
            method=method,
            label=methods.label(method),
            is_control=methods.is_control(method),
            cells=[cell(method, audio, metric) for metric in columns for audio in AUDIO],
        )
        for method in methods.in_order(scored)
    ]


def _set_cell(row: Row, metric: MetricDefinition) -> Cell:
    """A score of a whole set of frames: it has no interval over clips."""
    if row["value"] is None:
        return Cell(why=row["detail"])
    return Cell(text=format_number(row["value"], metric.decimals))
