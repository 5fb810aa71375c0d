"""Rows become tables of the schema, with the values that ``Table.from_pylist`` gives."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from assets.store.arrow_rows import table_of

SCHEMA = pa.schema([
    ("text", pa.string()),
    ("at", pa.timestamp("us", tz="UTC")),
    ("seen", pa.timestamp("us")),
    ("count", pa.int64()),
    ("seconds", pa.float64()),
    ("is_marked", pa.bool_()),
])  # fmt: skip
ROW = {
    "text": 'a "quoted"\nline, 2026-11-29, ü \U0001f600',
    "at": datetime(2026, 11, 29, 10, 59, 46, 287110, tzinfo=UTC),
    "seen": datetime(2026, 1, 2, 3, 4, 5),
    "count": (1 << 53) + 1,
    "seconds": 0.1 + 0.2,
    "is_marked": False,
}


def test_values_and_types_are_those_of_the_rows() -> None:
    rows = [ROW, dict.fromkeys(SCHEMA.names)]
    assert table_of(rows, SCHEMA).equals(pa.Table.from_pylist(rows, schema=SCHEMA))


@pytest.mark.parametrize("wrong", [{"colour": "red"}, {"count": "many"}, {"seconds": float("nan")}])
def test_a_row_of_another_shape_is_an_error(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        table_of([{**ROW, **wrong}], SCHEMA)


def test_pandas_is_not_loaded() -> None:
    code = "import sys, pyarrow as pa; from assets.store.arrow_rows import table_of; \
        table_of([{'a': 'x'}], pa.schema([('a', pa.string())])); assert 'pandas' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
