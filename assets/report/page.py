"""The report: one HTML file that holds everything, made of the published warehouse, renders and kept pictures."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from assets.home import Home, write_text
from assets.report import corpus, lineage, training, wording
from assets.report.cells import HEADLINE_METRICS, in_order, method_labels, metrics
from assets.report.comparisons import (
    MOUTH_METRICS,
    difference_table,
    margins,
    mouth_table,
    sync_control,
)
from assets.report.examples import Example, examples
from assets.report.figures import Interval, interval_chart, scatter_chart
from assets.report.findings import findings, headline_sentence
from assets.report.rows import Rows
from assets.report.settings import ReportSettings
from assets.report.table_3 import evaluators, table_3
from assets.report.training import Chart
from assets.warehouse import connect

TEMPLATES = Path(__file__).parent / "templates"
BASELINES = ("wav2lip", "copy_reference")


@dataclass(frozen=True, kw_only=True)
class ReportPage:
    """What was written.

    Args:
        path: the HTML file.
        digest: sha256 of its bytes, hex.
        num_bytes: its size.
        num_videos: clips that it plays.
        problems: why a clip that was chosen is not shown, one line each.
    """

    path: Path
    digest: str
    num_bytes: int
    num_videos: int
    problems: tuple[str, ...]


def render_report(home: Home, dataset: str, settings: ReportSettings) -> ReportPage:
    """Writes a dataset's report; publish the warehouse first, since the page shows what is published.

    Args:
        home: its database, renders and the pictures that stages kept are read.
        dataset: name, as in cals.yaml.
        settings: what is shown.

    Raises:
        WarehouseError: there is no published warehouse.
        ValueError: the warehouse holds nothing about the dataset.
    """
    with connect(home.database) as connection:
        rows = Rows(connection)
        if not rows.ask("select 1 from clips where dataset = ? limit 1", [dataset]):
            raise ValueError(
                f"{home.database}: no clip of dataset {dataset!r}; run `cals run --dataset {dataset}`"
            )
        shown = examples(home, rows, dataset, settings)
        html = (
            _environment().get_template("page.html.j2").render(_content(home, rows, dataset, settings, shown))
        )
    path = home.report(dataset)
    write_text(path, html)
    data = html.encode("utf-8")
    return ReportPage(
        path=path,
        digest=hashlib.sha256(data).hexdigest(),
        num_bytes=len(data),
        num_videos=sum(example.video is not None for example in shown),
        problems=tuple(example.problem for example in shown if example.problem),
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["counted"] = wording.counted
    environment.globals["duration"] = wording.duration
    return environment


def _content(
    home: Home, rows: Rows, dataset: str, settings: ReportSettings, shown: list[Example]
) -> dict[str, Any]:
    known = method_labels(rows)
    labels = {name: str(row["label"]) for name, row in known.items()}
    headline = settings.headline_method
    found = findings(rows, dataset, headline)
    return {
        "dataset": dataset,
        "headline": headline,
        "headline_label": labels.get(headline, headline),
        "verdict": headline_sentence(found, labels.get(headline, headline)),
        "findings": found,
        "facts": corpus.facts(rows, dataset),
        "examples": shown,
        "metrics": metrics(rows),
        "headline_metrics": HEADLINE_METRICS,
        "mouth_metrics": MOUTH_METRICS,
        "groups": table_3(rows, dataset),
        "evaluators": evaluators(rows, dataset),
        "mouth_rows": mouth_table(rows, dataset),
        "margin_charts": _margin_charts(rows, dataset, labels),
        "sync_rows": sync_control(rows, dataset),
        "difference_rows": difference_table(rows, dataset, headline, HEADLINE_METRICS),
        "scatters": _scatters(rows, dataset, headline, labels),
        "sync_figures": training.sync_figures(rows, dataset),
        "curves": training.curves(rows, dataset, labels, settings),
        "warnings": training.warnings(rows, dataset, labels),
        "training_pictures": corpus.pictures(home, dataset, corpus.MODEL_STAGES),
        "splits": corpus.splits(rows, dataset),
        "rejections": corpus.rejections(rows, dataset, settings),
        "offsets": corpus.offsets(rows, dataset),
        "data_pictures": corpus.pictures(home, dataset, corpus.DATA_STAGES),
        "lineage": lineage.lineage(rows, dataset, labels),
    }


def _margin_charts(rows: Rows, dataset: str, labels: dict[str, str]) -> list[Chart]:
    """Gain from the right audio with its interval, by method, for the metrics that can show it."""
    gains, definitions, known = margins(rows, dataset), metrics(rows), method_labels(rows)
    charts = []
    for metric in ("lmd", "psnr_mouth", "lse_d"):
        methods = in_order((method for method, name in gains if name == metric), known)
        found = [(method, gains[(method, metric)]) for method in methods]
        drawn = [
            Interval(label=labels.get(method, method), mean=row["margin"], low=row["low"], high=row["high"])
            for method, row in found
            if row["low"] is not None
        ]
        if drawn:
            definition = definitions[metric]
            unit = f", {definition.unit}" if definition.unit else ""
            title = f"{definition.label}: gain from the right sound{unit}"
            charts.append(Chart(title=title, svg=interval_chart(title, drawn, definition.unit)))
    return charts


def _scatters(rows: Rows, dataset: str, headline: str, labels: dict[str, str]) -> list[Chart]:
    """The headline method against a baseline, one dot a clip."""
    definitions = metrics(rows)
    charts = []
    for other in BASELINES:
        for metric in ("lmd", "psnr_mouth"):
            points = rows.ask(
                "select theirs.value as x, ours.value as y from clip_metrics as ours "
                "inner join clip_metrics as theirs using (dataset, clip_id, audio, protocol, metric) "
                "where ours.dataset = ? and ours.method = ? and theirs.method = ? and ours.metric = ? "
                "and ours.audio = 'own' and ours.protocol = 'primary' "
                "and ours.value is not null and theirs.value is not null order by ours.clip_id",
                [dataset, headline, other, metric],
            )
            if not points:
                continue
            ours, theirs = labels.get(headline, headline), labels.get(other, other)
            definition = definitions[metric]
            title = f"{definition.label}, {definition.unit}"
            svg = scatter_chart(
                title,
                [(row["x"], row["y"]) for row in points],
                x_name=theirs,
                y_name=ours,
                lower_is_better=definition.better == "lower",
            )
            charts.append(Chart(title=title, svg=svg))
        if charts:
            break
    return charts
