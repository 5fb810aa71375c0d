"""One decoded frame, upright, of which only the requested planes and regions are computed.

Converting whole 1080p frames to RGB costs as much as decoding them; face detection needs only the luma plane, which
the decoder has already, and cropping only the RGB of the face's region.
"""

from __future__ import annotations

from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from numpy.typing import NDArray

from assets.media.orientation import AS_STORED, Box, Orientation, orientation_of

# name -> (bits a sample, log2 of the chroma's horizontal and vertical subsampling); planes Y, U, V
PLANAR_YUV = {
    "yuv420p": (8, 1, 1),
    "yuvj420p": (8, 1, 1),
    "yuv422p": (8, 1, 0),
    "yuvj422p": (8, 1, 0),
    "yuv444p": (8, 0, 0),
    "yuvj444p": (8, 0, 0),
    "yuv420p10le": (10, 1, 1),
    "yuv422p10le": (10, 1, 0),
    "yuv444p10le": (10, 0, 0),
}
# One conversion for all: exact rounding, the same on every processor, chroma interpolated.
CONVERSION = (
    Interpolation.BILINEAR
    | Interpolation.ACCURATE_RND
    | Interpolation.BITEXACT
    | Interpolation.FULL_CHR_H_INT
)
# Pixels around the region that the chroma interpolation reads; even.
MARGIN_PX = 4
# Unlabelled frames: BT.601 up to the size of a DVD, BT.709 above, as players do.
LARGEST_SD_PX = (1024, 576)


class DecodedFrame:
    """A decoded frame in upright coordinates: x to the right, y down, origin top left.

    Args:
        frame: of ``av``, with square pixels.
        orientation: how it is displayed; None for what the frame itself says.

    Attributes:
        width, height: pixels, as displayed.
    """

    def __init__(self, frame: Any, orientation: Orientation | None = None) -> None:
        self._frame = frame
        self._orientation = orientation_of(frame) if orientation is None else orientation
        size: tuple[int, int] = self._orientation.size(frame.width, frame.height)
        self.width, self.height = size
        self._gray: NDArray[np.uint8] | None = None

    def gray(self) -> NDArray[Any]:
        """Luma of the whole frame, as stored (16-235 in most files).

        Returns:
            (height, width) uint8, contiguous rows or a view of the decoder's plane; don't write to it.
        """
        if self._gray is None:
            self._gray = self._upright(self._luma())
        return self._gray

    def rgb(self, box: Box | None = None) -> NDArray[Any]:
        """RGB of a region, with the colour matrix and range of the file; nothing outside it is converted.

        Args:
            box: (x0, y0, x1, y1), upright pixels, x1 and y1 exclusive, inside the frame; None for all of it.

        Returns:
            (y1 - y0, x1 - x0, 3) uint8, 0..255, contiguous.

        Raises:
            ValueError: if the box is empty or leaves the frame.
        """
        x0, y0, x1, y1 = box or (0, 0, self.width, self.height)
        if not (0 <= x0 < x1 <= self.width and 0 <= y0 < y1 <= self.height):
            raise ValueError(
                f"box {(x0, y0, x1, y1)} is not inside the frame of {self.width}x{self.height}; "
                "give 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height"
            )
        stored = self._orientation.stored_box((x0, y0, x1, y1), self.width, self.height)
        return self._upright(self._stored_rgb(stored))

    def _upright(self, stored: NDArray[Any]) -> NDArray[Any]:
        is_turned = self._orientation != AS_STORED
        return np.ascontiguousarray(self._orientation.upright(stored)) if is_turned else stored

    def _luma(self) -> NDArray[Any]:
        layout = PLANAR_YUV.get(self._frame.format.name)
        if layout is None:
            return _plane(self._frame.reformat(format="gray", threads=1), 0, 8)
        luma = _plane(self._frame, 0, layout[0])
        return luma if layout[0] == 8 else (luma >> (layout[0] - 8)).astype(np.uint8)

    def _stored_rgb(self, box: Box) -> NDArray[Any]:
        x0, y0, x1, y1 = box
        layout = PLANAR_YUV.get(self._frame.format.name)
        if layout is None:
            return self._converted(self._frame)[y0:y1, x0:x1]
        left, top = (max(at - MARGIN_PX, 0) & ~1 for at in (x0, y0))
        right = min((x1 + MARGIN_PX + 1) & ~1, self._frame.width)
        bottom = min((y1 + MARGIN_PX + 1) & ~1, self._frame.height)
        region = _cut(self._frame, (left, top, right, bottom), layout)
        return self._converted(region)[y0 - top : y1 - top, x0 - left : x1 - left]

    def _converted(self, region: Any) -> NDArray[Any]:
        matrix = _colour_matrix(self._frame)
        full_range = self._frame.color_range == ColorRange.JPEG or self._frame.format.name.startswith("yuvj")
        rgb = region.reformat(
            format="rgb24",
            src_colorspace=matrix,
            dst_colorspace=matrix,
            src_color_range=ColorRange.JPEG if full_range else ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
            interpolation=CONVERSION,
            threads=1,
        )
        return _plane(rgb, 0, 8, samples=3)


def _plane(frame: Any, index: int, bits: int, samples: int = 1) -> NDArray[Any]:
    """A view of a frame's plane, padding cut off: (height, width) or (height, width, samples)."""
    plane = frame.planes[index]
    dtype = np.dtype(np.uint8) if bits == 8 else np.dtype("<u2")
    rows = np.frombuffer(plane, dtype).reshape(-1, plane.line_size // dtype.itemsize)
    view = rows[: plane.height, : plane.width * samples]
    return view if samples == 1 else view.reshape(plane.height, plane.width, samples)


def _cut(frame: Any, box: Box, layout: tuple[int, int, int]) -> Any:
    """A frame of the box alone, in the same pixel format. The box starts on even pixels."""
    bits, shift_x, shift_y = layout
    x0, y0, x1, y1 = box
    region = av.VideoFrame(x1 - x0, y1 - y0, frame.format.name)
    for index in range(3):
        dx, dy = (shift_x, shift_y) if index else (0, 0)
        target = _plane(region, index, bits)
        source = _plane(frame, index, bits)[y0 >> dy :, x0 >> dx :]
        target[...] = source[: target.shape[0], : target.shape[1]]
    return region


def _colour_matrix(frame: Any) -> Colorspace:
    if frame.colorspace in (1, 4, 5, 6, 7, 9, 10):  # AVCOL_SPC_*: BT.709, FCC, BT.470BG, 170M, 240M, BT.2020
        return Colorspace(9 if frame.colorspace == 10 else 5 if frame.colorspace == 6 else frame.colorspace)
    small = (
        max(frame.width, frame.height) <= LARGEST_SD_PX[0]
        and min(frame.width, frame.height) <= LARGEST_SD_PX[1]
    )
    return Colorspace.ITU601 if small else Colorspace.ITU709
