"""Digests of files, with a cache: a file whose size and time are those of the last look is not read again.

Size and time decide only whether a file is read; what it holds is told by its sha256 alone. ``cals doctor --deep`` looks
without the cache.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from assets.project.atomic_files import write_text
from assets.project.home import Home

CACHE_NAME = ".hashed.json"
# A file hashed within this time after it was written may change again under the same time stamp: it is not remembered.
RACY_NS = 2_000_000_000
Known = dict[str, tuple[int, int, str]]


def sha256_of(path: Path | str) -> str:
    """Sha256 of a file's bytes, 64 hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(kw_only=True)
class FileDigests:
    """Digests of a home's files by path relative to it.

    Args:
        root: the home.
        known: path -> bytes, mtime_ns, sha256 of the last look.
        trusts: whether ``known`` may answer for a file of the same size and time.
        num_read: files that were read.
    """

    root: Path
    known: Known = field(default_factory=dict)
    trusts: bool = True
    num_read: int = 0
    _changed: bool = False

    @classmethod
    def open(cls, home: Home, *, trusts: bool = True) -> FileDigests:
        """Reads the cache; one that is missing or not readable is an empty one."""
        try:
            content = json.loads(_cache_path(home).read_text(encoding="utf-8"))
            known = {str(path): (int(size), int(at), str(sha)) for path, (size, at, sha) in content.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            known = {}
        return cls(root=home.root, known=known, trusts=trusts)

    def of(self, path: str) -> str | None:
        """Sha256 of a file; None if it is not there."""
        try:
            found = os.stat(self.root / path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        state = (found.st_size, found.st_mtime_ns)
        last = self.known.get(path)
        if self.trusts and last is not None and last[:2] == state:
            return last[2]
        try:
            sha256 = sha256_of(self.root / path)
        except FileNotFoundError:
            return None
        self.num_read += 1
        if time.time_ns() - state[1] > RACY_NS:
            self.known[path] = (*state, sha256)
            self._changed = True
        return sha256

    def size_of(self, path: str) -> int | None:
        """Bytes of a file; None if it is not there."""
        try:
            return os.stat(self.root / path).st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def forget(self, paths: Iterable[str]) -> None:
        """Drops files from the cache, so that they are read at the next look."""
        for path in paths:
            self._changed |= self.known.pop(path, None) is not None

    def save(self, home: Home) -> None:
        """Writes the cache if anything in it changed; files that are gone are left out."""
        if not self._changed:
            return
        there = {path: state for path, state in sorted(self.known.items()) if (self.root / path).exists()}
        write_text(_cache_path(home), json.dumps(there))
        self._changed = False


def _cache_path(home: Home) -> Path:
    return home.warehouse / CACHE_NAME
