"""Reading shard sets. A tar file is verified against its manifest before any byte of it is used.

Clips are read by byte offset, so that an epoch is a permutation of all clips, not only of those of one shard. The
format is described in `shard_format.py`.
"""

import hashlib
import os
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cals_models.shards.shard_clip import ShardClip
from cals_models.shards.shard_format import (
    MANIFEST_NAME,
    MEMBERS,
    NUM_MELS,
    ShardError,
    ShardFile,
    read_manifest,
)
from cals_models.timebase import MELS_PER_FRAME

_MEMBER_NAME = re.compile(rf"([0-9a-f]{{16}})\.({'|'.join(re.escape(name) for name in MEMBERS)})")
MEL_BYTES_PER_FRAME = 2 * NUM_MELS * MELS_PER_FRAME
"""float16. The array's header is shorter than one frame, so the size of a mel file gives its number of frames."""
_BLOCK = tarfile.BLOCKSIZE
_END_OF_TAR = bytes(2 * _BLOCK)
MAX_OPEN_FILES = 256


@dataclass(frozen=True, kw_only=True)
class _ShardIndex:
    """Byte ranges of the members of one shard's clips: int64 (clips, 5, 2), (start, size)."""

    keys: list[str]
    extents: npt.NDArray[np.int64]


class ShardSet:
    """The shards of one dataset, as their manifest lists them.

    Size and sha256 of a shard file are verified once, before its first clip is read.

    Args:
        folder: holds `manifest.json` and the tars.
        check_digests: False checks sizes alone, for processes beside one that verifies the same files.

    Attributes:
        dataset, digest: its name, and the version of the data.
        shards: split -> its tars.
        crop_px: side of the crops, pixels.

    Raises:
        ShardError: no readable manifest there, or one that contradicts itself. Reading a clip raises it where a shard is
            missing, of another size or of other content; it names the file and the remedy.
    """

    def __init__(self, folder: Path, *, check_digests: bool = True) -> None:
        self.folder = Path(folder)
        self.check_digests = check_digests
        manifest = read_manifest(self.folder / MANIFEST_NAME)
        self.dataset, self.digest, self.shards = manifest.dataset, manifest.digest, manifest.splits
        self.crop_px = manifest.crop_px
        self._verified: dict[str, tuple[int, int, int]] = {}
        self._indices: dict[str, _ShardIndex] = {}
        self._places_of: dict[str, npt.NDArray[np.int32]] = {}
        self._files: dict[str, BufferedReader] = {}

    def num_clips(self, split: str) -> int:
        """Clips of a split, by the manifest."""
        return sum(shard.num_clips for shard in self._split(split))

    def num_frames(self, split: str) -> int:
        """Video frames of a split, by the manifest."""
        return sum(shard.num_frames for shard in self._split(split))

    def clip_lengths(self, split: str) -> npt.NDArray[np.int64]:
        """Video frames of each clip in the stored order, int64 (N,), from the size of its mel; reads no clip.

        Raises:
            ShardError: see `ShardSet`.
        """
        mel_bytes = [
            self._index(shard).extents[:, MEMBERS.index("mel.npy"), 1] for shard in self._split(split)
        ]
        return np.concatenate([np.empty(0, np.int64), *mel_bytes]) // MEL_BYTES_PER_FRAME

    def clips(self, split: str, *, seed: int | None = None, epoch: int = 0) -> Iterator[ShardClip]:
        """All clips of a split once, each read when it is taken.

        Args:
            split: train, val or test.
            seed: with the epoch decides the order of the clips over all shards; None keeps the stored order.
            epoch: number of the pass over the split.

        Raises:
            ShardError: see `ShardSet`; also for members that a shard must not hold.
        """
        shards, places = self._places(split)
        if seed is not None:
            places = places[np.random.default_rng([seed, epoch]).permutation(len(places))]
        for number, row in places.tolist():
            yield self._read(shards[number], row)

    def clip(self, split: str, number: int) -> ShardClip:
        """The clip of a number, from 0 in the stored order.

        Raises:
            ShardError: see `ShardSet`; also for members that a shard must not hold.
            IndexError: the split has no such clip.
        """
        shards, places = self._places(split)
        shard, row = places[number].tolist()
        return self._read(shards[shard], row)

    def _split(self, split: str) -> list[ShardFile]:
        if split not in self.shards:
            raise ShardError(f"{self.folder}: no split {split!r}; there are {', '.join(self.shards)}")
        return self.shards[split]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_files": {}}

    def _places(self, split: str) -> tuple[list[ShardFile], npt.NDArray[np.int32]]:
        """The shards of a split, and for each clip the shard's number and its row there, int32 (N, 2)."""
        shards = self._split(split)
        if split not in self._places_of:
            rows = [np.arange(len(self._index(shard).keys), dtype=np.int32) for shard in shards]
            places = [np.stack([np.full_like(row, number), row], axis=1) for number, row in enumerate(rows)]
            self._places_of[split] = np.concatenate([np.empty((0, 2), np.int32), *places])
        return shards, self._places_of[split]

    def _file(self, shard: ShardFile) -> BufferedReader:
        """The shard's file, open and verified. If it is replaced later, the open file keeps its content."""
        file = self._files.get(shard.path)
        if file is None:
            path = self.folder / shard.path
            try:
                file = path.open("rb")
                self._check(shard, file)
            except OSError as error:
                raise _damaged(path, f"cannot be read ({error.strerror})") from error
            while len(self._files) >= MAX_OPEN_FILES:
                self._files.pop(next(iter(self._files)))
            self._files[shard.path] = file
        return file

    def _check(self, shard: ShardFile, file: BufferedReader) -> None:
        path, status = self.folder / shard.path, os.fstat(file.fileno())
        identity = (status.st_ino, status.st_size, status.st_mtime_ns)
        known = self._verified.get(shard.path, identity)
        if known != identity:
            raise ShardError(f"{path}: was replaced while it was in use; start again with the new shards")
        if shard.path in self._verified:
            return
        if status.st_size != shard.num_bytes:
            raise _damaged(path, f"has {status.st_size:,} bytes; the manifest says {shard.num_bytes:,}")
        if self.check_digests:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            if sha256 != shard.sha256:
                raise _damaged(path, f"has sha256 {sha256[:12]}...; the manifest says {shard.sha256[:12]}...")
        self._verified[shard.path] = identity

    def _index(self, shard: ShardFile) -> _ShardIndex:
        if shard.path not in self._indices:
            path = self.folder / shard.path
            index = _index_tar(self._file(shard), path)
            if len(index.keys) != shard.num_clips:
                raise _damaged(path, f"holds {len(index.keys)} clips; the manifest says {shard.num_clips}")
            self._indices[shard.path] = index
        return self._indices[shard.path]

    def _read(self, shard: ShardFile, row: int) -> ShardClip:
        path, index, file = self.folder / shard.path, self._index(shard), self._file(shard)
        extents = index.extents[row]
        start, end = int(extents[0, 0]), int(extents[-1].sum())
        data = memoryview(os.pread(file.fileno(), end - start, start))
        if len(data) != end - start:
            raise _damaged(path, "became shorter while it was read")
        members = {
            name: data[first - start : first - start + size]
            for name, (first, size) in zip(MEMBERS, extents.tolist(), strict=True)
        }
        return ShardClip.from_members(index.keys[row], members, f"{path}:{index.keys[row]}", self.crop_px)


