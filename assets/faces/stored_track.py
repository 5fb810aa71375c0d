"""The chosen face of a clip, one entry a frame: what ``face_tracks`` stores and ``face_crops`` reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.faces.frames import Region
from assets.faces.landmarks import NUM_POINTS, Points


@dataclass(frozen=True, kw_only=True)
class FaceTrack:
    """The chosen face, one entry a frame from ``first_frame`` on.

    Args:
        first_frame: frame of the clip at which the track starts.
        landmarks: (T, 68, 2) float32, source pixels, as found (not smoothed).
        boxes: (T, 4) float32, x0, y0, x1, y1.
        valid: (T,) bool; False where the landmarks are interpolated.
        regions: (T, 5) int32, the regions whose pictures hold the crops: x0, y0, x1, y1, reduction.
        confidence: median confidence of the detector.
        longest_gap_frames: longest interpolated gap.
        frame_size: width and height of the source.
    """

    first_frame: int
    landmarks: Points
    boxes: NDArray[np.float32]
    valid: NDArray[np.bool_]
    regions: NDArray[np.int32]
    confidence: float
    longest_gap_frames: int
    frame_size: tuple[int, int]

    @property
    def num_frames(self) -> int:
        return len(self.landmarks)

    def region(self, index: int) -> Region:
        return Region(*(int(v) for v in self.regions[index]))

    @classmethod
    def from_columns(cls, row: Mapping[str, Any]) -> FaceTrack:
        """The track that a row of ``face_tracks`` holds."""
        num_frames = row["num_frames"]
        return cls(
            first_frame=row["first_frame"],
            landmarks=np.frombuffer(row["landmarks"], np.float32).reshape(num_frames, NUM_POINTS, 2),
            boxes=np.frombuffer(row["boxes"], np.float32).reshape(num_frames, 4),
            valid=np.frombuffer(row["valid"], np.uint8) != 0,
            regions=np.frombuffer(row["regions"], np.int32).reshape(num_frames, 5),
            confidence=row["detect_confidence"],
            longest_gap_frames=row["longest_gap_frames"],
            frame_size=(row["frame_width"], row["frame_height"]),
        )
