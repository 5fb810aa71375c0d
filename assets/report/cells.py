"""Cells, rows and columns of the page's tables of figures, from the warehouse's summaries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from assets.report.rows import Row, Rows
from assets.report.wording import counted, decimals_of, interval, number, p_value, signed

HEADLINE_METRICS = ("psnr", "ssim", "lmd", "lse_d", "lse_c")
SIGNIFICANT = 0.05
PROTOCOLS = {"lse_d": "lse_crop", "lse_c": "lse_crop"}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One figure: the value, its interval, or why there is none.

    Args:
        p_value: of a paired test, in words.
        published: the paper's figure of the same kind, in words.
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
    """One method's figures; cells in the order of the table's columns."""

    method: str
    label: str
    is_control: bool
    cells: Sequence[Cell]
    values: Mapping[str, float] = field(default_factory=dict)

    @property
    def why(self) -> str:
        """The one reason why the whole row has no figure; empty where it has one, or several reasons."""
        reasons = {cell.why for cell in self.cells}
        return reasons.pop() if len(reasons) == 1 and not any(cell.text for cell in self.cells) else ""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Rows that compare with each other: one corpus, measured or published."""

    title: str
    source: str
    corpus: str
    rows: Sequence[MethodRow]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A column: its heading, unit, direction and meaning."""

    name: str
    label: str
    unit: str
    better: str
    description: str

    @property
    def arrow(self) -> str:
        return "\N{UPWARDS ARROW}" if self.better == "higher" else "\N{DOWNWARDS ARROW}"


def metrics(rows: Rows) -> dict[str, Metric]:
    found = rows.ask(
        "select metric, label, unit, better, description from metric_definitions order by position"
    )
    return {
        row["metric"]: Metric(
            name=row["metric"],
            label=row["label"],
            unit="" if row["unit"] == "1" else row["unit"],
            better=row["better"],
            description=row["description"],
        )
        for row in found
    }


def method_labels(rows: Rows) -> dict[str, Row]:
    """Label, position, description and is_control of the known methods."""
    found = rows.ask("select method, label, position, is_control, description from method_definitions")
    return {row["method"]: row for row in found}


def label_of(labels: Mapping[str, Row], method: str) -> str:
    return labels[method]["label"] if method in labels else method


def in_order(methods: Iterable[str], labels: Mapping[str, Row]) -> list[str]:
    return sorted(set(methods), key=lambda m: (labels[m]["position"] if m in labels else 99, m))


def summary(rows: Rows, dataset: str) -> dict[tuple[str, str, str], Row]:
    """``metric_summary`` by (method, audio, metric), for the protocols that the page shows."""
    found = rows.ask(
        "select method, audio, protocol, metric, evaluator, mean, low, high, num_clips, num_missing, why_missing "
        "from metric_summary where dataset = ? order by evaluator nulls first",
        [dataset],
    )
    wanted = [row for row in found if row["protocol"] == PROTOCOLS.get(row["metric"], "primary")]
    return {(row["method"], row["audio"], row["metric"]): row for row in reversed(wanted)}


def value_cell(row: Row | None, metric: str, why: str = "not measured") -> Cell:
    """The mean with its interval, or the reason that it is missing."""
    if row is None:
        return Cell(why=why)
    if row["mean"] is None:
        return Cell(
            why=row["why_missing"] or f"no value on {counted(row['num_missing'], 'clip')}, no reason given"
        )
    decimals = decimals_of(metric)
    missing = counted(row["num_missing"], "clip") + " missing" if row["num_missing"] else ""
    shown = interval(row["low"], row["high"], decimals)
    if len(set(shown.split(" to "))) == 1:
        shown = ""
    return Cell(text=number(row["mean"], decimals), interval=shown, why=missing)


def lmd_cell(mean: float | None, low: float | None, high: float | None) -> Cell:
    """A point of Figure 2 or 3, as its view has it: the mean with its interval, in crop pixels."""
    if mean is None:
        return Cell(why="no clip has a value")
    return Cell(text=number(mean), interval=interval(low, high))


def difference_cell(row: Row | None, metric: str, why: str = "no clip has both") -> Cell:
    """A paired difference with interval, p-value and what it means, or why there is none.

    It is called better or worse only where interval and test agree: with a handful of clips a bootstrap interval is too
    narrow, and the test can't come out small.

    Args:
        row: mean_difference, low, high, p_value, is_better, as in ``method_differences``.
    """
    if row is None:
        return Cell(why=why)
    verdict = {True: "better", False: "worse", None: "no clear difference"}[row["is_better"]]
    if row["is_better"] is not None and row["p_value"] >= SIGNIFICANT:
        verdict = "too few clips to tell"
    decimals = decimals_of(metric)
    return Cell(
        text=signed(row["mean_difference"], decimals),
        interval=interval(row["low"], row["high"], decimals, with_sign=True),
        verdict=verdict if row["low"] is not None else "too few clips for an interval",
        p_value=p_value(row["p_value"]) if row["low"] is not None else "",
    )


def with_best_marked(
    rows: Sequence[MethodRow], columns: Sequence[str], better: Mapping[str, str]
) -> list[MethodRow]:
    """Marks the best cell of each column among methods that are not controls."""
    marked = [list(row.cells) for row in rows]
    for place, metric in enumerate(columns):
        candidates = [
            (row.values[metric], i)
            for i, row in enumerate(rows)
            if metric in row.values and not row.is_control
        ]
        if len(candidates) < 2:
            continue
        best = (max if better[metric] == "higher" else min)(value for value, _ in candidates)
        for value, i in candidates:
            if value == best:
                marked[i][place] = replace(marked[i][place], is_best=True)
    return [replace(row, cells=cells) for row, cells in zip(rows, marked, strict=True)]


def measured_row(
    method: str,
    measured: Mapping[tuple[str, str, str], Row],
    labels: Mapping[str, Row],
    columns: Sequence[str],
    why: str = "not measured",
) -> MethodRow:
    """A method's means with its own audio; ``why`` stands where the warehouse has no row."""
    found = {metric: measured.get((method, "own", metric)) for metric in columns}
    return MethodRow(
        method=method,
        label=label_of(labels, method),
        is_control=method in labels and labels[method]["is_control"],
        cells=[value_cell(found[metric], metric, why) for metric in columns],
        values={m: row["mean"] for m, row in found.items() if row is not None and row["mean"] is not None},
    )
