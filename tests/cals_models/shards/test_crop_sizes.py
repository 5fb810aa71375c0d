"""Crops of 256 px: in a shard set, reduced to 128 px, and sets of two sizes."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from cals_models.shards.crop_sizes import common_crop_px, crops_at, lower_rows
from cals_models.shards.shard_format import ShardError
from cals_models.shards.shard_set import ShardSet
from cals_models.training.sampler import ClipStream
from tests.cals_models.training.talking_shards import write_talking_shards
from tests.support.shard_sets import make_shard_set


def test_crops_are_halved_as_opencv_halves_them() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, 256, 256, 3), dtype=np.uint8)
    expected = np.stack([cv2.resize(frame, (128, 128), interpolation=cv2.INTER_AREA) for frame in frames])
    np.testing.assert_array_equal(crops_at(frames, 128), expected)
    assert crops_at(frames, 256) is frames
    with pytest.raises(ValueError, match="crops of 256 px can't be reduced to 96 px; give 256 or 128 px"):
        crops_at(frames, 96)
    np.testing.assert_array_equal(lower_rows(frames), frames[:, 128:])


def test_the_manifest_of_large_crops_says_their_size_that_of_128_px_does_not(tmp_path: Path) -> None:
    small, _ = make_shard_set(tmp_path / "small", num_clips={"train": 1})
    assert small.crop_px == ShardSet(tmp_path / "small" / "shards").crop_px == 128
    manifest = json.loads((tmp_path / "small" / "shards" / "manifest.json").read_text())
    assert [*manifest] == ["format", "dataset", "digest", "splits"]
    large, _ = make_shard_set(tmp_path / "large", num_clips={"train": 1}, crop_px=256)
    assert json.loads((tmp_path / "large" / "shards" / "manifest.json").read_text())["crop_px"] == 256
    described = json.loads((tmp_path / "large" / "shards" / "croissant.json").read_text())
    assert "face crops, 256 x 256 RGB" in json.dumps(described)
    (clip,) = ShardSet(tmp_path / "large" / "shards").clips("train")
    assert clip.frames([0, 3, 0]).shape == (3, 256, 256, 3) and large.crop_px == clip.crop_px == 256


def test_the_bytes_of_a_set_of_128_px_crops_stay(tmp_path: Path) -> None:
    """Another digest would make the models of every home stale."""
    small, _ = make_shard_set(tmp_path, num_clips={"train": 1}, num_frames=12)
    assert small.digest == "d694fcf90b46e38e45a5d19112c813f79b80903048a80f75290672b7da484b91"


@pytest.mark.parametrize("crop_px", [64, 512, "128", None])
def test_a_size_that_there_is_not_is_an_error(tmp_path: Path, crop_px: object) -> None:
    path = write_talking_shards(tmp_path, num_clips={"train": 1}) / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "crop_px": crop_px}))
    with pytest.raises(ShardError, match=r"crop_px is .*; expected 128 or 256; materialise the shards again"):
        ShardSet(tmp_path)


def test_a_manifest_that_gives_another_size_than_the_jpegs_have_is_an_error(tmp_path: Path) -> None:
    path = write_talking_shards(tmp_path, num_clips={"train": 1}) / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "crop_px": 256}))
    (clip,) = ShardSet(tmp_path).clips("train")
    with pytest.raises(ShardError, match=r"train-00000\.tar:.*128"):
        clip.frames([0])


def test_a_stream_gives_frames_at_the_size_asked_for(tmp_path: Path) -> None:
    shard_set = ShardSet(write_talking_shards(tmp_path, num_clips={"train": 2}, crop_px=256))
    streams = [
        ClipStream(
            [shard_set],
            "train",
            seed=0,
            clip_cache_bytes=2**30,
            frame_cache_bytes=kept,
            at_encoder_size=reduced,
        )
        for kept in (0, 2**30)
        for reduced in (False, True)
    ]
    clip = streams[0].visit(0)
    whole, half, kept_whole, kept_half = (stream.frames(clip, [4, 1, 4]) for stream in streams)
    assert [stream.frame_px for stream in streams] == [256, 128, 256, 128]
    np.testing.assert_array_equal(whole, clip.frames([4, 1, 4]))
    np.testing.assert_array_equal(half, crops_at(whole, 128))
    np.testing.assert_array_equal(kept_whole, whole)
    np.testing.assert_array_equal(kept_half, half)


def test_sets_of_two_sizes_are_not_mixed(tmp_path: Path) -> None:
    sets = [
        ShardSet(write_talking_shards(tmp_path / str(px), num_clips={"train": 1}, crop_px=px))
        for px in (128, 256)
    ]
    assert common_crop_px(sets[:1]) == 128
    with pytest.raises(
        ValueError, match="256: crops of 256 px, those of made are 128 px; give both datasets"
    ):
        ClipStream(sets, "train", seed=0, clip_cache_bytes=0)
