"""Names that are equal: in both normal forms of Unicode, in two groups, in two places, under two suffixes."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from assets.raw_videos.layouts import grid, hdtf, lrs2, lrw
from assets.raw_videos.layouts.options import LayoutOptions
from assets.raw_videos.layouts.source_clip import DatasetFiles, LayoutProblem, SourceClip
from assets.raw_videos.layouts.splitting import splits_of_videos

OPTIONS = LayoutOptions()
NFC, NFD = "NFC", "NFD"
FORMS = pytest.mark.parametrize(("of_file", "of_list"), [(NFC, NFD), (NFD, NFC), (NFC, NFC)])


def folder(root: Path, videos: list[str], texts: dict[str, str]) -> DatasetFiles:
    for name, content in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content, encoding="utf-8")
    return DatasetFiles(root=root, problems=dict.fromkeys([*videos, *texts]))


def parted(found: list[SourceClip | LayoutProblem]) -> tuple[list[SourceClip], dict[str, LayoutProblem]]:
    problems = {item.relative_path: item for item in found if isinstance(item, LayoutProblem)}
    return [item for item in found if isinstance(item, SourceClip)], problems


@FORMS
def test_hdtf_annotations_name_videos_in_either_form(tmp_path: Path, of_file: str, of_list: str) -> None:
    name, listed = (unicodedata.normalize(form, "Ren\u00e9e0") for form in (of_file, of_list))
    texts = {
        "RD_video_url.txt": f"{listed} https://a\n",
        "RD_resolution.txt": f"{listed}.mp4 288\n",
        "RD_annotion_time.txt": f"{listed}.mp4 00:00-00:02\n",
        "RD_crop_wh.txt": f"{listed}_0.mp4 10 200 20 210\n",
    }
    files = folder(tmp_path, [f"{name}.mp4", f"RD_{name}.mp4"], texts)
    sources, problems = parted(hdtf.enumerate_clips(files, OPTIONS))
    assert not problems
    assert [(s.segment, s.crop_hint is not None, s.note) for s in sources] == 2 * [((0.0, 2.0), True, None)]
    assert {s.speaker for s in sources} == {"Ren\u00e9e"}


@FORMS
def test_lrs2_lists_name_videos_in_either_form(tmp_path: Path, of_file: str, of_list: str) -> None:
    name, listed = (unicodedata.normalize(form, "Ren\u00e9e/00001") for form in (of_file, of_list))
    texts = {
        "test.txt": f"{listed} NF\n",
        f"main/{unicodedata.normalize(of_list, name)}.txt": "Text:  HELLO\n",
    }
    sources, problems = parted(lrs2.enumerate_clips(folder(tmp_path, [f"main/{name}.mp4"], texts), OPTIONS))
    assert not problems
    assert [(s.split, s.speaker, s.transcript) for s in sources] == [("test", "Ren\u00e9e", "HELLO")]


@FORMS
def test_grid_and_lrw_pair_in_either_form(tmp_path: Path, of_file: str, of_list: str) -> None:
    name, other = (unicodedata.normalize(form, "d\u00e9j\u00e0") for form in (of_file, of_list))
    texts = {f"s1/align/{other}.align": "0 25000 sil\n25000 50000 bin\n"}
    (source,), problems = parted(grid.enumerate_clips(folder(tmp_path, [f"s1/{name}.mpg"], texts), OPTIONS))
    assert not problems and isinstance(source, SourceClip) and source.words == ((1.0, 2.0, "bin"),)
    files = folder(tmp_path, [f"{name}/val/{other}_00001.mp4"], {})
    (source,), problems = parted(lrw.enumerate_clips(files, OPTIONS))
    assert not problems and source.transcript == "D\u00c9J\u00c0"


TWO_GROUPS = {
    "RD_annotion_time.txt": "Talk0.mp4 00:00-00:01\n",
    "WDA_annotion_time.txt": "Talk0.mp4 00:05-00:09 00:10-00:12\n",
}


def test_hdtf_videos_of_one_name_in_two_groups_are_each_groups_own(tmp_path: Path) -> None:
    files = folder(tmp_path, ["RD_Talk0.mp4", "WDA/Talk0.mp4"], TWO_GROUPS)
    sources, problems = parted(hdtf.enumerate_clips(files, OPTIONS))
    assert not problems
    assert {(s.relative_path, s.segment) for s in sources} == {
        ("RD_Talk0.mp4", (0.0, 1.0)), ("WDA/Talk0.mp4", (5.0, 9.0)), ("WDA/Talk0.mp4", (10.0, 12.0)),
    }  # fmt: skip
    assert len({s.split for s in sources}) == 1, "one person"


def test_hdtf_of_two_groups_where_one_is_missing(tmp_path: Path) -> None:
    files = folder(tmp_path, ["RD_Talk0.mp4"], TWO_GROUPS)
    sources, problems = parted(hdtf.enumerate_clips(files, OPTIONS))
    assert [s.segment for s in sources] == [(0.0, 1.0)]
    assert {path: p.reason for path, p in problems.items()} == {"WDA_Talk0.mp4": "listed_but_missing"}


def test_hdtf_video_that_two_groups_annotate_otherwise_is_one_row(tmp_path: Path) -> None:
    sources, problems = parted(hdtf.enumerate_clips(folder(tmp_path, ["a/Talk0.mp4"], TWO_GROUPS), OPTIONS))
    assert not sources
    assert {path: p.reason for path, p in problems.items()} == {"a/Talk0.mp4": "in_two_groups"}
    assert "RD and WDA both annotate Talk0" in problems["a/Talk0.mp4"].detail
    assert "name it RD_Talk0 or WDA_Talk0" in problems["a/Talk0.mp4"].detail
    same = dict.fromkeys(TWO_GROUPS, TWO_GROUPS["RD_annotion_time.txt"])
    sources, problems = parted(hdtf.enumerate_clips(folder(tmp_path, ["Talk0.mp4"], same), OPTIONS))
    assert [s.segment for s in sources] == [(0.0, 1.0)] and not problems, "they agree"


def test_hdtf_annotations_in_parts_all_count(tmp_path: Path) -> None:
    texts = {
        "a/RD_annotion_time.txt": "Talk0.mp4 00:00-00:01\nTalk1.mp4 00:02-00:03\n",
        "b/RD_annotion_time.txt": "Talk2.mp4 00:04-00:05\nTalk0.mp4 00:00-00:01\n",
    }
    files = folder(tmp_path, ["a/Talk0.mp4", "a/Talk1.mp4", "b/Talk2.mp4"], texts)
    sources, problems = parted(hdtf.enumerate_clips(files, OPTIONS))
    assert {(s.relative_path, s.segment, s.note and s.note[:26]) for s in sources} == {
        (path, segment, "RD_crop_wh.txt states no c")
        for path, segment in [
            ("a/Talk0.mp4", (0.0, 1.0)),
            ("a/Talk1.mp4", (2.0, 3.0)),
            ("b/Talk2.mp4", (4.0, 5.0)),
        ]
    } and not problems
    assert not any("lines" in str(source.note) for source in sources), "equal lines count once"


def test_lrs2_name_in_two_places_is_told(tmp_path: Path) -> None:
    videos = ["copy/main/55/00001.mp4", "mvlrs_v1/main/55/00001.mp4", "mvlrs_v1/main/55/00002.mp4"]
    sources, problems = parted(
        lrs2.enumerate_clips(folder(tmp_path, videos, {"val.txt": "55/00001\n"}), OPTIONS)
    )
    assert [source.relative_path for source in sources] == ["copy/main/55/00001.mp4"]
    assert {path: p.reason for path, p in problems.items()} == {
        "mvlrs_v1/main/55/00001.mp4": "in_two_places",
        "mvlrs_v1/main/55/00002.mp4": "not_in_lists",
    }
    assert "copy/main/55/00001.mp4 has too" in problems["mvlrs_v1/main/55/00001.mp4"].detail


def test_copies_under_two_suffixes_or_forms_are_in_one_split() -> None:
    stems = [f"s1/{number:03d}\u00e9" for number in range(40)]
    twins = [unicodedata.normalize(NFD, stem) for stem in stems]
    videos = [f"{stem}{suffix}" for stem in [*stems, *twins] for suffix in (".mpg", ".mp4")]
    splits, by_speaker = splits_of_videos(dict.fromkeys(videos), OPTIONS)
    assert not by_speaker and set(splits.values()) == {"train", "val", "test"}
    for stem, twin in zip(stems, twins, strict=True):
        assert len({splits[f"{name}{suffix}"] for name in (stem, twin) for suffix in (".mpg", ".mp4")}) == 1
    alone, _ = splits_of_videos(dict.fromkeys(f"{stem}.mp4" for stem in stems), OPTIONS)
    assert alone == {video: split for video, split in splits.items() if video in alone}
    names, _ = splits_of_videos(dict.fromkeys(f"Dr.Nobody{number}" for number in range(40)), OPTIONS)
    assert len(set(names.values())) == 3, "a name's point begins no suffix"
