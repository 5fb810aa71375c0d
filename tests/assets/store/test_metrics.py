"""The table of metrics: every entry names a declaration, and their order is the order of tables."""

from __future__ import annotations

import subprocess
import sys

import pytest

from assets.metrics.metric_kinds import FrameMetric, LandmarkMetric, NetworkMetric, metrics_of
from assets.store import metrics
from assets.store.metrics import declared_metrics, definition_rows, measured_metrics


def test_rows_are_in_the_order_of_the_table() -> None:
    rows = definition_rows()
    assert [row["metric"] for row in rows] == [
        "psnr", "ssim", "lmd", "lse_d", "lse_c", "psnr_mouth", "ssim_mouth", "opening_audio", "opening_source",
        "silence_movement", "csim", "lpips", "fid",
        "visual_quality", "lip_sync_quality", "realness",
    ]  # fmt: skip
    assert [row["position"] for row in rows] == list(range(1, 17))
    assert {row["better"] for row in rows} == {"higher", "lower"}
    assert rows[0] | {"description": ""} == {
        "metric": "psnr", "label": "PSNR", "unit": "dB", "better": "higher", "position": 1, "decimals": 2, "description": "",
    }  # fmt: skip


def test_declarations_load_neither_torch_nor_dagster() -> None:
    code = (
        "import sys; from assets.store.metrics import definition_rows; definition_rows();"
        "sys.exit('torch' in sys.modules or 'dagster' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_kinds_share_out_the_metrics_of_crops() -> None:
    assert list(metrics_of(FrameMetric)) == ["psnr", "ssim", "psnr_mouth", "ssim_mouth"]
    assert list(metrics_of(LandmarkMetric)) == ["lmd"] and list(metrics_of(NetworkMetric)) == ["lpips"]


def test_rating_scales_are_declared_but_not_measured() -> None:
    assert set(declared_metrics()) - set(measured_metrics()) == {
        "visual_quality",
        "lip_sync_quality",
        "realness",
    }


@pytest.mark.parametrize(
    "place", ["assets.metrics.paper_metrics:LPIPS", "assets.metrics.paper_metrics:EVALUATOR"]
)
def test_an_entry_that_names_no_metric_is_an_error(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setitem(metrics.METRICS, "psnr", place)
    declared_metrics.cache_clear()
    measured_metrics.cache_clear()
    try:
        with pytest.raises(ValueError, match=f"psnr names {place}, which is not a Metric; give module:NAME"):
            declared_metrics()
    finally:
        declared_metrics.cache_clear()
        measured_metrics.cache_clear()
