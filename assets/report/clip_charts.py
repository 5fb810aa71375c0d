"""Charts of gains from the right audio, and of single clips: method against method, metric against metric."""

from __future__ import annotations

from collections.abc import Mapping

from assets.report.audio_comparison import margins
from assets.report.definitions import (
    MethodDefinitions,
    MetricDefinition,
    method_definitions,
    metric_definitions,
)
from assets.report.measured_scores import SHOWN_PROTOCOLS
from assets.report.scatter_chart import Cloud, Dot, against_chart, cloud_chart
from assets.report.svg_charts import Chart, Interval, interval_chart
from assets.report.warehouse_reader import WarehouseReader

CHART_METRICS = ("lmd", "psnr_mouth", "lse_d")
BASELINES = ("wav2lip", "copy_reference")
GROUND_TRUTH = "ground_truth"


def margin_charts(warehouse: WarehouseReader, dataset: str) -> list[Chart]:
    """Gain from the right audio with its interval, by method, for one metric of each kind."""
    metrics, methods = metric_definitions(warehouse), method_definitions(warehouse)
    gains = margins(warehouse, dataset)
    charts = []
    for name in CHART_METRICS:
        metric = metrics[name]
        drawn = [
            Interval(label=methods.label(method), mean=row["margin"], low=row["low"], high=row["high"])
            for method in methods.in_order(method for method, measured in gains if measured == name)
            if (row := gains[(method, name)])["low"] is not None
        ]
        if drawn:
            title = f"{metric.heading}: gain from the right audio"
            charts.append(Chart(title=title, svg=interval_chart(title, drawn, metric.unit)))
    return charts


def clip_charts(warehouse: WarehouseReader, dataset: str, headline: str) -> list[Chart]:
    """One mark a test clip: the headline method against a baseline and the truth, and two metrics of all methods."""
    metrics, methods = metric_definitions(warehouse), method_definitions(warehouse)
    scored = {
        row["method"]
        for row in warehouse.rows("select distinct method from clip_metrics where dataset = ?", [dataset])
    }
    baseline = next((name for name in BASELINES if name in scored), None)
    charts = []
    for name in CHART_METRICS:
        other = GROUND_TRUTH if name == "lse_d" else baseline
        dots = _paired_dots(warehouse, dataset, headline, other, name) if other else []
        if other and dots:
            charts.append(_against_chart(dots, metrics[name], methods.label(other), methods.label(headline)))
    chart = _cloud_chart(warehouse, dataset, methods, metrics)
    return [*charts, chart] if chart else charts


def _against_chart(dots: list[Dot], metric: MetricDefinition, x_name: str, y_name: str) -> Chart:
    svg, note = against_chart(
        metric.heading, dots, x_name=x_name, y_name=y_name, lower_is_better=metric.better == "lower"
    )
    return Chart(title=metric.heading, svg=svg, note=note)


def _cloud_chart(
    warehouse: WarehouseReader,
    dataset: str,
    methods: MethodDefinitions,
    metrics: Mapping[str, MetricDefinition],
) -> Chart | None:
    """LSE-D against LMD, a cloud a method; None where no clip has both."""
    clouds = _clouds(warehouse, dataset, methods)
    if not clouds:
        return None
    x, y = metrics["lmd"], metrics["lse_d"]
    title = f"{y.label} against {x.label}"
    svg, note = cloud_chart(title, clouds, x_name=x.heading, y_name=y.heading)
    return Chart(title=title, svg=svg, note=note, legend=tuple((cloud.name, cloud.style) for cloud in clouds))


def _paired_dots(warehouse: WarehouseReader, dataset: str, ours: str, theirs: str, metric: str) -> list[Dot]:
    """Clips that both methods have a value for, each with its own audio."""
    found = warehouse.rows(
        "select ours.clip_id, theirs.value as x, ours.value as y from clip_metrics as ours "
        "inner join clip_metrics as theirs using (dataset, clip_id, audio, protocol, metric) "
        "where ours.dataset = ? and ours.method = ? and theirs.method = ? and ours.metric = ? "
        "and ours.audio = 'own' and list_contains(?, ours.protocol) "
        "and ours.evaluator is not distinct from theirs.evaluator "
        "and ours.value is not null and theirs.value is not null order by ours.clip_id",
        [dataset, ours, theirs, metric, list(SHOWN_PROTOCOLS)],
    )
    return [Dot(clip_id=row["clip_id"], x=row["x"], y=row["y"]) for row in found]


def _clouds(warehouse: WarehouseReader, dataset: str, methods: MethodDefinitions) -> list[Cloud]:
    """LMD (x) and LSE-D (y) of each clip by each method that generates its frames."""
    found = warehouse.rows(
        "select method, clip_id, max(value) filter (where metric = 'lmd' and protocol = 'primary') as x, "
        "max(value) filter (where metric = 'lse_d' and protocol = 'lse_crop') as y from clip_metrics "
        "where dataset = ? and audio = 'own' group by method, clip_id "
        "having x is not null and y is not null order by clip_id",
        [dataset],
    )
    scored = methods.in_order(row["method"] for row in found)
    drawn = [name for name in scored if not methods.is_control(name)]
    return [
        Cloud(
            name=methods.label(name),
            style=style,
            dots=[Dot(clip_id=r["clip_id"], x=r["x"], y=r["y"]) for r in found if r["method"] == name],
        )
        for style, name in enumerate(drawn)
    ]
