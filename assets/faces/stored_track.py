"""The chosen face of a clip as ``face_tracks`` stores it and ``face_crops`` reads it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.faces.frames import Region
from assets.faces.landmarks import NUM_POINTS, Points

TRACKS_SCHEMA = pa.schema([
    pa.field("digest", pa.string(), nullable=False),
    pa.field("num_frames", pa.int32()),  # frames of the track
    pa.field("first_frame", pa.int32()),  # frame of the clip in which the track starts
    pa.field("num_clip_frames", pa.int32()),
    pa.field("frame_width", pa.int32()),
    pa.field("frame_height", pa.int32()),
    pa.field("boxes", pa.binary()),  # float32 (T, 4) x0, y0, x1, y1, source pixels
    pa.field("landmarks", pa.binary()),  # float32 (T, 68, 2) source pixels, not smoothed
    pa.field("valid", pa.binary()),  # uint8 (T,) 1 found, 0 interpolated
    pa.field("regions", pa.binary()),  # int32 (T, 5) x0, y0, x1, y1, reduction
    pa.field("detect_confidence", pa.float32()),  # median over the frames in which the detector ran
    pa.field("num_interpolated", pa.int32()),
    pa.field("num_damaged", pa.int32()),  # damaged frames of the clip; all of them are interpolated
    pa.field("num_repeated", pa.int32()),  # frames of the clip that show what the one before them shows
    pa.field("longest_gap_frames", pa.int32()),
    pa.field("num_faces", pa.int32()),
    pa.field("alternatives_json", pa.string()),  # the other faces, with the values that decided
    pa.field("backend", pa.string()),
    pa.field("chosen_by", pa.string()),  # only (one face fits), score or lips
    pa.field("lip_confidence", pa.float32()),  # where it was the lips: of the probe
    pa.field("speaker_probe", pa.string()),  # digest of the probe that was asked, null where none was
])  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FaceTrack:
    """The chosen face, one entry a frame from ``first_frame`` on.

    Args:
        first_frame: frame of the clip at which the track starts.
        landmarks: (T, 68, 2) float32, source pixels, not smoothed.
        boxes: (T, 4) float32, x0, y0, x1, y1, source pixels.
        valid: (T,) bool; False where the landmarks are interpolated.
        regions: (T, 5) int32, the regions whose images hold the crops: x0, y0, x1, y1, reduction.
        confidence: median confidence of the detector.
        longest_gap_frames: longest interpolated gap.
        frame_size: width and height of the source, pixels.
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

    @property
    def num_interpolated(self) -> int:
        return int((~self.valid).sum())

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

    def to_columns(
        self,
        *,
        num_clip_frames: int,
        num_damaged: int,
        num_repeated: int,
        others: Sequence[Mapping[str, Any]],
        backend: str,
    ) -> dict[str, Any]:
        """Columns of ``TRACKS_SCHEMA``.

        Args:
            num_clip_frames: frames of the clip.
            num_damaged: damaged frames among them.
            num_repeated: frames among them that show what the one before shows.
            others: the faces that were not chosen, with the values that decided.
            backend: name of the back end that found the face.
        """
        arrays = {
            "boxes": self.boxes.astype(np.float32).tobytes(),
            "landmarks": self.landmarks.astype(np.float32).tobytes(),
            "valid": self.valid.astype(np.uint8).tobytes(),
            "regions": self.regions.astype(np.int32).tobytes(),
        }
        numbers = {
            "num_frames": self.num_frames,
            "first_frame": self.first_frame,
            "num_clip_frames": num_clip_frames,
            "frame_width": self.frame_size[0],
            "frame_height": self.frame_size[1],
        }
        return {
            "digest": hashlib.sha256(json.dumps(numbers).encode() + b"".join(arrays.values())).hexdigest(),
            **numbers,
            **arrays,
            "detect_confidence": self.confidence,
            "num_interpolated": self.num_interpolated,
            "num_damaged": num_damaged,
            "num_repeated": num_repeated,
            "longest_gap_frames": self.longest_gap_frames,
            "num_faces": 1 + len(others),
            "alternatives_json": json.dumps(_rounded(others), sort_keys=True),
            "backend": backend,
        }


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, Mapping):
        return {key: _rounded(entry) for key, entry in value.items()}
    return [_rounded(entry) for entry in value] if isinstance(value, list | tuple) else value
