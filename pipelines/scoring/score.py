"""``cals score``: a folder of videos by any system beside the pipeline's methods, by the same protocols."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from assets.external_renders.video_set import TABLE, VideoSet
from assets.metrics.folder_pairs import find_pairs
from assets.metrics.score_folder import score_folder
from assets.metrics.score_pair import PairScoring
from assets.metrics.settings import MetricSettings
from assets.project.settings import Project
from assets.renders.render import INDEX_NAME
from assets.store import ledger
from assets.store.current_model import read_current_model
from assets.store.kept_parts import adopt_parts
from assets.store.table_parts import part_path, write_part
from assets.store.warehouse import publish
from assets.workers.clip_pool import PoolSettings
from assets.workers.progress import progress_bar
from cals_models.shards.shard_set import ShardSet
from pipelines.scoring.record import evaluator_version, record_scores, record_videos, report_to_dagster
from pipelines.scoring.result import Scoring

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")


@dataclass(frozen=True, kw_only=True)
class ScoreRequest:
    """What to score, and how.

    Args:
        generated: folder of the system's videos.
        reference: folder of the true ones.
        name: of the system; None takes the name of the folder ``generated``.
        dataset: a dataset of ``cals.yaml``: its settings of ``clip_metrics`` and its evaluator are used, and the rows
            appear beside its methods; references that are its own renders of ``ground_truth`` give their clips' ids, so
            that values are compared clip by clip. None takes the name of the folder ``reference`` and no evaluator.
        protocol: only its rows.
        lse_weights: file or address of network S's weights; goes before the dataset's evaluator.
        matches: CSV with the columns generated, reference; None pairs the videos by name.
    """

    generated: Path
    reference: Path
    name: str | None = None
    dataset: str | None = None
    protocol: str | None = None
    lse_weights: str | None = None
    matches: Path | None = None


def score(project: Project, request: ScoreRequest) -> Scoring:
    """Scores the videos; their rows go into the warehouse, what was read and with what into the ledger.

    Rows of that name and dataset are replaced; those of protocols that are not requested stay as long as the videos are
    the same.

    Args:
        project: whose warehouse the rows go to.
        request: see `ScoreRequest`.

    Raises:
        ValueError: a folder, the table, the name, the weights, the dataset or the protocol can't be used.
    """
    started = time.monotonic()
    scoring = _pair_scoring(project, request)
    pairs, _ = find_pairs(request.generated, request.reference, request.matches)
    dataset = _name("--dataset", scoring.dataset)
    videos = VideoSet.of(dataset, scoring.method, request.generated, request.reference, pairs)
    is_own_truth = request.dataset is not None and _is_own_truth(project, dataset, request.reference)
    with progress_bar(f"scoring {scoring.name}", len(pairs), "video") as advance:
        scores = score_folder(
            request.generated,
            request.reference,
            scoring,
            table=request.matches,
            valid=_valid_frames(project, dataset) if is_own_truth else None,
            pool=PoolSettings(num_workers=1),
            progress=advance,
        )
    known = _clip_ids(project, dataset) if request.dataset else {}
    rows = [{**row, "clip_id": known.get(row["clip_id"], row["clip_id"])} for row in scores.rows]
    kept = _rows_of_other_protocols(project, videos, request.protocol) if request.protocol else []
    columns = dict.fromkeys(rows[0]) if rows else {}  # some may be newer than the rows that are kept
    stored = [*({**columns, **row} for row in kept), *rows]
    videos.remember(project.home, scores.failures)
    earlier = ledger.heads(project.home).get(("clip_metrics", dataset, scoring.method))
    adopt_parts(project.home, earlier)
    write_part(project.home, "clip_metrics", stored, dataset=dataset, method=scoring.method)
    evaluator = evaluator_version(scoring.settings, scoring.evaluator_dir)
    record_videos(project, videos, is_own_truth=is_own_truth)
    record_scores(project, videos, stored, scoring.settings, evaluator, time.monotonic() - started)
    report_to_dagster(project, videos)
    publish(project.home)
    return Scoring(method=scoring.method, dataset=dataset, rows=rows, failures=scores.failures)


def _pair_scoring(project: Project, request: ScoreRequest) -> PairScoring:
    """By which settings and evaluator, and for which rows."""
    name = _name("--name", request.name or request.generated.resolve().name)
    settings, dataset = MetricSettings(), request.reference.resolve().name
    evaluator_dir: Path | None = None
    if request.dataset is not None:
        dataset = request.dataset
        settings = project.stage_settings(dataset, "clip_metrics")
        evaluator_dir = _evaluator_dir(project, dataset)
    if request.lse_weights is not None:
        settings = replace(settings, lse_weights=request.lse_weights, lse_weights_sha256="")
    return PairScoring(
        dataset=dataset,
        name=name,
        settings=settings,
        evaluator_dir=evaluator_dir,
        protocol=request.protocol,
    )


def _rows_of_other_protocols(project: Project, videos: VideoSet, protocol: str) -> list[dict[str, Any]]:
    """Earlier rows of the same videos that this scoring does not replace."""
    head = ledger.heads(project.home).get((TABLE, videos.dataset, videos.method))
    path = part_path(project.home, "clip_metrics", videos.dataset, videos.method)
    if head is None or head["data_version"] != videos.version() or not path.exists():
        return []
    table = pq.read_table(path, partitioning=None)
    rows: list[dict[str, Any]] = table.filter(pc.not_equal(table["protocol"], protocol)).to_pylist()
    return rows


def _is_own_truth(project: Project, dataset: str, reference: Path) -> bool:
    """Whether the references are the dataset's own renders of the ground truth, as the ledger has them."""
    renders = project.home.renders(dataset, "ground_truth")
    inside = reference.resolve().is_relative_to(renders.resolve())
    return inside and ("renders", dataset, "ground_truth") in ledger.heads(project.home)


def _valid_frames(project: Project, dataset: str) -> dict[str, NDArray[np.bool_]]:
    """bool (T,) of each test clip, frames in which its face was seen, by the names of its renders."""
    split = project.stage_settings(dataset, "renders").split
    return {clip.key: clip.valid for clip in ShardSet(project.home.shards(dataset)).clips(split)}


def _name(option: str, name: str) -> str:
    if not NAME_PATTERN.fullmatch(name) or "__" in name:
        raise ValueError(
            f"{name!r} can't be a name: give {option} of letters, digits, single underscores, dots and dashes"
        )
    return name


def _clip_ids(project: Project, dataset: str) -> dict[str, str]:
    """Clip ids by the names of the dataset's renders of the ground truth."""
    index = project.home.renders(dataset, "ground_truth") / INDEX_NAME
    lines = index.read_text(encoding="utf-8").splitlines() if index.exists() else []
    found = (json.loads(line) for line in lines)
    return {row["key"]: row["clip_id"] for row in found}


def _evaluator_dir(project: Project, dataset: str) -> Path | None:
    try:
        return read_current_model(project.home.model("lse_evaluator", dataset))
    except FileNotFoundError:
        return None
