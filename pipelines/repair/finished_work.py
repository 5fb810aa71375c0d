"""Work that a run finished but did not record, as it was killed or failed before its ledger row: it is kept.

A bucket file is finished work where ``written.jsonl`` beside it names its digest, a shard where its index does, a video
where ``index.jsonl`` does. Anything else that differs from its record was damaged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from assets.project.home import Home
from assets.shards.write_shards import index_path
from assets.store.bucket_files import written_since
from assets.store.file_digests import FileDigests
from assets.store.file_records import RecordedFile
from pipelines.lineage.ledger_graph import Row


class FinishedWork:
    """Of one partition.

    Args:
        row: latest ledger row of the partition.
        files: those that it recorded, by path.
        digests: of the home's files.
    """

    def __init__(self, home: Home, row: Row, files: Mapping[str, RecordedFile], digests: FileDigests) -> None:
        self.home = home
        self.row = row
        self.files = files
        self.digests = digests

    def holds(self, path: str, sha256: str) -> bool:
        """Whether a file with these bytes is finished work.

        Args:
            path: relative to the home.
        """
        file = self.home.root / path
        if self.row["asset"] == "shards":
            return self._is_written_shard(file)
        if self.row["asset"] == "renders":
            is_index = file.suffix == ".jsonl"
            return (path, sha256) in self._videos or (is_index and self._lists_new_videos())
        return (file.name, sha256) in self._buckets and file.parent == self._folder

    @property
    def _folder(self) -> Path:
        return self.home.stage(self.row["asset"], self.row["dataset"])

    @cached_property
    def _buckets(self) -> set[tuple[str, str]]:
        return written_since(self._folder)

    def _is_written_shard(self, file: Path) -> bool:
        """Whether a tar is the one that its index describes, or an index that of its tar, and both differ from the record."""
        shard = file.with_name(file.name.removesuffix(".index.json")).with_suffix(".tar")
        if not file.name.endswith((".tar", ".index.json")):
            return False
        try:
            index = json.loads(index_path(shard).read_text(encoding="utf-8"))
            described = str(index["sha256"])
        except (OSError, ValueError, KeyError, TypeError):
            return False
        name = shard.relative_to(self.home.root).as_posix()
        return self.digests.of(name) == described and (name, described) not in self._recorded

    @cached_property
    def _recorded(self) -> set[tuple[str, str | None]]:
        return {(path, file.sha256) for path, file in self.files.items()}

    def _lists_new_videos(self) -> bool:
        """Whether the index of the videos names one that is there and was not recorded."""
        return any(self.digests.of(path) == sha256 for path, sha256 in self._videos - self._recorded)

    @cached_property
    def _videos(self) -> set[tuple[str, str]]:
        from assets.renders.render import INDEX_NAME  # loads PyAV, which a run with nothing to do does not

        folder = self.home.renders(self.row["dataset"], self.row["method"])
        found = set()
        try:
            lines = (folder / INDEX_NAME).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return set()
        for line in lines:
            try:
                video = json.loads(line)
                path = (folder / str(video["path"])).relative_to(self.home.root).as_posix()
                found.add((path, str(video["sha256"])))
            except (ValueError, KeyError, TypeError):
                continue
        return found
