"""A pass over the buckets of a stage, or of several that one pass fills: only clips with a changed key are computed.

A clip that was renamed takes the row that it had under its earlier id (``moved_rows``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from assets.store.bucket_files import StageOutput, StageSummary, is_current, read_rows, summarise, write_rows
from assets.store.moved_rows import MovedRows
from assets.workers.clip_pool import ClipPool
from assets.workers.rejected import Rejected
from cals_models.digests import digest_of


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


Compute = Callable[[Any, frozenset[str]], Mapping[str, Mapping[str, Any] | Rejected]]


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


def _row(item: WorkItem, output: StageOutput, outcome: Mapping[str, Any] | Rejected) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(output.full_schema.names)
    row |= {
        "clip_id": item.clip_id,
        "input_digest": item.input_digests[output.name],
        "stage_version": output.version,
    }
    if isinstance(outcome, Rejected):
        if outcome.input_digest is not None:
            row["input_digest"] = outcome.input_digest
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


def adopt_rows(
    output: StageOutput, bucket: int, input_digests: Mapping[str, str], moved: MovedRows
) -> dict[str, dict[str, Any]]:
    """Gives the clips of a bucket that lack their row that of another clip with the same content, where there is one.

    Args:
        input_digests: clip id -> digest of its input.

    Returns:
        The index of the bucket afterwards.
    """
    index = output.index(bucket)
    lacking = {
        clip_id: digest
        for clip_id, digest in input_digests.items()
        if not output.forced.covers(clip_id, bucket)
        and not is_current(index.get(clip_id), digest, output.version)
    }
    rows = moved.find(lacking) if lacking else []
    if not rows:
        return index
    new = {row["clip_id"] for row in rows}
    old = [row for row in read_rows(output.path(bucket)) if row["clip_id"] not in new]
    write_rows(output.path(bucket), output.full_schema, [*old, *rows])
    return output.index(bucket)


def _submit(
    bucket: int,
    items: list[WorkItem],
    outputs: Sequence[StageOutput],
    moved: Mapping[str, MovedRows],
    compute: Compute,
    pool: ClipPool,
) -> _Pass:
    indices = {
        output.name: adopt_rows(
            output, bucket, {i.clip_id: i.input_digests[output.name] for i in items}, moved[output.name]
        )
        for output in outputs
    }
    wanted = {item.clip_id: _wanted(item, bucket, outputs, indices) for item in items}
    futures = [
        (item, pool.submit(compute, item.payload, wanted[item.clip_id]))
        for item in items
        if wanted[item.clip_id]
    ]
    return _Pass(bucket, items, indices, wanted, futures)


def _finish(
    current: _Pass, outputs: Sequence[StageOutput], pool: ClipPool, advance: Callable[[int], None]
) -> dict[str, set[str]]:
    """Writes what was computed.

    Returns:
        Clips by output that are gone. Their rows stay for now: one of them may be a clip of a later bucket by now.
    """
    fresh: dict[str, dict[str, dict[str, Any]]] = {output.name: {} for output in outputs}
    for item, future in current.futures:
        result = pool.result(future, outputs[0].name)
        for name, row in _outcomes(item, outputs, current.wanted[item.clip_id], result).items():
            fresh[name][item.clip_id] = row
        advance(1)
    advance(len(current.items) - len(current.futures))
    for output in outputs:
        replaced = {i.clip_id for i in current.items if output.name in current.wanted[i.clip_id]}
        if fresh[output.name] or not replaced.isdisjoint(current.indices[output.name]):
            old = (row for row in read_rows(output.path(current.bucket)) if row["clip_id"] not in replaced)
            write_rows(output.path(current.bucket), output.full_schema, [*old, *fresh[output.name].values()])
    present = {item.clip_id for item in current.items}
    return {name: set(index) - present for name, index in current.indices.items()}


def _remove_gone(output: StageOutput, bucket: int, clip_ids: set[str]) -> None:
    if clip_ids:
        rows = [row for row in read_rows(output.path(bucket)) if row["clip_id"] not in clip_ids]
        write_rows(output.path(bucket), output.full_schema, rows)


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
    moved = {output.name: MovedRows(output) for output in outputs}
    gone: dict[int, dict[str, set[str]]] = {}
    in_flight: deque[_Pass] = deque()
    waiting = iter(buckets.items())
    while (following := next(waiting, None)) is not None or in_flight:
        if following is not None:
            bucket, items_of = following
            in_flight.append(_submit(bucket, items_of(), outputs, moved, compute, pool))
            num_computed += len(in_flight[-1].futures)
        if following is None or len(in_flight) > 1:
            current = in_flight.popleft()
            gone[current.bucket] = _finish(current, outputs, pool, advance)
    for output in outputs:
        for bucket, clip_ids in gone.items():
            _remove_gone(output, bucket, clip_ids[output.name])
        _remove_other_buckets(output, set(buckets))
    return {output.name: summarise(output.folder, num_computed) for output in outputs}


def _remove_other_buckets(output: StageOutput, buckets: set[int]) -> None:
    for path in output.folder.glob("[0-9]*.parquet"):
        if int(path.stem) not in buckets:
            path.unlink()
