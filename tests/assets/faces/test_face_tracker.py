"""Following, losing, finding again and choosing faces, with a real detector on real frames."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from assets.faces.alignment import fit_similarity
from assets.faces.backends.dlib import DlibBackend
from assets.faces.canonical_face import template
from assets.faces.crop_clip import crop_clip
from assets.faces.face_choice import rank
from assets.faces.landmarks import boxes_of
from assets.faces.search import search_scales
from assets.faces.settings import CropSettings, TrackSettings
from assets.faces.stored_track import FaceTrack
from assets.faces.track import Track
from assets.faces.track_clip import track_clip
from assets.media.probe import probe
from assets.media.timeline import common_span
from assets.media.video import read_ticks
from assets.workers.rejected import Rejected
from tests.support.array_frames import Rgb, astronaut, cartoon, moved, ticks_of

GREY = np.full((320, 400, 3), 90, np.uint8)


def follow(
    backend: DlibBackend, frames: Sequence[Rgb], settings: TrackSettings | None = None
) -> tuple[FaceTrack, dict[str, object]]:
    ticks = ticks_of(frames)
    track, columns, _ = track_clip(ticks, backend, settings or TrackSettings(), keep_images=False)
    return track, columns


class BatchedDlib(DlibBackend):
    """The same detector, given eight frames at once as the networks are."""

    batch_frames = 8


@pytest.fixture(scope="module")
def batched(dlib_backend: DlibBackend) -> DlibBackend:
    backend = BatchedDlib.__new__(BatchedDlib)
    backend.__dict__.update(dlib_backend.__dict__)
    return backend


@pytest.fixture(scope="module")
def speakers(shared_data: Path) -> tuple[list[Rgb], list[Rgb]]:
    """75 frames each of two people who speak."""
    clips = [shared_data / "grid_speakers" / name for name in ("bbaf2n.mpg", "brbk7n.mpg")]
    read = []
    for clip in clips:
        found = probe(clip)
        read.append([tick.frame.rgb() for tick in read_ticks(found, common_span(found))])
    return read[0], read[1]


@pytest.mark.parametrize("step", ["each frame", "batches"])
def test_a_moving_head_is_followed(dlib_backend: DlibBackend, batched: DlibBackend, step: str) -> None:
    backend = dlib_backend if step == "each frame" else batched
    shift = [(30 * np.sin(k / 6), 10 * np.cos(k / 9)) for k in range(40)]
    track, columns = follow(
        backend, [moved(astronaut(), *s, degrees=8 * np.sin(k / 12)) for k, s in enumerate(shift)]
    )
    assert track.num_frames == 40 and track.valid.all() and columns["num_faces"] == 1
    still, _ = follow(backend, [moved(astronaut(), 0)] * 25)
    centre = lambda boxes: (boxes[:, :2] + boxes[:, 2:]) / 2  # noqa: E731
    travelled = centre(track.boxes) - centre(still.boxes)[0]
    assert (
        np.abs(travelled[:, 0] - [s[0] for s in shift]).max() < 12
    )  # the head turns about the frame's centre
    assert np.corrcoef(travelled[:, 0], [s[0] for s in shift])[0, 1] > 0.98


def test_landmarks_are_finer_than_whole_pixels(dlib_backend: DlibBackend) -> None:
    shifts = np.arange(24) * 0.25
    track, _ = follow(
        dlib_backend, [moved(astronaut(), dx) for dx in shifts], TrackSettings(min_track_frames=10)
    )
    across = track.landmarks[:, 27:48, 0].mean(axis=1)
    assert np.abs((across - across[0]) - shifts).max() < 0.4


@pytest.mark.parametrize("step", ["each frame", "batches"])
def test_a_short_gap_is_interpolated_and_marked(
    dlib_backend: DlibBackend, batched: DlibBackend, step: str
) -> None:
    frames = [moved(astronaut(), 0.5 * k) for k in range(50)]
    frames[20:26] = [GREY] * 6
    track, columns = follow(dlib_backend if step == "each frame" else batched, frames)
    assert track.num_frames == 50
    assert np.flatnonzero(~track.valid).tolist() == list(range(20, 26))
    assert columns["longest_gap_frames"] == columns["num_interpolated"] == 6
    middle = (track.landmarks[19] + track.landmarks[26]) / 2
    np.testing.assert_allclose((track.landmarks[22] + track.landmarks[23]) / 2, middle, atol=1e-3)


def test_a_long_gap_splits_and_the_longer_part_is_taken(dlib_backend: DlibBackend) -> None:
    frames = [astronaut()] * 26 + [GREY] * 20 + [astronaut()] * 40
    track, columns = follow(dlib_backend, frames)
    assert (track.first_frame, track.num_frames) in [(46, 40), (47, 39), (48, 38)]
    assert track.valid.all()
    (other,) = json.loads(str(columns["alternatives_json"]))
    assert (other["first_frame"], other["num_frames"]) == (0, 26)


def test_damaged_frames_are_a_gap_like_any_other(dlib_backend: DlibBackend) -> None:
    """Few are interpolated, many split the track, though a face may be found in each of them."""
    frames = [moved(astronaut(), 0.5 * k) for k in range(60)]

    def track(damaged: set[int]) -> tuple[FaceTrack, dict[str, object], int]:
        ticks = ticks_of(frames, damaged)
        found, columns, images = track_clip(ticks, dlib_backend, TrackSettings(), keep_images=True)
        return found, columns, len(images)

    few, columns, _ = track({20, 21, 22})
    assert np.flatnonzero(~few.valid).tolist() == [20, 21, 22]
    assert (few.longest_gap_frames, columns["num_damaged"], columns["num_interpolated"]) == (3, 3, 3)
    np.testing.assert_allclose(few.landmarks[21], (few.landmarks[19] + few.landmarks[23]) / 2, atol=1e-3)
    many, columns, num_images = track(set(range(10, 25)))
    assert (many.first_frame, many.num_frames, num_images) == (25, 35, 35)
    assert many.valid.all() and columns["num_damaged"] == 15


def test_a_face_that_jumps_is_found_again(dlib_backend: DlibBackend) -> None:
    frames = [moved(astronaut(), -60)] * 30 + [moved(astronaut(), 60)] * 30
    track, columns = follow(dlib_backend, frames)
    assert track.num_frames == 60 and columns["num_faces"] == 1
    assert (~track.valid).sum() <= 2


def test_a_covered_face_is_noticed_between_detections(dlib_backend: DlibBackend) -> None:
    covered = astronaut().copy()
    cv2.rectangle(covered, (90, 20), (330, 190), (120, 90, 80), -1)
    frames = [astronaut()] * 15 + [covered] * 4 + [astronaut()] * 15
    track, _ = follow(dlib_backend, frames)
    assert np.flatnonzero(~track.valid).tolist() == [15, 16, 17, 18]


@pytest.mark.parametrize(
    ("frames", "reason", "detail"),
    [
        ([GREY] * 30, "no_face", "no face of 48 px or more in 30 frames of 400x320"),
        ([cartoon()] * 30, "no_face", "in 30 frames of 360x288"),
        ([moved(cartoon(), k % 5) for k in range(30)], "no_face", "360x288"),
        (
            [np.random.default_rng(k).integers(0, 255, (200, 200, 3), np.uint8) for k in range(6)],
            "no_face",
            "200x200",
        ),
        ([moved(astronaut(), 0, 0, 0, 0.3)] * 26, "face_too_small", "at least 48 are needed"),
        ([astronaut()] * 9, "too_short_track", "9 frames at a stretch; at least 25"),
        ([], "no_frames", "no frame"),
        ([astronaut() if k % 3 == 0 else GREY for k in range(40)], "too_many_gaps", "at most 25%"),
    ],
)
def test_rejections(dlib_backend: DlibBackend, frames: list[Rgb], reason: str, detail: str) -> None:
    with pytest.raises(Rejected) as caught:
        follow(dlib_backend, frames)
    assert (caught.value.stage, caught.value.reason) == ("face_tracks", reason)
    assert detail in caught.value.detail


def test_a_drawing_with_a_photograph_beside_it(dlib_backend: DlibBackend) -> None:
    drawing = cv2.resize(cartoon(), (400, 320))
    track, columns = follow(dlib_backend, [np.hstack([drawing, astronaut()])] * 30)
    assert columns["num_faces"] == 1
    assert track.boxes[0, 0] > 400


def test_the_speaker_is_taken_and_the_listener_recorded(
    dlib_backend: DlibBackend, speakers: tuple[list[Rgb], list[Rgb]]
) -> None:
    for speaks in (0, 1):
        left, right = (speakers[k] if k == speaks else [speakers[k][0]] * 40 for k in (0, 1))
        frames = [np.hstack([a[:, 40:320], b[:, 40:320]]) for a, b in zip(left[:40], right[:40], strict=True)]
        track, columns = follow(dlib_backend, frames)
        assert (track.boxes[0, 0] > 280) == bool(speaks)
        (other,) = json.loads(str(columns["alternatives_json"]))
        assert (other["box"][0] > 280) != bool(speaks)
        assert columns["num_faces"] == 2


def test_a_cut_to_another_person_ends_the_track(
    dlib_backend: DlibBackend, speakers: tuple[list[Rgb], list[Rgb]]
) -> None:
    track, columns = follow(dlib_backend, [*speakers[0][:30], *speakers[1][30:75]])
    assert 30 <= track.first_frame <= 32 and track.first_frame + track.num_frames == 75
    (other,) = json.loads(str(columns["alternatives_json"]))
    assert (other["first_frame"], other["num_frames"]) == (0, 30)


def test_a_cut_within_a_batch_ends_the_track_there(
    batched: DlibBackend, speakers: tuple[list[Rgb], list[Rgb]]
) -> None:
    for cut in (44, 3):
        ticks = ticks_of([*speakers[0][:cut], *speakers[1][30:60]])
        track, _, images = track_clip(ticks, batched, TrackSettings(), keep_images=True)
        if cut == 44:
            assert (track.first_frame, track.num_frames) == (0, 44)
        else:
            assert track.first_frame >= cut
        assert len(images) == track.num_frames


@pytest.mark.parametrize(("step", "hz"), [("each frame", 0.8), ("each frame", 4), ("batches", 2)])
def test_a_shaking_camera_keeps_all_frames(
    dlib_backend: DlibBackend, batched: DlibBackend, step: str, hz: float
) -> None:
    photograph = cv2.resize(data.astronaut(), (560, 560))
    lefts = [round(40 + 24 * np.sin(2 * np.pi * hz * k / 25)) for k in range(50)]
    track, columns = follow(
        dlib_backend if step == "each frame" else batched,
        [photograph[20:460, left : left + 400] for left in lefts],
    )
    assert (track.first_frame, track.num_frames, columns["num_faces"]) == (0, 50, 1)
    assert track.valid.all()


def test_a_flash_keeps_all_frames(dlib_backend: DlibBackend, speakers: tuple[list[Rgb], list[Rgb]]) -> None:
    """Frames of another scene are a gap, after which the track goes on."""
    frames = list(speakers[0][:50])
    frames[14] = np.clip(frames[14].astype(int) + 90, 0, 255).astype(np.uint8)
    frames[25] = np.full_like(frames[25], 255)
    frames[35:38] = speakers[1][35:38]
    track, columns = follow(dlib_backend, frames)
    assert (track.first_frame, track.num_frames, columns["num_faces"]) == (0, 50, 1)
    assert np.flatnonzero(~track.valid).tolist() == [25, 35, 36, 37]


def test_the_crop_of_a_tilted_head_is_upright(dlib_backend: DlibBackend) -> None:
    ticks = ticks_of([moved(astronaut(), 0, 0, 25)] * 26)
    track, _, images = track_clip(ticks, dlib_backend, TrackSettings(), keep_images=True)
    crops = crop_clip(images, track, CropSettings(), 26)
    landmarks = np.frombuffer(crops["landmarks"], np.float32).reshape(-1, 68, 2)
    eyes = landmarks[:, 42:48].mean(axis=1) - landmarks[:, 36:42].mean(axis=1)
    assert np.abs(np.rad2deg(np.arctan2(eyes[:, 1], eyes[:, 0]))).max() < 6
    assert crops["lip_top_row"] > 80 and crops["lip_bottom_row"] < 115


def followed_track(scale: float, at: tuple[float, float], opening: Sequence[float], first: int = 0) -> Track:
    track = Track()
    for index, value in enumerate(opening, start=first):
        points = template(128).copy()
        points[65:68, 1] += value
        track.points[index] = (points * scale + at).astype(np.float32)
    track.confidences[first] = 2.0
    return track


def test_the_weights_decide_among_faces() -> None:
    talking = followed_track(1.0, (0, 0), [0, 8] * 15)
    large = followed_track(2.0, (300, 0), [0] * 30)
    central = followed_track(1.0, (256, 176), [0] * 30)
    tracks, size = [talking, large, central], (640, 480)
    for weights, best in (((1, 0, 0), 0), ((0, 1, 0), 1), ((0, 0, 1), 2)):
        settings = TrackSettings(
            speaking_weight=weights[0], large_weight=weights[1], central_weight=weights[2]
        )
        scores = [candidate.score for candidate in rank(tracks, settings, 30, size)]
        assert int(np.argmax(scores)) == best
    half = followed_track(1.0, (0, 0), [0, 8] * 8)
    scores = [candidate.score for candidate in rank([talking, half], TrackSettings(), 30, size)]
    assert scores[1] < scores[0] * 0.6


@pytest.mark.parametrize(
    ("size", "scales"),
    [
        ((360, 288), [1.0, 1.6667]),
        ((1920, 1080), [0.3333, 0.6667, 1.3333, 1.3889]),
        ((160, 160), [1.0, 1.6667]),
    ],
)
def test_search_goes_from_coarse_to_fine(size: tuple[int, int], scales: list[float]) -> None:
    assert search_scales(*size, 48, 80) == pytest.approx(scales, abs=1e-3)


def test_search_of_huge_frames_is_bounded() -> None:
    assert max(s * s * 7680 * 4320 for s in search_scales(7680, 4320, 34, 80)) <= 4_000_001


def test_fit_of_a_track_to_its_own_landmarks_is_the_identity(dlib_backend: DlibBackend) -> None:
    track, _ = follow(dlib_backend, [astronaut()] * 25)
    np.testing.assert_allclose(boxes_of(track.landmarks), track.boxes)
    fitted = fit_similarity(track.landmarks[1:], track.landmarks[:-1])
    np.testing.assert_allclose(fitted[:, :, :2], np.broadcast_to(np.eye(2), (24, 2, 2)), atol=0.01)
