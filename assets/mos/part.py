"""Ratings of all studies of a dataset as the warehouse's table ``mos_ratings``, and their version as a source."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from assets.mos.ratings import Journal, Rater
from assets.mos.scales import SCALE_NAMES
from assets.mos.screening import screen_raters
from assets.mos.study import Study, find_studies
from assets.project.home import Home
from assets.project.settings import Project
from assets.store.table_parts import write_part
from cals_models.digests import digest_of

TABLE = "mos_ratings"


def rating_rows(study: Study, raters: Sequence[Rater]) -> list[dict[str, Any]]:
    """Rows of ``sql/schema/mos_ratings.sql``, in order of raters and answers."""
    screened = screen_raters(study, raters)
    videos = {video.name: video for video in study.videos}
    return [
        {
            "study": study.name,
            "rater": rater.name,
            "dataset": study.dataset,
            "method": videos[answer.video].method,
            "clip_id": videos[answer.video].clip_id,
            "scale": scale,
            "rating": answer.ratings[scale],
            "rated_at": answer.at,
            "screened_out": rater.name in screened,
        }
        for rater in raters
        for answer in rater.answers.values()
        for scale in SCALE_NAMES
    ]


def all_rating_rows(home: Home, dataset: str) -> list[dict[str, Any]]:
    """Rows of every study of a dataset."""
    studies = find_studies(home, dataset)
    return [row for study in studies for row in rating_rows(study, Journal(study).raters())]


def write_ratings_part(home: Home, dataset: str) -> Path:
    """Brings the dataset's part of ``mos_ratings`` up to date with the journals."""
    folder = home.root / "mos" / dataset
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".part.lock"):  # what is read after the lock is taken never goes backwards
        return write_part(home, TABLE, all_rating_rows(home, dataset), dataset=dataset)


def ratings_version(project: Project, dataset: str) -> str:
    """Data version of the observed source ``mos_ratings``."""
    return ratings_digest(project.home, dataset)


def ratings_digest(home: Home, dataset: str) -> str:
    """Digest of a dataset's ratings: changes with every answer, with nothing else."""
    rows = all_rating_rows(home, dataset)
    return digest_of([[str(value) for value in row.values()] for row in rows])
