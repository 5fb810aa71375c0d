"""Table 3 of the page: measured figures of a dataset beside the paper's."""

from __future__ import annotations

from collections.abc import Mapping

from assets.report.cells import (
    HEADLINE_METRICS,
    Cell,
    Group,
    MethodRow,
    in_order,
    measured_row,
    method_labels,
    metrics,
    summary,
    with_best_marked,
)
from assets.report.rows import Rows
from assets.report.wording import number

CORPORA = ("lrs2", "lrw", "hdtf")


def table_3(rows: Rows, dataset: str) -> list[Group]:
    """Measured rows first, then the paper's, the corpus most like the dataset first."""
    labels, definitions = method_labels(rows), metrics(rows)
    better = {name: metric.better for name, metric in definitions.items()}
    measured = summary(rows, dataset)
    methods = in_order((method for method, _, _ in measured), labels)
    groups = []
    if methods:
        table = [measured_row(method, measured, labels, HEADLINE_METRICS) for method in methods]
        marked = with_best_marked(table, HEADLINE_METRICS, better)
        groups.append(
            Group(title=f"Measured here on {dataset}", source="measured", corpus=dataset, rows=marked)
        )
    nearest = nearest_corpus(dataset)
    for corpus in sorted(CORPORA, key=lambda c: (c != nearest, CORPORA.index(c))):
        groups.append(published_group(rows, corpus, better))
    return groups


def nearest_corpus(dataset: str) -> str:
    """The paper's corpus that a dataset's name speaks of; LRS2, the paper's main one, for any other."""
    return next((corpus for corpus in CORPORA if corpus in dataset.lower()), CORPORA[0])


def published_group(rows: Rows, corpus: str, better: Mapping[str, str]) -> Group:
    """The paper's rows on one of its corpora.

    Args:
        better: metric -> ``higher`` or ``lower``.
    """
    found = rows.ask(
        "select method, label, psnr, ssim, lmd, lse_d, lse_c from table_3 "
        "where source = 'published' and corpus = ?",
        [corpus],
    )
    table = [
        MethodRow(
            method=row["method"],
            label="CALS (paper)" if row["method"] == "cals" else row["label"],
            is_control=row["method"] == "ground_truth",
            cells=[
                Cell(text=number(row[m]))
                if row[m] is not None
                else Cell(why="not defined (N/A in the paper)")
                for m in HEADLINE_METRICS
            ],
            values={m: row[m] for m in HEADLINE_METRICS if row[m] is not None},
        )
        for row in found
    ]
    marked = with_best_marked(table, HEADLINE_METRICS, better)
    return Group(title=f"Published on {corpus.upper()}", source="published", corpus=corpus, rows=marked)


def evaluators(rows: Rows, dataset: str) -> list[str]:
    """Networks behind the dataset's LSE figures."""
    found = rows.ask(
        "select distinct evaluator from clip_metrics where dataset = ? and protocol = 'lse_crop' "
        "and evaluator is not null order by evaluator",
        [dataset],
    )
    return [row["evaluator"] for row in found]
