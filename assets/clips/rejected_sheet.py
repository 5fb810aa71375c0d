"""The contact sheet of a stage's rejected clips: a frame of each with its id and reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from assets.clips.clip_table import read_clip_table
from assets.media.contact_sheet import RejectedClip, contact_sheet, thumbnails
from assets.raw_videos.walk import local_path
from assets.stage.run import Preview, StageRun
from assets.store.bucket_files import StageSummary
from assets.workers.clip_pool import ClipPool, PoolSettings
from assets.workers.rejected import Rejected

MAX_CLIPS = 40
# For the first frame of a file, and for each further one.
THUMBNAIL_TIMEOUT_S = 20.0
NEXT_THUMBNAIL_TIMEOUT_S = 2.0


def rejected_previews(run: StageRun, summary: StageSummary) -> dict[str, Preview]:
    """The contact sheet of the clips that a stage rejected; empty where it rejected none."""
    reasons = {row["clip_id"]: row["reason"] for row in summary.outcomes if row["status"] != "ok"}
    if not reasons:
        return {}
    columns = ["clip_id", "relative_path", "common_start_s"]
    clips = read_clip_table(run.home, run.dataset.name, columns)
    rows = [{**row, "reason": reasons[row["clip_id"]]} for row in clips if row["clip_id"] in reasons]
    return rejected_sheet(rows, run.dataset.root, run.pool)


def rejected_sheet(
    rows: Sequence[Mapping[str, Any]], root: Path, pool_settings: PoolSettings
) -> dict[str, Preview]:
    """The contact sheet of at most 40 rejected clips, with every reason among them.

    Worker processes read the frames: a rejected file may crash a decoder or hang it.

    Args:
        rows: clip_id, relative_path, reason and common_start_s (None for the file's first frame).
        root: folder of the dataset.
        pool_settings: worker processes.
    """
    shown = _of_each_reason(rows)
    if not shown:
        return {}
    thumbs = _thumbnails(shown, root, pool_settings)
    clips = [
        RejectedClip(clip_id=row["clip_id"], reason=row["reason"], thumbnail=thumbs[row["clip_id"]])
        for row in shown
    ]
    return {"rejected": Preview(contact_sheet(clips, max_clips=MAX_CLIPS))}


def _thumbnails(
    rows: Sequence[Mapping[str, Any]], root: Path, pool_settings: PoolSettings
) -> dict[str, bytes | None]:
    """Clip id -> small PNG or None; the frames of a file are read together."""
    by_file: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_file.setdefault(row["relative_path"], []).append(row)
    num_further = max(map(len, by_file.values())) - 1
    timeout_s = THUMBNAIL_TIMEOUT_S + NEXT_THUMBNAIL_TIMEOUT_S * num_further
    thumbs: dict[str, bytes | None] = {}
    with ClipPool(replace(pool_settings, timeout_s=timeout_s)) as pool:
        futures = {
            path: pool.submit(thumbnails, local_path(root, path), [row["common_start_s"] for row in own])
            for path, own in by_file.items()
        }
        for path, future in futures.items():
            read = pool.result(future, "contact_sheet")
            for number, row in enumerate(by_file[path]):
                thumbs[row["clip_id"]] = None if isinstance(read, Rejected) else read[number]
    return thumbs


def _of_each_reason(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """At most ``MAX_CLIPS`` rows: one of each reason, then a second of each, and so on; ordered by reason."""
    by_reason: dict[str, list[Mapping[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: str(row["clip_id"])):
        by_reason.setdefault(row["reason"], []).append(row)
    in_turn = chain.from_iterable(zip_longest(*by_reason.values()))
    some = [row for row in in_turn if row is not None][:MAX_CLIPS]
    return sorted(some, key=lambda row: (row["reason"], row["clip_id"]))
