"""Speakers and words of clips as class numbers."""

from __future__ import annotations

from typing import Any

import pytest

from cals_models.shards.shard_clip import ShardClip
from cals_models.training.clip_labels import (
    SPEAKER_CLASSES,
    UNKNOWN,
    WORD_CLASSES,
    class_of,
    speaker_class,
    word_class,
)

WORDS = [[0.7, 0.93, "bin"], [0.93, 1.12, "blue"]]


def clip(**meta: Any) -> ShardClip:
    return ShardClip({"clip_id": "x", "num_frames": 75, **meta}, {}, "x")


def test_a_class_is_the_names_own_whatever_its_case() -> None:
    names = [f"s{number}" for number in range(34)]
    classes = {name: class_of(name, SPEAKER_CLASSES) for name in names}
    assert len(set(classes.values())) >= 32 and all(0 <= c < SPEAKER_CLASSES for c in classes.values())
    assert class_of("About", WORD_CLASSES) == class_of("ABOUT", WORD_CLASSES)


@pytest.mark.parametrize("speaker", [None, ""])
def test_a_clip_without_a_speaker_has_no_class(speaker: str | None) -> None:
    assert speaker_class(clip(speaker=speaker)) == UNKNOWN == speaker_class(clip())
    assert speaker_class(clip(speaker="s1")) == class_of("s1", SPEAKER_CLASSES)


@pytest.mark.parametrize(
    ("frame", "word"), [(16, None), (17, "bin"), (22, "bin"), (23, "blue"), (27, "blue"), (28, None)]
)
def test_a_frames_word_is_that_of_its_middle(frame: int, word: str | None) -> None:
    expected = UNKNOWN if word is None else class_of(word, WORD_CLASSES)
    assert word_class(clip(words=WORDS, transcript="bin"), frame) == expected


def test_a_transcript_of_one_word_is_the_word_of_each_frame() -> None:
    assert word_class(clip(transcript="ABOUT"), 3) == class_of("about", WORD_CLASSES)
    assert word_class(clip(transcript="bin blue"), 3) == UNKNOWN == word_class(clip(transcript=None), 3)
