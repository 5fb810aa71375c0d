"""A mel spectrogram as a picture."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt

MEL_RANGE = (-5.0, 1.0)
PIXELS_PER_BAND = 2


def mel_png(mel: npt.NDArray[np.floating], *, max_frames: int = 800) -> bytes:
    """PNG of a log-mel (M, 4T): time to the right, low bands at the bottom, bright is loud.

    Args:
        mel: log10 magnitude; from -5 (black) to 1 (yellow).
        max_frames: pictures end here, so that a long clip makes no huge one.
    """
    from matplotlib import colormaps
    from PIL import Image

    low, high = MEL_RANGE
    level = np.clip((mel[::-1, :max_frames].astype(np.float32) - low) / (high - low), 0.0, 1.0)
    pixels = (colormaps["inferno"](level)[..., :3] * 255).round().astype(np.uint8)
    image = Image.fromarray(pixels.repeat(PIXELS_PER_BAND, axis=0).repeat(PIXELS_PER_BAND, axis=1), "RGB")
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
