"""Settings of `mels`. Planners read this file: it imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

from cals_models.timebase import FPS, MELS_PER_FRAME


@dataclass(frozen=True, kw_only=True)
class MelSettings:
    """The log-mel spectrogram (defaults: the paper's) and the sound that is refused.

    Args:
        sample_rate_hz: of the sound that is read and kept.
        window_samples: length of the analysis window, also the length of the Fourier transform.
        hop_samples: from one mel frame to the next; 4 hops must make one video frame of 40 ms.
        num_mels: mel bands.
        f_min_hz, f_max_hz: range of the bands.
        magnitude_floor: smaller magnitudes count as this, so that the logarithm stays finite.
        silence_dbfs: a block of one hop whose rms is below this level (decibels of full scale) is silent.
        max_silent_share: share of silent blocks above which a clip is refused.
        clipping_level: absolute sample value, of full scale 1, from which a sample counts as clipped.
        max_clipped_share: share of clipped samples above which a clip is refused.
    """

    sample_rate_hz: int = 16_000
    window_samples: int = 400
    hop_samples: int = 160
    num_mels: int = 80
    f_min_hz: float = 55.0
    f_max_hz: float = 7_600.0
    magnitude_floor: float = 1e-5
    silence_dbfs: float = -66.0
    max_silent_share: float = 0.95
    clipping_level: float = 0.999
    max_clipped_share: float = 0.25

    def __post_init__(self) -> None:
        if self.hop_samples * MELS_PER_FRAME * FPS != self.sample_rate_hz:
            raise ValueError(
                f"hop_samples {self.hop_samples} at {self.sample_rate_hz} Hz: 100 hops must make a second"
            )
        if self.window_samples < self.hop_samples:
            raise ValueError(f"window_samples is {self.window_samples}; give at least one hop")
        if self.num_mels < 1:
            raise ValueError(f"num_mels is {self.num_mels}; give 1 or more")
        if not 0 <= self.f_min_hz < self.f_max_hz <= self.sample_rate_hz / 2:
            raise ValueError(
                f"f_min_hz {self.f_min_hz} and f_max_hz {self.f_max_hz}: "
                f"they must rise within 0 to {self.sample_rate_hz / 2:g}"
            )
        if self.magnitude_floor <= 0:
            raise ValueError(f"magnitude_floor is {self.magnitude_floor}; give a value above 0")
        if self.silence_dbfs >= 0:
            raise ValueError(f"silence_dbfs is {self.silence_dbfs}; give a level below 0")
        for name in ("max_silent_share", "clipping_level", "max_clipped_share"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give a value above 0 and up to 1")

    @property
    def samples_per_frame(self) -> int:
        """Samples in a video frame."""
        return MELS_PER_FRAME * self.hop_samples
