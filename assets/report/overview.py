"""The page over all datasets: Table 3 by dataset, what each dataset holds, and the way to its own page.

It is a view of the published warehouse, like the database itself, and no asset: it stands on every dataset's report, and
whoever writes one of those writes it anew.
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
from assets.report.cells import (
    HEADLINE_METRICS,
    Group,
    MethodRow,
    difference_cell,
    in_order,
    label_of,
    measured_row,
    method_labels,
    metrics,
    summary,
    with_best_marked,
)
from assets.report.comparisons import differences
from assets.report.corpus import StagePicture
from assets.report.figures import Interval, interval_chart
from assets.report.findings import findings, headline_sentence
from assets.report.missing_values import why_no_score
from assets.report.page import page_template
from assets.report.rows import Row, Rows
from assets.report.settings import ReportSettings
from assets.report.table_3 import CORPORA, evaluators, published_group
from assets.report.training import Chart
from assets.report.wording import counted, duration, size
from assets.store.warehouse import connect
from cals_models.timebase import FPS

BASELINE = "wav2lip"
PICTURE_WIDTH_PX = 720
ALL_METHODS = "all methods"


@dataclass(frozen=True, kw_only=True)
class Card:
    """One dataset.

    Args:
        link: its page, relative to the overview; empty where it is not written, and then ``why_no_page`` says why.
        verdict: of its headline method, in one sentence; why there is none where nothing was scored.
        facts: (name, figure).
        picture: face crops, small; None where the stage kept none.
    """

    dataset: str
    link: str
    why_no_page: str
    verdict: str
    facts: list[tuple[str, str]]
    evaluators: list[str]
    picture: StagePicture | None


def render_overview(home: Home, methods: Mapping[str, Collection[str]]) -> Path:
    """Writes the overview from what is published.

    Args:
        home: its database, report pages and the pictures that stages kept are read.
        methods: dataset -> its methods, as in ``cals.yaml``.

    Returns:
        Path of the page, ``report/index.html`` under the home.

    Raises:
        WarehouseError: there is no published warehouse.
        ValueError: the warehouse holds no dataset.
    """
    with connect(home.database) as connection:
        rows = Rows(connection)
        found = rows.ask(
            "select dataset, max(is_scored) from (select distinct dataset, 0 as is_scored from clips "
            "union all select distinct dataset, 1 from clip_metrics) group by dataset order by 2 desc, 1"
        )
        datasets = [row["dataset"] for row in found]
        if not datasets:
            raise ValueError(f"{home.database}: no dataset is in it yet; run `cals run` or `cals demo`")
        html = page_template("overview.html.j2").render(_content(home, rows, datasets, methods))
    write_text(home.report_overview, html)
    return home.report_overview


def _content(
    home: Home, rows: Rows, datasets: list[str], methods: Mapping[str, Collection[str]]
) -> dict[str, object]:
    labels, headline = method_labels(rows), ReportSettings().headline_method
    measured = {dataset: summary(rows, dataset) for dataset in datasets}
    better = {name: metric.better for name, metric in metrics(rows).items()}
    scored = [dataset for dataset in datasets if measured[dataset]]
    return {
        "headline": headline,
        "headline_label": label_of(labels, headline),
        "baseline_label": label_of(labels, BASELINE),
        "metrics": metrics(rows),
        "headline_metrics": HEADLINE_METRICS,
        "lede": _lede(datasets, scored),
        "facts": _totals(rows, measured),
        "cards": [_card(home, rows, dataset, headline, labels) for dataset in datasets],
        "groups": _groups(rows, measured, methods),
        "published": [published_group(rows, corpus, better) for corpus in CORPORA],
        "pairs": _pairs(rows, scored, headline, labels),
        "charts": [chart for dataset in scored if (chart := _chart(dataset, measured[dataset], labels))],
    }


def _lede(datasets: list[str], scored: list[str]) -> str:
    if not scored:
        return f"{counted(len(datasets), 'dataset')} taken in; none is scored yet."
    return f"{counted(len(datasets), 'dataset')} taken in, {len(scored)} of them with scored videos."


def _totals(
    rows: Rows, measured: Mapping[str, Mapping[tuple[str, str, str], Row]]
) -> list[tuple[str, str, str]]:
    clips = rows.one(
        "select count(*) as num, count(*) filter (where status = 'ok') as num_ok, "
        "count(*) filter (where status <> 'ok') as num_rejected from clips"
    )
    shards = rows.one(
        "select coalesce(sum(num_frames), 0) as num_frames, coalesce(sum(bytes), 0) as bytes from shards"
    )
    scored = rows.one(
        "select count(distinct (dataset, clip_id)) as clips, count(*) filter (where value is not null) as num "
        "from clip_metrics"
    )
    methods = {method for found in measured.values() for method, _, _ in found}
    ratings = rows.one(
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
        ("Video", duration(shards["num_frames"] / FPS), f"{size(shards['bytes'])} of shards"),
        ("Test clips scored", f"{scored['clips']:,}", f"{scored['num']:,} figures"),
        ("Methods", f"{len(methods):,}", "controls among them"),
        ("Ratings", f"{ratings['num']:,}", f"by {counted(ratings['raters'], 'rater')}"),
    ]


def _card(home: Home, rows: Rows, dataset: str, headline: str, labels: Mapping[str, Row]) -> Card:
    page = home.report(dataset)
    link = quote(page.relative_to(home.report_overview.parent).as_posix()) if page.exists() else ""
    clips = rows.one(
        "select count(*) as num, count(*) filter (where status = 'ok') as num_ok, "
        "count(distinct speaker) filter (where status = 'ok') as num_speakers, "
        "count(*) filter (where status = 'ok' and split = 'test') as num_test, "
        "coalesce(sum(shard_frames), 0) as num_frames from clips where dataset = ?",
        [dataset],
    )
    scored = rows.ask("select distinct method from clip_metrics where dataset = ?", [dataset])
    facts = [
        ("Clips used", f"{clips['num_ok']:,} of {clips['num']:,}"),
        ("Rejected", f"{clips['num'] - clips['num_ok']:,}"),
        ("Video", duration(clips["num_frames"] / FPS)),
        ("Speakers", f"{clips['num_speakers']:,}" if clips["num_speakers"] else "not declared"),
        ("Test clips", f"{clips['num_test']:,}"),
        ("Methods scored", f"{len(scored):,}"),
    ]
    verdict = f"No video of {dataset} is scored yet."
    if scored:
        verdict = headline_sentence(findings(rows, dataset, headline), label_of(labels, headline))
    return Card(
        dataset=dataset,
        link=link,
        why_no_page="" if link else f"No page yet: cals report --dataset {dataset} makes it.",
        verdict=verdict,
        facts=facts,
        evaluators=evaluators(rows, dataset),
        picture=_picture(home, dataset),
    )


def _picture(home: Home, dataset: str) -> StagePicture | None:
    """The face crops that the stage kept, at most 720 px wide."""
    path = home.stage("face_crops", dataset) / "pictures" / "crops.png"
    if not path.exists():
        return None
    buffer = BytesIO()
    with Image.open(path) as image:
        small = image.convert("RGB")
        small.thumbnail((PICTURE_WIDTH_PX, 4 * PICTURE_WIDTH_PX))
        small.save(buffer, "JPEG", quality=88)
    url = "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
    return StagePicture(title=f"Face crops of {dataset} with their landmarks", url=url)


def _groups(
    rows: Rows,
    measured: Mapping[str, Mapping[tuple[str, str, str], Row]],
    methods: Mapping[str, Collection[str]],
) -> list[Group]:
    """Every method that any dataset has figures of, in each dataset: with its figures, or why it has none."""
    labels = method_labels(rows)
    better = {name: metric.better for name, metric in metrics(rows).items()}
    known = in_order((method for found in measured.values() for method, _, _ in found), labels)
    groups = []
    for dataset, found in measured.items():
        table = [
            measured_row(method, found, labels, HEADLINE_METRICS, why=_why(rows, dataset, method, methods))
            for method in known
        ]
        if not found:
            unscored = measured_row(ALL_METHODS, found, labels, HEADLINE_METRICS, why=_why_unscored(dataset))
            table = [replace(unscored, label=ALL_METHODS.capitalize())]
        marked = with_best_marked(table, HEADLINE_METRICS, better)
        title = f"{dataset}, {counted(_num_scored(found), 'test clip')}" if found else dataset
        groups.append(Group(title=title, source="measured", corpus=dataset, rows=marked))
    return groups


def _num_scored(found: Mapping[tuple[str, str, str], Row]) -> int:
    """Test clips of the metric that has most."""
    return int(max(row["num_clips"] + row["num_missing"] for row in found.values()))


def _why(rows: Rows, dataset: str, method: str, methods: Mapping[str, Collection[str]]) -> str:
    if method.startswith("external/"):
        return "its videos were not scored on this dataset (cals score)"
    if dataset not in methods:
        return "the dataset is not in cals.yaml"
    return why_no_score(rows, dataset, method, methods[dataset])


def _why_unscored(dataset: str) -> str:
    return f"no clip of {dataset} was scored yet: cals run --dataset {dataset} --to clip_metrics"


def _pairs(rows: Rows, scored: list[str], headline: str, labels: Mapping[str, Row]) -> list[MethodRow]:
    """The headline method minus the baseline on each dataset's test clips."""
    table = []
    for dataset in scored:
        found = differences(rows, dataset, headline)
        why = f"{label_of(labels, headline)} and {label_of(labels, BASELINE)} have no clip in common"
        cells = [difference_cell(found.get((BASELINE, m)), m, why) for m in HEADLINE_METRICS]
        table.append(MethodRow(method=headline, label=dataset, is_control=False, cells=cells))
    return table


def _chart(
    dataset: str, measured: Mapping[tuple[str, str, str], Row], labels: Mapping[str, Row]
) -> Chart | None:
    """LMD of each method but the ground truth, whose LMD is 0 by definition."""
    means = {
        method: row
        for (method, audio, metric), row in measured.items()
        if audio == "own" and metric == "lmd" and row["low"] is not None and method != "ground_truth"
    }
    drawn = [
        Interval(
            label=label_of(labels, method),
            mean=means[method]["mean"],
            low=means[method]["low"],
            high=means[method]["high"],
        )
        for method in in_order(means, labels)
    ]
    title = f"{dataset}: LMD, px (lower is better)"
    return Chart(title=title, svg=interval_chart(title, drawn, "px")) if drawn else None
