"""A folder of videos that another system generated, scored against the true ones by the pipeline's own protocols.

A pair that can't be compared is a failure that says why; the other pairs are scored (`assets.metrics.score_pair`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.metrics.folder_pairs import Failure, find_pairs, text_of
from assets.metrics.score_pair import STAGE, PairJob, PairScoring, open_for_pairs, score_pair
from assets.workers.clip_pool import ClipPool, PoolSettings
from assets.workers.rejected import Rejected

PROTOCOLS = ("primary", "atvgnet", "whole_frame", "lse_crop", "lse_crop_jpeg", "lse_real", "lse_real_jpeg")
NO_PROTOCOLS = {
    "lpips": "a metric of protocol primary, measured where the dataset's settings of clip_metrics name lpips_weights",
    "fid": "one figure for a whole split, measured of the pipeline's own methods only, by the stage clip_metrics",
}


@dataclass(frozen=True, kw_only=True)
class FolderScores:
    """Rows of ``clip_metrics`` for the pairs that could be scored, and the videos that could not."""

    rows: list[dict[str, Any]]
    failures: list[Failure]


def score_folder(
    generated: Path,
    reference: Path,
    scoring: PairScoring,
    *,
    table: Path | None = None,
    valid: Mapping[str, NDArray[np.bool_]] | None = None,
    pool: PoolSettings | None = None,
    progress: Callable[[int], None] = lambda count: None,
) -> FolderScores:
    """Scores a folder of generated videos against a folder of true ones.

    Args:
        generated: videos of the system to score.
        reference: the true videos.
        scoring: by which protocol, with which evaluator, and for which rows.
        table: CSV with the columns generated, reference; None pairs the videos by name.
        valid: name of a pair -> bool (T,), frames in which the true clip's face was seen; the others are left out of
            PSNR, SSIM and LMD. Of a pair that is not in it, all frames count.
        pool: worker processes (one if None): a video that crashes its decoder costs its own pair only.
        progress: called with 1 for each pair.

    Returns:
        Rows ordered by pair, and failures; the clip id of a row is the reference's path without suffix.

    Raises:
        ValueError: a folder, the table, the evaluator or the protocol can't be used.
    """
    _check_protocol(scoring.protocol)
    if scoring.protocol is not None and scoring.protocol.endswith("_jpeg"):
        scoring = replace(scoring, settings=replace(scoring.settings, lse_jpeg=True))
    open_for_pairs(scoring)  # a missing evaluator is one message, not one for each pair
    pairs, failures = find_pairs(generated, reference, table)
    jobs = [PairJob(pair=pair, scoring=scoring, valid=(valid or {}).get(pair.name)) for pair in pairs]
    rows: list[dict[str, Any]] = []
    with ClipPool(pool or PoolSettings(num_workers=1)) as workers:
        for job, future in [(job, workers.submit(score_pair, job)) for job in jobs]:
            outcome = workers.result(future, STAGE)
            if isinstance(outcome, Rejected):
                video = text_of(job.pair.generated, generated)
                failures.append(Failure(video=video, reason=outcome.reason, detail=outcome.detail))
            else:
                rows += outcome
            progress(1)
    return FolderScores(rows=rows, failures=failures)


def _check_protocol(protocol: str | None) -> None:
    if protocol in NO_PROTOCOLS:
        raise ValueError(
            f"{protocol} is no protocol: it is {NO_PROTOCOLS[protocol]}; known: {', '.join(PROTOCOLS)}"
        )
    if protocol is not None and protocol not in PROTOCOLS:
        raise ValueError(f"protocol {protocol!r} is unknown; known: {', '.join(PROTOCOLS)}")
