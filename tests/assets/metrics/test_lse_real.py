"""Protocol ``lse_real``: faces followed and cut out of whole videos, then scored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import torch

from assets.faces.backends.dlib import DlibBackend
from assets.faces.backends.interface import Detection
from assets.metrics.instruments import AbsentEvaluator, Instruments
from assets.metrics.landmark_cache import LandmarkCache
from assets.metrics.lse_real import frames_at_25, lse_real_values
from assets.metrics.real_faces import NoFaceTrackError, crop, face_clips, filled, link, shots
from cals_models.metrics.lse import LipSyncEvaluator
from tests.support.lse_transcription import network_of, transcribed

SIZE = (240, 320)


class ScriptedBackend:
    """Detections that are given, a list for each frame; each frame's first pixel says its number."""

    name = "made"
    reads_luma = False
    min_detectable_px = 100.0
    sure_confidence = 1.0
    doubtful_confidence = 0.5
    batch_frames = 4

    def __init__(self, found: list[list[Detection]], second_opinion: bool = True) -> None:
        self._found = found
        self._second_opinion = second_opinion

    def detect(self, images: list[Any]) -> list[list[Detection]]:
        return [self._found[int(image[0, 0, 0])] for image in images]

    def is_face(self, image: Any) -> bool:
        return self._second_opinion


def face(x: float, y: float, side: float = 120, confidence: float = 1.5) -> Detection:
    half = side / 2
    return Detection(
        box=np.array([x - half, y - half, x + half, y + half], np.float32), confidence=confidence
    )


def numbered(num_frames: int) -> np.ndarray:
    """Still noise whose first pixel counts the frames."""
    still = np.random.default_rng(0).integers(0, 255, (*SIZE, 3), np.uint8)
    frames = np.repeat(still[None], num_frames, axis=0)
    frames[:, 0, 0] = np.arange(num_frames)[:, None]
    return frames


def instruments_of(backend: Any, *, lse_jpeg: bool = False, evaluator: Any = None) -> Instruments:
    return Instruments(
        evaluator=evaluator or LipSyncEvaluator(network_of(3, 0.0625), name="random"),
        landmarks=LandmarkCache(lambda: backend, None),
        max_undetected_share=0.5,
        lse_jpeg=lse_jpeg,
    )


def test_a_face_is_followed_over_gaps_of_25_frames_and_no_further() -> None:
    found = [[face(160, 120)] for _ in range(110)]
    found[40:64] = [[] for _ in range(24)]
    (track,) = link(found)
    assert len(track) == 86 and filled(track).shape == (110, 4)
    found[40:65] = [[] for _ in range(25)]
    assert [len(track) for track in link(found)] == [40, 45]
    moving = [[face(100 + 2 * index, 120)] for index in range(40)] + [[face(260, 120)]]
    (track, rest) = link(moving)
    assert len(track) == 40 and rest[0][0] == 40  # 82 px to the side of a box of 120: overlap 0.19
    assert filled(track)[10, 0] == 100 + 20 - 60


def test_two_faces_are_two_tracks_and_each_detection_is_in_one() -> None:
    found = [[face(90, 120), face(230, 120, 80)][:: 1 if index % 2 else -1] for index in range(6)]
    tracks = list(link(found, first=7))
    assert [[index for index, _ in track] for track in tracks] == [list(range(7, 13))] * 2
    assert {float(seen.box[2] - seen.box[0]) for _, seen in tracks[0]} == {80.0}


