"""Metrics of crops of 256 px: at 128 px by the paper's protocols, and at their own size by their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from assets.faces.backends.dlib import DlibBackend
from assets.media.encode import write_lossless
from assets.metrics.clip_metrics import score_renders
from assets.metrics.crop_values import crop_values, without_crops
from assets.metrics.instruments import AbsentEvaluator, Instruments
from assets.metrics.landmark_cache import LandmarkCache
from assets.metrics.lse_values import lse_values
from assets.metrics.render_set import RenderSet
from cals_models.metrics.crop_metrics import psnr, ssim
from cals_models.metrics.lse import LipSyncEvaluator
from cals_models.networks.syncnet import SyncNet, SyncNetConfig
from cals_models.shards.crop_sizes import crops_at
from cals_models.shards.shard_set import ShardSet
from tests.support.grid_crops import crops_shard_set, grid_crops, through_jpeg

OWN_SIZE = {("crop_256", metric) for metric in ("psnr", "ssim", "psnr_mouth", "ssim_mouth", "lmd")}


@pytest.fixture(scope="module")
def instruments() -> Instruments:
    return Instruments(
        evaluator=AbsentEvaluator(), landmarks=LandmarkCache(DlibBackend, None), max_undetected_share=0.5
    )


@pytest.fixture(scope="module")
def crops(grid_clips: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    frames, audio = grid_crops(grid_clips[0], 10, 256)
    return frames.copy(), audio


def test_values_at_128_px_and_at_the_crops_own_size(
    crops: tuple[np.ndarray, np.ndarray], instruments: Instruments
) -> None:
    true, valid = crops[0], np.ones(10, np.bool_)
    frames = through_jpeg(true, 30)
    found = {(row.protocol, row.metric): row for row in crop_values(frames, true, valid, instruments)}
    small = {
        (row.protocol, row.metric): row
        for row in crop_values(crops_at(frames, 128), crops_at(true, 128), valid, instruments)
    }
    assert set(found) - set(small) == OWN_SIZE
    assert all(found[key] == row for key, row in small.items())
    pair = torch.from_numpy(frames), torch.from_numpy(true)
    assert found["crop_256", "psnr"].value == pytest.approx(psnr(*pair).double().mean().item())
    assert found["crop_256", "ssim"].value == pytest.approx(ssim(*pair).double().mean().item())
    mouths = tuple(crop[:, 128:] for crop in pair)
    assert found["crop_256", "psnr_mouth"].value == pytest.approx(psnr(*mouths).double().mean().item())
    large_lmd, small_lmd = found["crop_256", "lmd"].value, found["primary", "lmd"].value
    assert large_lmd is not None and small_lmd is not None and 0 < large_lmd < 6 * small_lmd


def test_frames_without_the_face_are_left_out_at_both_sizes(
    crops: tuple[np.ndarray, np.ndarray], instruments: Instruments
) -> None:
    frames = through_jpeg(crops[0], 30)
    valid = np.arange(10) > 1
    rows = crop_values(frames, crops[0], valid, instruments)
    assert all("2 of 10 frames left out" in str(row.detail) for row in rows)
    expected = psnr(torch.from_numpy(frames[2:]), torch.from_numpy(crops[0][2:])).double().mean().item()
    (own,) = (row.value for row in rows if (row.protocol, row.metric) == ("crop_256", "psnr"))
    assert own == pytest.approx(expected)
    nothing = crop_values(frames, crops[0], np.zeros(10, np.bool_), instruments)
    assert {(row.protocol, row.metric) for row in nothing} >= OWN_SIZE
    assert all(row.value is None for row in nothing)
    keys = {(row.protocol, row.metric) for row in without_crops("why", instruments, 256)}
    assert keys == {(row.protocol, row.metric) for row in rows}


def test_lse_is_measured_on_the_whole_crop(crops: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    """Its protocol resizes whole crops to 224 px; large ones pass through no smaller size."""
    torch.manual_seed(0)
    evaluator = LipSyncEvaluator(SyncNet(SyncNetConfig(width_factor=0.125)).eval(), name="random")
    instruments = Instruments(
        evaluator=evaluator, landmarks=LandmarkCache(DlibBackend, None), max_undetected_share=0.5
    )
    crops_shard_set(tmp_path, {"grid/test/a": crops})
    (clip,) = ShardSet(tmp_path / "shards").clips("test")
    frames = through_jpeg(clip.frames(range(10)), 30)
    write_lossless(tmp_path / "own" / f"{clip.key}.mkv", frames, clip.audio(), title="a")
    render = {
        "clip_id": clip.clip_id, "key": clip.key, "audio": "own", "audio_clip_id": clip.clip_id,
        "path": f"own/{clip.key}.mkv", "status": "ok", "reason": None, "detail": None,
    }  # fmt: skip
    rows = score_renders(
        RenderSet(
            rows=[render],
            folder=tmp_path,
            shards=tmp_path / "shards",
            split="test",
            dataset="grid",
            method="cals",
        ),
        instruments,
    )
    found = {(row["protocol"], row["metric"]): row["value"] for row in rows}
    assert set(found) >= OWN_SIZE
    expected = lse_values(frames, clip.audio(), "lse_crop", "", evaluator)
    assert [found["lse_crop", value.metric] for value in expected] == [value.value for value in expected]
