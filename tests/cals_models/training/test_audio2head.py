"""Training of Audio2Head: overfitting, a whole small training, its folder and what it draws, clips that are too short, diagnoses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cals_models.config.audio2head import Audio2HeadConfig
from cals_models.shards.shard_set import ShardSet
from cals_models.training.audio2head import Audio2HeadStage
from cals_models.training.audio2head_diagnosis import audio2head_diagnoses
from cals_models.training.distributed import World
from cals_models.training.stage import Batch
from tests.cals_models.training.talking_shards import NUM_FRAMES, face_landmarks, write_talking_shards

ALONE = World(rank=0, size=1, device=torch.device("cpu"))
SMALL = Audio2HeadConfig(
    steps=400, animator_share=0.5, warmup_steps=2, learning_rate=2e-3, motion_learning_rate=3e-3, adam_beta_1=0.9,
    batch_samples=2, window_samples=2, window_frames=16, detector_widths=(16, 16, 16), dense_motion_widths=(16, 16, 16),
    renderer_widths=(8, 16), renderer_blocks=1, audio_width=32, hourglass_width=16, pose_width=32, validation_clips=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> ShardSet:
    folder = tmp_path_factory.mktemp("shards")
    return ShardSet(write_talking_shards(folder, landmarks=face_landmarks(NUM_FRAMES)))


def stage_of(shards: ShardSet, **settings: object) -> Audio2HeadStage:
    return Audio2HeadStage(replace(SMALL, **settings), ALONE, [shards])  # type: ignore[arg-type]


def overfit(stage: Audio2HeadStage, batch: Batch, steps: range, metric: str) -> tuple[float, float]:
    values = [stage.train_step([batch], step)[metric].item() for step in steps]
    assert all(np.isfinite(values))
    return values[0], values[-1]


def test_batches_are_pairs_then_windows_and_follow_from_their_number(shards: ShardSet) -> None:
    stage = stage_of(shards)
    pairs, windows = stage.draw(199), stage.draw(200)
    assert pairs["frames"].shape == (2, 2, 128, 128, 3) and pairs["poses"].shape == (2, 2, 6)
    assert windows["mel"].shape == (2, 80, 64) and windows["rows"].shape == (2, 17)
    assert windows["image"].shape == (2, 128, 128, 3)
    again = stage_of(shards).draw(200)
    assert all(torch.equal(windows[name], again[name]) for name in windows)


def test_the_image_lies_outside_the_window_where_it_can(shards: ShardSet) -> None:
    stage = stage_of(shards)
    for number in range(200, 210):
        rows = stage.draw(number)["rows"]
        assert ((rows[:, 0] < rows[:, 1]) | (rows[:, 0] > rows[:, -1])).all()


def test_streamed_clips_give_the_frames_whose_keypoints_are_known_otherwise(shards: ShardSet) -> None:
    kept, streamed = (stage_of(shards, clip_cache_bytes=size, precision="fp32") for size in (2**30, 0))
    known, found = (stage._observed_in(stage.draw(200)) for stage in (kept, streamed))
    assert known.shape == (2, 17, 11, 6) and torch.allclose(known, found, atol=1e-4)


def test_the_animator_overfits_one_batch(shards: ShardSet) -> None:
    stage = stage_of(shards)
    first, last = overfit(stage, stage.draw(0), range(40), "pyramid_l1")
    assert last < 0.6 * first


def test_audio_to_keypoints_overfits_one_batch_and_leaves_the_animator(shards: ShardSet) -> None:
    stage = stage_of(shards)
    for step in range(25):  # keypoints that follow the mouth
        stage.train_step([stage.draw(step)], step)
    before = {name: tensor.clone() for name, tensor in stage.export().items()}
    first, last = overfit(stage, stage.draw(200), range(200, 270), "keypoint_error")
    assert last < 0.5 * first
    after = stage.export()
    for network in ("animator", "reader"):
        assert all(torch.equal(before[name], after[name]) for name in before if name.startswith(network))
    assert not torch.equal(before["motion.keypoints.head.weight"], after["motion.keypoints.head.weight"])


def test_validation_measures_both_poses_and_other_audio(shards: ShardSet) -> None:
    stage = stage_of(shards)
    metrics = stage.validate(10)
    assert all(np.isfinite(value) for value in metrics.values())
    assert {
        "audio_gain",
        "own_pose_psnr_mouth",
        "animated_nearness",
        "pose_error",
        "still_pose_error",
    } <= set(metrics)
    stage.observe(metrics)
    assert stage.chance()["psnr_mouth"] == metrics["copy_psnr_mouth"]
    assert list(stage.samples()) == ["samples.png"]
    assert stage.state() == {"nearness": {}}  # the second part has not begun
    stage.validate(300)
    assert list(stage.state()["nearness"]) == [300]


def test_clips_shorter_than_the_window_are_named(tmp_path: Path) -> None:
    shards = ShardSet(write_talking_shards(tmp_path, num_frames=29, landmarks=face_landmarks(29)))
    with pytest.raises(
        ValueError, match="has window_frames = 64 valid frames in a row; the longest of 2 has 29"
    ):
        stage_of(shards, window_frames=64)
    assert stage_of(shards, window_frames=29).draw(200)["mel"].shape == (2, 80, 116)


def test_clips_without_a_face_s_landmarks_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"val-00000.tar.*landmarks of frame 0 lie in one point"):
        stage_of(ShardSet(write_talking_shards(tmp_path)))


GOOD = {
    "keypoint_spread_px": 20.0, "keypoint_travel_px": 3.0, "animated_nearness": 0.7, "audio_gain": 1.0,
    "pose_error": 0.4, "still_pose_error": 0.5,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "step", "name"),
    [
        ({"keypoint_spread_px": 2.0}, 200, "keypoints_collapsed"),
        ({"keypoint_travel_px": 0.2}, 200, "keypoints_collapsed"),
        ({"animated_nearness": 0.1}, 200, "animator_moves_nothing"),
        ({"audio_gain": 0.0}, 300, "ignores_audio"),
        ({"pose_error": 0.6}, 300, "pose_worse_than_still"),
    ],
)
def test_each_trouble_is_named_where_it_shows(changed: dict[str, float], step: int, name: str) -> None:
    assert audio2head_diagnoses(SMALL, GOOD, step, {}) == []
    (found,) = audio2head_diagnoses(SMALL, {**GOOD, **changed}, step, {})
    assert found.name == name
    assert audio2head_diagnoses(SMALL, {**GOOD, **changed}, step - 101, {}) == []


def test_a_training_that_still_learns_is_not_at_its_plateau() -> None:
    rising = {2_100 + 100 * n: 0.1 + 0.01 * n for n in range(10)}
    (found,) = audio2head_diagnoses(SMALL, GOOD, 400, rising)
    assert found.name == "not_at_plateau" and "0.190 at step 3000" in found.text
    assert audio2head_diagnoses(SMALL, GOOD, 400, dict.fromkeys(rising, 0.4)) == []
