"""The value of a metric: the protocol that it is given by."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.project.home import Home
from assets.store.table_parts import write_part
from pipelines.lineage.values import Value, value_node


@pytest.mark.parametrize(
    ("metric", "rest", "value", "protocol"),
    [
        ("lmd", (), 1.0, "primary"),
        ("lmd", ("atvgnet",), 20.0, "atvgnet"),
        ("opening_audio", (), 0.5, "opening"),
        ("opening_audio", ("", "other"), 0.25, "opening"),
    ],
)
def test_a_metric_is_given_by_its_usual_protocol(
    tmp_path: Path, metric: str, rest: tuple[str, ...], value: float, protocol: str
) -> None:
    rows = [("primary", "lmd", "own", 1.0), ("atvgnet", "lmd", "own", 20.0), ("opening", "opening_audio", "own", 0.5),
            ("opening", "opening_audio", "other", 0.25)]  # fmt: skip
    write_part(
        Home(tmp_path),
        "clip_metrics",
        [
            {"dataset": "d", "method": "cals", "clip_id": "d/test/a", "audio": audio, "protocol": name, "metric": of,
             "value": number, "evaluator": "dlib"}
            for name, of, audio, number in rows
        ],
        dataset="d",
        method="cals",
    )  # fmt: skip
    named = Value(
        text="x", table="metric_summary", dataset="d", method="cals", column=metric, rest=rest, rows=()
    )
    node = value_node(Home(tmp_path), named)
    assert (node["value"], node["protocol"], node["num_clips"]) == (value, protocol, 1)
