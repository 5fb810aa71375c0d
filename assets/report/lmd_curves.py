"""What Figures 2 and 3 of the page share: LMD of each method against a number of video frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from assets.report.band_chart import BandPoint
from assets.report.definitions import MethodDefinitions
from assets.report.formatting import format_interval, format_number
from assets.report.svg_charts import Legend
from assets.report.table_cells import Cell
from assets.report.warehouse_reader import Row
from cals_models.timebase import FPS

MS_PER_FRAME = 1000 // FPS
ByClip = dict[str, float]


def legend_of(names: Sequence[str], methods: MethodDefinitions) -> Legend:
    """Each method with its style: its place among those of the chart."""
    return [(methods.label(name), style) for style, name in enumerate(names)]


def values_by_clip(rows: Iterable[Row], frames: str, value: str) -> dict[tuple[str, int], ByClip]:
    """Clip id -> value of each method and number of frames; clips without a value are left out.

    Args:
        frames: column with the number of frames.
        value: column with the value.
    """
    found: dict[tuple[str, int], ByClip] = {}
    for row in rows:
        if row[value] is not None:
            found.setdefault((row["method"], row[frames]), {})[row["clip_id"]] = row[value]
    return found


def missing_by_reason(rows: Iterable[Row], value: str) -> list[tuple[str, int]]:
    """How many rows lack a value, by reason, the most frequent first."""
    return Counter(row["detail"] for row in rows if row[value] is None).most_common()


def band_points(points: Iterable[Row], frames: str, mean: str, ends: tuple[str, str]) -> list[BandPoint]:
    """Points of a curve from columns of ``figure_2`` or ``figure_3``.

    Args:
        ends: columns with the lower and the upper end of the interval.
    """
    low, high = ends
    return [BandPoint(x=row[frames], y=row[mean], low=row[low], high=row[high]) for row in points]


def lmd_cell(row: Row, mean: str, ends: tuple[str, str]) -> Cell:
    """A point of the curve: the mean with its interval, in crop pixels."""
    if row[mean] is None:
        return Cell(why="no clip has a value")
    return Cell(text=format_number(row[mean]), interval=format_interval(row[ends[0]], row[ends[1]]))
