"""Scanning: hostile trees, the cache, the digest."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.raw_videos import scan as scan_module
from assets.raw_videos.scan import Scan, scan
from assets.raw_videos.walk import as_shown, local_path, path_from_text, path_to_text
from cals_models.terminal.printable import is_unprintable

OLD_NS = 1_600_000_000_000_000_000
ODD_NAMES = [
    b"a b.mp4",
    b'it\'s "so".mp4',
    b"line\nbreak.mp4",
    "👄.mp4".encode(),
    b"y" * 251 + b".mp4",
    b"\xff\\x.mp4",
]


def everything(_: str) -> bool:
    return True


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
        os.utime(path, ns=(OLD_NS, OLD_NS))


def problems(found: Scan) -> dict[str, str]:
    return {row["relative_path"]: row["problem"] for row in found.table.to_pylist() if row["problem"]}


def test_every_file_is_hashed(tmp_path: Path) -> None:
    make(tmp_path, "b/2.mp4", "a/1.mp4", "a/1.txt")
    found = scan(tmp_path, everything, None)
    assert found.table.column("relative_path").to_pylist() == ["a/1.mp4", "a/1.txt", "b/2.mp4"]
    assert found.table.column("sha256").to_pylist()[0] == hashlib.sha256(b"a/1.mp4").hexdigest()
    assert found.num_hashed == 3


def test_only_what_the_layout_reads(tmp_path: Path) -> None:
    make(tmp_path, "1.mp4", "2.doc")
    found = scan(tmp_path, lambda path: path.endswith(".mp4"), None)
    assert found.table.num_rows == 1


def test_a_second_scan_reads_nothing_and_a_change_reads_one(tmp_path: Path) -> None:
    root, cache = tmp_path / "data", tmp_path / "cache" / "scan.parquet"
    make(root, "1.mp4", "2.mp4", "3.mp4")
    first = scan(root, everything, cache)
    written = cache.stat().st_mtime_ns
    second = scan(root, everything, cache)
    assert (second.num_hashed, second.digest) == (0, first.digest)
    assert cache.stat().st_mtime_ns == written
    (root / "2.mp4").write_bytes(b"other")
    os.utime(root / "2.mp4", ns=(OLD_NS + 1, OLD_NS + 1))
    third = scan(root, everything, cache)
    assert third.num_hashed == 1
    assert third.digest != first.digest
    (root / "3.mp4").unlink()
    assert scan(root, everything, cache).table.num_rows == 2
    assert pq.read_table(cache).num_rows == 2


def test_touching_or_moving_the_folder_keeps_the_digest(tmp_path: Path) -> None:
    make(tmp_path / "data", "1.mp4", "2.mp4")
    first = scan(tmp_path / "data", everything, None)
    os.utime(tmp_path / "data" / "1.mp4", ns=(OLD_NS + 5, OLD_NS + 5))
    (tmp_path / "data").rename(tmp_path / "moved")
    assert scan(tmp_path / "moved", everything, None).digest == first.digest


def test_a_file_written_just_now_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "1.mp4").write_bytes(b"one")
    cache = tmp_path / "cache.parquet"
    scan(tmp_path, lambda path: path.endswith(".mp4"), cache)
    status = (tmp_path / "1.mp4").stat()
    (tmp_path / "1.mp4").write_bytes(b"two")
    os.utime(tmp_path / "1.mp4", ns=(status.st_atime_ns, status.st_mtime_ns))
    found = scan(tmp_path, lambda path: path.endswith(".mp4"), cache)
    assert found.table.column("sha256").to_pylist() == [hashlib.sha256(b"two").hexdigest()]


def test_a_broken_cache_is_no_cache(tmp_path: Path) -> None:
    make(tmp_path / "data", "1.mp4")
    (tmp_path / "cache.parquet").write_bytes(b"no parquet")
    assert scan(tmp_path / "data", everything, tmp_path / "cache.parquet").num_hashed == 1
    assert scan(tmp_path / "data", everything, tmp_path / "cache.parquet").num_hashed == 0


def test_odd_names_go_there_and_back(tmp_path: Path) -> None:
    for name in ODD_NAMES:
        (tmp_path / os.fsdecode(name)).write_bytes(name)
    found = scan(tmp_path, everything, tmp_path.parent / f"{tmp_path.name}.parquet")
    assert not problems(found)
    paths = found.table.column("relative_path").to_pylist()
    assert "\\xff\\\\x.mp4" in paths
    assert {local_path(tmp_path, path).read_bytes() for path in paths} == set(ODD_NAMES)


@given(st.binary(min_size=1, max_size=30))
def test_any_name_as_text(name: bytes) -> None:
    path = os.fsdecode(name)
    text = path_to_text(path)
    text.encode("utf-8")
    assert path_from_text(text) == path
    assert not any(is_unprintable(letter) for letter in text)


@given(st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=20))
def test_any_unicode_name_as_text(name: str) -> None:
    text = path_to_text(name)
    assert path_from_text(text) == name
    assert not any(is_unprintable(letter) for letter in text)


def test_what_is_typed_for_a_path_is_read_in_either_form() -> None:
    assert as_shown("s1/\udcff.mp4") == as_shown(r"s1/\xff.mp4") == r"s1/\xff.mp4"
    assert as_shown("a\nb") == r"a\x0ab" and as_shown(r"back\\slash") == r"back\\slash"


def test_a_name_commands_no_terminal() -> None:
    name = "a\x1b]0;owned\x07\n\x9b2J\u202egpm.mp4"
    text = r"a\x1b]0;owned\x07\x0a\xc2\x9b2J\xe2\x80\xaegpm.mp4"
    assert path_to_text(name) == text and path_from_text(text) == name


def test_links(tmp_path: Path) -> None:
    make(tmp_path / "data", "a/1.mp4")
    make(tmp_path / "elsewhere", "2.mp4")
    data = tmp_path / "data"
    (data / "a" / "loop").symlink_to(data)
    (data / "again").symlink_to(data / "a")
    (data / "other").symlink_to(tmp_path / "elsewhere")
    (data / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    (data / "self.mp4").symlink_to(data / "self.mp4")
    (data / "linked.mp4").symlink_to(tmp_path / "elsewhere" / "2.mp4")
    found = scan(data, everything, None)
    assert problems(found) == {
        "a/loop": "folder_again",
        "again": "folder_again",
        "gone.mp4": "dangling_link",
        "self.mp4": "link_loop",
    }
    good = [row["relative_path"] for row in found.table.to_pylist() if row["sha256"]]
    assert good == ["a/1.mp4", "linked.mp4", "other/2.mp4"]


def test_pipes_and_closed_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "1.mp4", "closed.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    real_open = open

    def failing(path: object, *args: object, **kwargs: object) -> object:
        if str(path).endswith("closed.mp4"):
            raise PermissionError(13, "Permission denied")
        return real_open(path, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(scan_module, "open", failing, raising=False)
    assert problems(scan(tmp_path, everything, None)) == {
        "closed.mp4": "unreadable",
        "pipe.mp4": "not_a_file",
    }


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads closed folders too")
def test_closed_folders(tmp_path: Path) -> None:
    make(tmp_path, "a/1.mp4", "b/2.mp4")
    (tmp_path / "a").chmod(0)
    try:
        assert problems(scan(tmp_path, everything, None)) == {"a": "unreadable_folder"}
    finally:
        (tmp_path / "a").chmod(0o755)


def test_a_file_that_changes_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "1.mp4", "2.mp4")
    real_read, growing = os.read, tmp_path / "1.mp4"

    def read(descriptor: int, num: int) -> bytes:
        data = real_read(descriptor, num)
        if data.startswith(b"1"):
            with growing.open("ab") as stream:
                stream.write(b"more")
        return data

    monkeypatch.setattr(os, "read", read)
    found = scan(tmp_path, everything, None)
    assert problems(found) == {"1.mp4": "changed_while_read"}
    again = scan(tmp_path, everything, None)
    assert again.table.num_rows == 2


def test_no_such_root(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        scan(tmp_path / "none", everything, None)


def test_deep_trees(tmp_path: Path) -> None:
    path = tmp_path
    for _ in range(200):
        path = path / "d"
    path.mkdir(parents=True)
    (path / "1.mp4").write_bytes(b"1")
    assert scan(tmp_path, everything, None).table.num_rows == 1
