"""Settings of `mels`. Planners read this file: it imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from cals_models.declarations.bounds import Bound, Count, NotNegative, Positive, ShareAboveZero
from cals_models.declarations.settings import Settings
from cals_models.timebase import FPS, MELS_PER_FRAME


@dataclass(frozen=True, kw_only=True)
class MelSettings(Settings):
    """The log-mel spectrogram (defaults: the paper's) and the limits of silent and clipped audio.

    Args:
        sample_rate_hz: of the audio that is read and kept.
        window_samples: length of the analysis window, also the length of the Fourier transform.
        hop_samples: from one mel column to the next; 4 hops are one video frame of 40 ms.
        num_mels: mel bands.
        f_min_hz, f_max_hz: range of the bands.
        magnitude_floor: smaller magnitudes count as this, so that the logarithm stays finite.
        silence_dbfs: a block of one hop whose rms is below this level (decibels of full scale) is silent.
        max_silent_share: share of silent blocks above which a clip is rejected.
        clipping_level: absolute sample value, of full scale 1, from which a sample counts as clipped.
        max_clipped_share: share of clipped samples above which a clip is rejected.
    """

    sample_rate_hz: Count = 16_000
    window_samples: Count = 400
    hop_samples: Count = 160
    num_mels: Count = 80
    f_min_hz: NotNegative = 55.0
    f_max_hz: Positive = 7_600.0
    magnitude_floor: Positive = 1e-5
    silence_dbfs: Annotated[float, Bound(below=0)] = -66.0
    max_silent_share: ShareAboveZero = 0.95
    clipping_level: ShareAboveZero = 0.999
    max_clipped_share: ShareAboveZero = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hop_samples * MELS_PER_FRAME * FPS != self.sample_rate_hz:
            raise ValueError(
                f"hop_samples {self.hop_samples} at {self.sample_rate_hz} Hz: 100 hops must make a second"
            )
        if self.window_samples < self.hop_samples:
            raise ValueError(f"window_samples is {self.window_samples}; give at least one hop")
        if not self.f_min_hz < self.f_max_hz <= self.sample_rate_hz / 2:
            raise ValueError(
                f"f_min_hz {self.f_min_hz} and f_max_hz {self.f_max_hz}: "
                f"they must rise within 0 to {self.sample_rate_hz / 2:g}"
            )

    @property
    def samples_per_frame(self) -> int:
        """Samples in a video frame."""
        return MELS_PER_FRAME * self.hop_samples
