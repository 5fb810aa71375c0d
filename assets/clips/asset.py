"""The ``clips`` asset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from assets.clips.clip_rows import sources_by_split
from assets.clips.clip_table import write_clip_table
from assets.clips.inventory import SOURCES_SCHEMA, compute_inventory
from assets.clips.rejected_sheet import rejected_sheet
from assets.clips.rejections import CLIP_CHECKS, clip_checks
from assets.raw_videos.dataset_scan import scan_dataset
from assets.stage.run import CheckOutcome, StageResult, StageRun
from assets.stage.stage_asset import stage_asset
from assets.store.bucket_files import StageOutput
from assets.store.table_parts import write_part
from assets.store.withdrawals import forgotten_hashes
from assets.workers.rejected import UNEXPECTED
from cals_models.digests import digest_of
from cals_models.timebase import FPS

CHECKS = {
    "there_are_clips": True,
    "no_source_in_two_splits": True,
    "no_speaker_in_two_splits": True,
    **CLIP_CHECKS,
}
TABLE_NAMES = {"relative_path": "path", "sample_rate_hz": "audio_rate_hz", "num_frames_25": "num_frames"}
TABLE_COLUMNS = (
    "clip_id", "dataset", "split", "speaker", "sha256", "transcript", "status", "stage", "reason", "detail",
    "start_s", "end_s", "fps", "width", "height", "frame_changes", "video_codec", "audio_codec", "audio_stream",
    "audio_stream_why", "trimmed_s", *TABLE_NAMES,
)  # fmt: skip


@stage_asset("clips", checks=CHECKS)
def clips(run: StageRun) -> StageResult:
    """Inventory: one row a clip, probed, with split, speaker and transcript; or rejected with a reason."""
    name = run.dataset.name
    found = scan_dataset(run.project, name)
    output = StageOutput(
        name="clips", folder=run.folder, schema=SOURCES_SCHEMA, version=run.version, forced=run.forced
    )
    rows = compute_inventory(run.dataset, found, run.settings, output, run.pool, forgotten_hashes(run.home))
    write_clip_table(run.home, name, rows, run.dataset.num_buckets)
    files = found.table.select(["relative_path", "sha256", "bytes", "problem"]).to_pylist()
    write_part(run.home, "raw_files", [_file_row(name, row) for row in files], dataset=name)
    write_part(run.home, "clip_inventory", [_table_row(row) for row in rows], dataset=name)
    counts = Counter(row["status"] for row in rows)
    num_unexpected = sum(row["reason"] == UNEXPECTED for row in rows)
    return StageResult(
        data_version=digest_of(run.dataset.num_buckets, rows),
        num_clips=counts["ok"],
        counts={
            "files": len(files),
            "accepted": counts["ok"],
            "rejected": counts["rejected"] - num_unexpected,
            "unexpected": num_unexpected,
            **{f"{split}_clips": count for split, count in sorted(_splits(rows).items())},
        },
        previews=rejected_sheet([r for r in rows if r["status"] != "ok"], run.dataset.root, run.pool),
        checks=[
            _check_any(rows),
            _check_apart("no_source_in_two_splits", "file", sources_by_split(_accepted(rows))),
            _check_apart(
                "no_speaker_in_two_splits",
                "speaker",
                (
                    (r["speaker"], r["split"])
                    for r in _accepted(rows)
                    if r["speaker_disjoint"] and r["speaker"]
                ),
            ),
            *clip_checks(run, rows),
        ],
    )


def _accepted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["status"] == "ok"]


def _splits(rows: list[dict[str, Any]]) -> Counter[str]:
    return Counter(row["split"] for row in _accepted(rows))


def _file_row(dataset: str, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "dataset": dataset,
        "path": row["relative_path"],
        **{k: row[k] for k in ("sha256", "bytes", "problem")},
    }


def _table_row(row: Mapping[str, Any]) -> dict[str, Any]:
    table_row = {TABLE_NAMES.get(name, name): row[name] for name in TABLE_COLUMNS}
    frames = row["num_frames_25"]
    return table_row | {"duration_s": frames / FPS if frames else None, "digest": digest_of(row)}


def _check_any(rows: list[dict[str, Any]]) -> CheckOutcome:
    accepted = _accepted(rows)
    reasons = Counter(row["reason"] for row in rows if row["status"] != "ok")
    description = f"{len(accepted)} clips accepted"
    if not accepted:
        found = ", ".join(f"{n} {reason}" for reason, n in reasons.most_common())
        description += (
            f"; all were rejected: {found}; correct the files, or the layout or the limits in cals.yaml"
        )
    return CheckOutcome(name="there_are_clips", passed=bool(accepted), description=description)


def _check_apart(name: str, what: str, pairs: Iterable[tuple[str, str]]) -> CheckOutcome:
    splits: dict[str, set[str]] = {}
    for key, split in pairs:
        splits.setdefault(key, set()).add(split)
    shared = sorted(key for key, some in splits.items() if len(some) > 1)
    description = f"{len(splits)} checked: no {what} in two splits"
    if shared:
        description = (
            f"{len(shared)} in two splits, first {shared[0]} in {', '.join(sorted(splits[shared[0]]))}; "
            f"keep each {what} in one split"
        )
    return CheckOutcome(name=name, passed=not shared, description=description)
