"""Audio files of many formats, rates and layouts, whose tones lie at known times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

TONE_HZ = 500


@dataclass(frozen=True, kw_only=True)
class AudioKind:
    """How a file is written: FFmpeg's muxer and encoder, sample rate in Hz and layout."""

    muxer: str
    codec: str
    rate_hz: int = 48_000
    layout: str = "stereo"
    options: dict[str, str] = field(default_factory=dict)


def tones(
    seconds: float, rate_hz: int, spans: Sequence[tuple[float, float]], peak: float = 0.5
) -> np.ndarray:
    """(N,) float32, a tone of 500 Hz in each span, silence elsewhere."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    loud = np.zeros(len(time_s), bool)
    for start_s, end_s in spans:
        loud |= (time_s >= start_s) & (time_s < end_s)
    return (peak * np.sin(2 * np.pi * TONE_HZ * time_s) * loud).astype(np.float32)


def write_kind(
    path: Path, kind: AudioKind, channels: np.ndarray, *, starts_s: Sequence[float] = (0.0,)
) -> Path:
    """Writes audio.

    Args:
        path: of the file.
        kind: format.
        channels: (C, N) float32 at the kind's rate, or (N,) for all channels alike.
        starts_s: the samples are cut into as many equal parts, each with this time stamp.
    """
    if channels.ndim == 1:
        channels = np.repeat(channels[None], av.AudioLayout(kind.layout).nb_channels, axis=0)
    with av.open(str(path), "w", format=kind.muxer, options=kind.options) as container:
        stream = container.add_stream(kind.codec, rate=kind.rate_hz, layout=kind.layout)
        if kind.codec.startswith("wma"):
            stream.bit_rate = 128_000
        write_parts(container, stream, channels, starts_s)
    return path


def write_parts(container: Any, stream: Any, channels: np.ndarray, starts_s: Sequence[float]) -> None:
    """Encodes parts of (C, N) float32 with the time stamps given, and ends the stream."""
    context = stream.codec_context
    context.open()
    rate_hz, size = stream.rate, context.frame_size or 1024
    for part, start_s in zip(np.array_split(channels, len(starts_s), axis=1), starts_s, strict=True):
        for at in range(0, part.shape[1], size):
            block = np.ascontiguousarray(part[:, at : at + size])
            resampler = av.AudioResampler(format=context.format, layout=stream.layout, rate=rate_hz)
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=stream.layout.name)
            frame.sample_rate, frame.time_base = rate_hz, Fraction(1, rate_hz)
            frame.pts = round(start_s * rate_hz) + at
            for piece in [*resampler.resample(frame), *resampler.resample(None)]:
                if piece is not None:
                    container.mux(stream.encode(piece))
    container.mux(stream.encode(None))


def loud_spans(samples: np.ndarray, rate_hz: int, level: float = 0.1) -> list[tuple[float, float]]:
    """(start, end) in seconds of the tones in (N,) samples of full scale 1; shorter pauses than 30 ms are none."""
    loud = np.flatnonzero(np.abs(samples) > level)
    if not len(loud):
        return []
    ends = np.flatnonzero(np.diff(loud) > 0.03 * rate_hz)
    firsts, lasts = [loud[0], *loud[ends + 1]], [*loud[ends], loud[-1]]
    return [(a / rate_hz, b / rate_hz) for a, b in zip(firsts, lasts, strict=True)]
