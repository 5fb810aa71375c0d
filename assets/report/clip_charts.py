"""Charts of single clips and of gains: a method against others, two measures against each other, sound against sound."""

from __future__ import annotations

from collections.abc import Mapping

from assets.report.cells import Metric, in_order, label_of, method_labels, metrics
from assets.report.comparisons import margins
from assets.report.figures import Interval, interval_chart
from assets.report.rows import Row, Rows
from assets.report.scatter import Cloud, Dot, against_chart, cloud_chart
from assets.report.training import Chart

BASELINES = ("wav2lip", "copy_reference")
TRUTH = "ground_truth"


def margin_charts(rows: Rows, dataset: str) -> list[Chart]:
    """Gain from the right audio with its interval, by method, for the metrics that can show it."""
    gains, definitions, labels = margins(rows, dataset), metrics(rows), method_labels(rows)
    charts = []
    for metric in ("lmd", "psnr_mouth", "lse_d"):
        methods = in_order((method for method, name in gains if name == metric), labels)
        drawn = [
            Interval(label=label_of(labels, method), mean=row["margin"], low=row["low"], high=row["high"])
            for method in methods
            if (row := gains[(method, metric)])["low"] is not None
        ]
        if drawn:
            title = f"{_heading(definitions[metric])}: gain from the right sound"
            charts.append(Chart(title=title, svg=interval_chart(title, drawn, definitions[metric].unit)))
    return charts


def clip_charts(rows: Rows, dataset: str, headline: str) -> list[Chart]:
    """One mark a test clip: the headline method against a baseline and the truth, and two measures of all methods."""
    labels, definitions = method_labels(rows), metrics(rows)
    scored = {
        row["method"]
        for row in rows.ask("select distinct method from clip_metrics where dataset = ?", [dataset])
    }
    baseline = next((name for name in BASELINES if name in scored), None)
    pairs = [("lmd", baseline), ("psnr_mouth", baseline), ("lse_d", TRUTH)]
    charts = []
    for metric, other in pairs:
        dots = _pairs(rows, dataset, headline, other, metric) if other else []
        if not dots:
            continue
        title = _heading(definitions[metric])
        svg, note = against_chart(
            title,
            dots,
            x_name=label_of(labels, str(other)),
            y_name=label_of(labels, headline),
            lower_is_better=definitions[metric].better == "lower",
        )
        charts.append(Chart(title=title, svg=svg, note=note))
    clouds = _clouds(rows, dataset, labels)
    if clouds:
        title = "LSE-D against LMD"
        svg, note = cloud_chart(title, clouds, x_name="LMD, px", y_name="LSE-D")
        looks = tuple((cloud.name, cloud.look) for cloud in clouds)
        charts.append(Chart(title=title, svg=svg, note=note, looks=looks))
    return charts


def _heading(metric: Metric) -> str:
    return f"{metric.label}, {metric.unit}" if metric.unit else metric.label


def _pairs(rows: Rows, dataset: str, ours: str, theirs: str, metric: str) -> list[Dot]:
    """Clips that both methods have a value for, each with its own sound."""
    found = rows.ask(
        "select ours.clip_id, theirs.value as x, ours.value as y from clip_metrics as ours "
        "inner join clip_metrics as theirs using (dataset, clip_id, audio, protocol, metric) "
        "where ours.dataset = ? and ours.method = ? and theirs.method = ? and ours.metric = ? "
        "and ours.audio = 'own' and ours.protocol in ('primary', 'lse_crop') "
        "and ours.evaluator is not distinct from theirs.evaluator "
        "and ours.value is not null and theirs.value is not null order by ours.clip_id",
        [dataset, ours, theirs, metric],
    )
    return [Dot(clip_id=row["clip_id"], x=row["x"], y=row["y"]) for row in found]


def _clouds(rows: Rows, dataset: str, labels: Mapping[str, Row]) -> list[Cloud]:
    """LMD (x) and LSE-D (y) of each clip by each method that makes its pictures."""
    found = rows.ask(
        "select method, clip_id, max(value) filter (where metric = 'lmd' and protocol = 'primary') as x, "
        "max(value) filter (where metric = 'lse_d' and protocol = 'lse_crop') as y from clip_metrics "
        "where dataset = ? and audio = 'own' group by method, clip_id "
        "having x is not null and y is not null order by clip_id",
        [dataset],
    )
    methods = in_order((row["method"] for row in found), labels)
    drawn = [name for name in methods if name not in labels or not labels[name]["is_control"]]
    return [
        Cloud(
            name=label_of(labels, name),
            look=look,
            dots=[Dot(clip_id=r["clip_id"], x=r["x"], y=r["y"]) for r in found if r["method"] == name],
        )
        for look, name in enumerate(drawn)
    ]
