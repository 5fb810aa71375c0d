"""``face_tracks``: the face that a clip is about, found, chosen and followed through its frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.faces.backends.interface import FaceBackend
from assets.faces.face_choice import Candidate, choose, fit, rank
from assets.faces.face_tracker import FaceTracker
from assets.faces.frames import Frame
from assets.faces.landmarks import boxes_of
from assets.faces.settings import TrackSettings
from assets.faces.speaker_probe import TrackedFace
from assets.faces.stored_track import FaceTrack
from assets.faces.track import Track, without_damage
from assets.media.repeated_frames import RepeatedFrames
from assets.media.video import Tick
from assets.workers.rejected import Rejected

STAGE = "face_tracks"
SHORTEST_ALTERNATIVE_FRAMES = 5

RegionImages = list[NDArray[np.uint8]]
Lips = Callable[[list[TrackedFace]], list[float | None]]
ONLY, BY_SCORE, BY_LIPS = "only", "score", "lips"
"""What decided which face a clip is about: one was long and large enough; mouth motion, size and place; or the audio."""


@dataclass
class _Read:
    """What is noted of a clip while its frames go through the tracker."""

    size: tuple[int, int] | None = None
    damaged: set[int] = field(default_factory=set)
    repeated: RepeatedFrames = field(default_factory=RepeatedFrames)

    def frames(self, ticks: Iterable[Tick]) -> Iterator[Frame]:
        for tick in ticks:
            self.size = self.size or (tick.frame.width, tick.frame.height)
            if tick.damaged:
                self.damaged.add(tick.index)
            self.repeated.add(tick)
            yield tick.frame


def track_clip(
    ticks: Iterable[Tick],
    backend: FaceBackend,
    settings: TrackSettings,
    *,
    keep_images: bool,
    lips: Lips | None = None,
) -> tuple[FaceTrack, dict[str, Any], RegionImages]:
    """Finds the face that a clip is about and follows it.

    Args:
        ticks: the clip's frames at 25 fps; read once, not kept. Damaged ones count as gaps.
        backend: detector and landmarks.
        settings: how faces are found, followed and chosen.
        keep_images: keep RGB of the region around the face, so that crops need no second decoding.
        lips: gives for each of several faces how surely its lips go with the audio, or None; asked where several fit.

    Returns:
        The track, its columns (``TRACKS_SCHEMA``), and the images of its regions, uint8 (h, w, 3) RGB, one a frame
        of the track (none unless kept).

    Raises:
        Rejected: no_frames, no_face, face_too_small, too_short_track, too_many_gaps.
    """
    read = _Read()
    tracker = FaceTracker(backend, settings, keep_images=keep_images or lips is not None)
    followed = tracker.follow(read.frames(ticks))
    if read.size is None:
        raise Rejected(STAGE, "no_frames", "the clip has no frame; at least one was promised")
    parts = [part for t in followed for part in without_damage(t, read.damaged, settings.max_gap_frames)]
    tracks = [part for part in parts if is_face(part, backend)]
    if not tracks:
        detail = _no_face_detail(tracker.num_frames, read.size, settings, len(parts))
        raise Rejected(STAGE, "no_face", detail)
    candidates = rank(tracks, settings, tracker.num_frames, read.size)
    fits = fit(candidates, settings)
    if lips is not None and len(fits) > 1:
        faces = [_tracked(tracks[number], read.size) for number in fits]
        for number, confidence in zip(fits, lips(faces), strict=True):
            candidates[number] = replace(candidates[number], lips=confidence)
    chosen = choose(candidates, settings)
    track = without_gaps(tracks[chosen], read.size)
    _check(track, candidates[chosen], settings)
    columns = track.to_columns(
        num_clip_frames=tracker.num_frames,
        num_damaged=len(read.damaged),
        num_repeated=read.repeated.num,
        others=_others(candidates, chosen),
        backend=backend.name,
    )
    by = ONLY if len(fits) == 1 else BY_SCORE if candidates[chosen].lips is None else BY_LIPS
    columns |= {"chosen_by": by, "lip_confidence": candidates[chosen].lips}
    return track, columns, _images(tracks[chosen], track) if keep_images else []


def _tracked(track: Track, size: tuple[int, int]) -> TrackedFace:
    whole = without_gaps(track, size)
    return TrackedFace(track=whole, images=_images(track, whole))


def _images(track: Track, whole: FaceTrack) -> RegionImages:
    return [track.images[whole.first_frame + k] for k in range(whole.num_frames)]


def is_face(track: Track, backend: FaceBackend) -> bool:
    """Whether the detector was sure of the face once, or a second detector agrees."""
    assert track.evidence is not None, "a track starts with a detection"
    return track.confidence >= backend.sure_confidence or backend.is_face(track.evidence)


def without_gaps(track: Track, size: tuple[int, int]) -> FaceTrack:
    """The track with one entry a frame: gaps are interpolated linearly and marked not valid.

    Args:
        track: as followed.
        size: width and height of the source, pixels.
    """
    found = np.array(list(track.points))
    frames = np.arange(track.first, track.last + 1)
    flat = np.stack(list(track.points.values())).reshape(len(found), -1)
    filled = np.stack([np.interp(frames, found, column) for column in flat.T], axis=-1)
    landmarks = filled.reshape(len(frames), -1, 2).astype(np.float32)
    return FaceTrack(
        first_frame=track.first,
        landmarks=landmarks,
        boxes=boxes_of(landmarks),
        valid=np.isin(frames, found),
        regions=np.array([track.regions[int(i)] for i in frames], np.int32),
        confidence=float(np.median(list(track.confidences.values()))),
        longest_gap_frames=int(np.diff(found).max(initial=1)) - 1,
        frame_size=size,
    )


def _no_face_detail(
    num_frames: int, size: tuple[int, int], settings: TrackSettings, num_face_like: int
) -> str:
    text = f"no face of {settings.min_face_px} px or more in {num_frames} frames of {size[0]}x{size[1]}"
    if num_face_like:
        text += f"; {num_face_like} face-like shapes were rejected by the second detector"
    return text


def _check(track: FaceTrack, candidate: Candidate, settings: TrackSettings) -> None:
    if candidate.face_px < settings.min_face_px:
        raise Rejected(
            STAGE,
            "face_too_small",
            f"the face is {candidate.face_px:.0f} px wide; at least {settings.min_face_px} are needed "
            "(min_face_px)",
        )
    if track.num_frames < settings.min_track_frames:
        raise Rejected(
            STAGE,
            "too_short_track",
            f"the longest face is in view for {track.num_frames} frames at a stretch; at least "
            f"{settings.min_track_frames} are needed (min_track_frames)",
        )
    if track.num_interpolated > settings.max_interpolated_share * track.num_frames:
        raise Rejected(
            STAGE,
            "too_many_gaps",
            f"the face is not seen in {track.num_interpolated} of {track.num_frames} frames; at most "
            f"{settings.max_interpolated_share:.0%} may be interpolated (max_interpolated_share)",
        )


def _others(candidates: Sequence[Candidate], chosen: int) -> list[dict[str, Any]]:
    return [
        asdict(candidate)
        for number, candidate in enumerate(candidates)
        if number != chosen and candidate.num_seen >= SHORTEST_ALTERNATIVE_FRAMES
    ]
