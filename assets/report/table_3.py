"""Table 3 of the page: measured scores of a dataset beside the paper's."""

from __future__ import annotations

from assets.report.definitions import method_definitions, metric_definitions
from assets.report.headline_table import headline_columns, measured_group, published_group, published_row
from assets.report.measured_scores import measured_scores, own_audio_row
from assets.report.table_cells import Group
from assets.report.warehouse_reader import WarehouseReader

CORPORA = ("lrs2", "lrw", "hdtf")


def table_3(warehouse: WarehouseReader, dataset: str) -> list[Group]:
    """Measured rows first, then the paper's, the corpus most like the dataset first."""
    metrics, methods = metric_definitions(warehouse), method_definitions(warehouse)
    measured = measured_scores(warehouse, dataset)
    rows = [
        own_audio_row(method, measured, methods, headline_columns(metrics))
        for method in methods.in_order(method for method, _, _ in measured)
    ]
    groups = [measured_group(rows, metrics, dataset)] if rows else []
    nearest = nearest_corpus(dataset)
    corpora = sorted(CORPORA, key=lambda corpus: (corpus != nearest, CORPORA.index(corpus)))
    return groups + [published_scores(warehouse, corpus) for corpus in corpora]


def nearest_corpus(dataset: str) -> str:
    """The paper's corpus that a dataset's name contains; LRS2, the paper's main one, for any other."""
    return next((corpus for corpus in CORPORA if corpus in dataset.lower()), CORPORA[0])


def published_scores(warehouse: WarehouseReader, corpus: str) -> Group:
    """The paper's rows on one of its corpora."""
    metrics, methods = metric_definitions(warehouse), method_definitions(warehouse)
    found = warehouse.rows(
        "select method, psnr, ssim, lmd, lse_d, lse_c from table_3 where source = 'published' and corpus = ?",
        [corpus],
    )
    rows = [published_row(row, methods.published_label(row["method"]), methods) for row in found]
    return published_group(rows, metrics, corpus)


def lse_evaluators(warehouse: WarehouseReader, dataset: str) -> list[str]:
    """Networks behind the dataset's LSE-D and LSE-C."""
    found = warehouse.rows(
        "select distinct evaluator from clip_metrics where dataset = ? and protocol = 'lse_crop' "
        "and evaluator is not null order by evaluator",
        [dataset],
    )
    return [row["evaluator"] for row in found]
