"""The shard reader: clips as they were written, and an error for everything that contradicts the manifest."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import shutil
import sys
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cals_models.shards.shard_format import ShardError, clip_key, manifest_digest
from cals_models.shards.shard_set import ShardSet
from tests.support.shard_sets import make_shard_set, pattern_frames


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("set")
    make_shard_set(folder)
    return folder / "shards"


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "shards"))


def test_a_clip_comes_back_as_it_was_written(made: Path) -> None:
    shards = ShardSet(made)
    clips = {clip.clip_id: clip for clip in shards.clips("train")}
    clip = clips["made/train/clip003"]
    assert (clip.num_frames, clip.key) == (25, clip_key("made/train/clip003"))
    assert clip.mel.shape == (80, 100) and clip.mel.dtype == np.float32
    assert clip.landmarks.shape == (25, 68, 2) and clip.landmarks.dtype == np.float32
    assert clip.valid.shape == (25,) and clip.valid.all()
    assert shards.clip_lengths("train").tolist() == [clip.num_frames for clip in shards.clips("train")]
    rng = np.random.default_rng(3)
    np.testing.assert_array_equal(clip.landmarks, rng.uniform(0, 128, (25, 68, 2)).astype(np.float32))
    assert clip.audio().shape == (25 * 640,) and clip.audio().dtype == np.int16
    frames = clip.frames([7, 0, 24])
    assert frames.shape == (3, 128, 128, 3) and frames.dtype == np.uint8
    error = frames.astype(float) - pattern_frames(3, 25)[[7, 0, 24]]
    assert np.abs(error).mean() < 2.0


def test_threads_decode_the_same_frames(made: Path) -> None:
    clip = next(ShardSet(made).clips("val"))
    with ThreadPoolExecutor(2) as threads:
        np.testing.assert_array_equal(clip.frames(range(25), executor=threads), clip.frames(range(25)))


def test_a_frame_outside_the_clip_is_an_error(made: Path) -> None:
    clip = next(ShardSet(made).clips("val"))
    with pytest.raises(IndexError, match="25"):
        clip.frames([25])
    with pytest.raises(IndexError):
        clip.frames([-1])


def test_order_follows_seed_and_epoch_across_shards(made: Path) -> None:
    shards = ShardSet(made)
    stored = [clip.clip_id for clip in shards.clips("train")]
    first = [clip.clip_id for clip in shards.clips("train", seed=1)]
    assert first == [clip.clip_id for clip in shards.clips("train", seed=1)]
    others = {
        tuple(clip.clip_id for clip in shards.clips("train", seed=1, epoch=epoch)) for epoch in range(5)
    }
    assert len(others) > 2
    assert sorted(first) == sorted(stored) and len(set(stored)) == 6


def test_shards_that_are_replaced_in_use_keep_their_content(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shards = ShardSet(copied)
    clips = shards.clips("train")
    first = next(clips)
    for path in copied.glob("train-*.tar"):
        path.with_suffix(".new").write_bytes(b"other content")
        path.with_suffix(".new").replace(path)
    assert first.clip_id not in [clip.clip_id for clip in clips]
    assert len(list(pickle.loads(pickle.dumps(ShardSet(copied))).shards)) == 3
    with pytest.raises(ShardError, match="replaced while it was in use"):
        list(pickle.loads(pickle.dumps(shards)).clips("train"))


def test_few_files_stay_open(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cals_models.shards.shard_set.MAX_OPEN_FILES", 1)
    shards = ShardSet(made)
    assert len({clip.clip_id for clip in shards.clips("train", seed=0)}) == 6
    assert len(shards._files) == 1


def test_webdataset_reads_the_same_samples(made: Path) -> None:
    import webdataset

    paths = [str(path) for path in sorted(made.glob("train-*.tar"))]
    samples = list(webdataset.WebDataset(paths, shardshuffle=False, empty_check=False))
    assert [sample["__key__"] for sample in samples] == [clip.key for clip in ShardSet(made).clips("train")]
    assert set(samples[0]) >= {"flac", "json", "landmarks.npy", "mel.npy", "mjpeg"}


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1024])


def _flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("damage", "message"),
    [(_truncate, "bytes; the manifest says"), (_flip_a_bit, "sha256"), (Path.unlink, "cannot be read")],
)
def test_damage_is_found_before_a_clip_is_read(
    copied: Path, damage: Callable[[Path], None], message: str
) -> None:
    shard = next(copied.glob("train-*.tar"))
    damage(shard)
    with pytest.raises(ShardError, match=message) as error:
        list(ShardSet(copied).clips("train"))
    assert shard.name in str(error.value) and "materialise" in str(error.value)
    with pytest.raises(ShardError):
        list(ShardSet(copied).clips("train"))
    list(ShardSet(copied).clips("val"))


def _set_with(folder: Path, names: list[tuple[str, bytes, bytes]], tail: bytes = b"") -> ShardSet:
    """A shard set with one tar of the given members (name, content, tar type) and a manifest that fits it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content, kind in names:
            member = tarfile.TarInfo(name)
            member.size, member.type = len(content), kind
            tar.addfile(member, io.BytesIO(content))
    data = buffer.getvalue() + tail
    (folder / "train-00000.tar").write_bytes(data)
    row = {"path": "train-00000.tar", "num_clips": 1, "num_frames": 1, "bytes": len(data)}
    row["sha256"] = hashlib.sha256(data).hexdigest()
    _write_manifest(folder, {"train": {"num_clips": 1, "num_frames": 1, "shards": [row]}})
    return ShardSet(folder)


