"""The shard writer: the same input gives the same bytes, unchanged shards stay, no clip is lost without a reason."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assets.shards.manifest import write_manifest
from assets.shards.settings import ShardSettings
from assets.shards.write_shards import BucketInput, write_bucket, write_tar
from cals_models.shards.shard_set import ShardSet
from tests.support.shard_sets import clip_rows, facts_of, make_shard_set, write_stage_files

SETTINGS = ShardSettings()


def bucket_input(folder: Path, rows: dict[str, dict[str, dict[str, Any]]]) -> BucketInput:
    """A bucket 0 with these clips; the split is the second part of a clip id."""
    return BucketInput(
        bucket=0,
        clips={clip_id: facts_of(clip_id, "made", clip_id.split("/")[1]) for clip_id in rows},
        stage_files=write_stage_files(folder / "stages", 0, list(rows.values())),
        version="1",
        settings_digest="made",
    )


def rows_of(*clip_ids: str, num_frames: int = 12) -> dict[str, dict[str, dict[str, Any]]]:
    return {clip_id: clip_rows(clip_id, seed, num_frames) for seed, clip_id in enumerate(clip_ids)}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_same_clips_give_the_same_bytes(tmp_path: Path) -> None:
    make_shard_set(tmp_path / "a")
    make_shard_set(tmp_path / "b")
    first = contents(tmp_path / "a" / "shards")
    assert first == contents(tmp_path / "b" / "shards")
    assert sum(name.endswith(".tar") for name in first) >= 4


def test_nothing_changed_nothing_written(tmp_path: Path) -> None:
    source = bucket_input(tmp_path, rows_of("made/train/a", "made/train/b", "made/val/c"))
    folder = tmp_path / "shards"
    assert write_bucket(folder, source, SETTINGS).written == ["train-00000.tar", "val-00000.tar"]
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in folder.iterdir()}
    outcome = write_bucket(folder, source, SETTINGS)
    assert (outcome.written, outcome.unchanged) == ([], ["train-00000.tar", "val-00000.tar"])
    assert before == {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in folder.iterdir()}


def test_one_changed_clip_rewrites_its_shard_alone(tmp_path: Path) -> None:
    folder, rows = tmp_path / "shards", rows_of("made/train/a", "made/train/b", "made/val/c")
    write_bucket(folder, bucket_input(tmp_path, rows), SETTINGS)
    rows["made/val/c"] = clip_rows("made/val/c", 9, 12)
    outcome = write_bucket(folder, bucket_input(tmp_path, rows), SETTINGS)
    assert (outcome.written, outcome.unchanged) == (["val-00000.tar"], ["train-00000.tar"])


@pytest.mark.parametrize("damage", ["gone", "cut", "no index", "torn index"])
def test_a_shard_that_was_tampered_with_is_written_anew(tmp_path: Path, damage: str) -> None:
    folder, source = tmp_path / "shards", bucket_input(tmp_path, rows_of("made/train/a"))
    write_bucket(folder, source, SETTINGS)
    good = contents(folder)
    tar, index = folder / "train-00000.tar", folder / "train-00000.index.json"
    match damage:
        case "gone":
            tar.unlink()
        case "cut":
            os.truncate(tar, 2048)
        case "no index":
            index.unlink()
        case "torn index":
            index.write_text("{")
    assert write_bucket(folder, source, SETTINGS).written == [tar.name]
    assert contents(folder) == good


def test_a_kill_between_tar_and_index_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, rows = tmp_path / "shards", rows_of("made/train/a")
    first = bucket_input(tmp_path, rows)
    write_bucket(folder, first, SETTINGS)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    other = bucket_input(tmp_path / "other", {"made/train/a": clip_rows("made/train/a", 5, 12)})
    with monkeypatch.context() as patch:
        patch.setattr("assets.shards.write_shards.write_text", killed)
        with pytest.raises(KeyboardInterrupt):
            write_bucket(folder, other, SETTINGS)
    assert write_bucket(folder, first, SETTINGS).written == ["train-00000.tar"]


def test_an_emptied_split_loses_its_shard_and_an_old_bucket_its_shards(tmp_path: Path) -> None:
    folder, rows = tmp_path / "shards", rows_of("made/train/a", "made/test/b")
    write_bucket(folder, bucket_input(tmp_path, rows), SETTINGS)
    rows.pop("made/test/b")
    write_bucket(folder, bucket_input(tmp_path, rows), SETTINGS)
    assert sorted(contents(folder)) == ["train-00000.index.json", "train-00000.tar"]
    assert write_manifest(folder, "made", [1]).num_clips("train") == 0
    assert sorted(contents(folder)) == ["croissant.json", "manifest.json"]
    assert ShardSet(folder).num_clips("train") == 0


def test_every_clip_is_in_a_shard_or_has_a_reason(tmp_path: Path) -> None:
    rows = rows_of("made/train/a", "made/train/b", "made/train/c")
    rows |= {"made/train/e": clip_rows("made/train/e", 8, 9)}
    rows |= {"made/train/f": clip_rows("made/train/f", 8, 12, applied_frames=-3)}
    rows["made/train/a"]["face_crops"] |= {
        "status": "rejected",
        "reason": "no_face",
        "detail": "0 of 12 frames",
    }
    for stage in ("mels", "av_offsets"):
        del rows["made/train/b"][stage]
    outcome = write_bucket(tmp_path / "shards", bucket_input(tmp_path, rows), SETTINGS)
    manifest = write_manifest(tmp_path / "shards", "made", [0])
    assert [row["clip_id"] for row in manifest.clips] == ["made/train/c"]
    reasons = {row["clip_id"][-1]: (row["stage"], row["reason"]) for row in outcome.excluded}
    assert reasons == {
        "a": ("face_crops", "no_face"),
        "b": ("mels", "not_computed"),
        "e": ("shards", "too_short"),
        "f": ("shards", "too_short"),
    }
    assert all(row["detail"] for row in outcome.excluded)


def test_the_offset_is_applied_to_audio_labels_and_frames(tmp_path: Path) -> None:
    rows = {clip_id: clip_rows(clip_id, 1, 20, applied) for clip_id, applied in _SHIFTS.items()}
    write_bucket(tmp_path / "shards", bucket_input(tmp_path, rows), SETTINGS)
    write_manifest(tmp_path / "shards", "made", [0])
    clips = {clip.clip_id: clip for clip in ShardSet(tmp_path / "shards").clips("train")}
    plain, early, late = (clips[clip_id] for clip_id in _SHIFTS)
    assert (plain.num_frames, early.num_frames, late.num_frames) == (20, 17, 18)
    np.testing.assert_array_equal(early.mel, plain.mel[:, : 4 * 17])
    np.testing.assert_array_equal(early.audio(), plain.audio()[: 640 * 17])
    np.testing.assert_array_equal(early.frames(range(17)), plain.frames(range(3, 20)))
    np.testing.assert_array_equal(early.landmarks, plain.landmarks[3:])
    np.testing.assert_array_equal(late.mel, plain.mel[:, 8:])
    np.testing.assert_array_equal(late.audio(), plain.audio()[640 * 2 :])
    np.testing.assert_array_equal(late.frames(range(18)), plain.frames(range(18)))
    assert early.meta["words"] == [[0, 0.1, "sil"], [0.1, 0.5, "bin"]]
    assert late.meta["words"] == [[0, 0.02, "sil"], [0.02, 0.42, "bin"]]
    assert early.meta["av_offset"]["applied_frames"] == 3


_SHIFTS = {"made/train/a": 0, "made/train/b": 3, "made/train/c": -2}


def test_the_json_holds_what_the_format_promises(tmp_path: Path) -> None:
    make_shard_set(tmp_path)
    meta = next(ShardSet(tmp_path / "shards").clips("test")).meta
    assert set(meta) == {
        "clip_id",
        "dataset",
        "split",
        "speaker",
        "transcript",
        "source",
        "fps",
        "num_frames",
        "jpeg_offsets",
        "valid",
        "boxes",
        "av_offset",
        "settings_digest",
        "words",
    }
    assert (meta["fps"], meta["num_frames"], len(meta["boxes"]), meta["valid"]) == (25, 25, 25, "1" * 25)
    assert meta["av_offset"]["status"] == "not measured"
    assert set(meta["source"]) == {"path", "sha256"}


def test_crops_and_audio_of_different_length_are_an_error(tmp_path: Path) -> None:
    rows = rows_of("made/train/a")
    rows["made/train/a"]["mels"] = clip_rows("made/train/a", 0, 13)["mels"]
    with pytest.raises(ValueError, match="frames 0 to 12 of 12, but audio for 13"):
        write_bucket(tmp_path / "shards", bucket_input(tmp_path, rows), SETTINGS)
    assert list((tmp_path / "shards").iterdir()) == []


def test_croissant_names_every_shard_with_its_digest(tmp_path: Path) -> None:
    manifest, _ = make_shard_set(tmp_path)
    metadata = json.loads((tmp_path / "shards" / "croissant.json").read_text())
    assert metadata["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    files = {row["@id"]: row for row in metadata["distribution"]}
    for shard in manifest.shards:
        assert files[shard["path"]]["sha256"] == shard["sha256"]
        assert files[shard["path"]]["contentSize"] == f"{shard['bytes']} B"
    sets = [row["includes"] for row in files.values() if row["@type"] == "cr:FileSet"]
    assert sorted(sets) == ["*.flac", "*.json", "*.landmarks.npy", "*.mel.npy", "*.mjpeg"]


def test_samples_out_of_order_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ids must rise"):
        write_tar(tmp_path / "train-00000.tar", [("b", {"json": b""}), ("a", {"json": b""})])
    assert list(tmp_path.iterdir()) == []


def test_manifest_lists_the_shards_of_the_folder(tmp_path: Path) -> None:
    manifest, outcomes = make_shard_set(tmp_path)
    folder = tmp_path / "shards"
    stored = json.loads((folder / "manifest.json").read_text())
    assert stored["digest"] == manifest.digest == ShardSet(folder).digest
    assert {split: rows["num_clips"] for split, rows in stored["splits"].items()} == {
        "train": 6,
        "val": 2,
        "test": 2,
    }
    assert sum(rows["num_frames"] for rows in stored["splits"].values()) == 250
    assert {row["path"] for row in manifest.shards} == {
        name for outcome in outcomes for name in outcome.written
    }
    assert {row["clip_id"] for row in manifest.clips} >= {"made/val/clip000", "made/test/clip001"}
    (folder / manifest.shards[0]["path"].replace(".tar", ".index.json")).unlink()
    with pytest.raises(ValueError, match="write the shard anew"):
        write_manifest(folder, "made", range(2))


def test_wrong_settings_say_what_would_be_right() -> None:
    with pytest.raises(ValueError, match="min_frames is 0"):
        ShardSettings(min_frames=0)
    with pytest.raises(ValueError, match="0 \\(fast\\) to 1"):
        ShardSettings(flac_compression=2)
