"""Log-mel spectrogram: 100 frames a second, frame k centred on k * 10 ms, 4 frames a video frame.

Legend: N samples, T video frames (25 fps), M mel bands.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
import torchaudio

from assets.mels.settings import MelSettings
from cals_models.timebase import MELS_PER_FRAME


@lru_cache(maxsize=4)
def mel_transform(settings: MelSettings) -> torchaudio.transforms.MelSpectrogram:
    """The transform of these settings, built once a process: Slaney scale and norm, magnitude, centred."""
    return torchaudio.transforms.MelSpectrogram(
        sample_rate=settings.sample_rate_hz,
        n_fft=settings.window_samples,
        win_length=settings.window_samples,
        hop_length=settings.hop_samples,
        f_min=settings.f_min_hz,
        f_max=settings.f_max_hz,
        n_mels=settings.num_mels,
        power=1.0,
        center=True,
        norm="slaney",
        mel_scale="slaney",
    )


def log_mel(waveform: npt.NDArray[np.float32], settings: MelSettings) -> npt.NDArray[np.float32]:
    """Log-mel spectrogram: log10 of the mel magnitudes.

    Args:
        waveform: (N,) float32, full scale 1; N must be a whole number of video frames, 640 T at 16 kHz.
        settings: scale, window and floor.

    Returns:
        (M, 4T) float32, not below log10 of the floor. The centred transform gives one frame more, at the very end of
        the audio, which is left out.

    Raises:
        ValueError: N is 0 or no whole number of video frames.

    Source: CALS (arXiv 2305.19556) for rate, window and hop; librosa's defaults for the mel scale.
    """
    num_frames, rest = divmod(len(waveform), settings.samples_per_frame)
    if waveform.ndim != 1 or rest or num_frames == 0:
        raise ValueError(
            f"audio of shape {waveform.shape}; expected one channel of a whole number of video frames, "
            f"{settings.samples_per_frame} samples each"
        )
    with torch.inference_mode():
        magnitude = mel_transform(settings)(torch.from_numpy(np.ascontiguousarray(waveform, np.float32)))
        logarithm = magnitude.clamp_(min=settings.magnitude_floor).log10_()
    mel: npt.NDArray[np.float32] = logarithm[:, : MELS_PER_FRAME * num_frames].numpy()
    return mel
