"""Whose mouth a generated one follows: correlations of openings, movement in silence, and when there is no value."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from assets.metrics.crop_values import CropComparison
from assets.metrics.instruments import Instruments
from assets.metrics.metric_kinds import metrics_of
from assets.metrics.metric_value import MetricValue
from assets.metrics.opening_metrics import (
    OpeningMetric,
    Openings,
    UndefinedError,
    follows_audio,
    follows_source,
    moves_in_silence,
    silent_frames,
)
from assets.metrics.opening_values import RenderOpening, SplitOpenings, render_opening


def opening(seed: int, num: int = 50) -> np.ndarray:
    return np.random.default_rng(seed).random(num).astype(np.float32)


def openings(**given: Any) -> Openings:
    values = {"generated": opening(0), "source": opening(1), "audio": opening(2)}
    return Openings(**{**values, "silent": np.zeros(50, bool), "least_share": 0.5, **given})


def test_a_mouth_follows_what_it_moves_with() -> None:
    moved = 0.7 * opening(2) + 0.3 * opening(1)
    mixed = openings(generated=moved)
    assert follows_audio(mixed) == pytest.approx(np.corrcoef(moved, opening(2))[0, 1])
    assert follows_source(mixed) == pytest.approx(np.corrcoef(moved, opening(1))[0, 1])
    assert follows_audio(openings(generated=0.1 + 3 * opening(2))) == pytest.approx(1)
    assert follows_source(openings(generated=1 - opening(1))) == pytest.approx(-1)


def test_frames_without_a_face_are_left_out() -> None:
    generated, audio = opening(2), opening(2)
    generated[:10], audio[40:45] = np.nan, np.nan
    generated[10:12] += 0.5
    expected = np.corrcoef(generated[10:40].tolist() + generated[45:].tolist(),
                           audio[10:40].tolist() + audio[45:].tolist())[0, 1]  # fmt: skip
    assert follows_audio(openings(generated=generated, audio=audio)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"generated": np.r_[opening(0)[:24], np.full(26, np.nan)]}, "in 24 of 50 frames: too few"),
        ({"generated": np.full(50, 0.2)}, "the generated opening is the same in all frames"),
        ({"audio": np.full(50, 0.2)}, "the true opening is the same in all frames"),
        ({"generated": opening(0, 11), "audio": opening(1, 11)}, "in 11 of 11 frames: too few"),
    ],
)
def test_correlations_that_are_not_defined(given: dict[str, Any], why: str) -> None:
    with pytest.raises(UndefinedError, match=why):
        follows_audio(openings(**given))


def test_movement_in_silence_is_that_between_its_frames_alone() -> None:
    generated = np.zeros(50, np.float32)
    generated[20:30:2] = 0.25  # 0 and 0.25 by turns
    silent = np.zeros(50, bool)
    silent[5:10] = silent[20:30] = True
    # 4 steps of 0 in the first silence, 9 of 0.25 in the second
    assert moves_in_silence(openings(generated=generated, silent=silent)) == pytest.approx(9 * 0.25 / 13)
    generated[5:7] = np.nan
    assert moves_in_silence(openings(generated=generated, silent=silent)) == pytest.approx(9 * 0.25 / 11)
    with pytest.raises(UndefinedError, match="no face found in most of the frames with silence"):
        moves_in_silence(openings(generated=np.full(50, np.nan), silent=silent))
    with pytest.raises(UndefinedError, match="no silence of 8 frames or more"):
        moves_in_silence(openings())


def test_silence_is_far_below_the_loud_frames_and_lasts() -> None:
    tone = 8000 * np.sin(np.arange(640 * 60) * 0.3)
    level = np.full(60, 1.0)
    level[:9] = level[30:38] = 0.01  # 40 dB below, at the start and for 8 frames
    level[45:52] = 0.0  # 7 frames: a pause
    level[55:] = 0.1  # 20 dB below
    silent = silent_frames((tone * np.repeat(level, 640)).astype(np.int16))
    assert np.flatnonzero(silent).tolist() == [*range(7), 32, 33, 34, 35]
    assert silent_frames(np.zeros(640 * 20, np.int16)).all()
    assert not silent_frames(np.zeros(640 * 7, np.int16)).any()


class Detector:
    name = "dlib"


def split_openings() -> SplitOpenings:
    return SplitOpenings(Instruments(evaluator=None, landmarks=Detector(), max_undetected_share=0.5))  # type: ignore[arg-type]


def named(values: list[MetricValue]) -> dict[str, MetricValue]:
    assert {value.protocol for value in values} == {"opening"} and {v.evaluator for v in values} == {"dlib"}
    return {value.metric: value for value in values}


def test_other_audio_is_compared_with_the_recording_that_lent_it() -> None:
    """The lender is shorter and comes later: its opening is repeated, as its audio is."""
    split, audio = split_openings(), np.zeros(640 * 50, np.int16)
    lent = np.tile(opening(2, 30), 2)[:50]
    for given, mouth, lender in (("own", opening(1), "b"), ("other", lent, "b")):
        compared = CropComparison(values=[], generated=mouth, true=opening(1))
        split.add("a", given, render_opening(compared, audio, lender), compared.true)
    split.add("b", "own", RenderOpening(detail="not rendered"), opening(2, 30))
    values = split.values()
    own, other = named(values["a", "own"]), named(values["a", "other"])
    assert own.keys() == {"opening_audio", "silence_movement"}
    assert other.keys() == {"opening_audio", "opening_source", "silence_movement"}
    assert own["opening_audio"].value == pytest.approx(1) and own["opening_audio"].detail is None
    assert other["opening_audio"].value == pytest.approx(1) and other["opening_audio"].detail == "audio of b"
    assert other["opening_source"].value == pytest.approx(np.corrcoef(lent, opening(1))[0, 1])
    assert other["silence_movement"].value == pytest.approx(np.abs(np.diff(lent)).mean())
    assert [value.value for value in values["b", "own"]] == [None, None]


def test_what_is_not_known_has_no_value_and_says_why() -> None:
    split = split_openings()
    compared = CropComparison(values=[], generated=opening(1), true=opening(1))
    render = replace(render_opening(compared, np.zeros(640 * 50, np.int16), "gone"))
    split.add("a", "other", render, compared.true)
    split.add("b", "other", RenderOpening(detail="not rendered: no_other_clip"))
    values = split.values()
    for clip, why in (
        ("a", "the opening of gone, whose audio was given, is not known"),
        ("b", "no_other_clip"),
    ):
        assert {value.value for value in values[clip, "other"]} == {None}
        assert len(values[clip, "other"]) == len(metrics_of(OpeningMetric)) == 3
        assert all(why in str(value.detail) for value in values[clip, "other"])
