"""The report: one self-contained HTML file from the published warehouse, renders and kept previews."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from assets.mos.scales import SCALE_NAMES
from assets.project.atomic_files import write_text
from assets.project.graph import stage_names
from assets.project.home import Home
from assets.report import dataset_summary, formatting, lineage, training
from assets.report.audio_comparison import MOUTH_METRICS, SYNC_METRICS, mouth_table, sync_table
from assets.report.band_chart import MARKS, NUM_COLOURS
from assets.report.clip_charts import clip_charts, margin_charts
from assets.report.definitions import method_definitions, metric_definitions
from assets.report.examples import Example, examples
from assets.report.failures import checked, failures
from assets.report.figure_2 import figure_2
from assets.report.figure_3 import figure_3
from assets.report.findings import findings, headline_sentence
from assets.report.further_metrics import further_metrics
from assets.report.headline_table import HEADLINE_METRICS
from assets.report.method_differences import difference_table
from assets.report.missing_values import without_units
from assets.report.own_size import own_sizes
from assets.report.settings import ReportSettings
from assets.report.table_1 import steps_table, table_1
from assets.report.table_2 import opinion_scores
from assets.report.table_3 import lse_evaluators, table_3
from assets.report.warehouse_reader import WarehouseReader
from assets.store.warehouse import connect
from cals_models.references import project_folder

TEMPLATES = project_folder("assets/report/templates")


@dataclass(frozen=True, kw_only=True)
class ReportPage:
    """A written report.

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


def render_report(
    home: Home, dataset: str, settings: ReportSettings, dataset_methods: Collection[str]
) -> ReportPage:
    """Writes a dataset's report; publish the warehouse first, since the page shows what is published.

    Args:
        home: holds the database, renders and the previews that stages kept.
        dataset: name, as in cals.yaml.
        settings: what is shown.
        dataset_methods: those of the dataset, as in ``cals.yaml``; the page says why others have no score.

    Raises:
        WarehouseError: there is no published warehouse.
        ValueError: the warehouse holds nothing about the dataset.
    """
    with connect(home.database) as connection:
        warehouse = WarehouseReader(connection)
        if not warehouse.rows("select 1 from clips where dataset = ? limit 1", [dataset]):
            raise ValueError(
                f"{home.database}: no clip of dataset {dataset!r}; run `cals run --dataset {dataset}`"
            )
        shown = examples(home, warehouse, dataset, settings)
        content = _content(home, warehouse, dataset, settings, dataset_methods, shown)
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
    """A template of this folder, with the formats and marks that templates use."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["format_count"] = formatting.format_count
    environment.globals["format_duration"] = formatting.format_duration
    environment.globals["marks"] = MARKS
    environment.globals["num_colours"] = NUM_COLOURS
    return environment.get_template(name)


def _content(
    home: Home,
    warehouse: WarehouseReader,
    dataset: str,
    settings: ReportSettings,
    dataset_methods: Collection[str],
    shown: list[Example],
) -> dict[str, Any]:
    methods, headline = method_definitions(warehouse), settings.headline_method
    found = findings(warehouse, dataset, headline)
    problems = [example.problem for example in shown if example.problem]
    return {
        "dataset": dataset,
        "headline": headline,
        "headline_label": methods.label(headline),
        "verdict": headline_sentence(found, methods.label(headline)),
        "findings": found,
        "facts": dataset_summary.facts(warehouse, dataset),
        "examples": shown,
        "metrics": metric_definitions(warehouse),
        "headline_metrics": HEADLINE_METRICS,
        "mouth_metrics": MOUTH_METRICS,
        "sync_metrics": SYNC_METRICS,
        "groups": table_3(warehouse, dataset),
        "evaluators": lse_evaluators(warehouse, dataset),
        "mouth_rows": mouth_table(warehouse, dataset),
        "margin_charts": margin_charts(warehouse, dataset),
        "sync_rows": sync_table(warehouse, dataset),
        "further": further_metrics(warehouse, dataset),
        "own_sizes": own_sizes(warehouse, dataset),
        "difference_rows": difference_table(warehouse, dataset, headline, HEADLINE_METRICS),
        "clip_charts": clip_charts(warehouse, dataset, headline),
        "failures": failures(warehouse, dataset, problems, len(shown)),
        "checked": checked(warehouse, dataset),
        "table_1": table_1(warehouse, dataset, dataset_methods),
        "table_1_steps": steps_table(warehouse, dataset),
        "opinions": opinion_scores(warehouse, dataset, headline),
        "scales": SCALE_NAMES,
        "without_units": without_units(dataset_methods),
        "masks": figure_2(home, warehouse, dataset, dataset_methods, headline),
        "windows": figure_3(warehouse, dataset, dataset_methods),
        "sync_encoder_metrics": training.sync_encoder_metrics(warehouse, dataset),
        "curves": training.curves(warehouse, dataset, methods, settings),
        "warnings": training.warnings(warehouse, dataset, methods),
        "training_previews": dataset_summary.stage_previews(home, dataset, stage_names("models")),
        "splits": dataset_summary.splits(warehouse, dataset),
        "rejections": dataset_summary.rejections(warehouse, dataset, settings),
        "offsets": dataset_summary.offsets(warehouse, dataset),
        "data_previews": dataset_summary.stage_previews(home, dataset, stage_names("data")),
        "lineage": lineage.lineage(warehouse, dataset, methods),
    }
