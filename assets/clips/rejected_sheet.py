"""The contact sheet of a stage's rejected clips: a frame of each with its id and reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from assets.clips.clip_table import read_clip_table
from assets.media.contact_sheet import RejectedClip, contact_sheet, thumbnail
from assets.raw_videos.walk import local_path
from assets.stage.run import Preview, StageRun
from assets.store.bucket_files import StageSummary
from assets.workers.clip_pool import ClipPool, PoolSettings

MAX_CLIPS = 40
THUMBNAIL_TIMEOUT_S = 20.0


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
    clips = []
    with ClipPool(replace(pool_settings, timeout_s=THUMBNAIL_TIMEOUT_S)) as pool:
        paths = [local_path(root, row["relative_path"]) for row in shown]
        futures = [
            pool.submit(thumbnail, path, row["common_start_s"])
            for path, row in zip(paths, shown, strict=True)
        ]
        for row, future in zip(shown, futures, strict=True):
            frame = pool.result(future, "contact_sheet")
            frame = frame if isinstance(frame, bytes) else None
            clips.append(RejectedClip(clip_id=row["clip_id"], reason=row["reason"], thumbnail=frame))
    return {"rejected": Preview(contact_sheet(clips, max_clips=MAX_CLIPS))}


def _of_each_reason(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """At most ``MAX_CLIPS`` rows: one of each reason, then a second of each, and so on; ordered by reason."""
    by_reason: dict[str, list[Mapping[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: str(row["clip_id"])):
        by_reason.setdefault(row["reason"], []).append(row)
    in_turn = chain.from_iterable(zip_longest(*by_reason.values()))
    some = [row for row in in_turn if row is not None][:MAX_CLIPS]
    return sorted(some, key=lambda row: (row["reason"], row["clip_id"]))