def _damaged(path: Path, what: str) -> ShardError:
    return ShardError(f"{path}: {what}; delete the file and materialise the shards of this dataset again")


def _index_tar(file: BufferedReader, path: Path) -> _ShardIndex:
    """Walks a tar's headers: only plain files KEY.<known extension>, five a clip, in the fixed order."""
    keys: list[str] = []
    extents: list[tuple[int, int]] = []
    descriptor, position = file.fileno(), 0
    num_bytes = os.fstat(descriptor).st_size
    while True:
        header = os.pread(descriptor, _BLOCK, position)
        if not any(header):
            break
        try:
            member = tarfile.TarInfo.frombuf(header, "ascii", "strict")
        except (tarfile.HeaderError, UnicodeError) as error:
            raise _damaged(path, f"is no good tar at byte {position:,} ({error})") from error
        name = _MEMBER_NAME.fullmatch(member.name)
        if name is None or not member.isreg() or name[2] != MEMBERS[len(extents) % len(MEMBERS)]:
            raise _damaged(path, f"holds an unexpected member {member.name!r} at byte {position:,}")
        if member.size < 0:  # the walk would turn back, and never end
            raise _damaged(path, f"gives member {member.name} {member.size:,} bytes")
        if len(extents) % len(MEMBERS) == 0:
            keys.append(name[1])
        elif name[1] != keys[-1]:
            raise _damaged(path, f"mixes clips {keys[-1]} and {name[1]}")
        extents.append((position + _BLOCK, member.size))
        position += _BLOCK + -(-member.size // _BLOCK) * _BLOCK
        if position > num_bytes:
            raise _damaged(path, f"ends within member {member.name}")
    if os.pread(descriptor, len(_END_OF_TAR), position) != _END_OF_TAR:
        raise _damaged(path, "lacks the end mark of a tar")
    if len(extents) != len(keys) * len(MEMBERS) or len(set(keys)) != len(keys):
        raise _damaged(path, "holds a clip twice or without all of its members")
    return _ShardIndex(keys=keys, extents=np.array(extents, np.int64).reshape(-1, len(MEMBERS), 2))
