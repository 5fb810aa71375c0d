"""The talking mouth: lips of the photograph pulled apart, widened and rounded over an inner mouth.

The photograph smiles with open lips. Once a speaker, its mouth is closed: everything above the opening becomes one
layer, everything below another, both warped until their edges meet on a common line and the smile is taken back. A
frame then moves the two layers away from that line, by smooth fields that fade out towards nose, cheeks and neck,
and shows teeth and tongue between them. All warps are backward: they say for each pixel where to read.

Lengths are in units of the photograph's half mouth width; u runs from -1 to 1 between the corners of the mouth.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.sample_corpus.photograph import Image, Portrait

Plane = NDArray[np.floating[Any]]
Geometry = tuple[tuple[float, float], float, float]  # centre of the mouth, slope, unit in pixels

MAX_APERTURE = 0.82  # distance of the inner lip edges when widest open
_UPPER_SHARE = 0.2  # of the aperture, by which the upper lip rises; the jaw does the rest
_CLOSED_HALF_WIDTH = 0.86
_CORNER_DROP = 0.11
_LIP_DECAY = 0.22
_CLOSED_LIP_FULLNESS = 0.07
_DARK = np.array([44, 14, 16], np.float32)
_TONGUE = np.array([150, 68, 66], np.float32)


def _smooth(x: Plane, start: float, end: float) -> Plane:
    """0 before `start`, 1 after `end`, smooth between."""
    t = np.clip((x - start) / (end - start), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))


def _bump(u: Plane, t: Plane) -> Plane:
    """How far the jaw's drop reaches sideways at a distance t below the lips: it widens towards the chin."""
    inside = np.clip(1.0 - (u / (1.0 + 0.8 * t)) ** 2, 0.0, None)
    return inside * (1.0 + np.clip(t, 0.0, 1.0) * (np.sqrt(inside) - 1.0))


def _jaw_fade(t: Plane) -> Plane:
    """The jaw's drop by distance below the lips: whole at the lips, a little less at the chin, none on the neck."""
    return (1.0 - 0.12 * _smooth(t, 0.5, 1.4)) * (1.0 - _smooth(t, 1.7, 3.3))


@dataclass(frozen=True)
class Mouth:
    """A speaker's mouth, closed, in layers over a part of the canvas.

    Attributes:
        left, top: where the part lies on the canvas, pixels.
        unit_px: half mouth width of the photograph.
        centre_x, centre_y, slope: the straight line through the corners of the mouth, in pixels of the part.
        rise: the closed line's middle lies this much lower than the corners' line.
        upper, lower: (h, w, 3) uint8, the face with closed lips; each goes on past its lip's edge.
        teeth: (h, w, 4) float32, RGB and coverage of the upper teeth, fixed to the skull.
    """

    left: int
    top: int
    unit_px: float
    centre_x: float
    centre_y: float
    slope: float
    rise: float
    upper: Image
    lower: Image
    teeth: Plane

    def _closed_line(self, u: Plane) -> Plane:
        """Height of the closed line over the corners' line, in units."""
        inside = np.clip(1.0 - u * u, 0.0, None)
        return _CORNER_DROP + (self.rise - _CORNER_DROP) * inside


def _grid(
    mouth_px: tuple[int, int], centre: tuple[float, float], slope: float, unit_px: float
) -> tuple[Plane, Plane]:
    """Mouth coordinates of each pixel: x from the centre, y below the line through the corners, in units."""
    height, width = mouth_px
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    x = (columns - centre[0]) / unit_px
    return x, np.asarray((rows - centre[1] - slope * (columns - centre[0])) / unit_px)


def _sample(image: Image, x: Plane, y: Plane, geometry: Geometry, how: int = cv2.INTER_CUBIC) -> Image:
    """Samples an image at mouth coordinates."""
    (centre_x, centre_y), slope, unit_px = geometry
    columns = x * unit_px + centre_x
    rows = y * unit_px + centre_y + slope * (columns - centre_x)
    sampled: Image = cv2.remap(
        image, columns.astype(np.float32), rows.astype(np.float32), how, borderMode=cv2.BORDER_REPLICATE
    )
    return sampled


def _edge_depth(points: NDArray[np.float64], u: NDArray[np.float64]) -> float:
    """Depth of the parabola through both corners that fits the points best."""
    weights = 1.0 - u * u
    return float((points * weights).sum() / (weights * weights).sum())


