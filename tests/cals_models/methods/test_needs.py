"""What a method needs of a dataset: each lack is one line that names method, need and dataset."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cals_models.methods.method import Needs
from cals_models.methods.needs import DatasetFacts, has_words, unmet_need
from tests.support.toy_method import METHOD, ToyConfig

ENOUGH = DatasetFacts(dataset="grid", longest={"train": 75, "val": 64}, num_speakers=2, has_words=True)


def test_a_dataset_with_all_of_it_lacks_nothing() -> None:
    assert unmet_need(METHOD, ToyConfig(), ENOUGH) is None
    nothing = replace(ENOUGH, longest={"train": 1}, num_speakers=0, has_words=False)
    assert unmet_need(replace(METHOD, needs=Needs()), ToyConfig(), nothing) is None


@pytest.mark.parametrize(
    ("lacking", "text"),
    [
        (
            replace(ENOUGH, num_speakers=1),
            "method toy needs clips of 2 or more named speakers: the train clips of grid name one speaker;",
        ),
        (
            replace(ENOUGH, num_speakers=0),
            "method toy needs clips of 2 or more named speakers: the train clips of grid name no speaker;",
        ),
        (replace(ENOUGH, has_words=False), "method toy needs timed words: no train clip of grid has any;"),
        (
            replace(ENOUGH, longest={"train": 75, "val": 63}),
            "method toy needs clips of 64 frames or more: the longest of grid in split val has 63; lower "
            "datasets.grid.settings.toy.window_frames, or",
        ),
    ],
)
def test_each_lack_is_named(lacking: DatasetFacts, text: str) -> None:
    assert unmet_need(METHOD, ToyConfig(), lacking) == f"{text} leave toy out of datasets.grid.methods"


def test_a_setting_that_is_lowered_needs_less() -> None:
    short = replace(ENOUGH, longest={"train": 29, "val": 29})
    assert unmet_need(METHOD, ToyConfig(window_frames=29), short) is None
    fixed = replace(METHOD, needs=Needs(clip_frames=30))
    text = unmet_need(fixed, ToyConfig(), short)
    assert text is not None and text.endswith("in split train has 29; leave toy out of datasets.grid.methods")


@pytest.mark.parametrize(
    ("words", "transcript", "expected"),
    [([[0.1, 0.5, "bin"]], None, True), (None, "ABOUT", True), ([], "bin blue at", False), (None, None, False)],
)  # fmt: skip
def test_a_transcript_of_one_word_says_which_word_it_is(
    words: object, transcript: object, expected: bool
) -> None:
    assert has_words(words, transcript) is expected
