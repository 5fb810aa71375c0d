"""Rows of the paper's Tables 1 and 3: the same five metrics, measured and published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assets.report.definitions import MethodDefinitions, MetricDefinition
from assets.report.formatting import format_number
from assets.report.table_cells import Cell, Group, MethodRow, with_best_marked
from assets.report.warehouse_reader import Row

# Columns of the views table_1 and table_3.
HEADLINE_METRICS = ("psnr", "ssim", "lmd", "lse_d", "lse_c")


def headline_columns(metrics: Mapping[str, MetricDefinition]) -> list[MetricDefinition]:
    return [metrics[name] for name in HEADLINE_METRICS]


def headline_group(
    rows: Sequence[MethodRow],
    metrics: Mapping[str, MetricDefinition],
    *,
    title: str,
    source: str,
    corpus: str,
) -> Group:
    """Rows under one title, the best value of each column marked.

    Args:
        source: ``measured`` or ``published``.
        corpus: a dataset's name, or one of the paper's corpora.
    """
    better = {name: metric.better for name, metric in metrics.items()}
    marked = with_best_marked(rows, HEADLINE_METRICS, better)
    return Group(title=title, source=source, corpus=corpus, rows=marked)


def measured_group(rows: Sequence[MethodRow], metrics: Mapping[str, MetricDefinition], dataset: str) -> Group:
    title = f"Measured here on {dataset}"
    return headline_group(rows, metrics, title=title, source="measured", corpus=dataset)


def published_group(rows: Sequence[MethodRow], metrics: Mapping[str, MetricDefinition], corpus: str) -> Group:
    title = f"Published on {corpus.upper()}"
    return headline_group(rows, metrics, title=title, source="published", corpus=corpus)


def published_row(row: Row, label: str, methods: MethodDefinitions) -> MethodRow:
    """A row of the paper.

    Args:
        row: method and the five metrics, as in ``table_1`` and ``table_3``; null where the paper prints N/A.
    """
    return MethodRow(
        method=row["method"],
        label=label,
        is_control=methods.is_control(row["method"]),
        cells=[_published_cell(row[name]) for name in HEADLINE_METRICS],
        values={name: row[name] for name in HEADLINE_METRICS if row[name] is not None},
    )


def _published_cell(value: float | None) -> Cell:
    return Cell(why="not defined (N/A in the paper)") if value is None else Cell(text=format_number(value))