def test_what_the_protocol_does_not_score_says_why() -> None:
    frames = numbered(110)
    for found, says in (
        ([[] for _ in range(110)], "no face found in 110 frames"),
        (
            [[face(160, 120)] if index < 100 else [] for index in range(110)],
            "found in 100 of 110 frames, 120 px",
        ),
        ([[face(160, 120, 100)] for _ in range(110)], "found in 110 of 110 frames, 100 px"),
    ):
        with pytest.raises(NoFaceTrackError, match=says):
            face_clips(frames, ScriptedBackend(found))
    (one,) = face_clips(
        frames, ScriptedBackend([[face(160, 120)] if index < 101 else [] for index in range(110)])
    )
    assert one.frames.shape == (101, 224, 224, 3) and one.face_px == 120
    doubtful = [[face(160, 120, confidence=0.7)] for _ in range(110)]
    assert len(face_clips(frames, ScriptedBackend(doubtful))) == 1
    with pytest.raises(NoFaceTrackError, match="no face found"):
        face_clips(frames, ScriptedBackend(doubtful, second_opinion=False))
    audio = np.zeros(640 * 110, np.int16)
    for value in lse_real_values(
        frames, audio, "x", instruments_of(ScriptedBackend([[]] * 110), lse_jpeg=True)
    ):
        assert value.value is None and "more than 100 px in more than 100 frames" in str(value.detail)
        assert value.protocol in ("lse_real", "lse_real_jpeg") and value.evaluator == "random+made"
    (first, _) = lse_real_values(
        frames, audio, "x", instruments_of(UnusedDetector(), evaluator=AbsentEvaluator())
    )
    assert first.value is None and "no evaluator was given" in str(first.detail)


class UnusedDetector:
    """A detector that must not be called."""

    name = "unused"


def test_no_track_crosses_a_shot_change() -> None:
    frames = numbered(220)
    frames[110:] = 255 - frames[110:]
    frames[:, 0, 0] = np.arange(220)[:, None]
    assert shots(frames) == [(0, 110), (110, 220)]
    faces = face_clips(frames, ScriptedBackend([[face(160, 120)] for _ in range(220)]))
    assert [found.first_frame for found in faces] == [0, 110]


def test_several_faces_have_their_mean_and_their_own_audio() -> None:
    frames = numbered(106)
    backend = ScriptedBackend(
        [[face(110, 120), *([face(250, 120, 104)] if index >= 3 else [])] for index in range(106)]
    )
    audio = np.random.default_rng(1).integers(-9000, 9000, 640 * 106).astype(np.int16)
    instruments = instruments_of(backend, lse_jpeg=True)
    values = {(value.protocol, value.metric): value for value in
               lse_real_values(frames, audio, "the video's own sound", instruments)}  # fmt: skip
    faces = face_clips(frames, backend)
    assert [found.first_frame for found in faces] == [0, 3]
    results = [
        instruments.evaluator.evaluate(torch.from_numpy(found.frames), audio[640 * found.first_frame :])
        for found in faces
    ]
    plain = values["lse_real", "lse_d"]
    assert plain.value == pytest.approx(np.mean([result.distance for result in results]), rel=1e-6)
    assert "face of 120 px in frames 0 to 105" in str(plain.detail)
    assert "face of 104 px in frames 3 to 105" in str(plain.detail)
    lossy = values["lse_real_jpeg", "lse_d"].value
    assert lossy != plain.value and lossy == pytest.approx(plain.value, rel=0.3)


def test_a_crop_is_the_one_cut_out_of_the_padded_frame() -> None:
    frame = np.random.default_rng(2).integers(0, 255, (*SIZE, 3), np.uint8)
    for x, y, half in (
        (160.0, 120.0, 40.0),
        (20.3, 15.7, 60.5),
        (300.2, 220.9, 71.25),
        (160.5, 120.5, 150.0),
    ):
        expected = cut_from_padded(frame, x, y, half)
        np.testing.assert_array_equal(crop(frame, x, y, half), expected)


@pytest.mark.parametrize(
    ("fps", "expected"), [(25.0, range(6)), (50.0, range(0, 12, 2)), (12.5, [0, 0, 1, 1, 2, 2])]
)
def test_the_frame_on_display_is_shown_at_25_frames(fps: float, expected: list[int]) -> None:
    times_s = np.arange(round(6 * fps / 25)) / fps
    frames = np.arange(len(times_s), dtype=np.uint8)[:, None, None, None].repeat(3, axis=3)
    np.testing.assert_array_equal(frames_at_25(frames, times_s, fps)[:, 0, 0, 0], list(expected))


