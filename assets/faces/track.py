"""One face as it is followed through a clip: values by frame, with gaps where it was not found."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from assets.faces.appearance import Appearance, similarity
from assets.faces.backends.interface import Detection, Image
from assets.faces.frames import Region
from assets.faces.landmarks import Points, boxes_of
from assets.faces.shots import INSERT

# Correlation of appearances from which a face may be the same, within a shot and in another one.
SIMILAR_FACE = 0.4
# Faces of different people correlate by up to 0.9.
SAME_FACE_AFTER_CUT = 0.92


@dataclass(kw_only=True)
class Track:
    """One face over time. Frames count from the first one given to the tracker.

    Args:
        points: landmarks (68, 2) float32 in source pixels by frame, where the face was found.
        confidences: the detector's confidence by frame, where it ran and found the face.
        regions: region around the face by frame, gaps included.
        images: RGB of these regions, uint8 (h, w, 3), if they are kept.
        confirmed_appearance: of the face when the detector last confirmed it.
        last_appearance: of the face when it was last found.
        shot: number of the shot in which the face was last found.
        evidence: image around the most confident detection, for the second detector.
        last_detection: frame in which the detector last ran near this face.
        drift: how far the camera moved the scene since the face was last found: x and y, source pixels.
    """

    points: dict[int, Points] = field(default_factory=dict)
    confidences: dict[int, float] = field(default_factory=dict)
    regions: dict[int, Region] = field(default_factory=dict)
    images: dict[int, NDArray[np.uint8]] = field(default_factory=dict)
    confirmed_appearance: Appearance | None = None
    last_appearance: Appearance | None = None
    shot: int = INSERT
    evidence: Image | None = None
    last_detection: int = -1
    drift: NDArray[np.float32] = field(default_factory=lambda: np.zeros(2, np.float32))

    @property
    def first(self) -> int:
        return next(iter(self.points))

    @property
    def last(self) -> int:
        return next(reversed(self.points))

    @property
    def num_frames(self) -> int:
        """Frames from the first in which the face was found to the last, gaps included."""
        return self.last - self.first + 1

    @property
    def box(self) -> NDArray[np.float32]:
        """(4,) box of the last frame, moved with the camera since: x0, y0, x1, y1, source pixels."""
        return boxes_of(self.points[self.last]) + np.tile(self.drift, 2)

    @property
    def median_box(self) -> NDArray[np.float32]:
        """(4,) median over the frames, x0, y0, x1, y1, source pixels."""
        box: NDArray[np.float32] = np.median(boxes_of(np.stack(list(self.points.values()))), axis=0)
        return box

    @property
    def confidence(self) -> float:
        """Highest confidence of the detector."""
        return max(self.confidences.values())

    def add(self, index: int, points: Points, appearance: Appearance, shot: int) -> None:
        self.points[index] = points
        self.last_appearance = appearance
        self.drift = np.zeros(2, np.float32)
        if shot != INSERT:
            self.shot = shot

    def confirm(self, index: int, detection: Detection, appearance: Appearance) -> None:
        self.confidences[index] = detection.confidence
        self.confirmed_appearance = appearance

    def continues_as(self, appearance: Appearance, shot: int) -> bool:
        """Whether a face found where this one was expected can be the same face.

        In another shot the face must look the same to be the same; otherwise being similar is enough.
        """
        likeness = max(
            similarity(appearance, self.confirmed_appearance), similarity(appearance, self.last_appearance)
        )
        return likeness >= (SIMILAR_FACE if shot == self.shot else SAME_FACE_AFTER_CUT)

    def drop_after_last(self) -> None:
        """Drops what was kept for frames after the last in which the face was found."""
        for kept in (self.regions, self.images):
            for index in [i for i in kept if i > self.last]:
                del kept[index]


def without_damage(track: Track, damaged: Collection[int], max_gap_frames: int) -> list[Track]:
    """The track as if the face had not been found in damaged frames.

    Args:
        track: as followed.
        damaged: damaged frames of the clip.
        max_gap_frames: a longer gap splits the track.

    Returns:
        The track itself, the parts left of it, or none.
    """
    found = [index for index in track.points if index not in damaged]
    if len(found) == len(track.points):
        return [track]
    parts: list[list[int]] = []
    for index in found:
        if not parts or index - parts[-1][-1] > max_gap_frames + 1:
            parts.append([])
        parts[-1].append(index)
    return [_part(track, part) for part in parts]


def _part(track: Track, found: list[int]) -> Track:
    between = range(found[0], found[-1] + 1)
    return replace(
        track,
        points={index: track.points[index] for index in found},
        regions={index: region for index, region in track.regions.items() if index in between},
        images={index: image for index, image in track.images.items() if index in between},
    )
