"""Files that are added, removed, changed or renamed: only new content is probed, and the rows follow."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from assets.clips import inventory as module
from assets.clips.clip_rows import ClipRow
from assets.clips.inventory import SOURCES_SCHEMA, compute_inventory
from assets.clips.settings import ClipsSettings
from assets.project.settings import Dataset
from assets.raw_videos.layouts.registry import reads
from assets.raw_videos.scan import scan
from assets.store.bucket_files import StageOutput
from assets.workers.clip_pool import PoolSettings
from tests.support.media_files import FlashFile, make_flash_file

NAMES = tuple(f"speaker{k % 3}/clip{k}.mp4" for k in range(6))


@dataclasses.dataclass
class Place:
    """A folder of videos, its inventory, and the files that were probed the last time."""

    root: Path
    stages: Path
    probed: list[str]

    def compute(self, settings: ClipsSettings | None = None) -> dict[str, ClipRow]:
        self.probed.clear()
        settings = settings or ClipsSettings()
        dataset = Dataset(
            name="some", layout="folder", root=self.root, profile="tiny", num_buckets=3, methods=()
        )
        output = StageOutput(name="clips", folder=self.stages, schema=SOURCES_SCHEMA, version=repr(settings))
        found = scan(self.root, reads("folder"), None)
        rows = compute_inventory(dataset, found, settings, output, PoolSettings(num_workers=0), {})
        return {row["clip_id"]: row for row in rows}

    def bucket_files(self) -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in self.stages.glob("*.parquet")}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    data = make_flash_file(
        tmp_path / "made.mp4", FlashFile(duration_s=0.6, flash_times_s=())
    ).path.read_bytes()
    for number, name in enumerate(NAMES):
        path = tmp_path / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data + b"\0\0\0\x0cfree" + number.to_bytes(4, "big"))
    place = Place(root=tmp_path / "raw", stages=tmp_path / "stages", probed=[])
    real = module.source_rows

    def recorded(raw: module.RawSource, settings: ClipsSettings) -> list[ClipRow]:
        place.probed.append(raw.source.relative_path)
        return real(raw, settings)

    monkeypatch.setattr(module, "source_rows", recorded)
    return place


def test_a_second_run_opens_no_file(place: Place) -> None:
    first = place.compute()
    assert {row["relative_path"] for row in first.values()} == set(NAMES) == set(place.probed)
    assert all(row["status"] == "ok" for row in first.values())
    files = place.bucket_files()
    assert place.compute() == first
    assert place.probed == [] and place.bucket_files() == files


def test_a_changed_file_is_the_only_one_probed(place: Place) -> None:
    first = place.compute()
    with (place.root / NAMES[2]).open("ab") as file:
        file.write(b"\0\0\0\x08free")
    second = place.compute()
    assert place.probed == [NAMES[2]]
    assert [clip_id for clip_id in first if second[clip_id] != first[clip_id]] == [
        clip_id for clip_id, row in first.items() if row["relative_path"] == NAMES[2]
    ]


def test_a_renamed_file_is_another_clip_of_the_same_content(place: Place) -> None:
    first = place.compute()
    (place.root / NAMES[4]).rename(place.root / NAMES[4].replace("clip4", "called otherwise"))
    second = place.compute()
    assert place.probed == [], "its content is known"
    (gone,), (new,) = first.keys() - second.keys(), second.keys() - first.keys()
    assert gone.endswith("clip4.mp4") and new.endswith("called otherwise.mp4")
    assert first[gone]["sha256"] == second[new]["sha256"] and first[gone]["split"] == second[new]["split"]
    assert all(second[clip_id] == first[clip_id] for clip_id in first.keys() & second.keys())


def test_a_deleted_file_leaves_no_row_and_moves_no_other(place: Place) -> None:
    first = place.compute()
    (place.root / NAMES[5]).unlink()
    second = place.compute()
    assert place.probed == []
    (gone,) = first.keys() - second.keys()
    assert gone.endswith("clip5.mp4")
    assert all(second[clip_id] == first[clip_id] for clip_id in second)


def test_a_changed_setting_probes_all_files_again(place: Place) -> None:
    first = place.compute()
    second = place.compute(ClipsSettings(max_duration_s=100.0))
    assert sorted(place.probed) == sorted(NAMES)
    assert second == first, "the same rows: what follows stays as it is"
    third = place.compute(ClipsSettings(max_side_px=100))
    assert {row["reason"] for row in third.values()} == {"too_large"}
    assert place.compute() == first


def test_a_file_that_breaks_is_a_row_and_back_again(place: Place) -> None:
    first = place.compute()
    whole = (place.root / NAMES[0]).read_bytes()
    (place.root / NAMES[0]).write_bytes(whole[:300])
    broken = place.compute()
    (row,) = [row for row in broken.values() if row["relative_path"] == NAMES[0]]
    assert (row["status"], row["stage"]) == ("rejected", "clips") and row["reason"] and row["detail"]
    (place.root / NAMES[0]).write_bytes(whole)
    assert place.compute() == first
