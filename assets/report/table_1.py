"""Table 1 of the page: the ablation, measured and published, and what each of its steps adds on the same clips."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from assets.report.cells import (
    HEADLINE_METRICS,
    Cell,
    Group,
    MethodRow,
    difference_cell,
    measured_row,
    method_labels,
    metrics,
    summary,
    with_best_marked,
)
from assets.report.comparisons import differences
from assets.report.missing_values import why_no_score
from assets.report.rows import Row, Rows
from assets.report.wording import number, signed

CORPUS = "lrs2"
STEPS = ("wav2lip", "a2l", "a2l_dav", "cals")


def table_1(rows: Rows, dataset: str, methods: Collection[str]) -> list[Group]:
    """The four rows as measured, each with its figures or why it has none, then the paper's.

    Args:
        methods: those of the dataset, as in ``cals.yaml``.
    """
    better = {name: metric.better for name, metric in metrics(rows).items()}
    measured, known, published = summary(rows, dataset), method_labels(rows), _published(rows)
    ours = [
        replace(
            measured_row(
                step, measured, known, HEADLINE_METRICS, why=why_no_score(rows, dataset, step, methods)
            ),
            label=step_label(step, published, known),
        )
        for step in STEPS
    ]
    theirs = [
        MethodRow(
            method=step,
            label=step_label(step, published, known),
            is_control=False,
            cells=[Cell(text=number(published[step][metric])) for metric in HEADLINE_METRICS],
            values={metric: published[step][metric] for metric in HEADLINE_METRICS},
        )
        for step in STEPS
    ]
    return [
        Group(
            title=title, source=source, corpus=corpus, rows=with_best_marked(table, HEADLINE_METRICS, better)
        )
        for title, source, corpus, table in (
            (f"Measured here on {dataset}", "measured", dataset, ours),
            (f"Published on {CORPUS.upper()}", "published", CORPUS, theirs),
        )
    ]


def steps_table(rows: Rows, dataset: str) -> list[MethodRow]:
    """Each step minus the one before it, and the last minus the first, on the clips that both have."""
    known, published = method_labels(rows), _published(rows)
    pairs = [*zip(STEPS[1:], STEPS, strict=False), (STEPS[-1], STEPS[0])]
    table = []
    for later, earlier in pairs:
        found = differences(rows, dataset, later)
        missing = [step for step in (later, earlier) if not _is_scored(rows, dataset, step)]
        why = f"needs {' and '.join(missing)}" if missing else "no clip has both"
        cells = [
            replace(
                difference_cell(found.get((earlier, metric)), metric, why),
                published=signed(published[later][metric] - published[earlier][metric]),
            )
            for metric in HEADLINE_METRICS
        ]
        label = f"{step_label(later, published, known)}, less {step_label(earlier, published, known)}"
        table.append(MethodRow(method=later, label=label, is_control=False, cells=cells))
    return table


def step_label(step: str, published: Mapping[str, Row], known: Mapping[str, Row]) -> str:
    """What the table prints: the paper's name of the step, with the method's own name at either end."""
    label = str(published[step]["label"])
    return f"{label} ({known[step]['label']})" if step in (STEPS[0], STEPS[-1]) else label


def _published(rows: Rows) -> dict[str, Row]:
    found = rows.ask(
        "select method, label, psnr, ssim, lmd, lse_d, lse_c from table_1 "
        "where source = 'published' and corpus = ?",
        [CORPUS],
    )
    return {row["method"]: row for row in found}


def _is_scored(rows: Rows, dataset: str, method: str) -> bool:
    return bool(
        rows.ask("select 1 from clip_metrics where dataset = ? and method = ? limit 1", [dataset, method])
    )
