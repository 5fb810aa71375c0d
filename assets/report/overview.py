"""The page over all datasets: Table 3 by dataset, a summary of each dataset, and a link to its own page.

It is a view of the published warehouse, not an asset: it depends on every dataset's report, and is written again with
each of those.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from assets.project.atomic_files import write_text
from assets.project.home import Home
from assets.report.dataset_summary import StagePreview
from assets.report.definitions import (
    MethodDefinitions,
    MetricDefinition,
    method_definitions,
    metric_definitions,
)
from assets.report.findings import findings, headline_sentence
from assets.report.formatting import format_count, format_duration, format_size
from assets.report.headline_table import HEADLINE_METRICS, headline_columns, headline_group
from assets.report.measured_scores import Scores, measured_scores, own_audio_row
from assets.report.method_differences import differences
from assets.report.missing_values import why_no_score
from assets.report.page import page_template
from assets.report.settings import ReportSettings
from assets.report.svg_charts import Chart, Interval, interval_chart
from assets.report.table_3 import CORPORA, lse_evaluators, published_scores
from assets.report.table_cells import Group, MethodRow, difference_cell
from assets.report.warehouse_reader import WarehouseReader
from assets.store.warehouse import connect
from cals_models.timebase import FPS

BASELINE = "wav2lip"
PREVIEW_WIDTH_PX = 720
ALL_METHODS = "all methods"


@dataclass(frozen=True, kw_only=True)
class Card:
    """One dataset.

    Args:
        link: its page, relative to the overview; empty where it is not written, and then ``why_no_page`` says why.
        verdict: of its headline method, in one sentence; why there is none where nothing was scored.
        facts: (name, value).
        preview: face crops, small; None where the stage kept none.
    """

    dataset: str
    link: str
    why_no_page: str
    verdict: str
    facts: list[tuple[str, str]]
    evaluators: list[str]
    preview: StagePreview | None


def render_overview(home: Home, dataset_methods: Mapping[str, Collection[str]]) -> Path:
    """Writes the overview from what is published.

    Args:
        home: holds the database, report pages and the previews that stages kept.
        dataset_methods: dataset -> its methods, as in ``cals.yaml``.

    Returns:
        Path of the page, ``report/index.html`` under the home.

    Raises:
        WarehouseError: there is no published warehouse.
        ValueError: the warehouse holds no dataset.
    """
    with connect(home.database) as connection:
        warehouse = WarehouseReader(connection)
        found = warehouse.rows(
            "select dataset, max(is_scored) from (select distinct dataset, 0 as is_scored from clips "
            "union all select distinct dataset, 1 from clip_metrics) group by dataset order by 2 desc, 1"
        )
        datasets = [row["dataset"] for row in found]
        if not datasets:
            raise ValueError(f"{home.database}: no dataset is in it yet; run `cals run` or `cals demo`")
        html = page_template("overview.html.j2").render(_content(home, warehouse, datasets, dataset_methods))
    write_text(home.report_overview, html)
    return home.report_overview


def _content(
    home: Home,
    warehouse: WarehouseReader,
    datasets: list[str],
    dataset_methods: Mapping[str, Collection[str]],
) -> dict[str, object]:
    metrics, methods = metric_definitions(warehouse), method_definitions(warehouse)
    headline = ReportSettings().headline_method
    measured = {dataset: measured_scores(warehouse, dataset) for dataset in datasets}
    scored = [dataset for dataset in datasets if measured[dataset]]
    charts = (_chart(dataset, measured[dataset], methods, metrics["lmd"]) for dataset in scored)
    return {
        "headline": headline,
        "headline_label": methods.label(headline),
        "baseline_label": methods.label(BASELINE),
        "metrics": metrics,
        "headline_metrics": HEADLINE_METRICS,
        "lede": _lede(datasets, scored),
        "facts": _totals(warehouse, measured),
        "cards": [_card(home, warehouse, dataset, headline) for dataset in datasets],
        "groups": _groups(warehouse, measured, dataset_methods),
        "published": [published_scores(warehouse, corpus) for corpus in CORPORA],
        "pairs": _pairs(warehouse, scored, headline),
        "charts": [chart for chart in charts if chart],
    }


def _lede(datasets: list[str], scored: list[str]) -> str:
    if not scored:
        return f"{format_count(len(datasets), 'dataset')}; none is scored yet."
    return f"{format_count(len(datasets), 'dataset')}, {len(scored)} of them with scored videos."


def _totals(warehouse: WarehouseReader, measured: Mapping[str, Scores]) -> list[tuple[str, str, str]]:
    """The head of the page: (name, value, what it is)."""
    clips = warehouse.row(
        "select count(*) as num, count(*) filter (where status = 'ok') as num_ok, "
        "count(*) filter (where status <> 'ok') as num_rejected from clips"
    )
    shards = warehouse.row(
        "select coalesce(sum(num_frames), 0) as num_frames, coalesce(sum(bytes), 0) as bytes from shards"
    )
    scored = warehouse.row(
        "select count(distinct (dataset, clip_id)) as clips, count(*) filter (where value is not null) as num "
        "from clip_metrics"
    )
    scored_methods = {method for found in measured.values() for method, _, _ in found}
    ratings = warehouse.row(
        "select count(*) filter (where not coalesce(screened_out, false)) as num, "
        "count(distinct (dataset, study, rater)) as raters from mos_ratings"
    )
    return [
        ("Datasets", f"{len(measured):,}", f"{sum(1 for found in measured.values() if found):,} scored"),
        (
            "Clips used",
            f"{clips['num_ok']:,}",
            f"of {clips['num']:,} found, {clips['num_rejected']:,} rejected",
        ),
        ("Video", format_duration(shards["num_frames"] / FPS), f"{format_size(shards['bytes'])} of shards"),
        ("Test clips scored", f"{scored['clips']:,}", f"{scored['num']:,} scores"),
        ("Methods", f"{len(scored_methods):,}", "controls included"),
        ("Ratings", f"{ratings['num']:,}", f"by {format_count(ratings['raters'], 'rater')}"),
    ]


def _card(home: Home, warehouse: WarehouseReader, dataset: str, headline: str) -> Card:
    page = home.report(dataset)
    link = quote(page.relative_to(home.report_overview.parent).as_posix()) if page.exists() else ""
    clips = warehouse.row(
        "select count(*) as num, count(*) filter (where status = 'ok') as num_ok, "
        "count(distinct speaker) filter (where status = 'ok') as num_speakers, "
        "count(*) filter (where status = 'ok' and split = 'test') as num_test, "
        "coalesce(sum(shard_frames), 0) as num_frames from clips where dataset = ?",
        [dataset],
    )
    scored = warehouse.rows("select distinct method from clip_metrics where dataset = ?", [dataset])
    facts = [
        ("Clips used", f"{clips['num_ok']:,} of {clips['num']:,}"),
        ("Rejected", f"{clips['num'] - clips['num_ok']:,}"),
        ("Video", format_duration(clips["num_frames"] / FPS)),
        ("Speakers", f"{clips['num_speakers']:,}" if clips["num_speakers"] else "not declared"),
        ("Test clips", f"{clips['num_test']:,}"),
        ("Methods scored", f"{len(scored):,}"),
    ]
    verdict = f"No video of {dataset} is scored yet."
    if scored:
        label = method_definitions(warehouse).label(headline)
        verdict = headline_sentence(findings(warehouse, dataset, headline), label)
    return Card(
        dataset=dataset,
        link=link,
        why_no_page="" if link else f"No page yet: cals report --dataset {dataset} writes it.",
        verdict=verdict,
        facts=facts,
        evaluators=lse_evaluators(warehouse, dataset),
        preview=_preview(home, dataset),
    )


def _preview(home: Home, dataset: str) -> StagePreview | None:
    """The face crops that the stage kept, at most 720 px wide."""
    path = home.stage("face_crops", dataset) / "pictures" / "crops.png"
    if not path.exists():
        return None
    buffer = BytesIO()
    with Image.open(path) as image:
        small = image.convert("RGB")
        small.thumbnail((PREVIEW_WIDTH_PX, 4 * PREVIEW_WIDTH_PX))
        small.save(buffer, "JPEG", quality=88)
    url = "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
    return StagePreview(title=f"Face crops of {dataset} with their landmarks", url=url)


def _groups(
    warehouse: WarehouseReader,
    measured: Mapping[str, Scores],
    dataset_methods: Mapping[str, Collection[str]],
) -> list[Group]:
    """Every method that any dataset has scores of, in each dataset: with its scores, or why it has none."""
    metrics, methods = metric_definitions(warehouse), method_definitions(warehouse)
    columns = headline_columns(metrics)
    known = methods.in_order(method for found in measured.values() for method, _, _ in found)
    groups = []
    for dataset, found in measured.items():
        title = f"{dataset}, {format_count(_num_scored(found), 'test clip')}" if found else dataset
        if found:
            whys = {method: _why(warehouse, dataset, method, dataset_methods) for method in known}
            rows = [own_audio_row(method, found, methods, columns, why) for method, why in whys.items()]
        else:
            row = own_audio_row(ALL_METHODS, found, methods, columns, _why_unscored(dataset))
            rows = [replace(row, label=ALL_METHODS.capitalize())]
        groups.append(headline_group(rows, metrics, title=title, source="measured", corpus=dataset))
    return groups


def _num_scored(found: Scores) -> int:
    """Test clips of the metric that was scored on most."""
    return int(max(row["num_clips"] + row["num_missing"] for row in found.values()))


def _why(
    warehouse: WarehouseReader, dataset: str, method: str, dataset_methods: Mapping[str, Collection[str]]
) -> str:
    if method.startswith("external/"):
        return "its videos were not scored on this dataset (cals score)"
    if dataset not in dataset_methods:
        return "the dataset is not in cals.yaml"
    return why_no_score(warehouse, dataset, method, dataset_methods[dataset])


def _why_unscored(dataset: str) -> str:
    return f"no clip of {dataset} was scored yet: cals run --dataset {dataset} --to clip_metrics"


def _pairs(warehouse: WarehouseReader, scored: list[str], headline: str) -> list[MethodRow]:
    """The headline method minus the baseline on each dataset's test clips."""
    metrics, methods = metric_definitions(warehouse), method_definitions(warehouse)
    why = f"{methods.label(headline)} and {methods.label(BASELINE)} have no clip in common"
    table = []
    for dataset in scored:
        found = differences(warehouse, dataset, headline)
        cells = [
            difference_cell(found.get((BASELINE, metric.name)), metric, why)
            for metric in headline_columns(metrics)
        ]
        table.append(MethodRow(method=headline, label=dataset, is_control=False, cells=cells))
    return table


def _chart(dataset: str, measured: Scores, methods: MethodDefinitions, lmd: MetricDefinition) -> Chart | None:
    """LMD of each method but the ground truth, whose LMD is 0 by definition."""
    means = {
        method: row
        for (method, audio, metric), row in measured.items()
        if audio == "own" and metric == lmd.name and row["low"] is not None and method != "ground_truth"
    }
    drawn = [
        Interval(
            label=methods.label(method),
            mean=means[method]["mean"],
            low=means[method]["low"],
            high=means[method]["high"],
        )
        for method in methods.in_order(means)
    ]
    title = f"{dataset}: {lmd.heading} ({lmd.better} is better)"
    return Chart(title=title, svg=interval_chart(title, drawn, lmd.unit)) if drawn else None
