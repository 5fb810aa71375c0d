"""Bucket files: one Parquet file a bucket of clips, one row a clip, recomputed only where its key changed.

The key of a row is (clip id, digest of the clip's input, version of the stage). A bucket file is replaced atomically. Until
the ledger has a row for them, ``written.jsonl`` beside the files names what was written: it tells finished work of an
interrupted run from a file that something else changed.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assets.project.atomic_files import replacing
from assets.project.digests import digest_of
from assets.store.file_digests import sha256_of
from assets.store.forced_clips import NOTHING_FORCED, ForcedClips
from assets.workers.clip_pool import ClipPool
from assets.workers.rejected import Rejected

KEY_FIELDS = [
    pa.field("clip_id", pa.string(), nullable=False),
    pa.field("input_digest", pa.string(), nullable=False),
    pa.field("stage_version", pa.string(), nullable=False),
    pa.field("status", pa.string(), nullable=False),
    pa.field("reason", pa.string()),
    pa.field("detail", pa.string()),
    pa.field("digest", pa.string(), nullable=False),
]
KEY_COLUMNS = [f.name for f in KEY_FIELDS]
ROWS_PER_GROUP = 8
WRITTEN_NAME = "written.jsonl"


@dataclass(frozen=True, kw_only=True)
class WorkItem:
    """One clip's work in a bucket.

    Args:
        clip_id: the clip (or, in ``clips``, the source file).
        input_digests: output -> digest of its input; "" where the input is only known after another output of the
            same pass.
        payload: picklable argument of the compute function.
    """

    clip_id: str
    input_digests: Mapping[str, str]
    payload: Any


@dataclass(frozen=True, kw_only=True)
class StageOutput:
    """Bucket files of one stage and dataset.

    Args:
        schema: own columns.
        version: of the stage.
        forced: clips that are computed again although their rows are up to date.
    """

    name: str
    folder: Path
    schema: pa.Schema
    version: str
    forced: ForcedClips = NOTHING_FORCED

    @property
    def full_schema(self) -> pa.Schema:
        own = [f for f in self.schema if f.name not in KEY_COLUMNS]
        return pa.schema(KEY_FIELDS + own)

    def path(self, bucket: int) -> Path:
        return self.folder / f"{bucket:05d}.parquet"

    def index(self, bucket: int) -> dict[str, dict[str, Any]]:
        """Key columns of a bucket's rows by clip id; empty when the bucket was never written."""
        return read_index(self.path(bucket))


@dataclass(kw_only=True)
class StageSummary:
    """Content of a stage after a pass.

    Args:
        digest: of the partition, over (clip, status, reason, output digest).
        outcomes: one row a clip: clip_id, status, reason, detail, digest.
        num_computed: clips that this pass computed.
    """

    digest: str
    outcomes: list[dict[str, Any]]
    num_computed: int = 0
    num_ok: int = field(init=False)
    num_rejected: int = field(init=False)
    reasons: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.num_ok = sum(row["status"] == "ok" for row in self.outcomes)
        self.num_rejected = len(self.outcomes) - self.num_ok
        self.reasons = dict(Counter(row["reason"] for row in self.outcomes if row["status"] != "ok"))

    @property
    def counts(self) -> dict[str, float | int]:
        """Clips accepted, rejected, and computed in this pass."""
        return {"accepted": self.num_ok, "rejected": self.num_rejected, "computed": self.num_computed}


Compute = Callable[[Any, frozenset[str]], Mapping[str, Mapping[str, Any] | Rejected]]


def bucket_of(clip_id: str, num_buckets: int) -> int:
    """The bucket of a clip: a hash of its id, independent of which other clips there are."""
    return int(hashlib.sha256(clip_id.encode("utf-8", "surrogateescape")).hexdigest()[:8], 16) % num_buckets


def read_index(path: Path) -> dict[str, dict[str, Any]]:
    """Key columns of a bucket file by clip id."""
    if not path.exists():
        return {}
    rows = pq.read_table(path, columns=KEY_COLUMNS).to_pylist()
    return {row["clip_id"]: row for row in rows}


