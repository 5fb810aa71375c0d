"""Crops and audio of a clip on one time axis, and shifting one against the other.

Audio is shifted in steps of a quarter of a video frame, the 10 ms of a mel frame, so that samples and stored mel frames
are cut alike and keep their values. The sign is that of SyncNet's evaluation (offset = 15 - argmin): positive where
audio is early, so that it is delayed by offset / 25 s. Audio that is one frame late has the offset -1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cals_models.shards.shard_format import NUM_LANDMARKS, NUM_MELS
from cals_models.timebase import MELS_PER_FRAME, SAMPLES_PER_FRAME

CROPS_COLUMNS = (
    "num_frames", "first_frame", "num_clip_frames", "mjpeg", "jpeg_offsets", "landmarks", "boxes", "valid",
)  # fmt: skip
MELS_COLUMNS = ("num_frames", "mel", "pcm", "other_tracks")
SAMPLES_PER_MEL = SAMPLES_PER_FRAME // MELS_PER_FRAME


@dataclass(frozen=True, kw_only=True)
class TimedClip:
    """The parts of a clip that have a time axis; T video frames at 25 fps.

    Args:
        mjpeg: T JPEGs one after the other, RGB.
        jpeg_offsets: int64 (T + 1,), byte at which each begins; the last value is the length.
        landmarks: float32 (T, 68, 2), crop pixels.
        boxes: float32 (T, 4), source pixels x0 y0 x1 y1.
        valid: bool (T,); False where the face is interpolated.
        mel: float16 (80, 4T), log10 magnitude.
        pcm: int16 (640 T,), 16 kHz mono.
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
    """Arrays of a clip from its rows of `face_crops` and `mels`, the audio cut to the frames that have crops.

    Raises:
        ValueError: the two rows differ in the number of the clip's video frames.
    """
    num_frames, first_frame = crops["num_frames"], crops["first_frame"]
    if mels["num_frames"] != crops["num_clip_frames"] or first_frame + num_frames > crops["num_clip_frames"]:
        raise ValueError(
            f"clip {crops['clip_id']}: crops of frames {first_frame} to {first_frame + num_frames} of "
            f"{crops['num_clip_frames']}, but audio for {mels['num_frames']} video frames; both stages must have "
            "read the same video"
        )
    frames = slice(first_frame, first_frame + num_frames)
    mel = np.frombuffer(mels["mel"], np.float16).reshape(NUM_MELS, -1, MELS_PER_FRAME)
    pcm = np.frombuffer(mels["pcm"], np.int16).reshape(-1, SAMPLES_PER_FRAME)
    return TimedClip(
        mjpeg=crops["mjpeg"],
        jpeg_offsets=np.frombuffer(crops["jpeg_offsets"], np.int64),
        landmarks=np.frombuffer(crops["landmarks"], np.float32).reshape(num_frames, NUM_LANDMARKS, 2),
        boxes=np.frombuffer(crops["boxes"], np.float32).reshape(num_frames, 4),
        valid=np.frombuffer(crops["valid"], np.uint8) != 0,
        mel=mel[:, frames].reshape(NUM_MELS, -1),
        pcm=pcm[frames].reshape(-1),
    )


def with_track(mels: Mapping[str, Any], audio_stream: int | None) -> Mapping[str, Any]:
    """A clip's row of `mels` with mel and samples of another audio stream of its file; None leaves it as it is."""
    if audio_stream is None:
        return mels
    (track,) = (track for track in mels["other_tracks"] if track["audio_stream"] == audio_stream)
    return {**mels, "mel": track["mel"], "pcm": track["pcm"]}


def shift_clip(clip: TimedClip, offset_frames: float) -> TimedClip:
    """Corrects an offset: delays audio by ``offset_frames`` (advances it if negative) and keeps the common part.

    Args:
        clip: of T frames.
        offset_frames: in video frames, a multiple of 1/4.

    Returns:
        A clip of T - ``lost_frames(offset_frames)`` frames.

    Raises:
        ValueError: the offset is no multiple of 1/4, or leaves nothing of the clip.
    """
    num_frames = clip.num_frames - lost_frames(offset_frames)
    if num_frames < 1:
        raise ValueError(
            f"an offset of {offset_frames:g} frames leaves nothing of a clip of {clip.num_frames} frames"
        )
    first_frame = math.ceil(max(offset_frames, 0))
    first_mel = round(MELS_PER_FRAME * audio_start_frames(offset_frames))
    return _cut(clip, first_frame, first_mel, num_frames)


def lost_frames(offset_frames: float) -> int:
    """Video frames that a clip loses when an offset is corrected.

    Raises:
        ValueError: the offset is no multiple of 1/4.
    """
    if offset_frames * MELS_PER_FRAME % 1:
        raise ValueError(
            f"an offset of {offset_frames} frames: audio is shifted by multiples of 1/{MELS_PER_FRAME}"
        )
    return math.ceil(abs(offset_frames))


def audio_start_frames(offset_frames: float) -> float:
    """Video frames into the clip at which the audio of the corrected clip begins."""
    return math.ceil(max(offset_frames, 0)) - offset_frames


def _cut(clip: TimedClip, first_frame: int, first_mel: int, num_frames: int) -> TimedClip:
    frames = slice(first_frame, first_frame + num_frames)
    offsets = clip.jpeg_offsets[first_frame : first_frame + num_frames + 1]
    last_mel = first_mel + MELS_PER_FRAME * num_frames
    return replace(
        clip,
        mjpeg=clip.mjpeg[int(offsets[0]) : int(offsets[-1])],
        jpeg_offsets=offsets - offsets[0],
        landmarks=clip.landmarks[frames],
        boxes=clip.boxes[frames],
        valid=clip.valid[frames],
        mel=clip.mel[:, first_mel:last_mel],
        pcm=clip.pcm[SAMPLES_PER_MEL * first_mel : SAMPLES_PER_MEL * last_mel],
    )
