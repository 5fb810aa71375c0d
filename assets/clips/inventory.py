"""The inventory of a dataset: every file gives clips, or a row that says why it gives none."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import pyarrow as pa

from assets.clips.clip_rows import (
    SOURCE_NAMES,
    STAGE,
    ClipRow,
    RawSource,
    problem_rows,
    reject_duplicates,
    source_rows,
    with_names,
    without_names,
)
from assets.clips.settings import ClipsSettings
from assets.project.settings import Dataset
from assets.raw_videos.layouts.options import layout_options
from assets.raw_videos.layouts.registry import enumerate_sources
from assets.raw_videos.layouts.source_clip import LayoutProblem, SourceClip, suffix_of
from assets.raw_videos.scan import Scan
from assets.store.bucket_files import StageOutput, bucket_of, read_rows
from assets.store.bucket_pass import WorkItem, fill_buckets
from assets.store.forced_clips import ForcedClips
from assets.workers.clip_pool import ClipPool, PoolSettings
from assets.workers.progress import progress_bar
from assets.workers.rejected import Rejected
from cals_models.digests import digest_of

SOURCES_SCHEMA = pa.schema([("rows_json", pa.string())])


@dataclass(frozen=True, kw_only=True)
class SourcePayload:
    """What a worker process is given for one source."""

    raw: RawSource
    settings: ClipsSettings


def compute_source(
    payload: SourcePayload, wanted: frozenset[str]
) -> Mapping[str, Mapping[str, Any] | Rejected]:
    """Rows of one source without its names, in a worker process."""
    assert wanted == {STAGE}, wanted
    rows = [without_names(row, payload.raw) for row in source_rows(payload.raw, payload.settings)]
    return {STAGE: {"rows_json": json.dumps(rows), "digest": digest_of(rows)}}


def compute_inventory(
    dataset: Dataset,
    found: Scan,
    settings: ClipsSettings,
    output: StageOutput,
    pool_settings: PoolSettings,
    withdrawn: Mapping[str, str],
) -> list[ClipRow]:
    """Probes and cuts every source that is new or changed; the rows of others are read from the bucket files.

    Args:
        dataset: where the files lie and how they are laid out.
        found: the present files with their hashes.
        settings: of the stage.
        output: bucket files that keep the rows of each source.
        pool_settings: worker processes.
        withdrawn: content hash -> reason, of files that must not be used.

    Returns:
        One row a clip, accepted or rejected, ordered by clip id; at least one for each video.

    Raises:
        LayoutError: the folder does not fit the layout, or is empty.
    """
    files = found.table.select(["relative_path", "sha256", "problem"]).to_pylist()
    hashes = {row["relative_path"]: row["sha256"] for row in files}
    entries = enumerate_sources(
        dataset.layout,
        dataset.root,
        layout_options(dataset.options),
        {row["relative_path"]: row["problem"] for row in files},
    )
    sources = [entry for entry in entries if isinstance(entry, SourceClip)]
    items = [_work_item(dataset, source, hashes, settings) for source in sources]
    with (
        ClipPool(pool_settings) as pool,
        progress_bar(f"clips of {dataset.name}", len(items), "file") as advance,
    ):
        output = replace(output, forced=_forced_sources(output.forced, items))
        fill_buckets([output], _by_bucket(items, dataset.num_buckets), compute_source, pool, advance)
    rows = _rows_of_sources(output, dataset.num_buckets, {item.clip_id: item.payload.raw for item in items})
    rows += problem_rows(dataset.name, [e for e in entries if isinstance(e, LayoutProblem)], hashes)
    rows = reject_duplicates([_withdraw(row, withdrawn) for row in rows])
    return sorted(rows, key=lambda row: str(row["clip_id"]))


def _forced_sources(forced: ForcedClips, items: list[WorkItem]) -> ForcedClips:
    """The sources of the forced clips, by their id in the bucket files."""
    if not forced.clip_ids:
        return forced
    sources = set()
    for item in items:
        raw: RawSource = item.payload.raw
        whole = f"{raw.dataset}/{raw.source.split}/{item.clip_id}"
        if any(clip == whole or clip.startswith((f"{whole}#", f"{whole}.")) for clip in forced.clip_ids):
            sources.add(item.clip_id)
    return replace(forced, clip_ids=frozenset(sources))


def _work_item(
    dataset: Dataset, source: SourceClip, hashes: Mapping[str, str | None], settings: ClipsSettings
) -> WorkItem:
    sha256 = hashes.get(source.relative_path)
    number = "" if source.segment_number is None else f"#{source.segment_number}"
    raw = RawSource(dataset=dataset.name, root=str(dataset.root), source=source, sha256=sha256)
    content = {name: value for name, value in asdict(source).items() if name not in SOURCE_NAMES}
    known = sha256 or source.relative_path  # a file that can't be hashed is no other one
    return WorkItem(
        clip_id=f"{source.relative_path}{number}",
        input_digests={STAGE: digest_of(known, suffix_of(source.relative_path), content)},
        payload=SourcePayload(raw=raw, settings=settings),
    )


def _by_bucket(items: list[WorkItem], num_buckets: int) -> Mapping[int, Callable[[], list[WorkItem]]]:
    buckets: dict[int, list[WorkItem]] = {bucket: [] for bucket in range(num_buckets)}
    for item in items:
        buckets[bucket_of(item.clip_id, num_buckets)].append(item)
    return {bucket: partial(list, some) for bucket, some in buckets.items()}


def _rows_of_sources(
    output: StageOutput, num_buckets: int, sources: Mapping[str, RawSource]
) -> list[ClipRow]:
    rows: list[ClipRow] = []
    for bucket in range(num_buckets):
        for kept in read_rows(output.path(bucket)):
            if kept["status"] == "ok":
                raw = sources[kept["clip_id"]]
                rows += [with_names(row, raw) for row in json.loads(kept["rows_json"])]
            else:
                rows.append(_failed_row(sources[kept["clip_id"]], kept))
    return rows


def _failed_row(raw: RawSource, kept: Mapping[str, Any]) -> ClipRow:
    """The row of a source at which the worker failed: a crash, a hang, too much memory."""
    source = raw.source
    problem = LayoutProblem(relative_path=source.relative_path, reason=kept["reason"], detail=kept["detail"])
    row = problem_rows(raw.dataset, [problem], {source.relative_path: raw.sha256 or ""})[0]
    return row | {"clip_id": f"{raw.dataset}/{source.split}/{kept['clip_id']}", "split": source.split}


def _withdraw(row: ClipRow, withdrawn: Mapping[str, str]) -> ClipRow:
    if row["sha256"] not in withdrawn:
        return row
    detail = f"withdrawn: {withdrawn[row['sha256']]}"
    return row | {"status": "rejected", "stage": STAGE, "reason": "forgotten", "detail": detail}
