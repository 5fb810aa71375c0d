"""Observed sources of the asset graph: name, data version, description. Functions are named by strings, as stages are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Source:
    """What the pipeline observes but does not compute; each stage's settings are one more (``settings/<stage>``).

    Args:
        name: asset key.
        version: ``module:function``; the function gives the data version from (project, dataset).
        description: shown in Dagster.
        reads_root: there is a version only where the dataset's folder of raw data exists.
    """

    name: str
    version: str
    description: str
    reads_root: bool = False


_SOURCES = (
    Source(
        name="raw_videos",
        version="assets.raw_videos.dataset_scan:raw_files_version",
        description="Raw files of each dataset; data version: digest over (relative path, content hash).",
        reads_root=True,
    ),
    Source(
        name="offset_probe",
        version="assets.av_offsets.probe_source:probe_digest",
        description="Weights that measure a dataset's A/V offset: never trained on it; `none` without a probe.",
    ),
    Source(
        name="train_on",
        version="assets.models.training_shards:train_on_version",
        description=(
            "Shards of the other datasets that a dataset is trained on (train_on in cals.yaml); data version: digest "
            "over theirs. A training's ledger row names each of them as an input, shards@DATASET."
        ),
    ),
    Source(
        name="base",
        version="assets.project.source_versions:base_version",
        description="Name of the dataset whose models a dataset adapts (base in cals.yaml); `none` without one.",
    ),
    Source(
        name="mos_ratings",
        version="assets.mos.part:ratings_version",
        description="Ratings of each dataset's MOS studies; data version: digest over all answers.",
    ),
    Source(
        name="external_scores",
        version="assets.external_renders.video_set:external_scores_version",
        description="Scores of other systems' videos; data version: digest over all. New ones make the report stale.",
    ),
)

SOURCES: dict[str, Source] = {source.name: source for source in _SOURCES}
