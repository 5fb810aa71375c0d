"""``face_tracks``: per clip the box and 68 landmarks of the speaking face at 25 frames a second."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.faces.backends.interface import FaceBackend
from assets.faces.face_choice import Candidate, rank
from assets.faces.face_tracker import FaceTracker
from assets.faces.frames import Frame
from assets.faces.landmarks import boxes_of
from assets.faces.settings import TrackSettings
from assets.faces.stored_track import FaceTrack
from assets.faces.track_continuity import Track, without_damage
from assets.workers.rejected import Rejected

STAGE = "face_tracks"
TRACKS_SCHEMA = pa.schema([
    pa.field("digest", pa.string(), nullable=False),
    pa.field("num_frames", pa.int32()),  # frames of the track
    pa.field("first_frame", pa.int32()),  # frame of the clip in which the track starts
    pa.field("num_clip_frames", pa.int32()),
    pa.field("frame_width", pa.int32()),
    pa.field("frame_height", pa.int32()),
    pa.field("boxes", pa.binary()),  # float32 (T, 4) x0, y0, x1, y1, source pixels
    pa.field("landmarks", pa.binary()),  # float32 (T, 68, 2) source pixels, not smoothed
    pa.field("valid", pa.binary()),  # uint8 (T,) 1 seen, 0 interpolated
    pa.field("regions", pa.binary()),  # int32 (T, 5) x0, y0, x1, y1, reduction
    pa.field("detect_confidence", pa.float32()),  # median over the detector's looks
    pa.field("num_interpolated", pa.int32()),
    pa.field("num_damaged", pa.int32()),  # damaged pictures of the clip; none of them counts as seen
    pa.field("longest_gap_frames", pa.int32()),
    pa.field("num_faces", pa.int32()),
    pa.field("alternatives_json", pa.string()),  # the other faces, with the figures of the choice
    pa.field("backend", pa.string()),
])  # fmt: skip
SHORTEST_ALTERNATIVE_FRAMES = 5

Pictures = list[NDArray[np.uint8]]


def track_clip(
    frames: Iterable[Frame],
    backend: FaceBackend,
    settings: TrackSettings,
    *,
    keep_pictures: bool,
    damaged: Collection[int] = (),
) -> tuple[FaceTrack, dict[str, Any], Pictures]:
    """Finds the face that a clip is about and follows it.

    Args:
        frames: the clip at 25 frames a second; read once, not kept.
        backend: detector and landmarks.
        settings: see there.
        keep_pictures: keep RGB of the region around the face, so that crops need no second decoding.
        damaged: frames whose picture is damaged; may fill up while the frames are read.

    Returns:
        The track, its columns, and the pictures, one a frame of the track (none unless asked for).

    Raises:
        Rejected: no_face, face_too_small, too_short_track, too_many_gaps.
    """
    sizes: list[tuple[int, int]] = []
    tracker = FaceTracker(backend, settings, keep_pictures=keep_pictures)
    found = tracker.follow(_noting_size(frames, sizes))
    if not sizes:
        raise Rejected(STAGE, "no_frames", "the clip has no frame; at least one was promised")
    size, num_frames = sizes[0], tracker.num_frames
    whole = [part for track in found for part in without_damage(track, damaged, settings.max_gap_frames)]
    tracks, num_refused = _faces_only(whole, backend)
    if not tracks:
        raise Rejected(STAGE, "no_face", _no_face_detail(num_frames, size, settings, num_refused))
    candidates = rank(tracks, settings, num_frames, size)
    chosen = _choose(candidates, settings)
    track = without_gaps(tracks[chosen], size)
    _check(track, candidates, chosen, settings)
    shown = tracks[chosen].pictures
    pictures = [shown[track.first_frame + k] for k in range(track.num_frames)] if keep_pictures else []
    columns = _columns(track, candidates, chosen, num_frames, backend.name)
    return track, columns | {"num_damaged": len(damaged)}, pictures


def _noting_size(frames: Iterable[Frame], sizes: list[tuple[int, int]]) -> Iterable[Frame]:
    for frame in frames:
        if not sizes:
            sizes.append((frame.width, frame.height))
        yield frame


def _faces_only(tracks: Sequence[Track], backend: FaceBackend) -> tuple[list[Track], int]:
    """Tracks that are faces: the detector was sure once, or a second detector agrees."""
    kept = []
    for track in tracks:
        assert track.evidence is not None, "a track starts with a detection"
        if track.confidence >= backend.sure_confidence or backend.is_face(track.evidence):
            kept.append(track)
    return kept, len(tracks) - len(kept)


def _no_face_detail(num_frames: int, size: tuple[int, int], settings: TrackSettings, num_refused: int) -> str:
    text = f"no face of {settings.min_face_px} px or more in {num_frames} frames of {size[0]}x{size[1]}"
    if num_refused:
        text += f"; {num_refused} face-like shapes were refused by the second detector"
    return text


def _choose(candidates: Sequence[Candidate], settings: TrackSettings) -> int:
    """The best of those long and large enough; the best of all where none is, for the rejection to name it."""
    fit = [
        number
        for number, candidate in enumerate(candidates)
        if candidate.num_frames >= settings.min_track_frames and candidate.face_px >= settings.min_face_px
    ]
    return max(fit or range(len(candidates)), key=lambda number: (candidates[number].score, -number))


def _check(track: FaceTrack, candidates: Sequence[Candidate], chosen: int, settings: TrackSettings) -> None:
    face_px = candidates[chosen].face_px
    if face_px < settings.min_face_px:
        raise Rejected(
            STAGE,
            "face_too_small",
            f"the face is {face_px:.0f} px wide; at least {settings.min_face_px} are needed (min_face_px)",
        )
    if track.num_frames < settings.min_track_frames:
        raise Rejected(
            STAGE,
            "too_short_track",
            f"the longest face is in view for {track.num_frames} frames at a stretch; at least "
            f"{settings.min_track_frames} are needed (min_track_frames)",
        )
    num_missing = int((~track.valid).sum())
    if num_missing > settings.max_interpolated_share * track.num_frames:
        raise Rejected(
            STAGE,
            "too_many_gaps",
            f"the face is not seen in {num_missing} of {track.num_frames} frames; at most "
            f"{settings.max_interpolated_share:.0%} may be interpolated (max_interpolated_share)",
        )


def without_gaps(track: Track, size: tuple[int, int]) -> FaceTrack:
    """The track with one entry a frame: gaps are filled on straight lines and marked not valid."""
    seen = np.array(list(track.points))
    frames = np.arange(track.first, track.last + 1)
    flat = np.stack(list(track.points.values())).reshape(len(seen), -1)
    filled = np.stack([np.interp(frames, seen, column) for column in flat.T], axis=-1)
    landmarks = filled.reshape(len(frames), -1, 2).astype(np.float32)
    return FaceTrack(
        first_frame=track.first,
        landmarks=landmarks,
        boxes=boxes_of(landmarks),
        valid=np.isin(frames, seen),
        regions=np.array([track.regions[int(i)] for i in frames], np.int32),
        confidence=float(np.median(list(track.confidences.values()))),
        longest_gap_frames=int(np.diff(seen).max(initial=1)) - 1,
        frame_size=size,
    )


def _columns(
    track: FaceTrack, candidates: Sequence[Candidate], chosen: int, num_clip_frames: int, backend: str
) -> dict[str, Any]:
    others = [
        asdict(candidate)
        for number, candidate in enumerate(candidates)
        if number != chosen and candidate.num_seen >= SHORTEST_ALTERNATIVE_FRAMES
    ]
    arrays = {
        "boxes": track.boxes.astype(np.float32).tobytes(),
        "landmarks": track.landmarks.astype(np.float32).tobytes(),
        "valid": track.valid.astype(np.uint8).tobytes(),
        "regions": track.regions.astype(np.int32).tobytes(),
    }
    numbers = {
        "num_frames": track.num_frames,
        "first_frame": track.first_frame,
        "num_clip_frames": num_clip_frames,
        "frame_width": track.frame_size[0],
        "frame_height": track.frame_size[1],
    }
    return {
        "digest": hashlib.sha256(json.dumps(numbers).encode() + b"".join(arrays.values())).hexdigest(),
        **numbers,
        **arrays,
        "detect_confidence": track.confidence,
        "num_interpolated": int((~track.valid).sum()),
        "longest_gap_frames": track.longest_gap_frames,
        "num_faces": 1 + len(others),
        "alternatives_json": json.dumps(_rounded(others), sort_keys=True),
        "backend": backend,
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    return [_rounded(entry) for entry in value] if isinstance(value, list | tuple) else value
