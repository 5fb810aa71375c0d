"""The visible mark of a dub (``--mark``)."""

from __future__ import annotations

import cv2
import numpy as np

from pipelines.dubbing.frame_planes import FramePlanes

MARK_TEXT = "SYNTHETIC"
# Height of the text, of the frame's shorter side.
MARK_SHARE = 0.022
# Luma of the text, of 8 bits: in HDR, that of SDR's white.
TEXT_LUMA = {None: 230, "PQ": 143, "HLG": 180, "BT.2020": 230}


def draw_mark(planes: FramePlanes, hdr: str | None = None) -> None:
    """Draws a small mark on a dark ground into the lower left corner.

    Args:
        planes: of the frame; drawn on.
        hdr: what its colours are; None for SDR.
    """
    width, height = planes.size
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, max(0.3, min(width, height) * MARK_SHARE / 22)
    thickness = max(1, round(scale * 1.6))
    (text_width, text_height), below = cv2.getTextSize(MARK_TEXT, font, scale, thickness)
    margin = max(4, round(text_height * 0.6))
    x1, y0 = min(width, text_width + 2 * margin), max(0, height - text_height - below - 2 * margin)
    x1, y0 = x1 // 2 * 2, y0 // 2 * 2
    above = 1 << (planes.num_bits - 8)
    luma = (planes.luma[y0:, :x1] * (0.4 / above)).astype(np.uint8)
    cv2.putText(
        luma,
        MARK_TEXT,
        (margin, height - margin - below - y0),
        font,
        scale,
        TEXT_LUMA[hdr],
        thickness,
        cv2.LINE_AA,
    )
    planes.luma[y0:, :x1] = luma.astype(planes.luma.dtype) * above
    for plane in planes.chroma:
        down, right = height // plane.shape[0], width // plane.shape[1]
        plane[y0 // down :, : x1 // right] = 128 * above