def _write_manifest(folder: Path, splits: dict[str, dict[str, object]]) -> None:
    pairs = [(row["path"], row["sha256"]) for split in splits.values() for row in split["shards"]]  # type: ignore[attr-defined]
    manifest = {"format": 1, "dataset": "made", "digest": manifest_digest(pairs), "splits": splits}
    (folder / "manifest.json").write_text(json.dumps(manifest))


KEY = clip_key("x")
GOOD = [
    (f"{KEY}.{name}", b"{}", tarfile.REGTYPE)
    for name in ("flac", "json", "landmarks.npy", "mel.npy", "mjpeg")
]


@pytest.mark.parametrize(
    "names",
    [
        [("../../escape.json", b"", tarfile.REGTYPE)],
        [("/etc/passwd", b"", tarfile.REGTYPE)],
        [(f"{KEY}.pyd", b"", tarfile.REGTYPE)],
        [(f"{KEY}.flac", b"", tarfile.SYMTYPE)],
        [GOOD[1], GOOD[0], *GOOD[2:]],
        [*GOOD[:4], (f"{clip_key('y')}.mjpeg", b"", tarfile.REGTYPE)],
        GOOD[:4],
        [*GOOD, *GOOD],
        [("\xe9.json", b"", tarfile.REGTYPE)],
    ],
)
def test_unexpected_members_are_rejected(tmp_path: Path, names: list[tuple[str, bytes, bytes]]) -> None:
    with pytest.raises(ShardError, match="train-00000"):
        list(_set_with(tmp_path, names).clips("train"))


@pytest.mark.timeout(30)
@pytest.mark.parametrize("size", [-1, -512, -1024, -(1 << 40), 1 << 40, 1 << 62])
def test_a_member_of_impossible_size_is_rejected_at_once(tmp_path: Path, size: int) -> None:
    """A negative one would lead the walk back to headers that it has read already, without an end."""
    header = tarfile.TarInfo(f"{KEY}.flac")
    header.size = size
    data = header.tobuf(tarfile.GNU_FORMAT) + bytes(2048)
    (tmp_path / "train-00000.tar").write_bytes(data)
    row = {"path": "train-00000.tar", "num_clips": 1, "num_frames": 1, "bytes": len(data)}
    row["sha256"] = hashlib.sha256(data).hexdigest()
    _write_manifest(tmp_path, {"train": {"num_clips": 1, "num_frames": 1, "shards": [row]}})
    with pytest.raises(ShardError, match=r"gives member .* bytes|ends within member"):
        list(ShardSet(tmp_path).clips("train"))


