"""Trained models on the page: metrics beside chance, training curves, warnings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assets.project.graph import stage_names
from assets.report.definitions import MethodDefinitions
from assets.report.formatting import TIMES, format_number, format_percent
from assets.report.labels import curve_label, is_rate, model_label, model_metric_label
from assets.report.settings import ReportSettings
from assets.report.svg_charts import Chart, Line, Point, line_chart, thinned
from assets.report.warehouse_reader import Row, WarehouseReader

MODEL_STAGES = stage_names("models")
MAIN_METRIC = "loss"
Model = tuple[str, str | None]  # asset and method


@dataclass(frozen=True, kw_only=True)
class ModelMetric:
    """A metric of a model on held-out clips beside what guessing would reach, as text."""

    label: str
    value: str
    chance: str
    above: str


@dataclass(frozen=True, kw_only=True)
class ModelCurves:
    """Curves of one model: the loss and those with a validation are ``main``."""

    title: str
    main: list[Chart]
    more: list[Chart]


def sync_encoder_metrics(warehouse: WarehouseReader, dataset: str) -> list[ModelMetric]:
    """Metrics of the sync encoder on held-out clips, shares first."""
    found = warehouse.rows(
        "select figure, value, chance from model_figures where dataset = ? and asset = 'sync_encoder'",
        [dataset],
    )
    ordered = sorted(
        found, key=lambda row: (not is_rate(row["figure"]), "offset" in row["figure"], row["figure"])
    )
    return [_model_metric(row) for row in ordered if row["value"] is not None]


def _model_metric(row: Row) -> ModelMetric:
    value, chance = row["value"], row["chance"]
    shown = format_percent if is_rate(row["figure"]) else format_number
    above = ""
    if chance:
        above = f"{format_number(value / chance, 1)} {TIMES} chance" if is_rate(row["figure"]) else ""
        if not is_rate(row["figure"]):
            above = f"{format_number(abs(chance - value))} {'below' if value < chance else 'above'} chance"
    return ModelMetric(
        label=model_metric_label(row["figure"]),
        value=shown(value),
        chance=shown(chance) if chance is not None else "not defined",
        above=above,
    )


def curves(
    warehouse: WarehouseReader, dataset: str, methods: MethodDefinitions, settings: ReportSettings
) -> list[ModelCurves]:
    """All training curves, by model."""
    points = warehouse.rows(
        "select asset, method, metric, split, step, value from training_curves "
        "where dataset = ? and value is not null order by step",
        [dataset],
    )
    chances = {
        (row["asset"], row["method"], row["figure"]): row["chance"]
        for row in warehouse.rows(
            "select asset, method, figure, chance from model_figures where dataset = ?", [dataset]
        )
    }
    by_model: dict[Model, dict[str, dict[str, list[Point]]]] = {}
    for row in points:
        metrics = by_model.setdefault((row["asset"], row["method"]), {})
        metrics.setdefault(row["metric"], {}).setdefault(row["split"], []).append((row["step"], row["value"]))
    found = []
    for model in sorted(by_model, key=_place):
        chance = {metric: chances.get((*model, metric)) for metric in by_model[model]}
        title = model_label(model[0], methods.label(model[1]) if model[1] else None)
        found.append(_model_curves(title, by_model[model], chance, settings))
    return found


def nearness_chart(warehouse: WarehouseReader, dataset: str, method: str, label: str) -> list[Chart]:
    """How a generator's mouths came nearer to the true ones, validation by validation; no chart without a record."""
    found = warehouse.rows(
        "select step, value from training_curves where dataset = ? and asset = 'generator' and method = ? "
        "and metric = 'reference_nearness' and split = 'val' and value is not null order by step",
        [dataset, method],
    )
    if not found:
        return []
    points = [(row["step"], row["value"]) for row in found]
    title = f"{label}: {curve_label('reference_nearness')}"
    return [Chart(title=title, svg=line_chart(title, [Line(name="validation", split="val", points=points)]))]


def _place(model: Model) -> tuple[int, str]:
    asset, method = model
    return (MODEL_STAGES.index(asset) if asset in MODEL_STAGES else len(MODEL_STAGES), method or "")


def _model_curves(
    title: str,
    metrics: Mapping[str, Mapping[str, list[Point]]],
    chance: Mapping[str, float | None],
    settings: ReportSettings,
) -> ModelCurves:
    """Charts of one model.

    Args:
        metrics: metric -> split -> points.
        chance: metric -> what guessing would reach.
    """
    main: list[Chart] = []
    more: list[Chart] = []
    for metric in sorted(metrics, key=lambda name: (name != MAIN_METRIC, name)):
        splits = metrics[metric]
        lines = [
            Line(name=name, split=split, points=thinned(splits[split], settings.max_curve_points))
            for split, name in (("train", "training"), ("val", "validation"))
            if split in splits
        ]
        svg = line_chart(f"{title}: {metric}", lines, chance=chance[metric])
        chart = Chart(title=curve_label(metric), svg=svg)
        (main if metric == MAIN_METRIC or "val" in splits else more).append(chart)
    return ModelCurves(title=title, main=main, more=more)


def warnings(warehouse: WarehouseReader, dataset: str, methods: MethodDefinitions) -> list[Row]:
    """Warnings of trainings, each kind once a model, with its first and last step."""
    found = warehouse.rows(
        "select asset, method, warning, arg_max(text, step) as text, min(step) as first, max(step) as last, "
        "count(*) as times from model_warnings where dataset = ? group by asset, method, warning "
        "order by asset, method, warning",
        [dataset],
    )
    for row in found:
        row["model"] = model_label(row["asset"], methods.label(row["method"]) if row["method"] else None)
        row["warning"] = row["warning"].replace("_", " ")
    return found
