"""The audio as the model reads it and as it goes into the video."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assets.media.limits import ProbeLimits
from assets.mels.mel import log_mel
from assets.mels.settings import MelSettings
from pipelines.dubbing import dub_audio
from pipelines.dubbing.dub_audio import dub_mel, output_blocks, read_audio
from tests.pipelines.dubbing.dub_inputs import write_audio


def test_length_rate_and_silence_after_the_end(tmp_path: Path) -> None:
    audio = read_audio(write_audio(tmp_path / "a.wav", 0.5, 44_100), ProbeLimits())
    assert audio.duration_s == pytest.approx(0.5, abs=1e-3) and (audio.rate_hz, audio.num_channels) == (
        44_100,
        1,
    )
    longer = np.concatenate(list(output_blocks(audio, 30_000)), axis=1)
    assert (
        longer.shape == (1, 30_000)
        and np.abs(longer[:, :22_000]).max() > 0.4
        and not longer[:, 22_060:].any()
    )
    assert sum(block.shape[1] for block in output_blocks(audio, 1000)) == 1000


def test_mel_in_pieces_is_the_mel_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mono = read_audio(write_audio(tmp_path / "a.wav", 1.0), ProbeLimits()).mono
    whole = log_mel((mono / np.float32(32768)).astype(np.float32), MelSettings())
    monkeypatch.setattr(dub_audio, "MEL_AT_ONCE_FRAMES", 7)
    assert np.abs(dub_mel(mono, 25, MelSettings()) - whole).max() < 5e-3
    assert dub_mel(mono, 30, MelSettings()).shape == (80, 120) and dub_mel(mono, 10, MelSettings()).shape == (
        80,
        40,
    )
