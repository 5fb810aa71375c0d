"""The planes of a decoded frame in its own colour format (4:2:0), so that pixels that nothing is drawn on stay the same
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

from assets.media.decoded_frame import LARGEST_SD_PX
from assets.media.orientation import Orientation, orientation_of

DRAWABLE = ("yuv420p", "yuvj420p")
# FFmpeg's number of a colour matrix -> weights of red and blue in luma
RED_BLUE = {
    1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087),
    9: (0.2627, 0.0593), 10: (0.2627, 0.0593),
}  # fmt: skip
Box = tuple[int, int, int, int]


class FramePlanes:
    """The upright planes of a decoded frame.

    Args:
        frame: of ``av``.
        orientation: how it is displayed; None for what the frame itself says.

    Attributes:
        luma: (H, W) uint8; H and W even (an odd last row or column is left out: H.264 has none).
        chroma: two of (H / 2, W / 2) uint8.
        matrix: FFmpeg's number of the colour matrix.
        is_full_range: luma is 0 to 255, not 16 to 235.
    """

    def __init__(self, frame: Any, orientation: Orientation | None = None) -> None:
        turn = orientation_of(frame) if orientation is None else orientation
        drawable = frame if frame.format.name in DRAWABLE else _as_drawable(frame)
        full = drawable.color_range == ColorRange.JPEG or drawable.format.name == "yuvj420p"
        self.is_full_range = bool(full)
        self.matrix = int(drawable.colorspace)
        luma, *chroma = (turn.upright(_rows(drawable, plane)) for plane in range(3))
        height, width = luma.shape[0] // 2 * 2, luma.shape[1] // 2 * 2
        self.luma = luma[:height, :width].copy()
        self.chroma = [plane[: height // 2, : width // 2].copy() for plane in chroma]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.luma.shape[1], self.luma.shape[0]

    def blend(self, box: Box, rgb: NDArray[np.uint8], weight: NDArray[np.float32]) -> None:
        """Blends RGB pixels into a region; where the weight is 0 nothing changes.

        Args:
            box: (x0, y0, x1, y1) even pixels inside the frame, x1 and y1 exclusive.
            rgb: (y1 - y0, x1 - x0, 3).
            weight: (y1 - y0, x1 - x0) of the new pixels, 0 to 1.
        """
        x0, y0, x1, y1 = box
        luma, *chroma = self._planes_of(rgb)
        _mix(self.luma[y0:y1, x0:x1], luma, weight)
        # A chroma sample covers four pixels: it changes only where all four do.
        coarse = weight.reshape(weight.shape[0] // 2, 2, weight.shape[1] // 2, 2).min(axis=(1, 3))
        for plane, values in zip(self.chroma, chroma, strict=True):
            _mix(plane[y0 // 2 : y1 // 2, x0 // 2 : x1 // 2], values, coarse)

    def frame(self) -> Any:
        """An upright yuv420p frame of the planes."""
        width, height = self.size
        frame = av.VideoFrame(width, height, "yuv420p")
        for index, plane in enumerate((self.luma, *self.chroma)):
            _rows(frame, index)[...] = plane
        frame.color_range = ColorRange.JPEG if self.is_full_range else ColorRange.MPEG
        frame.colorspace = self.matrix
        return frame

    def _planes_of(self, rgb: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Luma (h, w) and two chroma planes (h / 2, w / 2) of RGB (h, w, 3), in the frame's own matrix and range."""
        red, blue = RED_BLUE.get(self.matrix) or RED_BLUE[5 if self._is_small() else 1]
        weights = np.array([red, 1 - red - blue, blue], np.float32)
        pixels = rgb.astype(np.float32)
        luma = pixels @ weights
        half = cv2.resize(pixels, (rgb.shape[1] // 2, rgb.shape[0] // 2), interpolation=cv2.INTER_AREA)
        half_luma = half @ weights
        differences = [
            (half[..., 2] - half_luma) / (1 - blue) / 2,
            (half[..., 0] - half_luma) / (1 - red) / 2,
        ]
        if self.is_full_range:
            return [luma, *(plane + 128 for plane in differences)]
        return [
            luma * np.float32(219 / 255) + 16,
            *(plane * np.float32(224 / 255) + 128 for plane in differences),
        ]

    def _is_small(self) -> bool:
        """Frames without a label: BT.601 up to the size of a DVD, BT.709 above, as players do."""
        width, height = self.size
        return max(width, height) <= LARGEST_SD_PX[0] and min(width, height) <= LARGEST_SD_PX[1]


def _mix(plane: NDArray[np.uint8], values: NDArray[np.float32], weight: NDArray[np.float32]) -> None:
    mixed = plane + (values - plane) * weight
    plane[...] = np.rint(mixed).clip(0, 255).astype(np.uint8)


def _as_drawable(frame: Any) -> Any:
    """The frame in 8-bit 4:2:0; RGB by BT.709."""
    if frame.format.is_rgb:
        return rgb_as_bt709(frame)
    full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    wanted = ColorRange.JPEG if full else ColorRange.MPEG
    converted = frame.reformat(format="yuv420p", src_color_range=wanted, dst_color_range=wanted)
    converted.colorspace, converted.color_range = frame.colorspace, wanted
    return converted


def rgb_as_bt709(frame: Any) -> Any:
    """An RGB frame as yuv420p, BT.709, limited range."""
    converted = frame.reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
    )
    converted.colorspace, converted.color_range = 1, ColorRange.MPEG
    return converted


def _rows(frame: Any, index: int) -> NDArray[np.uint8]:
    plane = frame.planes[index]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]
