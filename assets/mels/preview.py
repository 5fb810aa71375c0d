"""The preview of a mel spectrogram."""

from __future__ import annotations

import io

import numpy as np

from assets.mels.settings import MelSettings

HIGHEST = 1.0
PIXELS_PER_BAND = 2
MAX_FRAMES = 800


def mel_preview(mel: bytes, settings: MelSettings) -> bytes:
    """PNG of a stored mel: time to the right, low bands at the bottom, bright is loud.

    Args:
        mel: float16 (M, 4T), log10 magnitude, as the stage stores it; the first 8 s are shown.
        settings: number of bands M, and the floor, which is drawn black.

    Returns:
        PNG, 2 pixels a band and a mel frame.
    """
    from matplotlib import colormaps
    from PIL import Image

    bands = (
        np.frombuffer(mel, np.float16).reshape(settings.num_mels, -1)[::-1, :MAX_FRAMES].astype(np.float32)
    )
    lowest = np.log10(settings.magnitude_floor)
    level = np.clip((bands - lowest) / (HIGHEST - lowest), 0.0, 1.0)
    pixels = (colormaps["inferno"](level)[..., :3] * 255).round().astype(np.uint8)
    image = Image.fromarray(pixels.repeat(PIXELS_PER_BAND, axis=0).repeat(PIXELS_PER_BAND, axis=1), "RGB")
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
