"""Figure 3 of the page: LMD of a frame against the sound heard around it, and the effective context of each method."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from assets.context_window.effective_context import EffectiveContext, curves_of, effective_context
from assets.report.bands import BandLine, BandPoint, Span, band_chart
from assets.report.cells import Cell, MethodRow, difference_cell, in_order, label_of, lmd_cell, method_labels
from assets.report.missing_values import why_not_measured
from assets.report.paired import difference
from assets.report.rows import Row, Rows
from assets.report.training import Chart
from assets.report.wording import counted, interval, number, signed

STAGE = "context_window"
NOT_READ = "not published"


@dataclass(frozen=True, kw_only=True)
class Windows:
    """What the section shows.

    Args:
        why: why nothing was measured; empty where something was.
        looks: the chart's key: (name of the method, number of its look).
        contexts: effective context, both sides together, gain and clips of each method, then the paper's.
        methods: columns of ``table``, two a method.
        table: LMD by window, and its difference from the widest one on the same clips.
        missing: values that are not there, by reason.
    """

    why: str
    chart: Chart | None
    looks: list[tuple[str, int]]
    contexts: list[MethodRow]
    published: list[MethodRow]
    methods: list[str]
    table: list[MethodRow]
    missing: list[tuple[str, int]]


def figure_3(rows: Rows, dataset: str, methods: Collection[str]) -> Windows:
    """Figure 3 of a dataset.

    Args:
        methods: those of the dataset, as in ``cals.yaml``.
    """
    labels = method_labels(rows)
    found = rows.ask(
        "select method, clip_id, window_frames, lmd, detail from context_window "
        "where dataset = ? order by method, window_frames, clip_id",
        [dataset],
    )
    points = rows.ask(
        "select method, window_frames, lmd, low, high from figure_3 "
        "where corpus = ? and source = 'measured' and lmd is not null order by window_frames",
        [dataset],
    )
    names = in_order((row["method"] for row in found), labels)
    contexts = {name: effective_context(*curves_of(found, name)) for name in names}
    by_series: dict[tuple[str, int], dict[str, float]] = {}
    for row in found:
        if row["lmd"] is not None:
            by_series.setdefault((row["method"], row["window_frames"]), {})[row["clip_id"]] = row["lmd"]
    return Windows(
        why="" if found else why_not_measured(dataset, STAGE, methods),
        chart=_chart(points, names, contexts, labels) if points else None,
        looks=[(label_of(labels, name), look) for look, name in enumerate(names)],
        contexts=[_context_row(name, contexts[name], labels) for name in names],
        published=_published(rows),
        methods=[label_of(labels, name) for name in names],
        table=_table(points, by_series, names, sorted({row["window_frames"] for row in found})),
        missing=Counter(row["detail"] for row in found if row["lmd"] is None).most_common(),
    )


def _chart(
    points: list[Row],
    names: list[str],
    contexts: Mapping[str, EffectiveContext],
    labels: Mapping[str, Row],
) -> Chart:
    lines, spans = [], []
    for look, name in enumerate(names):
        label = label_of(labels, name)
        ours = [
            BandPoint(x=row["window_frames"], y=row["lmd"], low=row["low"], high=row["high"])
            for row in points
            if row["method"] == name
        ]
        lines.append(BandLine(name=label, look=look, points=ours))
        reach = contexts[name]
        if reach.reach_frames is not None and reach.low_frames is not None and reach.high_frames is not None:
            spans.append(
                Span(
                    name=f"effective context of {label}",
                    look=look,
                    x=reach.reach_frames,
                    low=reach.low_frames,
                    high=reach.high_frames,
                )
            )
    title = "LMD of the middle frame, px, with 95 % intervals"
    x_name = "sound heard on each side, frames of 40 ms"
    return Chart(title=title, svg=band_chart(title, lines, x_name=x_name, y_name="LMD, px", spans=spans))


def _context_row(name: str, context: EffectiveContext, labels: Mapping[str, Row]) -> MethodRow:
    if context.reach_frames is None or context.low_frames is None or context.high_frames is None:
        reach, width = Cell(why=context.detail.split(";")[0]), Cell(why="no estimate")
    else:
        low, high = context.low_frames, context.high_frames
        reach = Cell(text=number(context.reach_frames, 1), interval=interval(low, high, 1))
        seconds = context.reach_frames / 12.5
        width = Cell(text=number(seconds, 2), interval=interval(low / 12.5, high / 12.5, 2))
    gain = Cell(why="too few clips")
    if context.gain_px is not None:
        shown = interval(context.gain_low_px, context.gain_high_px, with_sign=True)
        gain = Cell(text=signed(context.gain_px), interval=shown)
    return MethodRow(
        method=name,
        label=label_of(labels, name),
        is_control=False,
        cells=[reach, width, gain, Cell(text=f"{context.num_clips:,}")],
    )


def _published(rows: Rows) -> list[MethodRow]:
    """The paper's best windows: read off its curve, so without an interval or a gain."""
    found = rows.ask(
        "select corpus, window_frames, lmd from figure_3 where source = 'published' order by corpus desc"
    )
    return [
        MethodRow(
            method="cals",
            label=f"CALS (paper), {row['corpus'].upper()}",
            is_control=False,
            cells=[
                Cell(text=f"{row['window_frames']}", why="best window"),
                Cell(text=number(row["window_frames"] / 12.5, 2)),
                Cell(why=f"{NOT_READ}; LMD there {number(row['lmd'])} px"),
                Cell(why=NOT_READ),
            ],
        )
        for row in found
    ]


def _table(
    points: list[Row],
    by_series: Mapping[tuple[str, int], Mapping[str, float]],
    names: list[str],
    windows: list[int],
) -> list[MethodRow]:
    means = {(row["method"], row["window_frames"]): row for row in points}
    table = []
    for window in windows:
        cells = []
        for name in names:
            point = means.get((name, window))
            if point is None:
                cells += [Cell(why="no clip has a value"), Cell(why="no clip has both")]
                continue
            cells.append(lmd_cell(point["lmd"], point["low"], point["high"]))
            widest = max(w for method, w in by_series if method == name)
            same = Cell(why="the widest window itself")
            pair = difference(by_series[name, window], by_series[name, widest], better="lower")
            cells.append(same if window == widest else difference_cell(pair, "lmd"))
        table.append(MethodRow(method="", label=_window_label(window), is_control=False, cells=cells))
    return table


def _window_label(window: int) -> str:
    """The window in frames on each side, and its whole width with the frame itself."""
    return f"{counted(window, 'frame')}, {(2 * window + 1) * 40} ms in all"
