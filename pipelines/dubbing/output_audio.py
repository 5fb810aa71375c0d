"""The audio of a dub as it goes into the file: one given audio, or the sum of several."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pipelines.dubbing.dub_audio import DubAudio, output_blocks

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
