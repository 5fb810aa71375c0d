"""Rows of `clip_metrics`: what is compared with what, which frames count, and why a value is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from assets.clips.rejections import num_unexpected, require_results
from assets.faces.backends.dlib import DlibBackend
from assets.media.encode import write_lossless
from assets.metrics.clip_metrics import score_renders
from assets.metrics.crop_landmarks import landmark_crops
from assets.metrics.crop_values import landmark_values
from assets.metrics.instruments import Instruments, open_instruments
from assets.metrics.landmark_cache import LandmarkCache
from assets.metrics.lse_values import lse_values
from assets.metrics.render_set import RenderSet
from assets.metrics.settings import MetricSettings
from assets.renders.render import render_clips
from assets.renders.settings import RenderSettings
from assets.workers.rejected import PipelineFault
from cals_models.metrics.crop_metrics import lmd, psnr, ssim
from cals_models.metrics.lse import LipSyncEvaluator
from cals_models.networks.syncnet import SyncNet, SyncNetConfig, WeightsError
from cals_models.shards.shard_set import ShardSet
from tests.support.grid_crops import crops_shard_set, grid_crops, through_jpeg

METRICS = {("primary", metric) for metric in ("psnr", "ssim", "psnr_mouth", "ssim_mouth", "lmd")} | {
    ("atvgnet", "lmd"),
    ("lse_crop", "lse_d"),
    ("lse_crop", "lse_c"),
    ("opening", "opening_audio"),
    ("opening", "silence_movement"),
}
OTHER = METRICS | {("opening", "opening_source")}
DUBBED = {("lse_crop_dubbed", "lse_d"), ("lse_crop_dubbed", "lse_c")}


@pytest.fixture(scope="module")
def evaluator() -> LipSyncEvaluator:
    torch.manual_seed(0)
    return LipSyncEvaluator(SyncNet(SyncNetConfig(width_factor=0.125)).eval(), name="random")


@pytest.fixture(scope="module")
def instruments(evaluator: LipSyncEvaluator) -> Instruments:
    return Instruments(
        evaluator=evaluator, landmarks=LandmarkCache(DlibBackend, None), max_undetected_share=0.5
    )


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory, grid_clips: list[Path]) -> Path:
    folder = tmp_path_factory.mktemp("set")
    crops = {f"grid/test/{path.stem}": grid_crops(path, 25) for path in grid_clips[:2]}
    crops_shard_set(folder, crops)
    return folder / "shards"


def scored(
    renders: list[dict[str, Any]],
    folder: Path,
    shards: Path,
    instruments: Instruments,
    method: str = "cals",
) -> list[dict[str, Any]]:
    render_set = RenderSet(
        rows=renders, folder=folder, shards=shards, split="test", dataset="grid", method=method
    )
    return score_renders(render_set, instruments)


def by_metric(rows: list[dict[str, Any]], clip_id: str, audio: str) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (row["protocol"], row["metric"]): row
        for row in rows
        if row["clip_id"] == clip_id and row["audio"] == audio
    }


def test_ground_truth_rows(shards: Path, tmp_path: Path, instruments: Instruments) -> None:
    renders = render_clips(shards, "test", "ground_truth", None, tmp_path, RenderSettings())
    rows = scored(renders, tmp_path, shards, instruments, "ground_truth")
    clip_ids = sorted({row["clip_id"] for row in rows})
    assert len(clip_ids) == 2 and len(rows) == 2 * len(METRICS) + 2 * len(OTHER)
    own, other = (by_metric(rows, clip_ids[0], audio) for audio in ("own", "other"))
    assert set(own) == METRICS and set(other) == OTHER
    for metric in ("psnr", "psnr_mouth"):
        assert own["primary", metric]["value"] is None
        assert "equal the true ones" in own["primary", metric]["detail"]
    for metric in ("ssim", "ssim_mouth"):
        assert own["primary", metric]["value"] == pytest.approx(1, abs=1e-6)
    assert own["primary", "lmd"]["value"] == own["atvgnet", "lmd"]["value"] == 0
    assert own["lse_crop", "lse_d"]["evaluator"] == "random"
    # the same frames beside another clip's audio
    assert own["lse_crop", "lse_d"]["value"] != other["lse_crop", "lse_d"]["value"]
    assert clip_ids[1] in other["lse_crop", "lse_d"]["detail"]


def test_a_method_that_is_given_audio_is_compared_with_the_true_audio(
    shards: Path, tmp_path: Path, instruments: Instruments, evaluator: LipSyncEvaluator
) -> None:
    clips = list(ShardSet(shards).clips("test"))
    renders = []
    for clip, lender in zip(clips, clips[::-1], strict=True):
        for audio, source in (("own", clip), ("other", lender)):
            frames = through_jpeg(clip.frames(range(25)), 40 if audio == "own" else 30)
            path = f"{audio}/{clip.key}.mkv"
            write_lossless(tmp_path / path, frames, source.audio())
            renders.append({
                "clip_id": clip.clip_id, "key": clip.key, "audio": audio, "path": path,
                "audio_clip_id": source.clip_id, "status": "ok",
            })  # fmt: skip
    rows = scored(renders, tmp_path, shards, instruments)
    clip = clips[0]
    own, other = (by_metric(rows, clip.clip_id, audio) for audio in ("own", "other"))
    assert set(own) == METRICS and set(other) == OTHER | DUBBED
    assert all(row["value"] is not None for row in rows if row["metric"] != "silence_movement")
    assert 25 < own["primary", "psnr"]["value"] < 45
    assert 0.1 < own["primary", "lmd"]["value"] < 3
    assert own["atvgnet", "lmd"]["value"] == pytest.approx(20 * own["primary", "lmd"]["value"])
    generated = torch.from_numpy(through_jpeg(clip.frames(range(25)), 30))
    for protocol, source in (("lse_crop", clip), ("lse_crop_dubbed", clips[1])):
        expected = evaluator.evaluate(generated, source.audio())
        assert other[protocol, "lse_d"]["value"] == pytest.approx(expected.distance, rel=1e-5)
        assert other[protocol, "lse_c"]["value"] == pytest.approx(expected.confidence, rel=1e-3, abs=1e-4)
        assert other[protocol, "lse_c"]["offset_frames"] == expected.offset_frames
    assert other["primary", "lmd"]["offset_frames"] is None


def test_renders_that_failed_are_rows_without_value(
    shards: Path, tmp_path: Path, instruments: Instruments
) -> None:
    renders = [
        {"clip_id": clip.clip_id, "key": clip.key, "audio": "own", "status": "rejected", "reason": "too_short",
         "detail": "9 frames"}
        for clip in ShardSet(shards).clips("test")
    ]  # fmt: skip
    rows = scored(renders, tmp_path, shards, instruments)
    assert len(rows) == 2 * len(METRICS)
    assert all(row["value"] is None and "too_short: 9 frames" in row["detail"] for row in rows)


def test_a_clip_at_which_scoring_fails_is_rows_without_value(
    shards: Path, tmp_path: Path, instruments: Instruments
) -> None:
    renders = render_clips(shards, "test", "ground_truth", None, tmp_path, RenderSettings())
    bad = renders[0]
    assert bad["audio"] == "other"
    (tmp_path / bad["path"]).write_bytes(b"damaged")
    rows = scored(renders, tmp_path, shards, instruments, "ground_truth")
    lacking = [row for row in rows if row["clip_id"] == bad["clip_id"]]
    assert len(lacking) == len(METRICS) + len(OTHER) == len(rows) / 2
    assert {row["value"] for row in lacking} == {None}
    assert all(row["detail"].startswith("unexpected_error: ") and ".mkv" in row["detail"] for row in lacking)
    others = [row for row in rows if row["clip_id"] != bad["clip_id"] and row["metric"] == "ssim"]
    assert [row["value"] for row in others] == pytest.approx([1, 1], abs=1e-6)
    assert num_unexpected(rows) == 1
    assert require_results("metrics", rows, "value") is None
    with pytest.raises(PipelineFault, match=r"metrics: none of 1 clips has a result, .*first grid/test/"):
        require_results("metrics", lacking, "value")


def test_frames_in_which_the_face_was_not_seen_are_left_out_and_counted(
    tmp_path: Path, grid_clips: list[Path], instruments: Instruments, evaluator: LipSyncEvaluator
) -> None:
    """The render is black exactly where the truth is interpolated: that may change LSE only."""
    crops = grid_crops(grid_clips[0], 25)
    seen = np.ones(25, bool)
    seen[10:16] = False
    masks = {"grid/test/some": seen, "grid/test/none": np.zeros(25, bool)}
    crops_shard_set(tmp_path / "set", dict.fromkeys(("grid/test/some", "grid/test/none"), crops), masks)
    clips = list(ShardSet(tmp_path / "set" / "shards").clips("test"))
    renders = []
    for clip in clips:
        frames = through_jpeg(clip.frames(range(25)), 40)
        frames[~clip.valid] = 0
        write_lossless(tmp_path / f"{clip.key}.mkv", frames, clip.audio())
        renders.append({"clip_id": clip.clip_id, "key": clip.key, "audio": "own", "path": f"{clip.key}.mkv",
                        "audio_clip_id": clip.clip_id, "status": "ok"})  # fmt: skip
    rows = scored(renders, tmp_path, tmp_path / "set" / "shards", instruments)
    some = by_metric(rows, "grid/test/some", "own")
    clip = next(clip for clip in clips if clip.clip_id == "grid/test/some")
    true = torch.from_numpy(clip.frames(range(25)))
    generated = torch.from_numpy(through_jpeg(clip.frames(range(25)), 40))
    for metric, function in (("psnr", psnr), ("ssim", ssim)):
        expected = float(function(generated[seen], true[seen]).double().mean())
        assert some["primary", metric]["value"] == pytest.approx(expected, abs=1e-6)
    assert 0.1 < some["primary", "lmd"]["value"] < 3
    for protocol, metric in METRICS:
        if protocol in ("lse_crop", "opening"):
            continue
        assert some[protocol, metric]["detail"].startswith("6 of 25 frames left out")
    generated[~torch.from_numpy(seen)] = 0
    expected_lse = evaluator.evaluate(generated, clip.audio())
    assert some["lse_crop", "lse_d"]["value"] == pytest.approx(expected_lse.distance, rel=1e-5)
    assert (
        "20 windows; the clip's face was not seen in a frame of 10 windows"
        in (some["lse_crop", "lse_d"]["detail"])
    )
    none = by_metric(rows, "grid/test/none", "own")
    assert none["primary", "psnr"]["value"] is None and none["atvgnet", "lmd"]["value"] is None
    assert none["primary", "ssim"]["detail"].startswith("25 of 25 frames left out")
    assert none["lse_crop", "lse_d"]["value"] is not None


def test_missing_and_unknown_renders_are_rejected(
    shards: Path, tmp_path: Path, instruments: Instruments
) -> None:
    clips = list(ShardSet(shards).clips("test"))
    row = {
        "key": clips[0].key,
        "clip_id": clips[0].clip_id,
        "audio": "own",
        "status": "rejected",
        "reason": "",
        "detail": "",
    }
    with pytest.raises(ValueError, match="no render to score"):
        scored([], tmp_path, shards, instruments)
    with pytest.raises(ValueError, match="has no render"):
        scored([row], tmp_path, shards, instruments)
    rows = [row, row | {"key": clips[1].key}, row | {"key": "0" * 16, "clip_id": "grid/test/gone"}]
    with pytest.raises(ValueError, match="grid/test/gone"):
        scored(rows, tmp_path, shards, instruments)


def test_lmd_of_real_frames_equals_a_computation_by_hand(grid_clips: list[Path]) -> None:
    frames = grid_crops(grid_clips[0])[0][:6]
    found = [landmark_crops(crops, DlibBackend()).points for crops in (frames, through_jpeg(frames, 50))]
    mouths = [points[:, 48:68].astype(float) for points in found]
    centred = [mouth - mouth.mean(axis=1, keepdims=True) for mouth in mouths]
    by_hand = np.sqrt(((centred[0] - centred[1]) ** 2).sum(axis=2)).mean()
    assert float(lmd(*(torch.from_numpy(points) for points in found)).mean()) == pytest.approx(
        by_hand, abs=1e-6
    )
    assert by_hand > 0.05


def test_frames_without_a_face_are_counted_and_left_out(
    grid_clips: list[Path], instruments: Instruments
) -> None:
    true = grid_crops(grid_clips[0])[0][:8].copy()
    frames = true.copy()
    frames[:3] = 0
    values = landmark_values(frames, true, instruments)
    assert [value.value for value in values] == [0.0, 0.0]
    assert values[0].detail == "no face found in 3 of 8 frames of the render and 0 of the truth"
    frames[:5] = 0
    values = landmark_values(frames, true, instruments)
    assert [value.value for value in values] == [None, None] and "too few" in str(values[0].detail)


def test_landmarks_of_true_crops_are_found_once(tmp_path: Path, grid_clips: list[Path]) -> None:
    frames = grid_crops(grid_clips[0])[0][:3].copy()
    first = LandmarkCache(DlibBackend, tmp_path).of(frames, keep=True)

    class Blind(DlibBackend):
        def detect(self, images: Any) -> Any:
            raise AssertionError("must not be called")

    again = LandmarkCache(Blind, tmp_path).of(frames, keep=True)
    np.testing.assert_array_equal(again.points, first.points)
    next(tmp_path.glob("*.npy")).write_bytes(b"damaged")
    np.testing.assert_array_equal(
        LandmarkCache(DlibBackend, tmp_path).of(frames, keep=True).points, first.points
    )


def test_lse_of_a_clip_that_is_too_short_says_so(evaluator: LipSyncEvaluator) -> None:
    values = lse_values(
        np.zeros((4, 128, 128, 3), np.uint8), np.zeros(2560, np.int16), "lse_crop", "x", evaluator
    )
    assert [value.value for value in values] == [None, None]
    assert "at least 6 frames" in str(values[0].detail)


def test_instruments_need_an_evaluator(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="lse_weights"):
        open_instruments(MetricSettings(), None)
    with pytest.raises(WeightsError, match="no such file"):
        open_instruments(MetricSettings(lse_weights=str(tmp_path / "absent")), None)


@pytest.mark.parametrize(
    "field",
    [{"landmark_backend": "x"}, {"max_undetected_share": 1.0}, {"lse_dtype": "int8"}, {"device": "tpu"}],
)
def test_impossible_settings_are_rejected(field: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(field))):
        MetricSettings(**field)


def test_the_jpeg_protocol_is_on_request(
    shards: Path, tmp_path: Path, instruments: Instruments, evaluator: LipSyncEvaluator
) -> None:
    renders = render_clips(shards, "test", "ground_truth", None, tmp_path, RenderSettings())
    rows = scored(renders, tmp_path, shards, replace(instruments, lse_jpeg=True), "ground_truth")
    own = by_metric(rows, rows[0]["clip_id"], "own")
    assert set(own) == METRICS | {("lse_crop_jpeg", "lse_d"), ("lse_crop_jpeg", "lse_c")}
    plain, lossy = own["lse_crop", "lse_d"]["value"], own["lse_crop_jpeg", "lse_d"]["value"]
    assert plain != lossy and lossy == pytest.approx(plain, rel=0.2)
