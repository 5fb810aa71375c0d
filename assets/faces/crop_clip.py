"""``face_crops``: per clip square RGB crops of the tracked face at 25 fps, as packed JPEG."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.faces.alignment import compose
from assets.faces.crop_plan import CropPlan, plan_crops
from assets.faces.frames import Frame, Region, finer, region_to_source, rgb_of
from assets.faces.packed_jpegs import pack_jpegs
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
    pa.field("valid", pa.binary()),  # uint8 (T,) 1 found, 0 interpolated
    pa.field("padding_share", pa.float32()),  # pixels outside the frame, mean over frames
    pa.field("lip_top_row", pa.float32()),  # highest and lowest row of the lips in any frame
    pa.field("lip_bottom_row", pa.float32()),
])  # fmt: skip
KEPT_CROP_PX = 128
"""Crops of up to this side are cut from the images that tracking keeps, which have about one to two times their scale."""
# Region images reduced by more than this are drawn at twice the size and averaged.
SMALLEST_DIRECT_SCALE = 0.6


def crop_clip(
    images: Iterable[NDArray[np.uint8]], track: FaceTrack, settings: CropSettings, num_clip_frames: int
) -> dict[str, Any]:
    """Columns of a clip's crops (``CROPS_SCHEMA``).

    Args:
        images: RGB of the track's regions, uint8 (h, w, 3), one a frame of the track.
        track: the face.
        settings: how it is cut out.
        num_clip_frames: frames of the clip that the track was found in.

    Raises:
        Rejected: mouth_outside_lower_half, face_outside_frame.
    """
    plan = plan_crops(track, settings)
    mjpeg, offsets = pack_jpegs(cut_crops(images, track, plan, settings.crop_px), settings.jpeg_quality)
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


def needs_source(settings: CropSettings) -> bool:
    """Whether the crops are larger than the images that tracking keeps allow, so that the video is read again for them."""
    return settings.crop_px > KEPT_CROP_PX


def region_images(
    frames: Iterable[Frame], track: FaceTrack, settings: CropSettings
) -> Iterator[NDArray[np.uint8]]:
    """Images of the track's regions, uint8 (h, w, 3) RGB; for crops of 128 px those that tracking would have kept.

    Args:
        frames: all frames of the clip. They are read to the end, where the reader reports damage.
        track: the face.
        settings: give the size of the crops.
    """
    last = track.first_frame + track.num_frames
    for index, frame in enumerate(frames):
        if track.first_frame <= index < last:
            yield rgb_of(frame, _region(track, index - track.first_frame, settings.crop_px))


def _region(track: FaceTrack, index: int, crop_px: int) -> Region:
    """The region of a frame of the track, at a reduction that leaves the detail of the crops."""
    region = track.region(index)
    return region if crop_px <= KEPT_CROP_PX else finer(region, crop_px / KEPT_CROP_PX)


def cut_crops(
    images: Iterable[NDArray[np.uint8]], track: FaceTrack, plan: CropPlan, crop_px: int
) -> Iterator[NDArray[np.uint8]]:
    """Cuts the crops out of the images of the regions.

    The images have about one to two times the crop's scale, or less where the face is smaller. Where they are clearly larger,
    the crop is drawn at twice its size and averaged, to avoid aliasing.

    Args:
        images: RGB of the track's regions, uint8 (h, w, 3), one a frame of the track.
        track: gives the regions.
        plan: where the crops lie.
        crop_px: side of the crop.

    Yields:
        (crop_px, crop_px, 3) uint8 RGB; what lies outside the frame repeats its edge.
    """
    to_crop = [
        compose(plan.transforms[t], region_to_source(_region(track, t, crop_px)))
        for t in range(track.num_frames)
    ]
    scale = float(np.median([np.hypot(m[0, 0], m[1, 0]) for m in to_crop]))
    zoom = 2 if scale < SMALLEST_DIRECT_SCALE else 1
    enlarge = np.array([[zoom, 0, (zoom - 1) / 2], [0, zoom, (zoom - 1) / 2]])
    size = (crop_px * zoom, crop_px * zoom)
    for image, transform in zip(images, to_crop, strict=True):
        drawn = cv2.warpAffine(
            image,
            compose(enlarge, transform),
            size,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        if zoom > 1:
            drawn = cv2.resize(drawn, (crop_px, crop_px), interpolation=cv2.INTER_AREA)
        yield drawn
