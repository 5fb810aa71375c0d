"""One face over time, and what it looks like."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.faces.alignment import fit_similarity
from assets.faces.backends.interface import Detection, Image
from assets.faces.canonical_face import template
from assets.faces.frames import Region
from assets.faces.landmarks import RIGID, Points, boxes_of, spread

Look = NDArray[np.float32]
Scene = NDArray[np.float32]

LOOK_PX = 32
LOOK_CORNER = (28.0, 34.0)
LOOK_TEMPLATE_PX = 72.0
FLAT_STD = 3.0
SCENE_PX = 24
CUT_GREY_LEVELS = 10.0
SAME_LOOK_AFTER_CUT = 0.92
SIMILAR_LOOK = 0.4


@dataclass(kw_only=True)
class Track:
    """One face over time. Frames count from the first one handed to the tracker.

    Args:
        points: landmarks (68, 2) by frame, for the frames in which the face was seen.
        confidences: the detector's confidence by frame, where it looked and found the face.
        regions: region kept around the face by frame, gaps included.
        pictures: RGB pictures of these regions, if they are kept.
        look: how the face looked when the detector last confirmed it.
        last_look: how it looked when last seen.
        scene: the whole frame, tiny, in which it was last seen.
        evidence: image around the most confident detection, for a second opinion.
        asked: frame of the detector's last look near this face.
    """

    points: dict[int, Points] = field(default_factory=dict)
    confidences: dict[int, float] = field(default_factory=dict)
    regions: dict[int, Region] = field(default_factory=dict)
    pictures: dict[int, NDArray[np.uint8]] = field(default_factory=dict)
    look: Look | None = None
    last_look: Look | None = None
    scene: Scene | None = None
    evidence: Image | None = None
    asked: int = -1

    @property
    def first(self) -> int:
        return next(iter(self.points))

    @property
    def last(self) -> int:
        return next(reversed(self.points))

    @property
    def num_frames(self) -> int:
        """Frames from the first seen to the last, gaps included."""
        return self.last - self.first + 1

    @property
    def box(self) -> NDArray[np.float32]:
        return boxes_of(self.points[self.last])

    @property
    def confidence(self) -> float:
        return max(self.confidences.values())

    def see(self, index: int, points: Points, look: Look, scene: Scene) -> None:
        self.points[index] = points
        self.last_look = look
        self.scene = scene

    def confirm(self, index: int, detection: Detection, look: Look) -> None:
        self.confidences[index] = detection.confidence
        self.look = look

    def forget_after_last(self) -> None:
        """Drops what was kept for the frames after the face was last seen."""
        for kept in (self.regions, self.pictures):
            for index in [i for i in kept if i > self.last]:
                del kept[index]


def without_damage(track: Track, damaged: Collection[int], max_gap_frames: int) -> list[Track]:
    """The track as if the face had not been seen in damaged pictures: nothing, itself, or the parts left of it.

    Args:
        track: as followed.
        damaged: frames whose picture is damaged.
        max_gap_frames: a longer gap splits the track.
    """
    seen = [index for index in track.points if index not in damaged]
    if len(seen) == len(track.points):
        return [track]
    parts: list[list[int]] = []
    for index in seen:
        if not parts or index - parts[-1][-1] > max_gap_frames + 1:
            parts.append([])
        parts[-1].append(index)
    return [_part(track, part) for part in parts]


def _part(track: Track, seen: list[int]) -> Track:
    between = range(seen[0], seen[-1] + 1)
    return replace(
        track,
        points={index: track.points[index] for index in seen},
        regions={index: region for index, region in track.regions.items() if index in between},
        pictures={index: shown for index, shown in track.pictures.items() if index in between},
    )


def continues(track: Track, look: Look, scene: Scene) -> bool:
    """Whether a face found where a track is may be the track's face, and not another one after a cut.

    From one frame to the next the picture changes by at most 9 grey levels in handheld video, between shots
    by 11 or more; where it changes that much, only a face that looks as before is the same. Faces of different
    people correlate by up to 0.9, so that a look alone can't tell.
    """
    assert track.scene is not None, "a track starts with a face seen"
    likeness = max(alike(look, track.look), alike(look, track.last_look))
    is_cut = float(np.abs(scene - track.scene).mean()) >= CUT_GREY_LEVELS
    return likeness >= (SAME_LOOK_AFTER_CUT if is_cut else SIMILAR_LOOK)


def scene_of(gray: NDArray[np.uint8]) -> Scene:
    """The frame at 24 pixels a side, without averaging: enough to see that the shot changed."""
    step = max(1, min(gray.shape) // SCENE_PX)
    return gray[step // 2 :: step, step // 2 :: step].astype(np.float32)


def appearance(image: Image, points: Points) -> Look | None:
    """Brows, eyes and nose as a small upright picture of zero mean and unit norm; None where all is flat.

    Args:
        image: luma (h, w) or RGB (h, w, 3) that holds the face.
        points: (68, 2) landmarks in that image.

    Returns:
        (32, 32) float32; the sum of products of two of them is their correlation.
    """
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    canonical = template(128)
    zoom = LOOK_PX / LOOK_TEMPLATE_PX
    reduction = max(1, int(float(spread(points)) / (float(spread(canonical)) * zoom)))
    if reduction > 1:
        size = (max(1, grey.shape[1] // reduction), max(1, grey.shape[0] // reduction))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    target = (canonical[RIGID] - np.array(LOOK_CORNER)) * zoom
    transform = fit_similarity((points[RIGID] + 0.5) / reduction - 0.5, target)
    look = cv2.warpAffine(grey, transform, (LOOK_PX, LOOK_PX), borderMode=cv2.BORDER_REPLICATE).astype(
        np.float32
    )
    look -= look.mean()
    if look.std() < FLAT_STD:
        return None
    normed: Look = (look / np.linalg.norm(look)).astype(np.float32)
    return normed


def alike(a: Look | None, b: Look | None) -> float:
    """Correlation of two appearances, -1 to 1; 0 if one is missing."""
    return 0.0 if a is None or b is None else float((a * b).sum())
