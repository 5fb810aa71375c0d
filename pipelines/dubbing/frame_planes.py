"""The planes of a decoded frame in its own colour format, bits and chroma, so that pixels that nothing is drawn on stay the same
bit for bit.

Converting whole frames to RGB and back would change every pixel a little and take longer than drawing. So only the
region that is drawn on is converted, from RGB to the frame's luma and chroma.
"""

from __future__ import annotations

from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from assets.media.decoded_frame import LARGEST_SD_PX, PLANAR_YUV
from assets.media.orientation import Orientation, orientation_of

FULL_RANGE_NAMES = {"yuvj420p": "yuv420p", "yuvj422p": "yuv422p", "yuvj444p": "yuv444p"}
# FFmpeg's number of a colour matrix -> weights of red and blue in luma
RED_BLUE = {
    1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087),
    9: (0.2627, 0.0593), 10: (0.2627, 0.0593),
}  # fmt: skip
Box = tuple[int, int, int, int]
Samples = NDArray[Any]


class FramePlanes:
    """The upright planes of a decoded frame.

    Args:
        frame: of ``av``.
        orientation: how it is displayed; None for what the frame itself says.
        pixel_format: planar YUV of 8 or 10 bits, to which other frames are converted; not 4:2:2 for a quarter turn.

    Attributes:
        luma: (H, W) uint8, or uint16 for 10 bits; H and W even (an odd last row or column is left out).
        chroma: two of (H / 2, W / 2) in 4:2:0, (H, W / 2) in 4:2:2, (H, W) in 4:4:4.
        num_bits: a sample.
        matrix: FFmpeg's number of the colour matrix.
        is_full_range: luma is 0 to 255, not 16 to 235 (of 8 bits).
    """

    def __init__(
        self, frame: Any, orientation: Orientation | None = None, pixel_format: str = "yuv420p"
    ) -> None:
        turn = orientation_of(frame) if orientation is None else orientation
        own = FULL_RANGE_NAMES.get(frame.format.name, frame.format.name)
        drawable = frame if own == pixel_format else _as_drawable(frame, pixel_format)
        full = drawable.color_range == ColorRange.JPEG or drawable.format.name in FULL_RANGE_NAMES
        self.is_full_range = bool(full)
        self.matrix = int(drawable.colorspace)
        self.num_bits, shift_x, shift_y = PLANAR_YUV[pixel_format]
        assert not (turn.is_sideways and shift_x != shift_y), "4:2:2 can't be turned"
        self._step = (1 << shift_y, 1 << shift_x)
        given = [turn.upright(_rows(drawable, plane)) for plane in range(3)]
        height, width = given[0].shape[0] // 2 * 2, given[0].shape[1] // 2 * 2
        self._drawn = av.VideoFrame(width, height, pixel_format)
        self._drawn.color_range = ColorRange.JPEG if full else ColorRange.MPEG
        self._drawn.colorspace = self.matrix
        self.luma, *self.chroma = (_rows(self._drawn, plane) for plane in range(3))
        for plane, stored in zip((self.luma, *self.chroma), given, strict=True):
            plane[...] = stored[: plane.shape[0], : plane.shape[1]]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.luma.shape[1], self.luma.shape[0]

    def blend(self, box: Box, rgb: NDArray[Any], weight: NDArray[np.float32]) -> None:
        """Blends RGB pixels into a region; where the weight is 0 nothing changes.

        Args:
            box: (x0, y0, x1, y1) even pixels inside the frame, x1 and y1 exclusive.
            rgb: (y1 - y0, x1 - x0, 3), 0 to 255.
            weight: (y1 - y0, x1 - x0) of the new pixels, 0 to 1.
        """
        x0, y0, x1, y1 = box
        luma, *chroma = self._planes_of(rgb)
        _mix(self.luma[y0:y1, x0:x1], luma, weight)
        # A chroma sample covers several pixels: it changes only where all of them do.
        down, right = self._step
        rows = np.minimum.reduce([weight[row::down] for row in range(down)])
        coarse = np.minimum.reduce([rows[:, column::right] for column in range(right)])
        for plane, values in zip(self.chroma, chroma, strict=True):
            _mix(plane[y0 // down : y1 // down, x0 // right : x1 // right], values, coarse)

    def frame(self) -> Any:
        """An upright frame of the planes, which are its own: what is drawn later shows in it too."""
        return self._drawn

    def _planes_of(self, rgb: NDArray[Any]) -> list[Samples]:
        """Luma (h, w) and two chroma planes of RGB (h, w, 3), in the frame's own matrix, range, bits and chroma."""
        red, blue = RED_BLUE.get(self.matrix) or RED_BLUE[5 if self._is_small() else 1]
        weights = np.array([red, 1 - red - blue, blue], np.float32)
        pixels = rgb.astype(np.float32)
        luma = pixels @ weights
        down, right = self._step
        size = (rgb.shape[1] // right, rgb.shape[0] // down)
        coarse = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) if down * right > 1 else pixels
        coarse_luma = coarse @ weights
        differences: list[Samples] = [
            (coarse[..., 2] - coarse_luma) / (1 - blue) / 2,
            (coarse[..., 0] - coarse_luma) / (1 - red) / 2,
        ]
        unit = float(1 << (self.num_bits - 8))
        if self.is_full_range:
            fine = ((1 << self.num_bits) - 1) / 255
            return [luma * fine, *(plane * fine + 128 * unit for plane in differences)]
        return [
            (luma * (219 / 255) + 16) * unit,
            *((plane * (224 / 255) + 128) * unit for plane in differences),
        ]

    def _is_small(self) -> bool:
        """Frames without a label: BT.601 up to the size of a DVD, BT.709 above, as players do."""
        width, height = self.size
        return max(width, height) <= LARGEST_SD_PX[0] and min(width, height) <= LARGEST_SD_PX[1]


def _mix(plane: Samples, values: NDArray[np.float32], weight: NDArray[np.float32]) -> None:
    mixed = plane + (values - plane) * weight
    highest = 255 if plane.dtype == np.uint8 else 1023
    plane[...] = np.rint(mixed).clip(0, highest).astype(plane.dtype)


def _as_drawable(frame: Any, pixel_format: str) -> Any:
    """The frame in another format; RGB by BT.709."""
    if frame.format.is_rgb:
        return rgb_as_bt709(frame, pixel_format)
    full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    wanted = ColorRange.JPEG if full else ColorRange.MPEG
    converted = frame.reformat(format=pixel_format, src_color_range=wanted, dst_color_range=wanted, threads=1)
    converted.colorspace, converted.color_range = frame.colorspace, wanted
    return converted


def rgb_as_bt709(frame: Any, pixel_format: str = "yuv420p") -> Any:
    """An RGB frame as YUV, BT.709, limited range."""
    converted = frame.reformat(
        format=pixel_format,
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
    )
    converted.colorspace, converted.color_range = 1, ColorRange.MPEG
    return converted


def _rows(frame: Any, index: int) -> Samples:
    plane = frame.planes[index]
    dtype = np.dtype(np.uint8) if PLANAR_YUV[frame.format.name][0] == 8 else np.dtype("<u2")
    rows = np.frombuffer(plane, dtype).reshape(-1, plane.line_size // dtype.itemsize)
    return rows[: plane.height, : plane.width]
