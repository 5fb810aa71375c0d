"""How sharp the mouths of dubs are: variance of the Laplacian around the mouth, of the source and of each dub of it.

    python -m tests.benchmarks.bench_sharpness --video SOURCE dub128.mp4 dub256.mp4 [--every 5]

The landmarks are those of the source, whose frames a dub keeps one by one, so that all are measured in the same pixels, at the
size of the video. The variance grows with fine detail, and with noise: read it beside the source's.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from assets.faces.backends.dlib import DlibBackend
from assets.faces.landmarks import MOUTH, boxes_of

# Side of the measured square, in widths of the mouth.
MOUTH_SIDES = 1.3
# Detection runs on frames reduced to this height.
SEARCH_PX = 720
NUM_RESAMPLES = 2_000

Box = tuple[int, int, int, int]


def luma_frames(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Luma of every frame."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="gray")


def mouth_box(luma: NDArray[np.uint8], backend: DlibBackend) -> tuple[Box, float] | None:
    """A square around the mouth, x0, y0, x1, y1, and the width of the face, pixels; None where no face is found."""
    scale = min(1.0, SEARCH_PX / luma.shape[0])
    found = backend.detect([cv2.resize(luma, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)])[0]
    if not found:
        return None
    box = found[0].box / np.float32(scale)
    points = backend.landmarks([luma], [box])[0]
    mouth = points[MOUTH]
    half = MOUTH_SIDES * float(np.ptp(mouth[:, 0])) / 2
    x, y = mouth.mean(axis=0)
    face = boxes_of(points)
    return (int(x - half), int(y - half), int(x + half), int(y + half)), float(face[2] - face[0])


def detail(luma: NDArray[np.uint8], box: Box) -> float:
    """Variance of the Laplacian in a box."""
    x0, y0, x1, y1 = box
    return float(cv2.Laplacian(luma[y0:y1, x0:x1], cv2.CV_64F).var())


def measure(source: Path, dubs: Sequence[Path], every: int) -> tuple[NDArray[np.float64], float]:
    """Detail (N, 1 + D) of the source and the dubs in every so many frames, and the median width of the face."""
    backend = DlibBackend()
    rows, widths = [], []
    for number, frames in enumerate(zip(luma_frames(source), *map(luma_frames, dubs), strict=False)):
        if number % every:
            continue
        assert len({frame.shape for frame in frames}) == 1, "a dub has the size of its source"
        placed = mouth_box(frames[0], backend)
        if placed is not None:
            rows.append([detail(frame, placed[0]) for frame in frames])
            widths.append(placed[1])
    return np.array(rows), float(np.median(widths))


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """95 % bootstrap interval of the mean over frames."""
    rng = np.random.default_rng(0)
    means = rng.choice(values, (NUM_RESAMPLES, len(values))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--video", type=Path, required=True, help="the source of the dubs")
    parser.add_argument("--every", type=int, default=5, help="frames from one measured frame to the next")
    parser.add_argument("dubs", type=Path, nargs="+")
    options = parser.parse_args()
    found, width = measure(options.video, options.dubs, options.every)
    print(f"{len(found)} frames, face {width:.0f} px wide")
    for name, column in zip([options.video, *options.dubs], found.T, strict=True):
        low, high = interval(column)
        print(f"{name}: {column.mean():.1f} ({low:.1f} to {high:.1f})")
    if len(options.dubs) == 2:
        ratio = found[:, 2] / found[:, 1]
        low, high = interval(ratio)
        share = float((ratio > 1).mean())
        print(
            f"second over first: {ratio.mean():.2f} ({low:.2f} to {high:.2f}), sharper in {share:.0%} of the frames"
        )


if __name__ == "__main__":
    main()
