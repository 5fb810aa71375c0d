"""Scores of external videos in the ledger: which files, which evaluator, which code; and the set of videos in Dagster."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assets.external_renders.video_set import GENERATED, REFERENCE, TABLE, VideoSet
from assets.metrics.instruments import device_of
from assets.metrics.settings import MetricSettings
from assets.project.code_version import CodeVersion, code_version
from assets.project.settings import Project
from assets.project.source_versions import source_version
from assets.raw_videos.walk import path_to_text
from assets.stage.partition_files import partition_files
from assets.store import ledger
from assets.store.file_digests import FileDigests
from assets.store.file_records import RecordedFile, look_at
from cals_models.digests import digest_of
from cals_models.metrics.lse_weights import find_public_weights


def scoring_code() -> CodeVersion:
    """Version of the code that scores folders of videos."""
    return code_version(["assets.metrics.score_folder:score_folder"])


def evaluator_version(settings: MetricSettings, evaluator_dir: Path | None) -> dict[str, str]:
    """The evaluator of LSE as an input in the ledger; nothing where there was none."""
    if settings.lse_weights:
        with find_public_weights(settings.lse_weights).open("rb") as file:
            return {"lse_weights": hashlib.file_digest(file, "sha256").hexdigest()}
    if evaluator_dir is None:
        return {}
    model = json.loads((evaluator_dir / "model.json").read_text(encoding="utf-8"))
    return {"lse_evaluator": str(model["weights_sha256"])}


def record_videos(project: Project, videos: VideoSet, *, is_own_truth: bool) -> None:
    """Appends the set of videos to the ledger.

    Args:
        project: whose ledger.
        videos: the set.
        is_own_truth: the references are the dataset's own renders of ``ground_truth``.
    """
    code = scoring_code()
    inputs = {GENERATED: videos.side_version(GENERATED)}
    if is_own_truth:
        truth = ledger.heads(project.home)[("renders", videos.dataset, "ground_truth")]
        inputs["renders|ground_truth"] = truth["data_version"]
    else:
        inputs[REFERENCE] = videos.side_version(REFERENCE)
    entry = ledger.Entry(
        asset=TABLE,
        dataset=videos.dataset,
        method=videos.method,
        data_version=videos.version(),
        code_version=code.digest,
        settings={},
        inputs=inputs,
        dagster_run_id="",
        duration_s=0.0,
        num_clips=len(videos.pairs),
    )
    ledger.append(project.home, entry, code, _files(project, entry))


def record_scores(
    project: Project,
    videos: VideoSet,
    rows: Sequence[dict[str, Any]],
    settings: MetricSettings,
    evaluator: dict[str, str],
    duration_s: float,
) -> None:
    """Appends the rows of ``clip_metrics`` to the ledger, with what they were measured from and with."""
    if videos.dataset in project.datasets:
        source = "settings/clip_metrics"
        evaluator = evaluator | {source: source_version(project, source, videos.dataset)}
    code = scoring_code()
    entry = ledger.Entry(
        asset="clip_metrics",
        dataset=videos.dataset,
        method=videos.method,
        data_version=digest_of(rows),
        code_version=code.digest,
        settings=asdict(settings),
        inputs={f"{TABLE}|{videos.method}": videos.version(), **evaluator},
        dagster_run_id="",
        duration_s=duration_s,
        num_clips=len({row["clip_id"] for row in rows}),
        device=device_of(settings),
    )
    ledger.append(project.home, entry, code, _files(project, entry))


def _files(project: Project, entry: ledger.Entry) -> tuple[RecordedFile, ...]:
    """The part of a table that the entry is about, with its digest."""
    of = (entry.asset, entry.dataset, entry.method, entry.data_version)
    return look_at(FileDigests(root=project.home.root), partition_files(project.home, *of))


def report_to_dagster(project: Project, videos: VideoSet) -> None:
    """Reports the set of videos to Dagster; last, so that the ledger has its rows whatever happens there."""
    import dagster as dg

    from assets.stage.partitions import external_key, external_videos
    from pipelines.instance import DATA_VERSION_TAG, open_instance

    key = external_key(videos.dataset, videos.method.removeprefix("external/"))
    with open_instance(project) as instance:
        assert external_videos.name is not None
        instance.add_dynamic_partitions(external_videos.name, [key])
        instance.report_runless_asset_event(
            dg.AssetMaterialization(
                asset_key=TABLE,
                partition=key,
                metadata={
                    "videos": len(videos.pairs),
                    "folder": path_to_text(str(videos.generated.resolve())),
                },
                tags={DATA_VERSION_TAG: videos.version()},
            )
        )
