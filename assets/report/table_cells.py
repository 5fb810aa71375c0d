"""Cells, rows and groups of rows of the page's tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from assets.report.definitions import MetricDefinition
from assets.report.formatting import (
    format_count,
    format_interval,
    format_number,
    format_p_value,
    format_signed,
)
from assets.report.warehouse_reader import Row


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One value with its interval, or why there is none.

    Args:
        p_value: of a paired test, in words.
        published: the paper's value of the same kind, in words.
    """

    text: str = ""
    interval: str = ""
    why: str = ""
    is_best: bool = False
    verdict: str = ""
    p_value: str = ""
    published: str = ""


@dataclass(frozen=True, kw_only=True)
class MethodRow:
    """One method's values; cells in the order of the table's columns.

    Args:
        values: those that compare with the other rows'.
        note: printed under the label.
    """

    method: str
    label: str
    is_control: bool
    cells: Sequence[Cell]
    values: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    @property
    def why(self) -> str:
        """The one reason why the whole row has no value; empty where it has one, or several reasons."""
        reasons = {cell.why for cell in self.cells}
        return reasons.pop() if len(reasons) == 1 and not any(cell.text for cell in self.cells) else ""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Rows that compare with each other: one corpus, measured or published."""

    title: str
    source: str
    corpus: str
    rows: Sequence[MethodRow]


def value_cell(row: Row | None, metric: MetricDefinition, why: str = "not measured") -> Cell:
    """The mean with its interval, or the reason that it is missing."""
    if row is None:
        return Cell(why=why)
    if row["mean"] is None:
        num_missing = format_count(row["num_missing"], "clip")
        return Cell(why=row["why_missing"] or f"no value on {num_missing}, no reason given")
    missing = format_count(row["num_missing"], "clip") + " missing" if row["num_missing"] else ""
    shown = format_interval(row["low"], row["high"], metric.decimals)
    if len(set(shown.split(" to "))) == 1:
        shown = ""
    return Cell(text=format_number(row["mean"], metric.decimals), interval=shown, why=missing)


def difference_cell(row: Row | None, metric: MetricDefinition, why: str = "no clip has both") -> Cell:
    """A paired difference with interval, p-value and what it means, or why there is none.

    Args:
        row: mean_difference, low, high, p_value, is_better, as in ``method_differences``.
    """
    if row is None:
        return Cell(why=why)
    verdict = {True: "better", False: "worse", None: "no clear difference"}[row["is_better"]]
    if row["is_better"] is None and row["low"] is not None and not row["low"] <= 0 <= row["high"]:
        verdict = "too few clips to tell"
    return Cell(
        text=format_signed(row["mean_difference"], metric.decimals),
        interval=format_interval(row["low"], row["high"], metric.decimals, with_sign=True),
        verdict=verdict if row["low"] is not None else "too few clips for an interval",
        p_value=format_p_value(row["p_value"]) if row["low"] is not None else "",
    )


def with_best_marked(
    rows: Sequence[MethodRow], columns: Sequence[str], better: Mapping[str, str]
) -> list[MethodRow]:
    """Marks the best cell of each column among methods that are not controls.

    Args:
        columns: keys of ``MethodRow.values``, in the order of the cells.
        better: column -> ``higher`` or ``lower``.
    """
    marked = [list(row.cells) for row in rows]
    for place, column in enumerate(columns):
        candidates = [
            (row.values[column], i)
            for i, row in enumerate(rows)
            if column in row.values and not row.is_control
        ]
        if len(candidates) < 2:
            continue
        best = (max if better[column] == "higher" else min)(value for value, _ in candidates)
        for value, i in candidates:
            if value == best:
                marked[i][place] = replace(marked[i][place], is_best=True)
    return [replace(row, cells=cells) for row, cells in zip(rows, marked, strict=True)]
