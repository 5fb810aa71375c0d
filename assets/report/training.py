"""Trained models on the page: figures beside chance, loss curves, warnings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assets.project.graph import stage_names
from assets.report.figures import Line, line_chart, thinned
from assets.report.rows import Row, Rows
from assets.report.settings import ReportSettings
from assets.report.wording import TIMES, curve_label, figure_label, is_rate, number, percent, stage_label

ASSET_ORDER = stage_names("models")
MAIN_METRIC = "loss"


@dataclass(frozen=True, kw_only=True)
class ModelFigure:
    """A figure of a model on held-out clips beside what guessing would reach, as text."""

    label: str
    value: str
    chance: str
    above: str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A small drawing with its caption.

    Args:
        note: what it shows in words, where that is worth saying.
        looks: its key, where it has several series: (name, number of its colour and mark).
    """

    title: str
    svg: str
    note: str = ""
    looks: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, kw_only=True)
class ModelCurves:
    """Curves of one model: those with a validation first, the others apart."""

    title: str
    main: list[Chart]
    more: list[Chart]


def sync_figures(rows: Rows, dataset: str) -> list[ModelFigure]:
    """What the sync encoder reached, shares first."""
    found = rows.ask(
        "select figure, value, chance from model_figures where dataset = ? and asset = 'sync_encoder'",
        [dataset],
    )
    ordered = sorted(
        found, key=lambda row: (not is_rate(row["figure"]), "offset" in row["figure"], row["figure"])
    )
    return [_model_figure(row) for row in ordered if row["value"] is not None]


def _model_figure(row: Row) -> ModelFigure:
    value, chance = row["value"], row["chance"]
    shown = percent if is_rate(row["figure"]) else number
    above = ""
    if chance:
        above = f"{number(value / chance, 1)} {TIMES} chance" if is_rate(row["figure"]) else ""
        if not is_rate(row["figure"]):
            above = f"{number(abs(chance - value))} {'below' if value < chance else 'above'} chance"
    return ModelFigure(
        label=figure_label(row["figure"]),
        value=shown(value),
        chance=shown(chance) if chance is not None else "not defined",
        above=above,
    )


def curves(
    rows: Rows, dataset: str, labels: Mapping[str, str], settings: ReportSettings
) -> list[ModelCurves]:
    """All training curves, a model after the other."""
    points = rows.ask(
        "select asset, method, metric, split, step, value from training_curves "
        "where dataset = ? and value is not null order by step",
        [dataset],
    )
    chances = {
        (row["asset"], row["method"], row["figure"]): row["chance"]
        for row in rows.ask(
            "select asset, method, figure, chance from model_figures where dataset = ?", [dataset]
        )
    }
    by_model: dict[tuple[str, str | None], dict[str, dict[str, list[tuple[float, float]]]]] = {}
    for row in points:
        metrics = by_model.setdefault((row["asset"], row["method"]), {})
        metrics.setdefault(row["metric"], {}).setdefault(row["split"], []).append((row["step"], row["value"]))
    return [
        _model_curves(asset, method, by_model[(asset, method)], chances, labels, settings)
        for asset, method in sorted(by_model, key=_place)
    ]


def _place(model: tuple[str, str | None]) -> tuple[int, str]:
    asset, method = model
    return (ASSET_ORDER.index(asset) if asset in ASSET_ORDER else len(ASSET_ORDER), method or "")


def _model_curves(
    asset: str,
    method: str | None,
    metrics: Mapping[str, Mapping[str, list[tuple[float, float]]]],
    chances: Mapping[tuple[str, str | None, str], float | None],
    labels: Mapping[str, str],
    settings: ReportSettings,
) -> ModelCurves:
    title = stage_label(asset, labels.get(method, method) if method else None)
    main: list[Chart] = []
    more: list[Chart] = []
    for metric in sorted(metrics, key=lambda name: (name != MAIN_METRIC, name)):
        splits = metrics[metric]
        lines = [
            Line(name=name, look=split, points=thinned(splits[split], settings.max_curve_points))
            for split, name in (("train", "training"), ("val", "validation"))
            if split in splits
        ]
        chart = Chart(
            title=curve_label(metric),
            svg=line_chart(f"{title}: {metric}", lines, chance=chances.get((asset, method, metric))),
        )
        (main if metric == MAIN_METRIC or "val" in splits else more).append(chart)
    return ModelCurves(title=title, main=main, more=more)


def warnings(rows: Rows, dataset: str, labels: Mapping[str, str]) -> list[Row]:
    """What training warned of; the same warning of one model once, with its first and last step."""
    found = rows.ask(
        "select asset, method, warning, arg_max(text, step) as text, min(step) as first, max(step) as last, "
        "count(*) as times from model_warnings where dataset = ? group by asset, method, warning "
        "order by asset, method, warning",
        [dataset],
    )
    for row in found:
        row["model"] = stage_label(row["asset"], labels.get(row["method"], row["method"]))
        row["warning"] = row["warning"].replace("_", " ")
    return found
