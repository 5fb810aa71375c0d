"""Data versions of what a stage observes: raw files, settings, the offset probe, other datasets' shards."""

from __future__ import annotations

from assets.av_offsets.settings import probe_digest
from assets.buckets import digest_of
from assets.external_renders.video_set import external_scores_digest
from assets.forgotten import version_without_forgotten
from assets.mos.part import ratings_digest
from assets.raw_videos.dataset_scan import scan_dataset
from assets.settings import Project
from cals_models.shard_format import MANIFEST_NAME, ShardError, read_manifest

TRAIN_ON = "train_on"


def source_version(project: Project, source: str, dataset: str) -> str:
    """The present data version of an observed source for a dataset.

    Args:
        source: ``raw_videos``, ``offset_probe``, ``mos_ratings``, ``external_scores``, ``train_on`` or
            ``settings/<stage>``.
    """
    if source == "raw_videos":
        found = scan_dataset(project, dataset)
        return version_without_forgotten(project.home, found.digest, found.table["sha256"])
    if source == "offset_probe":
        return probe_digest(project, dataset)
    if source == "mos_ratings":
        return ratings_digest(project.home, dataset)
    if source == "external_scores":
        return external_scores_digest(project.home, dataset)
    if source == TRAIN_ON:
        return _train_on_digest(project, dataset)
    kind, _, stage = source.partition("/")
    assert kind == "settings", source
    return project.settings_digest(dataset, stage)


def _train_on_digest(project: Project, dataset: str) -> str:
    """Digest over the other shard sets that a dataset's trainings read, as they lie there."""
    others = project.dataset(dataset).train_on
    return digest_of([[name, _manifest_digest(project, name)] for name in others]) if others else "none"


def _manifest_digest(project: Project, dataset: str) -> str:
    try:
        return read_manifest(project.home.shards(dataset) / MANIFEST_NAME)[1]
    except ShardError:
        return "not made"


def train_on_input(dataset: str) -> str:
    """Name by which the ledger knows the shards of another dataset as an input of a training."""
    return f"shards@{dataset}"
