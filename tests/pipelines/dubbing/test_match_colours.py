"""Colours meet the face around the mouth."""

from __future__ import annotations

import cv2
import numpy as np

from pipelines.dubbing.match_colours import ColourMatch
from pipelines.dubbing.paste_mouth import lower_face_mask
from tests.support.array_frames import astronaut


def test_colours_meet_along_the_edge_and_the_mouth_is_not_copied() -> None:
    mask = lower_face_mask(128)
    true = cv2.resize(astronaut()[80:280, 100:300], (128, 128))
    generated = np.clip(true.astype(int) + np.array([18, 10, -12]), 0, 255).astype(np.uint8)
    match = ColourMatch(mask)
    inside = mask > 0.9
    assert np.abs(match(generated, true)[inside].astype(int) - true[inside]).mean() < 2.5
    other_mouth = true.copy()
    other_mouth[88:104, 48:80] = (90, 20, 30)
    kept = ColourMatch(mask)(other_mouth, true)[90:102, 52:76].astype(int)
    assert np.abs(kept - (90, 20, 30)).mean() < 3
