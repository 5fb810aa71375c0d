"""A difference as one self-contained HTML page, with the curves of both sides drawn over each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from assets.report import formatting
from assets.report.labels import curve_label
from assets.report.page import TEMPLATES as REPORT_TEMPLATES
from assets.report.svg_charts import Chart, Interval, Line, interval_chart, line_chart, thinned
from pipelines.diff.difference import Difference

TEMPLATES = Path(__file__).parent / "templates"
MOST_POINTS = 160
MAIN_METRIC = "loss"
HEADLINE = ("primary", "lse_crop")


@dataclass(frozen=True, kw_only=True)
class ModelCurves:
    """Charts of one pair of models; the loss and what was validated come first."""

    title: str
    main: list[Chart]
    more: list[Chart]


def difference_page(found: Difference) -> str:
    """The whole page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([TEMPLATES, REPORT_TEMPLATES]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("format_count", "format_number", "format_signed", "format_interval", "format_p_value"):
        environment.globals[name] = getattr(formatting, name)
    return environment.get_template("difference.html.j2").render(
        found=found,
        metrics=_ordered([row for row in found.metrics if row["audio"] == "own"]),
        other_metrics=_ordered([row for row in found.metrics if row["audio"] != "own"]),
        intervals=interval_charts(found.metrics),
        curves=curve_charts(found.curves),
    )


def _ordered(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (row["label"], row["protocol"] not in HEADLINE))


def interval_charts(metrics: Sequence[dict[str, Any]]) -> list[Chart]:
    """One chart a metric of the paper's protocols and own audio: b minus a of every pair that has an interval."""
    by_metric: dict[str, list[Interval]] = {}
    for row in metrics:
        if row["audio"] == "own" and row["protocol"] in HEADLINE and row["low"] is not None:
            mean, low, high = row["mean_difference"], row["low"], row["high"]
            name = " -> ".join(part.rpartition("/")[2] for part in row["label"].split(" -> "))
            by_metric.setdefault(row["metric"], []).append(
                Interval(label=name, mean=mean, low=low, high=high)
            )
    return [
        Chart(title=metric, svg=interval_chart(f"b minus a: {metric}", rows, ""))
        for metric, rows in by_metric.items()
    ]


def curve_charts(curves: Sequence[dict[str, Any]]) -> list[ModelCurves]:
    """The curves of each pair of models; a chart has both sides, training thin, validation bold."""
    models: dict[str, dict[str, list[Line]]] = {}
    validated: set[tuple[str, str]] = set()
    for curve in curves:
        for side in ("a", "b"):
            points = thinned(curve[side], MOST_POINTS)
            if points:
                name = f"{side}, {'validation' if curve['split'] == 'val' else 'training'}"
                line = Line(name=name, split=f"{side} {curve['split']}", points=points)
                models.setdefault(curve["label"], {}).setdefault(curve["metric"], []).append(line)
        if curve["split"] == "val":
            validated.add((curve["label"], curve["metric"]))
    found = []
    for label, metrics in models.items():
        main: list[Chart] = []
        more: list[Chart] = []
        for metric in sorted(metrics, key=lambda name: (name != MAIN_METRIC, name)):
            chart = Chart(title=curve_label(metric), svg=line_chart(f"{label}: {metric}", metrics[metric]))
            (main if metric == MAIN_METRIC or (label, metric) in validated else more).append(chart)
        found.append(ModelCurves(title=label, main=main, more=more))
    return found
