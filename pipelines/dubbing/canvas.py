"""A frame that is drawn on in the colour format it came in: what is not drawn on stays as it was, to the last bit.

Converting whole frames to RGB and back would change every pixel a little and take longer than drawing. So the mouth
alone is converted, to the luma and chroma planes (4:2:0) of the frame.
"""

from __future__ import annotations

from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from assets.faces.alignment import Transforms, apply_transforms, invert
from assets.media.decoded_frame import LARGEST_SD_PX
from assets.media.probe import clockwise_rotation

DRAWABLE = ("yuv420p", "yuvj420p")
# FFmpeg's number of a colour matrix -> weights of red and blue in luma
RED_BLUE = {
    1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087),
    9: (0.2627, 0.0593), 10: (0.2627, 0.0593),
}  # fmt: skip
SMALLEST_SHARP_SCALE = 0.7
MARK_TEXT = "SYNTHETIC"
MARK_SHARE = 0.022


class Canvas:
    """The upright planes of a decoded frame.

    Attributes:
        luma: (H, W) uint8; H and W even (an odd last row or column is left out: H.264 has none).
        chroma: two of (H / 2, W / 2) uint8.
        colour: FFmpeg's numbers of matrix, primaries and transfer, and of the range, as in the frame.
    """

    def __init__(self, frame: Any) -> None:
        turns = clockwise_rotation(frame) // 90
        drawable = frame if frame.format.name in DRAWABLE else _as_drawable(frame)
        full = drawable.color_range == ColorRange.JPEG or drawable.format.name == "yuvj420p"
        self.is_full_range = bool(full)
        self.matrix = int(drawable.colorspace)
        luma, *chroma = (_upright(_rows(drawable, plane), turns) for plane in range(3))
        height, width = luma.shape[0] // 2 * 2, luma.shape[1] // 2 * 2
        self.luma = luma[:height, :width].copy()
        self.chroma = [plane[: height // 2, : width // 2].copy() for plane in chroma]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.luma.shape[1], self.luma.shape[0]

    def paste(self, crop: NDArray[np.uint8], transform: Transforms, mask: NDArray[np.float32]) -> None:
        """Blends a crop in at its place; where the mask is 0, or outside the frame, nothing changes.

        Args:
            crop: (S, S, 3) RGB.
            transform: (2, 3) frame pixels to crop pixels.
            mask: (S, S) weight of the crop, 0 to 1.

        Raises:
            ValueError: crop and mask differ in size.
        """
        if crop.shape[:2] != mask.shape:
            raise ValueError(f"the crop is {crop.shape[:2]}, the mask {mask.shape}; give both the same size")
        to_frame = invert(np.asarray(transform, np.float64))
        box = self._box_of(to_frame, mask)
        if box is None:
            return
        x0, y0, x1, y1 = box
        local = to_frame - np.array([[0, 0, x0], [0, 0, y0]])
        target = (x1 - x0, y1 - y0)
        drawn = cv2.warpAffine(
            _softened(crop, to_frame), local, target, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        weight = cv2.warpAffine(mask, local, target, flags=cv2.INTER_LINEAR)
        self._blend(box, drawn, weight)

    def mark(self) -> None:
        """A small visible mark in the lower left corner."""
        width, height = self.size
        font, scale = cv2.FONT_HERSHEY_SIMPLEX, max(0.3, min(width, height) * MARK_SHARE / 22)
        thickness = max(1, round(scale * 1.6))
        (text_width, text_height), below = cv2.getTextSize(MARK_TEXT, font, scale, thickness)
        margin = max(4, round(text_height * 0.6))
        x1, y0 = min(width, text_width + 2 * margin), max(0, height - text_height - below - 2 * margin)
        x1, y0 = x1 // 2 * 2, y0 // 2 * 2
        self.luma[y0:, :x1] = (self.luma[y0:, :x1] * 0.4).astype(np.uint8)
        for plane in self.chroma:
            plane[y0 // 2 :, : x1 // 2] = 128
        at = (margin, height - margin - below)
        cv2.putText(self.luma, MARK_TEXT, at, font, scale, 230, thickness, cv2.LINE_AA)

    def frame(self) -> Any:
        """An upright yuv420p frame of the planes."""
        width, height = self.size
        frame = av.VideoFrame(width, height, "yuv420p")
        for index, plane in enumerate((self.luma, *self.chroma)):
            _rows(frame, index)[...] = plane
        frame.color_range = ColorRange.JPEG if self.is_full_range else ColorRange.MPEG
        frame.colorspace = self.matrix
        return frame

    def _box_of(self, to_frame: Transforms, mask: NDArray[np.float32]) -> tuple[int, int, int, int] | None:
        """Even-sided part of the frame that the mask reaches."""
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not len(rows):
            return None
        top, bottom, left, right = rows[0] - 1, rows[-1] + 1, columns[0] - 1, columns[-1] + 1
        corners = apply_transforms(
            to_frame, np.array([[left, top], [right, top], [left, bottom], [right, bottom]])
        )
        width, height = self.size
        x0, y0 = (int(v) // 2 * 2 for v in np.clip(np.floor(corners.min(axis=0)), 0, (width, height)))
        x1, y1 = (-(-int(v) // 2) * 2 for v in np.clip(np.ceil(corners.max(axis=0)) + 1, 0, (width, height)))
        return None if x1 <= x0 or y1 <= y0 else (x0, y0, x1, y1)

    def _blend(
        self, box: tuple[int, int, int, int], drawn: NDArray[np.uint8], weight: NDArray[np.float32]
    ) -> None:
        x0, y0, x1, y1 = box
        luma, *chroma = self._planes_of(drawn)
        _mix(self.luma[y0:y1, x0:x1], luma, weight)
        # a chroma sample lies under four pixels: it changes only where all four do
        coarse = weight.reshape(weight.shape[0] // 2, 2, weight.shape[1] // 2, 2).min(axis=(1, 3))
        for plane, values in zip(self.chroma, chroma, strict=True):
            _mix(plane[y0 // 2 : y1 // 2, x0 // 2 : x1 // 2], values, coarse)

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
        """Pictures without a label: BT.601 up to the size of a DVD, BT.709 above, as players do."""
        width, height = self.size
        return max(width, height) <= LARGEST_SD_PX[0] and min(width, height) <= LARGEST_SD_PX[1]


def _mix(plane: NDArray[np.uint8], values: NDArray[np.float32], weight: NDArray[np.float32]) -> None:
    mixed = plane + (values - plane) * weight
    plane[...] = np.rint(mixed).clip(0, 255).astype(np.uint8)


def _softened(crop: NDArray[np.uint8], to_frame: Transforms) -> NDArray[np.uint8]:
    """The crop without the detail that a smaller face can't hold."""
    scale = float(np.hypot(to_frame[0, 0], to_frame[1, 0]))
    if scale >= SMALLEST_SHARP_SCALE:
        return crop
    soft: NDArray[np.uint8] = cv2.GaussianBlur(crop, (0, 0), 0.4 / scale)
    return soft


def _as_drawable(frame: Any) -> Any:
    """The frame in 8-bit 4:2:0; RGB by BT.709."""
    if frame.format.is_rgb:
        converted = frame.reformat(
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
        )
        converted.colorspace, converted.color_range = 1, ColorRange.MPEG
        return converted
    full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    wanted = ColorRange.JPEG if full else ColorRange.MPEG
    converted = frame.reformat(format="yuv420p", src_color_range=wanted, dst_color_range=wanted)
    converted.colorspace, converted.color_range = frame.colorspace, wanted
    return converted


def _rows(frame: Any, index: int) -> NDArray[np.uint8]:
    plane = frame.planes[index]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]


def _upright(plane: NDArray[np.uint8], turns: int) -> NDArray[np.uint8]:
    return np.rot90(plane, -turns) if turns else plane
