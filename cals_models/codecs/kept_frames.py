"""Decoded frames of clips on disk, for trainings without a JPEG library.

Numpy takes about a second to decode a clip, and a training visits each clip many times. The environment variable
CALS_FRAME_CACHE names the folder; without it frames are decoded at each visit.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cals_models.codecs.jpeg import decode_jpegs

FOLDER_VARIABLE = "CALS_FRAME_CACHE"


def kept_frames(folder: Path, mjpeg: memoryview, offsets: Sequence[int]) -> Path:
    """Decodes a clip's frames once; later calls read the file.

    Args:
        folder: created where it does not exist.
        mjpeg: the T JPEGs of the clip, one after the other.
        offsets: T + 1 byte offsets: where each JPEG begins, and the end of the last.

    Returns:
        Path of a .npy file, uint8 (T, H, W, 3), RGB; written under another name first, so that it is never half there.

    Raises:
        JpegError: a frame is no JPEG or damaged.
    """
    path = folder / f"{hashlib.sha256(mjpeg).hexdigest()[:32]}.npy"
    if not path.exists():
        frames = decode_jpegs([mjpeg[start:end] for start, end in zip(offsets, offsets[1:], strict=False)])
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.partial")
        with partial.open("wb") as file:
            np.save(file, frames)
        partial.replace(path)
    return path
