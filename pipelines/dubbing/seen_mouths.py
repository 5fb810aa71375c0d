"""Views of a face that the first pass keeps, so that nothing is decoded again to learn how its mouth looks.

Legend: S side of a crop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.faces.alignment import Transforms, compose, crop_transforms, invert
from assets.faces.backends.interface import FaceBackend
from assets.faces.canonical_face import TEMPLATE_PX
from assets.faces.face_tracker import FaceTracker
from assets.faces.frames import Frame
from assets.faces.landmarks import Points, mouth_opening
from assets.faces.settings import TrackSettings
from assets.faces.track import Track
from pipelines.dubbing.cut_crop import cut_crop

# Ticks of a track, from its first, of which views are kept: 36 s.
SEARCHED_TICKS = 900
# Greatest number of grey views of a track; then every other one goes, and half as many are taken from there on.
MOST_GREY = 200
# Share of the ticks so far, those with the smallest opening, that are kept in colour, and the least number.
CLOSED_SHARE, LEAST_CLOSED = 0.1, 6
# A grey view: its side, and the crop pixel at its corner, in a crop of ``TEMPLATE_PX``. It is wider than what is compared
# (`covered_face`).
GREY_PX, GREY_LEFT, GREY_TOP = 96, 16, 52


@dataclass(frozen=True, kw_only=True)
class SeenMouth:
    """A view of a face in one frame.

    Args:
        tick: number of the frame, 25 a second.
        points: (68, 2) landmarks, source pixels.
        to_crop: (2, 3) source pixels to crop pixels, of this frame alone.
        grey: part of the crop around mouth and chin, three quarters of its side; None where it was not kept.
        crop: (S, S, 3) RGB; None where the mouth is open.
    """

    tick: int
    points: Points
    to_crop: Transforms
    grey: NDArray[np.uint8] | None
    crop: NDArray[np.uint8] | None

    def grey_crop(self, transform: Transforms) -> NDArray[np.uint8]:
        """The kept part in a crop (S, S) that is placed by another transform (2, 3) of source pixels; edges repeat."""
        assert self.grey is not None
        crop_px = self.grey.shape[0] * TEMPLATE_PX // GREY_PX
        moved = compose(transform, invert(compose(_grey_of(crop_px), self.to_crop)))
        crop: NDArray[np.uint8] = cv2.warpAffine(
            self.grey, moved, (crop_px, crop_px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return crop


def _grey_of(crop_px: int) -> Transforms:
    """(2, 3) crop pixels to pixels of the grey view."""
    scale = crop_px / TEMPLATE_PX
    return np.array([[1, 0, -GREY_LEFT * scale], [0, 1, -GREY_TOP * scale]], np.float64)


@dataclass(kw_only=True)
class _Kept:
    """What is kept of one track."""

    crop_px: int
    num_ticks: int = 0
    every: int = 1
    grey: dict[int, NDArray[np.uint8]] = field(default_factory=dict)
    crops: dict[int, tuple[float, NDArray[np.uint8]]] = field(default_factory=dict)
    places: dict[int, tuple[Points, Transforms]] = field(default_factory=dict)


class WatchingTracker(FaceTracker):
    """Follows faces, and keeps views of them: evenly spaced ones in grey, and those with a closed mouth in colour."""

    def __init__(self, backend: FaceBackend, settings: TrackSettings, crop_px: int) -> None:
        super().__init__(backend, settings, keep_images=False)
        self._crop_px = crop_px
        self._kept: dict[int, _Kept] = {}

    def mouths_of(self, track: Track) -> tuple[SeenMouth, ...]:
        """The views of a track, or of one that was joined from several, in time order."""
        own = {id(points) for points in track.points.values()}
        return tuple(
            SeenMouth(
                tick=tick,
                points=points,
                to_crop=to_crop,
                grey=kept.grey.get(tick),
                crop=kept.crops[tick][1] if tick in kept.crops else None,
            )
            for kept in self._kept.values()
            for tick, (points, to_crop) in sorted(kept.places.items())
            if id(points) in own
        )

    def _keep_regions(self, track: Track, frames: Sequence[Frame], start: int) -> None:
        super()._keep_regions(track, frames, start)
        kept = self._kept.setdefault(id(track), _Kept(crop_px=self._crop_px))
        for tick, frame in enumerate(frames, start=start):
            if tick in track.points and tick - track.first < SEARCHED_TICKS:
                _keep(kept, tick, track.points[tick], frame)


def _keep(kept: _Kept, tick: int, points: Points, frame: Frame) -> None:
    kept.num_ticks += 1
    opening = float(mouth_opening(points[None])[0])
    room = max(LEAST_CLOSED, round(CLOSED_SHARE * kept.num_ticks))
    is_closed = len(kept.crops) < room or opening < max(known for known, _ in kept.crops.values())
    is_next = (kept.num_ticks - 1) % kept.every == 0
    if not (is_closed or is_next):
        return
    side = kept.crop_px
    to_crop = crop_transforms(points[None], side, centre_sigma_frames=0, size_sigma_frames=0)[0]
    kept.places[tick] = points, to_crop
    if is_next:
        view = cut_crop(frame, compose(_grey_of(side), to_crop), GREY_PX * side // TEMPLATE_PX)
        kept.grey[tick] = cv2.cvtColor(view, cv2.COLOR_RGB2GRAY)
    if len(kept.grey) > MOST_GREY:
        kept.every *= 2
        for other in list(kept.grey)[1::2]:
            del kept.grey[other]
    if is_closed:
        kept.crops[tick] = opening, cut_crop(frame, to_crop, side)
        if len(kept.crops) > room:
            del kept.crops[max(kept.crops, key=lambda one: kept.crops[one][0])]
    for other in [one for one in kept.places if one not in kept.grey and one not in kept.crops]:
        del kept.places[other]
