"""What crops of 256 px cost beside those of 128 px: storage, loading, and a training step of each stage that they reach.

    python -m tests.benchmarks.bench_crop_sizes --clip GRID_CLIP [--profile tiny] [--samples 3] [--steps 5]

The crops of a clip are cut by the real stage and stored by the real writer, so storage is that of such footage; the same clip
stands for all clips of the set. Loading and steps take turns between the sizes, one thread each. Absolute values belong to
the machine, the ratios are what counts.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import torch

from assets.faces.clip_faces import CROPS, TRACKS, FacesPayload, compute_faces
from assets.faces.packed_jpegs import unpack_jpegs
from assets.faces.settings import CropSettings, TrackSettings
from assets.media.probe import probe
from assets.media.timeline import common_span
from assets.workers.rejected import Rejected
from cals_models.config.generator import GeneratorConfig
from cals_models.config.profiles import PROFILES
from cals_models.config.stages import config_from_fields
from cals_models.config.sync_encoder import SyncEncoderConfig
from cals_models.methods.configs import model_config
from cals_models.networks.lip_sync import LipSync
from cals_models.networks.sync_encoder import SyncEncoder
from cals_models.shards.shard_set import ShardSet
from cals_models.timebase import FPS
from cals_models.training.distributed import World
from cals_models.training.generator import GeneratorStage
from cals_models.training.stage import TrainingStage
from cals_models.training.sync_encoder import SyncEncoderStage
from tests.benchmarks.bench_loader import WINDOWS_A_VISIT, shard_windows
from tests.support.grid_crops import crops_shard_set

SIZES = (128, 256)
NUM_TRAIN, NUM_VAL = 4, 1
ALONE = World(rank=0, size=1, device=torch.device("cpu"))


def crops_of(path: Path, crop_px: int) -> np.ndarray:
    """The stored crops of a clip, decoded: uint8 (T, crop_px, crop_px, 3), RGB."""
    payload = FacesPayload(
        path=path,
        span=common_span(probe(path)),
        clip_digest="",
        track_settings=TrackSettings(),
        crop_settings=CropSettings(crop_px=crop_px),
    )
    tracks = compute_faces(payload, frozenset({TRACKS}))[TRACKS]
    assert not isinstance(tracks, Rejected), tracks
    row = compute_faces(dataclasses.replace(payload, stored_track=tracks), frozenset({CROPS}))[CROPS]
    assert not isinstance(row, Rejected), row
    offsets = np.frombuffer(row["jpeg_offsets"], np.int64)
    return unpack_jpegs(row["mjpeg"], offsets, range(row["num_frames"]))


def make_set(folder: Path, path: Path, crop_px: int) -> ShardSet:
    """A set whose clips all show the same crops beside different audio."""
    frames = crops_of(path, crop_px)
    names = [f"bench/{'train' if n < NUM_TRAIN else 'val'}/{n}" for n in range(NUM_TRAIN + NUM_VAL)]
    audio = {
        name: np.random.default_rng(n).normal(0, 3_000, 640 * len(frames)).astype(np.int16)
        for n, name in enumerate(names)
    }
    crops_shard_set(folder / str(crop_px), {name: (frames, audio[name]) for name in names})
    return ShardSet(folder / str(crop_px) / "shards")


def kib_a_second(shards: ShardSet) -> tuple[float, float]:
    """KiB a clip-second of the whole sample, and of its crops."""
    clips = list(shards.clips("train"))
    seconds = sum(clip.num_frames for clip in clips) / FPS
    crops = sum(len(clip.members["mjpeg"]) for clip in clips)
    whole = sum(len(data) for clip in clips for data in clip.members.values())
    return whole / 1024 / seconds, crops / 1024 / seconds


def windows_a_second(shards: ShardSet, seconds: float) -> float:
    """Windows of 5 frames with a reference, streamed, a second of processor time."""
    windows = shard_windows(shards)
    for _ in range(WINDOWS_A_VISIT):
        next(windows)
    count, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        next(windows)
        count += 1
    return count / (time.process_time() - start)


def generator_stage(profile: str, samples: int, shards: ShardSet) -> GeneratorStage:
    """Method `wav2lip` with its sync loss on; 5 target frames a sample."""
    changes = {"batch_samples": samples, "single_frame_share": 0.0}
    config = model_config(
        "generator", "wav2lip", {**PROFILES[profile]["generator"], **changes}, where="the benchmark"
    )
    expert_config = config_from_fields("sync_encoder", PROFILES[profile]["sync_encoder"])
    assert isinstance(config, GeneratorConfig) and isinstance(expert_config, SyncEncoderConfig)
    torch.manual_seed(0)
    model = LipSync("wav2lip", config, None, shards.crop_px)
    expert = SyncEncoder(expert_config).eval().requires_grad_(False)
    stage = GeneratorStage("wav2lip", config, None, ALONE, [shards], model, expert)
    stage.sync_is_on = True
    return stage


def sync_encoder_stage(profile: str, samples: int, shards: ShardSet) -> SyncEncoderStage:
    changes = {"batch_samples": samples}
    config = config_from_fields("sync_encoder", {**PROFILES[profile]["sync_encoder"], **changes})
    assert isinstance(config, SyncEncoderConfig)
    return SyncEncoderStage(config, ALONE, [shards])


def step_seconds(stages: Mapping[int, TrainingStage], steps: int) -> dict[int, tuple[float, float]]:
    """Median seconds of drawing a batch and of an update, by size, the sizes in turns."""
    taken: dict[int, list[tuple[float, float]]] = {size: [] for size in stages}
    for number in range(steps + 1):
        for size, stage in stages.items():
            start = time.process_time()
            batch = stage.draw(number)
            drawn = time.process_time()
            stage.train_step([batch], number)
            taken[size].append((drawn - start, time.process_time() - drawn))
    return {
        size: (
            statistics.median(draw for draw, _ in found[1:]),
            statistics.median(step for _, step in found[1:]),
        )
        for size, found in taken.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clip", type=Path, required=True, help="a video of one speaker")
    parser.add_argument("--profile", default="tiny", choices=["paper", "tiny"])
    parser.add_argument("--samples", type=int, default=3, help="of 5 target frames each")
    parser.add_argument("--steps", type=int, default=5)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        sets = {size: make_set(Path(folder), options.clip, size) for size in SIZES}
        for size, shards in sets.items():
            whole, crops = kib_a_second(shards)
            print(f"{size} px: {whole:.0f} KiB a clip-second, {crops:.0f} of them crops")
        rates: dict[int, list[float]] = {size: [] for size in SIZES}
        for _ in range(5):
            for size, shards in sets.items():
                rates[size].append(windows_a_second(shards, 1.0))
        for size, found in rates.items():
            print(f"{size} px: {statistics.median(found):.0f} windows a second of processor time")
        builders: dict[str, Callable[[str, int, ShardSet], TrainingStage]] = {
            "generator": generator_stage,
            "sync_encoder": sync_encoder_stage,
        }
        for name, build in builders.items():
            stages = {size: build(options.profile, options.samples, shards) for size, shards in sets.items()}
            for size, (draw, step) in step_seconds(stages, options.steps).items():
                print(
                    f"{size} px: {name}, {options.profile}, {options.samples} samples: {step:.3f} s a step, {draw:.3f} s to draw"
                )


if __name__ == "__main__":
    main()
