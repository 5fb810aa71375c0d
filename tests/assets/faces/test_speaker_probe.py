"""Of several faces the one is taken whose lips go with the audio, where a probe is sure; else as without one."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assets.faces.clip_faces import CROPS, TRACKS, FacesPayload, compute_faces
from assets.faces.plan import FacesPlan
from assets.faces.probe_table import SPEAKER_PROBES
from assets.faces.settings import CropSettings, TrackSettings
from assets.faces.speaker_probe import Footage, TrackedFace, choice_digest
from assets.faces.stored_track import TRACKS_SCHEMA
from assets.media.probe import ProbeLimits, probe
from assets.media.timeline import Span, common_span
from assets.project.home import Home
from assets.project.settings import Dataset
from assets.store.bucket_files import StageOutput, write_rows
from assets.workers.rejected import Rejected
from cals_models.references import load
from tests.support.two_speakers import write_two_speakers

NUM_FRAMES = 30


@dataclasses.dataclass(frozen=True)
class Judge:
    """A probe that is sure of faces by their place: left and right half of the frame."""

    left: float | None
    right: float | None
    digest: str = "judge"

    def confidences(self, footage: Footage, faces: Sequence[TrackedFace]) -> list[float | None]:
        assert footage.span.num_frames == NUM_FRAMES
        for face in faces:
            assert len(face.images) == face.track.num_frames == NUM_FRAMES
            assert face.images[0].dtype == np.uint8 and face.images[0].shape[2] == 3
        return [
            self.left if np.median(face.track.boxes[:, 0]) < face.track.frame_size[0] / 2 else self.right
            for face in faces
        ]


class NeverAsked:
    digest = "never"

    def confidences(self, footage: Footage, faces: Sequence[TrackedFace]) -> list[float | None]:
        raise AssertionError("one face fits: there is nothing to choose")


@pytest.fixture(scope="module")
def two(grid_clips: list[Path], tmp_path_factory: pytest.TempPathFactory) -> FacesPayload:
    path = tmp_path_factory.mktemp("two") / "two.mkv"
    return payload(write_two_speakers(path, grid_clips[0], grid_clips[1], grid_clips[0]))


def payload(path: Path) -> FacesPayload:
    span = dataclasses.replace(common_span(probe(path)), num_frames=NUM_FRAMES)
    return FacesPayload(
        path=path,
        span=span,
        clip_digest=path.stem,
        track_settings=TrackSettings(),
        crop_settings=CropSettings(),
    )


def tracked(clip: FacesPayload, judge: Any) -> dict[str, Any]:
    row = compute_faces(dataclasses.replace(clip, speaker_probe=judge), frozenset({TRACKS}))[TRACKS]
    assert not isinstance(row, Rejected), row
    return dict(row)


def is_left(row: dict[str, Any]) -> bool:
    boxes = np.frombuffer(row["boxes"], np.float32).reshape(-1, 4)
    return bool(np.median(boxes[:, 0]) < row["frame_width"] / 2)


def test_the_face_of_which_the_probe_is_surest_is_taken(two: FacesPayload) -> None:
    for judge, left in ((Judge(6.0, None), True), (Judge(None, 6.0), False), (Judge(7.0, 5.0), True)):
        row = tracked(two, judge)
        assert (is_left(row), row["chosen_by"], row["speaker_probe"]) == (left, "lips", "judge")
        assert row["lip_confidence"] == max(judge.left or 0, judge.right or 0)
        (other,) = json.loads(row["alternatives_json"])
        assert other["lips"] == (judge.right if left else judge.left)


def test_where_the_probe_is_unsure_the_face_is_that_without_one(two: FacesPayload) -> None:
    without, unsure = tracked(two, None), tracked(two, Judge(None, None))
    assert without["digest"] == unsure["digest"]
    assert (without["chosen_by"], without["speaker_probe"]) == ("score", None)
    assert (unsure["chosen_by"], unsure["speaker_probe"]) == ("score", "judge")
    assert without["lip_confidence"] is unsure["lip_confidence"] is None


def test_crops_follow_the_choice(two: FacesPayload) -> None:
    both = frozenset({TRACKS, CROPS})
    left, right = (
        compute_faces(dataclasses.replace(two, speaker_probe=judge), both)
        for judge in (Judge(6.0, None), Judge(None, 6.0))
    )
    assert left[CROPS]["digest"] != right[CROPS]["digest"]
    assert left[CROPS]["num_frames"] == NUM_FRAMES


def test_one_face_asks_no_probe(grid_clips: list[Path]) -> None:
    row = tracked(payload(grid_clips[0]), NeverAsked())
    assert (row["chosen_by"], row["input_digest"]) == ("only", grid_clips[0].stem)


def test_a_new_probe_makes_only_clips_of_several_faces_stale(
    two: FacesPayload, grid_clips: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = payload(grid_clips[0])
    rows = [tracked(one, None) | {"clip_id": "one"}, tracked(two, None) | {"clip_id": "two"}]
    digests = {"one": one.clip_digest, "two": two.clip_digest}
    key = {"stage_version": "1", "status": "ok"}
    output = StageOutput(name=TRACKS, folder=tmp_path / TRACKS, schema=TRACKS_SCHEMA, version="1")
    empty = dict.fromkeys(output.full_schema.names)
    write_rows(output.path(0), output.full_schema, [empty | row | key for row in rows])
    clips = [
        {"clip_id": name, "relative_path": f"{name}.mkv", "common_start_s": 0.0, "num_frames_25": NUM_FRAMES}
        for name in ("one", "two")
    ]
    monkeypatch.setattr("assets.faces.plan.accepted_clips", lambda *_: clips)
    monkeypatch.setattr("assets.faces.plan.clip_digest", lambda clip: digests[clip["clip_id"]])
    dataset = Dataset(name="d", layout="folder", root=tmp_path, profile="tiny", num_buckets=1, methods=())

    def stale(judge: Judge | None) -> set[str]:
        plan = FacesPlan(
            home=Home(tmp_path),
            dataset=dataset,
            limits=ProbeLimits(),
            track_settings=TrackSettings(),
            crop_settings=CropSettings(),
            tracks=output,
            crops=StageOutput(name=CROPS, folder=tmp_path / CROPS, schema=TRACKS_SCHEMA, version="1"),
            makes_tracks=True,
            speaker_probe=judge,
        )
        current = {row["clip_id"]: row["input_digest"] for row in rows}
        items = plan.items(0)
        assert {item.clip_id: item.payload.clip_digest for item in items} == digests
        return {item.clip_id for item in items if item.input_digests[TRACKS] != current[item.clip_id]}

    assert stale(None) == set()
    assert stale(Judge(6.0, None)) == {"two"}
    rows[1] = tracked(two, Judge(6.0, None)) | {"clip_id": "two"}
    write_rows(output.path(0), output.full_schema, [empty | row | key for row in rows])
    assert stale(Judge(6.0, None)) == set()
    assert stale(Judge(6.0, None, digest="another")) == {"two"}
    assert stale(None) == {"two"}


def test_each_kind_of_probe_has_its_function() -> None:
    assert set(SPEAKER_PROBES) == {"none", "sync_encoder", "syncnet"}
    assert all(callable(load(reference)) for reference in SPEAKER_PROBES.values())
    assert choice_digest("clip", None) != choice_digest("clip", Judge(1.0, None))


def test_footage_without_audio_makes_the_probe_sure_of_nothing(tmp_path: Path) -> None:
    from assets.av_offsets.probe_source import ProbeSource
    from assets.av_offsets.speaker_probe import LipProbe

    source = ProbeSource(kind="sync_encoder", path=tmp_path, digest="d")
    footage = Footage(
        path=tmp_path / "gone.mkv", limits=ProbeLimits(), span=Span(start_s=0.0, num_frames=NUM_FRAMES)
    )
    assert LipProbe(source=source).confidences(footage, [None, None]) == [None, None]  # type: ignore[list-item]
