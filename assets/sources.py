"""Data versions of what the pipeline observes but does not make: raw files, settings, the offset probe."""

from __future__ import annotations

from assets.av_offsets.settings import probe_digest
from assets.external_renders.video_set import external_scores_digest
from assets.forgotten import version_without_forgotten
from assets.mos.part import ratings_digest
from assets.raw_videos.dataset_scan import scan_dataset
from assets.settings import Project


def source_version(project: Project, source: str, dataset: str) -> str:
    """The present data version of an observed source for a dataset.

    Args:
        source: ``raw_videos``, ``offset_probe``, ``mos_ratings``, ``external_scores`` or ``settings/<stage>``.
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
    kind, _, stage = source.partition("/")
    assert kind == "settings", source
    return project.settings_digest(dataset, stage)
