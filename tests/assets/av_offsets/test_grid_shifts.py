"""A probe trained on clean GRID clips finds and corrects other GRID clips whose audio was shifted on purpose."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assets.av_offsets.offsets import OffsetPayload, compute_offset
from assets.av_offsets.probe_source import ProbeSource
from assets.av_offsets.settings import AvOffsetSettings
from assets.av_offsets.speaker_probe import LipProbe
from assets.faces.clip_faces import FacesPayload, compute_faces
from assets.faces.settings import CropSettings, TrackSettings
from assets.media.probe import ProbeLimits, probe
from assets.media.timeline import common_span
from assets.mels.mel_clip import MelPayload, compute_mels, mel_columns
from assets.mels.settings import MelSettings
from assets.shards.manifest import write_manifest
from assets.shards.settings import ShardSettings
from assets.shards.write_shards import BucketInput, write_bucket
from assets.workers.rejected import Rejected
from cals_models.config.profiles import PROFILES
from cals_models.config.stages import config_from_fields
from tests.support.shard_sets import clip_rows, facts_of, write_stage_files
from tests.support.two_speakers import write_two_speakers

SHIFTS = range(-6, 7)
NUM_TRAIN, NUM_VAL, STEPS = 140, 8, 1_600

Rows = dict[str, dict[str, Any]]


def rows_of_video(path: Path, clip_id: str) -> Rows:
    """Rows of the real stages for one video."""
    span = common_span(probe(path))
    faces = compute_faces(
        FacesPayload(
            path=path,
            span=span,
            clip_digest="",
            track_settings=TrackSettings(),
            crop_settings=CropSettings(),
        ),
        frozenset({"face_tracks", "face_crops"}),
    )
    audio = compute_mels(
        MelPayload(
            path=str(path),
            start_s=span.start_s,
            num_frames=span.num_frames,
            limits=ProbeLimits(),
            settings=MelSettings(),
        ),
        frozenset({"mels"}),
    )
    rows = clip_rows(clip_id, 0, 1)
    for stage, columns in {"face_crops": faces["face_crops"], "mels": audio["mels"]}.items():
        assert not isinstance(columns, Rejected), columns
        rows[stage] |= {name: columns[name] for name in rows[stage].keys() & columns.keys()}
    return rows


def with_late_audio(rows: Rows, frames: int) -> Rows:
    """The clip with its audio ``frames`` video frames later; its end moves to the beginning."""
    pcm = np.frombuffer(rows["mels"]["pcm"], np.int16)
    moved = np.roll(pcm, 640 * frames)
    columns = mel_columns(moved, MelSettings())
    return rows | {"mels": rows["mels"] | {name: columns[name] for name in ("mel", "pcm")}}


def write_set(folder: Path, splits: dict[str, list[Rows]]) -> Path:
    rows = [row for listed in splits.values() for row in listed]
    of_split = {row["mels"]["clip_id"]: split for split, listed in splits.items() for row in listed}
    source = BucketInput(
        bucket=0,
        clips={clip_id: facts_of(clip_id, "clean", split) for clip_id, split in of_split.items()},
        stage_files=write_stage_files(folder / "stages", 0, rows),
        version="1",
        settings_digest="clean",
    )
    assert write_bucket(folder / "shards", source, ShardSettings()).excluded == []
    write_manifest(folder / "shards", "clean", [0])
    return folder / "shards"


def train_probe(folder: Path, shards: Path) -> ProbeSource:
    """A sync encoder trained on these shards by the usual training command."""
    config = config_from_fields("sync_encoder", {**PROFILES["tiny"]["sync_encoder"], "steps": STEPS})
    job = {"stage": "sync_encoder", "method": None, "dataset": "clean", "shards": [str(shards)], "inputs": {}}
    (folder / "job.json").write_text(json.dumps(job | {"config": dataclasses.asdict(config)}))
    out = folder / "model"
    command = [sys.executable, "-m", "cals_models.training", "sync_encoder"]
    subprocess.run([*command, "--config", folder / "job.json", "--out", out, "--quiet"], check=True)
    plain = json.loads((out / "model.json").read_text())
    return ProbeSource(kind="sync_encoder", path=out, digest=plain["weights_sha256"])


@pytest.fixture(scope="module")
def trained(
    grid_clips: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[ProbeSource, list[Rows]]:
    """A probe of the first clips, and the rows of the others."""
    folder = tmp_path_factory.mktemp("probe")
    needed = NUM_TRAIN + NUM_VAL + len(SHIFTS)
    rows = [rows_of_video(path, f"clean/train/{path.stem}") for path in grid_clips[:needed]]
    splits = {"train": rows[:NUM_TRAIN], "val": rows[NUM_TRAIN : NUM_TRAIN + NUM_VAL]}
    return train_probe(folder, write_set(folder / "clean", splits)), rows[NUM_TRAIN + NUM_VAL :]


@pytest.mark.proof
@pytest.mark.timeout(2400)
def test_a_trained_probe_finds_and_corrects_shifts(
    trained: tuple[ProbeSource, list[Rows]], tmp_path: Path
) -> None:
    source, others = trained
    settings = AvOffsetSettings(probe="sync_encoder", probe_path=str(source.path))
    files = write_stage_files(
        tmp_path / "shifted",
        0,
        [with_late_audio(row, late) for row, late in zip(others, SHIFTS, strict=True)],
    )
    found = {}
    for row, late in zip(others, SHIFTS, strict=True):
        payload = OffsetPayload(
            clip_id=row["mels"]["clip_id"],
            crops_file=files["face_crops"],
            mels_file=files["mels"],
            probe=source,
            settings=settings,
        )
        found[late] = dict(compute_offset(payload, frozenset({"av_offsets"}))["av_offsets"])  # type: ignore[arg-type]
    sure = {late: row for late, row in found.items() if row["offset_status"] in ("corrected", "in sync")}
    assert len(sure) >= len(SHIFTS) - 2, found
    # The recordings themselves are off by up to a frame; the probe measures it to a quarter.
    assert all(abs(row["measured_frames"] + late) < 1.5 for late, row in sure.items()), found
    assert all(row["applied_frames"] == row["measured_frames"] for row in sure.values())
    assert all(abs(row["remeasured_frames"] or 0) < 0.5 for row in sure.values()), found
    assert all(row["applied_frames"] == 0 for late, row in found.items() if late not in sure)


@pytest.mark.proof
@pytest.mark.timeout(2400)
def test_of_two_faces_the_one_that_speaks_is_taken(
    trained: tuple[ProbeSource, list[Rows]], grid_clips: list[Path], tmp_path: Path
) -> None:
    source, _ = trained
    unseen = grid_clips[NUM_TRAIN + NUM_VAL :][:6]
    by_lips = 0
    for left, right in zip(unseen[::2], unseen[1::2], strict=True):
        for speaks in (left, right):
            path = write_two_speakers(tmp_path / "two.mkv", left, right, speaks)
            payload = FacesPayload(
                path=path,
                span=common_span(probe(path)),
                clip_digest="",
                track_settings=TrackSettings(),
                crop_settings=CropSettings(),
                speaker_probe=LipProbe(source=source),
            )
            row = compute_faces(payload, frozenset({"face_tracks"}))["face_tracks"]
            assert not isinstance(row, Rejected), row
            boxes = np.frombuffer(row["boxes"], np.float32).reshape(-1, 4)
            if row["chosen_by"] == "lips":
                by_lips += 1
                assert (np.median(boxes[:, 0]) < row["frame_width"] / 2) == (speaks == left)
    assert by_lips >= 5
