"""Whether a dataset has what a method needs of it, in one line that names method, need and dataset."""

from collections.abc import Mapping
from dataclasses import dataclass

from cals_models.methods.method import Method

LEAST_SPEAKERS = 2
"""A method that needs speakers tells them apart."""


@dataclass(frozen=True, kw_only=True)
class DatasetFacts:
    """What is known of a dataset's clips.

    Args:
        dataset: its name.
        longest: split -> video frames of its longest clip; of the splits that trainings read.
        num_speakers: different speakers that its train clips name, or `LEAST_SPEAKERS` where there are more.
        has_words: some train clip has timed words, or one word as its transcript.
    """

    dataset: str
    longest: Mapping[str, int]
    num_speakers: int
    has_words: bool


def has_words(words: object, transcript: object) -> bool:
    """Whether a clip's labels say which word is spoken when: timed words, or a transcript of one word, as LRW's."""
    return bool(words) or (isinstance(transcript, str) and len(transcript.split()) == 1)


def least_clip_frames(method: Method, config: object) -> int:
    """Video frames that a clip must have, of the method's declaration or of the setting that it names."""
    least = method.needs.clip_frames
    return least if isinstance(least, int) else int(getattr(config, least))


def unmet_need(method: Method, config: object, facts: DatasetFacts) -> str | None:
    """What a dataset lacks for a method; None where it has all.

    Args:
        method: trained.
        config: the method's settings for that dataset.
        facts: of the dataset.
    """
    name, dataset = method.name, facts.dataset
    remedy = f"leave {name} out of datasets.{dataset}.methods"
    if method.needs.speakers and facts.num_speakers < LEAST_SPEAKERS:
        found = "one speaker" if facts.num_speakers else "no speaker"
        return (
            f"method {name} needs clips of {LEAST_SPEAKERS} or more named speakers: the train clips of {dataset} name "
            f"{found}; {remedy}"
        )
    if method.needs.words and not facts.has_words:
        return f"method {name} needs timed words: no train clip of {dataset} has any; {remedy}"
    least = least_clip_frames(method, config)
    for split, longest in facts.longest.items():
        if longest < least:
            setting, place = method.needs.clip_frames, method.settings_name or name
            lower = (
                f"lower datasets.{dataset}.settings.{place}.{setting}, or "
                if isinstance(setting, str)
                else ""
            )
            return (
                f"method {name} needs clips of {least} frames or more: the longest of {dataset} in split {split} has "
                f"{longest}; {lower}{remedy}"
            )
    return None
