"""Crops and sound of a clip on one time axis, and moving the one against the other by whole video frames.

Sign, as in SyncNet's evaluation (offset = 15 - argmin): a positive offset means that the sound is early;
it is delayed by offset / 25 s. Sound that is one frame late has the offset -1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cals_models.shard_format import MELS_PER_FRAME, NUM_LANDMARKS, NUM_MELS, SAMPLES_PER_FRAME

CROPS_COLUMNS = (
    "num_frames", "first_frame", "num_clip_frames", "mjpeg", "jpeg_offsets", "landmarks", "boxes", "valid",
)  # fmt: skip
MELS_COLUMNS = ("num_frames", "mel", "pcm")


@dataclass(frozen=True, kw_only=True)
class TimedClip:
    """What of a clip has a time axis; T video frames at 25 fps.

    Args:
        mjpeg: T JPEGs one after the other.
        jpeg_offsets: int64 (T + 1,), where each begins; the last value is the length.
        landmarks: float32 (T, 68, 2), crop pixels.
        boxes: float32 (T, 4), source pixels x0 y0 x1 y1.
        valid: bool (T,).
        mel: float16 (80, 4T).
        pcm: int16 (640 T,), 16 kHz.
    """

    mjpeg: bytes
    jpeg_offsets: npt.NDArray[np.int64]
    landmarks: npt.NDArray[np.float32]
    boxes: npt.NDArray[np.float32]
    valid: npt.NDArray[np.bool_]
    mel: npt.NDArray[np.float16]
    pcm: npt.NDArray[np.int16]

    def __post_init__(self) -> None:
        lengths = {
            "JPEGs": len(self.jpeg_offsets) - 1,
            "landmarks": len(self.landmarks),
            "boxes": len(self.boxes),
            "valid": len(self.valid),
            "mel / 4": self.mel.shape[1] / MELS_PER_FRAME,
            "pcm / 640": len(self.pcm) / SAMPLES_PER_FRAME,
        }
        if len(set(lengths.values())) != 1:
            raise ValueError(
                f"parts of a clip differ in length: {lengths}; all must be its number of video frames"
            )

    @property
    def num_frames(self) -> int:
        return len(self.valid)


def timed_clip(crops: Mapping[str, Any], mels: Mapping[str, Any]) -> TimedClip:
    """Arrays of a clip from its rows of `face_crops` and `mels`, the sound cut to the frames that have crops.

    Raises:
        ValueError: the two rows differ in the number of the clip's video frames.
    """
    num_frames, first_frame = crops["num_frames"], crops["first_frame"]
    if mels["num_frames"] != crops["num_clip_frames"] or first_frame + num_frames > crops["num_clip_frames"]:
        raise ValueError(
            f"clip {crops['clip_id']}: crops of frames {first_frame} to {first_frame + num_frames} of "
            f"{crops['num_clip_frames']}, but sound for {mels['num_frames']} video frames; both stages must have "
            "read the same video"
        )
    sound = slice(first_frame, first_frame + num_frames)
    mel = np.frombuffer(mels["mel"], np.float16).reshape(NUM_MELS, -1, MELS_PER_FRAME)
    pcm = np.frombuffer(mels["pcm"], np.int16).reshape(-1, SAMPLES_PER_FRAME)
    return TimedClip(
        mjpeg=crops["mjpeg"],
        jpeg_offsets=np.frombuffer(crops["jpeg_offsets"], np.int64),
        landmarks=np.frombuffer(crops["landmarks"], np.float32).reshape(num_frames, NUM_LANDMARKS, 2),
        boxes=np.frombuffer(crops["boxes"], np.float32).reshape(num_frames, 4),
        valid=np.frombuffer(crops["valid"], np.uint8) != 0,
        mel=mel[:, sound].reshape(NUM_MELS, -1),
        pcm=pcm[sound].reshape(-1),
    )


def shift_clip(clip: TimedClip, offset_frames: int) -> TimedClip:
    """Correct an offset: delay the sound by ``offset_frames`` (advance it if negative), keep the common part.

    Returns:
        a clip of T - |offset_frames| frames.

    Raises:
        ValueError: the offset leaves nothing of the clip.
    """
    num_frames = clip.num_frames - abs(offset_frames)
    if num_frames < 1:
        raise ValueError(
            f"an offset of {offset_frames} frames leaves nothing of a clip of {clip.num_frames} frames"
        )
    return _cut(clip, max(offset_frames, 0), sound_start_frame(offset_frames), num_frames)


def sound_start_frame(offset_frames: int) -> int:
    """The video frame of the old time axis at which the corrected clip's sound begins."""
    return max(-offset_frames, 0)


def _cut(clip: TimedClip, first_picture: int, first_sound: int, num_frames: int) -> TimedClip:
    pictures = slice(first_picture, first_picture + num_frames)
    offsets = clip.jpeg_offsets[first_picture : first_picture + num_frames + 1]
    last_sound = first_sound + num_frames
    return replace(
        clip,
        mjpeg=clip.mjpeg[int(offsets[0]) : int(offsets[-1])],
        jpeg_offsets=offsets - offsets[0],
        landmarks=clip.landmarks[pictures],
        boxes=clip.boxes[pictures],
        valid=clip.valid[pictures],
        mel=clip.mel[:, MELS_PER_FRAME * first_sound : MELS_PER_FRAME * last_sound],
        pcm=clip.pcm[SAMPLES_PER_FRAME * first_sound : SAMPLES_PER_FRAME * last_sound],
    )
