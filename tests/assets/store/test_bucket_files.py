"""Bucket files: only clips whose key changed are computed again, and a bucket is replaced whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from assets.store.bucket_files import (
    StageOutput,
    StageSummary,
    bucket_of,
    read_ok_rows,
    read_rows,
    write_rows,
)
from assets.store.bucket_pass import WorkItem, fill_buckets
from assets.store.forced_clips import ForcedClips
from assets.workers.clip_pool import ClipPool, PoolSettings
from assets.workers.rejected import PipelineFault, Rejected

SCHEMA = pa.schema([("digest", pa.string()), ("length", pa.int64()), ("payload", pa.binary())])
calls: list[str] = []


def measure(word: str, wanted: frozenset[str]) -> dict[str, dict[str, Any] | Rejected]:
    calls.append(word)
    if word == "bad":
        raise Rejected("words", "bad_word", "the word is bad")
    return {name: {"digest": f"d-{word}", "length": len(word), "payload": word.encode()} for name in wanted}


@pytest.fixture
def output(tmp_path: Path) -> StageOutput:
    calls.clear()
    return StageOutput(name="words", folder=tmp_path / "words", schema=SCHEMA, version="v1")


def fill(output: StageOutput, words: dict[str, str]) -> StageSummary:
    buckets: dict[int, list[WorkItem]] = {0: [], 1: [], 2: []}
    for clip_id, word in words.items():
        item = WorkItem(clip_id=clip_id, input_digests={"words": f"in-{word}"}, payload=word)
        buckets[bucket_of(clip_id, 3)].append(item)
    getters: dict[int, Callable[[], list[WorkItem]]] = {k: (lambda v=v: v) for k, v in buckets.items()}
    with ClipPool(PoolSettings(num_workers=0)) as pool:
        return fill_buckets([output], getters, measure, pool)["words"]


WORDS = {f"clip{i}": f"word{i}" for i in range(12)}


def test_rows_come_back(output: StageOutput) -> None:
    summary = fill(output, WORDS)
    rows = {row["clip_id"]: row for row in read_ok_rows(output.folder)}
    assert {k: row["payload"] for k, row in rows.items()} == {k: w.encode() for k, w in WORDS.items()}
    assert (summary.num_ok, summary.num_rejected, summary.num_computed) == (12, 0, 12)


def test_second_pass_computes_nothing_and_writes_nothing(output: StageOutput) -> None:
    first = fill(output, WORDS)
    stamps = {p: p.stat().st_mtime_ns for p in output.folder.iterdir()}
    calls.clear()
    second = fill(output, WORDS)
    assert calls == []
    assert second.digest == first.digest
    assert {p: p.stat().st_mtime_ns for p in output.folder.iterdir()} == stamps


def test_one_changed_clip_is_the_only_one_computed(output: StageOutput) -> None:
    fill(output, WORDS)
    before = {p: p.read_bytes() for p in output.folder.glob("*.parquet")}
    calls.clear()
    fill(output, WORDS | {"clip3": "other"})
    assert calls == ["other"]
    changed = [p for p in output.folder.glob("*.parquet") if p.read_bytes() != before[p]]
    assert changed == [output.path(bucket_of("clip3", 3))]


def test_a_change_and_back_restores_the_bytes(output: StageOutput) -> None:
    fill(output, WORDS)
    before = {p: p.read_bytes() for p in output.folder.glob("*.parquet")}
    fill(output, WORDS | {"clip3": "other"})
    fill(output, WORDS)
    assert {p: p.read_bytes() for p in output.folder.glob("*.parquet")} == before


def test_a_deleted_clip_is_gone(output: StageOutput) -> None:
    full = fill(output, WORDS)
    calls.clear()
    summary = fill(output, {k: w for k, w in WORDS.items() if k != "clip5"})
    assert calls == []
    assert summary.num_ok == 11
    assert summary.digest != full.digest


def test_a_new_stage_version_computes_all_but_an_equal_result_keeps_the_digest(output: StageOutput) -> None:
    first = fill(output, WORDS)
    calls.clear()
    second = fill(dataclasses.replace(output, version="v2"), WORDS)
    assert len(calls) == 12
    assert second.digest == first.digest


def test_a_rejected_clip_is_a_row(output: StageOutput) -> None:
    summary = fill(output, WORDS | {"clip3": "bad"})
    row = next(row for row in summary.outcomes if row["clip_id"] == "clip3")
    assert (row["status"], row["reason"], row["detail"]) == ("rejected", "bad_word", "the word is bad")
    assert summary.reasons == {"bad_word": 1}


def test_a_defect_of_the_code_is_counted_apart_from_rejections(output: StageOutput) -> None:
    item = WorkItem(clip_id="a", input_digests={"words": "x"}, payload=3)
    with ClipPool(PoolSettings(num_workers=0)) as pool:
        summary = fill_buckets([output], {0: lambda: [item]}, measure, pool)["words"]
    assert (summary.num_ok, summary.num_rejected, summary.num_unexpected) == (0, 0, 1)
    (row,) = read_rows(output.path(0))
    assert row["reason"] == "unexpected_error" and row["detail"].startswith("TypeError: ")


def test_an_interrupted_pass_keeps_finished_buckets(output: StageOutput) -> None:
    def measure_or_end(word: str, wanted: frozenset[str]) -> dict[str, dict[str, Any] | Rejected]:
        if word == "end":
            raise PipelineFault("weights are missing")
        return measure(word, wanted)

    finished, broken = (
        [WorkItem(clip_id=clip_id, input_digests={"words": "x"}, payload=payload)]
        for clip_id, payload in (("a", "one"), ("b", "end"))
    )
    with ClipPool(PoolSettings(num_workers=0)) as pool, pytest.raises(PipelineFault):
        fill_buckets([output], {0: lambda: finished, 1: lambda: broken}, measure_or_end, pool)
    assert [row["clip_id"] for row in read_rows(output.path(0))] == ["a"]
    assert not output.path(1).exists()


def two_steps(word: str, wanted: frozenset[str]) -> dict[str, dict[str, Any] | Rejected]:
    calls.append(f"{word}:{'+'.join(sorted(wanted))}")
    made: dict[str, dict[str, Any] | Rejected] = {
        "first": {"digest": word[:1], "length": 1},
        "second": {"digest": word, "length": 2, "input_digest": f"after-{word[:1]}"},
    }
    if word == "bad":
        return {"first": Rejected("first", "bad_word", "bad")}
    return {name: made[name] for name in wanted}


def test_two_outputs_in_one_pass(tmp_path: Path) -> None:
    calls.clear()
    outputs = [
        StageOutput(name=n, folder=tmp_path / n, schema=SCHEMA, version="v") for n in ("first", "second")
    ]

    def items(second_key: str) -> list[WorkItem]:
        keys = {"first": "raw", "second": second_key}
        return [WorkItem(clip_id=w, input_digests=keys, payload=w) for w in ("abc", "bad")]

    with ClipPool(PoolSettings(num_workers=0)) as pool:
        summaries = fill_buckets(outputs, {0: lambda: items("")}, two_steps, pool)
        assert summaries["first"].num_rejected == 1
        assert [row["clip_id"] for row in summaries["second"].outcomes] == ["abc"]
        calls.clear()
        fill_buckets(outputs[1:], {0: lambda: items("after-a")[:1]}, two_steps, pool)
    assert calls == []


def test_renamed_clips_take_their_rows_with_them(output: StageOutput) -> None:
    """Into other buckets too, whichever of them comes first; the rows under the earlier ids are gone."""
    words = WORDS | {"odd": "bad"}
    first = fill(output, words)
    calls.clear()
    renamed = {f"moved/{clip_id}": word for clip_id, word in words.items()}
    assert any(bucket_of(clip, 3) != bucket_of(f"moved/{clip}", 3) for clip in words)
    second = fill(output, renamed)
    assert calls == [] and second.num_computed == 0 and second.reasons == first.reasons
    rows = {row["clip_id"]: row["payload"] for row in read_ok_rows(output.folder)}
    assert rows == {f"moved/{clip_id}": word.encode() for clip_id, word in WORDS.items()}
    fill(output, renamed | {"copy of one": "word1"})
    assert calls == [], "the same content twice"


def test_names_that_change_places_keep_each_content(output: StageOutput) -> None:
    fill(output, WORDS)
    names = sorted(WORDS)
    rotated = {name: WORDS[names[place - 1]] for place, name in enumerate(names)}
    fill(output, rotated)
    rows = {row["clip_id"]: row["payload"] for row in read_ok_rows(output.folder)}
    assert rows == {name: word.encode() for name, word in rotated.items()}


def test_a_forced_clip_is_computed_and_takes_no_other_row(output: StageOutput) -> None:
    fill(output, WORDS)
    calls.clear()
    some = ForcedClips(clip_ids=frozenset({"clip3", "new"}))
    fill(dataclasses.replace(output, forced=some), WORDS | {"new": "word5"})
    assert sorted(calls) == ["word3", "word5"]
    calls.clear()
    fill(dataclasses.replace(output, forced=ForcedClips(buckets=frozenset({1}))), WORDS)
    assert sorted(calls) == sorted(word for clip, word in WORDS.items() if bucket_of(clip, 3) == 1)


def test_a_rejection_for_a_passing_reason_stays_with_its_clip(output: StageOutput) -> None:
    fill(output, {"odd": "bad"})
    (path,) = [path for path in output.folder.glob("*.parquet") if list(read_rows(path))]
    write_rows(path, output.full_schema, [row | {"reason": "timeout"} for row in read_rows(path)])
    calls.clear()
    fill(output, {"renamed": "bad"})
    assert calls == ["bad"], "it may have been the machine"


def test_a_rejection_keeps_the_key_that_only_the_worker_knew(output: StageOutput) -> None:
    rejected = Rejected("words", "bad_word", "bad")
    rejected.input_digest = "known later"
    item = WorkItem(clip_id="odd", input_digests={"words": ""}, payload="")
    with ClipPool(PoolSettings(num_workers=0)) as pool:
        fill_buckets([output], {0: lambda: [item]}, lambda payload, wanted: {"words": rejected}, pool)
    assert output.index(0)["odd"]["input_digest"] == "known later"
