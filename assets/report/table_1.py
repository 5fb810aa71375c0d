"""Table 1 of the page: the ablation, measured and published, and what each of its steps adds on the same clips."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from itertools import pairwise

from assets.report.definitions import MethodDefinitions, method_definitions, metric_definitions
from assets.report.formatting import format_signed
from assets.report.headline_table import (
    HEADLINE_METRICS,
    headline_columns,
    measured_group,
    published_group,
    published_row,
)
from assets.report.measured_scores import measured_scores, own_audio_row
from assets.report.method_differences import differences
from assets.report.missing_values import why_no_score
from assets.report.table_cells import Group, MethodRow, difference_cell
from assets.report.warehouse_reader import Row, WarehouseReader

CORPUS = "lrs2"


def table_1(warehouse: WarehouseReader, dataset: str, dataset_methods: Collection[str]) -> list[Group]:
    """The paper's rows as measured, each with its values or why it has none, then as published.

    Methods that a dataset opted into, of which it has scores, stand below the measured rows: they are no steps.

    Args:
        dataset_methods: those of the dataset, as in ``cals.yaml``.
    """
    metrics, methods = metric_definitions(warehouse), method_definitions(warehouse)
    measured, published = measured_scores(warehouse, dataset), _published(warehouse, methods)
    labels = _step_labels(published, methods)
    ours = []
    for step, label in labels.items():
        why = why_no_score(warehouse, dataset, step, dataset_methods)
        row = own_audio_row(step, measured, methods, headline_columns(metrics), why)
        ours.append(replace(row, label=label))
    others = [method for method, _, _ in measured if methods.is_optional(method)]
    ours += [
        own_audio_row(method, measured, methods, headline_columns(metrics))
        for method in methods.in_order(others)
    ]
    theirs = [published_row(row, labels[step], methods) for step, row in published.items()]
    return [measured_group(ours, metrics, dataset), published_group(theirs, metrics, CORPUS)]


def steps_table(warehouse: WarehouseReader, dataset: str) -> list[MethodRow]:
    """Each step minus the one before it, and the last minus the first, on the clips that both have."""
    metrics, methods = metric_definitions(warehouse), method_definitions(warehouse)
    published = _published(warehouse, methods)
    labels = _step_labels(published, methods)
    steps = list(published)
    table = []
    for earlier, later in [*pairwise(steps), (steps[0], steps[-1])]:
        found = differences(warehouse, dataset, later)
        missing = [step for step in (later, earlier) if not _is_scored(warehouse, dataset, step)]
        why = f"needs {' and '.join(missing)}" if missing else "no clip has both"
        cells = [
            replace(
                difference_cell(found.get((earlier, name)), metrics[name], why),
                published=format_signed(published[later][name] - published[earlier][name]),
            )
            for name in HEADLINE_METRICS
        ]
        label = f"{labels[later]}, minus {labels[earlier]}"
        table.append(MethodRow(method=later, label=label, is_control=False, cells=cells))
    return table


def _step_labels(published: Mapping[str, Row], methods: MethodDefinitions) -> dict[str, str]:
    """The paper's name of each step, with the method's own name at either end."""
    steps = list(published)
    return {
        step: f"{row['label']} ({methods.label(step)})"
        if step in (steps[0], steps[-1])
        else str(row["label"])
        for step, row in published.items()
    }


def _published(warehouse: WarehouseReader, methods: MethodDefinitions) -> dict[str, Row]:
    """The paper's rows by method, in the order of the steps."""
    found = warehouse.rows(
        "select method, label, psnr, ssim, lmd, lse_d, lse_c from table_1 "
        "where source = 'published' and corpus = ?",
        [CORPUS],
    )
    by_method = {row["method"]: row for row in found}
    return {method: by_method[method] for method in methods.in_order(by_method)}


def _is_scored(warehouse: WarehouseReader, dataset: str, method: str) -> bool:
    return bool(
        warehouse.rows(
            "select 1 from clip_metrics where dataset = ? and method = ? limit 1", [dataset, method]
        )
    )