def cut_from_padded(frame: np.ndarray, x: float, y: float, half: float) -> np.ndarray:
    pad = int(half * (1 + 2 * 0.40))
    wide = np.pad(frame, ((pad, pad), (pad, pad), (0, 0)), "constant", constant_values=(110, 110))
    y, x = y + pad, x + pad
    return cv2.resize(
        wide[int(y - half) : int(y + half * 1.8), int(x - half * 1.4) : int(x + half * 1.4)], (224, 224)
    )


def median_of_13(values: list[float]) -> list[float]:
    """Zeros stand beyond the ends."""
    padded = [0.0] * 6 + values + [0.0] * 6
    return [sorted(padded[place : place + 13])[6] for place in range(len(values))]


def transcribed_real(
    frames: np.ndarray, audio: np.ndarray, network: Any
) -> tuple[list[np.ndarray], tuple[float, float, int]]:
    """The real-video path as FACTS states it, for a clip with one face and no cut, a loop at a time."""
    backend, scale, places = DlibBackend(), 0.8, {}
    for number, frame in enumerate(frames):
        grey = cv2.resize(
            cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
        )
        sure = [detection for detection in backend.detect([grey])[0] if detection.confidence >= 0.45]
        assert len(sure) <= 1
        if sure:
            places[number] = [float(value) / scale for value in sure[0].box]
    assert 100 < len(places) < len(frames), "frames without a detection belong to the trial"
    numbers = sorted(places)
    path = []
    for number in range(numbers[0], numbers[-1] + 1):
        before = max(known for known in numbers if known <= number)
        after = min(known for known in numbers if known >= number)
        share = 0 if before == after else (number - before) / (after - before)
        path.append([a + share * (b - a) for a, b in zip(places[before], places[after], strict=True)])
    halves = median_of_13([max(x1 - x0, y1 - y0) / 2 for x0, y0, x1, y1 in path])
    xs = median_of_13([(x0 + x1) / 2 for x0, _, x1, _ in path])
    ys = median_of_13([(y0 + y1) / 2 for _, y0, _, y1 in path])
    crops = [
        cut_from_padded(frames[numbers[0] + index], xs[index], ys[index], halves[index])
        for index in range(len(path))
    ]
    beside = audio[640 * numbers[0] : 640 * (numbers[-1] + 1)]
    return crops, transcribed(network, np.stack(crops), beside)


@pytest.mark.proof
def test_a_real_clip_is_scored_as_a_transcription_of_the_protocol_scores_it(shared_data: Path) -> None:
    """The face touches the edge of what is shown, and the detector misses it for eight frames."""
    path = shared_data / "wild" / "ls_demo2.mp4"
    with av.open(str(path)) as container:
        decoded = container.decode(video=0)
        frames = np.stack([next(decoded).to_ndarray(format="rgb24")[250:900, 380:900] for _ in range(115)])
    resampler = av.AudioResampler("s16", "mono", 16_000)
    with av.open(str(path)) as container:
        pieces = [piece for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
    audio = np.concatenate([piece.to_ndarray()[0] for piece in pieces])[: 640 * len(frames)]
    network = network_of(5, 0.125)
    crops, expected = transcribed_real(frames, audio, network)
    (found,) = face_clips(frames, DlibBackend())
    np.testing.assert_array_equal(found.frames, np.stack(crops))
    instruments = instruments_of(DlibBackend(), evaluator=LipSyncEvaluator(network, name="random"))
    distance, confidence = lse_real_values(frames, audio, "the video's own sound", instruments)
    assert distance.value == pytest.approx(expected[0], rel=1e-3)
    assert confidence.value == pytest.approx(expected[1], rel=1e-3)
    assert distance.offset_frames == confidence.offset_frames == expected[2]
