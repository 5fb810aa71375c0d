"""Decoding what a shard stores: by simplejpeg and soundfile where they are installed, else by numpy.

Legend: T frames stored, S frames requested, H, W.
"""

import io
import os
from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cals_models.codecs.flac import decode_flac
from cals_models.codecs.jpeg import JpegError, decode_jpegs
from cals_models.codecs.kept_frames import FOLDER_VARIABLE, kept_frames


def decode_audio(flac: memoryview) -> tuple[npt.NDArray[np.int16], int]:
    """Decodes a FLAC file.

    Returns:
        int16 (samples,) of one channel, (samples, channels) of several; and the rate in Hz.

    Raises:
        FlacError: no FLAC, damaged, or another kind than the shards hold (numpy decoder).
    """
    try:
        import soundfile
    except ImportError:
        return decode_flac(flac)
    samples, rate = soundfile.read(io.BytesIO(flac), dtype="int16")
    return samples, rate


def decode_frames(
    mjpeg: memoryview,
    offsets: Sequence[int],
    indices: Sequence[int],
    shape: tuple[int, int, int],
    *,
    executor: Executor | None = None,
) -> npt.NDArray[np.uint8]:
    """Decodes some frames of a clip, each once however often it is requested.

    Args:
        mjpeg: the T JPEGs of the clip, one after the other.
        offsets: T + 1 byte offsets: where each JPEG begins, and the end of the last.
        indices: S frame numbers in [0, T), in any order, repeated or not.
        shape: (H, W, 3) of every frame.
        executor: threads for simplejpeg, which releases the interpreter lock; None: this thread.

    Returns:
        uint8 (S, H, W, 3), RGB.

    Raises:
        JpegError: a frame is no JPEG, damaged, or of another shape.
    """
    try:
        import simplejpeg  # noqa: F401 (whether it is installed)
    except ImportError:
        return _frames_by_numpy(mjpeg, offsets, indices, shape)
    pixels = np.empty((len(indices), *shape), np.uint8)
    first_row: dict[int, int] = {}
    rows = [(row, first_row.setdefault(frame, row)) for row, frame in enumerate(map(int, indices))]

    def decode(frame: int) -> None:
        _decode_into(pixels[first_row[frame]], mjpeg[offsets[frame] : offsets[frame + 1]], frame)

    for _ in (map if executor is None else executor.map)(decode, first_row):
        pass
    for row, first in rows:
        if row != first:
            pixels[row] = pixels[first]
    return pixels


def _decode_into(target: npt.NDArray[np.uint8], jpeg: memoryview, frame: int) -> None:
    import simplejpeg

    try:
        image = simplejpeg.decode_jpeg(jpeg, "RGB", buffer=target)
    except ValueError as error:
        raise JpegError(f"frame {frame} is not a good JPEG ({error})") from error
    if image.shape != target.shape:
        raise JpegError(f"frame {frame} is {image.shape}; expected {target.shape}")


def _frames_by_numpy(
    mjpeg: memoryview, offsets: Sequence[int], indices: Sequence[int], shape: tuple[int, int, int]
) -> npt.NDArray[np.uint8]:
    folder = os.environ.get(FOLDER_VARIABLE)
    try:
        if folder is None:
            distinct = sorted(set(indices))
            decoded = decode_jpegs([mjpeg[offsets[n] : offsets[n + 1]] for n in distinct])
            frames = decoded[np.searchsorted(distinct, indices)]
        else:
            kept: npt.NDArray[np.uint8] = np.load(kept_frames(Path(folder), mjpeg, offsets), mmap_mode="r")
            frames = np.ascontiguousarray(kept[list(indices)])
    except JpegError as error:
        raise JpegError(f"a frame is not a good JPEG: it {error}") from error
    if frames.shape[1:] != shape:
        raise JpegError(f"frames are {frames.shape[1:]}; expected {shape}")
    return frames
