"""Real GRID clips laid out as each dataset; every video ends as a source or a problem."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

from assets.project.layouts import LAYOUTS
from assets.raw_videos.layouts.hdtf import speaker_of
from assets.raw_videos.layouts.options import LayoutOptions, layout_options
from assets.raw_videos.layouts.registry import (
    check_layout,
    enumerate_sources,
    layout_named,
    likely_layout,
    reads,
)
from assets.raw_videos.layouts.source_clip import LayoutError, LayoutProblem, SourceClip
from assets.raw_videos.layouts.splitting import draw_splits


class Tree:
    """Lays clips out below a root: copies of real GRID clips under other names."""

    def __init__(self, root: Path, clips: list[Path]) -> None:
        self.root = root
        self._clips = clips
        self._num = 0

    def video(self, *names: str) -> None:
        for name in names:
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self._clips[self._num % len(self._clips)], path)
            self._num += 1

    def text(self, name: str, content: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


@pytest.fixture
def tree(tmp_path: Path, grid_clips: list[Path]) -> Tree:
    return Tree(tmp_path / "data", grid_clips)


def listed(layout: str, root: Path, **options: object) -> tuple[list[SourceClip], dict[str, str]]:
    """Sources, and problems by path; every video must be in one of them."""
    found = enumerate_sources(layout, root, layout_options(options))
    sources = [item for item in found if isinstance(item, SourceClip)]
    problems = {item.relative_path: item.reason for item in found if isinstance(item, LayoutProblem)}
    videos = {p.relative_to(root).as_posix() for p in root.rglob("*") if p.suffix in (".mp4", ".mpg", ".avi")}
    assert videos <= {source.relative_path for source in sources} | set(problems)
    assert all(item.detail for item in found if isinstance(item, LayoutProblem))
    return sources, problems


def test_lrw(tree: Tree) -> None:
    tree.video(
        *[
            f"lipread_mp4/ABOUT/{split}/ABOUT_0000{k}.mp4"
            for split in ("train", "val", "test")
            for k in (1, 2)
        ]
    )
    tree.text("lipread_mp4/ABOUT/train/ABOUT_00001.txt", "Disk reference: 1\nDuration: 0.53 seconds\n")
    tree.video("lipread_mp4/ABOUT/train/OTHER_00001.mp4", "lipread_mp4/stray.mp4")
    sources, problems = listed("lrw", tree.root)
    assert Counter(source.split for source in sources) == {"train": 2, "val": 2, "test": 2}
    assert {source.transcript for source in sources} == {"ABOUT"}
    assert problems == {
        "lipread_mp4/ABOUT/train/OTHER_00001.mp4": "not_in_layout",
        "lipread_mp4/stray.mp4": "not_in_layout",
    }
    sources, _ = listed("lrw", tree.root / "lipread_mp4")
    assert len(sources) == 6


def lay_out_lrs2(tree: Tree, base: str = "mvlrs_v1/") -> None:
    tree.video(*[f"{base}main/55/0000{k}.mp4" for k in range(5)], f"{base}pretrain/66/00001.mp4")
    for k in range(5):
        tree.text(f"{base}main/55/0000{k}.txt", f"Text:  HELLO NUMBER {k}\nConf:  4\n")
    tree.text(
        f"{base}pretrain/66/00001.txt",
        "Text:  GOOD DAY\nConf:  4\n\nWORD START END ASDSCORE\nGOOD 0.10 0.40 2.1\nDAY 0.40 0.9 1.0\n",
    )
    tree.text("train.txt", "55/00000\n55/00001\n\n55/00009\n")
    tree.text("val.txt", "55/00002\n")
    tree.text("test.txt", "55/00003 NF\n55/00001 NF\n")
    tree.text("pretrain.txt", "66/00001\n")


def test_lrs2(tree: Tree) -> None:
    lay_out_lrs2(tree)
    sources, problems = listed("lrs2", tree.root)
    assert {(source.relative_path[-9:], source.split) for source in sources} == {
        ("00000.mp4", "train"),
        ("00001.mp4", "test"),
        ("00002.mp4", "val"),
        ("00003.mp4", "test"),
    }
    assert next(s for s in sources if s.split == "val").transcript == "HELLO NUMBER 2"
    assert {source.speaker for source in sources} == {"55"}
    assert problems == {
        "main/55/00009.mp4": "listed_but_missing",
        "mvlrs_v1/main/55/00001.mp4": "in_two_lists",
        "mvlrs_v1/main/55/00004.mp4": "not_in_lists",
        "mvlrs_v1/pretrain/66/00001.mp4": "part_not_used",
    }


def test_lrs2_with_pretrain(tree: Tree) -> None:
    lay_out_lrs2(tree, base="")
    sources, _ = listed("lrs2", tree.root, use_pretrain=True)
    added = next(source for source in sources if source.relative_path.startswith("pretrain"))
    assert (added.split, added.transcript) == ("train", "GOOD DAY")
    assert added.words == ((0.1, 0.4, "GOOD"), (0.4, 0.9, "DAY"))


def test_lrs2_without_lists_says_what_is_missing(tree: Tree) -> None:
    tree.video("mvlrs_v1/main/55/00001.mp4")
    with pytest.raises(LayoutError, match=r"train\.txt"):
        check_layout("lrs2", tree.root)


def lay_out_hdtf(tree: Tree) -> None:
    tree.video("Radio1.mp4", "WDA/WDA_JaneDoe0.mp4", "Radio2.mp4", "stranger.mp4")
    tree.text("RD_video_url.txt", "Radio1 https://a\nRadio2 https://b\nRadio3 https://c\n")
    tree.text("RD_resolution.txt", "Radio1.mp4 288 \nRadio2.mp4 0\n")
    tree.text("RD_annotion_time.txt", "Radio1.mp4 00:00-00:01 00:01-00:03 \nRadio3.mp4 0:10-0:20\n")
    tree.text("RD_crop_wh.txt", "Radio1_0.mp4 10 200 20 210\n")
    tree.text("WDA_video_url.txt", "\ufeffJaneDoe0 https://d\n")
    tree.text("WDA_resolution.txt", "JaneDoe0.mp4 0\n")
    tree.text("WDA_annotion_time.txt", "JaneDoe0.mp4 00:00-00:02 00:02-00:02\n")
    tree.text("WDA_crop_wh.txt", "JaneDoe0_0.mp4 1 2 3 4\n")


def test_hdtf_full_videos(tree: Tree) -> None:
    lay_out_hdtf(tree)
    sources, problems = listed("hdtf", tree.root)
    parts = {(s.relative_path, s.segment_number): s for s in sources}
    assert set(parts) == {("Radio1.mp4", 0), ("Radio1.mp4", 1), ("WDA/WDA_JaneDoe0.mp4", 0)}
    first = parts["Radio1.mp4", 0]
    assert first.segment == (0.0, 1.0)
    assert first.crop_hint is not None
    crop = first.crop_hint
    assert (crop.x, crop.width, crop.y, crop.height, crop.video_height) == (10, 200, 20, 210, 288)
    assert "states no crop for Radio1_1" in (parts["Radio1.mp4", 1].note or "")
    assert "states no height" in (parts["WDA/WDA_JaneDoe0.mp4", 0].note or "")
    assert parts["WDA/WDA_JaneDoe0.mp4", 0].speaker == "JaneDoe"
    assert problems == {
        "Radio2.mp4": "no_times",
        "Radio3.mp4": "listed_but_missing",
        "WDA/WDA_JaneDoe0.mp4": "bad_times",
        "stranger.mp4": "no_annotation",
    }


def test_hdtf_video_on_two_lines_keeps_the_times_of_both(tree: Tree) -> None:
    tree.video("Radio11.mp4")
    tree.text("RD_video_url.txt", "Radio11 https://example.org/1\n")
    tree.text("RD_resolution.txt", "Radio11.mp4 288\n")
    tree.text(
        "RD_annotion_time.txt",
        "Radio11.mp4 00:00-00:01 00:01-00:02\nRadio11.mp4 00:01-00:02 00:02-00:03\n",
    )
    tree.text("RD_crop_wh.txt", "Radio11_0.mp4 1 99 2 98\nRadio11_2.mp4 3 97 4 96\n")
    sources, _ = listed("hdtf", tree.root)
    assert [(s.segment_number, s.segment) for s in sources] == [(0, (0, 1)), (1, (1, 2)), (2, (2, 3))]
    assert [s.crop_hint.x if s.crop_hint else None for s in sources] == [1, None, 3]
    told = "RD_annotion_time.txt states its times on 2 lines; all count"
    assert all(s.note is not None and told in s.note for s in sources)


def test_hdtf_cut_clips_in_both_namings(tree: Tree) -> None:
    tree.video("Radio11_0.mp4", "Radio11_1.mp4", "WDA_JaneDoe1_000.mp4", "WRA_JohnRoe_002.mp4", "holiday.mp4")
    sources, problems = listed("hdtf", tree.root)
    assert {s.relative_path: s.speaker for s in sources} == {
        "Radio11_0.mp4": "Radio",
        "Radio11_1.mp4": "Radio",
        "WDA_JaneDoe1_000.mp4": "JaneDoe",
        "WRA_JohnRoe_002.mp4": "JohnRoe",
    }
    assert all(s.segment is None and s.cut == "evenly" for s in sources)
    assert sources[0].split == sources[1].split
    assert problems == {"holiday.mp4": "no_annotation"}


def test_hdtf_of_one_person_keeps_a_videos_clips_together(tree: Tree) -> None:
    tree.video(*[f"RD_Radio{k}_00{j}.mp4" for k in range(8) for j in (0, 1)])
    sources, _ = listed("hdtf", tree.root)
    splits: dict[str, set[str]] = {}
    for source in sources:
        splits.setdefault(source.relative_path.split("_")[1], set()).add(source.split)
    assert all(len(found) == 1 for found in splits.values())
    assert set.union(*splits.values()) == {"train", "val", "test"}
    assert not sources[0].speaker_disjoint
    assert speaker_of("Radio11") == "Radio"


def test_grid_of_one_speaker_is_split_by_sentence(tree: Tree, shared_data: Path) -> None:
    for path in sorted((shared_data / "grid" / "s1").glob("*.mpg"))[:30]:
        tree.root.joinpath("s1").mkdir(parents=True, exist_ok=True)
        (tree.root / "s1" / path.name).symlink_to(path)
    (tree.root / "align").symlink_to(shared_data / "grid" / "align")
    sources, problems = listed("grid", tree.root)
    assert not problems
    assert {source.split for source in sources} == {"train", "val", "test"}
    one = next(source for source in sources if source.relative_path == "s1/bbaf2n.mpg")
    assert one.transcript == "bin blue at f two now"
    assert one.words is not None
    assert one.words[0] == (0.95, 1.18, "bin")
    assert not one.speaker_disjoint
    assert sources == listed("grid", tree.root)[0]
    other = {s.relative_path: s.split for s in listed("grid", tree.root, seed=7)[0]}
    assert other != {s.relative_path: s.split for s in sources}


def test_grid_of_several_speakers_keeps_them_apart(tree: Tree) -> None:
    tree.video(*[f"s{k}/bbaf{d}n.mpg" for k in range(1, 7) for d in (1, 2)], "notes/bbaf2n.mpg")
    tree.text("s1/align/bbaf1n.align", "0 1000 sil\n1000 26000 bin\n26000 30000 sp\n")
    tree.text("align/s2/bbaf1n.align", "0 25000 two\n")
    tree.text("align/bbaf2n.align", "0 25000 whose\n")
    tree.text("s3/bbaf1n.align", "garbage\n")
    sources, problems = listed("grid", tree.root)
    assert problems == {"notes/bbaf2n.mpg": "not_in_layout"}
    by_speaker: dict[str | None, set[str]] = {}
    for source in sources:
        by_speaker.setdefault(source.speaker, set()).add(source.split)
        assert source.speaker_disjoint
    assert all(len(splits) == 1 for splits in by_speaker.values())
    found = {source.relative_path: source for source in sources}
    assert found["s1/bbaf1n.mpg"].words == ((0.04, 1.04, "bin"),)
    assert found["s2/bbaf1n.mpg"].transcript == "two"
    assert found["s4/bbaf2n.mpg"].words is None  # one align folder for several speakers is ambiguous
    assert found["s4/bbaf2n.mpg"].transcript == "bin blue at f two now"
    assert "not an alignment" in (found["s3/bbaf1n.mpg"].note or "")
    mixed, _ = listed("grid", tree.root, split_by="video")
    assert not mixed[0].speaker_disjoint


def test_folder_draws_by_speaker(tree: Tree) -> None:
    tree.video(
        *[
            f"{who}/talks/{k}.{kind}"
            for who in ("ann", "bob", "cy", "di")
            for k, kind in ((1, "mpg"), (2, "avi"))
        ]
    )
    tree.text("ann/talks/1.txt", "Hello\nthere\n")
    sources, problems = listed("folder", tree.root)
    assert not problems
    assert {source.split for source in sources} == {"train", "val", "test"}
    assert {source.speaker for source in sources} == {"ann", "bob", "cy", "di"}
    assert all(len({s.split for s in sources if s.speaker == who}) == 1 for who in ("ann", "bob", "cy", "di"))
    assert next(s for s in sources if s.relative_path == "ann/talks/1.mpg").transcript == "Hello there"
    assert all(source.cut == "at_shots" for source in sources)


def test_folder_obeys_splits_csv(tree: Tree) -> None:
    tree.video("a, b/1.mpg", "2.mpg", "3.mpg", "4.mpg", "5.mpg")
    tree.text(
        "splits.csv",
        'path,split,speaker\n"a, b/1.mpg",train,ann\n./2.mpg,TEST,\n3.mpg,dev,\n../x.mpg,val,\n/etc/x,val,\n'
        "gone.mpg,val,\n4.mpg,val,\n4.mpg,test,\n",
    )
    sources, problems = listed("folder", tree.root)
    assert {(s.relative_path, s.split, s.speaker) for s in sources} == {
        ("a, b/1.mpg", "train", "ann"),
        ("2.mpg", "test", None),
        ("4.mpg", "val", None),
    }
    assert problems == {
        "3.mpg": "unknown_split",
        "4.mpg": "in_two_lists",
        "5.mpg": "not_in_lists",
        "../x.mpg": "path_outside",
        "/etc/x": "path_outside",
        "gone.mpg": "listed_but_missing",
    }


def test_splits_csv_may_list_stretches_of_a_video(tree: Tree) -> None:
    tree.video("1.mpg", "2.mpg", "3.mpg", "4.mpg", "5.mpg")
    tree.text(
        "splits.csv",
        "path,split,start_s,end_s\n1.mpg,val,8,10.5\n1.mpg,train,,8\n2.mpg,train,,\n2.mpg,val,1,2\n"
        "3.mpg,train,0,4\n3.mpg,test,3.9,5\n4.mpg,train,5,5\n5.mpg,val,x,nan\n",
    )
    sources, problems = listed("folder", tree.root)
    assert [(s.relative_path, s.split, s.segment, s.segment_number) for s in sources] == [
        ("1.mpg", "train", (0.0, 8.0), 0),
        ("1.mpg", "val", (8.0, 10.5), 1),
        ("2.mpg", "train", None, None),
        ("3.mpg", "train", (0.0, 4.0), 0),
    ]
    assert problems == {
        "2.mpg": "in_two_lists", "3.mpg": "in_two_lists", "4.mpg": "bad_times", "5.mpg": "bad_times",
    }  # fmt: skip


def test_splits_csv_names_files_in_either_normal_form_and_in_any_bytes(tree: Tree) -> None:
    composed, apart = "Zo\u00eb/caf\u00e9.mpg", "Zoe\u0308/no\u0308.mpg"
    tree.video(composed, apart, "plain\x1b[2J.mpg", os.fsdecode(b"\xff.mpg"), "3.mpg")
    tree.text(f"{composed[:-4]}.txt".replace("\u00e9", "e\u0301"), "un caf\u00e9")
    listing = [
        "path,split,speaker", "Zoe\u0308/cafe\u0301.mpg,train,", "Zo\u00eb/n\u00f6.mpg,val,", "plain\x1b[2J.mpg,val,e\u0301\x1b",
        "3.mpg,test,", "gone\x1b.mpg,val,", "/outside\n.mpg,val,",
    ]  # fmt: skip
    listing[-1] = '"/outside\n.mpg",val,'
    data = "\n".join(listing).encode() + b"\n\xff.mpg,test,\n"
    (tree.root / "splits.csv").write_bytes(data)
    found = enumerate_sources("folder", tree.root)
    sources = {
        s.relative_path: (s.split, s.speaker, s.transcript) for s in found if isinstance(s, SourceClip)
    }
    assert sources == {
        composed: ("train", "Zo\u00eb", "un caf\u00e9"),
        apart: ("val", "Zo\u00eb", None),
        r"plain\x1b[2J.mpg": ("val", r"\u00e9\x1b".replace(r"\u00e9", "\u00e9"), None),
        r"\xff.mpg": ("test", None, None),
        "3.mpg": ("test", None, None),
    }
    problems = {p.relative_path: p.reason for p in found if isinstance(p, LayoutProblem)}
    assert problems == {r"gone\x1b.mpg": "listed_but_missing", r"/outside\x0a.mpg": "path_outside"}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "cp1252"])
def test_lists_in_other_encodings(tree: Tree, encoding: str) -> None:
    tree.video("s1/caf\u00e9.mp4", "s2/b.mp4")
    table = "path,split,speaker\ns1/caf\u00e9.mp4,test,Zo\u00eb\ns2/b.mp4,train,\n"
    (tree.root / "splits.csv").write_bytes(table.encode(encoding))
    (tree.root / "s2/b.txt").write_bytes("un caf\u00e9".encode(encoding))
    sources, problems = listed("folder", tree.root)
    assert not problems
    assert [(s.split, s.speaker, s.transcript) for s in sources] == [
        ("test", "Zo\u00eb", None), ("train", "s2", "un caf\u00e9"),
    ]  # fmt: skip


@pytest.mark.parametrize("layout", ["lrs2", "hdtf"])
def test_annotations_in_utf_16(tree: Tree, layout: str) -> None:
    if layout == "lrs2":
        tree.video("mvlrs_v1/main/1/00001.mp4")
        (tree.root / "test.txt").write_bytes("1/00001 NF\n".encode("utf-16"))
    else:
        tree.video("Radio11.mp4")
        (tree.root / "RD_annotion_time.txt").write_bytes("Radio11.mp4 00:00-00:01\n".encode("utf-16"))
    sources, problems = listed(layout, tree.root)
    assert (len(sources), problems) == (1, {})


SUFFIXES = [
    "ogv",
    "mxf",
    "m2v",
    "vob",
    "asf",
    "f4v",
    "3g2",
    "ts",
    "mts",
    "wmv",
    "flv",
    "divx",
    "dv",
    "rm",
    "nut",
    "OGV",
]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_container_is_listed(tree: Tree, suffix: str) -> None:
    tree.video(f"s1/a.{suffix}")
    sources, problems = listed("folder", tree.root)
    assert ([s.relative_path for s in sources], problems) == ([f"s1/a.{suffix}"], {})


def test_a_listed_file_that_no_video_is_named_like(tree: Tree) -> None:
    tree.video("a.mp4", "b.bin", "c.txt")
    tree.text("splits.csv", "path,split\na.mp4,train\nb.bin,test\nc.txt,test\nd.bin,val\n")
    sources, problems = listed("folder", tree.root)
    assert [s.relative_path for s in sources] == ["a.mp4"]
    assert problems == {
        "b.bin": "not_a_video_name",
        "c.txt": "not_a_video_name",
        "d.bin": "listed_but_missing",
    }


def test_splits_csv_without_its_columns(tree: Tree) -> None:
    tree.video("1.mpg")
    tree.text("splits.csv", "file;set\n1.mpg;train\n")
    with pytest.raises(LayoutError, match="columns path and split"):
        enumerate_sources("folder", tree.root)


def test_files_that_cannot_be_read_are_problems(tree: Tree) -> None:
    tree.video("a/1.mpg", "a/2.mpg")
    (tree.root / "a" / "loop").symlink_to(tree.root)
    (tree.root / "a" / "3.mpg").symlink_to(tree.root / "nothing.mpg")
    found = enumerate_sources("folder", tree.root)
    assert {item.relative_path: getattr(item, "reason", "ok") for item in found} == {
        "a/1.mpg": "ok",
        "a/2.mpg": "ok",
        "a/3.mpg": "dangling_link",
        "a/loop": "folder_again",
    }


def test_equal_base_names_are_different_clips(tree: Tree) -> None:
    tree.video("a/1.mpg", "b/1.mpg", "b/1.mp4")
    assert len({s.relative_path for s in listed("folder", tree.root)[0]}) == 3


@pytest.mark.parametrize(
    ("layout", "names", "words"),
    [
        ("lrw", ["s1/bbaf2n.mpg"], ["not laid out as lrw", "s1/bbaf2n.mpg", "looks like layout grid"]),
        (
            "grid",
            ["x.mp4", "y.mp4"],
            ["not laid out as grid", "x.mp4 and 1 more", "looks like layout folder"],
        ),
        ("lrs2", ["lipread_mp4/ABOUT/train/ABOUT_00001.mp4"], ["looks like layout lrw"]),
        ("hdtf", ["s1/bbaf2n.mpg"], ["not laid out as hdtf", "looks like layout grid"]),
        ("folder", [], ["no video in it"]),
    ],
)
def test_a_layout_that_does_not_fit(tree: Tree, layout: str, names: list[str], words: list[str]) -> None:
    tree.text("readme.txt", "hello")
    tree.video(*names)
    with pytest.raises(LayoutError) as caught:
        enumerate_sources(layout, tree.root)
    message = str(caught.value)
    assert str(tree.root) in message
    assert "\n" not in message
    assert all(word in message for word in words), message


def test_roots_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="no such folder"):
        enumerate_sources("grid", tmp_path / "none")
    (tmp_path / "file").write_text("x")
    with pytest.raises(LayoutError, match="not a folder"):
        enumerate_sources("grid", tmp_path / "file")
    with pytest.raises(LayoutError, match="one of lrw, lrs2, hdtf, grid, folder"):
        reads("imagenet")


def test_options_say_what_is_right() -> None:
    with pytest.raises(LayoutError, match="did you mean 'use_pretrain'"):
        layout_options({"use_pretrained": True})
    with pytest.raises(LayoutError, match="one of auto, speaker, video"):
        layout_options({"split_by": "gender"})
    with pytest.raises(LayoutError, match="sum below 1"):
        layout_options({"val_share": 0.6, "test_share": 0.6})


def test_drawn_splits_are_stable_and_never_empty() -> None:
    names = [f"clip{k}" for k in range(500)]
    splits = draw_splits(names, LayoutOptions())
    shares = Counter(splits.values())
    assert 30 < shares["val"] < 75
    assert 30 < shares["test"] < 75
    more = draw_splits([*names, "new"], LayoutOptions())
    assert all(more[name] == splits[name] for name in names)
    for num in range(3, 12):
        assert set(draw_splits(names[:num], LayoutOptions()).values()) == {"train", "val", "test"}


@pytest.mark.parametrize(
    ("paths", "likely"),
    [
        (["notes.txt"], None),
        (["x/y.mp4", "s1/bbaf2n.mpg", "s1/bbaf3s.mpg"], "grid"),
        (["Radio11.mp4", "RD_annotion_time.txt"], "hdtf"),
        (["x.mp4", "y.mp4"], "folder"),
    ],
)
def test_likely_layout(paths: list[str], likely: str | None) -> None:
    assert likely_layout(paths) == likely


@pytest.mark.parametrize("name", LAYOUTS)
def test_each_layout_defines_what_the_registry_calls(name: str) -> None:
    layout = layout_named(name)
    assert layout.EXPECTED
    assert layout.reads("a/b.mp4")
    assert not layout.fits("a/b.jpg")
