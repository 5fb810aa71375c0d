"""Frames as the public SyncNet code reads them: through the JPEG files that ``ffmpeg -f image2 %06d.jpg`` writes.

That encoder is left at its default of 200 kbit/s, so that quality falls over the first second (on face crops from
about 40 dB to 31 dB) and stays there. Published LSE values went through these files; protocol ``lse_crop_jpeg`` repeats
it. Of RGB videos, as renders are, the program writes 4:4:4 files; this code gives the same pixels.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from cals_models.timebase import FPS

BIT_RATE = 200_000


def through_jpeg_files(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The frames after ffmpeg's default JPEG files, decoded as OpenCV reads them.

    Args:
        frames: uint8 (T, H, W, 3), RGB, 25 fps; the rate control carries over from one frame to the next.

    Returns:
        uint8 (T, H, W, 3), RGB.

    Raises:
        ValueError: not 8-bit RGB, or no frame.
    """
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3 or len(frames) == 0:
        raise ValueError(f"frames must be uint8 (T, H, W, 3) with T >= 1; got {frames.dtype} {frames.shape}")
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.height, encoder.width, encoder.pix_fmt = frames.shape[1], frames.shape[2], "yuvj444p"
    encoder.time_base, encoder.framerate = Fraction(1, FPS), Fraction(FPS)
    encoder.bit_rate, encoder.thread_count = BIT_RATE, 1
    encoder.color_range = ColorRange.JPEG
    files = []
    for number, pixels in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24").reformat(
            format="yuvj444p", dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.JPEG
        )
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        files += [bytes(packet) for packet in encoder.encode(frame)]
    files += [bytes(packet) for packet in encoder.encode(None)]
    assert len(files) == len(frames)
    return np.stack([_read(file) for file in files])


def _read(file: bytes) -> NDArray[np.uint8]:
    bgr = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)
    assert bgr is not None
    return np.ascontiguousarray(bgr[:, :, ::-1])