def test_a_clip_whose_json_contradicts_it_is_rejected(tmp_path: Path) -> None:
    def members(**change: object) -> list[tuple[str, bytes, bytes]]:
        meta = {"clip_id": "x", "num_frames": 1, "jpeg_offsets": [0, 2], "valid": "1"} | change
        return [GOOD[0], (f"{KEY}.json", json.dumps(meta).encode(), tarfile.REGTYPE), *GOOD[2:]]

    clip = next(_set_with(tmp_path, members()).clips("train"))
    with pytest.raises(ShardError, match=r"mel.npy does not load"):
        _ = clip.mel
    with pytest.raises(ShardError, match="not a good JPEG"):
        clip.frames([0])
    for change in (
        {"clip_id": "y"},
        {"num_frames": 2},
        {"jpeg_offsets": [0, 3]},
        {"valid": "10"},
        {"num_frames": 0},
    ):
        with pytest.raises(ShardError):
            next(_set_with(tmp_path, members(**change)).clips("train"))


def test_a_pickled_array_is_rejected(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{}], dtype=object), allow_pickle=True)
    meta = {"clip_id": "x", "num_frames": 1, "jpeg_offsets": [0, 2], "valid": "1"}
    names = [
        GOOD[0],
        (f"{KEY}.json", json.dumps(meta).encode(), tarfile.REGTYPE),
        GOOD[2],
        (f"{KEY}.mel.npy", buffer.getvalue(), tarfile.REGTYPE),
        GOOD[4],
    ]
    with pytest.raises(ShardError, match=r"mel\.npy"):
        _ = next(_set_with(tmp_path, names).clips("train")).mel


@pytest.mark.parametrize(
    "path", ["../train-00000.tar", "/train-00000.tar", "val-00000.tar", "train-0.tar", "x.tar"]
)
def test_a_manifest_cannot_point_elsewhere(tmp_path: Path, path: str) -> None:
    row = {"path": path, "num_clips": 1, "num_frames": 1, "bytes": 1, "sha256": "0" * 64}
    _write_manifest(tmp_path, {"train": {"num_clips": 1, "num_frames": 1, "shards": [row]}})
    with pytest.raises(ShardError, match="train"):
        ShardSet(tmp_path)


def test_a_bad_manifest_gets_one_clear_line(tmp_path: Path, copied: Path) -> None:
    with pytest.raises(ShardError, match=r"no manifest.json there"):
        ShardSet(tmp_path / "nowhere")
    path = copied / "manifest.json"
    good = json.loads(path.read_text())
    for text in (
        "{",
        "[]",
        "{}",
        json.dumps(good | {"digest": "0"}),
        json.dumps(good | {"splits": {"train": {}}}),
    ):
        path.write_text(text)
        with pytest.raises(ShardError, match=r"manifest.json"):
            ShardSet(copied)
    with pytest.raises(ShardError, match="no split 'dev'"):
        path.write_text(json.dumps(good))
        list(ShardSet(copied).clips("dev"))


def test_without_libraries_a_clip_reads_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has no JPEG and no FLAC library: same pixels, same samples, frames kept in a folder if one is named."""
    from cals_models.codecs.kept_frames import FOLDER_VARIABLE
    from tests.cals_models.training.talking_shards import write_talking_shards

    folder = write_talking_shards(
        tmp_path / "shards", num_clips={"train": 1, "val": 1, "test": 1}, num_frames=12
    )
    clip = next(ShardSet(folder).clips("train"))
    indices = [7, 0, 7, 11]
    frames, audio = clip.frames(indices), clip.audio()
    for name in ("simplejpeg", "soundfile"):
        monkeypatch.setitem(sys.modules, name, None)
    assert np.array_equal(clip.frames(indices), frames) and np.array_equal(clip.audio(), audio)
    with pytest.raises(IndexError, match="frame 12 asked for"):
        clip.frames([12])
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "kept"))
    for _ in range(2):
        assert np.array_equal(clip.frames(indices), frames)
    (kept,) = (tmp_path / "kept").iterdir()
    assert np.load(kept).shape == (12, 128, 128, 3)