def close_mouth(portrait: Portrait) -> Mouth:
    """Takes the photograph's mouth apart into closed layers."""
    landmarks = portrait.landmarks
    corner_left, corner_right = landmarks[60], landmarks[64]
    unit_px = float(np.hypot(*(corner_right - corner_left)) / 2)
    middle = (corner_left + corner_right) / 2
    slope = float((corner_right[1] - corner_left[1]) / (corner_right[0] - corner_left[0]))
    left, top = int(middle[0] - 3.4 * unit_px), int(middle[1] - 1.5 * unit_px)
    width, height = int(6.8 * unit_px), int(5.4 * unit_px)
    part = portrait.rgb[top : top + height, left : left + width]
    centre = (float(middle[0] - left), float(middle[1] - top))

    def depth(indices: list[int]) -> float:
        x = (landmarks[indices, 0] - middle[0]) / unit_px
        y = (landmarks[indices, 1] - middle[1] - slope * (landmarks[indices, 0] - middle[0])) / unit_px
        return _edge_depth(y, x)

    upper_depth, lower_depth = depth([61, 62, 63]), depth([65, 66, 67])
    rise = upper_depth + 0.3 * (lower_depth - upper_depth)
    x, y = _grid(part.shape[:2], centre, slope, unit_px)
    near = (1.0 - _smooth(np.hypot(x / 2.4, (y - 0.1) / 1.3), 0.35, 1.0)).astype(np.float32)
    x_photo = x * (1.0 + (1.0 / _CLOSED_HALF_WIDTH - 1.0) * near)
    u = x_photo
    inside = np.clip(1.0 - u * u, 0.0, None)
    line = _CORNER_DROP + (rise - _CORNER_DROP) * inside
    corners = _CORNER_DROP * (1.0 - _smooth(np.abs(u), 0.9, 2.2))
    geometry = (centre, slope, unit_px)

    t = np.maximum(line - y, 0.0)
    fade = 1.0 - _smooth(t, 0.1, 1.25)
    fuller = _CLOSED_LIP_FULLNESS * (1.0 - np.exp(-t / _LIP_DECAY)) * inside
    shift = (upper_depth - rise + _CORNER_DROP) * inside - corners + fuller
    upper = _sample(part, x_photo, line - t + shift * fade, geometry)

    t = np.maximum(y - line, 0.0)
    fuller = _CLOSED_LIP_FULLNESS * (1.0 - np.exp(-t / _LIP_DECAY)) * inside * (1.0 - _smooth(t, 0.4, 1.2))
    drop = (lower_depth - rise + _CORNER_DROP) * _bump(u, t) * _jaw_fade(t)
    lower = _sample(
        part, x_photo, line + t + drop - corners * (1.0 - _smooth(t, 0.1, 1.25)) - fuller, geometry
    )

    return Mouth(
        left=left,
        top=top,
        unit_px=unit_px,
        centre_x=centre[0],
        centre_y=centre[1],
        slope=slope,
        rise=rise,
        upper=upper,
        lower=lower,
        teeth=_teeth(part, x, y, (upper_depth, lower_depth, rise), geometry),
    )


def _teeth(part: Image, x: Plane, y: Plane, depths: tuple[float, float, float], geometry: Geometry) -> Plane:
    """The photograph's upper teeth, moved so that closed lips hide their upper part."""
    upper_depth, lower_depth, rise = depths
    y_photo = y + upper_depth - (rise - 0.17)
    rgb = _sample(part, x, y_photo, geometry).astype(np.float32)
    inside = np.clip(1.0 - x * x, 0.0, None)
    below_top = np.ones_like(x)
    above_bottom = 1.0 - _smooth(y_photo - lower_depth * inside, -0.1, -0.01)
    sides = 1.0 - _smooth(np.abs(x), 0.72, 0.95)
    top_rgb = _sample(part, x, np.maximum(y_photo, upper_depth * inside + 0.1), geometry).astype(np.float32)
    rgb = np.where((y_photo < upper_depth * inside + 0.1)[..., None], top_rgb, rgb)
    return np.dstack([rgb, below_top * above_bottom * sides]).astype(np.float32)


def _opening_region(mouth: Mouth) -> tuple[slice, slice]:
    """Rows and columns within which the mouth opens."""
    unit = mouth.unit_px
    rows = slice(int(mouth.centre_y - 0.5 * unit), int(mouth.centre_y + 1.2 * unit))
    return rows, slice(int(mouth.centre_x - 1.2 * unit), int(mouth.centre_x + 1.2 * unit))


