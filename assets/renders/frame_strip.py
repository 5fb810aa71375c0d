"""A preview of a render: some of its frames side by side."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from assets.media.encode import read_lossless

NUM_FRAMES = 10


def frame_strip(path: Path) -> bytes:
    """PNG of evenly spaced frames of a rendered video, side by side."""
    frames, _ = read_lossless(path)
    shown = np.unique(np.linspace(0, len(frames) - 1, NUM_FRAMES).round().astype(int))
    buffer = io.BytesIO()
    Image.fromarray(np.concatenate(list(frames[shown]), axis=1)).save(buffer, format="PNG")
    return buffer.getvalue()
