"""Which of several faces a clip is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from assets.faces.landmarks import mouth_opening
from assets.faces.settings import TrackSettings
from assets.faces.track import Track


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What decides between one track and another.

    Args:
        first_frame: first frame of the track.
        num_frames: its length, gaps included.
        num_seen: frames in which the face was found.
        box: median box x0, y0, x1, y1, source pixels.
        confidence: highest confidence of the detector.
        speaking: standard deviation of the mouth opening, in units of the face's spread.
        central: 1 at the frame's centre, 0 at its corners.
        score: weighted sum of mouth motion, size and closeness to the centre, 0 to 1; the highest wins.
        lips: how sure the offset probe is that the lips go with the audio; None where it is not, or was not asked.
    """

    first_frame: int
    num_frames: int
    num_seen: int
    box: tuple[float, float, float, float]
    confidence: float
    speaking: float
    central: float
    score: float = 0.0
    lips: float | None = None

    @property
    def face_px(self) -> float:
        return self.box[2] - self.box[0]


def rank(
    tracks: Sequence[Track], settings: TrackSettings, num_frames: int, size: tuple[int, int]
) -> list[Candidate]:
    """A candidate for each track, in the same order, with its score.

    The score is (speaking_weight * mouth motion + large_weight * area + central_weight * closeness to the
    centre) / sum of the weights, times the share of the clip that the track covers. Mouth motion and area are
    relative to the largest among the tracks.

    Args:
        tracks: the faces of the clip.
        settings: the weights.
        num_frames: of the clip.
        size: width and height of the frames, pixels.
    """
    unscored = [_candidate(track, size) for track in tracks]
    top_motion = max((c.speaking for c in unscored), default=0.0) or 1.0
    top_area = max((c.face_px**2 for c in unscored), default=0.0) or 1.0
    weights = (settings.speaking_weight, settings.large_weight, settings.central_weight)
    scored = []
    for candidate in unscored:
        parts = (candidate.speaking / top_motion, candidate.face_px**2 / top_area, candidate.central)
        score = sum(w * p for w, p in zip(weights, parts, strict=True)) / sum(weights)
        scored.append(Candidate(**{**asdict(candidate), "score": score * candidate.num_seen / num_frames}))
    return scored


def fit(candidates: Sequence[Candidate], settings: TrackSettings) -> list[int]:
    """Numbers of the candidates that are long and large enough."""
    return [
        number
        for number, candidate in enumerate(candidates)
        if candidate.num_frames >= settings.min_track_frames and candidate.face_px >= settings.min_face_px
    ]


def choose(candidates: Sequence[Candidate], settings: TrackSettings) -> int:
    """Number of the best candidate that is long and large enough: whose lips go with the audio, else by score.

    Where none is, it is the best of all: the rejection then names what is wrong with it.
    """
    numbers = fit(candidates, settings) or range(len(candidates))
    speaking = [number for number in numbers if candidates[number].lips is not None]
    return max(
        speaking or numbers,
        key=lambda number: (candidates[number].lips or 0.0, candidates[number].score, -number),
    )


def _candidate(track: Track, size: tuple[int, int]) -> Candidate:
    box = track.median_box
    middle = (box[:2] + box[2:]) / 2
    half = np.array(size) / 2
    opening = mouth_opening(np.stack(list(track.points.values())))
    if len(opening) >= 3:
        opening = np.median(np.lib.stride_tricks.sliding_window_view(opening, 3), axis=-1)
    x0, y0, x1, y1 = (float(v) for v in box)
    return Candidate(
        first_frame=track.first,
        num_frames=track.num_frames,
        num_seen=len(track.points),
        box=(x0, y0, x1, y1),
        confidence=track.confidence,
        speaking=float(opening.std()),
        central=float(1 - np.linalg.norm(middle - half) / np.linalg.norm(half)),
    )
