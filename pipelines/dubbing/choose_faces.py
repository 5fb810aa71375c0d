"""Whose mouth is dubbed: the faces of a video, the choice among them, and the position of the chosen one in each frame.

Legend: F frames of the source, T ticks of a track (25 a second).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.faces.alignment import Transforms, apply_transforms, crop_transforms, smooth_zero_phase
from assets.faces.backends.interface import FaceBackend
from assets.faces.crop_plan import padding_shares
from assets.faces.landmarks import Points, boxes_of
from assets.faces.settings import CropSettings, TrackSettings
from assets.faces.track import Track
from assets.faces.track_clip import is_face, without_gaps
from assets.media.decoded_frame import DecodedFrame
from cals_models.shards.shard_format import BASE_CROP_PX
from cals_models.timebase import FPS
from pipelines.dubbing.close_mouth import closed_opening
from pipelines.dubbing.frame_plan import FrameLog
from pipelines.dubbing.join_tracks import people
from pipelines.dubbing.seen_mouths import SeenMouth, WatchingTracker

SHORTEST_FACE_TICKS = 12
# Of the landmarks in the crop, over time: the detector's jitter is about half a pixel.
LANDMARK_SIGMA_FRAMES = 0.7


@dataclass(frozen=True, kw_only=True)
class Face:
    """One person's face: its tracks, in time order.

    Args:
        tracks: each an uninterrupted series of frames.
        box: median box, source pixels.
        mouths: of each track, views of it from the search.
    """

    tracks: tuple[Track, ...]
    box: tuple[float, float, float, float]
    mouths: tuple[tuple[SeenMouth, ...], ...] = ()

    def text(self) -> str:
        """Place, size and time, for a person to choose by."""
        x0, y0, x1, y1 = self.box
        first, last = self.tracks[0].first / FPS, (self.tracks[-1].last + 1) / FPS
        return f"at x {(x0 + x1) / 2:.0f}, y {(y0 + y1) / 2:.0f}, {x1 - x0:.0f} px wide, {first:.1f}-{last:.1f} s"


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """An uninterrupted series of frames with a chosen face.

    Args:
        first_frame: number of its first source frame.
        transforms: (n, 2, 3) source pixels to crop pixels, one for each frame from ``first_frame`` on.
        landmarks: (n, 68, 2) in crop pixels.
        seen: (n,) whether the face was found; elsewhere its place is interpolated.
        closed_opening: of the face's closed mouth, in units of its spread.
        voice: number of the voice that it speaks with, among those of the dub.
        mouths: views from the search, by frame, counted from ``first_frame``.
    """

    first_frame: int
    transforms: Transforms
    landmarks: Points
    seen: NDArray[np.bool_]
    closed_opening: float
    voice: int = 0
    mouths: Mapping[int, SeenMouth] = field(default_factory=dict)

    def covers(self, frame: int) -> bool:
        return self.first_frame <= frame < self.first_frame + len(self.transforms)

    def transform(self, frame: int) -> Transforms:
        chosen: Transforms = self.transforms[frame - self.first_frame]
        return chosen

    def is_seen(self, frame: int) -> bool:
        return bool(self.seen[frame - self.first_frame])


def find_faces(
    frames: Iterable[DecodedFrame],
    backend: FaceBackend,
    settings: TrackSettings,
    path: Path,
    crop_px: int = BASE_CROP_PX,
) -> list[Face]:
    """All faces in the frames, in the order of the seconds in which they are first found, and of one second left to right.

    So a face keeps its number where more of a video is searched.

    Args:
        frames: at 25 a second; read once, not kept.
        backend: detector and landmarks.
        settings: of tracking.
        path: of the video, for the error.
        crop_px: side of the views that are kept of them.

    Raises:
        ValueError: no face.
    """
    tracker = WatchingTracker(backend, settings, crop_px)
    tracks = tracker.follow(frames)
    shortest = min(SHORTEST_FACE_TICKS, tracker.num_frames)
    seen = [track for track in tracks if is_face(track, backend)]
    kept = [track for group in people(seen) for track in group if len(track.points) >= shortest]
    large = [track for track in kept if _width(track) >= settings.min_face_px]
    large.sort(key=lambda track: track.first)
    if not large:
        found_too = f"{len(kept)} of at most {_widest(kept):.0f} px" if kept else "none"
        raise ValueError(
            f"{path}: no face of {settings.min_face_px} px or more that is in view for {shortest / FPS:g} s or more "
            f"(found: {found_too}); give a video or photograph of a face seen from the front"
        )
    found = [
        Face(
            tracks=tuple(group),
            box=_as_box(np.median([track.median_box for track in group], axis=0)),
            mouths=tuple(tracker.mouths_of(track) for track in group),
        )
        for group in people(large)
    ]
    return sorted(found, key=_first_seen)


def _first_seen(face: Face) -> tuple[int, float]:
    first = face.tracks[0]
    return first.first // FPS, float(boxes_of(first.points[first.first])[0])


def choose_faces(faces: Sequence[Face], requested: Sequence[int], path: Path) -> list[Face]:
    """The requested faces; by default the only one.

    Raises:
        ValueError: several and none requested, or there is no such face; the message lists them.
    """
    if not requested:
        if len(faces) > 1:
            raise ValueError(
                f"{path}: {len(faces)} faces; choose with --face N: {listed(faces)} (--faces sheet.png shows them; "
                "--face speaker takes the one who speaks)"
            )
        return list(faces)
    for number in requested:
        if number > len(faces):
            raise ValueError(f"{path}: there is no face {number}; there are: {listed(faces)}")
    return [faces[number - 1] for number in dict.fromkeys(requested)]


def listed(faces: Sequence[Face]) -> str:
    """The faces with their numbers, for a person to choose by."""
    return "; ".join(f"{number}: {face.text()}" for number, face in enumerate(faces, start=1))


def stretches_of(
    face: Face, log: FrameLog, size: tuple[int, int], settings: CropSettings, crop_px: int
) -> list[Stretch]:
    """Position of a face in each source frame, without stretches that lie too far outside the frame.

    Args:
        face: of ``find_faces``.
        log: times of the source's frames.
        size: width and height of the source.
        settings: smoothing, and how much of a crop may lie outside the frame.
        crop_px: side of the crops.
    """
    times, tick_frames, frame_ticks = np.array(log.times_s), np.array(log.tick_frames), log.frame_ticks()
    found = []
    for track, mouths in zip(face.tracks, face.mouths, strict=True):
        followed = without_gaps(track, size)
        transforms = crop_transforms(
            followed.landmarks,
            crop_px,
            centre_sigma_frames=settings.centre_sigma_frames,
            size_sigma_frames=settings.size_sigma_frames,
        )
        if padding_shares(transforms, crop_px, size).mean() > settings.max_padding_share:
            continue
        first, num = followed.first_frame, followed.num_frames
        frames = np.flatnonzero((frame_ticks >= first) & (frame_ticks < first + num))
        if not len(frames):
            continue
        shown = tick_frames[first : first + num]
        unique, at = np.unique(shown, return_index=True)
        moved = _at(times[frames], times[unique], transforms[at])
        in_crop = apply_transforms(transforms, followed.landmarks).reshape(num, -1)
        steady = smooth_zero_phase(in_crop.astype(np.float64), LANDMARK_SIGMA_FRAMES).reshape(num, -1, 2)
        found.append(
            Stretch(
                first_frame=int(frames[0]),
                transforms=moved,
                landmarks=_at(times[frames], times[unique], steady[at]).astype(np.float32),
                seen=followed.valid[frame_ticks[frames] - first],
                closed_opening=closed_opening(np.stack(list(track.points.values()))),
                mouths={
                    int(np.clip(tick_frames[mouth.tick] - frames[0], 0, len(frames) - 1)): mouth
                    for mouth in mouths
                },
            )
        )
    return found


def _at(
    times: NDArray[np.float64], known: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Values (N, ...) of the known times at other times, linear between them."""
    columns = values.reshape(len(known), -1).T
    moved = np.stack([np.interp(times, known, column) for column in columns], axis=-1)
    return moved.reshape(-1, *values.shape[1:])


def _width(track: Track) -> float:
    return float(track.median_box[2] - track.median_box[0])


def _widest(tracks: Sequence[Track]) -> float:
    return max(_width(track) for track in tracks)


def _as_box(box: NDArray[Any]) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (float(value) for value in box)
    return x0, y0, x1, y1
