"""``face_crops``: per clip 128 x 128 RGB crops of the tracked face at 25 frames a second, as packed JPEG."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.faces.crop_frames import cut_crops, pack_jpegs, plan_crops
from assets.faces.frames import Frame, rgb_of
from assets.faces.settings import CropSettings
from assets.faces.stored_track import FaceTrack

CROPS_SCHEMA = pa.schema([
    pa.field("digest", pa.string(), nullable=False),
    pa.field("num_frames", pa.int32()),
    pa.field("first_frame", pa.int32()),  # frame of the clip in which the crops start
    pa.field("num_clip_frames", pa.int32()),
    pa.field("mjpeg", pa.large_binary()),  # concatenated JPEGs
    pa.field("jpeg_offsets", pa.binary()),  # int64 (T + 1,)
    pa.field("landmarks", pa.binary()),  # float32 (T, 68, 2) crop pixels
    pa.field("boxes", pa.binary()),  # float32 (T, 4) source pixels
    pa.field("transforms", pa.binary()),  # float32 (T, 2, 3) source pixels -> crop pixels
    pa.field("valid", pa.binary()),  # uint8 (T,) 1 seen, 0 interpolated
    pa.field("padding_share", pa.float32()),  # pixels outside the frame, mean over frames
    pa.field("lip_top_row", pa.float32()),  # highest and lowest row of the lips in any frame
    pa.field("lip_bottom_row", pa.float32()),
])  # fmt: skip


def crop_clip(
    pictures: Iterable[NDArray[np.uint8]], track: FaceTrack, settings: CropSettings, num_clip_frames: int
) -> dict[str, Any]:
    """Columns of a clip's crops.

    Args:
        pictures: RGB of the track's regions, one a frame of the track.
        track: where the face is.
        settings: see there.
        num_clip_frames: frames of the clip that the track was found in.

    Raises:
        Rejected: mouth_outside_lower_half, face_outside_frame.
    """
    plan = plan_crops(track, settings)
    mjpeg, offsets = pack_jpegs(cut_crops(pictures, track, plan, settings.crop_px), settings.jpeg_quality)
    numbers = {
        "num_frames": track.num_frames,
        "first_frame": track.first_frame,
        "num_clip_frames": num_clip_frames,
    }
    arrays = {
        "mjpeg": mjpeg,
        "jpeg_offsets": offsets.tobytes(),
        "landmarks": plan.landmarks.astype(np.float32).tobytes(),
        "boxes": track.boxes.astype(np.float32).tobytes(),
        "transforms": plan.transforms.astype(np.float32).tobytes(),
        "valid": track.valid.astype(np.uint8).tobytes(),
    }
    return {
        "digest": hashlib.sha256(json.dumps(numbers).encode() + b"".join(arrays.values())).hexdigest(),
        **numbers,
        **arrays,
        "padding_share": float(plan.padding.mean()),
        "lip_top_row": plan.lip_rows[0],
        "lip_bottom_row": plan.lip_rows[1],
    }


def pictures_of(frames: Iterable[Frame], track: FaceTrack) -> Iterator[NDArray[np.uint8]]:
    """The pictures that tracking would have kept, read again. All frames are read: damage shows at the end."""
    last = track.first_frame + track.num_frames
    for index, frame in enumerate(frames):
        if track.first_frame <= index < last:
            yield rgb_of(frame, track.region(index - track.first_frame))
