"""The fit of the effective context: known reaches are found, and its interval covers as often as it says."""

from __future__ import annotations

import numpy as np
import pytest

from assets.context_window.effective_context import curves_of, effective_context, fit_reach
from assets.sample_corpus.coarticulation import lip_track
from assets.sample_corpus.lexicon import LEXICON
from assets.sample_corpus.plan import plan_corpus
from assets.sample_corpus.settings import SampleCorpusSettings

WINDOWS = np.array([0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18], np.float64)


def curves_with_reach(reach: float, num_clips: int, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Curves (N, W) of clips that differ in level and slope, with noise."""
    level, slope = rng.uniform(0.8, 1.4, (num_clips, 1)), rng.uniform(0.3, 0.9, (num_clips, 1))
    fall = np.clip(1 - WINDOWS / reach, 0, None) ** 2
    return level + slope * fall + rng.normal(0, noise, (num_clips, len(WINDOWS)))


@pytest.mark.parametrize("reach", [1.5, 4.0, 7.5, 13.0])
def test_the_interval_covers_a_known_reach(reach: float) -> None:
    rng = np.random.default_rng(round(10 * reach))
    found = effective_context(WINDOWS, curves_with_reach(reach, 24, 0.03, rng))
    assert found.low_frames is not None and found.high_frames is not None and found.reach_frames is not None
    assert found.low_frames - 0.1 <= reach <= found.high_frames + 0.1
    assert found.high_frames - found.low_frames < 5
    assert found.width_s == pytest.approx(2 * found.reach_frames / 25)


def test_intervals_cover_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(20):
        found = effective_context(WINDOWS, curves_with_reach(7.5, 12, 0.05, rng))
        assert found.low_frames is not None and found.high_frames is not None
        covered += found.low_frames <= 7.5 <= found.high_frames
    assert covered >= 16, "95 % in the long run, fewer with 12 clips"


def test_a_method_without_audio_has_no_context() -> None:
    noise = np.random.default_rng(1).normal(1, 0.1, (12, len(WINDOWS)))
    found = effective_context(WINDOWS, noise)
    assert found.reach_frames is None and "does not lower LMD" in found.detail
    assert found.gain_low_px is not None and found.gain_low_px <= 0


def test_too_few_clips_say_so() -> None:
    found = effective_context(WINDOWS, np.ones((2, len(WINDOWS))))
    assert found.gain_px is None and "2 clips" in found.detail


def test_the_fit_is_exact_on_its_own_curves() -> None:
    curves = np.stack([0.7 + 0.4 * np.clip(1 - WINDOWS / reach, 0, None) ** 2 for reach in (2.0, 7.5, 14.0)])
    np.testing.assert_allclose(fit_reach(WINDOWS, curves), [2.0, 7.5, 14.0], atol=0.05)


def lips_unknown(coarticulation_s: float) -> np.ndarray:
    """(N, W): the error of the sample corpus' lips predicted from the phones within each window, a clip a row."""
    settings = SampleCorpusSettings(coarticulation_s=coarticulation_s, vocabulary=tuple(LEXICON))
    plans = [plan for plan in plan_corpus(settings) if (plan.dataset, plan.split) == ("lrs2", "test")]
    times_s = np.arange(8, 40) / 25 + 0.02
    rows = []
    for plan in plans:
        phones = plan.utterance(settings).phones
        tracks = [
            lip_track(phones, times_s, coarticulation_s=coarticulation_s, window_s=window_s)
            for window_s in (None, *(2 * window / 25 for window in WINDOWS))
        ]
        lips = np.array([[track.aperture, track.width, track.protrusion] for track in tracks])
        rows.append(np.sqrt(np.square(lips[1:] - lips[0]).mean(axis=2)).sum(axis=1))
    return np.array(rows)


@pytest.mark.parametrize("other_error", [0.0, 0.15, 0.3])
def test_the_sample_corpus_has_the_context_that_it_was_generated_with(other_error: float) -> None:
    """A model that uses all of a window has, by the fit, the span of the corpus: 0.6 s, 7.5 frames on each side."""
    curves = np.sqrt(np.square(lips_unknown(0.6)) + other_error**2)
    found = effective_context(WINDOWS, curves)
    assert found.low_frames is not None and found.high_frames is not None
    assert found.low_frames <= 7.5 <= found.high_frames
    none = effective_context(WINDOWS, lips_unknown(0.0) + other_error)
    assert none.reach_frames is None


def test_curves_hold_the_clips_that_reach_every_common_window() -> None:
    rows = [
        {"method": "cals", "clip_id": clip, "window_frames": window, "lmd": value}
        for clip, values in {"a": [3, 2, 1], "b": [4, 3, None], "c": [5, 4, 3]}.items()
        for window, value in zip((0, 2, 4), values, strict=True)
    ]
    windows, curves = curves_of(rows, "cals")
    assert windows.tolist() == [0, 2, 4] and curves.tolist() == [[3, 2, 1], [5, 4, 3]]
    windows, curves = curves_of(rows, "wav2lip")
    assert curves.shape == (0, 0)
