"""Frames of clips where there is no JPEG library: decoded once, kept in a folder, read from there ever after.

Without a library a clip takes about a second to decode, and a training visits it many times. The folder is named by the
environment variable CALS_FRAME_CACHE; without it frames are decoded at each visit.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cals_models.shards.decoders.jpeg import decode_jpegs

FOLDER_VARIABLE = "CALS_FRAME_CACHE"


def frames_without_library(
    mjpeg: memoryview, offsets: Sequence[int], indices: Sequence[int]
) -> npt.NDArray[np.uint8]:
    """Frames of a clip.

    Args:
        mjpeg: the clip's JPEGs, one after the other.
        offsets: where each begins, and the end of the last.
        indices: frame numbers.

    Returns:
        uint8 (S, H, W, 3).
    """
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder is None:
        distinct = sorted(set(indices))
        decoded = decode_jpegs([mjpeg[offsets[n] : offsets[n + 1]] for n in distinct])
        return decoded[np.searchsorted(distinct, indices)]
    kept: npt.NDArray[np.uint8] = np.load(kept_frames(Path(folder), mjpeg, offsets), mmap_mode="r")
    return np.ascontiguousarray(kept[list(indices)])


def kept_frames(folder: Path, mjpeg: memoryview, offsets: Sequence[int]) -> Path:
    """The file of a clip's decoded frames; is written where it is not there yet, whole or not at all."""
    path = folder / f"{hashlib.sha256(mjpeg).hexdigest()[:32]}.npy"
    if not path.exists():
        frames = decode_jpegs([mjpeg[start:end] for start, end in zip(offsets, offsets[1:], strict=False)])
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.partial")
        with partial.open("wb") as file:
            np.save(file, frames)
        partial.replace(path)
    return path
