"""Figure 3 of the page: LMD of a frame against the audio around it, and the effective context of each method."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from assets.context_window.effective_context import EffectiveContext, curves_of, effective_context
from assets.report.band_chart import BandLine, Span, band_chart
from assets.report.definitions import (
    PROPOSED_METHOD,
    MethodDefinitions,
    MetricDefinition,
    method_definitions,
    metric_definitions,
)
from assets.report.formatting import format_count, format_interval, format_number, format_signed
from assets.report.lmd_curves import (
    MS_PER_FRAME,
    ByClip,
    band_points,
    legend_of,
    lmd_cell,
    missing_by_reason,
    values_by_clip,
)
from assets.report.missing_values import why_not_measured
from assets.report.paired_difference import difference
from assets.report.svg_charts import Chart, Legend
from assets.report.table_cells import Cell, MethodRow, difference_cell
from assets.report.warehouse_reader import Row, WarehouseReader
from cals_models.timebase import FPS

STAGE = "context_window"
ENDS = ("low", "high")
NOT_PUBLISHED = "not published"


@dataclass(frozen=True, kw_only=True)
class ContextWindowSection:
    """What the section shows.

    Args:
        why: why nothing was measured; empty where something was.
        legend: of the chart.
        contexts: effective context, both sides together, gain and number of clips of each method.
        published: the same columns for the paper's best windows.
        methods: columns of ``table``, two a method.
        table: LMD by window, and its difference from the widest one on the same clips.
        missing: number of missing values by reason.
    """

    why: str
    chart: Chart | None
    legend: Legend
    contexts: list[MethodRow]
    published: list[MethodRow]
    methods: list[str]
    table: list[MethodRow]
    missing: list[tuple[str, int]]


def figure_3(
    warehouse: WarehouseReader, dataset: str, dataset_methods: Collection[str]
) -> ContextWindowSection:
    """Figure 3 of a dataset.

    Args:
        dataset_methods: those of the dataset, as in ``cals.yaml``.
    """
    methods, lmd = method_definitions(warehouse), metric_definitions(warehouse)["lmd"]
    found = warehouse.rows(
        "select method, clip_id, window_frames, lmd, detail from context_window "
        "where dataset = ? order by method, window_frames, clip_id",
        [dataset],
    )
    points = warehouse.rows(
        "select method, window_frames, lmd, low, high from figure_3 "
        "where corpus = ? and source = 'measured' and lmd is not null order by window_frames",
        [dataset],
    )
    names = methods.in_order(row["method"] for row in found)
    contexts = {name: effective_context(*curves_of(found, name)) for name in names}
    windows = sorted({row["window_frames"] for row in found})
    by_clip = values_by_clip(found, "window_frames", "lmd")
    return ContextWindowSection(
        why="" if found else why_not_measured(warehouse, dataset, STAGE, dataset_methods),
        chart=_chart(points, contexts, methods) if points else None,
        legend=legend_of(names, methods),
        contexts=[_context_row(name, contexts[name], methods) for name in names],
        published=_published(warehouse, methods),
        methods=[methods.label(name) for name in names],
        table=[_window_row(points, by_clip, names, window, lmd) for window in windows],
        missing=missing_by_reason(found, "lmd"),
    )


def _chart(points: list[Row], contexts: Mapping[str, EffectiveContext], methods: MethodDefinitions) -> Chart:
    lines, spans = [], []
    for style, (name, context) in enumerate(contexts.items()):
        measured = [row for row in points if row["method"] == name]
        curve = band_points(measured, "window_frames", "lmd", ENDS)
        lines.append(BandLine(name=methods.label(name), style=style, points=curve))
        x, low, high = context.reach_frames, context.low_frames, context.high_frames
        if x is not None and low is not None and high is not None:
            label = f"effective context of {methods.label(name)}"
            spans.append(Span(name=label, style=style, x=x, low=low, high=high))
    title = "LMD of the middle frame, px, with 95 % intervals"
    x_name = f"audio given on each side, frames of {MS_PER_FRAME} ms"
    return Chart(title=title, svg=band_chart(title, lines, x_name=x_name, y_name="LMD, px", spans=spans))


def _context_row(name: str, context: EffectiveContext, methods: MethodDefinitions) -> MethodRow:
    if context.reach_frames is None or context.low_frames is None or context.high_frames is None:
        reach, width = Cell(why=context.detail.split(";")[0]), Cell(why="no estimate")
    else:
        low, high = context.low_frames, context.high_frames
        reach = Cell(text=format_number(context.reach_frames, 1), interval=format_interval(low, high, 1))
        shown = format_interval(_seconds(low), _seconds(high), 2)
        width = Cell(text=format_number(_seconds(context.reach_frames), 2), interval=shown)
    gain = Cell(why="too few clips")
    if context.gain_px is not None:
        shown = format_interval(context.gain_low_px, context.gain_high_px, with_sign=True)
        gain = Cell(text=format_signed(context.gain_px), interval=shown)
    cells = [reach, width, gain, Cell(text=f"{context.num_clips:,}")]
    return MethodRow(method=name, label=methods.label(name), is_control=False, cells=cells)


def _seconds(reach_frames: float) -> float:
    """Seconds of audio on both sides together."""
    return reach_frames / (FPS / 2)


def _published(warehouse: WarehouseReader, methods: MethodDefinitions) -> list[MethodRow]:
    """The paper's best windows: read off its curve, so without an interval or a gain."""
    found = warehouse.rows(
        "select corpus, window_frames, lmd from figure_3 where source = 'published' order by corpus desc"
    )
    return [
        MethodRow(
            method=PROPOSED_METHOD,
            label=f"{methods.published_label(PROPOSED_METHOD)}, {row['corpus'].upper()}",
            is_control=False,
            cells=[
                Cell(text=f"{row['window_frames']}", why="best window"),
                Cell(text=format_number(_seconds(row["window_frames"]), 2)),
                Cell(why=f"{NOT_PUBLISHED}; LMD there {format_number(row['lmd'])} px"),
                Cell(why=NOT_PUBLISHED),
            ],
        )
        for row in found
    ]


def _window_row(
    points: list[Row],
    by_clip: Mapping[tuple[str, int], ByClip],
    names: Sequence[str],
    window: int,
    lmd: MetricDefinition,
) -> MethodRow:
    """LMD of each method with one window, and its difference from the method's widest window."""
    means = {row["method"]: row for row in points if row["window_frames"] == window}
    cells = []
    for name in names:
        if name not in means:
            cells += [Cell(why="no clip has a value"), Cell(why="no clip has both")]
            continue
        cells.append(lmd_cell(means[name], "lmd", ENDS))
        widest = max(frames for method, frames in by_clip if method == name)
        if window == widest:
            cells.append(Cell(why="the widest window itself"))
        else:
            pair = difference(by_clip[name, window], by_clip[name, widest], better=lmd.better)
            cells.append(difference_cell(pair, lmd))
    return MethodRow(method="", label=_window_label(window), is_control=False, cells=cells)


def _window_label(window: int) -> str:
    """The window in frames on each side, and its whole width with the frame itself."""
    return f"{format_count(window, 'frame')}, {(2 * window + 1) * MS_PER_FRAME} ms in all"
