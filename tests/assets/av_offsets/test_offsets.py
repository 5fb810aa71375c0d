"""Measuring, correcting and measuring again, with an encoder that reads the same number from lips and audio."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import ttest_1samp
from torch import Tensor, nn

from assets.av_offsets import probes
from assets.av_offsets.offsets import OFFSETS_SCHEMA, STATUSES, OffsetPayload, compute_offset, measure_clip
from assets.av_offsets.probe_source import ProbeSource
from assets.av_offsets.probes import (
    OffsetEstimate,
    SyncEncoderProbe,
    cosines_by_offset,
    estimate,
    open_probe,
    peak_frames,
)
from assets.av_offsets.settings import AvOffsetSettings
from assets.av_offsets.timed_clip import TimedClip, shift_clip, timed_clip
from assets.workers.rejected import Rejected
from tests.support.shard_sets import clip_rows, jpeg_columns, write_stage_files

SETTINGS = AvOffsetSettings(probe="sync_encoder", probe_path="model")
SOURCE = ProbeSource(kind="sync_encoder", path=Path("model"), digest="d" * 64)


class OpenMouth(nn.Module):
    """Embeddings of a window: five brightnesses, five levels, each without their mean."""

    def visual(self, lower_faces: Tensor) -> Tensor:
        return _unit(lower_faces.mean(dim=(2, 3, 4)).unfold(1, 5, 1))

    def audio(self, mel: Tensor) -> Tensor:
        return _unit(mel.mean(dim=1).unflatten(1, (-1, 4)).mean(dim=2).unfold(1, 5, 1))


def _unit(windows: Tensor) -> Tensor:
    return torch.nn.functional.normalize(windows - windows.mean(dim=-1, keepdim=True), dim=-1)


def talking_rows(clip_id: str, seed: int, num_frames: int) -> dict[str, dict[str, object]]:
    """Rows of a clip whose lower half is as bright as its audio is loud, frame by frame."""
    opening = np.random.default_rng(seed).uniform(0, 1, num_frames)
    frames = np.full((num_frames, 128, 128, 3), 90, np.uint8)
    frames[:, 64:] = np.round(40 + 160 * opening)[:, None, None, None]
    rows = clip_rows(clip_id, seed, num_frames)
    rows["face_crops"] |= jpeg_columns(frames)
    rows["mels"]["mel"] = (
        np.broadcast_to(opening.repeat(4), (80, 4 * num_frames)).astype(np.float16).tobytes()
    )
    return rows


def talking_clip(num_frames: int = 60, seed: int = 0) -> TimedClip:
    rows = talking_rows("made/train/a", seed, num_frames)
    return timed_clip(rows["face_crops"], rows["mels"])


def delayed_audio(clip: TimedClip, frames: int) -> TimedClip:
    """The clip with its audio delayed by ``frames`` video frames; its end moves to the beginning."""
    return replace(clip, mel=np.roll(clip.mel, 4 * frames, axis=1), pcm=np.roll(clip.pcm, 640 * frames))


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> SyncEncoderProbe:
    opened = SyncEncoderProbe(OpenMouth())  # type: ignore[arg-type]
    monkeypatch.setattr(probes, "open_probe", lambda source: opened)
    return opened


@pytest.mark.parametrize("late", range(-6, 7, 3))
def test_an_offset_is_found_corrected_and_measured_again(probe: SyncEncoderProbe, late: int) -> None:
    columns = measure_clip(delayed_audio(talking_clip(), late), SOURCE, SETTINGS)
    assert set(columns) == {*OFFSETS_SCHEMA.names, "digest"}
    assert columns["measured_frames"] == -late, "audio that is late has a negative offset"
    assert columns["applied_frames"] == -late
    assert columns["confidence"] > SETTINGS.min_peak_clearness
    assert (columns["probe"], columns["probe_digest"]) == ("sync_encoder", "d" * 64)
    if late:
        assert columns["offset_status"] == "corrected"
        assert (
            columns["remeasured_frames"] == 0
            and columns["remeasured_confidence"] > SETTINGS.min_peak_clearness
        )
    else:
        assert columns["offset_status"] == "in sync" and columns["remeasured_frames"] is None


def test_an_unsure_probe_shifts_nothing(probe: SyncEncoderProbe) -> None:
    unrelated = replace(talking_clip(seed=1), mel=talking_clip(seed=2).mel)
    columns = measure_clip(unrelated, SOURCE, SETTINGS)
    assert (columns["offset_status"], columns["applied_frames"]) == ("uncertain", 0)
    assert columns["measured_frames"] is not None and columns["confidence"] < SETTINGS.min_peak_clearness


def test_the_largest_offset_tried_is_never_sure(probe: SyncEncoderProbe) -> None:
    columns = measure_clip(delayed_audio(talking_clip(), 4), SOURCE, replace(SETTINGS, max_shift_frames=4))
    assert (columns["measured_frames"], columns["offset_status"]) == (-4, "uncertain")


@pytest.mark.parametrize("num_frames", [3, 14])
def test_a_short_clip_says_so(probe: SyncEncoderProbe, num_frames: int) -> None:
    columns = measure_clip(talking_clip(num_frames), SOURCE, SETTINGS)
    assert (columns["offset_status"], columns["applied_frames"]) == ("too short", 0)
    assert columns["measured_frames"] is None


def test_a_long_clip_in_parts_gives_the_same_units(
    probe: SyncEncoderProbe, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = talking_clip(61)
    lips, audio = probe._embed(clip)
    assert lips.shape == audio.shape == (57, 5)
    monkeypatch.setattr(probes, "FRAMES_AT_ONCE", 7)
    torch.testing.assert_close(probe._embed(clip)[0], lips)


def test_without_a_probe_nothing_is_read_or_shifted() -> None:
    payload = OffsetPayload(
        clip_id="x",
        crops_file=Path("nowhere"),
        mels_file=Path("nowhere"),
        probe=None,
        settings=AvOffsetSettings(),
    )
    columns = compute_offset(payload, frozenset({"av_offsets"}))["av_offsets"]
    assert not isinstance(columns, Rejected)
    assert (columns["offset_status"], columns["applied_frames"]) == ("not measured", 0)
    assert all(
        columns[name] is None for name in ("measured_frames", "confidence", "remeasured_frames", "probe")
    )
    assert columns["offset_status"] in STATUSES and len(columns["digest"]) == 64


def test_a_clip_is_read_from_its_bucket_files(tmp_path: Path, probe: SyncEncoderProbe) -> None:
    rows = [talking_rows(f"made/train/{n:02d}", n, 40) for n in range(20)]
    files = write_stage_files(tmp_path, 0, rows)
    payload = OffsetPayload(
        clip_id="made/train/13",
        crops_file=files["face_crops"],
        mels_file=files["mels"],
        probe=SOURCE,
        settings=SETTINGS,
    )
    columns = compute_offset(payload, frozenset({"av_offsets"}))["av_offsets"]
    assert not isinstance(columns, Rejected)
    assert columns["offset_status"] == "in sync"
    with pytest.raises(ValueError, match="0 rows of clip 'made/train/99'"):
        compute_offset(replace(payload, clip_id="made/train/99"), frozenset({"av_offsets"}))


def test_only_windows_that_overlap_are_compared() -> None:
    audio = torch.nn.functional.normalize(torch.randn(30, 8, generator=torch.manual_seed(0)), dim=1)
    lips = audio.roll(2, 0)  # lips at t match audio at t - 2: audio is two frames early
    cosines = cosines_by_offset(lips[2:], audio[2:], 5)
    assert cosines.shape == (11, 28)
    assert [int(np.isnan(row).sum()) for row in cosines] == [5, 4, 3, 2, 1, 0, 1, 2, 3, 4, 5]
    assert np.nanmean(cosines[7]) == pytest.approx(1.0, abs=1e-6)
    assert cosines[8, 10] == pytest.approx(float(lips[12] @ audio[9]), abs=1e-6)
    found = estimate(cosines, SETTINGS)
    assert (found.frames, found.is_sure) == (2, True)
    far = [
        ttest_1samp(cosines[7] - row, 0, nan_policy="omit").statistic for row in cosines[[0, 1, 2, 3, 4, 10]]
    ]
    assert found.confidence == pytest.approx(min(far), rel=1e-5)


def test_hours_of_windows_need_no_square_of_their_number() -> None:
    windows = torch.nn.functional.normalize(torch.ones(200_000, 2), dim=1)
    assert cosines_by_offset(windows, windows, 2).shape == (5, 200_000)


@pytest.mark.parametrize("true", [-3.0, -0.25, 0.25, 0.5, 1.75])
def test_a_peak_between_two_frames_is_found_to_a_quarter(true: float) -> None:
    similarity = np.exp(-0.5 * np.square((np.arange(-6, 7) - true) / 1.5))
    assert peak_frames(similarity) == true
    assert peak_frames(np.arange(5.0)) == 2 and peak_frames(np.ones(5)) == -2


def test_a_second_peak_makes_an_offset_unsure() -> None:
    cosines = np.random.default_rng(0).normal(0, 0.2, (31, 60))
    cosines[[17, 18]] += [[0.5], [0.4]]
    assert estimate(cosines, SETTINGS).is_sure, "a neighbour belongs to the same peak"
    assert estimate(cosines / 5, SETTINGS).is_sure, "the scale of the cosine does not matter"
    cosines[4] += 0.45
    found = estimate(cosines, SETTINGS)
    assert (round(found.frames), found.is_sure) == (2, False)


def test_the_same_peak_over_more_windows_is_surer() -> None:
    cosines = np.random.default_rng(0).normal(0, 0.2, (31, 400))
    cosines[15] += 0.15
    few, many = estimate(cosines[:, :25], SETTINGS), estimate(cosines, SETTINGS)
    assert not few.is_sure and many.is_sure and many.frames == pytest.approx(0, abs=0.5)


def test_too_few_shifts_give_no_certainty() -> None:
    assert estimate(np.array([[0.1] * 9, [0.9] * 9, [0.1] * 9]), SETTINGS) == OffsetEstimate(
        frames=0, confidence=0.0, is_sure=False
    )


def test_a_trained_encoder_is_read_from_its_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"model\.json"):
        open_probe(ProbeSource(kind="sync_encoder", path=tmp_path, digest="x"))


def test_public_syncnet_measures_by_its_own_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cals_models.metrics.lse import LipSyncEvaluator
    from cals_models.networks.syncnet import SyncNet, SyncNetConfig

    torch.manual_seed(0)
    evaluator = LipSyncEvaluator(SyncNet(SyncNetConfig(width_factor=0.1)).eval(), name="random")
    clip = talking_clip(24)
    found = probes.SyncNetProbe(evaluator).measure(clip, SETTINGS)
    assert found is not None and -15 <= found.frames <= 15 and not found.is_sure
    assert probes.SyncNetProbe(evaluator).measure(shift_clip(clip, 12), SETTINGS) is None
