"""Figure 2 of the page: frames whose audio is masked, as images and as LMD against the length of the mask."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from assets.masked_audio.strip_file import ALL_AUDIO, TRUE, StripRow, read_strip
from assets.project.home import Home
from assets.report.band_chart import BandLine, band_chart
from assets.report.definitions import (
    MethodDefinitions,
    MetricDefinition,
    method_definitions,
    metric_definitions,
)
from assets.report.formatting import format_count
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
from assets.report.paired_difference import difference, difference_from_zero
from assets.report.svg_charts import Chart, Legend
from assets.report.table_cells import Cell, Group, MethodRow, difference_cell
from assets.report.warehouse_reader import Row, WarehouseReader

STAGE = "masked_audio"
MASKED, UNMASKED = "lmd_masked", "lmd_unmasked"
ENDS = {column: (f"{column}_low", f"{column}_high") for column in (MASKED, UNMASKED)}
Costs = Mapping[tuple[str, int], ByClip]


@dataclass(frozen=True, kw_only=True)
class StripView:
    """The frames as a page shows them: an image, what its rows are, and which columns are masked."""

    url: str
    clip_id: str
    labels: list[str]
    hidden: list[bool]
    text: str


@dataclass(frozen=True, kw_only=True)
class MaskedAudioSection:
    """What the section shows.

    Args:
        why: why nothing was measured; empty where something was.
        strip: frames of one clip; None where none is kept, and then ``why_no_strip`` says why.
        legend: of the chart.
        groups: a method's LMD with all audio and with the mask, and what the mask costs, by length.
        pairs: what the mask costs the headline method minus what it costs each other one, by length.
        others: methods of the columns of ``pairs``.
        missing: number of missing values by reason.
    """

    why: str
    strip: StripView | None
    why_no_strip: str
    chart: Chart | None
    legend: Legend
    groups: list[Group]
    pairs: list[MethodRow]
    others: list[str]
    missing: list[tuple[str, int]]


def figure_2(
    home: Home, warehouse: WarehouseReader, dataset: str, dataset_methods: Collection[str], headline: str
) -> MaskedAudioSection:
    """Figure 2 of a dataset.

    Args:
        dataset_methods: those of the dataset, as in ``cals.yaml``.
    """
    methods, lmd = method_definitions(warehouse), metric_definitions(warehouse)["lmd"]
    found = warehouse.rows(
        "select method, clip_id, mask_frames, lmd_masked, lmd_unmasked, detail from masked_audio "
        "where dataset = ? order by method, mask_frames, clip_id",
        [dataset],
    )
    points = warehouse.rows(
        "select method, mask_frames, lmd_masked, lmd_masked_low, lmd_masked_high, lmd_unmasked, lmd_unmasked_low, "
        "lmd_unmasked_high, num_clips from figure_2 where dataset = ? order by mask_frames",
        [dataset],
    )
    names = methods.in_order(row["method"] for row in found)
    others = [name for name in names if name != headline]
    costs = _costs(found)
    lengths = sorted({row["mask_frames"] for row in found})
    strip, why_no_strip = _strip(home, dataset, methods)
    has_pairs = headline in names and others
    return MaskedAudioSection(
        why="" if found else why_not_measured(warehouse, dataset, STAGE, dataset_methods),
        strip=strip,
        why_no_strip=why_no_strip,
        chart=_chart(points, names, methods) if costs else None,
        legend=legend_of(names, methods),
        groups=[_group(points, costs, name, methods, lmd) for name in names],
        pairs=[_pair_row(costs, headline, others, length, lmd) for length in lengths] if has_pairs else [],
        others=[methods.label(name) for name in others],
        missing=missing_by_reason(found, MASKED),
    )


def _costs(found: list[Row]) -> dict[tuple[str, int], ByClip]:
    """LMD with the mask minus LMD with all audio, by (method, length of the mask) and clip."""
    masked, unmasked = (values_by_clip(found, "mask_frames", column) for column in (MASKED, UNMASKED))
    costs = {}
    for key in masked.keys() & unmasked.keys():
        both = masked[key].keys() & unmasked[key].keys()
        if both:
            costs[key] = {clip: masked[key][clip] - unmasked[key][clip] for clip in both}
    return costs


def _chart(points: list[Row], names: Sequence[str], methods: MethodDefinitions) -> Chart:
    lines = []
    for style, name in enumerate(names):
        measured = [row for row in points if row["method"] == name and row["num_clips"]]
        for column, what in ((MASKED, "masked"), (UNMASKED, "all audio")):
            lines.append(
                BandLine(
                    name=f"{methods.label(name)}, {what}",
                    style=style,
                    is_dashed=column == UNMASKED,
                    points=band_points(measured, "mask_frames", column, ENDS[column]),
                )
            )
    title = "LMD of masked frames, px, with 95 % intervals"
    x_name = f"audio masked, frames of {MS_PER_FRAME} ms"
    return Chart(title=title, svg=band_chart(title, lines, x_name=x_name, y_name="LMD, px"))


def _group(
    points: list[Row], costs: Costs, method: str, methods: MethodDefinitions, lmd: MetricDefinition
) -> Group:
    table = []
    for row in points:
        if row["method"] != method:
            continue
        cost = difference_from_zero(costs.get((method, row["mask_frames"]), {}), better=lmd.better)
        means = [lmd_cell(row, column, ENDS[column]) for column in (UNMASKED, MASKED)]
        cells = [*means, difference_cell(cost, lmd), Cell(text=f"{row['num_clips']:,}")]
        label = _mask_label(row["mask_frames"])
        table.append(MethodRow(method=method, label=label, is_control=False, cells=cells))
    return Group(title=methods.label(method), source="measured", corpus=method, rows=table)


def _pair_row(
    costs: Costs, headline: str, others: Sequence[str], length: int, lmd: MetricDefinition
) -> MethodRow:
    ours = costs.get((headline, length), {})
    cells = [
        difference_cell(difference(ours, costs.get((other, length), {}), better=lmd.better), lmd)
        for other in others
    ]
    return MethodRow(method=headline, label=_mask_label(length), is_control=False, cells=cells)


def _mask_label(length: int) -> str:
    return f"{format_count(length, 'frame')}, {length * MS_PER_FRAME} ms"


def _strip(home: Home, dataset: str, methods: MethodDefinitions) -> tuple[StripView | None, str]:
    """The kept frames, or why there are none."""
    path = home.stage(STAGE, dataset) / "pictures" / "masked_frames.png"
    if not path.exists():
        return None, "No clip is long enough for a mask, or the stage masked_audio has not run."
    try:
        strip = read_strip(path)
    except ValueError as error:
        return None, f"The frames can't be shown: {error}."
    image = np.concatenate([np.concatenate(list(row), axis=1) for row in strip.frames])
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    labels = [_row_label(row, methods) for row in strip.rows]
    text = (
        f"{format_count(len(strip.hidden), 'frame')} of one clip, {sum(strip.hidden)} of them with masked audio; "
        f"rows: {'; '.join(labels)}"
    )
    url = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
    return StripView(url=url, clip_id=strip.clip_id, labels=labels, hidden=list(strip.hidden), text=text), ""


def _row_label(row: StripRow, methods: MethodDefinitions) -> str:
    if row.audio == TRUE:
        return "True frames"
    return f"{methods.label(row.method)}, {'all audio' if row.audio == ALL_AUDIO else row.audio}"
