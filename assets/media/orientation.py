"""How stored frames are turned and mirrored for display: the eight orientations of a display matrix."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

Box = tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class Orientation:
    """Rows and columns are exchanged first, then columns and rows are reversed.

    Args:
        is_sideways: stored rows are displayed as columns.
        reverses_x, reverses_y: columns are displayed from right to left, rows from bottom to top.
    """

    is_sideways: bool = False
    reverses_x: bool = False
    reverses_y: bool = False

    @property
    def is_mirrored(self) -> bool:
        return self.is_sideways ^ self.reverses_x ^ self.reverses_y

    @property
    def rotation(self) -> int:
        """Clockwise degrees, 0 to 270; where ``is_mirrored``, left and right are exchanged before the turn."""
        if self.is_sideways:
            return 90 if self.reverses_x else 270
        return 180 if self.reverses_y else 0

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Displayed width and height of stored ones."""
        return (height, width) if self.is_sideways else (width, height)

    def upright(self, plane: NDArray[Any]) -> NDArray[Any]:
        """A stored plane (h, w) or (h, w, samples) as it is displayed; a view."""
        shown = plane.swapaxes(0, 1) if self.is_sideways else plane
        return shown[:: -1 if self.reverses_y else 1, :: -1 if self.reverses_x else 1]

    def stored_box(self, box: Box, width: int, height: int) -> Box:
        """The stored pixels of a displayed box (x0, y0, x1, y1), x1 and y1 exclusive.

        Args:
            box: displayed pixels.
            width, height: displayed pixels of the whole frame.
        """
        x0, y0, x1, y1 = box
        if self.reverses_x:
            x0, x1 = width - x1, width - x0
        if self.reverses_y:
            y0, y1 = height - y1, height - y0
        return (y0, x0, y1, x1) if self.is_sideways else (x0, y0, x1, y1)


AS_STORED = Orientation()


def orientation_of(frame: Any) -> Orientation:
    """Orientation of a decoded frame, to the nearest quarter turn.

    FFmpeg's matrix takes a stored position (x, y) to the displayed (a x + c y, b x + d y).
    """
    data = next((bytes(entry) for entry in frame.side_data if entry.type.name == "DISPLAYMATRIX"), None)
    if data is None or len(data) < 20:
        return AS_STORED
    a, b, _, c, d = struct.unpack_from("=5i", data)
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(is_sideways=True, reverses_x=c < 0, reverses_y=b < 0)
    return Orientation(reverses_x=a < 0, reverses_y=d < 0)
