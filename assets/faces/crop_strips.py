"""The preview of ``face_crops``: a strip of crops for each of the first clips, with the landmarks drawn in."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from assets.faces.landmarks import NUM_POINTS, Points
from assets.faces.packed_jpegs import unpack_jpegs
from assets.media.contact_sheet import png_bytes, stacked
from assets.stage.run import Preview
from assets.store.bucket_files import read_ok_rows

NUM_STRIPS = 6
MARK = (80, 255, 120)
INTERPOLATED_MARK = (255, 170, 60)


def crops_preview(folder: Path) -> dict[str, Preview]:
    """The preview ``crops`` of a stage folder; none where no clip is accepted."""
    columns = ["clip_id", "mjpeg", "jpeg_offsets", "landmarks", "valid"]
    strips = []
    for row in islice(read_ok_rows(folder, columns), NUM_STRIPS):
        strip = crop_strip(
            row["mjpeg"],
            np.frombuffer(row["jpeg_offsets"], np.int64),
            landmarks=np.frombuffer(row["landmarks"], np.float32).reshape(-1, NUM_POINTS, 2),
            valid=np.frombuffer(row["valid"], np.uint8) != 0,
        )
        strips.append((str(row["clip_id"]), strip))
    return {"crops": Preview(stacked(strips))} if strips else {}


def crop_strip(
    mjpeg: bytes,
    jpeg_offsets: NDArray[np.int64],
    *,
    num_crops: int = 10,
    landmarks: Points | None = None,
    valid: NDArray[np.bool_] | None = None,
) -> bytes:
    """PNG of evenly spaced crops of a clip, side by side.

    Args:
        mjpeg: packed crops.
        jpeg_offsets: (T + 1,) byte offsets.
        num_crops: crops shown at most.
        landmarks: (T, 68, 2) crop pixels to draw in, if given.
        valid: (T,) where False, the points are drawn in another colour.
    """
    num_frames = len(jpeg_offsets) - 1
    shown = np.unique(np.linspace(0, num_frames - 1, num_crops).round().astype(int))
    crops = unpack_jpegs(mjpeg, jpeg_offsets, shown)
    strip = Image.fromarray(np.concatenate(list(crops), axis=1))
    if landmarks is not None:
        draw = ImageDraw.Draw(strip)
        for place, frame in enumerate(shown):
            colour = MARK if valid is None or valid[frame] else INTERPOLATED_MARK
            for x, y in landmarks[frame] + np.array([place * crops.shape[2], 0]):
                draw.ellipse((x - 0.7, y - 0.7, x + 0.7, y + 0.7), fill=colour)
    return png_bytes(strip)
