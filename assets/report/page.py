"""The report: one HTML file that holds everything, made of the published warehouse, renders and kept pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from assets.project.atomic_files import write_text
from assets.project.graph import stage_names
from assets.project.home import Home
from assets.report import corpus, lineage, training, wording
from assets.report.bands import MARKS, NUM_COLOURS
from assets.report.cells import HEADLINE_METRICS, method_labels, metrics
from assets.report.clip_charts import clip_charts, margin_charts
from assets.report.comparisons import (
    MOUTH_METRICS,
    difference_table,
    mouth_table,
    perceptual_evaluators,
    perceptual_table,
    sync_control,
)
from assets.report.examples import Example, examples
from assets.report.failures import checked, failures
from assets.report.figure_2 import figure_2
from assets.report.figure_3 import figure_3
from assets.report.findings import findings, headline_sentence
from assets.report.rows import Rows
from assets.report.settings import ReportSettings
from assets.report.table_1 import steps_table, table_1
from assets.report.table_2 import SCALES, opinions
from assets.report.table_3 import evaluators, table_3
from assets.store.warehouse import connect

TEMPLATES = Path(__file__).parent / "templates"


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


def render_report(home: Home, dataset: str, settings: ReportSettings, methods: Collection[str]) -> ReportPage:
    """Writes a dataset's report; publish the warehouse first, since the page shows what is published.

    Args:
        home: its database, renders and the pictures that stages kept are read.
        dataset: name, as in cals.yaml.
        settings: what is shown.
        methods: those of the dataset, as in ``cals.yaml``: others have no figure, and the page says so.

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
        content = _content(home, rows, dataset, settings, methods, shown)
    html = page_template("page.html.j2").render(content)
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


def page_template(name: str) -> jinja2.Template:
    """A template of this folder, with the page's words."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["counted"] = wording.counted
    environment.globals["duration"] = wording.duration
    environment.globals["marks"] = MARKS
    environment.globals["num_colours"] = NUM_COLOURS
    return environment.get_template(name)


def _content(
    home: Home,
    rows: Rows,
    dataset: str,
    settings: ReportSettings,
    methods: Collection[str],
    shown: list[Example],
) -> dict[str, Any]:
    known = method_labels(rows)
    labels = {name: str(row["label"]) for name, row in known.items()}
    headline = settings.headline_method
    found = findings(rows, dataset, headline)
    problems = [example.problem for example in shown if example.problem]
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
        "margin_charts": margin_charts(rows, dataset),
        "sync_rows": sync_control(rows, dataset),
        "perceptual_rows": perceptual_table(rows, dataset),
        "perceptual_evaluators": perceptual_evaluators(rows, dataset),
        "difference_rows": difference_table(rows, dataset, headline, HEADLINE_METRICS),
        "clip_charts": clip_charts(rows, dataset, headline),
        "failures": failures(rows, dataset, problems, len(shown)),
        "checked": checked(rows, dataset),
        "table_1": table_1(rows, dataset, methods),
        "table_1_steps": steps_table(rows, dataset),
        "opinions": opinions(rows, dataset, headline),
        "scales": SCALES,
        "masks": figure_2(home, rows, dataset, methods, headline),
        "windows": figure_3(rows, dataset, methods),
        "sync_figures": training.sync_figures(rows, dataset),
        "curves": training.curves(rows, dataset, labels, settings),
        "warnings": training.warnings(rows, dataset, labels),
        "training_pictures": corpus.pictures(home, dataset, stage_names("models")),
        "splits": corpus.splits(rows, dataset),
        "rejections": corpus.rejections(rows, dataset, settings),
        "offsets": corpus.offsets(rows, dataset),
        "data_pictures": corpus.pictures(home, dataset, stage_names("data")),
        "lineage": lineage.lineage(rows, dataset, labels),
    }