def read_rows(path: Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Rows of a bucket file, a few at a time; none when the bucket was never written."""
    if not path.exists():
        return
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=ROWS_PER_GROUP, columns=list(columns) if columns else None):
            yield from batch.to_pylist()


def read_ok_rows(folder: Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Accepted rows of all buckets of a stage, in bucket order."""
    wanted = None if columns is None else [*dict.fromkeys([*columns, "status"])]
    for path in sorted(folder.glob("[0-9]*.parquet")):
        yield from (row for row in read_rows(path, wanted) if row["status"] == "ok")


def write_rows(path: Path, schema: pa.Schema, rows: Iterable[Mapping[str, Any]]) -> None:
    """Replaces a bucket file by ``rows``, sorted by clip id."""
    ordered = sorted(rows, key=lambda row: str(row["clip_id"]))
    with replacing(path) as temporary:
        with pq.ParquetWriter(temporary, schema, compression="none") as writer:
            for start in range(0, len(ordered), ROWS_PER_GROUP):
                group = [dict(row) for row in ordered[start : start + ROWS_PER_GROUP]]
                writer.write_table(pa.Table.from_pylist(group, schema=schema), row_group_size=ROWS_PER_GROUP)
        line = json.dumps({"name": path.name, "sha256": sha256_of(temporary)})
        with (path.parent / WRITTEN_NAME).open("a", encoding="utf-8") as written:
            written.write(line + "\n")


def written_since(folder: Path) -> set[tuple[str, str]]:
    """Name and sha256 of each bucket file that was written since the stage's last ledger row."""
    try:
        lines = (folder / WRITTEN_NAME).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return set()
    found = set()
    for line in lines:
        try:
            row = json.loads(line)
            found.add((str(row["name"]), str(row["sha256"])))
        except (ValueError, KeyError, TypeError):  # the last line of a run that was killed
            continue
    return found


def forget_written(folder: Path) -> None:
    """Called once the ledger has a row for the bucket files of a folder."""
    (folder / WRITTEN_NAME).unlink(missing_ok=True)


def _wanted(
    item: WorkItem,
    bucket: int,
    outputs: Sequence[StageOutput],
    indices: Mapping[str, Mapping[str, Mapping[str, Any]]],
) -> frozenset[str]:
    return frozenset(
        output.name
        for output in outputs
        if output.forced.covers(item.clip_id, bucket)
        or not is_current(
            indices[output.name].get(item.clip_id), item.input_digests[output.name], output.version
        )
    )


def is_current(row: Mapping[str, Any] | None, input_digest: str, version: str) -> bool:
    """Whether a row has this key."""
    return row is not None and (row["input_digest"], row["stage_version"]) == (input_digest, version)


def _row(item: WorkItem, output: StageOutput, outcome: Mapping[str, Any] | Rejected) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(output.full_schema.names)
    row |= {
        "clip_id": item.clip_id,
        "input_digest": item.input_digests[output.name],
        "stage_version": output.version,
    }
    if isinstance(outcome, Rejected):
        verdict = {"status": "rejected", "reason": outcome.reason, "detail": outcome.detail}
        return row | verdict | {"digest": digest_of(outcome.reason)}
    unknown = set(outcome) - set(row)
    assert not unknown, f"{output.name} returned columns that its schema lacks: {sorted(unknown)}"
    return row | {"status": "ok"} | dict(outcome)


def _outcomes(
    item: WorkItem, outputs: Sequence[StageOutput], wanted: frozenset[str], result: Any
) -> dict[str, dict[str, Any]]:
    """Rows by output name. A clip that an earlier output rejects has no row in the later ones."""
    if isinstance(result, Rejected):
        names = [output.name for output in outputs if output.name in wanted]
        result = {result.stage if result.stage in names else names[0]: result}
    by_name = {output.name: output for output in outputs}
    return {name: _row(item, by_name[name], outcome) for name, outcome in result.items() if name in wanted}


@dataclass
class _Pass:
    """A bucket in flight: its items, the outputs that each lacks, and the futures of those at work."""

    bucket: int
    items: list[WorkItem]
    indices: dict[str, dict[str, dict[str, Any]]]
    wanted: dict[str, frozenset[str]]
    futures: list[tuple[WorkItem, Future[Any]]]


def _submit(
    bucket: int, items: list[WorkItem], outputs: Sequence[StageOutput], compute: Compute, pool: ClipPool
) -> _Pass:
    indices = {output.name: output.index(bucket) for output in outputs}
    wanted = {item.clip_id: _wanted(item, bucket, outputs, indices) for item in items}
    futures = [
        (item, pool.submit(compute, item.payload, wanted[item.clip_id]))
        for item in items
        if wanted[item.clip_id]
    ]
    return _Pass(bucket, items, indices, wanted, futures)


def _finish(
    current: _Pass, outputs: Sequence[StageOutput], pool: ClipPool, advance: Callable[[int], None]
) -> None:
    fresh: dict[str, dict[str, dict[str, Any]]] = {output.name: {} for output in outputs}
    for item, future in current.futures:
        result = pool.result(future, outputs[0].name)
        for name, row in _outcomes(item, outputs, current.wanted[item.clip_id], result).items():
            fresh[name][item.clip_id] = row
        advance(1)
    advance(len(current.items) - len(current.futures))
    for output in outputs:
        kept = {i.clip_id for i in current.items if output.name not in current.wanted[i.clip_id]}
        gone = set(current.indices[output.name]) - kept
        if not fresh[output.name] and not gone:
            continue
        old = (row for row in read_rows(output.path(current.bucket)) if row["clip_id"] in kept)
        write_rows(output.path(current.bucket), output.full_schema, [*old, *fresh[output.name].values()])


def fill_buckets(
    outputs: Sequence[StageOutput],
    buckets: Mapping[int, Callable[[], list[WorkItem]]],
    compute: Compute,
    pool: ClipPool,
    advance: Callable[[int], None] = lambda _: None,
) -> dict[str, StageSummary]:
    """Brings the bucket files of one or more stages up to date, computing only clips with a changed key.

    Args:
        outputs: the stages filled in this pass, in the order in which a clip goes through them.
        buckets: bucket number -> function that gives its work items; called when the bucket is started, so that memory
            does not grow with the number of clips.
        compute: ``compute(payload, wanted)`` -> for each wanted output its columns or a ``Rejected``.
        pool: worker pool; at most two buckets are in flight.
        advance: called with the number of clips finished.

    Returns:
        A summary for each output, by name.
    """
    num_computed = 0
    in_flight: deque[_Pass] = deque()
    for bucket, items_of in buckets.items():
        in_flight.append(_submit(bucket, items_of(), outputs, compute, pool))
        num_computed += len(in_flight[-1].futures)
        if len(in_flight) > 1:
            _finish(in_flight.popleft(), outputs, pool, advance)
    while in_flight:
        _finish(in_flight.popleft(), outputs, pool, advance)
    for output in outputs:
        _remove_other_buckets(output, set(buckets))
    return {output.name: summarise(output.folder, num_computed) for output in outputs}


def _remove_other_buckets(output: StageOutput, buckets: set[int]) -> None:
    for path in output.folder.glob("[0-9]*.parquet"):
        if int(path.stem) not in buckets:
            path.unlink()


def summarise(folder: Path, num_computed: int = 0) -> StageSummary:
    """Outcomes and digest of all bucket files in a folder."""
    outcomes: list[dict[str, Any]] = []
    for path in sorted(folder.glob("[0-9]*.parquet")):
        for row in read_index(path).values():
            outcomes.append({k: row[k] for k in ("clip_id", "status", "reason", "detail", "digest")})
    outcomes.sort(key=lambda row: row["clip_id"])
    lines = [[row["clip_id"], row["status"], row["reason"], row["digest"]] for row in outcomes]
    return StageSummary(digest=digest_of(lines), outcomes=outcomes, num_computed=num_computed)
