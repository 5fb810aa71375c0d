"""Values of the warehouse's tables and views: which materialisations computed them, and what they are.

A value is called ``TABLE/DATASET/METHOD`` and, of that row, ``/COLUMN`` and ``/FRAMES``: ``table_3/grid/cals/psnr``,
``figure_2/grid/cals/lmd_masked/10``. Of ``metric_summary`` the protocol and the audio may follow the metric; of
``method_differences`` the other method comes before it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assets.project.graph import STAGES
from assets.project.home import Home
from assets.store.table_parts import part_path
from pipelines.lineage.ledger_graph import Row
from pipelines.lineage.trace import LineageError, Tracer

TABLE_ASSETS = {
    "table_1": "clip_metrics",
    "table_2": "metric_report",
    "table_3": "clip_metrics",
    "metric_summary": "clip_metrics",
    "wrong_audio_margin": "clip_metrics",
    "method_differences": "clip_metrics",
    "set_metrics": "clip_metrics",
    "figure_2": "masked_audio",
    "figure_3": "context_window",
}
"""Table or view -> asset whose materialisation computed its values."""
MODEL_TABLES = ("models", "model_figures", "training_curves")
"""Their values are those of one model: what follows the table's name is the model's."""
# Protocol of each metric in the tables.
HEADLINE = {"psnr": "primary", "ssim": "primary", "lmd": "primary", "lse_d": "lse_crop", "lse_c": "lse_crop"}
CURVE_COLUMNS = {"figure_2": ("lmd_masked", "lmd_unmasked"), "figure_3": ("lmd",)}
_FRAMES = {"figure_2": "mask_frames", "figure_3": "window_frames"}
_PARTS = {"figure_2": "masked_audio", "figure_3": "context_window"}
EXAMPLES = {
    "figure_2": "figure_2/sample_lrs2/cals/lmd_masked/10",
    "figure_3": "figure_3/sample_lrs2/cals/lmd/5",
    "method_differences": "method_differences/sample_lrs2/cals/wav2lip/lmd",
}


@dataclass(frozen=True, kw_only=True)
class Value:
    """One value, or all of a row of a table.

    Args:
        text: as it was given.
        table: of the warehouse.
        dataset: of its row.
        method: of its row.
        column: metric or column; empty for all of the row.
        rest: what follows it: frames, or protocol and audio.
        rows: materialisations that computed it.
    """

    text: str
    table: str
    dataset: str
    method: str
    column: str
    rest: tuple[str, ...]
    rows: tuple[Row, ...]


def find_value(tracer: Tracer, given: str) -> Value | None:
    """The value that is called so; None if it is no value's name.

    Raises:
        LineageError: there is no such table's row on record.
    """
    table, *rest = given.split("/")
    if table not in TABLE_ASSETS or not rest:
        return None
    if rest[1:2] == ["external"]:
        rest[1:3] = ["/".join(rest[1:3])]
    dataset, method, *more = (*rest, "")[: max(2, len(rest))]
    if not method or len(more) > 3:
        example = EXAMPLES.get(table, f"{table}/sample_lrs2/cals/psnr")
        raise LineageError(f"{given!r}: a value is {table}/DATASET/METHOD/METRIC, e.g. {example}")
    others = []
    if table == "method_differences" and more:
        others = [_row(tracer, given, table, dataset, more.pop(0))]
    return Value(
        text=given,
        table=table,
        dataset=dataset,
        method=method,
        column=more[0] if more else "",
        rest=tuple(more[1:]),
        rows=(_row(tracer, given, table, dataset, method), *others),
    )


def _row(tracer: Tracer, given: str, table: str, dataset: str, method: str) -> Row:
    asset = TABLE_ASSETS[table]
    heads = tracer.graph.heads
    if STAGES[asset].by_method:
        row = heads.get((asset, dataset, method))
        made = sorted(m for a, d, m in heads if (a, d) == (asset, dataset) and m)
    else:
        made = _methods_in(tracer.home, table, dataset)
        row = heads.get((asset, dataset, None)) if method in made or table not in _PARTS else None
    if row is None:
        known = f"it is there for {', '.join(made)}" if made else "nothing was scored for that dataset"
        raise LineageError(f"{given}: no {asset} of {dataset} by {method} is on record; {known}")
    return row


def _methods_in(home: Home, table: str, dataset: str) -> list[str]:
    path = part_path(home, _PARTS.get(table, "mos_ratings"), dataset)
    if not path.exists():
        return []
    return sorted(set(pq.read_table(path, columns=["method"], partitioning=None)["method"].to_pylist()))


def value_node(home: Home, value: Value) -> dict[str, Any]:
    """Node of a trace, with the value where it is one mean over clips."""
    node: dict[str, Any] = {"id": f"figure:{value.text}", "kind": "figure", "label": value.text}
    node |= {"dataset": value.dataset, "method": value.method, "metric": value.column or None}
    if not value.column:
        return node
    if value.table in _PARTS:
        return node | _point(home, value)
    if value.table in ("table_1", "table_3", "metric_summary"):
        return node | _mean(home, value)
    return node


def _mean(home: Home, value: Value) -> dict[str, Any]:
    protocol, audio = (*value.rest, *("", "")[len(value.rest) :])[:2]
    scores = _scores(home, value.dataset, value.method)
    scores = scores.filter(pc.equal(scores["audio"], audio or "own"))
    there = sorted(set(scores["metric"].to_pylist()))
    if value.column not in there:
        raise LineageError(
            f"{value.text}: no metric {value.column!r}; scored are {', '.join(there) or 'none'}"
        )
    scores = scores.filter(pc.equal(scores["metric"], value.column))
    protocol = protocol or _usual_protocol(value.column, scores["protocol"].to_pylist())
    return _summary(scores.filter(pc.equal(scores["protocol"], protocol))["value"]) | {"protocol": protocol}


def _usual_protocol(metric: str, measured: Collection[str]) -> str:
    """That of the tables; where the metric was not measured by it, the first that it was measured by."""
    usual = HEADLINE.get(metric, "primary")
    return usual if usual in measured else min(measured, default=usual)


def _point(home: Home, value: Value) -> dict[str, Any]:
    columns = CURVE_COLUMNS[value.table]
    if value.column not in columns:
        raise LineageError(
            f"{value.text}: no column {value.column!r}; {value.table} has {', '.join(columns)}"
        )
    table = pq.read_table(part_path(home, _PARTS[value.table], value.dataset), partitioning=None)
    table = table.filter(pc.equal(table["method"], value.method))
    if not value.rest:
        return {}
    frames = table[_FRAMES[value.table]]
    there = sorted(set(frames.to_pylist()))
    if value.rest[0] not in map(str, there):
        shown = ", ".join(map(str, there))
        raise LineageError(f"{value.text}: no value at {value.rest[0]} frames; there are {shown}")
    return _summary(table.filter(pc.equal(frames, int(value.rest[0])))[value.column]) | {
        "protocol": "primary"
    }


def _summary(values: pa.ChunkedArray) -> dict[str, Any]:
    return {"value": pc.mean(values).as_py(), "num_clips": len(values) - values.null_count}


def _scores(home: Home, dataset: str, method: str) -> pa.Table:
    path = part_path(home, "clip_metrics", dataset, method)
    columns = ["audio", "protocol", "metric", "value", "clip_id"]
    if not path.exists():
        return pa.table({name: pa.array([], pa.string()) for name in columns})
    return pq.read_table(path, columns=columns, partitioning=None)


def values_of(home: Home, row: Row) -> Iterator[Value]:
    """The values of the paper's tables and curves that a current materialisation computed, one a method and column."""
    dataset, method = row["dataset"], row["method"]
    if row["asset"] == "clip_metrics":
        there = set(_scores(home, dataset, method)["metric"].to_pylist())
        for table in ("table_3", "table_1"):
            yield from (_of(row, table, method, metric) for metric in HEADLINE if metric in there)
    for table, asset in TABLE_ASSETS.items():
        if asset == row["asset"] and table in _PARTS:
            for one in _methods_in(home, table, dataset):
                yield from (_of(row, table, one, column) for column in CURVE_COLUMNS[table])


def _of(row: Row, table: str, method: str, column: str) -> Value:
    text = f"{table}/{row['dataset']}/{method}/{column}"
    return Value(
        text=text, table=table, dataset=row["dataset"], method=method, column=column, rest=(), rows=(row,)
    )
