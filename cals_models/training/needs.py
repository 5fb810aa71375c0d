"""Whether some shard sets have what a method's training needs, looked at before any work."""

from collections.abc import Sequence

from cals_models.config.training import TrainingConfig
from cals_models.methods.method import Needs
from cals_models.methods.needs import LEAST_SPEAKERS, DatasetFacts, has_words, unmet_need
from cals_models.methods.registry import trained_method
from cals_models.shards.shard_set import ShardSet


def require_needs(method: str, config: TrainingConfig, shard_sets: Sequence[ShardSet]) -> None:
    """Raises where the shards lack what a method declares.

    Args:
        method: trained.
        config: its settings.
        shard_sets: it trains on the train splits of all, and validates on the val split of the first.

    Raises:
        ValueError: names method, need and dataset.
        ShardError: see `ShardSet`.
    """
    declared = trained_method(method)
    if declared.needs == Needs():
        return
    lacking = unmet_need(declared, config, _facts(shard_sets))
    if lacking is not None:
        raise ValueError(lacking)


def _facts(shard_sets: Sequence[ShardSet]) -> DatasetFacts:
    """Reads clips only until there are labels enough, so that a set that has them is hardly read."""
    lengths = {"train": shard_sets, "val": shard_sets[:1]}
    speakers: set[str] = set()
    words = False
    for clip in (clip for shard_set in shard_sets for clip in shard_set.clips("train")):
        speaker = clip.meta.get("speaker")
        speakers |= {speaker} if isinstance(speaker, str) and speaker else set()
        words = words or has_words(clip.meta.get("words"), clip.meta.get("transcript"))
        if words and len(speakers) >= LEAST_SPEAKERS:
            break
    return DatasetFacts(
        dataset=shard_sets[0].dataset,
        longest={
            split: max(int(some.clip_lengths(split).max(initial=0)) for some in sets)
            for split, sets in lengths.items()
        },
        num_speakers=min(len(speakers), LEAST_SPEAKERS),
        has_words=words,
    )
