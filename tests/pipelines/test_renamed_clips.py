"""A clip that is renamed, moved or put into another split is not read again: its rows go with it, byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assets.clips import clip_rows
from assets.clips.clip_table import read_clip_table
from assets.media.probe import probe
from assets.store.bucket_files import bucket_of
from tests.support.small_runs import BY_CLIP, DATASET, SmallRuns

COMPUTED = BY_CLIP[1:]


@pytest.fixture
def runs(tmp_path: Path, grid_clips: list[Path], monkeypatch: pytest.MonkeyPatch) -> SmallRuns:
    return SmallRuns(tmp_path / "project", grid_clips, monkeypatch)


@pytest.fixture
def probed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that the inventory reads."""
    names: list[str] = []

    def noting(path: Path, *arguments: Any, **options: Any) -> Any:
        names.append(path.name)
        return probe(path, *arguments, **options)

    monkeypatch.setattr(clip_rows, "probe", noting)
    return names


def rename(runs: SmallRuns, names: dict[str, str]) -> None:
    """Gives files their new names, in the folder and in the list of splits."""
    for old in names:
        (runs.root / old).rename(runs.root / f"{old}.moving")
    for old, new in names.items():
        (runs.root / new).parent.mkdir(parents=True, exist_ok=True)
        (runs.root / f"{old}.moving").rename(runs.root / new)
    lines = (runs.root / "splits.csv").read_text().splitlines()
    rows = [line.rsplit(",", 1) for line in lines[1:]]
    renamed = [f"{names.get(path, path)},{split}" for path, split in rows]
    (runs.root / "splits.csv").write_text("\n".join([lines[0], *renamed]) + "\n")


def everything(runs: SmallRuns) -> dict[str, Any]:
    """Inventory and rows of all stages, by clip."""
    inventory = read_clip_table(runs.home, DATASET)
    return {stage: runs.rows(stage) for stage in COMPUTED} | {
        "clips": {row["clip_id"]: row for row in inventory}
    }


def other_bucket(clip_id: str, name: str) -> str:
    """A name like ``name`` whose clip lies in another bucket than the clip."""
    start = clip_id.rsplit("/", 1)[0]
    for number in range(20):
        new = f"folder/{number}{name}"
        if bucket_of(f"{start}/{new}", 2) != bucket_of(clip_id, 2):
            return new
    raise AssertionError("no such name")


def test_a_renamed_clip_keeps_its_rows(
    runs: SmallRuns,
    probed: list[str],
    tmp_path: Path,
    grid_clips: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs.compute(*BY_CLIP, "shards")
    first, second, _ = (clip.name for clip in grid_clips[:3])
    assert len(probed) == 3
    probed.clear()
    names = {first: other_bucket(f"one/train/{first}", first), second: "renamed.MPG"}
    rename(runs, names)
    runs.compute(*BY_CLIP, "shards")
    assert probed == [] and [runs.computed(stage) for stage in COMPUTED] == [0, 0, 0, 0]

    other = SmallRuns(tmp_path / "other", grid_clips, monkeypatch)
    rename(other, names)
    other.compute(*BY_CLIP, "shards")
    assert everything(runs) == everything(other), "as if the files had had these names from the beginning"
    assert runs.versions() == other.versions()


def test_clips_that_take_each_others_names_are_not_mixed_up(
    runs: SmallRuns,
    probed: list[str],
    tmp_path: Path,
    grid_clips: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs.compute(*BY_CLIP)
    first, second, third = (clip.name for clip in grid_clips[:3])
    rename(runs, {first: second, second: third, third: first})
    runs.compute(*BY_CLIP)
    other = SmallRuns(tmp_path / "other", grid_clips, monkeypatch)
    rename(other, {first: second, second: third, third: first})
    other.compute(*BY_CLIP)
    assert everything(runs) == everything(other)


def test_another_split_reads_nothing_and_another_suffix_does(
    runs: SmallRuns, probed: list[str], grid_clips: list[Path]
) -> None:
    runs.compute(*BY_CLIP)
    probed.clear()
    table = runs.root / "splits.csv"
    table.write_text(
        table.read_text().replace(",train", ",moved").replace(",val", ",train").replace(",moved", ",val")
    )
    runs.compute(*BY_CLIP)
    assert probed == [] and [runs.computed(stage) for stage in COMPUTED] == [0, 0, 0, 0]
    assert sorted(row["split"] for row in read_clip_table(runs.home, DATASET)) == ["test", "train", "val"]

    rename(runs, {grid_clips[0].name: "other.mkv"})
    runs.compute(*BY_CLIP)
    assert probed == ["other.mkv"] and runs.computed("mels") == 1, "a reader may go by the suffix"
