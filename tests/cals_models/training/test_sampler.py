"""Which windows are drawn: reproducible, valid, never the reference near its target, the same in memory or streamed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_set import ShardSet
from cals_models.training.clip_windows import longest_valid_run, near_in_pose, reference_candidates
from cals_models.training.distributed import World
from cals_models.training.sampler import BatchSampler, ClipStream, Sample, window_starts
from tests.cals_models.training.talking_shards import write_talking_shards


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_talking_shards(tmp_path_factory.mktemp("shards"), num_frames=12)


def source(folder: Path, *, cache: int = 2**30, frames: int = 0, sets: int = 1) -> ClipStream:
    return ClipStream(
        [ShardSet(folder) for _ in range(sets)],
        "train",
        seed=3,
        clip_cache_bytes=cache,
        frame_cache_bytes=frames,
    )


def sampler(clips: ClipStream, *, rank: int = 0, size: int = 1, batch: int = 4) -> BatchSampler:
    def sample(clip: ShardClip, generator: np.random.Generator) -> Sample | None:
        start = int(generator.choice(window_starts(clip.valid, 3)))
        return {"frames": clips.frames(clip, range(start, start + 3)), "start": np.array(start)}

    world = World(rank=rank, size=size, device=torch.device("cpu"))
    return BatchSampler(clips, sample, batch_samples=batch, samples_per_clip=2, seed=3, world=world)


def test_an_epoch_visits_every_clip_once_and_the_next_in_another_order(shards: Path) -> None:
    clips = source(shards)
    epochs = [[clips.visit(6 * epoch + n).clip_id for n in range(6)] for epoch in range(3)]
    assert all(len(set(epoch)) == 6 for epoch in epochs)
    assert epochs[0] != epochs[1] or epochs[1] != epochs[2]


@pytest.mark.parametrize("cache", [0, 2**30])
def test_a_clip_is_visited_once_for_every_four_seconds(shards: Path, tmp_path: Path, cache: int) -> None:
    long = write_talking_shards(
        tmp_path / "long", num_clips={"train": 1, "val": 1, "test": 0}, num_frames=201
    )
    mixed = ClipStream([ShardSet(shards), ShardSet(long)], "train", seed=3, clip_cache_bytes=cache)
    for epoch in range(2):
        visited = [mixed.visit(9 * epoch + n).num_frames for n in range(9)]
        assert sorted(visited) == [12] * 6 + [201] * 3
    assert sorted(clip.num_frames for clip in mixed.first(7)) == [12] * 6 + [201]
    assert len(mixed.first(3)) == 3


@pytest.mark.parametrize(("share", "own_visits"), [(0.0, 1), (0.14, 1), (0.15, 2), (0.5, 6), (0.9, 54)])
def test_own_clips_have_at_least_their_share(
    shards: Path, tmp_path: Path, share: float, own_visits: int
) -> None:
    own = write_talking_shards(tmp_path / "own", num_clips={"train": 1, "val": 1, "test": 0}, num_frames=20)
    mixed = ClipStream(
        [ShardSet(own), ShardSet(shards)], "train", seed=3, clip_cache_bytes=2**30, own_share=share
    )
    for epoch in range(2):
        num_visits = own_visits + 6
        visited = [mixed.visit(num_visits * epoch + n).num_frames for n in range(num_visits)]
        assert sorted(visited) == [12] * 6 + [20] * own_visits
    alone = ClipStream([ShardSet(own)], "train", seed=3, clip_cache_bytes=2**30, own_share=share)
    assert [alone.index(n) for n in range(3)] == [0, 0, 0]


@pytest.mark.parametrize("sets", [1, 2])
def test_a_streamed_set_can_be_entered_anywhere(shards: Path, sets: int) -> None:
    streamed = source(shards, cache=0, sets=sets)
    order = [streamed.visit(n).clip_id for n in range(20)]
    assert [source(shards, cache=0, sets=sets).visit(n).clip_id for n in (13,)] == [order[13]]
    assert streamed.visit(2).clip_id == order[2]
    assert len(set(order[: 6 * sets])) == 6


def test_a_batch_follows_from_its_number(shards: Path) -> None:
    first, again = sampler(source(shards)), sampler(source(shards))
    wanted = [first.draw(n) for n in range(4)]
    assert torch.equal(again.draw(3)["frames"], wanted[3]["frames"])
    assert not torch.equal(wanted[0]["frames"], wanted[1]["frames"])


def test_two_processes_draw_what_one_draws_with_the_doubled_batch(shards: Path) -> None:
    alone = sampler(source(shards), batch=8).draw(5)["frames"]
    parts = [sampler(source(shards), rank=rank, size=2).draw(5)["frames"] for rank in range(2)]
    assert torch.equal(alone, torch.cat(parts))


def test_kept_frames_are_the_decoded_ones(shards: Path) -> None:
    kept, decoded = source(shards, frames=2**30), source(shards)
    for _ in range(2):
        assert np.array_equal(
            kept.frames(kept.visit(0), [4, 2, 4]), decoded.frames(decoded.visit(0), [4, 2, 4])
        )


def test_windows_hold_valid_frames_only() -> None:
    valid = np.array([1, 1, 1, 0, 1, 1, 1, 1, 0, 1], bool)
    assert window_starts(valid, 3).tolist() == [0, 4, 5]
    assert window_starts(valid, 11).tolist() == []
    assert longest_valid_run(valid) == (4, 4)
    assert longest_valid_run(np.zeros(3, bool)) == (0, 0)


def test_references_keep_their_distance() -> None:
    valid = np.ones(40, bool)
    valid[3] = False
    found = reference_candidates(valid, first_target=15, num_targets=5)
    assert found.tolist() == [n for n in range(40) if (n < 10 or n > 24) and n != 3]


def test_an_empty_split_is_an_error(tmp_path: Path) -> None:
    folder = write_talking_shards(tmp_path / "s", num_clips={"train": 0, "val": 1, "test": 1}, num_frames=12)
    with pytest.raises(ValueError, match="split train holds no clip"):
        source(folder)


def test_clips_without_a_window_are_replaced_and_named(shards: Path, tmp_path: Path) -> None:
    clips = source(shards)
    gone = clips.visit(0).clip_id

    def sample(clip: ShardClip, _: np.random.Generator) -> Sample | None:
        return None if clip.clip_id == gone else {"x": np.zeros(1)}

    world = World(rank=0, size=1, device=torch.device("cpu"))
    batches = BatchSampler(clips, sample, batch_samples=3, samples_per_clip=1, seed=0, world=world)
    assert batches.draw(0)["x"].shape == (3, 1)
    assert [diagnosis.name for diagnosis in batches.diagnose()] == ["clips_without_window"]
    nothing = BatchSampler(clips, lambda *_: None, batch_samples=2, samples_per_clip=1, seed=0, world=world)
    with pytest.raises(ValueError, match="window of valid frames"):
        nothing.draw(0)


def test_near_in_pose_compares_heads_and_not_mouths() -> None:
    rng = np.random.default_rng(0)
    landmarks = np.repeat(rng.uniform(0, 128, (1, 68, 2)), 40, axis=0)
    landmarks[:, :48, 0] += np.abs(np.arange(40) - 30)[:, None]  # the head turns, and is back where it was
    landmarks[:, 48:] += rng.normal(0, 20, (40, 20, 2))
    found = near_in_pose(landmarks.astype(np.float32), np.arange(12, 40), 10)
    assert found.tolist() == [12, 13, 14, 15, 16, 17]
    assert near_in_pose(landmarks.astype(np.float32), np.array([3]), 10).tolist() == [3]
