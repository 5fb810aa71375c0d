"""The audio of a dub as it goes into the file: one given audio, or the sum of several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pipelines.dubbing.dub_audio import OUTPUT_RATES_HZ, DubAudio, output_blocks
from pipelines.dubbing.find_speech import Span

Blocks = Iterator[NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class OutputAudio:
    """Audio for the file.

    Args:
        rate_hz, num_channels: of the samples; one or two channels.
        blocks: gives so many samples as blocks (C, n) float32, full scale 1, from the start on.
    """

    rate_hz: int
    num_channels: int
    blocks: Callable[[int], Blocks]

    @property
    def layout(self) -> str:
        return "mono" if self.num_channels == 1 else "stereo"


def whole_audio(audio: DubAudio) -> OutputAudio:
    """One audio as it was given, with silence after its end."""
    return OutputAudio(
        rate_hz=audio.rate_hz, num_channels=audio.num_channels, blocks=partial(output_blocks, audio)
    )


@dataclass(frozen=True, kw_only=True)
class Part:
    """An audio, or a part of it, in its place.

    Args:
        audio: as read.
        span: its place in the dub.
        audio_start_s: what of the audio lies before the part.
    """

    audio: DubAudio
    span: Span
    audio_start_s: float


def summed_audio(parts: Sequence[Part], end_s: float) -> tuple[OutputAudio, float]:
    """The sum of several audios, with one gain where it would clip, and that gain.

    The gain is 1 unless the sum passes full scale; then it brings its highest peak there.

    Args:
        parts: at least one.
        end_s: of the dub.
    """
    rates_hz = {part.audio.rate_hz for part in parts}
    rate_hz = rates_hz.pop() if len(rates_hz) == 1 else OUTPUT_RATES_HZ[-1]
    num_channels = max(part.audio.num_channels for part in parts)
    blocks = partial(_sum_blocks, parts, rate_hz, num_channels)
    peak = max((float(np.abs(block).max()) for block in blocks(1.0, round(end_s * rate_hz))), default=0.0)
    gain = 1.0 if peak <= 1 else 1 / peak
    return OutputAudio(rate_hz=rate_hz, num_channels=num_channels, blocks=partial(blocks, gain)), gain


def _sum_blocks(
    parts: Sequence[Part], rate_hz: int, num_channels: int, gain: float, num_samples: int
) -> Blocks:
    readers = [_Reader(part, rate_hz) for part in parts]
    for start in range(0, num_samples, rate_hz):
        block = np.zeros((num_channels, min(rate_hz, num_samples - start)), np.float32)
        for reader in readers:
            first, end = max(reader.first - start, 0), min(reader.end - start, block.shape[1])
            if first < end:
                block[:, first:end] += reader.take(end - first)
        yield block * np.float32(gain)


class _Reader:
    """Gives the samples of one part in their order; it is opened with the first and closed with the last."""

    def __init__(self, part: Part, rate_hz: int) -> None:
        self.first, self.end = round(part.span.start_s * rate_hz), round(part.span.end_s * rate_hz)
        skipped = round(part.audio_start_s * rate_hz)
        self._blocks = output_blocks(replace(part.audio, rate_hz=rate_hz), skipped + self.end - self.first)
        self._skipped = skipped
        self._left = np.zeros((part.audio.num_channels, 0), np.float32)

    def take(self, num: int) -> NDArray[np.float32]:
        """(C, num) of the part's own channels."""
        while self._skipped:
            if self._skipped < self._left.shape[1]:
                self._left, self._skipped = self._left[:, self._skipped :], 0
            else:
                self._skipped -= self._left.shape[1]
                self._left = next(self._blocks)
        pieces = [self._left]
        while sum(piece.shape[1] for piece in pieces) < num:
            pieces.append(next(self._blocks))
        whole = np.concatenate(pieces, axis=1)
        self._left = whole[:, num:]
        return whole[:, :num]
