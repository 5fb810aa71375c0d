"""Figure 2 of the page: frames whose sound is masked, as pictures and as LMD against the length of the mask."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from assets.masked_audio.strip_file import TRUE, read_strip
from assets.project.home import Home
from assets.report.bands import BandLine, BandPoint, band_chart
from assets.report.cells import (
    Cell,
    Group,
    MethodRow,
    difference_cell,
    in_order,
    label_of,
    lmd_cell,
    method_labels,
)
from assets.report.missing_values import why_not_measured
from assets.report.paired import difference
from assets.report.rows import Row, Rows
from assets.report.training import Chart
from assets.report.wording import counted

STAGE = "masked_audio"
FRAME_MS = 40
ByClip = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class StripView:
    """The frames as a page shows them: a picture, what its rows are, and which columns are masked."""

    url: str
    clip_id: str
    labels: list[str]
    hidden: list[bool]
    text: str


@dataclass(frozen=True, kw_only=True)
class Masks:
    """What the section shows.

    Args:
        why: why nothing was measured; empty where something was.
        strip: frames of one clip; None where none is kept, and then ``why_no_strip`` says why.
        looks: the chart's key: (name of the method, number of its look).
        groups: a method's LMD with all sound and with the mask, and what the mask costs, by length.
        pairs: what the mask costs the headline method less what it costs each other one, by length.
        others: methods of the columns of ``pairs``.
        missing: values that are not there, by reason.
    """

    why: str
    strip: StripView | None
    why_no_strip: str
    chart: Chart | None
    looks: list[tuple[str, int]]
    groups: list[Group]
    pairs: list[MethodRow]
    others: list[str]
    missing: list[tuple[str, int]]


def figure_2(home: Home, rows: Rows, dataset: str, methods: Collection[str], headline: str) -> Masks:
    """Figure 2 of a dataset.

    Args:
        methods: those of the dataset, as in ``cals.yaml``.
    """
    labels = method_labels(rows)
    found = rows.ask(
        "select method, clip_id, mask_frames, lmd_masked, lmd_unmasked, detail from masked_audio "
        "where dataset = ? order by method, mask_frames, clip_id",
        [dataset],
    )
    points = rows.ask(
        "select method, mask_frames, lmd_masked, lmd_masked_low, lmd_masked_high, lmd_unmasked, lmd_unmasked_low, "
        "lmd_unmasked_high, num_clips from figure_2 where dataset = ? order by mask_frames",
        [dataset],
    )
    measured = [row for row in found if row["lmd_masked"] is not None and row["lmd_unmasked"] is not None]
    names = in_order((row["method"] for row in found), labels)
    strip, why_no_strip = _strip(home, dataset, labels)
    others = [name for name in names if name != headline]
    lengths = sorted({row["mask_frames"] for row in found})
    return Masks(
        why="" if found else why_not_measured(dataset, STAGE, methods),
        strip=strip,
        why_no_strip=why_no_strip,
        chart=_chart(points, names, labels) if measured else None,
        looks=[(label_of(labels, name), look) for look, name in enumerate(names)],
        groups=[_group(points, measured, name, labels) for name in names],
        pairs=_pairs(measured, headline, others, lengths) if headline in names and others else [],
        others=[label_of(labels, name) for name in others],
        missing=Counter(row["detail"] for row in found if row["lmd_masked"] is None).most_common(),
    )


def _values(measured: list[Row], method: str, length: int) -> tuple[ByClip, ByClip]:
    """LMD of masked frames and of the same frames with all sound, by clip."""
    some = [row for row in measured if row["method"] == method and row["mask_frames"] == length]
    return (
        {row["clip_id"]: row["lmd_masked"] for row in some},
        {row["clip_id"]: row["lmd_unmasked"] for row in some},
    )


def _chart(points: list[Row], names: list[str], labels: Mapping[str, Row]) -> Chart:
    lines = []
    for look, name in enumerate(names):
        ours = [row for row in points if row["method"] == name and row["num_clips"]]
        for column, what in (("lmd_masked", "masked"), ("lmd_unmasked", "all sound")):
            lines.append(
                BandLine(
                    name=f"{label_of(labels, name)}, {what}",
                    look=look,
                    is_dashed=column == "lmd_unmasked",
                    points=[
                        BandPoint(
                            x=row["mask_frames"],
                            y=row[column],
                            low=row[f"{column}_low"],
                            high=row[f"{column}_high"],
                        )
                        for row in ours
                    ],
                )
            )
    title = "LMD of masked frames, px, with 95 % intervals"
    svg = band_chart(title, lines, x_name="sound masked, frames of 40 ms", y_name="LMD, px")
    return Chart(title=title, svg=svg)


def _group(points: list[Row], measured: list[Row], method: str, labels: Mapping[str, Row]) -> Group:
    table = []
    for row in points:
        if row["method"] != method:
            continue
        length = row["mask_frames"]
        cost = difference(*_values(measured, method, length), better="lower")
        table.append(
            MethodRow(
                method=method,
                label=f"{counted(length, 'frame')}, {length * FRAME_MS} ms",
                is_control=False,
                cells=[
                    lmd_cell(row["lmd_unmasked"], row["lmd_unmasked_low"], row["lmd_unmasked_high"]),
                    lmd_cell(row["lmd_masked"], row["lmd_masked_low"], row["lmd_masked_high"]),
                    difference_cell(cost, "lmd", "no clip has both"),
                    Cell(text=f"{row['num_clips']:,}"),
                ],
            )
        )
    return Group(title=label_of(labels, method), source="measured", corpus=method, rows=table)


def _pairs(measured: list[Row], headline: str, others: list[str], lengths: list[int]) -> list[MethodRow]:
    table = []
    for length in lengths:
        costs = {name: _cost(*_values(measured, name, length)) for name in (headline, *others)}
        table.append(
            MethodRow(
                method=headline,
                label=f"{counted(length, 'frame')}, {length * FRAME_MS} ms",
                is_control=False,
                cells=[
                    difference_cell(difference(costs[headline], costs[other], better="lower"), "lmd")
                    for other in others
                ],
            )
        )
    return table


def _cost(masked: ByClip, unmasked: ByClip) -> ByClip:
    return {clip: masked[clip] - unmasked[clip] for clip in masked}


def _strip(home: Home, dataset: str, labels: Mapping[str, Row]) -> tuple[StripView | None, str]:
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
    names = [
        "True frames" if row.sound == TRUE else f"{label_of(labels, row.method)}, {row.sound}"
        for row in strip.rows
    ]
    text = (
        f"{counted(len(strip.hidden), 'frame')} of one clip, {sum(strip.hidden)} of them with masked sound; "
        f"rows: {'; '.join(names)}"
    )
    url = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
    return StripView(url=url, clip_id=strip.clip_id, labels=names, hidden=list(strip.hidden), text=text), ""
