"""The whole work of a clip: real video in, columns out."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from assets.faces.clip_faces import CROPS, TRACKS, FacesPayload, compute_faces
from assets.faces.crop_clip import CROPS_SCHEMA
from assets.faces.packed_jpegs import unpack_jpegs
from assets.faces.settings import CropSettings, TrackSettings
from assets.faces.stored_track import TRACKS_SCHEMA, FaceTrack
from assets.media.probe import probe
from assets.media.timeline import Span, common_span
from assets.workers.rejected import Rejected
from cals_models.shards.crop_sizes import crops_at
from tests.support.array_frames import astronaut
from tests.support.displayed_files import Stored, write_stored

BOTH = frozenset({TRACKS, CROPS})


def payload(path: Path, num_frames: int | None = None) -> FacesPayload:
    span = common_span(probe(path))
    if num_frames is not None:
        span = dataclasses.replace(span, num_frames=num_frames)
    return FacesPayload(
        path=path, span=span, clip_digest="a", track_settings=TrackSettings(), crop_settings=CropSettings()
    )


@pytest.fixture(scope="module")
def speaker(shared_data: Path) -> FacesPayload:
    return payload(shared_data / "grid_speakers" / "lbax4n.mpg")


def arrays(row: dict[str, object]) -> dict[str, np.ndarray]:
    T = row["num_frames"]
    return {
        "landmarks": np.frombuffer(row["landmarks"], np.float32).reshape(T, 68, 2),
        "boxes": np.frombuffer(row["boxes"], np.float32).reshape(T, 4),
        "valid": np.frombuffer(row["valid"], np.uint8),
    }


def test_columns_of_a_grid_clip(speaker: FacesPayload) -> None:
    result = compute_faces(speaker, BOTH)
    tracks, crops = result[TRACKS], result[CROPS]
    assert set(tracks) | {"speaker_probe"} == {*TRACKS_SCHEMA.names, "input_digest"}
    assert (tracks["chosen_by"], tracks["input_digest"]) == ("only", "a")
    assert set(crops) == {*CROPS_SCHEMA.names, "input_digest"}
    assert tracks["num_frames"] == crops["num_frames"] == 75 and tracks["first_frame"] == 0
    assert (arrays(tracks)["valid"] == 1).all() and arrays(crops)["valid"].shape == (75,)
    face_px = arrays(tracks)["boxes"][:, 2] - arrays(tracks)["boxes"][:, 0]
    assert face_px.min() > 100 and face_px.max() < 180
    offsets = np.frombuffer(crops["jpeg_offsets"], np.int64)
    assert unpack_jpegs(crops["mjpeg"], offsets, range(75)).shape == (75, 128, 128, 3)
    transforms = np.frombuffer(crops["transforms"], np.float32).reshape(75, 2, 3)
    moved = (
        np.einsum("tij,tnj->tni", transforms[:, :, :2], arrays(tracks)["landmarks"])
        + transforms[:, None, :, 2]
    )
    np.testing.assert_allclose(moved, arrays(crops)["landmarks"], atol=0.05)


def test_the_mouth_is_in_the_lower_half_of_every_frame(shared_data: Path) -> None:
    clips = [payload(p) for p in sorted((shared_data / "grid_speakers").glob("*.mpg"))[4:6]]
    clips += [payload(shared_data / "wild" / f"ls_demo{k}.mp4", 26) for k in (1, 2, 3)]
    for clip in clips:
        row = compute_faces(clip, BOTH)[CROPS]
        assert not isinstance(row, Rejected), row
        mouth = arrays(row)["landmarks"][:, 48:68]
        assert mouth[..., 1].min() >= 64 and mouth[..., 1].max() <= 127, clip.path
        assert np.abs(mouth[..., 1].mean(axis=1) - 96).max() < 8, clip.path
        assert np.abs(mouth[..., 0].mean(axis=1) - 64).max() < 10, clip.path
        assert row["padding_share"] < 0.02


def test_decoding_once_and_twice_give_the_same_bytes(speaker: FacesPayload) -> None:
    short = dataclasses.replace(speaker, span=dataclasses.replace(speaker.span, num_frames=30))
    together = compute_faces(short, BOTH)
    tracks = compute_faces(short, frozenset({TRACKS}))
    assert set(tracks) == {TRACKS}
    crops = compute_faces(dataclasses.replace(short, stored_track=tracks[TRACKS]), frozenset({CROPS}))
    assert tracks[TRACKS] == together[TRACKS]
    assert crops[CROPS] == together[CROPS]


def test_large_crops_keep_the_detail_of_the_source_and_change_no_track(shared_data: Path) -> None:
    """A face of 211 px between the ears: tracking keeps images of it that are coarser than crops of 256 px."""
    small = payload(shared_data / "wild" / "ls_demo3.mp4", 26)
    large = dataclasses.replace(small, crop_settings=CropSettings(crop_px=256))
    both, coarse = compute_faces(large, BOTH), compute_faces(small, BOTH)
    assert both[TRACKS] == coarse[TRACKS]
    track = FaceTrack.from_columns(dict(both[TRACKS]))
    assert np.median(track.boxes[:, 2] - track.boxes[:, 0]) > 200 and track.regions[0, 4] > 1
    alone = compute_faces(dataclasses.replace(large, stored_track=both[TRACKS]), frozenset({CROPS}))
    assert alone[CROPS] == both[CROPS]
    crops, smaller = (
        unpack_jpegs(row["mjpeg"], np.frombuffer(row["jpeg_offsets"], np.int64), range(5))
        for row in (both[CROPS], coarse[CROPS])
    )
    assert crops.shape == (5, 256, 256, 3)
    np.testing.assert_allclose(
        arrays(both[CROPS])["landmarks"], 2 * arrays(coarse[CROPS])["landmarks"] + 0.5, atol=0.02
    )
    halved = crops_at(crops, 128).astype(np.int16)
    assert np.abs(halved - smaller)[:, 16:112, 16:112].mean() < 2.5
    enlarged = np.stack([cv2.resize(crop, (256, 256), interpolation=cv2.INTER_CUBIC) for crop in smaller])
    assert detail(crops) > 1.3 * detail(enlarged)


def detail(crops: np.ndarray) -> float:
    """Variance of the Laplacian around the mouth."""
    grey = [cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[160:240, 70:186] for crop in crops]
    return float(np.mean([cv2.Laplacian(some, cv2.CV_64F).var() for some in grey]))


def test_damaged_frames_are_marked_and_the_clip_stays(shared_data: Path) -> None:
    clip = payload(shared_data / "grid" / "s1" / "sgib8n.mpg")
    result = compute_faces(clip, BOTH)
    for stage in BOTH:
        assert np.flatnonzero(arrays(result[stage])["valid"] == 0).tolist() == [45, 46, 47]
    assert (result[TRACKS]["num_damaged"], result[TRACKS]["num_interpolated"]) == (3, 3)
    assert result[TRACKS]["num_repeated"] <= 1
    again = compute_faces(dataclasses.replace(clip, stored_track=result[TRACKS]), frozenset({CROPS}))
    assert again[CROPS]["digest"] == result[CROPS]["digest"]


def test_too_many_damaged_frames_reject_the_clip(shared_data: Path) -> None:
    clip = payload(shared_data / "grid" / "s1" / "sgib8n.mpg")
    strict = dataclasses.replace(clip, track_settings=TrackSettings(max_damaged_share=0.03))
    rejected = compute_faces(strict, BOTH)[TRACKS]
    assert isinstance(rejected, Rejected)
    assert rejected.reason == "damaged"
    assert "3 of 75" in rejected.detail and "at most 3.0%" in rejected.detail


def test_a_clip_without_an_accepted_track_has_no_crops(speaker: FacesPayload) -> None:
    assert compute_faces(speaker, frozenset({CROPS})) == {}


def test_a_file_that_changed_since_is_rejected(tmp_path: Path, speaker: FacesPayload) -> None:
    other = tmp_path / "clip.mpg"
    other.write_bytes(speaker.path.read_bytes()[:60_000])
    result = compute_faces(dataclasses.replace(speaker, path=other), BOTH)
    assert isinstance(result[TRACKS], Rejected) and set(result) == {TRACKS}
    stored = compute_faces(speaker, frozenset({TRACKS}))[TRACKS]
    alone = compute_faces(dataclasses.replace(speaker, path=other, stored_track=stored), frozenset({CROPS}))
    assert isinstance(alone[CROPS], Rejected) and alone[CROPS].stage == "face_crops"


def test_a_rejected_crop_keeps_the_track(speaker: FacesPayload) -> None:
    strict = dataclasses.replace(
        speaker,
        span=Span(start_s=speaker.span.start_s, num_frames=26),
        crop_settings=CropSettings(max_padding_share=0.0, crop_px=256),
        track_settings=TrackSettings(),
    )
    result = compute_faces(strict, BOTH)
    assert not isinstance(result[TRACKS], Rejected)
    assert not isinstance(result[CROPS], Rejected) or result[CROPS].reason == "face_outside_frame"


def test_a_worker_with_dlib_loads_no_torch() -> None:
    code = (
        "import sys; from assets.faces.clip_faces import compute_faces; from assets.faces.backends.opening import open_backend;"
        "from assets.faces.settings import TrackSettings; open_backend(TrackSettings());"
        "print([m for m in ('torch', 'dagster', 'face_alignment', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("aspect", ["1/2", "64/45", "2"])
def test_a_face_has_its_own_width_whatever_the_shape_of_the_pixels(tmp_path: Path, aspect: str) -> None:
    settings = TrackSettings(min_track_frames=5)
    widths = []
    for name, pixel in (("square.mp4", Fraction(1)), ("other.mp4", Fraction(aspect))):
        write_stored(tmp_path / name, [astronaut()] * 8, Stored(pixel_aspect=pixel))
        clip = dataclasses.replace(payload(tmp_path / name), track_settings=settings)
        points = arrays(compute_faces(clip, frozenset({TRACKS}))[TRACKS])["landmarks"]
        widths.append(float(np.mean(np.ptp(points[..., 0], axis=1) / np.ptp(points[..., 1], axis=1))))
    assert widths[1] == pytest.approx(widths[0], rel=0.06)
