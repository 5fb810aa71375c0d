"""From sources to rows: segments, shots, words, promises, duplicates."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest
from skimage import data

from assets.clips.clip_rows import (
    SCHEMA,
    RawSource,
    problem_rows,
    reject_duplicates,
    source_rows,
    sources_by_split,
)
from assets.clips.settings import ClipsSettings
from assets.clips.shots import cut_evenly, find_shots
from assets.media.probe import probe
from assets.raw_videos.layouts.source_clip import CropHint, LayoutProblem, SourceClip
from tests.support.media_files import FlashFile, make_flash_file


def rows_of(root: Path, source: SourceClip, **settings: object) -> list[dict]:
    item = RawSource(dataset="d", root=str(root), source=source, sha256="ab")
    rows = source_rows(item, ClipsSettings(**settings))  # type: ignore[arg-type]
    pa.Table.from_pylist(rows, schema=SCHEMA)
    assert all(set(row) == set(SCHEMA.names) for row in rows)
    return rows


def three_shots(time_s: float) -> np.ndarray:
    """Cuts at 6 s and 8 s; a slow movement within the shots."""
    shot = 0 if time_s < 6 else 1 if time_s < 8 else 2
    frame = np.random.default_rng(shot).integers(0, 120, (6, 10, 3), dtype=np.uint8)
    frame = frame.repeat(16, axis=0).repeat(16, axis=1)
    at = int(time_s * 10) % 140
    frame[40:60, at : at + 20] = (90, 160, 120)
    return frame


def test_a_grid_clip(real_grid_clips: list[Path]) -> None:
    source = SourceClip(
        relative_path=real_grid_clips[0].name,
        split="val",
        speaker="s1",
        words=((0.95, 1.18, "bin"),),
        transcript="bin",
    )
    (row,) = rows_of(real_grid_clips[0].parent, source)
    assert row["clip_id"] == f"d/val/{real_grid_clips[0].name}"
    assert (row["status"], row["num_frames_25"], row["fps"]) == ("ok", 75, 25.0)
    assert (row["width"], row["height"], row["video_codec"], row["channels"]) == (360, 288, "mpeg1video", 2)
    assert row["words"] == [{"start_s": 0.95, "end_s": 1.18, "word": "bin"}]
    assert row["trimmed_s"] == 0.0
    assert row["start_s"] is None


def test_long_sources_are_cut_at_shots(tmp_path: Path) -> None:
    spec = FlashFile(duration_s=20.0, draw=three_shots, flash_times_s=(3.0,), fps=FlashFile().fps)
    make_flash_file(tmp_path / "long.mp4", spec)
    found = probe(tmp_path / "long.mp4")
    shots = find_shots(found, threshold=3.0, min_change=15.0)
    assert len(shots) == 3
    assert [shot[0] for shot in shots] == pytest.approx([0.0, 6.0, 8.0], abs=0.13)
    assert shots[0][1] <= 6.001
    rows = rows_of(tmp_path, SourceClip(relative_path="long.mp4", split="train", cut="at_shots"))
    assert [row["clip_id"] for row in rows] == [f"d/train/long.mp4#{k}" for k in range(4)]
    assert [row["status"] for row in rows] == ["ok", "rejected", "ok", "ok"]
    assert rows[1]["reason"] == "short_shot"
    assert rows[0]["common_end_s"] <= 6.001
    for row in rows:
        if row["status"] == "ok":
            assert 125 <= row["num_frames_25"] <= 250
            assert row["common_start_s"] * 25 == pytest.approx(round(row["common_start_s"] * 25), abs=1e-6)


def test_shots_of_frames_without_time_stamps(tmp_path: Path) -> None:
    spec = FlashFile(suffix="avi", video_codec="libx264", duration_s=18.0, flash_times_s=(), draw=three_shots)
    made = make_flash_file(tmp_path / "film.avi", spec)
    shots = find_shots(probe(made.path), threshold=3.0, min_change=15.0)
    np.testing.assert_allclose(shots, [(0.0, 6.0), (6.0, 8.0), (8.0, 18.0)])


def test_a_bumped_or_shaking_camera_and_a_flash_are_no_shot_changes(tmp_path: Path) -> None:
    photograph = cv2.resize(data.astronaut(), (240, 240), interpolation=cv2.INTER_AREA)

    def draw(time_s: float) -> np.ndarray:
        shake = 10 * np.sin(2 * np.pi * 3 * time_s) if 6 <= time_s < 9 else 0
        left = round(30 + shake + (24 if time_s >= 4 else 0))
        return np.ascontiguousarray(photograph[60:156, left : left + 160])

    spec = FlashFile(duration_s=11.0, draw=draw, flash_times_s=(2.0,))
    found = probe(make_flash_file(tmp_path / "long.mp4", spec).path)
    assert find_shots(found, threshold=3.0, min_change=15.0) == [(found.video.start_s, found.video.end_s)]


def test_stated_parts_are_cut_evenly_and_words_move_along(tmp_path: Path) -> None:
    make_flash_file(tmp_path / "a.mp4", FlashFile(duration_s=24.0, flash_times_s=()))
    source = SourceClip(
        relative_path="a.mp4",
        split="train",
        segment=(1.0, 23.0),
        segment_number=3,
        cut="evenly",
        transcript="one two",
        words=((1.5, 1.9, "one"), (9.0, 9.4, "two")),
        crop_hint=CropHint(x=1, y=2, width=30, height=40, video_height=96),
    )
    rows = rows_of(tmp_path, source)
    assert [row["clip_id"][-4:] for row in rows] == ["#3.0", "#3.1", "#3.2"]
    assert sum(row["num_frames_25"] for row in rows) == 550
    assert rows[0]["common_start_s"] == pytest.approx(1.0)
    assert rows[0]["transcript"] == "one"
    assert rows[1]["transcript"] == "two"
    start_s = 9.0 - rows[1]["common_start_s"]
    assert rows[1]["words"][0] == {
        "start_s": pytest.approx(start_s),
        "end_s": pytest.approx(start_s + 0.4),
        "word": "two",
    }
    assert rows[2]["words"] == []
    assert rows[0]["crop_hint"] == {"x": 1, "y": 2, "width": 30, "height": 40}


def test_a_crop_for_another_resolution_is_not_used(tmp_path: Path) -> None:
    make_flash_file(tmp_path / "a.mp4", FlashFile())
    hint = CropHint(x=1, y=2, width=30, height=40, video_height=720)
    (row,) = rows_of(tmp_path, SourceClip(relative_path="a.mp4", split="train", crop_hint=hint))
    assert row["crop_hint"] is None
    assert "720 lines, the video has 96" in row["note"]


def test_a_part_beyond_the_end_is_a_row(tmp_path: Path) -> None:
    make_flash_file(tmp_path / "a.mp4", FlashFile())
    (row,) = rows_of(
        tmp_path, SourceClip(relative_path="a.mp4", split="test", segment=(60.0, 70.0), segment_number=0)
    )
    assert (row["clip_id"], row["status"], row["reason"]) == ("d/test/a.mp4#0", "rejected", "no_common_part")


def test_words_beyond_the_end_reveal_a_file_cut_short(grid_clips: list[Path], tmp_path: Path) -> None:
    data = grid_clips[0].read_bytes()
    (tmp_path / "a.mpg").write_bytes(data[: len(data) // 2])
    source = SourceClip(relative_path="a.mpg", split="train", words=((2.3, 2.8, "please"),))
    (row,) = rows_of(tmp_path, source)
    assert (row["status"], row["reason"]) == ("rejected", "damaged")
    assert "last until 2.80 s" in row["detail"]


def test_trimmed_streams_are_stated(tmp_path: Path) -> None:
    make_flash_file(tmp_path / "a.mov", FlashFile(suffix="mov", audio_late_s=0.2, flash_times_s=()))
    (row,) = rows_of(tmp_path, SourceClip(relative_path="a.mov", split="train"))
    assert row["num_frames_25"] == 70
    assert row["trimmed_s"] == pytest.approx(0.4, abs=0.01)
    assert row["common_start_s"] - row["video_start_s"] == pytest.approx(0.2)


def test_problems_are_rows() -> None:
    given = [
        LayoutProblem(relative_path="a.mp4", reason="bad_times", detail="one"),
        LayoutProblem(relative_path="a.mp4", reason="bad_times", detail="two"),
        LayoutProblem(relative_path="a.mp4", reason="not_in_lists", detail="three"),
    ]
    rows = problem_rows("d", given, {"a.mp4": "ff"})
    assert [row["clip_id"] for row in rows] == ["d/unsplit/a.mp4!bad_times", "d/unsplit/a.mp4!not_in_lists"]
    assert rows[0]["detail"] == "one; two"
    assert rows[0]["sha256"] == "ff"


def test_the_same_bytes_in_two_splits(tmp_path: Path, grid_clips: list[Path]) -> None:
    for name in ("1.mpg", "2.mpg", "3.mpg"):
        shutil.copy(grid_clips[0], tmp_path / name)
    rows = []
    for name, split in (("1.mpg", "train"), ("2.mpg", "train"), ("3.mpg", "test")):
        rows += rows_of(tmp_path, SourceClip(relative_path=name, split=split))
    same_split = reject_duplicates(rows[:2])
    assert [row["status"] for row in same_split] == ["ok", "ok"]
    checked = reject_duplicates(rows)
    assert [row["status"] for row in checked] == ["rejected", "rejected", "ok"]
    assert checked[0]["reason"] == "duplicate_across_splits"
    assert "3.mpg of the test split" in checked[0]["detail"]


def test_stretches_of_one_file_may_lie_in_two_splits(tmp_path: Path, grid_clips: list[Path]) -> None:
    shutil.copy(grid_clips[0], tmp_path / "1.mpg")
    whole = rows_of(tmp_path, SourceClip(relative_path="1.mpg", split="test"))
    train, val, late = (
        rows_of(
            tmp_path, SourceClip(relative_path="1.mpg", split=split, segment=bounds, segment_number=number)
        )
        for number, (split, bounds) in enumerate(
            [("train", (0.0, 1.6)), ("val", (1.6, 3.0)), ("train", (1.5, 2.9))]
        )
    )
    apart = reject_duplicates([*train, *val])
    assert [row["status"] for row in apart] == ["ok", "ok"]
    assert set(sources_by_split(apart)) == {("ab from 0 s", "train"), ("ab from 1.6 s", "val")}
    assert set(sources_by_split([*late, *val])) == {("ab", "train"), ("ab", "val")}
    assert set(sources_by_split([*train, *whole])) == {("ab", "train"), ("ab", "test")}
    assert [row["status"] for row in reject_duplicates([*late, *val])] == ["rejected", "ok"]
    both = reject_duplicates([*train, *val, *whole])
    assert [row["reason"] for row in both] == ["duplicate_across_splits"] * 2 + [None]
    assert all("of the test split" in row["detail"] for row in both[:2])


def test_even_cuts() -> None:
    pieces = cut_evenly(0.04, 21.04, min_s=5.0, max_s=10.0)
    assert [piece.end_s - piece.start_s for piece in pieces] == pytest.approx([7.0, 7.0, 7.0])
    assert not cut_evenly(0, 4.0, min_s=5.0, max_s=10.0)[0].long_enough
    assert len(cut_evenly(0, 10.0, min_s=5.0, max_s=10.0)) == 1


def test_settings_say_what_is_right() -> None:
    with pytest.raises(ValueError, match="at least twice min_segment_s"):
        ClipsSettings(min_segment_s=6.0)
    with pytest.raises(ValueError, match="min_side_px"):
        ClipsSettings(min_side_px=0)
