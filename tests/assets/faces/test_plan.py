"""Tracks and crops of a dataset's buckets: one pass where both are due, stored tracks where only crops are."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from assets.clips.clip_rows import RawSource, source_rows
from assets.clips.clip_table import write_clip_table
from assets.clips.settings import ClipsSettings, probe_limits
from assets.faces.clip_faces import CROPS, TRACKS, compute_faces
from assets.faces.crop_clip import CROPS_SCHEMA
from assets.faces.plan import FacesPlan
from assets.faces.settings import CropSettings, TrackSettings
from assets.faces.stored_track import TRACKS_SCHEMA
from assets.project.home import Home
from assets.project.settings import Dataset
from assets.raw_videos.layouts.source_clip import SourceClip
from assets.store.bucket_files import StageOutput, StageSummary, bucket_of, read_ok_rows
from assets.store.bucket_pass import fill_buckets
from assets.workers.clip_pool import ClipPool, PoolSettings

NUM_BUCKETS = 2


@dataclasses.dataclass
class World:
    home: Home
    root: Path
    clips: list[dict[str, object]]

    def fill(
        self, crops: CropSettings, *, wanted: tuple[str, ...] = (TRACKS, CROPS)
    ) -> dict[str, StageSummary]:
        plan = self.plan(crops, makes_tracks=TRACKS in wanted)
        outputs = {TRACKS: plan.tracks, CROPS: plan.crops}
        with ClipPool(PoolSettings(num_workers=0)) as pool:
            return fill_buckets([outputs[name] for name in wanted], plan.buckets(), compute_faces, pool)

    def plan(self, crops: CropSettings, *, makes_tracks: bool) -> FacesPlan:
        tracks = TrackSettings()
        dataset = Dataset(
            name="grid", layout="folder", root=self.root, profile="tiny", num_buckets=NUM_BUCKETS, methods=()
        )
        write_clip_table(self.home, "grid", self.clips, NUM_BUCKETS)
        return FacesPlan(
            home=self.home,
            dataset=dataset,
            limits=probe_limits(ClipsSettings()),
            track_settings=tracks,
            crop_settings=crops,
            tracks=self._output(TRACKS, TRACKS_SCHEMA, repr(tracks)),
            crops=self._output(CROPS, CROPS_SCHEMA, repr(crops)),
            makes_tracks=makes_tracks,
        )

    def _output(self, name: str, schema: object, version: str) -> StageOutput:
        return StageOutput(name=name, folder=self.home.stage(name, "grid"), schema=schema, version=version)

    def bytes_of(self, stage: str) -> dict[str, bytes]:
        return {p.name: p.read_bytes() for p in self.home.stage(stage, "grid").glob("[0-9]*.parquet")}


@pytest.fixture(scope="module")
def clips(grid_clips: list[Path]) -> list[dict[str, object]]:
    rows = []
    for path in grid_clips[:3]:
        source = SourceClip(relative_path=path.name, split="train")
        item = RawSource(dataset="grid", root=str(path.parent), source=source, sha256=path.name)
        rows += source_rows(item, ClipsSettings())
    return [row | {"num_frames_25": 30} for row in rows]


@pytest.fixture
def world(tmp_path: Path, grid_clips: list[Path], clips: list[dict[str, object]]) -> World:
    return World(home=Home(tmp_path), root=grid_clips[0].parent, clips=list(clips))


def test_a_setting_of_the_crops_leaves_the_tracks(world: World) -> None:
    first = world.fill(CropSettings())
    assert (first[TRACKS].num_ok, first[CROPS].num_ok, first[CROPS].num_computed) == (3, 3, 3)
    tracks, crops = world.bytes_of(TRACKS), world.bytes_of(CROPS)
    assert world.fill(CropSettings())[TRACKS].num_computed == 0
    second = world.fill(CropSettings(jpeg_quality=80), wanted=(CROPS,))
    assert second[CROPS].num_computed == 3 and second[CROPS].digest != first[CROPS].digest
    assert world.bytes_of(TRACKS) == tracks
    third = world.fill(CropSettings(), wanted=(CROPS,))
    assert third[CROPS].digest == first[CROPS].digest and world.bytes_of(CROPS) == crops


def test_a_clip_deleted_or_changed_touches_its_bucket_alone(world: World) -> None:
    whole = world.fill(CropSettings())
    before = {stage: world.bytes_of(stage) for stage in (TRACKS, CROPS)}
    changed = world.clips[0]
    bucket = f"{bucket_of(str(changed['clip_id']), NUM_BUCKETS):05d}.parquet"
    world.clips[0] = changed | {"num_frames_25": 28}
    assert world.fill(CropSettings())[CROPS].num_computed == 1
    for stage, files in before.items():
        assert {n for n, data in world.bytes_of(stage).items() if data != files[n]} == {bucket}
    del world.clips[0]
    assert world.fill(CropSettings())[CROPS].num_computed == 0
    kept = {row["clip_id"] for row in read_ok_rows(world.home.stage(CROPS, "grid"), ["clip_id"])}
    assert kept == {clip["clip_id"] for clip in world.clips}
    world.clips.insert(0, changed)
    assert world.fill(CropSettings())[CROPS].digest == whole[CROPS].digest
    assert {stage: world.bytes_of(stage) for stage in before} == before


def test_the_owner_of_the_networks_is_no_part_of_a_key(world: World) -> None:
    world.fill(CropSettings())
    alone = world.plan(CropSettings(), makes_tracks=True)
    shared = dataclasses.replace(alone, networks_socket="/nowhere/networks")
    for bucket in range(NUM_BUCKETS):
        for own, other in zip(alone.items(bucket), shared.items(bucket), strict=True):
            assert other.payload.networks_socket == "/nowhere/networks"
            assert own.payload.networks_socket is None
            assert own.input_digests == other.input_digests
