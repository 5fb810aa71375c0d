"""Records of files that commands write or remove: dubs, withdrawals, exports, removals."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from assets.project.home import Home
from assets.store import ledger
from assets.store.file_digests import FileDigests
from assets.store.file_records import Record, RecordedFile, look_at, write_record


def record_command(home: Home, command: str, files: Iterable[RecordedFile]) -> Record:
    """Records files that a command wrote or removed, e.g. ``dub``; the record names the newest rows, as rows do."""
    ordered = tuple(sorted(files, key=lambda file: file.path))
    record = Record(
        record_id=uuid.uuid4().hex,
        recorded_by=command,
        recorded_at=datetime.now(UTC).replace(tzinfo=None),
        heads_json=json.dumps(ledger.tips(home)),
        files=ordered,
    )
    write_record(home, record)
    return record


def record_written(home: Home, command: str, *paths: Path) -> Record:
    """Records files of the home that a command has just written, or removed."""
    names = [path.relative_to(home.root).as_posix() for path in paths]
    there = look_at(FileDigests(root=home.root), names)
    gone = set(names) - {file.path for file in there}
    removed = [RecordedFile(path=name, sha256=None, bytes=None) for name in sorted(gone)]
    return record_command(home, command, [*there, *removed])
