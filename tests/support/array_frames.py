"""Frames from arrays, and faces to put into them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

from assets.media.video import Tick

Rgb = NDArray[np.uint8]


class ArrayFrame:
    """A frame as the face stages read it, from an RGB array (H, W, 3)."""

    def __init__(self, image: Rgb) -> None:
        self._image = np.ascontiguousarray(image)
        self.height, self.width = image.shape[:2]

    def gray(self) -> NDArray[np.uint8]:
        return cv2.cvtColor(self._image, cv2.COLOR_RGB2GRAY)

    def rgb(self, box: tuple[int, int, int, int] | None = None) -> Rgb:
        x0, y0, x1, y1 = box or (0, 0, self.width, self.height)
        assert 0 <= x0 < x1 <= self.width and 0 <= y0 < y1 <= self.height
        return self._image[y0:y1, x0:x1].copy()


def ticks_of(images: Iterable[Rgb], damaged: Collection[int] = ()) -> list[Tick]:
    """A clip at 25 fps of these frames, some of them damaged."""
    return [
        Tick(
            index=index,
            time_s=index / 25,
            frame_s=index / 25,
            frame_index=index,
            repeated=False,
            damaged=index in damaged,
            frame=ArrayFrame(image),
        )
        for index, image in enumerate(images)
    ]


@lru_cache
def astronaut() -> Rgb:
    """A real face, about 110 px wide, in (320, 400, 3): from scikit-image's photograph (public domain)."""
    portrait = data.astronaut()[20:276, 80:400]
    return cv2.resize(portrait, (400, 320), interpolation=cv2.INTER_LINEAR)


def moved(image: Rgb, dx: float, dy: float = 0.0, degrees: float = 0.0, scale: float = 1.0) -> Rgb:
    """The image turned about its centre, enlarged, then shifted; edges repeat."""
    height, width = image.shape[:2]
    transform = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale)
    transform[:, 2] += (dx, dy)
    return cv2.warpAffine(image, transform, (width, height), borderMode=cv2.BORDER_REPLICATE)


def cartoon() -> Rgb:
    """A drawn face with brows, eyes, nose, mouth and hair: (288, 360, 3)."""
    image = np.full((288, 360, 3), (200, 220, 240), np.uint8)
    cv2.ellipse(image, (180, 144), (65, 90), 0, 0, 360, (240, 200, 170), -1)
    for side in (-28, 28):
        cv2.ellipse(image, (180 + side, 125), (16, 9), 0, 0, 360, (255, 255, 255), -1)
        cv2.circle(image, (180 + side, 125), 6, (40, 20, 10), -1)
        cv2.ellipse(image, (180 + side, 106), (18, 5), 0, 180, 360, (60, 30, 10), 3)
    cv2.line(image, (180, 130), (172, 158), (200, 150, 120), 2)
    cv2.line(image, (172, 158), (186, 160), (200, 150, 120), 2)
    cv2.ellipse(image, (180, 185), (26, 8), 0, 0, 360, (190, 60, 70), -1)
    cv2.ellipse(image, (180, 70), (70, 45), 0, 180, 360, (60, 30, 10), -1)
    return image
