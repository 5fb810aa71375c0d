"""What `--force` computes again: all of a stage, one clip, one bucket; and what is wrong to ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from assets.clips import clip_rows
from assets.clips.clip_table import read_clip_table
from assets.media.probe import probe
from assets.store.bucket_files import bucket_of, read_rows, write_rows
from assets.store.forced_clips import ForcedClips, force_tag, forced_by_tag
from pipelines.cli.main import main
from pipelines.force import forced_partitions
from pipelines.runner import run_stale
from tests.support.small_runs import BY_CLIP, DATASET, SmallRuns

EVERY = ForcedClips(every=True)
WRONG = {
    "mels": {"peak": -1.0},
    "face_tracks": {"detect_confidence": -1.0},
    "face_crops": {"padding_share": -1.0},
}


@pytest.fixture
def runs(tmp_path: Path, grid_clips: list[Path], monkeypatch: pytest.MonkeyPatch) -> SmallRuns:
    return SmallRuns(tmp_path, grid_clips, monkeypatch)


def damage(runs: SmallRuns, stage: str) -> None:
    """Writes wrong values into every row of a stage, under the key of the right ones."""
    for path in runs.home.stage(stage, DATASET).glob("[0-9]*.parquet"):
        rows = [row | WRONG[stage] for row in read_rows(path)]
        write_rows(path, pq.read_schema(path), rows)


def test_forced_clips_are_computed_from_the_source_again(runs: SmallRuns) -> None:
    runs.compute(*BY_CLIP, "shards")
    before, rows = runs.versions(), {stage: runs.rows(stage) for stage in BY_CLIP}
    clips = sorted(rows["mels"])

    for stage in ("face_tracks", "face_crops", "mels"):
        damage(runs, stage)
    runs.compute(*BY_CLIP)
    assert [runs.computed(stage) for stage in BY_CLIP[1:]] == [0, 0, 0, 0]
    assert runs.rows("mels")[clips[0]]["peak"] == -1.0, "a run reads no content of rows that are up to date"

    runs.compute(*BY_CLIP, forced=dict.fromkeys(BY_CLIP, EVERY))
    assert [runs.computed(stage) for stage in BY_CLIP[1:]] == [3, 3, 3, 3]
    assert {stage: runs.rows(stage) for stage in BY_CLIP} == rows
    assert runs.versions() == before

    one = ForcedClips(clip_ids=frozenset(clips[:1]))
    bucket = ForcedClips(buckets=frozenset({bucket_of(clips[0], 2)}))
    num_beside = sum(bucket_of(clip, 2) == bucket_of(clips[0], 2) for clip in clips)
    for forced, number in ((one, 1), (bucket, num_beside)):
        damage(runs, "face_crops")
        runs.compute("face_crops", forced={"face_crops": forced})  # from the stored tracks
        assert runs.computed("face_crops") == number
        assert sum(row["padding_share"] >= 0 for row in runs.rows("face_crops").values()) == number
    runs.compute("face_crops", forced={"face_crops": EVERY})

    shards = runs.compute("shards", forced={"shards": bucket})["shards"]
    assert shards.counts["shards_written"] == num_beside, "each clip of the bucket is in another split"
    assert shards.data_version == before["shards"]


def test_a_clip_is_forced_through_its_source(runs: SmallRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    runs.compute("clips")
    probed: list[str] = []

    def noting(path: Path, *arguments: Any, **options: Any) -> Any:
        probed.append(path.name)
        return probe(path, *arguments, **options)

    monkeypatch.setattr(clip_rows, "probe", noting)
    for clip in read_clip_table(runs.home, DATASET, ["clip_id", "relative_path"]):
        probed.clear()
        runs.compute("clips", forced={"clips": ForcedClips(clip_ids=frozenset({clip["clip_id"]}))})
        assert probed == [clip["relative_path"]]
    probed.clear()
    runs.compute("clips")
    assert probed == []


def test_the_tag_of_a_run_says_what_is_forced() -> None:
    some = ForcedClips(clip_ids=frozenset({"one/train/a.mp4"}), buckets=frozenset({3}))
    tag = force_tag({"mels": some, "clips": EVERY, "shards": ForcedClips()})
    assert forced_by_tag(tag, "mels") == some and forced_by_tag(tag, "clips") == EVERY
    assert not forced_by_tag(tag, "shards") and not forced_by_tag("", "mels")
    assert forced_by_tag("all", "mels") == EVERY
    for wrong in ("yes", '["mels"]', '{"mels": {"buckets": ["x"]}}'):
        with pytest.raises(ValueError, match=r'tag cals\.force: .* give "all"'):
            forced_by_tag(wrong, "mels")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--force", "mel"], "no asset 'mel'"),
        (["--force", "shards", "--to", "mels"], "--force shards: the run ends before it; give --to shards"),
        (["--force", "sync_encoder"], "--force sync_encoder: the run ends before it"),
        (["--force", "mels", "--clip", "one/train/none.mpg"], "--clip one/train/none.mpg: no such clip in one"),
        (["--force", "mels", "--bucket", "2"], "--bucket 2: one has buckets 0 to 1"),
        (["--clip", "one/train/none.mpg"], "give --force ASSET too"),
        (["--force", "sync_encoder", "--to", "sync_encoder", "--bucket", "1"], "is not computed clip by clip"),
    ],
)  # fmt: skip
def test_a_wrong_force_is_one_line(
    runs: SmallRuns, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *arguments]) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_cals_run_computes_again_and_says_so(runs: SmallRuns) -> None:
    """Through Dagster, whose run carries what is forced."""
    runs.configure(to="mels")
    lines: list[str] = []
    assert run_stale(runs.project, say=lines.append).ok
    before = runs.versions()
    damage(runs, "mels")
    clip = sorted(runs.rows("mels"))[0]
    force = forced_partitions(runs.project, [DATASET], None, ["mels"], [clip])
    outcome = run_stale(runs.project, force=force, say=lines.append)
    assert outcome.made == ["mels/one"] and runs.computed("mels") == 1
    assert f"mels/one: requested with --force for clip {clip}" in lines
    assert runs.rows("mels")[clip]["peak"] > 0 and runs.versions()["mels"] == before["mels"]
