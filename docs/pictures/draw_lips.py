"""Draws the README's result: how far the lips are open in a test clip, truly and as the methods make them.

Run from the project's root after `make demo`: python -m docs.pictures.draw_lips [DATASET [NUMBER_OF_THE_TEST_CLIP]]
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from assets.faces.backends.opening import open_backend
from assets.media.encode import read_lossless
from assets.metrics.crop_landmarks import landmark_crops
from assets.project.settings import load_project

LINES = {
    ("ground_truth", "own"): ("recorded", "#222222", "-", 2.4),
    ("cals", "own"): ("CALS, the clip's own sound", "#d95f02", "-", 1.8),
    ("cals", "other"): ("CALS, another clip's sound", "#d95f02", ":", 1.4),
    ("wav2lip", "own"): ("Wav2Lip baseline, own sound", "#1b9e77", "-", 1.4),
    ("copy_reference", "own"): ("reference frame, copied", "#999999", "--", 1.2),
}
UPPER_LIP, LOWER_LIP = 62, 66  # inner lips, middle (iBUG 68 points)


def lip_opening(path: Path, backend: object) -> NDArray[np.float64]:
    """(T,): distance of the inner lips in crop pixels, median of 3 frames; NaN where no face was found."""
    points = landmark_crops(read_lossless(path)[0], backend).points  # type: ignore[arg-type]
    return np.asarray(median_filter(points[:, LOWER_LIP, 1] - points[:, UPPER_LIP, 1], 3), np.float64)


def draw(path: Path, dataset: str, number: int) -> None:
    """Writes a PNG of the clip with that number, in the order of their keys."""
    project = load_project()
    backend = open_backend(project.stage_settings(dataset, "face_tracks"))
    figure, axes = plt.subplots(figsize=(10, 3.2))
    for (method, audio), (label, colour, style, width) in LINES.items():
        folder = project.home.renders(dataset, method)
        videos = sorted((folder / audio).glob("*.mkv"))
        opening = lip_opening(videos[number], backend)
        axes.plot(np.arange(len(opening)) / 25, opening, style, color=colour, lw=width, label=label)
    axes.set_xlabel("time, s")
    axes.set_ylabel("inner lips apart, crop px")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, ncols=3, loc="upper center", bbox_to_anchor=(0.5, 1.22))
    figure.savefig(path, dpi=110, bbox_inches="tight", facecolor="white")


if __name__ == "__main__":
    asked = sys.argv[1:]
    draw(
        Path(__file__).parent / "lips.png",
        asked[0] if asked else "sample_lrs2",
        int(asked[1]) if asked[1:] else 0,
    )
