"""docs/evaluation.md states sizes that the detectors use."""

from __future__ import annotations

from pathlib import Path

from assets.faces.backends.dlib import FACE_PX_FOR_LANDMARKS
from assets.faces.backends.face_alignment import FAN_INPUT_PX


def test_the_sizes_at_which_landmarks_are_read() -> None:
    page = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    assert f"enlarged until the face is {FACE_PX_FOR_LANDMARKS:.0f} px wide" in page
    assert f"scaled to {FAN_INPUT_PX} px" in page
    assert f"to {87 / FACE_PX_FOR_LANDMARKS:.3f} px instead of 1" in page