def _inner_mouth(teeth: Plane, x: Plane, y: Plane, edges: tuple[Plane, Plane], protrusion: float) -> Plane:
    """What shows between the lips: dark, the upper teeth unless the lips are pushed forward, a tongue; darker under
    the upper lip and at the sides."""
    upper_edge, lower_edge = edges
    gap = lower_edge - upper_edge
    tongue = _smooth((y - lower_edge + 0.42 * gap), -0.06, 0.16) * (1.0 - _smooth(np.abs(x), 0.3, 0.8)) * 0.85
    inner = _DARK + (_TONGUE - _DARK) * tongue[..., None]
    coverage = teeth[..., 3:] * (1.0 - 0.75 * protrusion)
    inner += (np.minimum(teeth[..., :3] * 1.08, 250.0) - inner) * coverage
    light = (0.7 + 0.3 * _smooth(y - upper_edge, 0.0, 0.2)) * (1.0 - 0.5 * _smooth(np.abs(x), 0.4, 0.95))
    return np.asarray(inner * light[..., None], np.float32)


def draw_mouth(mouth: Mouth, aperture: float, width: float, protrusion: float) -> Image:
    """One frame of the mouth's part of the canvas.

    Args:
        aperture: 0 closed ... 1 widest open.
        width: -1 rounded ... 1 spread.
        protrusion: 0 flat ... 1 pushed forward.
    Returns:
        (h, w, 3) uint8, to be laid on the canvas at (mouth.left, mouth.top).
    """
    geometry = ((mouth.centre_x, mouth.centre_y), mouth.slope, mouth.unit_px)
    x, y = _grid(mouth.upper.shape[:2], *geometry)
    stretch = 1.0 + (0.17 if width > 0 else 0.28) * width
    near = 1.0 - _smooth(np.hypot(x / 2.15, (y - 0.1) / 1.5), 0.3, 1.0)
    x_closed = x * (1.0 + (1.0 / stretch - 1.0) * near)
    u = x_closed / _CLOSED_HALF_WIDTH
    inside = np.clip(1.0 - u * u, 0.0, None)
    line = mouth._closed_line(u)
    opening = MAX_APERTURE * max(aperture, 0.0)
    rise, drop = _UPPER_SHARE * opening, (1.0 - _UPPER_SHARE) * opening
    upper_edge, lower_edge = line - rise * inside, line + drop * inside
    fullness = 0.09 * protrusion - 0.03 * width

    t = np.maximum(upper_edge - y, 0.0)
    fuller = fullness * (1.0 - np.exp(-t / _LIP_DECAY)) * inside * (1.0 - _smooth(t, 0.3, 1.1))
    upper = _sample(
        mouth.upper,
        x_closed,
        y + rise * inside * (1.0 - _smooth(t, 0.1, 1.1)) + fuller,
        geometry,
        cv2.INTER_LINEAR,
    )
    t = np.maximum(y - lower_edge, 0.0)
    fuller = fullness * (1.0 - np.exp(-t / _LIP_DECAY)) * inside * (1.0 - _smooth(t, 0.4, 1.2))
    lower = _sample(
        mouth.lower, x_closed, y - drop * _bump(u, t) * _jaw_fade(t) - fuller, geometry, cv2.INTER_LINEAR
    )

    soft = 1.0 / mouth.unit_px
    upper_cover = _smooth(upper_edge - y, -soft, soft)[..., None]
    image: Plane = lower + (upper.astype(np.float32) - lower) * upper_cover
    between = _opening_region(mouth)
    x, y, line, inside = x[between], y[between], line[between], inside[between]
    edges = upper_edge[between], lower_edge[between]
    shown = (
        _smooth(inside, 0.0, 0.08) * _smooth(y - edges[0], -soft, soft) * _smooth(edges[1] - y, -soft, soft)
    )
    part = image[between]
    part += (_inner_mouth(mouth.teeth[between], x, y, edges, protrusion) - part) * shown[..., None]
    seam = np.exp(-(((y - line) / 0.05) ** 2)) * np.sqrt(inside) * (1.0 - min(opening / 0.1, 1.0))
    part *= (1.0 - 0.5 * seam)[..., None]
    return np.asarray(np.clip(image + np.float32(0.5), 0, 255), np.uint8)
