"""Speech is found where it is, and music, noise and silence are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from assets.media.limits import ProbeLimits
from pipelines.dubbing.dub_audio import read_audio
from pipelines.dubbing.find_speech import Span, find_speech, gaps_between, without_speech

TIME_S = np.arange(4 * 16_000) / 16_000
RANDOM = np.random.default_rng(0)


def int16(wave: np.ndarray) -> np.ndarray:
    return np.rint(32_767 * wave).astype(np.int16)


def chord() -> np.ndarray:
    notes = [np.sin(2 * np.pi * hertz * TIME_S) for hertz in (262, 330, 392, 523)]
    return 0.1 * sum(notes) * np.exp(-4 * (TIME_S % 0.5))


@pytest.mark.parametrize(
    ("wave", "kind"),
    [
        (chord(), "music or noise"),
        (RANDOM.normal(0, 0.05, TIME_S.size), "music or noise"),
        (RANDOM.normal(0, 0.0003, TIME_S.size), "silence"),
        (np.zeros(TIME_S.size), "silence"),
    ],
    ids=["music", "noise", "soft noise", "silence"],
)
def test_there_is_no_speech(wave: np.ndarray, kind: str) -> None:
    mono = int16(wave)
    assert find_speech(mono) == []
    assert without_speech(mono, [], 4.0) == f"no speech found from 0:00 to 0:04 ({kind})"


@pytest.mark.parametrize("gain", [1.0, 0.02])
def test_words_are_found_where_the_corpus_has_them(shared_data: Path, gain: float) -> None:
    """Soft ones too; the words of GRID's alignment lie in the span, within 0.2 s, and music around them does not."""
    threads = torch.get_num_threads()
    path = shared_data / "grid" / "s1" / "bbaf2n.mpg"
    rows = [
        line.split() for line in (shared_data / "grid" / "align" / "bbaf2n.align").read_text().splitlines()
    ]
    words = [row for row in rows if row[2] not in ("sil", "sp")]
    spoken = read_audio(path, ProbeLimits()).mono
    mono = np.concatenate([int16(chord() * gain), np.rint(spoken * gain).astype(np.int16)])
    spans = find_speech(mono)
    assert spans[0].start_s == pytest.approx(4 + int(words[0][0]) / 25_000, abs=0.2)
    assert spans[-1].end_s == pytest.approx(4 + int(words[-1][1]) / 25_000, abs=0.2)
    assert torch.get_num_threads() == threads
    assert (without_speech(mono, spans, 7.0) or "").startswith("no speech found from 0:00 to 0:0")


def test_gaps_end_with_the_video() -> None:
    speech = [Span(start_s=1, end_s=2), Span(start_s=2.2, end_s=65)]
    assert gaps_between(speech, 70, 0.5) == [Span(start_s=0, end_s=1), Span(start_s=65, end_s=70)]
    assert gaps_between(speech, 60, 0.5) == [Span(start_s=0, end_s=1)]
    told = without_speech(np.zeros(65 * 16_000, np.int16), speech, 70)
    assert told == "no speech found from 0:00 to 0:01 (silence), from 1:05 to 1:10 (silence)"
